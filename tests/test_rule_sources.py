"""Where compared bases and cases come from: folders, git revisions, wheels, lists of cases; and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from cli import main
from engine.knowledge import MOST_FILES
from engine.resources import rules_directory
from tests.small_base import write_base

IN_WHEEL = "engine/_bundled/rules"
NEARER = ("when: distance < 2", "when: distance < 3")
MANIFEST = """\
    name: small
    version: "1"
    title: How to get there
    base_units: [km, hour, person]
    recommends: transport
    """


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A base that passed its checks is remembered for these tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BREAKEVEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("BREAKEVEN_RULES", raising=False)
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own to work in, outside of any repository."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def diff(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["rules", "diff", *map(str, arguments)], prog_name="breakeven", input=stdin)


def in_json(*arguments: str | Path, stdin: str | None = None) -> dict[str, Any]:
    """What the command says in JSON."""
    done = diff(*arguments, "--format", "json", stdin=stdin)
    assert done.exit_code in (0, 1), done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def refused(done: Result, *parts: str) -> None:
    """That a command ended as one does that was used wrongly, with a message that says why."""
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr, done.stderr


def small(folder: Path, **changed: str) -> Path:
    """A small base that recommends."""
    return write_base(folder, **{"knowledge": MANIFEST, **changed})


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def git(folder: Path, *arguments: str) -> str:
    names = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "init.defaultBranch=main")
    command = ["git", *names, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def committed(folder: Path, message: str) -> str:
    """Everything in a folder as a commit, by its id."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(work: Path) -> Path:
    """A repository we are in: the small base, and in a second commit one threshold changed."""
    git(work, "init", "--quiet")
    small(work / "rules")
    committed(work, "as it was")
    replace_in(work / "rules" / "transport.yaml", *NEARER)
    committed(work, "nearer")
    return work


def wheel(path: Path, files: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return path


def as_in_wheel(base: Path) -> dict[str, str | bytes]:
    return {f"{IN_WHEEL}/{path.name}": path.read_bytes() for path in base.glob("*.yaml")}


# Git


def changed_names(said: Mapping[str, Any]) -> list[str]:
    return [one["name"] for one in said["changes"]]


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("HEAD~1", "HEAD", ("HEAD~1:rules", "HEAD:rules")),
        ("HEAD~1:rules", "HEAD:rules/", ("HEAD~1:rules", "HEAD:rules")),
        ("HEAD~1", "rules", ("HEAD~1:rules", "rules")),
        ("HEAD~1", "./rules/", ("HEAD~1:rules", "rules")),
        ("HEAD^", "v2", ("HEAD^:rules", "v2:rules")),
    ],
)
def test_revision_when_compared_is_the_base_it_was_then(
    repository: Path, old: str, new: str, shown: tuple[str, str]
) -> None:
    git(repository, "tag", "v2")
    said = in_json(old, new)
    assert (said["old"]["shown"], said["new"]["shown"]) == shown
    assert changed_names(said) == ["near"]
    assert said["changes"][0]["file"] == f"{shown[1]}/transport.yaml"
    assert said["changes"][0]["line"] == 8


@pytest.mark.usefixtures("repository")
def test_revision_when_it_is_the_new_base_is_named_in_the_places_of_changes() -> None:
    said = in_json("rules", "HEAD~1")
    assert said["changes"][0]["file"] == "HEAD~1:rules/transport.yaml"


def test_revision_when_the_other_base_is_in_a_subfolder_of_another_repository_is_looked_for_there(
    tmp_path: Path,
) -> None:
    elsewhere = tmp_path / "elsewhere"
    base = small(elsewhere / "deep" / "down" / "base")
    git(elsewhere, "init", "--quiet")
    committed(elsewhere, "as it was")
    replace_in(base / "transport.yaml", *NEARER)
    said = in_json("HEAD", base)
    assert said["old"]["shown"] == "HEAD:deep/down/base"
    assert changed_names(said) == ["near"]


def test_revision_when_the_base_is_the_root_of_its_repository_is_found(tmp_path: Path) -> None:
    base = small(tmp_path / "base")
    git(base, "init", "--quiet")
    committed(base, "as it was")
    replace_in(base / "transport.yaml", *NEARER)
    assert changed_names(in_json("HEAD", base)) == ["near"]
    assert changed_names(in_json("HEAD:", base)) == ["near"]


