"""What is wrong with records: one thing each, with the record that it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What a finding is about.
Fault = Literal[
    "edited",  # what a record says is not what its hash was made of
    "chain",  # a record is not the one that the next record, or the head, follows
    "form",  # a record is not as any version of the program writes it
    "column",  # a column says something else than the record
    "missing",  # records are not there
    "inserted",  # a record is where none can be
    "reordered",  # a record is at another place than it says
    "head",  # the head of the chain is not there, or not alone
    "store",  # the store does not have the name that its records know
    "key",  # a key is lost, left over, or another
    "erasure",  # an erasure does not fit what it is about
    "knowledge",  # a knowledge base is lost, left over, or another
    "checkpoint",  # a checkpoint says something else than the records
    "protection",  # the database does not refuse changes as it should
    "damaged",  # the database cannot be read
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Args:
        fault: the sort of it.
        message: what is wrong, in words, without its final period.
        sequence: the place of the record in the chain, where it is about one.
        id: what the record is called, where that is known.
    """

    fault: Fault
    message: str
    sequence: int | None = None
    id: str | None = None

    def __str__(self) -> str:
        if self.sequence is None:
            return self.message if self.id is None else f"record {self.id}: {self.message}"
        named = "" if self.id is None else f" ({self.id})"
        return f"record {self.sequence}{named}: {self.message}"
