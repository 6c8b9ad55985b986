"""What is in a knowledge base, entry by entry: for ``rules show`` and for the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.declarations import RangeOf
from engine.errors import BadInput, Place, Problem, did_you_mean
from engine.knowledge import DecisionTable, Knowledge, Row
from engine.language.nodes import Node, functions_in
from engine.quantities import show
from engine.wording import condition_in_english, formula_in_english, label, show_name


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule, decision, fact, figure, amount or table.

    Args:
        lines: what it says, in plain English, one statement a line.
        text: the condition or formula as written; empty where there is none.
        inputs: the names it reads.
        readers: the rules, figures and decisions that read it.
    """

    kind: str
    name: str
    title: str
    unit: str
    lines: tuple[str, ...]
    text: str
    source: str
    place: str
    inputs: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()


def known_names(knowledge: Knowledge) -> list[str]:
    """Every id that ``entry`` knows, in the order of the files."""
    rows = [row.id for table in knowledge.decisions.values() for row in table.rows]
    outputs = [name for table in knowledge.decisions.values() for name in dict.fromkeys((table.name, *table.outputs))]
    return [*knowledge.facts, *knowledge.figures, *knowledge.amounts, *knowledge.tables, *outputs, *rows]


def catalogue(knowledge: Knowledge) -> dict[str, tuple[Entry, ...]]:
    """Every entry by kind; where a rule has the name of something else, both."""
    rules = {row.id for table in knowledge.decisions.values() for row in table.rows}
    found: dict[str, list[Entry]] = {}
    for name in dict.fromkeys(known_names(knowledge)):
        entries = [_rule_entry(knowledge, name) if name in rules else None, _named_entry(knowledge, name)]
        for one in filter(None, reversed(entries)):
            found.setdefault(one.kind, []).append(one)
    return {kind: tuple(entries) for kind, entries in found.items()}


def entry(knowledge: Knowledge, name: str) -> Entry:
    """The entry with that id; the rule where a rule and something else have one name.

    Raises:
        BadInput: no rule, decision, fact, figure, amount or table has it.
    """
    found = _rule_entry(knowledge, name) or _named_entry(knowledge, name)
    if found is not None:
        return found
    _refuse_rule_of_another_day(knowledge, name)
    known = known_names(knowledge)
    starting = [other for other in known if other.startswith(name)]
    hint = f"Did you mean '{starting[0]}'?" if starting else did_you_mean(name, known)
    place = Place(f"knowledge base {knowledge.manifest.name}")
    message = f"nothing is called '{name}'"
    raise BadInput([Problem(place, message, hint=hint or "List them all with: breakeven rules show")])


def _refuse_rule_of_another_day(knowledge: Knowledge, name: str) -> None:
    """Refuse the id of a rule that is there, but not in force on the day."""
    for table in knowledge.decisions.values():
        for position, rule in enumerate(table.declaration.rules):
            if rule.id == name and not rule.in_force(knowledge.on):
                document = knowledge.documents[Path(table.file).name]
                parts = (("from", rule.since), ("until", rule.until))
                days = " ".join(f"{word} {day}" for word, day in parts if day is not None)
                message = f"the rule '{name}' is not in force on {knowledge.on}; it is {days}"
                hint = "Change its from and until if it should be, or read it in its file"
                raise BadInput([Problem(document.place(("rules", position, "id")), message, hint=hint)])


def _rule_entry(knowledge: Knowledge, name: str) -> Entry | None:
    for table in knowledge.decisions.values():
        for row in table.rows:
            if row.id == name:
                return _rule(knowledge, table.name, row)
    return None


def _named_entry(knowledge: Knowledge, name: str) -> Entry | None:
    if name in knowledge.decision_of or name in knowledge.decisions:
        return _decision(knowledge, name)
    makers = (
        (knowledge.facts, _fact),
        (knowledge.figures, _figure),
        (knowledge.amounts, _amount),
        (knowledge.tables, _table),
    )
    return next((make(knowledge, name) for declared, make in makers if name in declared), None)


def readers_of(knowledge: Knowledge, name: str) -> tuple[str, ...]:
    """The rules, figures and defaults that read a name or table."""
    return tuple(dict.fromkeys(_readers(knowledge, name)))


def _readers(knowledge: Knowledge, name: str) -> Iterator[str]:
    for owner, quantity in knowledge.quantities.items():
        reads = knowledge.declared_names(quantity.formula) | functions_in(quantity.formula)
        if name in reads and owner not in knowledge.readings:
            yield owner
    for table in knowledge.decisions.values():
        for row in table.rows:
            if name in knowledge.declared_names(row.when) | functions_in(row.when):
                yield row.id


def _tables_in(knowledge: Knowledge, node: Node) -> frozenset[str]:
    return functions_in(node) & knowledge.tables.keys()


def _place(knowledge: Knowledge, file: str, *path: str) -> str:
    return str(knowledge.documents[file].place(path, key=True))


