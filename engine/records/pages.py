"""What the records say, as text for a terminal, as JSON, or as a page: words are in ``templates/audit_*``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine import __version__
from engine.catalogue import Entry as CatalogueEntry
from engine.catalogue import entry as catalogue_entry
from engine.errors import BadInput
from engine.json_text import json_document, json_value
from engine.knowledge import Knowledge
from engine.records.bars import bars
from engine.records.bases import Bases
from engine.records.content import WITHHELD
from engine.records.impact import Changed, Impact
from engine.records.outcomes import Calibrated, told_in_words
from engine.records.reading import KEY_IS_LOST, Erasures, Record, trustworthy
from engine.records.replay import Replay, Replayed, obstacle
from engine.records.statistics import Statistics
from engine.records.store import Entry, Store
from engine.records.verify import Verification
from engine.report import environment_for as environment
from engine.report import laid_out
from engine.wording import label

#: Columns of a terminal's bars.
_BAR = 28
_DIGITS_OF_ID = 8


@dataclass(frozen=True, slots=True)
class Look:
    """How a text may look: its columns (None: the terminal's own), and whether it may have colours."""

    width: int | None = 100
    colour: bool = False


def _text(template: str, look: Look, **context: Any) -> str:
    import shutil

    text = environment("terminal").get_template(f"audit_{template}.txt.j2").render(context)
    return laid_out(text, look.width or min(shutil.get_terminal_size().columns, 160), colour=look.colour)


def moment(time: datetime) -> str:
    """A moment as JSON has it."""
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"


# -- lists --------------------------------------------------------------------------------------------------


def render_list(records: Iterable[Record], bases: Bases, output_format: str, look: Look, *, withheld: int = 0) -> str:
    """Records line by line, or as JSON with what each says of its decision as a whole."""
    if output_format == "json":
        listed = [record_as_json(record) for record in records]
        return json_document({"records": listed, "count": len(listed), "withheld": withheld})
    rows = [_row(record, _title(record, bases)) for record in records]
    return _text("list", look, rows=rows, withheld=withheld)


def record_as_json(record: Record) -> dict[str, Any]:
    """What a record says of its decision as a whole."""
    public = record.public
    return {
        "id": record.id,
        "sequence": record.entry.sequence,
        "time": moment(record.entry.time),
        "approach": record.approach,
        "strength": public.get("strength"),
        "settled": public.get("settled"),
        "decided_by": public.get("decided_by"),
        "rule": public.get("rule"),
        "who": record.who,
        "case": record.case_name,
        "knowledge_base": dict(record.base),
        "erased": record.is_erased,
        "key_lost": record.is_lost,
        "withheld": list(record.withheld),
    }


def _title(record: Record, bases: Bases) -> str | None:
    """What the recommendation was called; where the record no longer says so, by the base that decided."""
    if record.sealed:
        return None
    knowledge, _ = _base_then(record, bases)
    return _approach_then(record, knowledge) if record.approach is not None else None


def _row(record: Record, title: str | None = None) -> dict[str, Any]:
    """A record in two lines."""
    public = record.public
    approach = title or (record.approach or "no recommendation").replace("_", " ")
    case = "erased" if record.is_erased else "key lost" if record.is_lost else record.case_name
    base = f"{record.base['name']} {record.base['version']} ({record.base['sha256'][:_DIGITS_OF_ID]})"
    return {
        "id": record.id[:_DIGITS_OF_ID],
        "time": _day(record.entry.time),
        "approach": (record.sealed.get("recommendation") or {}).get("title") or approach,
        "strength": str(public.get("strength") or ""),
        "open": public.get("settled") is False,
        "case": case,
        "about": [str(part) for part in (case, public.get("rule"), record.who, base) if part],
    }


# -- one record ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RuleThen:
    """A rule that fired, with its text as of then.

    Args:
        rule: its id; None where it is withheld.
        decision: the title of the decision it belongs to.
        told: what the record says of it; little where that was erased or withheld.
        readings: what its condition read.
        text: the rule as the recorded base has it; None where that cannot be read.
        place: the file and line it stood in.
    """

    rule: str | None
    decision: str
    told: Mapping[str, Any]
    readings: tuple[Mapping[str, Any], ...]
    text: CatalogueEntry | None
    place: str | None


def render_record(store: Store, record: Record, bases: Bases, output_format: str, look: Look) -> str:
    """Everything there is to say about one record."""
    knowledge, problem = _base_then(record, bases)
    known, damaged = trustworthy(store, "outcome")
    outcomes = [one for one in known if one.public.get("decision") == record.id]
    rules = list(_rules_then(record, knowledge))
    erasures = Erasures(store)
    newest, _ = store.head()
    if output_format == "json":
        told = _record_as_json(record, rules, outcomes, erasures, newest, problem)
        return json_document({**told, "damaged_outcomes": damaged})
    recommendation = _said(record.sealed.get("recommendation") or {}, "title", "sentence", "because")
    return _text(
        "show",
        look,
        record=record,
        entry=record.entry,
        when=moment(record.entry.time),
        title=recommendation["title"] or _approach_then(record, knowledge),
        recommendation=recommendation,
        deciding=[rule for rule in rules if rule.rule is not None and rule.rule == record.public.get("rule")],
        others=[rule for rule in rules if rule.rule is None or rule.rule != record.public.get("rule")],
        given=[_fact_then(record, one) for one in (record.sealed["case"]["given"] if record.sealed else ())],
        assumed=[
            _said(one, *_OF_READINGS)
            for one in record.facts.values()
            if one["origin"] == "assumed" and not _is_given(record, one)
        ],
        figures=[
            _said(record.figures[name], *_OF_FIGURES)
            for name in record.sealed.get("arithmetic", ())
            if name in record.figures
        ],
        outcomes=[_outcome_in_words(entry, erasures.of(entry), knowledge) for entry in outcomes],
        damaged=damaged,
        erasure=record.erasure,
        erased_on=_day(record.erasure.time) if record.erasure else "",
        versions=record.public.get("versions", {}),
        newest=newest,
        problem=problem,
        key_is_lost=KEY_IS_LOST,
        is_replayable=obstacle(record) is None,
    )


#: What the page asks of a reading, of a figure and of a firing; a record says only what there is to say.
_OF_READINGS = ("title", "shown", "shown_range", "origin", "source", WITHHELD)
_OF_FIGURES = ("title", "shown", "shown_range", "substitution", "formula", WITHHELD)
_OF_FIRINGS = ("rule", "decision", "conclusion_shown", "because")


def _said(told: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """What a record says under these names; None where it says nothing."""
    return {name: told.get(name) for name in names}


def _base_then(record: Record, bases: Bases) -> tuple[Knowledge | None, str | None]:
    try:
        return bases.of(record), None
    except BadInput as error:
        return None, str(error.problems[0])


def _approach_then(record: Record, knowledge: Knowledge | None) -> str:
    if record.approach is None:
        return "No recommendation"
    output = knowledge.manifest.recommends if knowledge else None
    return label(knowledge, output, record.approach) if knowledge and output else record.approach.replace("_", " ")


def _rules_then(record: Record, knowledge: Knowledge | None) -> Iterator[RuleThen]:
    """The rules in firing order; of an erased record their ids and texts are left."""
    told: Sequence[Mapping[str, Any]] = record.sealed.get("firings") or [
        {"decision": decision, "rule": rule} for decision, rule in record.fired
    ]
    for one in told:
        rule = one.get("rule")
        text = _rule_text(knowledge, rule) if knowledge and rule else None
        place = text.place.rpartition("/")[2] if text else None
        readings = tuple(_said(reading, *_OF_READINGS) for reading in one.get("facts", ()))
        title = one.get("decision_title") or _decision_title(knowledge, one["decision"])
        yield RuleThen(rule, title, _said(one, *_OF_FIRINGS), readings, text, place)


def _decision_title(knowledge: Knowledge | None, decision: str) -> str:
    return knowledge.title(decision) if knowledge and decision in knowledge.decisions else decision.replace("_", " ")


def _rule_text(knowledge: Knowledge, rule: str) -> CatalogueEntry | None:
    try:
        return catalogue_entry(knowledge, rule)
    except BadInput:
        return None


def _is_given(record: Record, reading: Mapping[str, Any]) -> bool:
    return any(one["name"] == reading["name"] for one in record.sealed["case"]["given"])


def _fact_then(record: Record, given: Mapping[str, Any]) -> dict[str, Any]:
    """A given fact in words: from its reading, which has title and unit; a fact given as unknown has none."""
    reading = record.facts.get(given["name"], {})
    value = {"hash": "withheld; a keyed hash is kept", "omit": "withheld"}.get(given.get(WITHHELD, ""))
    return {
        "title": reading.get("title") or given["name"].replace("_", " "),
        "shown": value or reading.get("shown") or "unknown",
        "range": reading.get("shown_range"),
        "origin": given["origin"],
        "source": given.get("source"),
    }


def _outcome_in_words(entry: Entry, erasure: Entry | None, knowledge: Knowledge | None) -> dict[str, Any]:
    return {
        "time": _day(entry.time),
        "id": entry.id,
        "who": (entry.sealed or {}).get("who"),
        "note": (entry.sealed or {}).get("note"),
        "told": list(told_in_words(entry, knowledge)),
        "erased": erasure is not None,
        "lost": entry.erased and erasure is None,
    }


def _record_as_json(
    record: Record,
    rules: Sequence[RuleThen],
    outcomes: Sequence[Entry],
    erasures: Erasures,
    newest: int,
    problem: str | None,
) -> dict[str, Any]:
    entry = record.entry
    return {
        **record_as_json(record),
        "hash": entry.hash,
        "previous": entry.previous,
        "newest": newest,
        "public": dict(record.public),
        "sealed": dict(record.sealed) if record.sealed else None,
        "rules": [
            {
                "rule": one.rule,
                "decision": one.told["decision"],
                "text": list(one.text.lines) if one.text else None,
                "when": one.text.text if one.text else None,
                "source": one.text.source if one.text else None,
                "place": one.place,
            }
            for one in rules
        ],
        "outcomes": [entry_as_json(one, erasures.of(one)) for one in outcomes],
        "erasure": entry_as_json(record.erasure) if record.erasure else None,
        "knowledge_problem": problem,
    }


def entry_as_json(entry: Entry, erasure: Entry | None = None) -> dict[str, Any]:
    """An entry of any kind, with the erasure that says its content is gone."""
    return {
        "id": entry.id,
        "sequence": entry.sequence,
        "kind": entry.kind,
        "time": moment(entry.time),
        "hash": entry.hash,
        "previous": entry.previous,
        "public": dict(entry.public),
        "sealed": dict(entry.sealed) if entry.sealed is not None else None,
        "erased": erasure is not None,
        "key_lost": entry.erased and erasure is None,
    }


# -- checks -------------------------------------------------------------------------------------------------


def render_verification(found: Verification, output_format: str, look: Look, *, shown_store: str) -> str:
    """What a look at the whole chain showed."""
    if output_format == "json":
        return json_document(
            {
                "whole": found.whole,
                "store": found.store,
                "sequence": found.sequence,
                "hash": found.hash,
                "entries": found.entries,
                "counted": dict(found.counted),
                "erased": found.erased,
                "knowledge_bases": found.knowledge_bases,
                "checkpoints": found.checkpoints,
                "findings": [
                    {"fault": str(one.fault), "sequence": one.sequence, "id": one.id, "message": one.message}
                    for one in found.findings
                ],
                "more": found.more,
                "notes": list(found.notes),
            }
        )
    return _text("verify", look, found=found, store=shown_store)


def render_replay(found: Replay, output_format: str, look: Look) -> str:
    """What came of deciding once more."""
    versions = [
        {"part": part, "then": then, "now": now, "records": count}
        for (part, then, now), count in sorted(found.versions.items())
    ]
    if output_format == "json":
        return json_document(
            {
                "total": found.total,
                "same": found.same,
                "different": [
                    {
                        **record_as_json(one.record),
                        "differences": [
                            {"what": each.what, "recorded": json_value(each.recorded), "again": json_value(each.again)}
                            for each in one.differences
                        ],
                    }
                    for one in found.different
                ],
                "not_replayed": [
                    {"id": one.record.id, "reason": one.obstacle, "lawful": one.is_lawful} for one in found.not_replayed
                ],
                "versions": versions,
            }
        )
    return _text("replay", look, found=found, different=list(_differences(found.different)), versions=versions)


def _differences(replayed: Iterable[Replayed]) -> Iterator[dict[str, Any]]:
    for one in replayed:
        yield {
            "row": _row(one.record),
            "differences": [(each.what, _in_words(each.recorded), _in_words(each.again)) for each in one.differences],
        }


def _in_words(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_in_words(inner)}" for name, inner in value.items())
    return ", ".join(map(_in_words, value)) if isinstance(value, list | tuple) else str(value)


def render_impact(found: Impact, output_format: str, look: Look) -> str:
    """What another base would change in past decisions."""
    manifest = found.knowledge.manifest
    if output_format == "json":
        return json_document(
            {
                "base": {"name": manifest.name, "version": manifest.version, "sha256": found.knowledge.sha256},
                "total": found.total,
                "same": found.same,
                "moves": [{"old": old, "new": new, "count": count} for old, new, count in found.moves],
                "changed": [_changed_as_json(one) for one in found.changed],
                "not_decided": [
                    {"id": one.record.id, "refused": one.refused, "lawful": one.is_lawful, "reason": one.reason}
                    for one in found.not_decided
                ],
                "left_out_facts": dict(found.left_out),
            }
        )
    return _text(
        "impact",
        look,
        found=found,
        base=f"{found.shown} ({manifest.name} {manifest.version}, {found.knowledge.sha256[:12]})",
        changed=[(one, _row(one.record)) for one in found.changed],
    )


def _changed_as_json(one: Changed) -> dict[str, Any]:
    return {
        **record_as_json(one.record),
        "old": {name: json_value(value) for name, value in one.then.items()},
        "new": {name: json_value(value) for name, value in one.now.items()},
        "repeatable": one.repeatable,
        "responsible": [
            {
                "decision": decision.decision,
                "old": decision.then,
                "new": decision.now,
                "rules": [
                    {
                        "rule": rule.rule,
                        "old": rule.then,
                        "new": rule.now,
                        "concludes_old": rule.concludes_then,
                        "concludes_new": rule.concludes_now,
                        "conditions": [
                            {
                                "condition": condition.text,
                                "in_english": condition.words,
                                "old": condition.then,
                                "new": condition.now,
                                "reads": [_shift(read) for read in condition.reads],
                            }
                            for condition in rule.conditions
                        ],
                    }
                    for rule in decision.rules
                ],
            }
            for decision in one.responsible
        ],
        "causes": [_shift(cause) for cause in one.causes],
    }


def _shift(one: Any) -> dict[str, str]:
    return {"name": one.name, "title": one.title, "old": one.then, "new": one.now}


# -- statistics ---------------------------------------------------------------------------------------------


def render_statistics(found: Statistics, output_format: str, look: Look) -> str:
    """How recorded decisions came about, as text, JSON or a page."""
    if output_format == "json":
        return json_document(_statistics_as_json(found))
    drawn = bars(found)
    if output_format == "html":
        page = environment("html").get_template("audit_stats.html.j2")
        return page.render(found=found, drawn=drawn, percent=_percent, version=__version__, bar=_share_of)
    return _text(
        "stats",
        look,
        found=found,
        percent=_percent,
        bar=_bar,
        most=max(found.approaches.values(), default=0),
        most_fired=max((one.fired for base in found.bases for one in base.rules), default=0),
        most_in_period=max((period.decisions for period in found.periods), default=0),
    )


def _percent(part: float, whole: float = 1.0) -> str:
    return f"{100 * part / whole:.1f}".removesuffix(".0") + " %" if whole else "0 %"


def _share_of(part: int, whole: int) -> str:
    """The width of a bar of a page, in percent of the widest."""
    return f"{100 * part / whole:.1f}" if whole else "0"


def _bar(part: int, whole: int) -> str:
    """A bar of a terminal; what is there at all can be seen."""
    if not part or not whole:
        return ""
    return "█" * max(1, round(_BAR * part / whole))


def _statistics_as_json(found: Statistics) -> dict[str, Any]:
    return {
        "decisions": found.decisions,
        "erased": found.erased,
        "settled": found.settled,
        "approaches": dict(found.approaches),
        "overruled": found.overruled,
        "overrulings": [
            {
                "deciding": one.deciding,
                "overruled": one.overruled,
                "count": one.count,
                "of": one.of,
                "share": one.share,
            }
            for one in found.overrulings
        ],
        "knowledge_bases": [
            {
                "name": base.name,
                "version": base.version,
                "sha256": base.sha256,
                "decisions": base.decisions,
                "rules": [{"rule": one.rule, "decision": one.decision, "fired": one.fired} for one in base.rules],
                "never_fired": [one.rule for one in base.never],
                "problem": base.problem,
            }
            for base in found.bases
        ],
        "step": found.step,
        "periods": [
            {"label": one.label, "approaches": dict(one.approaches), "overruled": one.overruled}
            for one in found.periods
        ],
    }


def render_calibration(found: Sequence[Calibrated], output_format: str, look: Look) -> str:
    """What was predicted beside what happened."""
    if output_format == "json":
        return json_document({"calibration": [_calibrated_as_json(one) for one in found]})
    return _text("calibration", look, found=found, percent=_percent)


def _calibrated_as_json(one: Calibrated) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "kind": one.kind,
        "unit": one.unit,
        "count": one.count,
        "mean_error": one.mean_error,
        "mean_absolute_error": one.mean_absolute_error,
        "agreeing": one.agreeing,
        "ranged": one.ranged,
        "within_range": one.within,
        "not_comparable": one.not_comparable,
        "predictions": [
            {
                "id": each.record.id,
                "predicted": each.predicted,
                "low": each.low,
                "high": each.high,
                "actual": each.actual,
            }
            for each in one.predictions
        ],
    }
