"""Measures this engine beside its peers in one run; see README.md in this folder.

python benchmarks/run.py                  everything
python benchmarks/run.py decide memory    some parts of it
python benchmarks/run.py --profile        where the time of a decision goes
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import memory, startup  # noqa: E402 - found through the path set above
from benchmarks.measure import Stages, Times, interleaved, table  # noqa: E402
from benchmarks.peers import REASON, Context, durable_rules_core, inputs, plain_loop, zen_table  # noqa: E402
from benchmarks.stream import one_case, stream, without_search  # noqa: E402
from engine import costs, inference, pipeline  # noqa: E402
from engine.case import Case  # noqa: E402
from engine.inference import EnginePool  # noqa: E402
from engine.knowledge import Knowledge, load_knowledge  # noqa: E402
from engine.pipeline import Outcome, infer  # noqa: E402

PARTS = ("decide", "stages", "startup", "memory")
#: Cases of each example in the stream.
OF_EACH = 30
ZEN = "zen-engine: six rows, trace"
FIRINGS = "this engine: case 2, figures and firings"
ONE = "this engine: case 2, all of it"
STREAM = "this engine: the stream, all of it"
SEARCHED = "this engine: its cases that need a search"


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; all where none is named")
    parser.add_argument("--rounds", type=int, default=15, help="how often everything is measured (15)")
    parser.add_argument("--profile", action="store_true", help="profile a decision instead of measuring it")
    asked = parser.parse_args()
    unknown = set(asked.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    knowledge = load_knowledge()
    bench = Bench(knowledge, EnginePool(knowledge))
    if asked.profile:
        bench.profile()
        return
    print(f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} processors")
    parts: dict[str, Callable[[int], None]] = {
        "decide": bench.decide,
        "stages": bench.stages,
        "startup": startup.show,
        "memory": memory.show,
    }
    for part in asked.parts or PARTS:
        print(f"\n{part}")
        parts[part](asked.rounds)


class Bench:
    """The decisions of one process."""

    def __init__(self, knowledge: Knowledge, pool: EnginePool) -> None:
        self.knowledge = knowledge
        self.pool = pool
        self.case = one_case(knowledge)
        everything = stream(knowledge, OF_EACH)
        self.cases = without_search(everything, pool)
        self.searched = [case for case in everything if case not in self.cases]
        self.contexts = [context for context in map(self._context, self.cases) if None not in context.values()]

    def _context(self, case: Case) -> Context:
        """What the six rows read of a case, defaults applied."""
        values = costs.working_memory(self.knowledge, case).values
        return {name: values[name] for name in inputs(self.knowledge)}

    def decide(self, rounds: int) -> None:
        """Cases a second, beside bare tables of six rows."""
        peers = {
            "a plain loop over six rows": plain_loop(self.knowledge),
            "durable-rules' C core: six rows": durable_rules_core(self.knowledge),
            ZEN: zen_table(self.knowledge),
        }
        self._check(list(peers.values()))
        contestants: dict[str, list[Callable[[], object]]] = {
            name: [partial(decide, context) for context in self.contexts] for name, decide in peers.items()
        }
        contestants[FIRINGS] = [partial(figures_and_firings, self.case, self.pool) for _ in self.cases]
        contestants[ONE] = [partial(infer, self.case, self.pool) for _ in self.cases]
        contestants[STREAM] = [partial(infer, case, self.pool) for case in self.cases]
        # Functions are generated once a process has decided some cases.
        for case in self.cases * 2:
            infer(case, self.pool)
        found = interleaved(contestants, rounds)
        # One round and no more: each of these takes as long as hundreds of the others.
        searching: list[Callable[[], object]] = [partial(infer, case, self.pool) for case in self.searched]
        found |= interleaved({SEARCHED: searching} if searching else {}, 1)
        show(found, against=ZEN)

    def _check(self, peers: Sequence[Callable[[Context], str]]) -> None:
        """All say the same of every case, and the cases are different enough to be worth something."""
        outcomes: list[Outcome] = []
        for case in (*self.cases, *self.searched):
            outcomes.append(outcome := infer(case, self.pool))
            context = self._context(case)
            if None not in context.values():
                found = {peer(context) for peer in peers}
                assert found == {outcome.conclusion(REASON)}, f"{case.name}: {found}, {outcome.conclusion(REASON)}"
        recommended = Counter(outcome.recommended for outcome in outcomes)
        reasons = Counter(outcome.conclusion(REASON) for outcome in outcomes)
        assert len(recommended) >= 5, recommended
        assert len(reasons) >= 6, reasons
        fired = sum(len(outcome.fired) for outcome in outcomes) / len(outcomes)
        figures = sum(
            outcome.memory.values[name] is not None for outcome in outcomes for name in self.knowledge.figures
        )
        print(
            f"{len(outcomes)} different cases, {fired:.1f} firings and {figures / len(outcomes):.0f} figures each; "
            f"in {len(self.searched)} of them what could turn the recommendation takes a search.\n"
            f"All agree on the six rows, which {len(self.contexts)} of the others answer in full."
        )

    def stages(self, rounds: int) -> None:
        """Where the time of a decision goes."""
        stages: dict[str, list[tuple[Any, str]]] = {
            "figures (working memory)": [(pipeline, "working_memory")],
            "engine: telling the facts": [(inference.Session, "begin"), (inference.Session, "learn")],
            "engine: firing": [(inference.Session, "run")],
            "engine: taking the facts back": [(inference.Session, "free")],
            "second entry (confirming)": [(vars(pipeline)["_Ledger"], "confirm")],
            "what stands, whatever is unknown": [(pipeline, "_settle_standing")],
            "whether anything could turn it": [(pipeline, "_could_turn")],
        }
        for name, cases in (("case 2", [self.case] * len(self.cases)), ("the stream", self.cases)):
            for case in cases * 2:
                infer(case, self.pool)
            measured = Stages()
            spent: dict[str, list[list[float]]] = {}
            with measured.timed({**stages, "the rest": [(self, "_infer")]}):
                for _ in range(rounds):
                    for unit, case in enumerate(cases):
                        self._infer(case)
                        for stage, seconds in measured.taken().items():
                            spent.setdefault(stage, [[] for _ in cases])[unit].append(seconds)
            found = {stage: Times(units).average() for stage, units in spent.items()}
            total = sum(found.values())
            rows = [(stage, f"{seconds * 1e6:.1f}", f"{seconds / total:.0%}") for stage, seconds in found.items()]
            print(table((name, "µs", "share"), [*rows, ("all", f"{total * 1e6:.1f}", "")]), "\n")

    def _infer(self, case: Case) -> Outcome:
        return infer(case, self.pool)

    def profile(self) -> None:
        """A profile of the stream by Python's own profiler, which slows small functions down more than large ones."""
        import cProfile
        import pstats

        for case in self.cases:
            infer(case, self.pool)
        profiler = cProfile.Profile()
        profiler.enable()
        for case in self.cases:
            infer(case, self.pool)
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(40)


def figures_and_firings(case: Case, pool: EnginePool) -> object:
    """Figures and firings alone: no second entry, nothing said of what could turn them."""
    with pool.borrowed() as engine:
        memory = costs.working_memory(engine.program.knowledge, case)
        with engine.session(memory) as session:
            return session.run()


def show(found: Mapping[str, Times], *, against: str) -> None:
    """A table of times with their ratios to one of them."""
    rows = [
        (
            name,
            *(f"{times.average(of) * 1e6:,.1f}" for of in (statistics.median, min, max)),
            f"{1 / times.average():,.0f}",
            *(f"{times.ratio(found[against], of):.2f}" for of in (statistics.median, min)),
        )
        for name, times in found.items()
    ]
    peer = against.partition(":")[0]
    columns = ("a case, in µs", "median", "min", "max", "cases/s", f"of {peer}", "by the min")
    print(table(columns, rows))


if __name__ == "__main__":
    main()
