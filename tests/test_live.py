"""A long-running process follows its rules: clean changes are taken, broken ones refused with the reason."""

from __future__ import annotations

import shutil
import threading
from datetime import date
from pathlib import Path

import pytest

from engine.case import case_from_mapping
from engine.inference import MOST_NAMES
from engine.live import LiveKnowledge
from engine.pipeline import infer
from engine.resources import rules_directory
from tests.small_base import write_base


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    copy = tmp_path / "rules"
    shutil.copytree(rules_directory(), copy)
    return copy


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _verdict(live: LiveKnowledge, requests: int) -> object:
    case = case_from_mapping({"requests_per_month": requests}, live.knowledge.facts, "case")
    return infer(case, live.pool).conclusion("scale")


def test_a_base_when_nothing_changed_is_not_loaded_again(rules: Path) -> None:
    live = LiveKnowledge(rules)
    before = live.knowledge
    assert live.refresh() is False
    assert live.knowledge is before


def test_a_clean_change_when_refreshed_decides_from_then_on(rules: Path) -> None:
    told: list[str] = []
    live = LiveKnowledge(rules, told.append)
    assert _verdict(live, 60_000) == "viable"
    _edit(rules / "scale.yaml", "requests_per_month_in_12_months < 50_000", "requests_per_month_in_12_months < 70_000")
    _edit(rules / "scale.yaml", "50_000 <= requests", "70_000 <= requests")
    assert live.refresh() is True
    assert _verdict(live, 60_000) == "prompting_is_cheaper"
    assert told[-1].startswith("now deciding with breakeven")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("requests_per_month_in_12_months < 50_000", "requests_per_month_in_13_months < 50_000", "not a known name"),
        ("requests_per_month_in_12_months < 50_000", "requests_per_month_in_12_months < budget", "cannot compare"),
        ("hit_policy: unique", "hit_policy: [", "scale.yaml"),
    ],
    ids=["an unknown name", "units that do not fit", "no YAML"],
)
def test_a_broken_change_when_refreshed_keeps_the_old_base_and_says_why(
    rules: Path, old: str, new: str, said: str
) -> None:
    told: list[str] = []
    live = LiveKnowledge(rules, told.append)
    before = live.knowledge
    _edit(rules / "scale.yaml", old, new)
    assert live.refresh() is False
    assert live.knowledge is before
    assert _verdict(live, 60_000) == "viable"
    assert said in told[-1]
    assert live.refused


def test_a_broken_change_when_mended_is_taken(rules: Path) -> None:
    live = LiveKnowledge(rules)
    original = (rules / "scale.yaml").read_text(encoding="utf-8")
    (rules / "scale.yaml").write_text("[", encoding="utf-8")
    assert live.refresh() is False
    (rules / "scale.yaml").write_text(original.replace("viable: fine-tuning", "viable: perhaps fine-tuning"))
    assert live.refresh() is True
    assert live.refused == ()


def test_cases_when_the_base_is_swapped_underneath_are_each_decided_by_one_base(rules: Path) -> None:
    live = LiveKnowledge(rules)
    wrong: list[object] = []
    stop = threading.Event()

    def decide() -> None:
        while not stop.is_set():
            if _verdict(live, 60_000) not in ("viable", "prompting_is_cheaper"):
                wrong.append("neither base")

    workers = [threading.Thread(target=decide) for _ in range(4)]
    for worker in workers:
        worker.start()
    try:
        for low, high in ((50_000, 70_000), (70_000, 50_000)) * 3:
            for kind in (f"< {low:_}", f"{low:_} <="):
                _edit(rules / "scale.yaml", kind, kind.replace(f"{low:_}", f"{high:_}"))
            live.refresh()
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert wrong == []


#: A speed that is another one from the second of May on.
DATED = """\
    amounts:
      speed:
        title: speed of a car
        value: [{from: 2026-01-01, value: 50}, {from: 2026-05-02, value: 100}]
        unit: km/hour
        source: test
    figures:
      trip_time: {title: time of the trip, unit: hour, formula: distance / speed, source: test}
    """


