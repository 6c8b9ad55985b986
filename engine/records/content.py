"""What a record of a decision says: a public part for good, and a sealed part that can be erased.

Public is what concerns no person: the recommendation, the rules that fired, conclusions that are words, which
knowledge base and which versions decided. Sealed are who decided, the case, every value read or computed, and
every sentence that may show one.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import metadata
from typing import Any

from engine import __version__
from engine.case import Case, Given
from engine.decision import Decision, Figure, Firing, Reading
from engine.errors import BadInput, Place, Problem
from engine.knowledge import Knowledge, digest
from engine.pipeline import Outcome
from engine.records.sensitive import Withheld, fingerprint, hash_key, keyed_hash, withheld
from engine.records.settings import Settings, Treatment
from engine.records.store import Draft, KnowledgeContent
from engine.source import read_text

#: The packages whose versions a record names besides Breakeven's own.
_INFERENCE = "durable-rules"
#: What stands in a record where a value is not told.
WITHHELD = "withheld"


def draft_of(outcome: Outcome, decision: Decision, settings: Settings) -> Draft:
    """The record of a decision, to be appended.

    Args:
        outcome: what was computed and concluded.
        decision: the same in words.
        settings: who decides, and what is kept of sensitive facts.

    Raises:
        BadInput: the files of the base have changed since it was read, or the key of the hashes cannot be used.
    """
    hidden = withheld(outcome, settings)
    telling = _Telling(outcome, decision, settings, hidden)
    return Draft("decision", telling.public(), telling.sealed(), knowledge_content(outcome.knowledge))


@lru_cache(maxsize=16)
def knowledge_content(knowledge: Knowledge) -> KnowledgeContent:
    """Every file of a base as its hash covers it, so that the base can be read again from them alone.

    Raises:
        BadInput: the files are no longer those that the base was read from.
    """
    paths = sorted(knowledge.directory.glob("*.yaml"))
    texts = {path.name: read_text(path) for path in paths}
    if digest(texts) != knowledge.sha256:
        message = "the rules have changed since they were read, so what decided cannot be recorded"
        raise BadInput([Problem(Place(str(knowledge.directory)), message, hint="Decide once more")])
    return KnowledgeContent(knowledge.sha256, knowledge.manifest.name, knowledge.manifest.version, texts)


@lru_cache(maxsize=1)
def engine_versions() -> Mapping[str, str]:
    """What decides here: Breakeven, its inference engine, Python and the platform."""
    return {
        "breakeven": __version__,
        _INFERENCE: metadata.version(_INFERENCE),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def writable(value: Any) -> Any:
    """The value as canonical JSON can say it: half of a character pair, which no encoding has, is written out."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {writable(name): writable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [writable(inner) for inner in value]
    return value


