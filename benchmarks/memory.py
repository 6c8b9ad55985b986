"""How much a process grows over 10,000 cases, each kind in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import table

ROOT = Path(__file__).resolve().parent.parent
CASES = 10_000
_WARMING = 2_000
_MILLION = 1e6


def show(_rounds: int) -> None:
    """Measure and print; once is enough, for memory does not scatter as times do."""
    if not Path("/proc/self/statm").exists():
        print("the size of a process is read from /proc, which is not there")
        return
    code = "from benchmarks import memory; memory.{}()"
    rows = []
    for name, function in (("zen-engine: six rows, trace", "zen"), ("this engine: the stream, all of it", "ours")):
        run = subprocess.run(
            [sys.executable, "-c", code.format(function)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        rows.append((name, *run.stdout.split()))
    print(table((f"megabytes, {CASES:,} cases", "growth", "then in all"), rows))


def ours() -> None:
    """Decide the stream again and again, and print the growth."""
    from benchmarks.stream import stream, without_search
    from engine.inference import EnginePool
    from engine.knowledge import load_knowledge
    from engine.pipeline import infer

    knowledge = load_knowledge()
    pool = EnginePool(knowledge)
    cases = without_search(stream(knowledge, 30), pool)
    _grow(lambda index: infer(cases[index % len(cases)], pool))


def zen() -> None:
    """Evaluate the table again and again, and print the growth."""
    from benchmarks.peers import inputs, zen_table
    from engine.knowledge import load_knowledge

    knowledge = load_knowledge()
    decide = zen_table(knowledge)
    volume, *truths = inputs(knowledge)
    _grow(
        lambda index: decide(
            {volume: 10.0 * index, **{name: index % place > 0 for place, name in enumerate(truths, 2)}}
        )
    )


def _grow(decide: Callable[[int], object]) -> None:
    for index in range(_WARMING):
        decide(index)
    before = _resident_bytes()
    for index in range(CASES):
        decide(index)
    after = _resident_bytes()
    print(f"{(after - before) / _MILLION:.2f} {after / _MILLION:.0f}")


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
