"""Where what was worked out once is kept for the next command: the user's cache directory."""

from __future__ import annotations

import os
from pathlib import Path


def cache_directory() -> Path:
    """The directory, which need not exist; the environment variable BREAKEVEN_CACHE names another."""
    chosen = os.environ.get("BREAKEVEN_CACHE")
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("breakeven")
