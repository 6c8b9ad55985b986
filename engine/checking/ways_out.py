"""What would be right where whoever found a problem did not say: a way out for every kind of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from engine.errors import Problem

_Hint = str | Callable[[re.Match[str]], str]


@dataclass(frozen=True, slots=True)
class _WayOut:
    """A hint for problems whose message, or field and message, looks a certain way."""

    said: str
    hint: _Hint
    of: str = ""

    def hint_for(self, problem: Problem) -> str | None:
        found = re.search(self.said, problem.message)
        if found is None or not re.search(self.of, problem.field or ""):
            return None
        return self.hint if isinstance(self.hint, str) else self.hint(found)


def _share(found: re.Match[str]) -> str:
    return f"Write {float(found[1].replace('_', '')) / 100:g} for {found[1]} %"


def _lower(found: re.Match[str]) -> str:
    return f"Write `{found[1].lower()}` in lower case"


def _unquoted(found: re.Match[str]) -> str:
    return f"Write one of {found[1]}"


def _one_policy(found: re.Match[str]) -> str:
    words = re.findall(r"first|unique|any|collect|rule order", found[0])
    return f"Write one of {', '.join(dict.fromkeys(words))}; first lets the order of the rules decide"


#: The first that fits is the one.
_BY_MESSAGE = (
    _WayOut(r"until must be after from", "Let until be a later day than from, or leave one of them out"),
    _WayOut(r"in `[^`]*?(\d[\d_]*(?:\.\d+)?) ?%", _share),
    _WayOut(r"not readable.* in `[^`]*\b(AND|OR|NOT|IN|IS)\b", _lower),
    _WayOut(r"number too large", "Write a number below 1e308"),
    _WayOut(r"too deep|nested deeper", "Divide it into figures of costs.yaml, or into several rules"),
    _WayOut(r"expression of [\d,]+ characters", "Divide it into figures of costs.yaml, or into several rules"),
    _WayOut(r"an empty expression", 'Write a condition or formula; "true" always holds'),
    _WayOut(r"not readable as an expression", "Write it as in `order_size >= 50_000 and not is_urgent`"),
    _WayOut(r"collects several values", "Ask for a fact or another conclusion; what collects is only shown"),
    _WayOut(r"asks about '.*', an amount", "Leave the question out: every amount of costs.yaml is known in every case"),
    _WayOut(r"cannot compare a condition", "A yes/no name is a condition by itself: write it alone, or behind `not`"),
    _WayOut(r"cannot compare", "Compare numbers with numbers, and a choice with one of its words"),
    _WayOut(r"both sides of `if`|values of one type", "Let each of them be a number, or each a choice"),
    _WayOut(r"got a condition", "Write `1 if … else 0` where a yes/no is to count as a number"),
    _WayOut(r"expected a condition.*got a number", "Compare it with a number, as in `… >= 50_000`"),
    _WayOut(r"expected a condition", "Compare it with one of its words, as in `… == word`"),
    _WayOut(r"expected one of (.*), got", _unquoted),
    _WayOut(r'expected a number, got (?:"|a list|a mapping|nothing)', "Write a number such as 0.5 or 50_000"),
    _WayOut(r"expected a number", "Write a number, or a formula over names that are numbers"),
    _WayOut(r"takes .* arguments?|takes one quantity", "Give it as many values, set apart by commas"),
    _WayOut(r"'.*' is not one of ([^`]*?)(?:, in `|$)", _unquoted),
    _WayOut(r"neither a known name nor one of ([^`]*?)(?:, in `|$)", _unquoted),
    _WayOut(
        r"is not a known function or table", "Functions are min, max and first_known; declare a table in costs.yaml"
    ),
    _WayOut(r"names are lower-case", "Write lower-case letters, digits and -, as in large-order", of=r"(^|\.)id$"),
    _WayOut(r"names are lower-case", "Write lower-case letters, digits and _, as in order_size"),
    _WayOut(
        r"expected a word, a number or yes/no",
        "Write one value; a decision with several outputs takes {name: value, …}",
        of=r"(^|\.)then$",
    ),
    _WayOut(r"expected .*(?:first|unique).*, got", _one_policy, of=r"(^|\.)hit_policy$"),
    _WayOut(r"expected '?([^']*?)'?, got", _unquoted, of=r"(^|\.)(type|below|above|aggregate)$"),
    _WayOut(r"", "Write a day such as 2026-01-31", of=r"(^|\.)(from|until)$"),
    _WayOut(r"", "Write a whole number from -1000 to 1000", of=r"(^|\.)salience$"),
    _WayOut(r"expected a mapping", "Write a value, a formula, or {low: …, high: …}", of=r"(^|\.)(default|value)$"),
    _WayOut(r"expected a mapping", "Write name: value, one a line"),
    _WayOut(r"valid dictionary", "Write name: value, one a line, or {name: value}"),
    _WayOut(r"expected a list|valid list", "Write [first, second], or one entry a line behind '- '"),
    _WayOut(r"expected a whole number", "Write digits alone, such as 12"),
    _WayOut(r"expected yes or no|valid boolean", "Write yes or no"),
    _WayOut(r"at most (\d+) characters", lambda found: f"Shorten it to {found[1]} characters"),
    _WayOut(r"low ≤ likely ≤ high", "Order the three, or leave likely out"),
    _WayOut(r"choices belong to|open belongs to", "Write type: choice, or leave the field out"),
    _WayOut(r"has no unit and no bounds", "Leave unit, min and max out"),
    _WayOut(r"a number needs a unit", "Add unit: …, one that knowledge.yaml declares"),
    _WayOut(r"rows must rise", "Order the rows by their first number, each once"),
    _WayOut(r"a proportional end", "Begin with a first column above 0, or write first row and last row"),
    _WayOut(r"are all words, all numbers", "Put quotes around a number that is meant as a word"),
    _WayOut(r"aggregate", "Leave aggregate out, or write hit_policy: collect with values that are numbers"),
    _WayOut(r"a unit belongs to", "Leave unit out, or let all values be numbers"),
    _WayOut(r"name and titles", "Leave name and titles out, or decide several outputs"),
    _WayOut(r"the file is empty", "Write what it holds, or delete the file"),
    _WayOut(r"default -?[\d.e+]+ is|the default", "Change the default or the bounds"),
    _WayOut(r"is not a decision", "Name a decision of this base: `breakeven rules show` lists them"),
)
#: What is right where the message says no more.
_BY_CODE: Mapping[str, str] = {
    "unreadable": "Check that the file is there, that you may read it, and that it is text",
    "yaml": "Look at this line and the one above it",
    "format": "docs/writing-rules.md lists what each field holds",
    "missing-field": "Add the field",
    "missing-source": "Add source: …",
    "unknown-field": "Leave it out",
    "name": "Write lower-case letters, digits and _, as in order_size",
    "syntax": "Write it as in `order_size >= 50_000 and not is_urgent`",
    "types": "Compare and compute numbers with numbers, and choices with their words",
    "units": "Convert one of the two, or correct the unit where it is declared",
    "unknown-name": "Declare it as a fact in facts.yaml, as an amount or figure in costs.yaml, or as a decision",
    "unknown-value": "Write one of the values that are declared",
    "conclusion": "Conclude every output that the decision decides",
    "state": "Ask about the facts it depends on",
    "cycle": "Break it: one of these must not depend on the next",
    "example": "Write a value as a case file would give it",
    "sentence": "Write {{ name }} where a value belongs",
    "claims": "Correct the claim in claims.yaml, or what it is compared with",
    "engine-limit": "Ask for fewer different facts, figures and tests in the conditions, or divide the base",
    "more": "Correct the others first",
    "not-proved": "Try the case yourself with `breakeven recommend`, or let the rules depend on less",
}


def with_way_out(problem: Problem) -> Problem:
    """The problem with what would be right, where it does not say so itself."""
    if problem.hint:
        return problem
    found = next((hint for one in _BY_MESSAGE if (hint := one.hint_for(problem))), None)
    return replace(problem, hint=found or _BY_CODE.get(problem.code))
