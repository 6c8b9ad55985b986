from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from engine.bytecode import bytecode_cache


def rendered(text: str, environment: str = "test") -> str:
    """A template of this text, compiled anew or taken from the cache."""
    loader = jinja2.DictLoader({"page": text})
    made = jinja2.Environment(loader=loader, autoescape=True, bytecode_cache=bytecode_cache(environment))
    return made.get_template("page").render(name="a & b")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BREAKEVEN_CACHE", str(tmp_path))
    return tmp_path


def kept(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_template_when_compiled_is_kept_and_taken_again(folder: Path) -> None:
    assert rendered("{{ name }}!") == "a &amp; b!"
    (file,) = kept(folder)
    before = file.read_bytes()
    assert rendered("{{ name }}!") == "a &amp; b!"
    assert [path.read_bytes() for path in kept(folder)] == [before]


def test_template_when_its_text_changed_is_compiled_anew(folder: Path) -> None:
    rendered("{{ name }}!")
    assert rendered("{{ name }}?") == "a &amp; b?"
    assert len(kept(folder)) == 1


def test_template_when_settings_differ_is_kept_apart(folder: Path) -> None:
    rendered("{{ name }}", "one")
    rendered("{{ name }}", "other")
    assert len({path.parent for path in kept(folder)}) == 2


@pytest.mark.parametrize("damage", [b"", b"j2", b"nonsense", None], ids=["empty", "cut short", "nonsense", "half"])
def test_template_when_what_was_kept_is_damaged_is_compiled_anew(folder: Path, damage: bytes | None) -> None:
    rendered("{{ name }}!")
    (file,) = kept(folder)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2] if damage is None else damage)
    assert rendered("{{ name }}!") == "a &amp; b!"


def test_folder_when_others_can_write_to_it_is_not_used(folder: Path) -> None:
    rendered("{{ name }}")
    (file,) = kept(folder)
    file.parent.chmod(0o777)
    assert bytecode_cache("test") is None
    assert rendered("{{ name }}?") == "a &amp; b?"


def test_cache_when_it_cannot_be_made_is_done_without(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "file"
    file.write_text("no folder", encoding="utf-8")
    monkeypatch.setenv("BREAKEVEN_CACHE", str(file))
    assert bytecode_cache("test") is None
    assert rendered("{{ name }}!") == "a &amp; b!"
