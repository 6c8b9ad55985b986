"""Knowledge bases from where they are kept: a directory, a git revision, a built package, or built in.

What is not a directory of its own is written into a temporary one, which is there as long as the base is
looked at. Nothing is changed where it comes from: of a repository only its objects are read, of a package only
the files of its rules.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path, PurePosixPath
from typing import NoReturn

from engine.errors import BadInput, Problem, refuse_one
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
#: Nothing is fetched, nothing asked: what a repository lacks is not there.
_GIT_ENVIRONMENT = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_GIT_PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
_HERE = Path()
_MOST_BYTES_IN_ALL = 20_000_000
#: What a path begins with that is relative to where one stands, and not to the folder of the repository.
_RELATIVE = ("./", "../")
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
        hint = self.told(problem.hint) if problem.hint else None
        return replace(problem, place=place, message=self.told(problem.message), hint=hint)


@contextmanager
def opened(named: str, *, beside: str | None = None) -> Iterator[RuleSource]:
    """A knowledge base by what a person names it by.

    Args:
        named: a directory, a git revision (alone or as ``REVISION:path/to/rules``; as ``REVISION:./path`` relative
            to where one stands), a wheel, or ``built-in``.
        beside: what the base is compared with; where that is a directory, a revision is looked at in its repository,
            and alone it means the same directory then.

    Raises:
        BadInput: it is none of these, there are no rules in it, or they cannot be read.
    """
    if named == BUILT_IN:
        yield RuleSource(BUILT_IN, None)
    elif _is_there(named, Path.is_dir):
        yield RuleSource(str(Path(named)), Path(named))
    elif Path(named).suffix.lower() == _WHEEL:
        with _written(_files_in_wheel(named)) as directory:
            yield RuleSource(printable(named), directory)
    elif _is_there(named, Path.exists):
        _refuse(named, "neither a directory nor a package with rules", _HINT)
    else:
        shown, files = _rules_at_revision(named, beside)
        with _written(files) as directory:
            yield RuleSource(shown, directory)


def _is_there(named: str, looks: Callable[[Path], bool]) -> bool:
    """Whether a path is what is looked for; what cannot be a path, such as one that is too long, is not."""
    try:
        return named != "" and looks(Path(named))
    except OSError:
        return False


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
    refuse_one(printable(named), message, hint)


# -- packages ------------------------------------------------------------------------------------------


def _files_in_wheel(named: str) -> dict[str, bytes]:
    """The rules of a built package by file name; nothing else of it is read, and no path of its is used."""
    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(named) as package:
            found = [one for one in package.infolist() if _is_rules_file(one.filename)]
            _check_sizes(named, {one.filename: one.file_size for one in found})
            for entry in found:
                # What a package says of a size need not be true: no more is read of any file.
                with package.open(entry) as content:
                    files[PurePosixPath(entry.filename).name] = content.read(MOST_BYTES + 1)
                _check_sizes(named, {name: len(content) for name, content in files.items()})
    except FileNotFoundError:
        _refuse(named, "no such file", "Check the path of the package")
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
        _refuse(named, f"not a package that can be read: {shorten(str(error))}", f"Name a {_WHEEL} file")
    if not files:
        _refuse(named, f"there are no rules in this package: no {_IN_WHEEL}", "Name a package of this program")
    return files


def _is_rules_file(path: str) -> bool:
    name = path.removeprefix(_IN_WHEEL)
    return path.startswith(_IN_WHEEL) and name.endswith(".yaml") and not set(name) & set("/\\")


def _check_sizes(named: str, sizes: Mapping[str, int]) -> None:
    if len(sizes) > MOST_FILES:
        _refuse(named, f"{len(sizes):,} files of rules, and at most {MOST_FILES:,} are read", None)
    for name, size in sizes.items():
        if size > MOST_BYTES:
            _refuse(f"{named}/{PurePosixPath(name).name}", f"too large: more than {MOST_BYTES:,} bytes", None)
    if sum(sizes.values()) > _MOST_BYTES_IN_ALL:
        _refuse(named, f"rules of more than {_MOST_BYTES_IN_ALL:,} bytes in all", None)


# -- git -----------------------------------------------------------------------------------------------


def _rules_at_revision(named: str, beside: str | None) -> tuple[str, dict[str, bytes]]:
    """What the rules at a revision are called, and their files."""
    revision, colon, path = named.partition(":")
    if not revision or revision.startswith("-"):
        _refuse(named, f"'{printable(revision)}' is not a revision", _HINT)
    is_relative = path.startswith(_RELATIVE)
    repository, commit = _Repository.that_knows(named, revision, None if is_relative else beside)
    if is_relative:
        path = _from_the_top(named, path)
    elif not colon:
        path = repository.usual_folder
    shown = printable(f"{revision}:{path}".rstrip("/"))
    hint = f"Say where they are, as in {printable(revision)}:path/to/rules"
    listed = repository.listed(f"{commit}:{path.rstrip('/')}")
    if listed is None:
        _refuse(named, f"there is no directory '{printable(path)}' in {printable(revision)}", hint)
    if not listed:
        _refuse(named, f"there are no rules in {shown}: no .yaml file", hint)
    _check_sizes(shown, {name: size for name, (_, size) in listed.items()})
    return shown, {name: repository.content(blob, f"{shown}/{name}") for name, (blob, _) in listed.items()}


def _from_the_top(named: str, path: str) -> str:
    """A path relative to where one stands, as git takes it after a revision, relative to the repository's folder."""
    prefix, _ = _git(_HERE, "rev-parse", "--show-prefix")
    parts: list[str] = []
    for part in ((prefix or b"").decode("utf-8", "surrogateescape").removesuffix("\n") + path).split("/"):
        if part == ".." and not parts:
            _refuse(named, f"there is no directory '{printable(path)}': it is outside of the repository", _HINT)
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


