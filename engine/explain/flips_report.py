"""What changes a recommendation, as people and programs read it: terminal text, Markdown, one HTML page or JSON."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.decision import KnowledgeIdentity
from engine.explain.flip_pairs import PairMap
from engine.explain.flips import ChoiceFlip, FactFlips, Flip, Flips
from engine.json_text import json_document
from engine.language.evaluate import Value
from engine.report import Format, rendered
from engine.turning import Turn, beyond, where
from engine.wording import label, show_name

#: Origins of a fact's value as people call them.
_ORIGINS: dict[str | None, str] = {"supposed": "assumed", None: "unknown"}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TODAY = "*"


@dataclass(frozen=True, slots=True)
class ShownFlip:
    """One change in words: where it is, to all digits, and what is recommended beyond it."""

    where: str
    exactly: str
    before: str
    becomes: str


@dataclass(frozen=True, slots=True)
class ShownFact:
    """One numeric fact; ``answered`` is what answering it at all (or with today's value) already changes."""

    rank: int
    title: str
    current: str
    origin: str
    nearest: tuple[ShownFlip, ...]
    further: tuple[ShownFlip, ...]
    answered: str | None
    proved: bool
    erratic: bool


@dataclass(frozen=True, slots=True)
class ShownChoice:
    """Another answer that changes the recommendation."""

    title: str
    current: str
    answer: str
    becomes: str


@dataclass(frozen=True, slots=True)
class ShownPair:
    """A map of two facts.

    Args:
        rows: a character for each cell, top row first.
        legend: each character with its recommendation.
        svg: the map as a picture, for an HTML page where it can be drawn.
    """

    x_title: str
    y_title: str
    x_low: str
    x_high: str
    y_low: str
    y_high: str
    rows: tuple[str, ...]
    legend: tuple[tuple[str, str], ...]
    description: str
    svg: str | None


@dataclass(frozen=True, slots=True)
class ShownFlips:
    """Everything the templates show."""

    case_name: str
    recommendation: str
    facts: tuple[ShownFact, ...]
    choices: tuple[ShownChoice, ...]
    steady: tuple[str, ...]
    pairs: tuple[ShownPair, ...]
    knowledge_base: KnowledgeIdentity


def render_flips(
    flips: Flips,
    pairs: Sequence[PairMap],
    format: Format,
    *,
    width: int | None = None,
    colour: bool = False,
) -> str:
    """What changes a recommendation, ending with a newline; see ``engine.report.render``."""
    if format == "json":
        return json_document(_as_json(flips, pairs))
    shown = _Words(flips).shown(pairs, drawn=format == "html")
    return rendered("flips", format, width=width, colour=colour, shown=shown)


# -- JSON ----------------------------------------------------------------------------------------------


def _as_json(flips: Flips, pairs: Sequence[PairMap]) -> dict[str, Any]:
    words = _Words(flips)
    ranks = {found.fact: rank for rank, found in enumerate(flips.facts, start=1)}
    found: dict[str, Any] = {
        "case": flips.outcome.case.name,
        "recommendation": flips.recommendation or None,
        "settled": flips.outcome.recommended is not None,
        "flips": [words.flip_as_json(fact, flip, ranks[fact.fact]) for fact in flips.facts for flip in fact.nearest],
        "further": [words.flip_as_json(fact, flip, ranks[fact.fact]) for fact in flips.facts for flip in fact.further],
        "answering": [
            {"fact": fact.fact, "current": fact.current, "becomes": fact.answered}
            for fact in flips.facts
            if fact.answered is not None
        ],
        "choices": [
            {"fact": choice.fact, "current": choice.current, "answer": choice.answer, "becomes": choice.becomes}
            for choice in flips.choices
        ],
        "steady": list(flips.steady),
        "erratic": [fact.fact for fact in flips.facts if fact.erratic],
        "not_proved": [fact.fact for fact in flips.facts if not fact.proved] + list(flips.unproved_steady),
        "knowledge_base": words.identity.model_dump(mode="json"),
    }
    if pairs:
        found["pairs"] = [_pair_as_json(pair) for pair in pairs]
    return found


def _pair_as_json(pair: PairMap) -> dict[str, Any]:
    def axis(one: Any) -> dict[str, Any]:
        return {"low": one.low, "high": one.high, "logarithmic": one.logarithmic, "current": one.current}

    return {
        "x": pair.x.fact,
        "y": pair.y.fact,
        "x_axis": axis(pair.x),
        "y_axis": axis(pair.y),
        "undecided_share": pair.undecided,
        "regions": [
            {
                "x_low": box.x_low,
                "x_high": box.x_high,
                "y_low": box.y_low,
                "y_high": box.y_high,
                "becomes": box.becomes,
                "middle": box.middle,
            }
            for box in pair.regions
        ],
    }


# -- words ---------------------------------------------------------------------------------------------


class _Words:
    """The words of one base for what was found."""

    def __init__(self, flips: Flips) -> None:
        self._flips = flips
        self._knowledge = flips.outcome.knowledge
        knowledge = self._knowledge
        self.identity = KnowledgeIdentity(
            name=knowledge.manifest.name,
            version=knowledge.manifest.version,
            sha256=knowledge.sha256,
            as_of=knowledge.on.isoformat(),
            title=knowledge.manifest.title,
        )

    def flip_as_json(self, found: FactFlips, flip: Flip, rank: int) -> dict[str, Any]:
        """One change with everything a program may want of it."""
        return {
            "fact": flip.fact,
            "title": self._knowledge.title(flip.fact),
            "unit": self._knowledge.unit(flip.fact),
            "current": found.current,
            "at": flip.at,
            "side": flip.side,
            "inclusive": flip.inclusive,
            "before": flip.before,
            "becomes": flip.becomes,
            "rank": rank,
            "distance": found.away(flip),
            "proved": found.proved,
            "shown": f"{self._where(found, flip)}: {self.recommendation(flip.becomes)}",
        }

    def shown(self, pairs: Sequence[PairMap], *, drawn: bool) -> ShownFlips:
        """Everything in words."""
        flips = self._flips
        return ShownFlips(
            case_name=flips.outcome.case.name,
            recommendation=self.recommendation(flips.recommendation),
            facts=tuple(self._fact(found, rank) for rank, found in enumerate(flips.facts, start=1)),
            choices=tuple(self._choice(choice) for choice in flips.choices),
            steady=tuple(self._knowledge.title(name) for name in flips.steady),
            pairs=tuple(self._pair(pair, f"pair-{number}", drawn=drawn) for number, pair in enumerate(pairs, start=1)),
            knowledge_base=self.identity,
        )

    def recommendation(self, value: str) -> str:
        """What people call a recommendation."""
        return label(self._knowledge, self._knowledge.manifest.recommends or "", value) if value else "none"

    def _show(self, fact: str, value: Value) -> str:
        return show_name(self._knowledge, fact, value)

    def _fact(self, found: FactFlips, rank: int) -> ShownFact:
        stands_in = found.origin is None and found.current is not None
        return ShownFact(
            rank=rank,
            title=self._knowledge.title(found.fact),
            current=self._show(found.fact, found.current),
            origin="computed" if stands_in else _ORIGINS.get(found.origin, str(found.origin)),
            nearest=tuple(self._flip(found, flip) for flip in found.nearest),
            further=tuple(self._flip(found, flip) for flip in found.further),
            answered=None if found.answered is None else self.recommendation(found.answered),
            proved=found.proved,
            erratic=found.erratic,
        )

    def _flip(self, found: FactFlips, flip: Flip) -> ShownFlip:
        return ShownFlip(
            where=self._where(found, flip),
            exactly=_digits(flip.at),
            before=self.recommendation(flip.before),
            becomes=self.recommendation(flip.becomes),
        )

    def _where(self, found: FactFlips, flip: Flip) -> str:
        if found.erratic:
            # Between the number and any rounder one it may have changed many times.
            return beyond(_digits(flip.at), flip.side, inclusive=flip.inclusive)
        turn = Turn(flip.fact, flip.at, flip.side, flip.inclusive, flip.becomes)
        return where(turn, self._knowledge, (other.at for other in (*found.nearest, *found.further)))

    def _choice(self, choice: ChoiceFlip) -> ShownChoice:
        return ShownChoice(
            title=self._knowledge.title(choice.fact),
            current=self._show(choice.fact, choice.current),
            answer=self._show(choice.fact, choice.answer),
            becomes=self.recommendation(choice.becomes),
        )

    def _pair(self, pair: PairMap, name: str, *, drawn: bool) -> ShownPair:
        declared = self._knowledge.decisions[self._knowledge.decision_of[self._knowledge.manifest.recommends or ""]]
        order = list(declared.outputs[self._knowledge.manifest.recommends or ""])
        occurring = {value for row in pair.cells for value in row} | {box.middle for box in pair.regions}
        values = sorted(occurring, key=lambda value: order.index(value) if value in order else len(order))
        letters = {value: _LETTERS[number % len(_LETTERS)] for number, value in enumerate(values)}
        labels = {value: self.recommendation(value) for value in values}
        description = self._description(pair, labels)
        return ShownPair(
            x_title=self._knowledge.title(pair.x.fact),
            y_title=self._knowledge.title(pair.y.fact),
            x_low=self._show(pair.x.fact, pair.x.low),
            x_high=self._show(pair.x.fact, pair.x.high),
            y_low=self._show(pair.y.fact, pair.y.low),
            y_high=self._show(pair.y.fact, pair.y.high),
            rows=tuple(
                "".join(_TODAY if pair.today == (column, row) else letters[value] for column, value in enumerate(cells))
                for row, cells in enumerate(pair.cells)
            ),
            legend=(
                *((letters[value], labels[value]) for value in values),
                *([(_TODAY, "today")] if pair.today else []),
            ),
            description=description,
            svg=self._drawn(pair, labels, description, name) if drawn else None,
        )

    def _drawn(self, pair: PairMap, labels: dict[str, str], description: str, name: str) -> str | None:
        from markupsafe import Markup

        from engine.chart import PairWords, pair_svg

        words = PairWords(
            x=self._knowledge.title(pair.x.fact),
            y=self._knowledge.title(pair.y.fact),
            labels=labels,
            show_x=functools.partial(self._show, pair.x.fact),
            show_y=functools.partial(self._show, pair.y.fact),
            description=description,
        )
        drawn = pair_svg(pair, words, name)
        return None if drawn is None else Markup(drawn)  # noqa: S704 (the chart escapes its own text)

    def _description(self, pair: PairMap, labels: dict[str, str]) -> str:
        ends = [
            f"{self._knowledge.title(axis.fact)} from {self._show(axis.fact, axis.low)} to "
            f"{self._show(axis.fact, axis.high)}{' (logarithmic)' if axis.logarithmic else ''}"
            for axis in (pair.x, pair.y)
        ]
        regions = ", ".join(labels.values())
        return f"{ends[0]}, left to right; {ends[1]}, bottom to top. Recommended somewhere: {regions}."


def _digits(value: float) -> str:
    """A number with all the digits that tell it from its neighbours."""
    written = f"{int(value):,}" if value == int(value) else repr(float(value))
    return written.replace("-", "−", 1) if value < 0 else written
