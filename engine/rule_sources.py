"""Knowledge bases from where they are kept: a directory, a git revision, a built package, or built in.

What is not a directory of its own is written into a temporary one, which is there as long as the base is
looked at. Nothing is changed where it comes from: of a repository only its objects are read, of a package only
the files of its rules.
"""

from __future__ import annotations

import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path, PurePosixPath
from typing import NoReturn

from engine.errors import BadInput, Place, Problem
from engine.knowledge import MOST_FILES, Knowledge, load_knowledge
from engine.soundness import require_sound
from engine.source import MOST_BYTES, printable, shorten

#: The word for the base that comes with the program.
BUILT_IN = "built-in"
#: Where a package keeps its rules.
_IN_WHEEL = "engine/_bundled/rules/"
_WHEEL = ".whl"
#: Where a repository keeps its rules unless said otherwise.
_USUAL_FOLDER = "rules"
#: Git answers at once, unless it waits for something that will not come.
_GIT_SECONDS = 60
_FILE_MODES = ("100644", "100755")
_HINT = f"Name a directory, a git revision such as HEAD~1 or v1.0:rules, a {_WHEEL} file, or {BUILT_IN}"


@dataclass(frozen=True, slots=True)
class RuleSource:
    """A knowledge base at hand.

    Args:
        shown: what people call it: what they named it by, and where in it the rules are.
        directory: where its files are; None for the built-in base.
    """

    shown: str
    directory: Path | None

    def told(self, text: str) -> str:
        """A text that names files by where they were put, naming them by where they come from."""
        return text if self.directory is None else text.replace(str(self.directory), self.shown)

    def load(self, on: date | None = None) -> Knowledge:
        """The base, which is known to be sound.

        Args:
            on: the day whose dated values and rows are taken, by default today.

        Raises:
            BadInput: with every problem of every file.
        """
        try:
            knowledge = load_knowledge(self.directory, on)
            require_sound(knowledge)
        except BadInput as error:
            raise BadInput([self._told(problem) for problem in error.problems]) from None
        return knowledge

    def _told(self, problem: Problem) -> Problem:
        place = replace(problem.place, file=self.told(problem.place.file))
        return replace(problem, place=place, message=self.told(problem.message))


@contextmanager
def opened(named: str, *, beside: str | None = None) -> Iterator[RuleSource]:
    """A knowledge base by what a person names it by.

    Args:
        named: a directory, a git revision (alone or as ``REVISION:path/to/rules``), a wheel, or ``built-in``.
        beside: what the base is compared with; where that is a directory, a revision is looked at in its repository,
            and alone it means the same directory then.

    Raises:
        BadInput: it is none of these, there are no rules in it, or they cannot be read.
    """
    if named == BUILT_IN:
        yield RuleSource(BUILT_IN, None)
    elif Path(named).is_dir():
        yield RuleSource(named.rstrip("/") or named, Path(named))
    elif Path(named).suffix.lower() == _WHEEL:
        with _written(_files_in_wheel(named)) as directory:
            yield RuleSource(printable(named), directory)
    elif Path(named).exists():
        _refuse(named, "neither a directory nor a package with rules", _HINT)
    else:
        repository = _Repository.around(named, beside)
        shown, files = repository.rules_at(named, beside)
        with _written(files) as directory:
            yield RuleSource(shown, directory)


@contextmanager
def _written(files: Mapping[str, bytes]) -> Iterator[Path]:
    """A temporary directory with these files."""
    with tempfile.TemporaryDirectory(prefix="breakeven-") as parent:
        directory = Path(parent) / "rules"
        directory.mkdir()
        for name, content in files.items():
            (directory / name).write_bytes(content)
        yield directory


def _refuse(named: str, message: str, hint: str | None) -> NoReturn:
    raise BadInput([Problem(Place(printable(named)), message, hint=hint)])


# -- packages ------------------------------------------------------------------------------------------


def _files_in_wheel(named: str) -> dict[str, bytes]:
    """The rules of a built package by file name; nothing else of it is read, and no path of its is used."""
    try:
        with zipfile.ZipFile(named) as package:
            found = [one for one in package.infolist() if _is_rules_file(one.filename)]
            _check_sizes(named, {one.filename: one.file_size for one in found})
            # What a package says of a size need not be true: no more is read of any file.
            files = {PurePosixPath(one.filename).name: _beginning(package, one) for one in found}
    except FileNotFoundError:
        _refuse(named, "no such file", "Check the path of the package")
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        _refuse(named, f"not a package that can be read: {shorten(str(error))}", f"Name a {_WHEEL} file")
    if not files:
        _refuse(named, f"there are no rules in this package: no {_IN_WHEEL}", "Name a package of this program")
    _check_sizes(named, {name: len(content) for name, content in files.items()})
    return files


