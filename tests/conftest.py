"""What every test may rely on."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# Started in the background, Python ignores Ctrl-C, and so would every command that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What holds a change back must come out again for whoever looks into it, so the tests draw the same examples every
# time. `make fuzz` draws others in every run.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("fuzz", derandomize=False, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
