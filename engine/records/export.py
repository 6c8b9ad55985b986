"""Recorded decisions as a table, one row each, for other programs: JSON Lines, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import refuse_one
from engine.escape import for_json, printable
from engine.records.content import WITHHELD
from engine.records.reading import Record, outcomes_of
from engine.records.store import Damaged, Entry, Store

Format = Literal["jsonl", "csv", "parquet"]
FORMATS: tuple[Format, ...] = ("jsonl", "csv", "parquet")
SUFFIXES: Mapping[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
STANDARD_OUTPUT = Path("-")
#: What a column holds; ``time`` is a moment in UTC, ``count`` a whole number.
Kind = Literal["text", "number", "truth", "time", "count"]

_NEVER = "never"
#: Rows that a Parquet file takes at once.
_ROWS_AT_ONCE = 1_000
#: A spreadsheet runs a cell that begins so, also where spaces or full-width signs stand there.
_RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class ExportedDecision(BaseModel):
    """One row: a recorded decision; null where the record says nothing, or was erased.

    Beside these columns there is one for each fact (``fact.NAME``, with ``fact.NAME.origin`` and, of ranges,
    ``fact.NAME.low`` and ``fact.NAME.high``), figure (``figure.NAME``), conclusion (``conclusion.NAME``) and real
    value that is known by now (``actual.NAME``). Every row has the same columns. A figure that is a moment which
    never comes is the word "never" in JSON and CSV, and infinite in Parquet. Lists are words with spaces between.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    sequence: int = Field(description="Its place in the chain, from 1.")
    id: str
    time: datetime = Field(description="When it was recorded, in UTC.")
    hash: str = Field(description="SHA-256 of the record's body.")
    previous: str = Field(description="The hash of the record before.")
    erased: bool = Field(description="True where who, the case and every value were erased.")
    withheld: str | None = Field(description="The sensitive facts of which no value is kept.")
    who: str | None = Field(description="Who decided, in free text.")
    case: str | None = Field(description="What the case is called.")
    approach: str | None = Field(description="What was recommended.")
    strength: str | None
    settled: bool | None = Field(description="False where something unknown left only the fallback.")
    decided_by: str | None = Field(description="What decided, such as the title of a voice.")
    rule: str | None = Field(description="The rule that decided.")
    because: str | None = Field(description="Why, in one sentence.")
    fired: str | None = Field(description="The rules that fired, in firing order.")
    knowledge_base: str = Field(description="The name of the knowledge base.")
    knowledge_version: str
    knowledge_sha256: str
    as_of: str = Field(description="The day as of which dated values and rules were chosen.")
    breakeven: str | None = Field(description="The version that decided.")
    inference_engine: str | None = Field(description="The version of its inference engine.")
    python: str | None
    platform: str | None


_FIXED: Mapping[str, Kind] = {
    **dict.fromkeys(ExportedDecision.model_fields, "text"),
    "sequence": "count",
    "time": "time",
    "erased": "truth",
    "settled": "truth",
}
_OPEN_COLUMNS = r"^(fact|figure|conclusion|actual)\.[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$"


def export_schema() -> dict[str, Any]:
    """The JSON Schema of one row of the export as JSON Lines."""
    schema = ExportedDecision.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Breakeven recorded decision",
        "additionalProperties": False,
        "patternProperties": {_OPEN_COLUMNS: {"type": ["string", "number", "boolean", "null"]}},
    }


def export(
    store: Store,
    records: Callable[[], Iterable[Record]],
    path: Path,
    format: Format,
    damaged: list[Damaged] | None = None,
) -> int:
    """Write a file with one row for each record, whole or not at all; how many rows it has.

    The records are read twice, first for their columns, so that none of them has to be held.

    Args:
        store: the records, for what is known to have come of the decisions.
        records: gives the decisions from the start each time.
        path: the file; ``-`` is standard output.
        format: how it is written.
        damaged: outcomes that cannot be trusted are left out and added here; with None the first is refused.

    Raises:
        BadInput: the file cannot be written, or pyarrow is missing.
    """
    writers: dict[Format, _Writer] = {"jsonl": _write_jsonl, "csv": _write_csv, "parquet": _write_parquet}
    if format == "parquet":
        _require_pyarrow()
    last, _ = store.head()
    outcomes = outcomes_of(store, damaged)
    columns = _columns(_row(record, outcomes.get(record.id, ())) for record in _until(records(), last))
    rows = (_row(record, outcomes.get(record.id, ())) for record in _until(records(), last))
    with _written_whole(path) as opened:
        return writers[format](opened, columns, rows)


