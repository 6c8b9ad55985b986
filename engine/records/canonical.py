"""Canonical JSON (RFC 8785): the same value has the same text, and so the same hash, everywhere."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NoReturn

import rfc8785

#: Integers up to this are exact as the numbers of JSON, which are floating-point numbers.
_EXACT = 2**53 - 1
_DIGITS = len(str(_EXACT))


class NotCanonical(ValueError):
    """A value that has no canonical JSON, or text that is not JSON."""


def canonical(value: object) -> str:
    """The one text that RFC 8785 gives a value of dict, list, tuple, str, int, float, bool and None.

    Raises:
        NotCanonical: a number is not finite or too large an integer, a text is no Unicode, a name no text.
    """
    try:
        return rfc8785.dumps(value).decode()  # type: ignore[arg-type]  # what cannot be written is refused by it
    except (ValueError, RecursionError) as error:
        raise NotCanonical(str(error)) from error


def parse(text: str) -> Any:
    """The value of a JSON text; integers too large to be exact come back as floating-point numbers.

    Raises:
        NotCanonical: the text is not JSON.
    """
    try:
        return json.loads(text, parse_int=_integer, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"not JSON: {error}") from error


def examine(text: str) -> tuple[Any, bool]:
    """The value of a JSON text, and whether the text is exactly what :func:`canonical` writes of it.

    Raises:
        NotCanonical: the text is not JSON.
    """
    value, plainly = _examine_plain(text)
    if plainly:
        return value, True
    value = parse(text)
    try:
        return value, canonical(value) == text
    except NotCanonical:
        return value, False


def sha256(text: str) -> str:
    """The SHA-256 of a text, in hexadecimal digits; what is not UTF-8 in it counts as the bytes it was read from."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _examine_plain(text: str) -> tuple[Any, bool]:
    """The value of a text that is canonical for certain; False where that takes a closer look.

    The standard library writes a text many times faster than the other. It differs from RFC 8785 in the form
    of some numbers, which are looked at one by one, and in the order of names beyond U+FFFF, which are left
    to the closer look.
    """
    # UTF-16 writes a character beyond U+FFFF as two, and sorts it before some that it writes as one.
    if not text.isascii() and len(text.encode("utf-16-le", "surrogatepass")) > 2 * len(text):
        return None, False
    plain = True

    def fraction(found: str) -> float:
        nonlocal plain
        value = float(found)
        plain = plain and repr(value) == found and canonical(value) == found
        return value

    def integer(found: str) -> int:
        nonlocal plain
        if len(found) < _DIGITS:
            return int(found)
        plain = False
        return 0

    try:
        value = json.loads(text, parse_float=fraction, parse_int=integer, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"not JSON: {error}") from error
    return value, plain and json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True) == text


def _integer(text: str) -> int | float:
    value = int(text)
    return value if abs(value) <= _EXACT else float(value)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")
