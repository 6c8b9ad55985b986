"""A decision into the records: what ``--record`` does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from engine.decision import Decision
from engine.errors import BadInput, BreakevenError, Place, Problem
from engine.pipeline import Outcome
from engine.records.settings import Settings

if TYPE_CHECKING:
    from engine.records.store import Store


def record(outcome: Outcome, decision: Decision, settings: Settings) -> str:
    """Append the record of a decision and give its id, once it is kept for good.

    Args:
        outcome: what was computed and concluded.
        decision: the same in words.
        settings: where the records are, who decides, and what is kept of sensitive facts.

    Raises:
        BadInput: the record could not be kept; nothing may then be shown as recorded.
    """
    from engine.records.content import draft_of

    draft = draft_of(outcome, decision, settings)
    try:
        with opened_records(settings, create=True) as store:
            return store.append(draft).id
    except BadInput:
        raise
    except BreakevenError as error:
        hint = "Nothing was recorded; decide once more, or without --record"
        raise BadInput([Problem(Place("the decision's record"), str(error), hint=hint)]) from None


def recorded(outcome: Outcome, decision: Decision, settings: Settings) -> Decision:
    """The decision with the id of its record, which is appended where the settings ask for it.

    Raises:
        BadInput: the record could not be kept.
    """
    if not settings.record:
        return decision
    return decision.model_copy(update={"record": record(outcome, decision, settings)})


def require_records(settings: Settings) -> None:
    """Make sure, before anybody is asked anything, that a decision can be recorded where the settings ask for it.

    Raises:
        BadInput: the records cannot be opened.
    """
    if settings.record:
        opened_records(settings, create=True).close()


def opened_records(settings: Settings, *, create: bool = False) -> Store:
    """The records that the settings name.

    Args:
        settings: where they are.
        create: whether they are begun where there are none.

    Raises:
        BadInput: there are none, or they cannot be read.
    """
    from engine.records.store import open_store

    if settings.store is None and settings.configured_store is not None and not os.environ.get("BREAKEVEN_STORE"):
        return open_store(settings.configured_store, named=f"{settings.place}: store", create=create)
    return open_store(settings.store, create=create)
