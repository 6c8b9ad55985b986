"""What can be said against a knowledge base without a case: what is broken in it, and what its rules leave out.

First the files are read, as far as they can be; what is wrong with names, types, units and sentences is
told all at once. Then the decisions that nothing is wrong with are tried on many cases and put to the
prover: whether every case has a row, whether rows exclude each other, whether each can ever decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from engine import soundness
from engine.checking.findings import Finding, Report, by_place, finding_of
from engine.checking.trials import DECIDING, Explored, Trial, Trials, as_example
from engine.errors import BadInput, Place, Problem
from engine.knowledge import DecisionTable, Knowledge, Reading, read_knowledge
from engine.language.nodes import Node, Number, Truth, walk
from engine.source import Document
from engine.testing.conditions import written

if TYPE_CHECKING:
    from engine.checking.proofs import Unsettled

#: How long all proofs together may take, in seconds; what is left is said not to be proved.
SECONDS = 25.0
#: Cases that are tried before anything is put to the prover.
_CASES = 800
#: Fewer for a base of many rows, each of which takes its time.
_EVALUATIONS = 400_000
#: Problems that make whatever depends on them look wrong, too.
_MISLEADING = ("units", "default", "bounds")
#: Problems with a whole file: what it says cannot be known, and may be anything.
_LOST = ("unreadable", "missing-file", "yaml")
#: Rules that a message lists by id.
_MOST_NAMED = 4


def check(directory: Path | str | None = None, *, on: date | None = None, seconds: float = SECONDS) -> Report:
    """Everything found in a directory of rules, by default the built-in one.

    Args:
        directory: holds the files of the base.
        on: the day whose dated values and rules are looked at; today where absent.
        seconds: how long the proofs may take in all.
    """
    try:
        reading = read_knowledge(directory, on)
    except BadInput as error:
        return Report(by_place(map(finding_of, error.problems)))
    knowledge = reading.knowledge
    findings = [finding_of(problem) for problem in reading.problems]
    unsound = _unsound(reading)
    findings += map(finding_of, unsound)
    findings += _ignored_files(knowledge)
    findings += map(finding_of, _claims(reading))
    if not findings:
        findings += _engine_limits(knowledge)
    if lost := [finding for finding in findings if finding.code in _LOST]:
        files = _listed(list(dict.fromkeys(finding.place.file for finding in lost)), "and")
        message = f"gaps and overlaps were not looked for, because {files} could not be read"
        findings.append(Finding("not-proved", Place(_shown_directory(knowledge)), message))
        return Report(by_place(findings), (), reading.lines)
    misled = frozenset(problem.field for problem in unsound if problem.field and problem.code in _MISLEADING)
    examination = _Examination(reading, misled, seconds)
    findings += examination.findings()
    return Report(by_place(findings), tuple(examination.proved), reading.lines)


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


def _engine_limits(knowledge: Knowledge) -> Iterator[Finding]:
    """A rule that the inference engine cannot hold, told by its id."""
    from engine.inference import CompileError, Program

    try:
        Program(knowledge)
    except CompileError as error:
        message = str(error)
        places = {row.id: row.place for table in knowledge.decisions.values() for row in table.rows}
        place = places.get(message.partition(":")[0], Place(_shown_directory(knowledge)))
        yield Finding("engine-limit", place, message)


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
        self._settled: list[str] = []
        for table in self._whole:
            yield from self._decision(table)
        yield from self._left_out()
        yield from self._defaults()
        yield from _Usage(self).findings()
        if self._settled:
            self.proved.append(_in_sum(self._settled))

    def _left_out(self) -> Iterator[Finding]:
        """The decisions that could not be looked at, because something is wrong with what they depend on."""
        left_out = [table for name, table in self.knowledge.decisions.items() if name in self.incomplete]
        if left_out:
            names = _listed([table.name for table in left_out], "and")
            message = f"gaps and overlaps were not looked for in {names}, because something they depend on is broken"
            yield Finding("not-proved", Place(left_out[0].file, 1), message, "Correct the errors first")

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
                yield Finding(
                    "not-proved", place, f"{name}: whether its default stays within its bounds was not proved"
                )

    # -- one decision ------------------------------------------------------------------------------

    def _decision(self, table: DecisionTable) -> Iterator[Finding]:
        found = [*self._gaps(table), *self._together(table)]
        dead: dict[int, Finding] = {}
        for finding, row in self._dead(table):
            found.append(finding)
            if row is not None:
                dead[row] = finding
        found += self._unreached(table, dead)
        if not found:
            self._settled.append(table.name)
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
            message = f"{table.name}: no row covers the case that {self._in_english(gap.region)}"
            hint = f"Add a row for it, or widen one: when: {written(gap.region)}"
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

    def _dead(self, table: DecisionTable) -> Iterator[tuple[Finding, int | None]]:
        from engine.checking.proofs import Unsettled

        rows = [row for row in range(len(table.rows)) if (table.name, row) not in self.explored.decides]
        rows = [row for row in rows if not _catches_all(table, row)]
        holds = self.explored.holds
        holding = {row: holds[table.name, row] for row in rows if (table.name, row) in holds}
        for found in self.proofs.dead(table.name, rows, holding):
            if isinstance(found, Unsettled):
                yield self._unsettled(table, found), None
                continue
            row = table.rows[found.row]
            if found.trial is None:
                message = f"{row.id}: its condition is never true"
                hint = "Leave the row out, or correct its condition"
                yield Finding("never-holds", row.when_place, message, hint), found.row
                continue
            earlier = _listed([table.rows[index].id for index in found.by], "or")
            message = f"{row.id}: never decides, because whenever it holds {earlier} has decided already"
            hint = "Leave the row out, move it up, or narrow the rows before it"
            yield Finding("masked", row.place, message, hint, as_example(found.trial.case)), found.row

    def _unreached(self, table: DecisionTable, dead: Mapping[int, Finding]) -> Iterator[Finding]:
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
                hint = "Leave the value out, or add a row that concludes it"
                yield Finding("unreached-value", self._value_place(table, output, value), f"{value}: {why}", hint)

    def _unsettled(self, table: DecisionTable, found: Unsettled) -> Finding:
        """That something was not proved, and why not."""
        of = _listed([table.rows[row].id for row in found.rows], "and") if found.rows else table.name
        place = table.rows[found.rows[0]].place if found.rows else self._place(table, "rules", key=True)
        what = f"{of}: {found.about} was not proved"
        if found.enough:
            return Finding("not-proved", place, what, "Correct these first")
        if not self.proofs.clock.milliseconds:
            return Finding("not-proved", place, f"{what} in {self.seconds:g} seconds")
        if products := self._products(table):
            return Finding(
                "not-proved", place, f"{what}; it depends on products of quantities, {_listed(products, 'and')}"
            )
        why = "it depends on conclusions that stand although something they depend on is unknown"
        return Finding("not-proved", place, f"{what}; {why}")

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


def _listed(names: Sequence[str], joined_by: str) -> str:
    """The names as people list them, the first few of many."""
    shown = list(names[:_MOST_NAMED])
    if len(names) > _MOST_NAMED:
        shown.append(f"{len(names) - _MOST_NAMED} more")
        joined_by = "and"
    return f" {joined_by} ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def _in_sum(names: Sequence[str]) -> str:
    many = len(names) != 1
    subject = f"{len(names)} decisions: every case has" if many else f"{names[0]}: every case has"
    return f"Proved of {subject} a row, no two rows contradict each other, and each can decide."


class _Usage:
    """Looks for facts that nothing reads and questions whose answer changes nothing."""

    def __init__(self, examination: _Examination) -> None:
        self.reading = examination.reading
        self.incomplete = examination.incomplete
        self.knowledge = examination.knowledge
        self.explored = examination.explored
        self.proofs = examination.proofs

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
        knowledge = self.knowledge
        return frozenset().union(*(names - {owner} for owner, names in knowledge.reads.items()))

    def _told(self) -> frozenset[str]:
        from engine.sentences import SentenceError, names_in_sentence

        found: set[str] = set()
        for table in self.knowledge.decisions.values():
            for row in table.rows:
                try:
                    found |= names_in_sentence(row.declaration.because)
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
        if self.explored.matters(name, decisions):
            return
        verdict = self.proofs.matters(name, [table.name for table in decisions])
        if verdict is False:
            yield Finding("idle-question", place, f"{name}: no answer to it changes any conclusion", hint)
        elif verdict is None:
            message = f"{name}: whether its answer can change a conclusion was not proved"
            yield Finding("not-proved", place, message)

    def _place(self, name: str, *path: str, key: bool = False) -> Place:
        return self.knowledge.documents["facts.yaml"].place(("facts", name, *path), key=key)
