"""Erasing a decision together with what is known to have come of it, also where other records are damaged."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from engine.errors import BadInput
from engine.records.reading import decision, trustworthy
from engine.records.store import Entry, Store
from engine.records.tables import ENTRIES, ENTRY_KEYS


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did.

    Args:
        entries: those that say what was erased.
        notes: what was left as it is, and what to do about it, in sentences without their final period.
    """

    entries: tuple[Entry, ...]
    notes: tuple[str, ...]


def erase_decision(store: Store, id: str, reason: str) -> Erased:
    """Erase what a decision and its outcomes keep of persons.

    A decision that was erased before is no obstacle, as long as one of its outcomes is still to be erased. Nor is
    damage: a decision that cannot be read is erased all the same, and so is an outcome that is named by its own id,
    as nobody can tell which decision it belongs to.

    Args:
        store: the records.
        id: of the decision, or the beginning of it.
        reason: why; it stays for good.

    Raises:
        BadInput: there is no such decision, or nothing of it is left to be erased.
    """
    found, kind = _named(store, id)
    if kind == "outcome":
        return Erased((store.erase(found, reason),), ())
    outcomes, damaged = trustworthy(store, "outcome")
    left = [one.id for one in outcomes if one.public.get("decision") == found and one.sealed is not None]
    # Of the decision the case is erased last: as long as it is there, the command can be given again.
    if _has_key(store, found) or not left:
        left.append(found)
    erased = tuple(store.erase(one, reason) for one in left)
    return Erased(erased, tuple(map(_left_as_it_is, damaged)))


def _left_as_it_is(id: str) -> str:
    return (
        f"the outcome {id} is damaged, so nobody can tell which decision it belongs to, and was left as it is;"
        f" where it belongs to this one: breakeven audit erase {id}"
    )


def _named(store: Store, id: str) -> tuple[str, str]:
    """The whole id and the kind of a decision, or of a damaged outcome."""
    try:
        return decision(store, id).id, "decision"
    except BadInput:
        rows = _rows(store, id)
        if len(rows) != 1 or not _is_erasable(store, *rows[0]):
            raise
        return rows[0]


def _rows(store: Store, id: str) -> list[tuple[str, str]]:
    """Id and kind of the entries whose ids begin so, by their rows alone."""
    beginning = ENTRIES.c.id.startswith(id.strip().lower(), autoescape=True)
    with store.database.reading() as connection:
        found = connection.execute(select(ENTRIES.c.id, ENTRIES.c.kind).where(beginning).limit(2)).all()
    return [(str(row.id), str(row.kind)) for row in found]


def _is_erasable(store: Store, id: str, kind: str) -> bool:
    """Whether it is a decision, or an outcome that can no longer say whose."""
    return kind == "decision" or (kind == "outcome" and id in trustworthy(store, "outcome")[1])


def _has_key(store: Store, id: str) -> bool:
    # Where a number was edited, the id of the key still says whose it is.
    numbers = select(ENTRIES.c.sequence).where(ENTRIES.c.id == id)
    query = select(ENTRY_KEYS.c.id).where(ENTRY_KEYS.c.sequence.in_(numbers) | (ENTRY_KEYS.c.id == id))
    with store.database.reading() as connection:
        return connection.execute(query).first() is not None
