"""Regenerate what the documentation shows of the real thing: JSON Schemas and the README's output.

Run ``make docs``; a test checks that nothing is stale. ``--check`` only says what is.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engine.knowledge import load_knowledge  # noqa: E402 - found through the path set above
from engine.schema import schemas  # noqa: E402

#: In a document: ``<!-- output: COMMAND -->`` before a fenced block that holds the command's output.
_OUTPUT = re.compile(r"(<!-- output: (?P<command>.+?) -->\n```[a-z]*\n)(?P<shown>.*?)(```\n)", re.DOTALL)
#: Only the first lines, or the lines after the first that holds a text: ``| head -n 9``, ``| from "break-even" 4``.
_SHORTENED = re.compile(r" \| (?:head -n (?P<first>\d+)|from \"(?P<text>[^\"]+)\" (?P<count>\d+))$")


def generated() -> dict[Path, str]:
    """Every generated file with the text it should have."""
    found = {
        ROOT / "docs" / "schemas" / f"{name}.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in schemas(load_knowledge()).items()
    }
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = document.read_text(encoding="utf-8")
        found[document] = _OUTPUT.sub(lambda match: match[1] + _output_of(match["command"]) + match[4], text)
    return found


def _output_of(command: str) -> str:
    """What a ``breakeven`` command prints, or the part of it that the document shows."""
    words = shlex.split(_SHORTENED.sub("", command))
    arguments = [sys.executable, str(ROOT / "cli.py"), *words[1:]]
    finished = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    lines = (finished.stdout or finished.stderr).splitlines()
    return "".join(f"{line}\n" for line in _part(lines, _SHORTENED.search(command)))


def _part(lines: list[str], shortened: re.Match[str] | None) -> list[str]:
    if shortened is None:
        return lines
    if shortened["first"]:
        return lines[: int(shortened["first"])]
    start = next(index for index, line in enumerate(lines) if shortened["text"] in line)
    return lines[start : start + int(shortened["count"])]


def main() -> int:
    """Write what is stale, or with ``--check`` only name it."""
    stale = [path for path, text in generated().items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"stale: {path.relative_to(ROOT)}; run make docs")
        return bool(stale)
    texts = generated()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
