"""Recorded knowledge bases, read again from what the records keep of them."""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path, PurePosixPath

from engine.errors import BadInput, Place, Problem
from engine.inference import EnginePool
from engine.knowledge import MOST_FILES, Knowledge, load_knowledge
from engine.records.reading import Record
from engine.records.store import KnowledgeContent, Store

#: Bases, and engines of them, that are kept at hand.
_AT_HAND = 8


class Bases:
    """The knowledge bases of a store, each as of the day it decided on; read once, and started once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: OrderedDict[tuple[str, str], Knowledge] = OrderedDict()
        self._pools: OrderedDict[Knowledge, EnginePool] = OrderedDict()

    def of(self, record: Record) -> Knowledge:
        """The base that decided a record.

        Raises:
            BadInput: the store does not hold it as it was, or this version of Breakeven cannot read it.
        """
        return self.as_of(record.base["sha256"], record.base["as_of"])

    def as_of(self, sha256: str, day: str) -> Knowledge:
        """A base with what was in force on a day.

        Raises:
            BadInput: as for ``of``.
        """
        for key in ((sha256, day), (sha256, "")):
            if key in self._read:
                self._read.move_to_end(key)
                return self._read[key]
        knowledge = _loaded(self._store.knowledge(sha256), day)
        # A base in which nothing is dated decides every day alike.
        self._read[sha256, day if knowledge.dated else ""] = knowledge
        if len(self._read) > _AT_HAND:
            self._read.popitem(last=False)
        return knowledge

    def pool(self, knowledge: Knowledge) -> EnginePool:
        """Engines of a base.

        Raises:
            CompileError: it does not fit the inference engine.
        """
        if knowledge not in self._pools:
            self._pools[knowledge] = EnginePool(knowledge)
            if len(self._pools) > _AT_HAND:
                self._pools.popitem(last=False)[1].close()
        self._pools.move_to_end(knowledge)
        return self._pools[knowledge]

    def close(self) -> None:
        """Stop every engine."""
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()


@contextmanager
def bases_of(store: Store) -> Iterator[Bases]:
    """The knowledge bases of a store; their engines stop in the end."""
    bases = Bases(store)
    try:
        yield bases
    finally:
        bases.close()


def shown(sha256: str) -> str:
    """What messages call a recorded base."""
    return f"recorded base {sha256[:12]}"


def _loaded(content: KnowledgeContent, day: str) -> Knowledge:
    named = Place(shown(content.sha256))
    if len(content.files) > MOST_FILES or any(not _is_file_name(name) for name in content.files):
        raise BadInput([Problem(named, "holds files that no base has", hint=_DAMAGED)])
    with tempfile.TemporaryDirectory(prefix="breakeven-") as folder:
        for name, text in content.files.items():
            (Path(folder) / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            knowledge = load_knowledge(folder, date.fromisoformat(day) if day else None)
        except BadInput as error:
            raise BadInput([_told(problem, folder, named.file) for problem in error.problems]) from None
        except ValueError:
            raise BadInput([Problem(named, f"decided as of '{day[:40]}', which is no day", hint=_DAMAGED)]) from None
    if knowledge.sha256 != content.sha256:
        raise BadInput([Problem(named, f"its files have the hash {knowledge.sha256[:12]}", hint=_DAMAGED)])
    return knowledge


_DAMAGED = "breakeven audit verify says whether the records are untouched"


def _is_file_name(name: str) -> bool:
    return PurePosixPath(name).name == name and "\\" not in name and "\0" not in name and name.endswith(".yaml")


def _told(problem: Problem, folder: str, name: str) -> Problem:
    """The problem with the recorded base in place of the folder that it was put into."""
    place = replace(problem.place, file=problem.place.file.replace(folder, name))
    return replace(problem, place=place, message=problem.message.replace(folder, name))
