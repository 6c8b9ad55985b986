"""Measures this engine beside its peers in one run; see README.md in this folder.

    python benchmarks/run.py                  everything
    python benchmarks/run.py decide memory    some parts of it
    python benchmarks/run.py --profile        where the time of a decision goes
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import memory, startup  # noqa: E402 - found through the path set above
from benchmarks.measure import Stages, Times, interleaved, table  # noqa: E402
from benchmarks.peers import REASON, Context, durable_rules_core, inputs, plain_loop, zen_table  # noqa: E402
from benchmarks.stream import one_case, stream  # noqa: E402
from engine import costs, inference, pipeline  # noqa: E402
from engine.case import Case  # noqa: E402
from engine.inference import EnginePool  # noqa: E402
from engine.knowledge import Knowledge, load_knowledge  # noqa: E402
from engine.pipeline import Outcome, infer  # noqa: E402

PARTS = ("decide", "stages", "startup", "memory")
#: Cases of each example in the stream.
OF_EACH = 30
ZEN = "zen-engine: six rows, trace"
ONE = "this engine: case 2, all of it"
STREAM = "this engine: the stream, all of it"


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
        self.cases = stream(knowledge, OF_EACH)
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
        contestants: dict[str, tuple[Callable[[], object], int]] = {
            name: (lambda decide=decide: [decide(context) for context in self.contexts], len(self.contexts))  # type: ignore[misc]
            for name, decide in peers.items()
        }
        once = costs_and_inference
        contestants["this engine: case 2, figures and firings"] = (lambda: self._repeat(once), len(self.cases))
        contestants[ONE] = (lambda: self._repeat(infer), len(self.cases))
        contestants[STREAM] = (lambda: [infer(case, self.pool) for case in self.cases], len(self.cases))
        # Functions are generated once a process has decided some cases.
        for case in self.cases * 2:
            infer(case, self.pool)
        show(interleaved(contestants, rounds), against=ZEN, unit="case", scale=1e6, shown="µs")

    def _repeat(self, decide: Callable[[Case, EnginePool], object]) -> None:
        for _ in self.cases:
            decide(self.case, self.pool)

    def _check(self, peers: Sequence[Callable[[Context], str]]) -> None:
        """All say the same of every case, and the cases are different enough to be worth something."""
        outcomes: list[Outcome] = []
        for case in self.cases:
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
        figures = sum(outcome.memory.values[name] is not None for outcome in outcomes for name in self.knowledge.figures)
        print(
            f"{len(self.cases)} different cases, {fired:.1f} firings and {figures / len(outcomes):.0f} figures each; "
            f"all agree on the six rows in {len(self.contexts)} of them, the others leave one open"
        )

    def stages(self, rounds: int) -> None:
        """Where the time of a decision goes."""
        stages = {
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
            with measured.timed({**stages, "the rest": [(self, "_infer")]}):
                for case in cases * rounds:
                    self._infer(case)
            total = sum(measured.seconds.values())
            rows = [
                (stage, f"{seconds / len(cases) / rounds * 1e6:.1f}", f"{seconds / total:.0%}")
                for stage, seconds in measured.seconds.items()
            ]
            print(table((name, "µs", "share"), [*rows, ("all", f"{total / len(cases) / rounds * 1e6:.1f}", "")]), "\n")

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


def costs_and_inference(case: Case, pool: EnginePool) -> object:
    """Figures and firings alone: no second entry, nothing said of what could turn them."""
    with pool.borrowed() as engine:
        memory = costs.working_memory(engine.program.knowledge, case)
        with engine.session(memory) as session:
            return session.run()


def show(found: dict[str, Times], *, against: str, unit: str, scale: float, shown: str) -> None:
    """A table of times with their ratios to one of them."""
    rows = [
        (
            name,
            *(f"{value * scale:,.1f}" for value in (times.median, min(times.rounds), max(times.rounds))),
            f"{1 / times.median:,.0f}",
            f"{times.ratio(found[against]):.2f}",
        )
        for name, times in found.items()
    ]
    print(table((f"a {unit}, in {shown}", "median", "min", "max", f"{unit}s/s", f"of {against.split(':')[0]}"), rows))


if __name__ == "__main__":
    main()
