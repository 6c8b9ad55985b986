"""Erasing a decision together with what is known to have come of it."""

from __future__ import annotations

from engine.records.reading import decision, outcomes_of
from engine.records.store import Entry, Store


def erase_decision(store: Store, id: str, reason: str) -> list[Entry]:
    """Erase what a decision and its outcomes keep of persons; the entries that say so.

    A decision that was erased before is no obstacle, as long as one of its outcomes is still to be erased.

    Args:
        store: the records.
        id: of the decision, or the beginning of it.
        reason: why; it stays for good.

    Raises:
        BadInput: there is no such decision, or nothing of it is left to be erased.
    """
    record = decision(store, id)
    outcomes = [entry for entry in outcomes_of(store, [record.id]).get(record.id, []) if entry.sealed is not None]
    # Of the decision the case is erased last: as long as it is there, the command can be given again.
    left = [entry.id for entry in outcomes]
    if not record.entry.erased or not left:
        left.append(record.id)
    return [store.erase(one, reason) for one in left]