class _Telling:
    """One decision being put into its record."""

    def __init__(self, outcome: Outcome, decision: Decision, settings: Settings, hidden: Withheld) -> None:
        self.outcome = outcome
        self.knowledge = outcome.knowledge
        self.decision = decision
        self.settings = settings
        self.hidden = hidden
        #: For each rule its decision, and its reason as the base has it.
        self.rules = {
            row.id: (name, row.declaration.because)
            for name, table in self.knowledge.decisions.items()
            for row in table.rows
        }
        is_hashed = "hash" in hidden.facts.values()
        self.key = hash_key(settings.hash_key, create=True) if is_hashed else None

    # -- for good ------------------------------------------------------------------------------

    def public(self) -> dict[str, Any]:
        """What concerns no person."""
        decision = self.decision
        answer = self.answer()
        return writable_mapping(
            {
                "approach": answer.get("approach"),
                "strength": answer.get("strength"),
                "settled": answer.get("settled"),
                "decided_by": answer.get("decided_by"),
                "rule": answer.get("rule"),
                "fired": [[firing["decision"], firing["rule"]] for firing in self.firings() if "rule" in firing],
                "conclusions": {name: value for name, value in self.conclusions().items() if _is_word(value)},
                "voices": [
                    {
                        "decision": voice.decision,
                        "title": voice.title,
                        "favours": None if voice.decision in self.hidden.decisions else voice.favours,
                        "decided": voice.decided and answer.get("decided_by") is not None,
                    }
                    for voice in decision.voices
                ],
                "knowledge_base": decision.knowledge_base.model_dump(exclude={"title"}),
                "versions": dict(engine_versions()),
                WITHHELD: sorted(self.hidden.facts),
            }
        )

    # -- until erased ----------------------------------------------------------------------------

    def sealed(self) -> dict[str, Any]:
        """Who, the case, and every value."""
        decision = self.decision
        return writable_mapping(
            {
                "who": self.settings.who,
                "case": {
                    "name": decision.case_name,
                    "given": self.given(),
                },
                "hash_key": fingerprint(self.key) if self.key else None,
                "facts": [self.reading(reading) for reading in decision.case.values()],
                "firings": list(self.firings()),
                "figures": [self.figure(name, figure) for name, figure in decision.figures.items()],
                "arithmetic": list(decision.arithmetic),
                "conclusions": self.conclusions(),
                "standing": [
                    _plain(one) for one in decision.standing if not self.hidden.hides(one.conclusion, self.knowledge)
                ],
                "cautions": [
                    {**_plain(caution), "because": self.sentence(caution.rule, caution.because)}
                    for caution in decision.cautions
                    if self.rules[caution.rule][0] not in self.hidden.decisions
                ],
                "recommendation": self.answer() or None,
            }
        )

    def given(self) -> list[dict[str, Any]]:
        """The facts that the case gives, as they were said; of sensitive ones what is kept of them."""
        facts = self.hidden.facts
        return [told_given(one, facts.get(one.name, "keep"), self.key) for one in self.outcome.case.given.values()]

    def reading(self, reading: Reading) -> dict[str, Any]:
        """A value as it was read, with its origin and source."""
        if self.hidden.hides(reading.name, self.knowledge):
            kept = {"name", "title", "unit", "origin"}
            return {**reading.model_dump(mode="json", include=kept, exclude_none=True), WITHHELD: True}
        return _plain(reading)

    def figure(self, name: str, figure: Figure) -> dict[str, Any]:
        """A figure with its arithmetic."""
        if self.hidden.hides(name, self.knowledge):
            kept = {"title", "unit", "formula", "source"}
            return {"name": name, **figure.model_dump(mode="json", include=kept), WITHHELD: True}
        return {"name": name, **_plain(figure)}

    def firings(self) -> Iterator[dict[str, Any]]:
        """The rules that fired, in order, each with what it read; then the decisions that are withheld.

        Each of these stands there once, whatever fired: how many rules did would tell something too.
        """
        yield from (self.firing(one) for one in self.decision.firings if one.decision not in self.hidden.decisions)
        for name in self.knowledge.order:
            if name in self.hidden.decisions:
                yield {"decision": name, "decision_title": self.knowledge.title(name), WITHHELD: True}

    def firing(self, firing: Firing) -> dict[str, Any]:
        """One rule that fired; what its condition says is in the base."""
        told = firing.model_dump(mode="json", exclude={"facts", "place", "when", "reads"}, exclude_none=True)
        told["because"] = self.sentence(firing.rule, firing.because)
        told["facts"] = [self.reading(reading) for reading in firing.facts]
        return told

    def conclusions(self) -> dict[str, Any]:
        """What every decision concludes, but for those that are withheld."""
        told = self.decision.model_dump(mode="json", include={"conclusions"})["conclusions"]
        # How firm it is, the answer says, also where it is not concluded: whether it is here would tell the two apart.
        recommends = self.knowledge.manifest.recommends
        return {
            name: value
            for name, value in told.items()
            if name == recommends or self.knowledge.decision_of.get(name, name) not in self.hidden.decisions
        }

    def answer(self) -> dict[str, Any]:
        """The recommendation; where its rule would tell what is withheld, without its reasons."""
        recommendation, manifest = self.decision.recommendation, self.knowledge.manifest
        if recommendation is None:
            return {}
        told = _plain(recommendation)
        if self.knowledge.decision_of.get(manifest.recommends or "") in self.hidden.decisions:
            for name in ("decided_by", "rule", "because", "source"):
                told.pop(name, None)
        elif recommendation.because is not None:
            told["because"] = self.sentence(recommendation.rule, recommendation.because)
        if self.knowledge.decision_of.get(manifest.strength or "") in self.hidden.asking:
            told.pop("strength", None)
            told["sentence"] = recommendation.title
        return told

    def sentence(self, rule: str | None, filled_in: str) -> str | None:
        """A rule's reason as it was filled in, or without a rule the fallback's; None where it tells too much."""
        if not self.hidden.facts:
            return filled_in
        fallback = self.knowledge.manifest.fallback
        text = self.rules[rule][1] if rule else fallback.because if fallback else ""
        return None if self.hidden.tells(text, self.knowledge) else filled_in


def writable_mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as canonical JSON can say it."""
    return {name: writable(inner) for name, inner in value.items()}


def _plain(record: Any) -> dict[str, Any]:
    told: dict[str, Any] = record.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return told


def _number(value: Any) -> float | bool | str | None:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _is_word(value: object) -> bool:
    if isinstance(value, list):
        return all(_is_word(item) for item in value)
    if isinstance(value, Mapping):
        return all(_is_word(item) for item in value.values())
    return isinstance(value, str)


def told_given(given: Given, treatment: Treatment = "keep", key: bytes | None = None) -> dict[str, Any]:
    """A given fact as a record has it; see ``case_of``.

    Args:
        given: the fact.
        treatment: what is kept of its value; of a sensitive fact its source is not kept either, which may tell it.
        key: of the hashes.
    """
    told: dict[str, Any] = {"name": given.name, "origin": given.origin}
    values = {"value": given.value, "low": given.low, "high": given.high}
    if treatment == "keep":
        values["source"] = given.source
        return told | {name: _number(value) for name, value in values.items() if value is not None}
    told[WITHHELD] = treatment
    if treatment == "hash" and key is not None:
        hashes = {name: keyed_hash(key, given.name, value) for name, value in values.items() if value is not None}
        told |= {f"{name}_hash": text for name, text in hashes.items()}
    return told


# -- and back ----------------------------------------------------------------------------------------------


def case_of(sealed: Mapping[str, Any]) -> Case:
    """The case that was decided, exactly as it was given; facts that are withheld are left out."""
    said = sealed["case"]
    given = {one["name"]: _given(one) for one in said["given"] if WITHHELD not in one}
    return Case(str(said["name"]), given)


def _given(one: Mapping[str, Any]) -> Given:
    return Given(
        name=one["name"],
        value=_number(one.get("value")),
        low=_end(one.get("low")),
        high=_end(one.get("high")),
        origin=one["origin"],
        source=one.get("source"),
    )


def _end(value: float | None) -> float | None:
    return None if value is None else float(value)