@dataclass(frozen=True, slots=True)
class _Repository:
    """A git repository, read by its own program.

    Args:
        folder: some folder of it.
        usual_folder: where in it the rules are if nothing else is said.
    """

    folder: Path
    usual_folder: str

    @classmethod
    def that_knows(cls, named: str, revision: str, beside: str | None) -> tuple[_Repository, str]:
        """The repository of what a base is compared with, or the one we are in, and the commit that is meant."""
        candidates = [cls(_HERE, _USUAL_FOLDER)]
        if beside is not None and Path(beside).is_dir():
            prefix, _ = _git(Path(beside), "rev-parse", "--show-prefix")
            if prefix is not None:
                candidates.insert(0, cls(Path(beside), prefix.decode().strip().rstrip("/")))
        for candidate in candidates:
            wanted = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
            commit, _ = _git(candidate.folder, *wanted)
            if commit is not None:
                return candidate, commit.decode().strip()
        inside, complaint = _git(candidates[0].folder, "rev-parse", "--git-dir")
        if inside is None:
            message = f"no such directory, and there is no repository to look for a revision in ({complaint})"
            _refuse(named, message, _HINT)
        _refuse(named, "neither a directory nor a revision that git knows", f"{_HINT}; `git log` lists revisions")

    def listed(self, tree: str) -> dict[str, tuple[str, int]] | None:
        """The files of rules directly in a folder, each with its object and size; None where there is no folder."""
        said, _ = _git(self.folder, "ls-tree", "-z", "--long", "--full-tree", tree)
        if said is None:
            return None
        found = {}
        for entry in said.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            facts, _, name = entry.partition("\t")
            mode, _, blob, size = facts.split()
            if mode in _FILE_MODES and name.endswith(".yaml"):
                # Of what is missing in the repository there is no size; reading it says so.
                found[name] = (blob, int(size) if size.isdecimal() else 0)
        return found

    def content(self, blob: str, shown: str) -> bytes:
        """What an object holds, which people know as this file."""
        content, complaint = _git(self.folder, "cat-file", "blob", blob)
        if content is None:
            _refuse(shown, f"cannot be read ({complaint})", "`git fsck` says what is wrong with the repository")
        return content


def _git(folder: Path, *arguments: str) -> tuple[bytes | None, str]:
    """What git prints, None where it fails; and the first line of what it complains of."""
    command: Sequence[str] = ("git", "-C", str(folder), "--no-optional-locks", *arguments)
    environment = {**os.environ, **_GIT_ENVIRONMENT}
    if folder != _HERE:
        # Where a hook runs us, these name the repository that it belongs to.
        environment = {name: value for name, value in environment.items() if name not in _GIT_PLACES}
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            command, capture_output=True, check=False, timeout=_GIT_SECONDS, env=environment, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        _refuse("git", "is needed to look at a revision, and is not installed", "Install it, or name a directory")
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        _refuse("git", f"cannot be run: {shorten(str(error))}", None)
    complaint = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
    return done.stdout if done.returncode == 0 else None, printable(f"git says: {complaint}")
