"""An outcome in words: the one decision object that every report and the JSON output show."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property
from typing import Literal

from engine.case import Case
from engine.conclusions import conclusions
from engine.decision import (
    Assumption,
    Caution,
    ChartLine,
    Concluded,
    Conclusion,
    Decision,
    Figure,
    Firing,
    KnowledgeIdentity,
    OptionRow,
    Reading,
    Recommendation,
    Standing,
    TurningPoint,
    UnknownFact,
    Voice,
)
from engine.declarations import OutputKind, value_of
from engine.inference import EnginePool
from engine.knowledge import DecisionTable, Knowledge, Row
from engine.language.evaluate import Value
from engine.language.nodes import Name, Node, Number, walk
from engine.language.possible import Span
from engine.outlook import Outlook, ranged_domain, spans
from engine.pipeline import Outcome, doubtful, infer, waiting_for
from engine.sentences import fill_in, names_in_sentence
from engine.turning import FactLine, Turn, turns, where
from engine.wording import condition_in_english, label, show_figure, show_name

Origin = Literal["answered", "assumed", "measured", "computed", "concluded", "unknown"]
_ORIGINS: dict[str | None, Origin] = {
    "answered": "answered",
    "measured": "measured",
    "supposed": "assumed",
    "assumed": "assumed",
    "computed": "computed",
    None: "unknown",
}


def decide(case: Case, pool: EnginePool) -> Decision:
    """Decide one case and say everything there is to say about it.

    Raises:
        InferenceError: the engine and the plain evaluator differ, or rules contradict each other.
    """
    return describe(infer(case, pool))


def describe(outcome: Outcome) -> Decision:
    """Everything there is to say about one case."""
    return Describer(outcome).decision()


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(value: Value) -> Value:
    """A value as JSON can say it."""
    return _number(value) if isinstance(value, float) else value


def _number(value: Value) -> float | Literal["never"] | None:
    if not isinstance(value, float):
        return None
    if math.isinf(value):
        return "never" if value > 0 else None
    return value


class Describer:
    """Puts one outcome into words, part by part."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.knowledge: Knowledge = outcome.knowledge
        self.memory = outcome.memory
        self.manifest = outcome.knowledge.manifest
        self.doubtful = doubtful(outcome.memory)
        ranged = {**self.knowledge.constant_ranges, **self.memory.ranges()}
        self.spans: dict[str, Span] = spans(self.memory, {name: ranged_domain(r) for name, r in ranged.items()})
        self.decisive = self._decisive_row()
        self._tried: dict[str, frozenset[str | None] | None] = {}

    def decision(self) -> Decision:
        """Everything there is to say, as one object."""
        arithmetic = tuple(name for name in self.manifest.arithmetic if self._is_computed(name))
        points, steady = self.turning_points()
        voices = self.voices()
        return Decision(
            recommendation=self.recommendation(),
            conclusions=self.concluded,
            firings=tuple(self.firing(self._row(f.decision, f.row), f.decision) for f in self.outcome.fired),
            matched_not_decisive=self.matched_not_decisive(),
            standing=tuple(
                Standing(
                    conclusion=stand.output,
                    value=value_of(stand.value, self._kind(stand.output)),
                    whatever=stand.whatever,
                    title=self.knowledge.title(stand.output),
                    shown=self.label(stand.output, stand.value),
                )
                for stand in self.outcome.standing
            ),
            figures={name: self.figure(name) for name in self._computed_names()},
            arithmetic=arithmetic,
            options=self.options(),
            option_columns=tuple(self.manifest.options.columns) if self.manifest.options else (),
            voices=voices,
            agreement=self.agreement(voices),
            turning_points=points,
            steady=steady,
            cautions=self.cautions(),
            assumptions=self.assumptions(),
            unknown=self.unknown(),
            chart=self.chart(),
            chart_months=self._chart_months(),
            knowledge_base=KnowledgeIdentity(
                name=self.manifest.name,
                version=self.manifest.version,
                sha256=self.knowledge.sha256,
                as_of=self.knowledge.on.isoformat(),
                title=self.manifest.title,
            ),
            case={name: self.reading(name) for name in self.knowledge.facts if name in self.memory.origins},
            case_name=self.outcome.case.name,
            concluded=self.conclusions_in_words() if self.manifest.recommends is None else (),
        )

    # -- the answer ----------------------------------------------------------------------------

    @property
    def chosen(self) -> str | None:
        """The recommendation, the fallback where something unknown keeps it open."""
        if self.outcome.recommended is not None:
            return self.outcome.recommended
        return self.manifest.fallback.conclusion if self.manifest.fallback else None

    @cached_property
    def concluded(self) -> dict[str, Conclusion]:
        """What every decision concludes, by name."""
        return conclusions(self.outcome)

    def conclusions_in_words(self) -> tuple[Concluded, ...]:
        """What every decision concludes, each after those it rests on."""
        names = [name for table in self._tables() for name in (*table.outputs, table.name) if name in self.concluded]
        return tuple(
            Concluded(name=name, title=self.knowledge.title(name), shown=self._in_words(name, self.concluded[name]))
            for name in dict.fromkeys(names)
        )

    def _tables(self) -> list[DecisionTable]:
        return [self.knowledge.decisions[name] for name in self.knowledge.order if name in self.knowledge.decisions]

    def _in_words(self, name: str, conclusion: Conclusion) -> str:
        if isinstance(conclusion, tuple):
            return ", ".join(self._in_words(name, item) for item in conclusion) or "none"
        if isinstance(conclusion, dict):
            declared = self.knowledge.decisions[name].declaration
            titles, outputs = declared.titles, {key: output for output, key in declared.keys.items()}
            shown = {key: self._in_words(outputs[key], value) for key, value in conclusion.items()}
            return "; ".join(f"{titles.get(key) or key.replace('_', ' ')}: {shown[key]}" for key in shown)
        if isinstance(conclusion, str) or name not in self.knowledge.scope.readings:
            return show_name(self.knowledge, name, conclusion)
        return show_name(self.knowledge, self.knowledge.scope.readings[name], conclusion)

    def _kind(self, output: str) -> OutputKind:
        return self.knowledge.decisions[self.knowledge.decision_of[output]].declaration.kinds[output]

    def recommendation(self) -> Recommendation | None:
        """The answer; None where the base names none."""
        if self.manifest.recommends is None:
            return None
        settled = self.outcome.recommended is not None
        strength = self.memory.values[self.manifest.strength] if self.manifest.strength else None
        if settled and strength is None:
            strength = self.manifest.strength_if_open
        if self.manifest.fallback and (not settled or strength is None):
            strength = self.manifest.fallback.strength
        title = self.label(self.manifest.recommends, self.chosen)
        return Recommendation(
            approach=self.chosen,
            title=title,
            strength=strength if isinstance(strength, str) else None,
            sentence=self._headline(title, strength, settled=settled),
            settled=settled,
            decided_by=self.decided_by(),
            **self._reason(settled=settled),
        )

    def _reason(self, *, settled: bool) -> dict[str, str | None]:
        """The rule that decided, why, and where that comes from; the fallback's reason where nothing settled it."""
        if self.decisive is not None:
            declared = self.decisive.declaration
            return {"rule": declared.id, "because": self.sentence(declared.because), "source": declared.source}
        if self.manifest.fallback and not settled:
            return {"because": self.sentence(self.manifest.fallback.because), "source": self.manifest.fallback.source}
        return {}

    def _headline(self, title: str, strength: Value, *, settled: bool) -> str:
        if self.manifest.sentence is None:
            return f"{_capitalised(title)}."
        names = {
            "recommendation": _capitalised(title) if settled else title,
            "strength": self.label(self.manifest.strength, strength),
        }
        return fill_in(self.manifest.sentence, {**names, "settled": settled})

    def label(self, output: str | None, value: Value) -> str:
        """The title of a conclusion's value."""
        if output is None or not isinstance(value, str):
            return "unknown"
        return label(self.knowledge, output, value)

    def _decisive_row(self) -> Row | None:
        if self.manifest.recommends is None:
            return None
        name = self.knowledge.decision_of[self.manifest.recommends]
        verdict = self.outcome.verdicts[name]
        return self._row(name, verdict.decisive[0]) if verdict.decisive else None

    def decided_by(self) -> str | None:
        """The title of what decided: a voice, or another decision."""
        decision = self.decisive.declaration.decided_by if self.decisive else None
        if decision is None:
            return None
        voice = self.manifest.voices.get(decision)
        return voice.title if voice else self.knowledge.title(decision)

    # -- rules ---------------------------------------------------------------------------------

    def _row(self, decision: str, index: int) -> Row:
        return self.knowledge.decisions[decision].rows[index]

    def firing(self, row: Row, decision: str) -> Firing:
        """One row in words, with the facts it read."""
        concluded = {output: value_of(word, self._kind(output)) for output, word in row.then.items()}
        return Firing(
            rule=row.id,
            decision=decision,
            conclusion=next(iter(concluded.values())) if len(concluded) == 1 else dict(concluded),
            because=self.sentence(row.declaration.because),
            source=row.declaration.source,
            when=row.declaration.when,
            reads=condition_in_english(self.knowledge, row.when),
            facts=tuple(self.reading(name) for name in _names_in_order(row.when)),
            place=str(row.place),
            decision_title=self.knowledge.title(decision),
            conclusion_shown="; ".join(self.label(output, word) for output, word in row.then.items()),
        )

    def matched_not_decisive(self) -> tuple[Firing, ...]:
        """Rows whose condition holds although an earlier row decided."""
        return tuple(
            self.firing(self._row(name, index), name)
            for name in self.knowledge.order
            if name in self.outcome.verdicts
            for index, truth in enumerate(self.outcome.verdicts[name].holds)
            if truth and index not in self.outcome.verdicts[name].decisive
        )

    def sentence(self, text: str) -> str:
        """A sentence over the case's names."""
        return fill_in(text, {name: self.show(name) for name in names_in_sentence(text)})

    def show(self, name: str) -> str:
        """The value of a name for people."""
        read = self.knowledge.scope.readings.get(name, name)
        return show_name(self.knowledge, read, self._value(read))

    def _value(self, name: str) -> Value:
        """The value of a name; of a fact that may be any text, the text that was given."""
        given = self.memory.case.given.get(name) if name in self.knowledge.open_words else None
        return self.memory.values[name] if given is None else given.value

    def reading(self, name: str) -> Reading:
        """A name with its value, unit, origin and source."""
        origin, source = self._provenance(name)
        given = self.memory.case.given.get(name)
        span = self.spans.get(name)
        low, high = (given.low, given.high) if given else (None, None)
        if given is None and span is not None and math.isfinite(span.low) and math.isfinite(span.high):
            low, high = span.low, span.high
        return Reading(
            name=self.knowledge.declared_name(name),
            title=self.knowledge.title(name),
            value=_plain(self._value(name)),
            unit=self.knowledge.unit(name),
            origin=origin,
            source=source,
            low=low,
            high=high,
            shown=self.show(name),
            shown_range=self._shown_range(name, low, high),
        )

    def _shown_range(self, name: str, low: float | None, high: float | None) -> str | None:
        if low is None or high is None:
            return None
        ends = [show_name(self.knowledge, name, end) for end in (low, high)]
        return " to ".join(ends) if ends[0] != ends[1] else None

    def _provenance(self, name: str) -> tuple[Origin, str | None]:
        knowledge = self.knowledge
        if name in knowledge.facts:
            origin = self.memory.origins.get(name)
            given = self.memory.case.given.get(name)
            if origin == "assumed":
                return "assumed", knowledge.facts[name].default_source
            return _ORIGINS[origin], given.source if given else knowledge.facts[name].stands_in
        if name in knowledge.figures:
            return _ORIGINS[self.memory.origins.get(name)], knowledge.figures[name].source
        if name in knowledge.amounts:
            return "assumed", knowledge.amounts[name].source
        output = knowledge.declared_name(name)
        if output in knowledge.decision_of:
            known = self.memory.values[name] is not None
            return ("concluded" if known else "unknown"), knowledge.decisions[
                knowledge.decision_of[output]
            ].declaration.source
        return "computed", None

    # -- figures -------------------------------------------------------------------------------

    def _is_computed(self, name: str) -> bool:
        """True for figures, and for facts whose default was computed from others."""
        if name in self.knowledge.figures:
            return True
        quantity = self.knowledge.quantities.get(name)
        assumed = self.memory.origins.get(name) == "assumed"
        return quantity is not None and assumed and not isinstance(quantity.formula, Name | Number)

    def _computed_names(self) -> list[str]:
        numbers = (*self.knowledge.figures, *self.knowledge.facts)
        return [name for name in numbers if self._is_computed(name) and self.knowledge.unit(name) is not None]

    def figure(self, name: str) -> Figure:
        """A computed figure with its arithmetic."""
        value = self.memory.values[name]
        formula, substitution = show_figure(self.knowledge, self.memory, name)
        span = self.spans.get(name)
        source = self._provenance(name)[1] or ""
        return Figure(
            title=self.knowledge.title(name),
            value=_number(value),
            unit=self.knowledge.unit(name) or "",
            formula=formula,
            substitution=substitution,
            source=source,
            low=_number(span.low) if span and value is not None else None,
            high=_number(span.high) if span and value is not None else None,
            shown=self.show(name),
            shown_range=self._shown_range(name, span.low, span.high) if span and value is not None else None,
            waits_for=waiting_for(self.memory, name) if value is None else (),
        )

    # -- comparison ----------------------------------------------------------------------------

    def options(self) -> tuple[OptionRow, ...]:
        """The comparison of approaches."""
        if self.manifest.options is None:
            return ()
        return tuple(
            OptionRow(
                option=option,
                title=self.label(self.manifest.recommends, option),
                chosen=option == self.chosen,
                cells={column: self.show(name) for column, name in cells.items()},
            )
            for option, cells in self.manifest.options.rows.items()
        )

    def voices(self) -> tuple[Voice, ...]:
        """What framework, bands and arithmetic say, side by side."""
        deciding = self.decisive.declaration.decided_by if self.decisive else None
        found: list[Voice] = []
        for decision, voice in self.manifest.voices.items():
            says = self.outcome.conclusion(decision)
            value = says if isinstance(says, str) else None
            favours = voice.favours.get(value) if value else None
            found.append(
                Voice(
                    title=voice.title,
                    decision=decision,
                    says=value,
                    shown=self.label(decision, value),
                    favours=favours,
                    decided=decision == deciding,
                )
            )
        return tuple(found)

    def agreement(self, voices: Iterable[Voice]) -> str:
        """Whether the voices agree with the recommendation, and which one decided."""
        sides = {voice.favours for voice in voices if voice.favours}
        agree = sides <= {self.manifest.sides.get(self.chosen or "")}
        text = self.manifest.agreement.get("all_agree" if agree else "disagree", "")
        return fill_in(text, {"decided_by": self.decided_by() or ""})

    # -- turning -------------------------------------------------------------------------------

    def turning_points(self) -> tuple[tuple[TurningPoint, ...], tuple[str, ...]]:
        """Where each varied fact turns the recommendation, and the titles of those that never do."""
        points: list[TurningPoint] = []
        steady: list[str] = []
        if self.chosen is None:
            return (), ()
        for fact, figure in self.manifest.turning.items():
            current = self.memory.values[fact]
            if current is None and figure:
                current = self.memory.values[figure]
            value = current if isinstance(current, float) else None
            line = FactLine(self.memory, fact, self.manifest.fallback.conclusion if self.manifest.fallback else None)
            found = turns(line, value, self.chosen)
            points.extend(self.turning_point(turn, value, found) for turn in found)
            # Where answering today's assumed value turns it already, it is not steady, though no boundary is crossed.
            if not found and line.proved and (value is None or line.at(value) == self.chosen):
                steady.append(self.knowledge.title(fact))
        return tuple(points), tuple(steady)

    def turning_point(self, turn: Turn, current: float | None, found: Iterable[Turn]) -> TurningPoint:
        """One of the turns that were found along a fact, in words."""
        becomes = self.label(self.manifest.recommends, turn.becomes)
        return TurningPoint(
            fact=turn.fact,
            title=self.knowledge.title(turn.fact),
            unit=self.knowledge.unit(turn.fact),
            current=current,
            at=turn.at,
            side="above" if turn.side == "above" else "below",
            inclusive=turn.inclusive,
            becomes=turn.becomes,
            shown=f"{where(turn, self.knowledge, (other.at for other in found))}: {becomes}",
        )

    # -- what to know --------------------------------------------------------------------------

    def cautions(self) -> tuple[Caution, ...]:
        """The cautions that apply, in the order of the rules."""
        output = self.manifest.cautions
        if output is None:
            return ()
        verdict = self.outcome.verdicts[self.knowledge.decision_of[output]]
        rows = [verdict.table.rows[index] for index in verdict.decisive]
        return tuple(
            Caution(
                rule=row.id,
                caution=row.then[output],
                title=self.label(output, row.then[output]),
                because=self.sentence(row.declaration.because),
                source=row.declaration.source,
            )
            for row in rows
        )

    def assumptions(self) -> tuple[Assumption, ...]:
        """The defaults that stand in for answers, those first that could turn the recommendation."""
        concerns = self._used()
        found = [
            Assumption(reading=self.reading(name), could_turn=self._could_turn(name))
            for name in self.knowledge.facts
            if self.memory.origins.get(name) in ("assumed", "supposed") and name in concerns
        ]
        return tuple(sorted(found, key=lambda assumption: not assumption.could_turn))

    def _used(self) -> frozenset[str]:
        """The names the recommendation rests on; what only a given fact's default would read is left out."""
        waiting = [self.manifest.recommends] if self.manifest.recommends else list(self.knowledge.decision_of)
        used: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in used:
                continue
            used.add(name)
            source = self.knowledge.decision_of.get(name, name)
            given = self.memory.case.given.get(name)
            if given is None or given.value is None:
                waiting.extend(self.knowledge.reads.get(source, ()))
        return frozenset(used)

    def _could_turn(self, fact: str) -> bool:
        if not self.outcome.could_turn or self.outcome.recommended is None:
            return False
        ranged = self.knowledge.upstream(fact) & self.doubtful.keys()
        own = {name for name in ranged if name == fact or name in self.knowledge.amounts}
        return any(self._matters(name) for name in own)

    def _matters(self, name: str) -> bool:
        return bool(self._outcomes_of(name))

    @cached_property
    def _outlook(self) -> Outlook:
        return Outlook(self.memory, self.manifest.recommends or "", self.doubtful)

    @cached_property
    def _deciding(self) -> dict[str, frozenset[str | None]]:
        return self._outlook.deciding()

    def _outcomes_of(self, name: str) -> tuple[str, ...]:
        """The recommendations the name makes a difference between; the present one where that is not disproved."""
        if self.manifest.recommends is None:
            return ()
        if name not in self._tried:
            self._tried[name] = self._deciding.get(name) or self._outlook.matters(name)
        found = self._tried[name]
        if found is None:
            return tuple(value for value in (self.chosen,) if value)
        fallback = self.manifest.fallback.conclusion if self.manifest.fallback else None
        return tuple(sorted({value or fallback or "" for value in found} - {""}))

    def unknown(self) -> tuple[UnknownFact, ...]:
        """The unknown facts that could still change the recommendation."""
        if self.manifest.recommends is None:
            return self._waited_for()
        if not self.outcome.could_turn:
            return ()
        return tuple(
            UnknownFact(
                name=name,
                title=fact.title,
                question=fact.question,
                could_become=tuple(value for value in outcomes if value != self.outcome.recommended),
            )
            for name, fact in self.knowledge.facts.items()
            if name in self.doubtful and self.memory.values[name] is None and (outcomes := self._outcomes_of(name))
        )

    def _waited_for(self) -> tuple[UnknownFact, ...]:
        """Without a recommendation: the unknown facts that keep some decision open."""
        facts = {fact for output in self.knowledge.decision_of for fact in waiting_for(self.memory, output)}
        return tuple(
            UnknownFact(name=name, title=fact.title, question=fact.question, could_become=())
            for name, fact in self.knowledge.facts.items()
            if name in facts
        )

    # -- chart ---------------------------------------------------------------------------------

    def _chart_months(self) -> float | None:
        if self.manifest.chart is None:
            return None
        months = self.memory.values[self.manifest.chart.months]
        return months if isinstance(months, float) and math.isfinite(months) and months > 0 else None

    def chart(self) -> tuple[ChartLine, ...]:
        """The lines whose cost at the start and at the end are both known."""
        months = self._chart_months()
        if self.manifest.chart is None or months is None:
            return ()
        lines: list[ChartLine] = []
        for option, (start, total) in self.manifest.chart.lines.items():
            first, last = self.memory.values[start], self.memory.values[total]
            if isinstance(first, float) and isinstance(last, float) and math.isfinite(last - first):
                title = self.label(self.manifest.recommends, option)
                monthly = (last - first) / months
                lines.append(ChartLine(title=title, upfront=first, monthly=monthly, chosen=option == self.chosen))
        return tuple(lines)


def _names_in_order(node: Node) -> list[str]:
    from engine.language.nodes import State

    names = (part.name for part in walk(node) if isinstance(part, Name | State))
    return list(dict.fromkeys(names))