@pytest.mark.parametrize(
    ("stands_in", "path", "shown"),
    [
        (".", "./rules", "HEAD:rules"),
        ("rules", "./", "HEAD:rules"),
        ("rules", "./tests/..", "HEAD:rules"),
        ("rules/tests", "../", "HEAD:rules"),
        ("rules/tests", "../../rules/", "HEAD:rules"),
    ],
)
def test_path_after_a_revision_when_it_is_relative_is_taken_from_where_one_stands(
    repository: Path, monkeypatch: pytest.MonkeyPatch, stands_in: str, path: str, shown: str
) -> None:
    monkeypatch.chdir(repository / stands_in)
    said = in_json(f"HEAD~1:{path}", f"HEAD:{path}")
    assert said["new"]["shown"] == shown
    assert changed_names(said) == ["near"]
    assert changed_names(in_json(f"HEAD~1:{path}", repository / "rules")) == ["near"]


def test_path_after_a_revision_when_it_is_relative_and_one_stands_in_another_repository_is_looked_for_where_one_stands(
    repository: Path, tmp_path: Path
) -> None:
    elsewhere = small(tmp_path / "elsewhere" / "rules")
    git(elsewhere.parent, "init", "--quiet")
    committed(elsewhere.parent, "as it was")
    assert changed_names(in_json("HEAD:./rules", elsewhere)) == ["near"]
    assert changed_names(in_json("HEAD:rules", elsewhere)) == []
    assert changed_names(in_json(repository / "rules", "HEAD:./rules")) == []


def test_revision_when_a_hook_of_another_repository_asks_is_that_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = small(tmp_path / "base" / "rules")
    git(base.parent, "init", "--quiet")
    committed(base.parent, "as it was")
    monkeypatch.setenv("GIT_DIR", ".git")
    assert in_json("HEAD", base)["changes"] == []


def test_revision_with_broken_rules_when_compared_is_refused_with_revision_file_and_line(repository: Path) -> None:
    replace_in(repository / "rules" / "transport.yaml", "when: has_car", "when: has_cra")
    committed(repository, "broken")
    refused(diff("HEAD", "HEAD~1"), "HEAD:rules/transport.yaml:18", "has_cra", "Did you mean 'has_car'?")


def test_revision_whose_rules_are_unsound_when_compared_is_refused_with_its_name(repository: Path) -> None:
    replace_in(repository / "rules" / "costs.yaml", "formula: distance / speed", "formula: distance + speed")
    committed(repository, "unsound")
    refused(diff("HEAD", "HEAD~1"), "HEAD:rules/costs.yaml")


def test_revision_with_a_link_for_a_file_when_compared_does_not_follow_it(repository: Path, tmp_path: Path) -> None:
    linked = repository / "rules" / "packing.yaml"
    linked.rename(tmp_path / "outside.yaml")
    linked.symlink_to(tmp_path / "outside.yaml")
    committed(repository, "a link")
    assert in_json("HEAD~1", "HEAD")["only_in_one"] == ["packing"]


def test_link_to_a_folder_when_named_at_a_revision_is_no_folder(repository: Path) -> None:
    (repository / "linked").symlink_to("rules")
    committed(repository, "a link")
    refused(diff("HEAD:linked", "HEAD"), "HEAD:linked", "no directory 'linked'")


def test_file_too_large_at_a_revision_when_compared_is_refused_before_it_is_read(repository: Path) -> None:
    (repository / "rules" / "more.yaml").write_text("#" * 2_000_001)
    committed(repository, "large")
    refused(diff("HEAD", "HEAD~1"), "HEAD:rules/more.yaml", "too large")


