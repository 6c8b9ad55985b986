"""The rule language: Python's own notation, whitelisted; parsed, checked, evaluated and put into words here.

``parse`` reads text into nodes, ``resolve`` settles what its names mean, ``check_units`` proves that
quantities fit together, ``evaluate`` and ``possible`` compute, ``english`` and ``arithmetic`` put
into words, ``normal`` prepares for the inference engine.
"""
