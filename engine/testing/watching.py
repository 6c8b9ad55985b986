"""Doing something again whenever a file below a folder changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

#: How long a change goes unnoticed, in seconds.
INTERVAL = 0.5
_SUFFIXES = (".yaml", ".yml")


def watch(
    directory: Path,
    act: Callable[[], None],
    *,
    interval: float = INTERVAL,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Act now, and again after each change of a YAML file below the directory, until Ctrl-C.

    Args:
        directory: the folder, with all folders in it.
        act: what to do.
        interval: seconds between two looks at the files.
        wait: waits so many seconds; a KeyboardInterrupt out of it, or out of ``act``, ends the watch.
    """
    try:
        for _ in changes(directory, interval=interval, wait=wait):
            act()
    except KeyboardInterrupt:
        return


def changes(
    directory: Path, *, interval: float = INTERVAL, wait: Callable[[float], None] = time.sleep
) -> Iterator[frozenset[Path]]:
    """The files that changed, each time some did; first all of them."""
    seen: Mapping[Path, tuple[int, int]] = {}
    first = True
    while True:
        found = _stamps(directory)
        changed = frozenset(path for path in found.keys() | seen.keys() if found.get(path) != seen.get(path))
        if changed or first:
            # What was stamped before acting is compared with afterwards, so no change during it is lost.
            seen, first = found, False
            yield changed
        wait(interval)


def _stamps(directory: Path) -> dict[Path, tuple[int, int]]:
    """When each file was last changed, and its size."""
    found = {}
    for path in directory.rglob("*"):
        if path.suffix in _SUFFIXES:
            try:
                facts = path.stat()
            except OSError:
                # Gone between being listed and being looked at; the next look will know.
                continue
            found[path] = (facts.st_mtime_ns, facts.st_size)
    return found
