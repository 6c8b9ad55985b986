"""What can be said against a knowledge base without a case: what is broken in it, and what its rules leave out.

First the files are read, as far as they can be; what is wrong with names, types, units and sentences is
told all at once. Then the decisions that nothing is wrong with are tried on many cases and put to the
prover: whether every case has a row, whether rows exclude each other, whether each can ever decide.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from engine import soundness
from engine.checking.findings import Finding, Report, by_place, finding_of
from engine.checking.trials import DECIDING, Explored, Trial, Trials, as_example
from engine.declarations import KnowledgeFile, RuleDeclaration, word_of
from engine.errors import BadInput, Place, Problem
from engine.knowledge import DecisionTable, Knowledge, Reading, read_knowledge
from engine.language.nodes import And, Comparison, Node, Number, Truth, walk
from engine.source import Document, read_text
from engine.testing.conditions import written

if TYPE_CHECKING:
    from engine.checking.proofs import Dead, Unsettled

#: How long all proofs together may take, in seconds; what is left is said not to be proved.
SECONDS = 25.0
#: Cases that are tried before anything is put to the prover.
_CASES = 400
#: Fewer for a base of many rows, each of which takes its time.
_EVALUATIONS = 400_000
#: Problems that make whatever depends on them look wrong, too.
_MISLEADING = ("units", "default", "bounds")
#: Problems with a whole file: what it says cannot be known, and may be anything.
_LOST = ("unreadable", "missing-file", "yaml")
#: Cases of one decision that are varied before it is asked whether a conclusion stands without an answer.
_MOST_TRIED = 40
#: Rules that a message lists by id.
_MOST_NAMED = 4
#: The comparisons that together leave one value.
_ENDS = ("<=", ">=")
#: Later days from which other values and rules are in force that are looked at.
MOST_PERIODS = 12
#: What each of them may take at least, in seconds, however long those before it took.
_LEAST_SECONDS = 0.5
#: A day as messages name it: the same finding may name another on another day.
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def check(directory: Path | str | None = None, *, on: date | None = None, seconds: float = SECONDS) -> Report:
    """Everything found in a directory of rules, by default the built-in one.

    Where what is in force depends on the day, each later period is looked at too, and what is found only there
    says from which day on it holds.

    Args:
        directory: holds the files of the base.
        on: the day whose dated values and rules are looked at; today where absent.
        seconds: how long the proofs may take in all.
    """
    until = time.monotonic() + seconds
    try:
        reading = read_knowledge(directory, on)
    except BadInput as error:
        return Report(by_place(map(finding_of, error.problems)))
    today = _found(reading, seconds)
    # Tests are run as of today: what they say of rules that have ended by a later day is no fault yet.
    of_tests = [] if reading.problems else _tests(reading.knowledge)
    today.findings.extend(map(finding_of, of_tests))
    lines = {**reading.lines, **dict(_lines_of(of_tests, reading.knowledge))}
    if not reading.knowledge.dated:
        return Report(by_place(today.findings), tuple(today.proved), lines)
    later = [day for day in reading.knowledge.changes if day > reading.knowledge.on]
    periods = [today]
    periods.extend(
        _found(read_knowledge(directory, day), max(until - time.monotonic(), _LEAST_SECONDS))
        for day in later[:MOST_PERIODS]
    )
    findings = [*_of_periods(periods), *_not_looked_at(later[MOST_PERIODS:], reading.knowledge)]
    return Report(by_place(findings), tuple(_proved_of(periods)), lines, tuple(one.day for one in periods))


@dataclass(frozen=True, slots=True)
class _Period:
    """What was found of a base as of one day, and what was proved of it."""

    day: date
    findings: list[Finding]
    proved: Sequence[str] = ()


def _of_periods(periods: Sequence[_Period]) -> Iterator[Finding]:
    """Every finding once; one that is not of the first day with the day from which it holds."""
    known: set[tuple[str, Place, str]] = set()
    for period in periods:
        new = [one for one in period.findings if _gist(one) not in known]
        known.update(map(_gist, new))
        for one in new:
            says_when = period is periods[0] or str(period.day) in one.message
            yield one if says_when else replace(one, message=f"{one.message}, from {period.day} on")


def _not_looked_at(days: Sequence[date], knowledge: Knowledge) -> Iterator[Finding]:
    if days:
        message = f"what is in force from {', '.join(map(str, days))} on was not looked at"
        hint = f"The next {MOST_PERIODS} such days are looked at: check again when the first of them has come"
        yield Finding("not-proved", Place(_shown_directory(knowledge)), message, hint)


def _gist(finding: Finding) -> tuple[str, Place, str]:
    """What makes two findings of two days the same one; the case that shows it may be another."""
    return finding.code, finding.place, _DAY.sub("", finding.message)


def _proved_of(periods: Sequence[_Period]) -> Iterator[str]:
    """What was proved of each period, said once where it is the same of the one before."""
    for before, period in zip((None, *periods), periods, strict=False):
        if before is None:
            yield from period.proved
        elif period.proved != before.proved:
            yield from (f"From {period.day}: {one}" for one in period.proved)


def _found(reading: Reading, seconds: float) -> _Period:
    """What is found in a base as of one day, and what is proved of it."""
    knowledge = reading.knowledge
    findings = [finding_of(problem) for problem in reading.problems]
    unsound = _unsound(reading)
    findings += map(finding_of, unsound)
    findings += _ignored_files(knowledge)
    findings += map(finding_of, _claims(reading))
    if not findings:
        findings += _engine_limits(knowledge)
    if lost := [finding for finding in findings if finding.code in _LOST]:
        files = _listed(list(dict.fromkeys(finding.place.file for finding in lost)), "and", most=None)
        message = f"gaps and overlaps were not looked for, because {files} could not be read"
        findings.append(Finding("not-proved", Place(_shown_directory(knowledge)), message, "Correct the errors first"))
        return _Period(knowledge.on, findings)
    misled = frozenset(problem.field for problem in unsound if problem.field and problem.code in _MISLEADING)
    examination = _Examination(reading, misled, seconds)
    findings += examination.findings()
    return _Period(knowledge.on, findings, examination.proved)


# -- what needs no case --------------------------------------------------------------------------------


def _unsound(reading: Reading) -> list[Problem]:
    found: list[Problem] = []
    try:
        found.extend(soundness.unsound(reading.knowledge, has_units=reading.has_units, suspected=reading.unread))
    except BadInput as error:
        found.extend(error.problems)
    return found


def _ignored_files(knowledge: Knowledge) -> Iterator[Finding]:
    directory = knowledge.directory
    shown = _shown_directory(knowledge)
    for path in sorted(directory.glob("*.yml")):
        message = "is not read: the files of a base end in .yaml"
        yield Finding("ignored-file", Place(f"{shown}/{path.name}"), message, f"Name it {path.stem}.yaml")


def _shown_directory(knowledge: Knowledge) -> str:
    document = next(iter(knowledge.documents.values()), None)
    return document.file.rpartition("/")[0] if document else str(knowledge.directory)


def _claims(reading: Reading) -> Sequence[Problem]:
    """What is wrong with the claims; whether they fit the base is only said of a base that is whole."""
    from engine.claims import load_claims, recompute

    path = reading.knowledge.directory / "claims.yaml"
    if not path.exists():
        return ()
    try:
        claims = load_claims(path, shown=f"{_shown_directory(reading.knowledge)}/{path.name}")
        if not reading.problems:
            recompute(claims, reading.knowledge)
    except BadInput as error:
        return [replace(one, code="claims") if one.code == "invalid" else one for one in error.problems]
    return ()


def _tests(knowledge: Knowledge) -> Sequence[Problem]:
    """What is wrong with the tests beside the rules, such that they cannot be run."""
    from engine.testing.rule_tests import FOLDER, read_tests

    if not (knowledge.directory / FOLDER).is_dir():
        return ()
    try:
        read_tests(knowledge)
    except BadInput as error:
        return [replace(one, code=_code_of_test(one)) for one in error.problems]
    return ()


def _code_of_test(problem: Problem) -> str:
    """The code of what is wrong with a test, where the reader of tests and cases has none of its own."""
    if problem.code == "invalid" and "no fact of this name" in problem.message:
        return "unknown-name"
    if problem.code == "invalid" and "not valid YAML" in problem.message:
        return "yaml"
    return problem.code


def _lines_of(problems: Sequence[Problem], knowledge: Knowledge) -> Iterator[tuple[str, Sequence[str]]]:
    """The lines of the files of tests in which something is wrong."""
    from engine.testing.rule_tests import files_of_tests

    wrong = {problem.place.file for problem in problems}
    for path, shown in files_of_tests(knowledge) if wrong else ():
        if shown in wrong:
            try:
                yield shown, read_text(path, shown=shown).replace("\r\n", "\n").split("\n")
            except BadInput:
                continue


def _engine_limits(knowledge: Knowledge) -> Iterator[Finding]:
    """A rule that the inference engine cannot hold, told by its id."""
    from engine.inference import CompileError, Program

    try:
        Program(knowledge)
    except CompileError as error:
        message = str(error)
        places = {row.id: row.place for table in knowledge.decisions.values() for row in table.rows}
        place = places.get(message.partition(":")[0], Place(_shown_directory(knowledge)))
        yield finding_of(Problem(place, message, code="engine-limit"))


# -- what the rules leave out --------------------------------------------------------------------------


class _Examination:
    """Looks at the decisions of a base that nothing is wrong with, and at its facts.

    Args:
        reading: the base, perhaps without what is broken in it.
        unsound: rules, figures and facts that do not say what is meant, as their units or bounds do not fit.
        seconds: how long the proofs may take in all.
    """

    def __init__(self, reading: Reading, unsound: frozenset[str], seconds: float) -> None:
        self.reading = reading
        self.knowledge = reading.knowledge
        self.seconds = seconds
        #: What was proved, in sentences.
        self.proved: list[str] = []
        rules = self.knowledge.decisions.items()
        owners = {name for name, table in rules if any(row.id in unsound for row in table.rows)}
        self.incomplete = self.knowledge.depending_on(reading.incomplete | unsound | owners)
        self._whole = [
            table
            for name in self.knowledge.order
            if (table := self.knowledge.decisions.get(name)) is not None and name not in self.incomplete
        ]

    def findings(self) -> Iterator[Finding]:
        """Everything found, decision by decision."""
        from engine.checking.proofs import Proofs
        from engine.checking.questions import Clock

        trials = Trials(self.knowledge)
        rows = sum(len(table.rows) for table in self.knowledge.decisions.values())
        self.explored = Explored(trials, min(_CASES, _EVALUATIONS // (rows + 1)), [table.name for table in self._whole])
        self.proofs = Proofs(self.knowledge, trials, Clock(self.seconds))
        #: Decisions of which everything was proved.
        self.settled: list[str] = []
        #: Decisions whose last row takes everything that is left, and was not found to decide.
        self._catching: set[str] = set()
        for table in self._whole:
            yield from self._decision(table)
        yield from self._left_out()
        yield from self._defaults()
        yield from _Usage(self).findings()
        if self.settled:
            self.proved.append(_in_sum(self.settled, [name for name in self.settled if name in self._catching]))

    def _left_out(self) -> Iterator[Finding]:
        """The decisions that could not be looked at, because something is wrong with what they depend on."""
        left_out = [table for name, table in self.knowledge.decisions.items() if name in self.incomplete]
        if left_out:
            names = _listed([table.name for table in left_out], "and", most=None)
            message = f"gaps and overlaps were not looked for in {names}, because something they depend on is broken"
            place = Place(_shown_directory(self.knowledge))
            yield Finding("not-proved", place, message, "Correct the errors first")

    def _defaults(self) -> Iterator[Finding]:
        """Defaults whose formula gives what the fact may not be; constants are looked at elsewhere."""
        tried = list(self.explored.decides.values())
        for name, quantity in self.knowledge.quantities.items():
            if quantity.kind != "fact" or name in self.incomplete or isinstance(quantity.formula, Number):
                continue
            found = self.proofs.default_beyond(name, tried)
            place = self.knowledge.documents["facts.yaml"].place(("facts", name, "default"))
            if isinstance(found, Trial):
                message = f"{name}: its default is outside the fact's bounds"
                yield Finding("default", place, message, "Change the default or the bounds", as_example(found.case))
            elif found is None:
                yield _unproved(place, f"{name}: whether its default stays within its bounds was not proved")

    # -- one decision ------------------------------------------------------------------------------

    def _decision(self, table: DecisionTable) -> Iterator[Finding]:
        from engine.checking.proofs import Dead

        found = [*self._gaps(table), *self._together(table)]
        unseen = [row for row in range(len(table.rows)) if (table.name, row) not in self.explored.decides]
        last = unseen.pop() if unseen and _catches_all(table, unseen[-1]) else None
        dead: set[int] = set()
        for answer in self._not_deciding(table, unseen):
            found.append(self._never_decides(table, answer))
            if isinstance(answer, Dead):
                dead.add(answer.row)
        if last is not None:
            found += self._last(table, last, dead)
        found += self._unreached(table, dead)
        if not found:
            self.settled.append(table.name)
        yield from found

    def _gaps(self, table: DecisionTable) -> Iterator[Finding]:
        from engine.checking.proofs import Unsettled

        if table.policy not in DECIDING:
            return
        place = self._place(table, "rules", key=True)
        for gap in self.proofs.gaps(table.name):
            if isinstance(gap, Unsettled):
                yield self._unsettled(table, gap)
                continue
            if gap.region is None:
                message = f"{table.name}: no row covers this case"
                yield Finding("gap", place, message, "Add a row for it", as_example(gap.trial.case))
                continue
            if gap.region == Truth(value=True):
                message = f"{table.name}: no row ever covers a case in which everything is known"
                yield Finding("gap", place, message, "Add rows", as_example(gap.trial.case))
                continue
            region = _at_points(gap.region)
            message = f"{table.name}: no row covers the case that {self._in_english(region)}"
            hint = f"Add a row for it, or widen one: when: {written(region)}"
            yield Finding("gap", place, message, hint, as_example(gap.trial.case))

    def _together(self, table: DecisionTable) -> Iterator[Finding]:
        from engine.checking.proofs import Unsettled

        if table.policy not in ("unique", "any"):
            return
        code = "overlap" if table.policy == "unique" else "contradiction"
        together = self.explored.together
        seen = {(one, other): trial for (name, one, other), trial in together.items() if name == table.name}
        for found in self.proofs.together(table.name, seen):
            if isinstance(found, Unsettled):
                yield self._unsettled(table, found)
                continue
            one, other = table.rows[found.one], table.rows[found.other]
            what = "both hold" if code == "overlap" else "both hold and conclude different things"
            message = f"{one.id} and {other.id} {what}, and the hit policy is {table.policy}"
            hint = "Let one of them exclude the other, or write hit_policy: first"
            yield Finding(code, other.place, message, hint, as_example(found.trial.case))

    def _not_deciding(self, table: DecisionTable, rows: Sequence[int]) -> Iterator[Dead | Unsettled]:
        """Which of these rows never decide, or may not."""
        holds = self.explored.holds
        holding = {row: holds[table.name, row] for row in rows if (table.name, row) in holds}
        return self.proofs.dead(table.name, rows, holding)

    def _never_decides(self, table: DecisionTable, found: Dead | Unsettled) -> Finding:
        from engine.checking.proofs import Unsettled

        if isinstance(found, Unsettled):
            return self._unsettled(table, found)
        row = table.rows[found.row]
        if found.trial is None:
            message = f"{row.id}: its condition is never true"
            return Finding("never-holds", row.when_place, message, "Leave the row out, or correct its condition")
        earlier = _listed([table.rows[index].id for index in found.by], "or")
        message = f"{row.id}: never decides, because whenever it holds {earlier} has decided already"
        hint = "Leave the row out, move it up, or narrow the rows before it"
        return Finding("masked", row.place, message, hint, as_example(found.trial.case))

    def _last(self, table: DecisionTable, row: int, dead: set[int]) -> Iterator[Finding]:
        """What is to be said of a last row for everything that is left, of which no case was found that it decides.

        That nothing is left is no fault, unless nothing else concludes what the row would: it joins the dead ones.
        """
        from engine.checking.proofs import Unsettled

        for answer in self._not_deciding(table, [row]):
            self._catching.add(table.name)
            if not isinstance(answer, Unsettled):
                dead.add(row)
            elif _concludes_alone(table, row, dead):
                yield self._unsettled(table, answer)

    def _unreached(self, table: DecisionTable, dead: Collection[int]) -> Iterator[Finding]:
        for output, values in table.outputs.items():
            for value in values:
                rows = [index for index, row in enumerate(table.rows) if row.then[output] == value]
                if rows and not all(index in dead for index in rows):
                    continue
                why = "no row concludes it"
                if rows:
                    never = _listed([table.rows[index].id for index in rows], "and")
                    why = f"only {never} would, and {'that' if len(rows) == 1 else 'they'} never decides"
                    why = why if len(rows) == 1 else why.replace("decides", "decide")
                place = self._value_place(table, output, value)
                if not rows and (others := self._not_in_force(table, output, value)):
                    yield self._of_another_day(place, value, others)
                    continue
                hint = "Leave the value out, or add a row that concludes it"
                yield Finding("unreached-value", place, f"{value}: {why}", hint)

    def _not_in_force(self, table: DecisionTable, output: str, value: str) -> list[RuleDeclaration]:
        """The rules that would conclude a value if they were in force on the day."""
        key = table.declaration.keys[output]
        return [
            rule
            for rule in table.declaration.rules
            if not rule.in_force(self.knowledge.on)
            and word_of(rule.then[key] if isinstance(rule.then, dict) else rule.then) == value
        ]

    def _of_another_day(self, place: Place, value: str, rules: Sequence[RuleDeclaration]) -> Finding:
        """That a value is concluded on other days alone: nothing is wrong where one of them is to come."""
        names, on = _listed([rule.id for rule in rules], "and"), self.knowledge.on
        verb = "is" if len(rules) == 1 else "are"
        message = f"{value}: only {names} would conclude it, which {verb} not in force on {on}"
        comes = any(rule.since is not None and rule.since > on for rule in rules)
        hint = "Nothing needs to be done" if comes else "Leave the value out, or add a row that concludes it"
        return Finding("unreached-value", place, message, hint, is_note=comes)

    def _unsettled(self, table: DecisionTable, found: Unsettled) -> Finding:
        """That something was not proved, and why not."""
        of = _listed([table.rows[row].id for row in found.rows], "and", most=None) if found.rows else table.name
        place = table.rows[found.rows[0]].place if found.rows else self._place(table, "rules", key=True)
        what = f"{of}: {found.about} was not proved"
        if found.enough:
            return Finding("not-proved", place, what, "Correct these first")
        if not self.proofs.clock.milliseconds:
            return _unproved(place, f"{what} in {round(self.seconds, 1):g} seconds")
        if products := self._products(table):
            of = _listed(products, "and", most=None)
            return _unproved(place, f"{what}; it depends on products of quantities, {of}")
        why = "it depends on conclusions that stand although something they depend on is unknown"
        return _unproved(place, f"{what}; {why}")

    def _products(self, table: DecisionTable) -> list[str]:
        """The figures a decision depends on that multiply or divide quantities."""
        from engine.checking.questions import is_product

        knowledge, upstream = self.knowledge, self.proofs.upstream(table.name)
        names = [
            name
            for name in knowledge.order
            if name in upstream
            and name in knowledge.quantities
            and any(is_product(part, knowledge) for part in walk(knowledge.quantities[name].formula))
        ]
        # What conditions read of a decision is computed under a name that no file has.
        return list(dict.fromkeys(knowledge.readings.get(name, name) for name in names))

    # -- places and words --------------------------------------------------------------------------

    def document(self, table: DecisionTable) -> Document:
        """The file of a decision."""
        return self.knowledge.documents[Path(table.file).name]

    def _place(self, table: DecisionTable, *path: str, key: bool = False) -> Place:
        return self.document(table).place(path, key=key)

    def _value_place(self, table: DecisionTable, output: str, value: str) -> Place:
        document, key = self.document(table), table.declaration.keys[output]
        path: tuple[str, ...] = ("values",) if isinstance(table.declaration.decides, str) else ("decides", key)
        declared = document.part(path).value
        if isinstance(declared, list):
            written_values = [document.text((*path, index)) for index in range(len(declared))]
            return document.place((*path, written_values.index(value)) if value in written_values else path)
        return document.place((*path, value), key=True)

    def _in_english(self, region: Node) -> str:
        from engine.wording import condition_in_english

        return condition_in_english(self.knowledge, region)


def _catches_all(table: DecisionTable, row: int) -> bool:
    """A last row for everything that is left; that nothing is left is no fault."""
    return row == len(table.rows) - 1 and table.rows[row].when == Truth(value=True)


def _concludes_alone(table: DecisionTable, row: int, dead: Collection[int]) -> bool:
    """Whether a row concludes something that no other row does, the dead ones aside."""
    others = [other for index, other in enumerate(table.rows) if index != row and index not in dead]
    return any(all(other.then[output] != value for other in others) for output, value in table.rows[row].then.items())


def _unproved(place: Place, message: str) -> Finding:
    """That something was not proved, with what to do all the same."""
    return finding_of(Problem(place, message, code="not-proved"))


def _at_points(region: Node) -> Node:
    """The region with what is both at least and at most a value told as equal to it."""
    if not isinstance(region, And):
        return region
    ends = {(part.operator, part.left, part.right) for part in region.parts if isinstance(part, Comparison)}
    parts: dict[Node, None] = {}
    for part in region.parts:
        parts[_at_point(part, ends)] = None
    return And(tuple(parts)) if len(parts) > 1 else next(iter(parts))


def _at_point(part: Node, ends: Collection[tuple[str, Node, Node]]) -> Node:
    if not isinstance(part, Comparison) or part.operator not in _ENDS:
        return part
    is_point = all((operator, part.left, part.right) in ends for operator in _ENDS)
    return replace(part, operator="==") if is_point else part


def _listed(names: Sequence[str], joined_by: str, *, most: int | None = _MOST_NAMED) -> str:
    """The names as people list them, the first few of many where there are to be no more."""
    shown = list(names[:most])
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown)} more")
        joined_by = "and"
    return f" {joined_by} ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def _in_sum(names: Sequence[str], catching: Sequence[str]) -> str:
    """What is proved of decisions; the last rows of some of them take what is left, if there is any."""
    many = len(names) != 1
    subject = f"{len(names)} decisions: every case has" if many else f"{names[0]}: every case has"
    but = ""
    if catching:
        of = f" of {_listed(catching, 'and', most=None)}" if many else ""
        but = f" but the last{of}, which {'catches' if len(catching) == 1 else 'catch'} what is left"
    return f"Proved of {subject} a row, no two rows contradict each other, and each can decide{but}."


def _shown(manifest: KnowledgeFile) -> Iterator[str]:
    """The facts and figures that a base has shown in the report, by name."""
    yield from manifest.arithmetic
    yield from manifest.turning
    yield from filter(None, (*manifest.turning.values(), manifest.saving))
    if manifest.options:
        for cells in manifest.options.rows.values():
            yield from cells.values()
    if manifest.chart:
        yield manifest.chart.months
        for line in manifest.chart.lines.values():
            yield from line


class _Usage:
    """Looks for facts that nothing reads and questions whose answer changes nothing."""

    def __init__(self, examination: _Examination) -> None:
        self.reading = examination.reading
        self.incomplete = examination.incomplete
        self.knowledge = examination.knowledge
        self.explored = examination.explored
        self.proofs = examination.proofs
        self.settled = examination.settled

    def findings(self) -> Iterator[Finding]:
        """Every such fact."""
        if self.reading.unread is None:
            return
        read, told = self._read(), self._told()
        for name, fact in self.knowledge.facts.items():
            if name in self.reading.unread or name in self.incomplete:
                continue
            if name not in read:
                where = "only sentences mention it" if name in told else "no formula, rule or sentence reads it"
                place = self._place(name, key=True)
                hint = "Leave the fact out, or let a rule or formula read it"
                yield Finding("unused-fact", place, f"{name}: {where}", hint)
            elif fact.question and not self.incomplete:
                yield from self._idle(name)

    def _read(self) -> frozenset[str]:
        """What something is computed or decided from, and what the report shows."""
        knowledge = self.knowledge
        of_others = (names - {owner} for owner, names in knowledge.reads.items())
        return frozenset(_shown(knowledge.manifest)).union(*of_others)

    def _told(self) -> frozenset[str]:
        from engine.sentences import SentenceError, names_in_sentence

        fallback = self.knowledge.manifest.fallback
        sentences = [row.declaration.because for table in self.knowledge.decisions.values() for row in table.rows]
        found: set[str] = set()
        for sentence in [*sentences, *([fallback.because] if fallback else [])]:
            try:
                found |= names_in_sentence(sentence)
            except SentenceError:
                continue
        return frozenset(found)

    def _idle(self, name: str) -> Iterator[Finding]:
        decisions = [
            table for table in self.knowledge.decisions.values() if name in self.knowledge.upstream(table.name)
        ]
        place = self._place(name, "question")
        hint = "Leave the question out, or let a rule depend on its answer"
        if not decisions:
            yield Finding("idle-question", place, f"{name}: no decision depends on its answer", hint)
            return
        names = [table.name for table in decisions]
        if self.explored.matters(name, decisions):
            if self.proofs.stands_without(name, names, self.settled, self._deciding(names)):
                message = f"{name}: every conclusion stands without its answer, and no answer changes it"
                yield Finding("idle-question", place, message, hint)
            return
        verdict = self.proofs.matters(name, names)
        if verdict is False:
            yield Finding("idle-question", place, f"{name}: no answer to it changes any conclusion", hint)
        elif verdict is None:
            message = f"{name}: whether its answer can change a conclusion was not proved"
            yield _unproved(place, message)

    def _deciding(self, decisions: Collection[str]) -> Mapping[str, list[Trial]]:
        """For each decision cases in which its rows decide."""
        found: dict[str, list[Trial]] = {name: [] for name in decisions}
        for (name, _), trial in self.explored.decides.items():
            if name in found and len(found[name]) < _MOST_TRIED:
                found[name].append(trial)
        return found

    def _place(self, name: str, *path: str, key: bool = False) -> Place:
        return self.knowledge.documents["facts.yaml"].place(("facts", name, *path), key=key)
