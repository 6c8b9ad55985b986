"""JSON as every command writes it: values that JSON has no word for, and the document around them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from engine.escape import for_json


def json_value(value: Any) -> Any:
    """A value, or a conclusion made of several, as JSON can say it: what never comes is the word ``never``."""
    if isinstance(value, float) and math.isinf(value):
        return "never" if value > 0 else None
    if isinstance(value, Mapping):
        return {name: json_value(inner) for name, inner in value.items()}
    return [json_value(inner) for inner in value] if isinstance(value, list | tuple) else value


def json_document(value: Any) -> str:
    """A document that no terminal obeys, ending with a newline."""
    return for_json(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"