class Calendar:
    """A calendar whose page is turned by hand."""

    def __init__(self, day: date) -> None:
        self.day = day

    def __call__(self) -> date:
        return self.day


def test_dated_values_when_the_day_changes_are_those_of_the_new_day(tmp_path: Path) -> None:
    told: list[str] = []
    calendar = Calendar(date(2026, 5, 1))
    live = LiveKnowledge(write_base(tmp_path, costs=DATED), told.append, today=calendar)
    assert (live.knowledge.constants["speed"], live.refresh()) == (50, False)
    calendar.day = date(2026, 5, 2)
    assert live.refresh() is True
    assert (live.knowledge.constants["speed"], live.knowledge.on) == (100, calendar.day)
    assert told[-1].endswith("as of 2026-05-02")
    assert live.refresh() is False


def test_dated_values_when_a_day_was_asked_for_stay_those_of_that_day(tmp_path: Path) -> None:
    calendar = Calendar(date(2026, 5, 1))
    live = LiveKnowledge(write_base(tmp_path, costs=DATED), on=date(2026, 4, 30), today=calendar)
    calendar.day = date(2026, 5, 2)
    assert live.refresh() is False
    assert (live.knowledge.constants["speed"], live.knowledge.on) == (50, date(2026, 4, 30))


def test_dated_values_when_the_files_are_broken_as_the_day_changes_follow_once_they_are_mended(tmp_path: Path) -> None:
    calendar = Calendar(date(2026, 5, 1))
    live = LiveKnowledge(write_base(tmp_path, costs=DATED), today=calendar)
    text = (tmp_path / "costs.yaml").read_text("utf-8")
    (tmp_path / "costs.yaml").write_text("[", "utf-8")
    calendar.day = date(2026, 5, 2)
    assert live.refresh() is False
    assert live.refused
    (tmp_path / "costs.yaml").write_text(text, "utf-8")
    assert live.refresh() is True
    assert (live.knowledge.constants["speed"], live.refused) == (100, ())


@pytest.mark.parametrize("proved", [True, False])
def test_a_change_that_leaves_a_gap_is_refused_where_proofs_are_asked_for(rules: Path, proved: bool) -> None:
    told: list[str] = []
    live = LiveKnowledge(rules, told.append, proved=proved)
    _edit(rules / "scale.yaml", "requests_per_month_in_12_months < 50_000", "requests_per_month_in_12_months < 40_000")
    assert live.refresh() is not proved
    assert [problem.code for problem in live.refused] == (["gap"] if proved else [])
    if proved:
        assert "its files do not check clean: " in told[-1]
        assert _verdict(live, 45_000) == "prompting_is_cheaper"
        _edit(rules / "scale.yaml", "_in_12_months < 40_000", "_in_12_months < 45_000")
        _edit(rules / "scale.yaml", "50_000 <= requests", "45_000 <= requests")
        assert live.refresh() is True
        assert live.refused == ()


def test_a_change_when_it_is_more_than_the_engine_holds_is_refused_with_the_reason(tmp_path: Path) -> None:
    told: list[str] = []
    live = LiveKnowledge(write_base(tmp_path), told.append)
    facts = "".join(f"  f{number}: {{title: f, type: yes/no, source: s}}\n" for number in range(MOST_NAMES))
    row = "- {{id: r{0}, when: f{0}, then: map, because: So., source: s}}\n"
    rows = "".join(" " * 2 + row.format(number) for number in range(MOST_NAMES))
    with (tmp_path / "facts.yaml").open("a", encoding="utf-8") as stream:
        stream.write(facts)
    with (tmp_path / "packing.yaml").open("a", encoding="utf-8") as stream:
        stream.write(rows)
    assert live.refresh() is False
    (problem,) = live.refused
    assert (problem.place.file, f"more than {MOST_NAMES} names" in problem.message) == (str(tmp_path), True)
    assert problem.message in told[-1]
