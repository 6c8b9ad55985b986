"""Sentences of the knowledge base: Jinja2 with names to fill in, sandboxed because a base may be anybody's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

LONGEST_SENTENCE = 4_000


class SentenceError(ValueError):
    """A sentence that is not valid Jinja2, or uses more of it than a sentence may."""


def names_in_sentence(text: str) -> frozenset[str]:
    """The names a sentence fills in.

    Raises:
        SentenceError: it cannot be read.
    """
    return _compiled(text)[1] if "{" in text else frozenset()


def fill_in(text: str, names: Mapping[str, object]) -> str:
    """The sentence on one line with its names filled in.

    Raises:
        SentenceError: it cannot be read, or asks for what is not there.
    """
    if "{" not in text:
        return " ".join(text.split())
    from jinja2 import TemplateError

    try:
        return " ".join(_compiled(text)[0].render(names).split())
    except TemplateError as error:
        raise SentenceError(str(error)) from error


@lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    environment.globals.clear()
    environment.filters.clear()
    environment.tests.clear()
    return environment


#: What a sentence may be made of: text, names, and a choice between texts.
_ALLOWED = ("Template", "Output", "TemplateData", "Name", "If", "Not", "And", "Or", "Compare", "Operand", "Const")


@lru_cache(maxsize=2048)
def _compiled(text: str) -> tuple[Template, frozenset[str]]:
    from jinja2 import TemplateError
    from jinja2.nodes import Name, Node

    if len(text) > LONGEST_SENTENCE:
        raise SentenceError(f"longer than {LONGEST_SENTENCE:,} characters")
    try:
        tree = _environment().parse(text)
        for node in tree.find_all(Node):
            if type(node).__name__ not in _ALLOWED:
                raise SentenceError(f"{type(node).__name__.lower()} is not part of a sentence")
        # Nothing in a sentence can declare a name, not even those that Jinja2 itself would fill in, such as `self`.
        return _environment().from_string(text), frozenset(name.name for name in tree.find_all(Name))
    except TemplateError as error:
        raise SentenceError(str(error)) from error
    except (RecursionError, MemoryError, SyntaxError):
        # Python, to which Jinja2 translates a sentence, has limits of its own.
        raise SentenceError("nested too deeply") from None
