"""What a record must not tell: facts that are sensitive, and what would give them away.

Of a sensitive fact that a case gives a record keeps a keyed hash, or nothing. Withheld with it are the figures and
defaults that are computed from it, and sentences that show any of these. Of a sensitive yes/no or choice, which of the
rules fired would tell the answer: every decision that depends on it is withheld, but for the recommendation itself and
how firm it is. That a number lies on one side of a threshold stays to be seen from the rules that fired.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from engine.case import Case
from engine.errors import BadInput, Problem, did_you_mean, refuse_one
from engine.knowledge import Knowledge
from engine.pipeline import Outcome
from engine.records.settings import Settings, Treatment
from engine.sentences import names_in_sentence

_KEY_BYTES = 32
_FINGERPRINT = 16


@dataclass(frozen=True, slots=True)
class Withheld:
    """What is not to be told of one case.

    Args:
        facts: the sensitive facts that the case gives, each with what is kept of it.
        names: every name whose value is not told: these facts, and what is computed from them.
        decisions: the decisions of which neither rules nor conclusions are told.
        asking: those of them that ask for a sensitive yes/no or choice themselves, not only for what rests on one.
    """

    facts: Mapping[str, Treatment]
    names: frozenset[str]
    decisions: frozenset[str]
    asking: frozenset[str] = frozenset()

    def tells(self, sentence: str, knowledge: Knowledge) -> bool:
        """Whether a sentence of the base shows something of what is withheld."""
        for name in names_in_sentence(sentence):
            read = knowledge.scope.readings.get(name, name)
            if read in self.names or name in self.names or knowledge.decision_of.get(name, name) in self.decisions:
                return True
        return False

    def hides(self, name: str, knowledge: Knowledge) -> bool:
        """Whether the value of a fact, figure or conclusion is withheld."""
        read = knowledge.scope.readings.get(name, name)
        return not {name, read}.isdisjoint(self.names) or knowledge.decision_of.get(name, name) in self.decisions


def treatments(knowledge: Knowledge, settings: Settings) -> dict[str, Treatment]:
    """The sensitive facts of a base, each with what is kept of it.

    Raises:
        BadInput: the settings call a fact sensitive whose name seems to be a misspelt one of the base.
    """
    for name in settings.sensitive:
        hint = None if name in knowledge.facts else did_you_mean(name, knowledge.facts)
        if hint:
            # A name that protects nothing would be noticed too late.
            message = f"the base {knowledge.manifest.name} has no fact of this name"
            raise BadInput([Problem(settings.place, message, f"sensitive.{name}", hint)])
    found: dict[str, Treatment] = {}
    for name, fact in knowledge.facts.items():
        treatment = settings.sensitive.get(name) or (settings.sensitive_default if fact.sensitive else "keep")
        if treatment != "keep":
            found[name] = treatment
    return found


def without_effect(knowledge: Knowledge, settings: Settings) -> list[str]:
    """For each name that the settings protect and the base does not have, a sentence that says so.

    It may well be a fact of another base; where it is not, what it was to protect would be recorded openly.
    """
    base = f"{knowledge.manifest.name} {knowledge.manifest.version}"
    return [
        f"{settings.place}: sensitive.{name} protects nothing here: the base {base} has no fact of this name"
        for name, treatment in settings.sensitive.items()
        if treatment != "keep" and name not in knowledge.facts
    ]


def withheld(outcome: Outcome, settings: Settings) -> Withheld:
    """What a record of the outcome must not tell.

    Raises:
        BadInput: the settings call a fact sensitive whose name seems to be a misspelt one of the base.
    """
    knowledge = outcome.knowledge
    facts = _given_of(outcome.case, treatments(knowledge, settings))
    if not facts:
        return Withheld({}, frozenset(), frozenset())
    moved = _resting_on(facts, outcome)
    # A number only tells on which side of a threshold it lies; the answer to a question is told by the rule that asks.
    answers = [name for name in facts if knowledge.unit(name) is None]
    told = _resting_on(answers, outcome)
    decisions = told & knowledge.decisions.keys()
    asking = {name for name in decisions if not knowledge.reads[name].isdisjoint(told - decisions)}
    return Withheld(facts, frozenset(moved - knowledge.decisions.keys()), frozenset(decisions), frozenset(asking))


def _resting_on(facts: Iterable[str], outcome: Outcome) -> set[str]:
    """The facts, and all that was computed or concluded from them; a default that was not needed was not."""
    knowledge, found = outcome.knowledge, set(facts)
    for name in knowledge.order:
        given = outcome.case.given.get(name)
        is_given = given is not None and given.value is not None
        if not is_given and any(knowledge.decision_of.get(read, read) in found for read in knowledge.reads[name]):
            found.add(name)
    return found


def _given_of(case: Case, sensitive: Mapping[str, Treatment]) -> dict[str, Treatment]:
    return {
        name: sensitive[name] for name, given in case.given.items() if name in sensitive and given.value is not None
    }


# -- keyed hashes ---------------------------------------------------------------------------------------


def keyed_hash(key: bytes, name: str, value: float | bool | str) -> str:
    """The HMAC-SHA256 of a fact's value, in hex: the same for the same value, and not to be guessed without the key."""
    said = value if isinstance(value, bool | str) else float(value)
    return hmac.new(key, json.dumps([name, said], sort_keys=True).encode(), hashlib.sha256).hexdigest()


def fingerprint(key: bytes) -> str:
    """What a record names the key by."""
    return hashlib.sha256(b"breakeven hash key\0" + key).hexdigest()[:_FINGERPRINT]


def hash_key(path: Path, *, create: bool) -> bytes:
    """The key in a file that only its owner may read.

    Args:
        path: the file.
        create: whether a new key is made where there is no file.

    Raises:
        BadInput: there is none, it cannot be read or made, others may read it, or it holds no key.
    """
    try:
        return _read_key(path, path.stat())
    except FileNotFoundError:
        if not create:
            refuse_one(str(path), "there is no such key", "Name the file in the settings as hash_key")
    except OSError as error:
        refuse_one(str(path), f"cannot be read: {str(error.strerror).lower()}", "Check who may read it")
    try:
        _make_key(path)
        return _read_key(path, path.stat())
    except OSError as error:
        refuse_one(
            str(path), f"cannot be made: {str(error.strerror).lower()}", "Name another file in the settings as hash_key"
        )


def _make_key(path: Path) -> None:
    """Make the file as a whole, unless another process was faster."""
    path.parent.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(f"{secrets.token_hex(_KEY_BYTES)}\n")
            opened.flush()
            os.fsync(opened.fileno())
        with suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink()


def _read_key(path: Path, status: os.stat_result) -> bytes:
    if stat.S_ISREG(status.st_mode) and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        refuse_one(str(path), "others than its owner may use this key", f"Run chmod 600 {path}")
    return _keys_text(path, status.st_mtime_ns)


@lru_cache(maxsize=4)
def _keys_text(path: Path, _modified: int) -> bytes:
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        refuse_one(
            str(path), f"holds no key: {2 * _KEY_BYTES} hexadecimal digits are expected", "Restore it from its backup"
        )
    return key
