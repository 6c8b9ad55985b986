"""Where in a file a character of a scalar stands: expressions know their own columns, people look at lines."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import Place


def pinpoint(lines: Sequence[str], start: Place, text: str, offset: int) -> Place:
    """The place of one character of a scalar that may be quoted, folded or spread over lines.

    Args:
        lines: the file's lines, line 1 first.
        start: where the scalar begins, its quote or ``>`` included.
        text: what the scalar was read as.
        offset: the character in ``text``, from 0.

    Returns:
        The place; ``start`` where the two cannot be followed side by side, as with escapes in double quotes.
    """
    if start.line is None or start.column is None or "\n" in text.strip():
        return start
    written = _Written(lines, start.line - 1, start.column - 1)
    if written.skip_opening():
        for character in text[:offset]:
            if not written.pass_by(character):
                return start
        if offset < len(text) and not text[offset].isspace():
            written.skip_space()
            if written.character != text[offset]:
                return start
        return Place(start.file, written.line + 1, written.column + 1)
    return start


class _Written:
    """A reading position in the text of a file."""

    def __init__(self, lines: Sequence[str], line: int, column: int) -> None:
        self.lines = lines
        self.line = line
        self.column = column

    @property
    def character(self) -> str:
        """The character here, a line's end being a space; empty behind the last line."""
        if self.line >= len(self.lines):
            return ""
        line = self.lines[self.line]
        return line[self.column] if self.column < len(line) else " "

    def skip_opening(self) -> bool:
        """Go past a quote or the line of a ``>`` or ``|``; False behind the end of the file."""
        if self.character in (">", "|"):
            self.line, self.column = self.line + 1, 0
        elif self.character in ("'", '"'):
            self.column += 1
        return bool(self.character)

    def skip_space(self) -> None:
        while self.character.isspace():
            self._forward()

    def pass_by(self, character: str) -> bool:
        """Go past one character of the scalar's text, or past all space where it is a space."""
        if character.isspace():
            self.skip_space()
            return True
        self.skip_space()
        if self.character != character:
            return False
        self._forward()
        if character == "'" and self.character == "'" and self.column > 1:
            # Within single quotes a quote is written twice.
            self._forward()
        return True

    def _forward(self) -> None:
        self.column += 1
        if self.column > len(self.lines[self.line]):
            self.line, self.column = self.line + 1, 0
