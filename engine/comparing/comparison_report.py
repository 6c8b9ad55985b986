"""A comparison of two knowledge bases as text for people, or as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.case import Case
from engine.case_file import case_to_yaml
from engine.checking.trials import as_example
from engine.comparing.alike import Target
from engine.comparing.comparison import Comparison, Side
from engine.comparing.differences import Change
from engine.comparing.divergence import Differing
from engine.decision import Conclusion
from engine.escape import printable
from engine.json_text import json_document, json_value
from engine.knowledge import Knowledge
from engine.quantities import show
from engine.templating import environment
from engine.wording import label

if TYPE_CHECKING:
    from jinja2 import Template

ComparisonFormat = Literal["text", "json"]
FORMATS: tuple[ComparisonFormat, ...] = ("text", "json")
#: Changes and cases beyond this are counted in the text; JSON has all of them.
MOST_TOLD = 200
#: What a change says is cut here in the text.
_LONGEST = 400


def render_comparison(comparison: Comparison, output_format: str) -> str:
    """The comparison, ending with a newline.

    Raises:
        ValueError: no such format.
    """
    match output_format:
        case "json":
            return json_document(_as_json(comparison))
        case "text":
            return _text(comparison)
    raise ValueError(f"no format {output_format!r}; there are {', '.join(FORMATS)}")


# -- JSON ----------------------------------------------------------------------------------------------


def _as_json(comparison: Comparison) -> dict[str, Any]:
    return {
        "old": _side(comparison.old),
        "new": _side(comparison.new),
        "changes": [_change(one) for one in comparison.changes],
        "differing_cases": [
            {
                "decision": one.target.name,
                "case": _case(one.case),
                "old": json_value(one.old),
                "new": json_value(one.new),
            }
            for one in comparison.differing
        ],
        "proved_same": [{"decision": one.target.name, "proof": one.proof} for one in comparison.same],
        "not_proved": [{"decision": one.target.name, "reason": one.reason} for one in comparison.unproved],
        "only_in_one": list(comparison.only_in_one),
        "no_longer_accepted": [
            {"fact": one.fact, "case": {one.fact: one.value}, "message": one.message} for one in comparison.refusals
        ],
        "cases": _cases(comparison),
    }


def _side(side: Side) -> dict[str, Any]:
    knowledge = side.knowledge
    return {
        "shown": side.shown,
        "name": knowledge.manifest.name,
        "version": knowledge.manifest.version,
        "sha256": knowledge.sha256,
        "as_of": knowledge.on.isoformat(),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "what": change.what,
        "name": change.name,
        "decision": change.decision,
        "old": change.old,
        "new": change.new,
        "decides": change.decides,
        "file": change.place.file,
        "line": change.place.line,
        "column": change.place.column,
    }


def _cases(comparison: Comparison) -> dict[str, Any] | None:
    cases = comparison.cases
    if cases is None:
        return None
    which = [
        {
            "name": one.name,
            "old": json_value(one.old),
            "new": json_value(one.new),
            "file": one.place.file,
            "line": one.place.line,
        }
        for one in cases.changed
    ]
    return {"total": cases.total, "changed": len(which), "which": which}


def _case(case: Case) -> dict[str, object]:
    """The case as a case file has it, with its ranges."""
    said = as_example(case)
    for name, given in case.given.items():
        if given.low is not None:
            likely = said[name]
            plain = likely if isinstance(likely, dict) else {"value": likely}
            likely = plain.pop("value")
            said[name] = {"low": given.low, "likely": likely, "high": given.high, **plain}
    return said


# -- text ----------------------------------------------------------------------------------------------


def _text(comparison: Comparison) -> str:
    names = [_named(side) for side in (comparison.old, comparison.new)]
    moved = comparison.cases.changed if comparison.cases else ()
    return _template().render(
        comparison=comparison,
        names=names,
        groups=list(_groups(comparison.changes[:MOST_TOLD])),
        differing=[_told(comparison, one) for one in comparison.differing],
        same=_by_words([(one.target.name, one.proof) for one in comparison.same]),
        unproved=_by_words([(one.target.name, one.reason) for one in comparison.unproved]),
        refusals=_by_words([(f"{one.fact}: {_shown_plainly(one.value)}", one.message) for one in comparison.refusals]),
        moved=[
            (one, *_words_of(comparison, _recommendation(comparison), one.old, one.new)) for one in moved[:MOST_TOLD]
        ],
        more_changes=len(comparison.changes[MOST_TOLD:]),
        more_moved=len(moved[MOST_TOLD:]),
    )


def _template() -> Template:
    found = environment(printable)
    found.filters["short"] = lambda text: text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return found.get_template("rules_diff.txt.j2")


def _named(side: Side) -> str:
    manifest = side.knowledge.manifest
    return f"{side.shown} ({manifest.name} {manifest.version}, {side.knowledge.sha256[:12]})"


def _groups(changes: Sequence[Change]) -> Iterator[tuple[str, list[Change]]]:
    """The changes under the decision or file that they are in."""
    for heading, found in groupby(changes, lambda change: change.decision or Path(change.place.file).name):
        yield heading, list(found)


def _by_words(told: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The names of which the same is said, together."""
    found: dict[str, list[str]] = {}
    for name, words in told:
        found.setdefault(words, []).append(name)
    return [(", ".join(names), words) for words, names in found.items()]


def _told(comparison: Comparison, differing: Differing) -> dict[str, Any]:
    old, new = _words_of(comparison, differing.target, differing.old, differing.new)
    vocabulary = comparison.new.knowledge.facts
    lines = [] if not differing.case.given else _lines(differing.case, vocabulary)
    return {"name": differing.target.name, "old": old, "new": new, "lines": lines}


def _shown_plainly(value: object) -> str:
    """A value as a case file has it."""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _lines(case: Case, vocabulary: Mapping[str, Any]) -> list[str]:
    """The case as lines of a case file, without its questions."""
    return [line for line in case_to_yaml(case, vocabulary).splitlines() if line and not line.startswith("#")]


def _recommendation(comparison: Comparison) -> Target | None:
    recommends = [side.knowledge.manifest.recommends for side in (comparison.old, comparison.new)]
    return Target(recommends[1], (recommends[1],)) if recommends[1] and recommends[0] == recommends[1] else None


def _words_of(comparison: Comparison, target: Target | None, old: Conclusion, new: Conclusion) -> tuple[str, str]:
    """Two conclusions in words; of two lists only what is not in both."""
    if isinstance(old, tuple) and isinstance(new, tuple):
        gone, come = ([one for one in first if one not in second] for first, second in ((old, new), (new, old)))
        if gone or come:
            old, new = tuple(gone), tuple(come)
    return (
        _in_words(comparison.old.knowledge, target, old),
        _in_words(comparison.new.knowledge, target, new),
    )


def _in_words(knowledge: Knowledge, target: Target | None, conclusion: Conclusion) -> str:
    if conclusion is None:
        return "open"
    if isinstance(conclusion, Mapping):
        return ", ".join(f"{name}: {_in_words(knowledge, None, value)}" for name, value in conclusion.items())
    if isinstance(conclusion, tuple):
        return ", ".join(_in_words(knowledge, target, value) for value in conclusion) or "nothing"
    output = target.outputs[0] if target else ""
    if isinstance(conclusion, str):
        is_word = target is not None and output in knowledge.decision_of and not conclusion.startswith("refused: ")
        return label(knowledge, output, conclusion) if is_word else conclusion
    unit = target.table(knowledge).declaration.unit if target and output in knowledge.decision_of else None
    return show(conclusion, unit, knowledge.manifest.shown_units)
