"""Jinja2 as every report and page uses it: strict about names, and each value made harmless as it is printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.resources import templates_directory

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(
    escape: Callable[[object], str],
    *,
    markup: bool = False,
    cached_as: str | None = None,
    trailing_newline: bool = True,
) -> Environment:
    """An environment for the templates of one format.

    Args:
        escape: makes a value harmless; it is applied to every value that a template prints, so that none can forget to.
        markup: whether values are escaped for HTML and XML as well.
        cached_as: the name under which compiled templates are kept between runs, if they are.
        trailing_newline: whether a template's last line end is printed.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    from engine.bytecode import bytecode_cache

    def finalize(value: object) -> object:
        if hasattr(value, "__html__"):
            # What a macro made has been through here; no value of a base or case is of this kind.
            return value
        escaped = escape(value)
        # Marked as done, or Jinja would escape it for HTML on top.
        return escaped if markup else Markup(escaped)  # noqa: S704

    found = Environment(
        loader=FileSystemLoader(templates_directory()),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=trailing_newline,
        auto_reload=False,
        bytecode_cache=bytecode_cache(cached_as) if cached_as else None,
    )
    found.filters["by_count"] = by_count
    return found


def by_count(count: int, one: str, more: str) -> str:
    """The words for one thing or for any other number of them."""
    return one if count == 1 else more
