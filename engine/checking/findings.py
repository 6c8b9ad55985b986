"""What a check of a knowledge base found, and how it is shown: as text, JSON, SARIF or GitHub's workflow commands."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import PurePath
from typing import Any, Literal
from urllib.parse import quote

from engine import __version__
from engine.checking.ways_out import with_way_out
from engine.errors import Place, Problem
from engine.templating import environment

Severity = Literal["error", "warning", "info"]
#: The severities, the gravest first.
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
FORMATS = ("text", "json", "sarif", "github")

#: What each code means, in a sentence; the severity of its findings where that is not error.
CODES: Mapping[str, str] = {
    "unreadable": "A file or directory cannot be read.",
    "missing-file": "A file that every base has is missing.",
    "ignored-file": "A file is not read because of its name.",
    "yaml": "A file is not valid YAML, or uses more of YAML than rules may.",
    "duplicate-key": "A name is given twice in one mapping.",
    "duplicate-id": "Two rules have one id.",
    "duplicate-name": "Two facts, amounts, figures or decisions have one name.",
    "format": "A field does not have the form it needs.",
    "missing-field": "A field is missing.",
    "missing-source": "Nothing says where an entry comes from.",
    "unknown-field": "A field is not one that is read.",
    "name": "A name is not written as names are.",
    "syntax": "An expression cannot be read.",
    "types": "The parts of an expression do not fit together.",
    "units": "The units of an expression do not fit together, or are not declared.",
    "unknown-name": "Nothing is declared under a name.",
    "unknown-value": "A value is not one of those that are possible.",
    "conclusion": "A rule does not conclude what its decision decides.",
    "state": "A condition asks whether something is known that only rules can conclude.",
    "cycle": "Decisions, figures or defaults depend on each other in a circle.",
    "bounds": "No value lies within the bounds of a fact.",
    "default": "A default is not a value the fact may have.",
    "example": "An example is not a value the fact may have.",
    "sentence": "A sentence is not valid, or does more than a sentence may.",
    "claims": "A claim of the source does not fit the base.",
    "engine-limit": "The rules are more than the inference engine can hold.",
    "more": "There are more problems than are shown.",
    "gap": "A case with everything known for which no row of a decision holds.",
    "overlap": "A case in which two rows of a decision hold, of which at most one may.",
    "contradiction": "A case in which two rows that hold conclude different things.",
    "never-holds": "The condition of a row is never true.",
    "masked": "Whenever a row holds, earlier rows have decided already.",
    "unreached-value": "No row can conclude a value.",
    "unused-fact": "Nothing reads a fact.",
    "idle-question": "No answer to a question can change a conclusion.",
    "not-proved": "Something could be neither proved nor refuted.",
}
_MILDER: Mapping[str, Severity] = {
    "ignored-file": "warning",
    "example": "warning",
    "never-holds": "warning",
    "masked": "warning",
    "unreached-value": "warning",
    "unused-fact": "warning",
    "idle-question": "warning",
    "not-proved": "info",
}
_UNREADABLE = ("unreadable", "missing-file")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check found.

    Args:
        code: what kind of finding; see ``CODES``.
        message: what is wrong.
        hint: what would be right.
        example: a case that shows it, as a case file has it.
        is_note: whether it is milder than its kind, because nothing may have to be done.
    """

    code: str
    place: Place
    message: str
    hint: str | None = None
    example: Mapping[str, object] | None = field(default=None, hash=False)
    is_note: bool = False

    @property
    def severity(self) -> Severity:
        """How grave it is: with an error the base cannot be used as it is meant."""
        return "info" if self.is_note else _MILDER.get(self.code, "error")

    @property
    def sentences(self) -> str:
        """The message and its hint as whole sentences."""
        return Problem(self.place, self.message, hint=self.hint).sentences

    def as_json(self) -> dict[str, object]:
        """The finding as JSON shows it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "message": self.message,
            "hint": self.hint,
            "example": None if self.example is None else dict(self.example),
        }


def finding_of(problem: Problem) -> Finding:
    """The problem as a finding; what it is about begins its message."""
    named = f"{problem.field}: " if problem.field else ""
    code = problem.code if problem.code in CODES else "format"
    return Finding(code, problem.place, f"{named}{problem.message}", with_way_out(replace(problem, code=code)).hint)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a check of a knowledge base found.

    Args:
        findings: by file, line and column, notes last.
        proved: what was proved, in sentences.
        lines: for each file that could be read its lines.
        days: of a base that depends on the day, the day that was looked at and the later ones from which other
            values and rules are in force; none of any other.
    """

    findings: tuple[Finding, ...]
    proved: tuple[str, ...] = ()
    lines: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    days: tuple[date, ...] = ()

    @property
    def counts(self) -> Mapping[Severity, int]:
        """How many findings there are of each severity."""
        found = Counter(finding.severity for finding in self.findings)
        return {severity: found[severity] for severity in SEVERITIES}

    @property
    def exit_status(self) -> int:
        """0 where nothing is wrong, 1 where something is, 2 where a file could not be read."""
        if any(finding.code in _UNREADABLE for finding in self.findings):
            return 2
        return int(any(finding.severity != "info" for finding in self.findings))

    def line(self, place: Place) -> str | None:
        """The line of a place as the file has it; None where it is not about one."""
        lines = self.lines.get(place.file, ())
        return lines[place.line - 1] if place.line is not None and 0 < place.line <= len(lines) else None