_Row = Mapping[str, Any]
_Writer = Callable[[IO[bytes], Mapping[str, Kind], Iterable[_Row]], int]


def _until(records: Iterable[Record], last: int) -> Iterator[Record]:
    """What was there when the first look began; later records may bring other columns."""
    return (record for record in records if record.entry.sequence <= last)


# -- rows ---------------------------------------------------------------------------------------------------


def _row(record: Record, outcomes: Sequence[Entry]) -> dict[str, Any]:
    entry, public, sealed = record.entry, record.public, record.sealed
    answer = sealed.get("recommendation") or {}
    versions = public.get("versions", {})
    inference = [version for part, version in versions.items() if part not in ("breakeven", "python", "platform")]
    return {
        "sequence": entry.sequence,
        "id": entry.id,
        "time": entry.time,
        "hash": entry.hash,
        "previous": entry.previous,
        "erased": record.is_erased,
        "withheld": " ".join(record.withheld) or None,
        "who": record.who,
        "case": record.case_name,
        "approach": record.approach,
        "strength": public.get("strength"),
        "settled": public.get("settled"),
        "decided_by": public.get("decided_by"),
        "rule": public.get("rule"),
        "because": answer.get("because"),
        "fired": " ".join(rule for _, rule in record.fired),
        "knowledge_base": record.base["name"],
        "knowledge_version": record.base["version"],
        "knowledge_sha256": record.base["sha256"],
        "as_of": record.base["as_of"],
        "breakeven": versions.get("breakeven"),
        "inference_engine": inference[0] if inference else None,
        "python": versions.get("python"),
        "platform": versions.get("platform"),
        **_facts(record),
        **{f"figure.{name}": _value(one.get("value")) for name, one in record.figures.items() if WITHHELD not in one},
        **_conclusions(sealed.get("conclusions") or public.get("conclusions", {})),
        **_actual(outcomes),
    }


