"""How long it takes to check a knowledge base, and to read a changed one: the built-in base and a generated one.

Run ``python benchmarks/check.py``. Each figure is the best of a few runs; the limits are those that the
project holds itself to on a machine with nothing else to do.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engine.checking.check import check  # noqa: E402 - found through the path set above
from engine.inference import EnginePool  # noqa: E402
from engine.knowledge import load_knowledge  # noqa: E402

#: How many rows the generated base has, and in how many decisions.
ROWS = 500
DECISIONS = 10


@dataclass(frozen=True)
class Names:
    """What the conditions of a generated decision may read."""

    numbers: tuple[str, ...]
    truths: tuple[str, ...]
    decisions: tuple[str, ...] = ()


def generated_base(directory: Path, rows: int = ROWS, decisions: int = DECISIONS) -> None:
    """Write a base of decisions that build on each other, sound and without gaps.

    Half of them divide a plane of two numbers into cells (``unique``), some are lists of exceptions that end with
    a row for everything else (``first``), and some collect. Figures tie numbers together.
    """
    rng = random.Random(7)
    directory.mkdir(parents=True, exist_ok=True)
    numbers = [f"amount_{index}" for index in range(12)]
    truths = [f"flag_{index}" for index in range(8)]
    facts = {name: _fact(name, type="number", unit="thing", min=0, max=1_000_000) for name in numbers}
    facts |= {name: _fact(name, type="yes/no") for name in truths}
    figures = {
        f"figure_{index}": {
            "title": f"figure {index}",
            "unit": "thing",
            "formula": f"amount_{index} + 2 * amount_{index + 1} - min(amount_{index + 2}, {rng.randint(1, 9)}_000)",
            "source": "generated",
        }
        for index in range(6)
    }
    names = Names(tuple(numbers), tuple(truths))
    each = rows // decisions
    files: dict[str, object] = {
        "knowledge.yaml": {"name": "generated", "version": "1", "title": "Generated", "base_units": ["thing"]},
        "facts.yaml": {"facts": facts},
        "costs.yaml": {"figures": figures},
    }
    for index in range(decisions):
        earlier = tuple(f"decision_{before}" for before in range(max(0, index - 2), index) if before % 3 != 2)
        make = (cells, exceptions, collected)[index % 3]
        files[f"decision_{index:02}.yaml"] = make(rng, index, each, replace(names, decisions=earlier))
    for name, content in files.items():
        (directory / name).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _fact(name: str, **more: object) -> dict[str, object]:
    return {"title": name, "question": f"What is {name}?", "source": "generated", **more}


def cells(rng: random.Random, index: int, count: int, names: Names) -> dict[str, object]:
    """A ``unique`` decision whose rows are the cells of a grid over two numbers."""
    one, other = rng.sample(names.numbers, 2)
    across = max(1, int(count**0.5))
    down = -(-count // across)
    conditions = [f"{first} and {second}" for first in _bands(rng, one, down) for second in _bands(rng, other, across)]
    return _decision(index, "unique", conditions, "abcde")


def _bands(rng: random.Random, name: str, count: int) -> Iterator[str]:
    edges = sorted(rng.sample(range(1_000, 990_000, 1_000), count - 1))
    lows, highs = [None, *edges], [*edges, None]
    for low, high in zip(lows, highs, strict=True):
        if low is None and high is None:
            yield f"{name} >= 0"
        elif low is None:
            yield f"{name} < {high}"
        else:
            yield f"{name} >= {low}" if high is None else f"{low} <= {name} < {high}"


def exceptions(rng: random.Random, index: int, count: int, names: Names) -> dict[str, object]:
    """A ``first`` decision: exceptions, then a row for all that is left."""
    conditions = [_exception(rng, names) for _ in range(count - 1)]
    return _decision(index, "first", [*conditions, "true"], "abcde")


def collected(rng: random.Random, index: int, count: int, names: Names) -> dict[str, object]:
    """A ``collect`` decision of the same kind of rows."""
    return _decision(index, "collect", [_exception(rng, names) for _ in range(count)], "abcde")


def _exception(rng: random.Random, names: Names) -> str:
    parts = [f"{rng.choice([*names.numbers, 'figure_0', 'figure_3'])} > {rng.randrange(500, 900)}_000"]
    parts += [f"{'' if rng.random() < 0.5 else 'not '}{name}" for name in rng.sample(names.truths, 3)]
    if names.decisions and rng.random() < 0.5:
        parts.append(f"{rng.choice(names.decisions)} == {rng.choice('abcde')}")
    return " and ".join(parts)


def _decision(index: int, policy: str, conditions: list[str], values: str) -> dict[str, object]:
    rules = [
        {
            "id": f"rule-{index}-{position}",
            "when": condition,
            "then": values[position % len(values)],
            "because": "Generated.",
            "source": "generated",
        }
        for position, condition in enumerate(conditions)
    ]
    return {
        "decides": f"decision_{index}",
        "values": list(values),
        "hit_policy": policy,
        "title": f"decision {index}",
        "source": "generated",
        "rules": rules,
    }


def best_of(runs: int, measured: Callable[[], object]) -> float:
    """The shortest of several runs, in seconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        measured()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> int:
    """Print each figure beside its limit; the status is 1 where one is missed."""
    report = check()
    assert report.exit_status == 0, report.findings
    pool = EnginePool(load_knowledge())
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "generated"
        generated_base(base)
        figures = (
            ("check of the built-in base", 2.0, best_of(3, check)),
            (f"check of a generated base with {ROWS} rows", 30.0, best_of(1, lambda: check(base))),
            ("reload of the built-in base", 0.05, best_of(10, lambda: pool.reload(load_knowledge()))),
        )
    for name, limit, seconds in figures:
        print(f"{name:<50} {seconds * 1_000:>9,.1f} ms   at most {limit * 1_000:>7,.0f} ms")
        missed += seconds > limit
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
