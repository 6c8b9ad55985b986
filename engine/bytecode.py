"""Compiled templates kept between runs, in the user's cache directory; without one they are compiled anew."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from jinja2 import BytecodeCache, FileSystemBytecodeCache
from jinja2.bccache import Bucket

from engine import __version__
from engine.cache import cache_directory


def bytecode_cache(environment: str) -> BytecodeCache | None:
    """The compiled templates of one environment, which a template's text and its name tell apart.

    What is in the cache is run, so a folder that others can write to is not used.

    Args:
        environment: a name for the settings the templates are compiled with.
    """
    folder = cache_directory() / f"templates-{__version__}-{environment}"
    try:
        folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return None
    is_own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    is_private = stat.S_ISDIR(status.st_mode) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return _Forgiving(str(folder)) if is_own and is_private else None


class _Forgiving(FileSystemBytecodeCache):
    """A cache whose files may be missing, damaged or not writable: a template is then compiled."""

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket with what is kept, if anything is."""
        try:
            super().load_bytecode(bucket)
        except Exception:  # noqa: BLE001 - a damaged file may raise anything at all
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what is in the bucket, if it can be kept."""
        with suppress(OSError):
            super().dump_bytecode(bucket)
