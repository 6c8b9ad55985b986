"""Text that anybody may have written, made harmless: one function for each format of the reports."""

from __future__ import annotations

import re

#: What stands between the cells of a row in the terminal template; escaped text never contains it.
CELL_END = "¦"
#: Stand-ins for the two characters that rich's markup gives a meaning, put back after it is parsed.
_BRACKET, _BACKSLASH = "\ue000", "\ue001"

#: What is shown for the ASCII characters without a shape of their own: Unicode has a picture of each.
_PICTURES = {**{code: chr(0x2400 + code) for code in range(0x20)}, 0x7F: "\u2421"}
#: Characters that move cursors, colour text, turn its direction or show nothing at all.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ue000\ue001\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
_MARKDOWN_SPECIAL = re.compile(
    r"[\\`*\[\]<>#|~{}]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # an underscore inside a word is only itself
    r"|&(?=[#A-Za-z])"
    r"|\$(?!\d)"  # GitHub sets $…$ as mathematics; before a digit it is money
    r"|^[-+=](?=[-+=\s]|$)"
    r"|^:(?=[-|])"
)
_LIST_NUMBER = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")


def printable(value: object) -> str:
    """A value on one line, with a visible character in place of each that would act on a screen."""
    text = re.sub(r"[\t\n\r\x0b\x0c\x85\u2028\u2029]", " ", str(value))
    text = _UNPRINTABLE.sub(lambda found: _PICTURES.get(ord(found[0]), "\ufffd"), text)
    return re.sub(r" {2,}", " ", text).strip()


def for_json(document: str) -> str:
    """A JSON document that means the same, with the characters that a terminal would obey written as numbers."""
    return re.sub(
        "[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", document
    )


def for_markdown(value: object) -> str:
    """Markdown that shows a value as it is, at the start of a line, inside one or in a table."""
    escaped = _MARKDOWN_SPECIAL.sub(lambda found: "\\" + found[0], printable(value))
    return _LIST_NUMBER.sub(r"\1\\\2", escaped)


def markdown_code(value: object) -> str:
    """A code span of Markdown that shows a value as it is; plain text where a table could not hold the span."""
    text = printable(value)
    if "|" in text or not text:
        return for_markdown(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text[0] + text[-1] else ""
    return f"{fence}{space}{text}{space}{fence}"


def for_terminal(value: object) -> str:
    """Rich markup for a value; :func:`from_terminal` makes the parsed text that of the value."""
    return printable(value).replace("[", _BRACKET).replace("\\", _BACKSLASH).replace(CELL_END, "|")


def from_terminal(text: str) -> str:
    """The text that markup from :func:`for_terminal` stands for, of the same length."""
    return text.replace(_BRACKET, "[").replace(_BACKSLASH, "\\")