def test_repository_that_would_fetch_when_an_object_is_missing_runs_nothing(repository: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    blob = git(repository, "rev-parse", "HEAD~1:rules/transport.yaml")
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    git(repository, "config", "extensions.partialClone", "origin")
    git(repository, "config", "remote.origin.promisor", "true")
    git(repository, "config", "remote.origin.url", f"ext::sh -c touch% {canary}")
    git(repository, "config", "protocol.ext.allow", "always")
    refused(diff("HEAD~1", "HEAD"), "HEAD~1:rules/transport.yaml: cannot be read")
    assert not canary.exists()


HOSTILE: Mapping[str, tuple[str, str]] = {
    "nothing of the kind": ("nowhere", "neither a directory nor a revision that git knows"),
    "an option": ("--upload-pack=x", "No such option"),
    "an option where none is expected": ("-x:rules", "No such option"),
    "an empty name": ("", "is not a revision"),
    "no revision": (":rules", "is not a revision"),
    "a revision that is none": ("HEAD~99", "neither a directory nor a revision that git knows"),
    "a range of revisions": ("HEAD~1..HEAD", "neither a directory nor a revision that git knows"),
    "a folder that is not there": ("HEAD:nowhere", "there is no directory 'nowhere'"),
    "a file for a folder": ("HEAD:rules/facts.yaml", "there is no directory 'rules/facts.yaml'"),
    "a folder without rules": ("HEAD:rules/tests/none", "there is no directory"),
    "out of the repository": ("HEAD:../../etc", "there is no directory '../../etc': it is outside of the repository"),
    "out of the repository by a detour": ("HEAD:./rules/../../etc", "outside of the repository"),
    "a relative folder that is not there": ("HEAD:./nowhere", "there is no directory 'nowhere'"),
    "a name too long for a path": ("a" * 5_000, "neither a directory nor a revision"),
    "a name of lines": ("HEAD\nx", "neither a directory nor a revision"),
    "a command": ("$(touch x); `touch x`", "neither a directory nor a revision"),
}


@pytest.mark.parametrize(("named", "said"), HOSTILE.values(), ids=HOSTILE)
def test_base_that_is_none_when_named_is_refused(repository: Path, named: str, said: str) -> None:
    refused(diff(named, "rules"), said)
    assert not (repository / "x").exists()


@pytest.mark.parametrize("named", ["--upload-pack=x", "-x:rules", "--output=x:rules"])
def test_option_when_passed_as_a_base_all_the_same_is_no_revision(repository: Path, named: str) -> None:
    refused(diff("--", named, "rules"), "is not a revision")
    assert not (repository / "x").exists()


def test_base_when_there_is_no_repository_is_refused_with_what_git_says(work: Path) -> None:
    small(work / "rules")
    refused(diff("HEAD~1", "rules"), "HEAD~1", "no repository", "git says")


def test_folder_without_rules_when_named_is_refused(work: Path) -> None:
    (work / "empty").mkdir()
    refused(diff("empty", "built-in"), "empty")


def test_file_when_named_as_a_base_is_refused(work: Path) -> None:
    (work / "rules.yaml").write_text("name: x")
    refused(diff("rules.yaml", "built-in"), "rules.yaml", "neither a directory nor a package")


def test_git_when_it_is_not_installed_is_asked_for(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small(work / "rules")
    monkeypatch.setenv("PATH", str(work))
    refused(diff("HEAD", "rules"), "git", "not installed")


# Wheels and the built-in base


def test_wheel_when_compared_is_the_base_in_it(work: Path) -> None:
    base = small(work / "rules")
    package = wheel(work / "small-1-py3-none-any.whl", as_in_wheel(base))
    replace_in(base / "transport.yaml", *NEARER)
    said = in_json(package.name, "rules")
    assert said["old"]["shown"] == package.name
    assert changed_names(said) == ["near"]
    assert in_json("rules", package.name)["changes"][0]["file"] == f"{package.name}/transport.yaml"


def test_wheel_of_the_built_in_base_when_compared_with_it_is_the_same(work: Path) -> None:
    package = wheel(work / "breakeven.whl", as_in_wheel(rules_directory()))
    done = diff(package, "built-in")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "Nothing is declared differently." in done.stdout


def test_new_base_when_not_named_is_that_of_the_option_or_the_built_in_one(work: Path) -> None:
    small(work / "rules")
    assert diff("rules", "--rules", "rules").exit_code == 0
    assert diff("built-in").exit_code == 0
    assert in_json("rules")["new"]["shown"] == "built-in"


def broken_wheel(path: Path) -> Path:
    """A package whose directory is whole, and whose content is not what its checksum says."""
    content = small(path.parent / "to-break") / "facts.yaml"
    wheel(path, {f"{IN_WHEEL}/facts.yaml": content.read_bytes()})
    stored = bytearray(path.read_bytes())
    stored[60] ^= 0xFF
    path.write_bytes(bytes(stored))
    return path


def many_files(path: Path) -> Path:
    return wheel(path, {f"{IN_WHEEL}/d{number}.yaml": "" for number in range(MOST_FILES + 1)})


BAD_WHEELS: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "none": (Path.exists, "no such file"),
    "no zip": (lambda path: path.write_text("wheel"), "not a package that can be read"),
    "empty": (lambda path: path.write_bytes(b""), "not a package that can be read"),
    "a folder's end": (lambda path: path.write_bytes(b"PK\x05\x06" + bytes(18)), "no rules in this package"),
    "without rules": (lambda path: wheel(path, {"engine/__init__.py": ""}), "no rules in this package"),
    "with paths that lead out": (
        lambda path: wheel(path, {f"{IN_WHEEL}/../../../out.yaml": "", f"{IN_WHEEL}/a/b.yaml": "", "/etc/x.yaml": ""}),
        "no rules in this package",
    ),
    "a bomb": (lambda path: wheel(path, {f"{IN_WHEEL}/facts.yaml": b"#" * 50_000_000}), "too large"),
    "many bombs": (
        lambda path: wheel(path, {f"{IN_WHEEL}/d{number}.yaml": b"#" * 1_900_000 for number in range(12)}),
        "in all",
    ),
    "of many files": (many_files, "files of rules"),
    "broken inside": (broken_wheel, "not a package that can be read"),
    "with rules that are none": (
        lambda path: wheel(path, {f"{IN_WHEEL}/facts.yaml": "facts: ["}),
        "base.whl/facts.yaml",
    ),
}


@pytest.mark.parametrize(("make", "said"), BAD_WHEELS.values(), ids=BAD_WHEELS)
def test_wheel_that_holds_no_base_when_named_is_refused(work: Path, make: Callable[[Path], object], said: str) -> None:
    make(work / "base.whl")
    refused(diff("base.whl", "built-in"), "base.whl", said)
    assert not list(work.parent.rglob("out.yaml"))


# Cases at hand

CASES = [
    ("beside", {"distance": 1, "weather": "dry"}),
    ("between", {"distance": 2.5, "weather": "dry"}),
    ("between, in the wet", {"distance": 2.5, "weather": "wet", "has_car": True}),
    ("far", {"distance": 200, "weather": "wet", "has_car": False}),
    ("nothing known", {}),
]
MOVED = {"between": ("cycle", "walk"), "between, in the wet": ("drive", "walk")}


def as_folder(path: Path) -> str:
    path.mkdir()
    for name, said in CASES:
        (path / f"{name}.yaml").write_text(json.dumps(said))
    return path.name


def as_list(path: Path) -> str:
    path = path.with_suffix(".yaml")
    path.write_text("\n".join(f"- {json.dumps({'name': name, **said})}" for name, said in CASES))
    return path.name


def as_named_cases(path: Path) -> str:
    path = path.with_suffix(".yml")
    path.write_text("\n".join(f"{json.dumps(name)}: {json.dumps(said)}" for name, said in CASES))
    return path.name


def as_json_lines(path: Path) -> str:
    path = path.with_suffix(".jsonl")
    path.write_text("\n\n".join(json.dumps({"name": name, **said}) for name, said in CASES))
    return path.name


def cell_of(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def as_csv(path: Path) -> str:
    path = path.with_suffix(".csv")
    columns = ("name", "distance", "weather", "has_car")
    rows = [[cell_of({"name": name, **said}.get(one, "")) for one in columns] for name, said in CASES]
    quoted = [",".join(f'"{cell}"' for cell in row) for row in rows]
    path.write_text("\ufeff" + "\r\n".join([",".join(columns), *quoted]) + "\r\n\r\n", encoding="utf-8")
    return path.name


@pytest.fixture
def nearer(work: Path) -> None:
    """Two bases to work with, ``old`` and ``new``, one threshold apart."""
    small(work / "old")
    replace_in(small(work / "new") / "transport.yaml", *NEARER)


@pytest.mark.usefixtures("nearer")
@pytest.mark.parametrize("written", [as_folder, as_list, as_named_cases, as_json_lines, as_csv])
def test_cases_when_decided_by_both_bases_are_counted_and_named(work: Path, written: Callable[[Path], str]) -> None:
    path = written(work / "cases")
    said = in_json("old", "new", "--cases", path)["cases"]
    assert (said["total"], said["changed"]) == (len(CASES), len(MOVED))
    assert {one["name"]: (one["old"], one["new"]) for one in said["which"]} == MOVED
    text = diff("old", "new", "--cases", path).stdout
    assert "2 of 5 cases are decided otherwise" in text
    for name, (old, new) in MOVED.items():
        assert f"  {name} ({path}" in text
        assert f"): {old} → {new}\n" in text


@pytest.mark.usefixtures("nearer")
def test_cases_without_names_when_they_change_are_called_by_their_place(work: Path) -> None:
    (work / "cases.yaml").write_text("- {distance: 1}\n\n- {distance: 2.5, weather: dry}\n")
    (work / "cases.jsonl").write_text('{"distance": 1}\n\n{"distance": 2.5, "weather": "dry"}\n')
    (work / "cases.csv").write_text("distance,weather\n1,dry\n2.5,dry\n")
    found = {}
    for name in ("cases.yaml", "cases.jsonl", "cases.csv"):
        (one,) = in_json("old", "new", "--cases", name)["cases"]["which"]
        found[name] = (one["name"], one["file"], one["line"])
    assert found == {
        "cases.yaml": ("case 2", "cases.yaml", 3),
        "cases.jsonl": ("line 3", "cases.jsonl", 3),
        "cases.csv": ("line 3", "cases.csv", 3),
    }


@pytest.mark.usefixtures("nearer")
def test_cases_when_given_on_standard_input_are_read_as_yaml() -> None:
    said = in_json("old", "new", "--cases", "-", stdin="- {distance: 2.5, weather: dry}\n")["cases"]
    assert (said["total"], said["changed"]) == (1, 1)


@pytest.mark.usefixtures("nearer")
def test_case_file_of_one_case_when_given_is_one_case(work: Path) -> None:
    (work / "trip.yaml").write_text("distance: 2.5\nweather: dry\n")
    said = in_json("old", "new", "--cases", "trip.yaml")["cases"]
    assert (said["total"], [one["name"] for one in said["which"]]) == (1, ["trip"])


@pytest.mark.usefixtures("nearer")
def test_text_in_json_lines_when_it_holds_other_line_ends_is_one_line(work: Path) -> None:
    case = {"name": "a\u2028b\x85c", "distance": 2.5, "weather": "dry"}
    (work / "cases.jsonl").write_text(json.dumps(case, ensure_ascii=False) + "\n", encoding="utf-8")
    assert in_json("old", "new", "--cases", "cases.jsonl")["cases"]["changed"] == 1


@pytest.mark.usefixtures("nearer")
def test_case_that_only_one_base_can_read_when_compared_has_changed(work: Path) -> None:
    replace_in(work / "new" / "facts.yaml", "max: 1_000", "max: 100")
    (work / "cases.yaml").write_text(
        "- {distance: 500, has_car: no, weather: wet}\n- {distance: 50, has_car: no, weather: wet}\n"
    )
    (one,) = in_json("old", "new", "--cases", "cases.yaml")["cases"]["which"]
    assert (one["name"], one["old"]) == ("case 1", "stay")
    assert one["new"].startswith("refused: distance: expected a number")


@pytest.mark.usefixtures("nearer")
def test_fact_that_only_one_base_knows_when_a_case_gives_it_is_left_out_for_the_other(work: Path) -> None:
    replace_in(work / "new" / "facts.yaml", "facts:", "facts:\n  hurry: {title: hurry, type: yes/no, source: test}")
    (work / "cases.yaml").write_text("- {distance: 1, hurry: yes}\n")
    assert in_json("old", "new", "--cases", "cases.yaml")["cases"] == {"total": 1, "changed": 0, "which": []}


BAD_CASES: Mapping[str, tuple[str, str, str]] = {
    "no file": ("cases.csv", "", ""),
    "a list with no case": ("cases.yaml", "- {distance: 1}\n- 5\n", "cases.yaml:2: expected a case"),
    "an unknown fact": ("cases.yaml", "- {distance: 1}\n\n- {distnce: 1}\n", "cases.yaml:3: distnce"),
    "a value out of bounds": ("cases.yaml", "a: {distance: 1}\nb:\n  distance: 2_000\n", "cases.yaml:3: distance"),
    "no cases": ("cases.yaml", "[]\n", "cases.yaml: no cases"),
    "no YAML": ("cases.yaml", "- {distance: 1\n", "cases.yaml:"),
    "no JSON": ("cases.jsonl", '{"distance": 1}\n{"distance": }\n', "cases.jsonl:2: not JSON"),
    "no JSON object": ("cases.jsonl", "[1]\n", "cases.jsonl:1: expected a JSON object"),
    "a number that is none": ("cases.jsonl", '{"distance": NaN}\n', "cases.jsonl:1: not JSON: NaN"),
    "a number without end": ("cases.jsonl", '{"distance": 1e999}\n', "cases.jsonl:1: distance"),
    "a number too long": ("cases.jsonl", '{"distance": ' + "9" * 5_000 + "}\n", "cases.jsonl:1: "),
    "a name twice": (
        "cases.jsonl",
        '{"distance": 1, "distance": 2}\n',
        "cases.jsonl:1: not JSON: 'distance'",
    ),
    "deep JSON": ("cases.jsonl", "[" * 100_000 + "\n", "cases.jsonl:1: not JSON"),
    "an unknown fact in a line": ("cases.jsonl", '{"distance": 1}\n{"distnce": 1}\n', "cases.jsonl:2: distnce"),
    "an empty table": ("cases.csv", "\n", "cases.csv:1: there is no header"),
    "a header alone": ("cases.csv", "distance\n", "cases.csv: no cases"),
    "a column twice": ("cases.csv", "distance,distance\n1,2\n", "cases.csv:1: the column 'distance' is there twice"),
    "an unknown column": ("cases.csv", "distance,wether\n1,dry\n", "cases.csv:2: wether"),
    "too many cells": ("cases.csv", "distance\n1\n2,3\n", "cases.csv:3: 2 cells"),
    "a quote left open": ("cases.csv", 'distance\n1\n"2\n', "cases.csv:3: not CSV"),
    "a cell that is no number": ("cases.csv", "distance,weather\n1,dry\nfar,dry\n", "cases.csv:3: distance"),
    "semicolons": ("cases.csv", "distance;weather\n1;dry\n", "cases.csv:"),
}


@pytest.mark.usefixtures("nearer")
@pytest.mark.parametrize(("name", "text", "said"), BAD_CASES.values(), ids=BAD_CASES)
def test_cases_that_are_bad_when_given_are_refused_with_file_and_line(
    work: Path, name: str, text: str, said: str
) -> None:
    if text:
        (work / name).write_text(text, encoding="utf-8")
    refused(diff("old", "new", "--cases", name), said or name)


@pytest.mark.usefixtures("nearer")
def test_bad_cases_when_there_are_several_are_all_named(work: Path) -> None:
    (work / "cases.yaml").write_text("- {distnce: 1}\n- {distance: far}\n- {distance: 1}\n- {distance: -1}\n")
    refused(diff("old", "new", "--cases", "cases.yaml"), "cases.yaml:1", "cases.yaml:2", "cases.yaml:4")


@pytest.mark.usefixtures("nearer")
def test_folder_of_cases_when_files_are_bad_names_each(work: Path) -> None:
    (work / "cases").mkdir()
    (work / "cases" / "a.yaml").write_text("distance: [")
    (work / "cases" / "b.yaml").write_text("- 1\n")
    (work / "cases" / "c.yaml").write_text("distance: 1\n")
    refused(diff("old", "new", "--cases", "cases"), "cases/a.yaml:", "cases/b.yaml:1")


@pytest.mark.usefixtures("nearer")
def test_folder_of_cases_when_there_are_none_in_it_is_refused(work: Path) -> None:
    (work / "cases").mkdir()
    refused(diff("old", "new", "--cases", "cases"), "cases: no case files")


# What the command prints

WORD = {"type": "string", "minLength": 1}
MAYBE = {"type": ["string", "null"]}
SIDE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["shown", "name", "version", "sha256", "as_of"],
    "properties": {
        "shown": WORD,
        "name": WORD,
        "version": WORD,
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "as_of": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    },
}


def record(**properties: object) -> dict[str, object]:
    """The schema of an object with exactly these fields."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def listed(schema: object) -> dict[str, object]:
    return {"type": "array", "items": schema}


SCHEMA = record(
    old=SIDE,
    new=SIDE,
    changes=listed(
        record(
            kind={"enum": ["added", "removed", "changed"]},
            what=WORD,
            name=WORD,
            decision=MAYBE,
            old=MAYBE,
            new=MAYBE,
            decides={"type": "boolean"},
            file=WORD,
            line={"type": ["integer", "null"], "minimum": 1},
            column={"type": ["integer", "null"], "minimum": 1},
        )
    ),
    differing_cases=listed(record(decision=WORD, case={"type": "object"}, old={}, new={})),
    proved_same=listed(record(decision=WORD, proof=WORD)),
    not_proved=listed(record(decision=WORD, reason=WORD)),
    only_in_one=listed(WORD),
    no_longer_accepted=listed(record(fact=WORD, case={"type": "object"}, message=WORD)),
    cases={
        "anyOf": [
            {"type": "null"},
            record(
                total={"type": "integer"},
                changed={"type": "integer"},
                which=listed(record(name=WORD, old={}, new={}, file=WORD, line={"type": ["integer", "null"]})),
            ),
        ]
    },
)


@pytest.mark.usefixtures("nearer")
def test_json_when_printed_has_the_fields_that_programs_rely_on(work: Path) -> None:
    replace_in(work / "new" / "facts.yaml", "max: 1_000", "max: 100")
    (work / "cases.yaml").write_text("- {distance: 2.5, weather: dry}\n")
    validator = Draft202012Validator(SCHEMA)
    for arguments in (("old", "new", "--cases", "cases.yaml"), ("old", "new"), ("old", "old"), ("old", "built-in")):
        validator.validate(in_json(*arguments))


@pytest.mark.usefixtures("nearer")
def test_json_when_printed_twice_is_the_same() -> None:
    first, second = (diff("old", "new", "--format", "json").stdout for _ in range(2))
    assert first == second


@pytest.mark.usefixtures("nearer")
def test_text_when_printed_says_what_changed_where_and_a_case_that_shows_it() -> None:
    done = diff("old", "new")
    assert done.exit_code == 1
    assert "1 change\n  transport\n    changed threshold: near (new/transport.yaml:8)\n" in done.stdout
    assert "  transport: cycle → walk, for\n" in done.stdout
    assert done.stdout.endswith("\nSomething that decides differs, or was not proved to be the same.\n")


@pytest.mark.usefixtures("nearer")
def test_status_when_nothing_that_decides_differs_is_0_and_1_where_something_does(work: Path) -> None:
    assert diff("old", "old").exit_code == 0
    assert diff("old", "new").exit_code == 1
    shutil.copytree(work / "old", work / "told")
    replace_in(work / "told" / "transport.yaml", "because: It is dry.", "because: It stays dry.")
    done = diff("old", "told")
    assert done.exit_code == 0
    assert done.stdout.endswith("\nNothing that decides differs.\n")


@pytest.mark.usefixtures("nearer")
def test_output_when_named_gets_the_report_and_the_status_stays(work: Path) -> None:
    done = diff("old", "new", "--format", "json", "-o", "found.json")
    assert (done.exit_code, done.stdout) == (1, "")
    Draft202012Validator(SCHEMA).validate(json.loads((work / "found.json").read_text("utf-8")))


@pytest.mark.usefixtures("nearer")
def test_output_when_a_base_is_bad_is_left_as_it_was(work: Path) -> None:
    (work / "found.json").write_text("as it was")
    refused(diff("old", "nowhere", "-o", "found.json"))
    assert (work / "found.json").read_text() == "as it was"


def test_values_over_time_when_compared_as_of_a_day_are_those_of_that_day(work: Path) -> None:
    dated = """\
        amounts:
          speed:
            title: speed of a car
            unit: km/hour
            source: test
            value: [{from: 2020-01-01, value: 50}, {from: 2030-01-01, value: VALUE}]
        figures:
          trip_time: {title: time of the trip, unit: hour, formula: distance / speed, source: test}
        """
    small(work / "old", costs=dated.replace("VALUE", "60"))
    small(work / "new", costs=dated.replace("VALUE", "70"))
    assert diff("old", "new", "--on", "2026-01-01").exit_code == 0
    assert diff("old", "new", "--on", "2031-01-01").exit_code == 1


def test_control_characters_when_a_base_holds_them_reach_no_terminal(work: Path) -> None:
    small(work / "old")
    replace_in(small(work / "new") / "transport.yaml", "because: It is dry.", 'because: "a\\e[31mb"')
    assert "\x1b" not in diff("old", "new").stdout