def by_place(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings by file, line and column, each once, and notes after all others."""
    once = {(one.code, one.place, one.message, one.hint): one for one in findings}
    return tuple(sorted(once.values(), key=_position))


def _position(finding: Finding) -> tuple[bool, str, int, int, str, str]:
    place = finding.place
    return finding.severity == "info", place.file, place.line or 0, place.column or 0, finding.code, finding.message


# -- how it is shown -------------------------------------------------------------------------------


def render_findings(report: Report, output_format: str) -> str:
    """The report as text for people, JSON, SARIF 2.1.0 or GitHub workflow commands.

    Raises:
        ValueError: no such format.
    """
    match output_format:
        case "text":
            return _text(report)
        case "json":
            return _json(
                {
                    "findings": [one.as_json() for one in report.findings],
                    "counts": dict(report.counts),
                    "proved": list(report.proved),
                    "days": [str(day) for day in report.days],
                }
            )
        case "sarif":
            return _json(_sarif(report))
        case "github":
            return "".join(f"{_command(one)}\n" for one in report.findings)
    raise ValueError(f"no format {output_format!r}; there are {', '.join(FORMATS)}")


#: Longer lines are cut around the column that is meant.
_WIDEST = 100


def _text(report: Report) -> str:
    shown = [{"finding": one, "excerpt": _excerpt(report, one.place)} for one in report.findings]
    return (
        environment(str)
        .get_template("findings.txt.j2")
        .render(shown=shown, summary=_summary(report), proved=report.proved, case_lines=_case_lines)
    )


def _excerpt(report: Report, place: Place) -> tuple[str, str, str] | None:
    """Line number, line, and a caret below the column; the parts of a long line around it."""
    line = report.line(place)
    if line is None:
        return None
    line = "".join(character if character.isprintable() else " " for character in line)
    column = min(max((place.column or 1) - 1, 0), len(line))
    start = max(0, min(column - _WIDEST // 2, len(line) - _WIDEST))
    before, after = "…" if start else "", "…" if start + _WIDEST < len(line) else ""
    shown = f"{before}{line[start : start + _WIDEST]}{after}".rstrip()
    return str(place.line), shown, " " * (len(before) + column - start) + "^"


def _summary(report: Report) -> str:
    words = {"error": "error", "warning": "warning", "info": "note"}
    parts = [
        f"{count} {words[severity]}{'' if count == 1 else 's'}" for severity, count in report.counts.items() if count
    ]
    files = len({one.place.file for one in report.findings})
    found = f"{', '.join(parts)} in {files} file{'' if files == 1 else 's'}" if parts else "nothing found"
    return f"{found}{_as_of(report.days)}"


def _as_of(days: Sequence[date]) -> str:
    """The days that were looked at, behind what was found."""
    if not days:
        return ""
    later = f", and from {', '.join(map(str, days[1:]))}" if len(days) > 1 else ""
    return f" as of {days[0]}{later}"


def _case_lines(example: Mapping[str, object]) -> list[str]:
    """A case as the lines of a case file."""
    return [f"{name}: {_yaml(value)}" for name, value in example.items()]


def _yaml(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, int):
        return f"{value:_}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) and not value.isidentifier() else str(value)


def _command(finding: Finding) -> str:
    """A workflow command, which GitHub shows beside the line."""
    level = {"error": "error", "warning": "warning", "info": "notice"}[finding.severity]
    place = finding.place
    parts = {"file": place.file, "line": place.line, "col": place.column, "title": finding.code}
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in parts.items() if value is not None)
    return f"::{level} {properties}::{_data(_told(finding))}"


def _told(finding: Finding) -> str:
    """The finding in sentences, with the case that shows it."""
    if finding.example is None:
        return finding.sentences
    return f"{finding.sentences} For example: {{{', '.join(_case_lines(finding.example))}}}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


_SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def _sarif(report: Report) -> dict[str, Any]:
    codes = sorted({one.code for one in report.findings})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": CODES[code]},
            "defaultConfiguration": {"level": _LEVELS[_MILDER.get(code, "error")]},
        }
        for code in codes
    ]
    return {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "breakeven", "semanticVersion": __version__, "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(report, one, codes.index(one.code)) for one in report.findings],
            }
        ],
    }


_LEVELS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}


def _result(report: Report, finding: Finding, rule: int) -> dict[str, Any]:
    place = finding.place
    location: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.file)}}
    if place.line is not None:
        location["region"] = {"startLine": place.line}
        if place.column is not None:
            location["region"]["startColumn"] = place.column
        if (line := report.line(place)) is not None:
            location["region"]["snippet"] = {"text": line}
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": _told(finding)},
        "locations": [{"physicalLocation": location}],
    }
    if finding.example is not None:
        result["properties"] = {"example": dict(finding.example)}
    return result


def _uri(file: str) -> str:
    """A path as a URI: relative where the path is, with everything escaped that is not part of one."""
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
