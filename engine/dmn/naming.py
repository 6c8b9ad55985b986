"""Names of a DMN model as the rule language writes them: ``Risk Category`` and ``riskCategory`` as risk_category."""

from __future__ import annotations

import re
import unicodedata

from engine.language.nodes import STATES
from engine.language.parse import WORDS

#: Room is left for a number that tells two names apart, and for an output behind its decision.
LONGEST_NAME = 50
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
#: Words that mean something of their own in expressions or in YAML.
_TAKEN = WORDS | {*STATES, "on", "off", "null", "otherwise"}


def snake_case(name: str, instead: str) -> str:
    """The name in lower-case letters, digits and ``_``.

    Args:
        name: as the model has it, in any script.
        instead: the name where nothing of it can be written in those letters.
    """
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words = _NOT_IN_NAMES.sub("_", _CAMEL.sub("_", plain).lower()).strip("_")
    if not words:
        return instead
    if words[0].isdigit():
        words = f"n{words}"
    words = words[:LONGEST_NAME].rstrip("_")
    return f"{words}_" if words in _TAKEN else words


class Names:
    """Gives each thing a name that no other thing has."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, name: str, instead: str) -> str:
        """The name in snake case, with a number behind it where another thing already has it."""
        return self.unused(snake_case(name, instead))

    def unused(self, wanted: str) -> str:
        """The name itself, with a number behind it where another thing already has it."""
        found, number = wanted, 2
        while found in self._given:
            found, number = f"{wanted}_{number}", number + 1
        self._given.add(found)
        return found

    def reserve(self, name: str) -> bool:
        """Whether the name was still free; it is taken from then on."""
        free = name not in self._given
        self._given.add(name)
        return free
