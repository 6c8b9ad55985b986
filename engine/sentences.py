"""Sentences of the knowledge base: Jinja2 with names to fill in, sandboxed because a base may be anybody's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template, nodes
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


@dataclass(frozen=True, slots=True)
class BareName:
    """A name that stands as a test by itself, behind ``not`` or not."""

    name: str
    negated: bool


@dataclass(frozen=True, slots=True)
class NameComparison:
    """A name compared with a literal or with another name.

    Args:
        operator: Jinja2's word for it: ``eq``, ``ne``, ``lt``, ``lteq``, ``gt``, ``gteq``, ``in`` or ``notin``.
        literal: what is written there; None where the name is compared with ``other``.
        other: the other name.
    """

    name: str
    operator: str
    literal: object = None
    other: str | None = None


def tests_in_sentence(text: str) -> tuple[BareName | NameComparison, ...]:
    """What a sentence asks of its names in order to choose between texts.

    Raises:
        SentenceError: it cannot be read.
    """
    return _compiled(text)[2] if "{" in text else ()


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
def _compiled(text: str) -> tuple[Template, frozenset[str], tuple[BareName | NameComparison, ...]]:
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
        names = frozenset(name.name for name in tree.find_all(Name))
        return _environment().from_string(text), names, tuple(dict.fromkeys(_tests(tree)))
    except TemplateError as error:
        raise SentenceError(str(error)) from error
    except (RecursionError, MemoryError, SyntaxError):
        # Python, to which Jinja2 translates a sentence, has limits of its own.
        raise SentenceError("nested too deeply") from None


def _tests(tree: nodes.Node) -> Iterator[BareName | NameComparison]:
    from jinja2.nodes import And, Compare, If, Name, Not, Or

    for node in tree.find_all((If, Not, And, Or)):
        asked = (node.test,) if isinstance(node, If) else tuple(node.iter_child_nodes())
        # What stands behind `not` is told once, by the `not` itself.
        yield from (BareName(one.name, isinstance(node, Not)) for one in asked if isinstance(one, Name))
    for compared in tree.find_all(Compare):
        left = compared.expr
        for operand in compared.ops:
            yield from _comparison(left, operand.op, operand.expr)
            left = operand.expr


def _comparison(left: nodes.Node, operator: str, right: nodes.Node) -> Iterator[NameComparison]:
    from jinja2.nodes import Const, Name

    if isinstance(left, Name) and isinstance(right, Name):
        yield NameComparison(left.name, operator, other=right.name)
        return
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Name) and isinstance(other, Const):
            yield NameComparison(one.name, operator, other.value)
