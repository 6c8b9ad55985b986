"""Checks of a loaded base that take longer than deciding a case: units, sentences, defaults.

A base that passed is remembered by its content hash in the user's cache directory, so that a
command on an unchanged base does not pay for the check again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from engine import __version__
from engine.case import parse_answer
from engine.declarations import RangeOf
from engine.errors import BadInput, Place, Problem, did_you_mean
from engine.knowledge import Knowledge
from engine.language.nodes import Number
from engine.language.parse import ExpressionError
from engine.source import shorten


def require_sound(knowledge: Knowledge) -> None:
    """Refuse a base whose units, sentences or defaults do not fit.

    Raises:
        BadInput: with every problem found.
    """
    if _remembered(knowledge):
        return
    problems = list(unsound(knowledge))
    if problems:
        raise BadInput(problems)
    _remember(knowledge)


def unsound(knowledge: Knowledge) -> Iterator[Problem]:
    """Every problem of units, sentences and defaults, file by file."""
    yield from _units(knowledge)
    yield from _sentences(knowledge)
    yield from _defaults(knowledge)


def _units(knowledge: Knowledge) -> Iterator[Problem]:
    from engine.language.units import Units

    manifest = knowledge.manifest
    units = Units(manifest.base_units, manifest.derived_units)
    declared_wrongly = list(_undefined_units(knowledge, units))
    if declared_wrongly:
        yield from declared_wrongly
        return
    for name, quantity in knowledge.quantities.items():
        try:
            units.check(quantity.formula, knowledge.scope, expects=knowledge.unit(name))
        except ExpressionError as error:
            yield _problem(error, quantity.place, name, quantity.text)
    for table in knowledge.decisions.values():
        for row in table.rows:
            try:
                units.check(row.when, knowledge.scope)
            except ExpressionError as error:
                yield _problem(error, row.when_place, row.id, row.declaration.when)


def _problem(error: ExpressionError, place: Place, owner: str, text: str) -> Problem:
    return Problem(place, f"{error.message}, in `{shorten(text)}`", owner, error.hint, "units")


def _undefined_units(knowledge: Knowledge, units: object) -> Iterator[Problem]:
    documents = knowledge.documents
    for file, section, declared in (
        ("facts.yaml", "facts", {name: fact.unit for name, fact in knowledge.facts.items()}),
        ("costs.yaml", "amounts", {name: amount.unit for name, amount in knowledge.amounts.items()}),
        ("costs.yaml", "figures", {name: figure.unit for name, figure in knowledge.figures.items()}),
    ):
        for name, unit in declared.items():
            if unit is None:
                continue
            try:
                units.parse(unit)  # type: ignore[attr-defined]  # Units, imported lazily
            except ValueError as error:
                place = documents[file].place((section, name, "unit"))
                hint = did_you_mean(unit, knowledge.manifest.base_units)
                yield Problem(place, str(error), name, hint, "units")
    for name, table in knowledge.table_declarations.items():
        for key in ("takes", "gives"):
            try:
                units.parse(getattr(table, key))  # type: ignore[attr-defined]
            except ValueError as error:
                yield Problem(documents["costs.yaml"].place(("tables", name, key)), str(error), name, None, "units")


def _sentences(knowledge: Knowledge) -> Iterator[Problem]:
    from engine.sentences import SentenceError, names_in_sentence

    for table in knowledge.decisions.values():
        for row in table.rows:
            try:
                names = names_in_sentence(row.declaration.because)
            except SentenceError as error:
                message = f"not readable as a sentence ({error})"
                yield Problem(row.because_place, message, row.id, _SENTENCE_HINT, "sentence")
                continue
            for name in sorted(names - knowledge.scope.symbols.keys()):
                hint = did_you_mean(name, knowledge.scope.symbols)
                message = f"`because` names '{name}', which is not declared"
                yield Problem(row.because_place, message, row.id, hint, "unknown-name")


_SENTENCE_HINT = "Write {{ name }} where a value belongs"


def _defaults(knowledge: Knowledge) -> Iterator[Problem]:
    """Constant defaults outside the fact's own bounds, and examples that are no answers."""
    document = knowledge.documents["facts.yaml"]
    for name, fact in knowledge.facts.items():
        low, high = fact.bounds
        for value in _constant_defaults(knowledge, name):
            if not low <= value <= high:
                place = document.place(("facts", name, "default"))
                yield Problem(place, f"the default {value:g} is outside the fact's bounds", name, None, "default")
        if fact.example is not None:
            try:
                parse_answer(fact.example, fact, name)
            except BadInput as error:
                place = document.place(("facts", name, "example"))
                found = error.problems[0]
                yield Problem(place, f"the example is no answer: {found.message}", name, found.hint, "example")


def _constant_defaults(knowledge: Knowledge, name: str) -> list[float]:
    default = knowledge.facts[name].default
    if isinstance(default, RangeOf):
        return [default.low, default.high]
    quantity = knowledge.quantities.get(name)
    return [quantity.formula.value] if quantity and isinstance(quantity.formula, Number) else []


# -- memory of what passed -----------------------------------------------------------------------


def _stamp(knowledge: Knowledge) -> Path | None:
    from platformdirs import user_cache_path

    directory = os.environ.get("BREAKEVEN_CACHE")
    base = Path(directory) if directory else user_cache_path("breakeven")
    as_of = f"-{knowledge.on}" if knowledge.dated else ""
    return base / f"sound-{__version__}-{knowledge.sha256}{as_of}"


def _remembered(knowledge: Knowledge) -> bool:
    try:
        stamp = _stamp(knowledge)
        return stamp is not None and stamp.exists()
    except OSError:
        return False


def _remember(knowledge: Knowledge) -> None:
    try:
        stamp = _stamp(knowledge)
        if stamp is not None:
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.touch()
    except OSError:
        # Without a cache directory the base is simply checked again next time.
        return
