"""Decides between prompting, LoRA, full fine-tuning and a hybrid, by declarative rules over worked costs.

The names below load their module when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.describe import decide
    from engine.knowledge import Knowledge, load_knowledge

__version__ = "0.1.0"
__all__ = ["Knowledge", "__version__", "decide", "load_knowledge"]

#: Each public name and the module that has it.
_PUBLIC = {
    "Knowledge": "engine.knowledge",
    "decide": "engine.describe",
    "load_knowledge": "engine.knowledge",
}

# Type checkers read the imports above; a __getattr__ in their sight would let every misspelt name pass.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _PUBLIC:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