def _facts(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, one in record.facts.items():
        found[f"fact.{name}.origin"] = one["origin"]
        if WITHHELD in one:
            continue
        found[f"fact.{name}"] = _value(one.get("value"))
        for end in ("low", "high"):
            if end in one:
                found[f"fact.{name}.{end}"] = _value(one[end])
    return found


def _conclusions(conclusions: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in conclusions.items():
        if isinstance(value, Mapping):
            found |= {f"conclusion.{name}.{key}": _value(inner) for key, inner in value.items()}
        elif isinstance(value, list):
            found[f"conclusion.{name}"] = " ".join(map(_word, value))
        else:
            found[f"conclusion.{name}"] = _value(value)
    return found


def _word(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{key}={_word(inner)}" for key, inner in value.items())
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _actual(outcomes: Sequence[Entry]) -> dict[str, Any]:
    """The latest that is known of each name."""
    found: dict[str, Any] = {}
    for entry in outcomes:
        sealed = entry.sealed or {}
        for one in (*sealed.get("facts", ()), *sealed.get("figures", ())):
            if WITHHELD not in one:
                found[f"actual.{one['name']}"] = _value(one["value"])
    return found


def _value(value: Any) -> Any:
    """A number as a float, also where JSON has it without a fraction."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


_GROUPS = ("fact", "conclusion", "figure", "actual")


def _columns(rows: Iterable[_Row]) -> dict[str, Kind]:
    """Every column with what it holds: those that each row has, then facts, conclusions, figures and real values."""
    seen: dict[str, set[Kind]] = {}
    for row in rows:
        for name in row.keys() - _FIXED.keys():
            seen.setdefault(name, set()).update(_kinds(name, row[name]))
    open_columns = sorted(seen, key=lambda name: (_GROUPS.index(name.partition(".")[0]), name))
    # Text can hold what rows of different bases have of different kinds.
    return {
        **_FIXED,
        **{name: next(iter(seen[name])) if len(seen[name]) == 1 else "text" for name in open_columns},
    }


def _kinds(name: str, value: Any) -> set[Kind]:
    if value is None:
        return set()
    if isinstance(value, bool):
        return {"truth"}
    is_number = isinstance(value, float) or (value == _NEVER and name.startswith("figure."))
    return {"number"} if is_number else {"text"}


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return ("yes" if value else "no") if isinstance(value, bool) else repr(value)


# -- formats ------------------------------------------------------------------------------------------------


def _write_jsonl(opened: IO[bytes], columns: Mapping[str, Kind], rows: Iterable[_Row]) -> int:
    count = 0
    for row in rows:
        told = {name: _for_json(row.get(name), kind) for name, kind in columns.items()}
        text = json.dumps(told, ensure_ascii=False, allow_nan=False)
        opened.write(f"{for_json(text)}\n".encode())
        count += 1
    return count


def _for_json(value: Any, kind: Kind) -> Any:
    if isinstance(value, datetime):
        return _moment(value)
    return _as_text(value) if kind == "text" else value


def _moment(value: datetime) -> str:
    return value.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _write_csv(opened: IO[bytes], columns: Mapping[str, Kind], rows: Iterable[_Row]) -> int:
    text = io.TextIOWrapper(opened, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow([_cell(row.get(name), kind) for name, kind in columns.items()])
        count += 1
    text.flush()
    text.detach()
    return count


def _cell(value: Any, kind: Kind) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return _moment(value)
    text = _as_text(value) or ""
    return harmless(text) if isinstance(value, str) and (kind == "text" or value != _NEVER) else text


def harmless(text: str) -> str:
    """Text on one line that no spreadsheet takes for a formula: where it would, an apostrophe stands before it."""
    shown = printable(text)
    return f"'{shown}" if text.lstrip(" ").startswith(_RUN) or shown.startswith(_RUN) else shown


def _require_pyarrow() -> None:
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        hint = "Install it with: pip install 'breakeven[parquet]', or write .jsonl or .csv"
        refuse_one("--format", "Parquet needs pyarrow, which is not installed", hint)


def _write_parquet(opened: IO[bytes], columns: Mapping[str, Kind], rows: Iterable[_Row]) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    types = {
        "text": pa.string(),
        "number": pa.float64(),
        "truth": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
        "count": pa.int64(),
    }
    schema = pa.schema([pa.field(name, types[kind]) for name, kind in columns.items()])
    count, waiting = 0, iter(rows)
    with parquet.ParquetWriter(opened, schema) as writer:
        while some := list(islice(waiting, _ROWS_AT_ONCE)):
            told = {name: [_for_parquet(row.get(name), kind) for row in some] for name, kind in columns.items()}
            writer.write_table(pa.table(told, schema=schema))
            count += len(some)
    return count


def _for_parquet(value: Any, kind: Kind) -> Any:
    if kind == "number" and value == _NEVER:
        return math.inf
    return _as_text(value) if kind == "text" else value


# -- the file -----------------------------------------------------------------------------------------------


@contextmanager
def _written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, which takes its name once all of it is on the disk; what is no file is written to directly."""
    if path == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    shown = printable(path)
    target = Path(os.path.realpath(path))
    try:
        if target.is_dir():
            refuse_one(shown, "a folder, where a file to write is expected", "Add a file name")
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            with target.open("wb") as opened:
                yield opened
            return
        beside = target.with_name(f".{target.name[:100]}.{os.urandom(4).hex()}.part")
        try:
            with beside.open("xb") as opened:
                yield opened
                opened.flush()
                os.fsync(opened.fileno())
            if target.exists():
                beside.chmod(stat.S_IMODE(target.stat().st_mode))
            beside.replace(target)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = str(error.strerror or error)
        refuse_one(shown, f"cannot be written: {reason[:1].lower()}{reason[1:]}", "Name another file, or make room")