def _rule(knowledge: Knowledge, decision: str, row: Row) -> Entry:
    table = knowledge.decisions[decision]
    position = table.rows.index(row) + 1
    concluded = [f"{knowledge.title(out)}: {label(knowledge, out, value)}" for out, value in row.then.items()]
    order = f"Row {position} of {len(table.rows)}, hit policy {table.declaration.hit_policy}"
    return Entry(
        kind="rule",
        name=row.id,
        title=table.declaration.title,
        unit="",
        lines=(
            f"If {condition_in_english(knowledge, row.when)},",
            f"then {'; '.join(concluded)}.",
            f"Because: {row.declaration.because}",
            f"{order} of {decision}.",
        ),
        text=row.declaration.when,
        source=row.declaration.source,
        place=str(row.place),
        inputs=tuple(sorted(knowledge.declared_names(row.when) | _tables_in(knowledge, row.when))),
        readers=tuple(dict.fromkeys(reader for output in row.then for reader in readers_of(knowledge, output))),
    )


def _decision(knowledge: Knowledge, name: str) -> Entry:
    """A decision by the name of one of its outputs, or of all that it concludes together."""
    table = knowledge.decisions[knowledge.decision_of.get(name, name)]
    outputs = (name,) if name in table.outputs else tuple(table.outputs)
    rows = ", ".join(row.id for row in table.rows)
    reads = (knowledge.declared_names(row.when) | _tables_in(knowledge, row.when) for row in table.rows)
    return Entry(
        kind="decision",
        name=name,
        title=knowledge.title(name),
        unit="",
        lines=(
            *(_values(table, output, named=len(outputs) > 1) for output in outputs),
            f"Hit policy {table.declaration.hit_policy}; rows: {rows}.",
        ),
        text="",
        source=table.declaration.source,
        place=f"{table.file}:1",
        inputs=tuple(sorted(frozenset().union(*reads))),
        readers=tuple(dict.fromkeys(reader for output in outputs for reader in readers_of(knowledge, output))),
    )


def _values(table: DecisionTable, output: str, *, named: bool) -> str:
    """What an output may be, in a sentence."""
    what = "Any of" if table.policy == "collect" else "One of"
    if aggregate := table.declaration.aggregate:
        what = "How many hold of" if aggregate == "count" else f"The {aggregate} of those that hold of"
    values = (value if value == title else f"{value} ({title})" for value, title in table.outputs[output].items())
    return f"{f'{output}: ' if named else ''}{what}: {', '.join(values)}."


def _fact(knowledge: Knowledge, name: str) -> Entry:
    fact = knowledge.facts[name]
    lines = [text for text in (fact.question, fact.why, fact.help) if text]
    if fact.choices:
        lines.append("One of: " + ", ".join(f"{choice} ({title})" for choice, title in fact.choices.items()) + ".")
    if fact.default is not None:
        lines.append(f"If not given: {_default(knowledge, name)} ({fact.default_source}).")
    elif fact.stands_in:
        lines.append(f"If not given: {fact.stands_in}.")
    quantity = knowledge.quantities.get(name)
    return Entry(
        kind="fact",
        name=name,
        title=fact.title,
        unit=fact.unit or fact.type,
        lines=tuple(lines),
        text="" if fact.default is None or isinstance(fact.default, RangeOf) else fact.default,
        source=fact.source,
        place=_place(knowledge, "facts.yaml", "facts", name),
        inputs=tuple(sorted(knowledge.declared_names(quantity.formula))) if quantity else (),
        readers=readers_of(knowledge, name),
    )


def _default(knowledge: Knowledge, name: str) -> str:
    fact = knowledge.facts[name]
    if isinstance(fact.default, RangeOf):
        return _range(knowledge, name, fact.default)
    return formula_in_english(knowledge, name)


def _range(knowledge: Knowledge, name: str, found: RangeOf) -> str:
    low, likely, high = (show_name(knowledge, name, value) for value in (found.low, found.middle, found.high))
    return f"{low} to {high}, likely {likely}"


def _figure(knowledge: Knowledge, name: str) -> Entry:
    figure, quantity = knowledge.figures[name], knowledge.quantities[name]
    return Entry(
        kind="figure",
        name=name,
        title=figure.title,
        unit=figure.unit,
        lines=(f"{figure.title} = {formula_in_english(knowledge, name)}",),
        text=figure.formula,
        source=figure.source,
        place=_place(knowledge, "costs.yaml", "figures", name),
        inputs=tuple(sorted(knowledge.declared_names(quantity.formula) | _tables_in(knowledge, quantity.formula))),
        readers=readers_of(knowledge, name),
    )


def _amount(knowledge: Knowledge, name: str) -> Entry:
    amount = knowledge.amounts[name]
    value = amount.quantity
    shown = _range(knowledge, name, value) if isinstance(value, RangeOf) else show_name(knowledge, name, value)
    return Entry(
        kind="amount",
        name=name,
        title=amount.title,
        unit=amount.unit,
        lines=(shown,),
        text="",
        source=amount.source,
        place=_place(knowledge, "costs.yaml", "amounts", name),
        readers=readers_of(knowledge, name),
    )


def _table(knowledge: Knowledge, name: str) -> Entry:
    table = knowledge.table_declarations[name]
    units = knowledge.manifest.shown_units
    rows = [f"{show(first, table.takes, units)}: {show(second, table.gives, units)}" for first, second in table.pairs]
    ends = (
        f"Linear between rows; below the first: {table.below}; above the last: "
        f"{'the ratio of the last row' if table.above == 'proportional' else 'the value of the last row'}."
    )
    return Entry(
        kind="table",
        name=name,
        title=table.title,
        unit=table.gives,
        lines=(*rows, ends),
        text="",
        source=table.source,
        place=_place(knowledge, "costs.yaml", "tables", name),
        readers=readers_of(knowledge, name),
    )