def _is_rules_file(path: str) -> bool:
    name = path.removeprefix(_IN_WHEEL)
    return path.startswith(_IN_WHEEL) and name.endswith(".yaml") and not set(name) & set("/\\")


def _beginning(package: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with package.open(entry) as opened_entry:
        return opened_entry.read(MOST_BYTES + 1)


def _check_sizes(named: str, sizes: Mapping[str, int]) -> None:
    if len(sizes) > MOST_FILES:
        _refuse(named, f"{len(sizes):,} files of rules, and at most {MOST_FILES:,} are read", None)
    for name, size in sizes.items():
        if size > MOST_BYTES:
            _refuse(f"{named}:{name}", f"too large: more than {MOST_BYTES:,} bytes", None)


# -- git -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Repository:
    """A git repository, read by its own program."""

    folder: Path

    @classmethod
    def around(cls, named: str, beside: str | None) -> _Repository:
        """The repository of the directory that a base is compared with, else the one we are in."""
        folder = Path(beside) if beside is not None and Path(beside).is_dir() else Path()
        repository = cls(folder)
        if repository._said("rev-parse", "--git-dir") is None:
            place = f"{printable(str(folder))} is not in a git repository" if folder != Path() else "there is no git here"
            _refuse(named, f"no such directory, and {place} to look for a revision in", _HINT)
        return repository

    def rules_at(self, named: str, beside: str | None) -> tuple[str, dict[str, bytes]]:
        """What the rules at a revision are called, and their files."""
        revision, colon, path = named.partition(":")
        commit = self._commit(named, revision)
        if not colon:
            path = self._folder_of(beside)
        shown = f"{revision}:{path}".rstrip("/") if path else revision
        listed = self._listed(f"{commit}:{path.rstrip('/')}")
        if listed is None:
            hint = f"Say where they are, as in {revision}:path/to/rules"
            _refuse(named, f"there is no directory {printable(path) or '.'} in {printable(revision)}", hint)
        files = {name: blob for name, (blob, _) in listed.items()}
        if not files:
            hint = f"Say where they are, as in {revision}:path/to/rules"
            _refuse(named, f"there are no rules in {printable(shown)}: no .yaml file", hint)
        _check_sizes(shown, {name: size for name, (_, size) in listed.items()})
        return printable(shown), {name: self._content(named, blob) for name, blob in files.items()}

    def _commit(self, named: str, revision: str) -> str:
        if not revision or revision.startswith("-"):
            _refuse(named, f"'{printable(revision)}' is not a revision", _HINT)
        found = self._said("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if found is None:
            _refuse(named, "neither a directory nor a revision that git knows", f"{_HINT}; `git log` lists revisions")
        return found.decode().strip()

    def _folder_of(self, beside: str | None) -> str:
        """The folder in the repository that is meant where a revision is named alone."""
        if beside is None or not Path(beside).is_dir():
            return _USUAL_FOLDER
        inside = self._said("rev-parse", "--show-prefix")
        return (inside or b"").decode().strip().rstrip("/")

    def _listed(self, tree: str) -> dict[str, tuple[str, int]] | None:
        """The files of rules directly in a folder, each with its object and size; None where there is no such folder."""
        said = self._said("ls-tree", "-z", "--long", "--full-tree", tree)
        if said is None:
            return None
        found = {}
        for entry in said.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            facts, _, name = entry.partition("\t")
            mode, _, blob, size = facts.split()
            if mode in _FILE_MODES and name.endswith(".yaml"):
                found[name] = (blob, int(size))
        return found

    def _content(self, named: str, blob: str) -> bytes:
        content = self._said("cat-file", "blob", blob)
        if content is None:
            _refuse(named, "git cannot read a file of this revision", "`git fsck` says what is wrong")
        return content

    def _said(self, *arguments: str) -> bytes | None:
        """What git prints; None where it fails.

        Raises:
            BadInput: git is not there, or does not answer.
        """
        command: Sequence[str] = ("git", "-C", str(self.folder), "--no-optional-locks", *arguments)
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=_GIT_SECONDS)  # noqa: S603 - no shell
        except FileNotFoundError:
            _refuse("git", "is needed to look at a revision, and is not installed", "Install it, or name a directory")
        except (OSError, subprocess.TimeoutExpired) as error:
            _refuse("git", f"cannot be run: {shorten(str(error))}", None)
        return done.stdout if done.returncode == 0 else None
