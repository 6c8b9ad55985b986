"""What recording a decision adds to deciding it, and how long verifying and replaying the records take.

python benchmarks/records.py                       SQLite, in a temporary folder
python benchmarks/records.py --store URL           another store: an empty one, since it is written to
python benchmarks/records.py --entries 20000       verify so many records (2,000)

Everything is measured in one run, and each contestant has its turn in every round: quote the ratios.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.measure import Times, interleaved, table  # noqa: E402 - found through the path set above
from benchmarks.stream import one_case  # noqa: E402
from engine.describe import decide, describe  # noqa: E402
from engine.inference import EnginePool  # noqa: E402
from engine.knowledge import load_knowledge  # noqa: E402
from engine.pipeline import infer  # noqa: E402
from engine.records.bases import bases_of  # noqa: E402
from engine.records.content import draft_of  # noqa: E402
from engine.records.reading import decisions  # noqa: E402
from engine.records.recording import record  # noqa: E402
from engine.records.replay import replay  # noqa: E402
from engine.records.settings import Settings  # noqa: E402
from engine.records.store import Draft, Store, open_store  # noqa: E402
from engine.records.verify import verify  # noqa: E402

DECIDE = "deciding case 2, in words"
#: What a figure of verify is given for.
PER = 100_000


def main() -> None:
    """Print a table of times and ratios, then how long verifying takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="how often everything is measured (40)")
    parser.add_argument("--entries", type=int, default=2_000, help="how many records are verified (2,000)")
    parser.add_argument("--store", help="the URL of an empty store; a file in a temporary folder where absent")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        url = asked.store or f"sqlite:///{folder}/records.db"
        with open_store(url) as store:
            draft = recording(store, url, asked.rounds)
            verifying(store, draft, asked.entries)
            replaying(store)


def recording(store: Store, url: str, rounds: int) -> Draft:
    """Show what recording adds; the draft of the record is handed back."""
    knowledge = load_knowledge()
    pool, case = EnginePool(knowledge), one_case(knowledge)
    outcome = infer(case, pool)
    decision, settings = describe(outcome), Settings(record=True, store=url)
    draft = draft_of(outcome, decision, settings)
    contestants: dict[str, Callable[[], object]] = {
        DECIDE: partial(decide, case, pool),
        "what is to be recorded": lambda: draft_of(outcome, decision, settings),
        "appending it to an open store": lambda: store.append(draft),
        "both, and opening the store for it": lambda: record(outcome, decision, settings),
    }
    found = interleaved({name: [unit] for name, unit in contestants.items()}, rounds)
    body = store.entry(store.append(draft).id)
    assert body.sealed == draft.sealed
    show(found)
    return draft


def show(found: dict[str, Times]) -> None:
    """A table of times with their ratios to deciding."""
    rows = [
        (
            name,
            *(f"{times.average(of) * 1e3:,.2f}" for of in (statistics.median, min, max)),
            f"{times.ratio(found[DECIDE]):.2f}",
            f"{times.ratio(found[DECIDE], min):.2f}",
        )
        for name, times in found.items()
    ]
    print(table(("in ms", "median", "min", "max", "of deciding", "by the min"), rows))


def verifying(store: Store, draft: Draft, entries: int) -> None:
    """Show how long verifying takes, and how much memory of Python's it needs at most."""
    while store.count() < entries:
        store.append(draft)
    start = time.perf_counter()
    found = verify(store)
    spent = time.perf_counter() - start
    assert found.whole, found.findings
    tracemalloc.start()
    verify(store)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    each = spent / found.entries
    print(f"\nverify: {found.entries:,} records, {each * 1e3:.2f} ms each: {each * PER:,.0f} s for {PER:,}")
    print(f"at most {most / 1e6:.1f} MB of memory")


def replaying(store: Store) -> None:
    """Show how long it takes to decide every record once more and to compare it."""
    start = time.perf_counter()
    with bases_of(store) as bases:
        found = replay(decisions(store), bases)
    each = (time.perf_counter() - start) / found.total
    assert found.same == found.total, found.different
    print(f"\nreplay: {found.total:,} records, {each * 1e3:.2f} ms each: {each * PER:,.0f} s for {PER:,}")


if __name__ == "__main__":
    main()
