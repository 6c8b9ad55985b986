"""What is sensitive does not stand in a record, nor does what would give it away; what is erased is gone."""

from __future__ import annotations

import json
import re
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from engine.case import Case, Given, case_from_mapping
from engine.describe import describe
from engine.errors import BadInput
from engine.inference import EnginePool
from engine.knowledge import Knowledge, load_knowledge
from engine.pipeline import infer
from engine.records.bases import bases_of
from engine.records.content import draft_of
from engine.records.outcomes import Happened, outcome_draft
from engine.records.reading import Record
from engine.records.replay import replayed
from engine.records.sensitive import hash_key, keyed_hash, treatments
from engine.records.settings import Settings
from engine.records.verify import verify
from engine.wording import label
from tests.cases import case as case_with
from tests.cases import example, knowledge, pool, small_base
from tests.records import alone, base_in, found, opened, put, run

#: A volume that no price, table or other fact has.
VOLUME = 187_653.0
SENSITIVE = "requests_per_month"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone(monkeypatch, tmp_path)


def telling() -> Case:
    """A case in which the volume is told twice: by its value and by its source."""
    given = Given(SENSITIVE, VOLUME, 180_001.0, 190_007.0, "measured", "invoice of 187653 requests")
    return example("case-2-insurance-claims").replace(SENSITIVE, given)


def everything(record: Record) -> str:
    """All that whoever holds database and key can read of a record."""
    return json.dumps({"public": dict(record.public), "sealed": dict(record.sealed)}, ensure_ascii=False)


def numbers_in(text: str) -> set[float]:
    """Every number of a text, however it is written."""
    return {float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}


def settings_with(tmp_path: Path, **sensitive: Any) -> Settings:
    return Settings(sensitive=sensitive, hash_key=tmp_path / "hash.key")


# Numbers


@pytest.mark.parametrize("treatment", ["hash", "omit"])
def test_sensitive_number_when_recorded_is_nowhere_nor_is_any_figure_made_from_it(
    tmp_path: Path, treatment: str
) -> None:
    settings = settings_with(tmp_path, **{SENSITIVE: treatment})
    with opened(tmp_path) as store:
        record = put(store, telling(), pool(), settings)
    outcome = infer(telling(), pool())
    decided = describe(outcome)
    made_from_it = [name for name in decided.figures if SENSITIVE in knowledge().upstream(name)]
    assert len(made_from_it) > 20
    text = everything(record)
    assert not {VOLUME, 180_001.0, 190_007.0} & numbers_in(text)
    assert "invoice" not in text
    plainly = everything(_recorded_openly(tmp_path))
    for name in made_from_it:
        figure = decided.figures[name]
        assert set(record.figures[name]) == {"name", "title", "unit", "formula", "source", "withheld"}, name
        if figure.substitution in plainly:
            assert figure.substitution not in text, name
        distinctive = isinstance(figure.value, float) and len(f"{figure.value:g}") > 5
        if distinctive:
            assert f"{figure.value!r}".removesuffix(".0") not in text, name


def _recorded_openly(tmp_path: Path) -> Record:
    (tmp_path / "open").mkdir(exist_ok=True)
    with opened(tmp_path / "open") as store:
        return put(store, telling(), pool())


def test_sentences_when_they_show_a_withheld_value_are_withheld_and_no_others(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        record = put(store, telling(), pool(), settings_with(tmp_path, **{SENSITIVE: "hash"}))
    decided = describe(infer(telling(), pool()))
    told = {one["rule"]: one["because"] for one in record.sealed["firings"]}
    assert None in told.values()
    for firing in decided.firings:
        shows = "187,653" in firing.because or told[firing.rule] is None
        assert told[firing.rule] == (None if shows else firing.because)
    rows = {row.id: row for table in knowledge().decisions.values() for row in table.rows}
    plain = [rule for rule in told if "{{" not in rows[rule].declaration.because]
    assert plain
    assert all(told[rule] is not None for rule in plain)


def test_record_when_it_withholds_says_so_and_why_it_cannot_be_replayed(tmp_path: Path) -> None:
    with opened(tmp_path) as store, bases_of(store) as bases:
        record = put(store, telling(), pool(), settings_with(tmp_path, **{SENSITIVE: "omit"}))
        again = replayed(record, bases)
    assert record.withheld == (SENSITIVE,)
    assert again.obstacle == f"it withholds {SENSITIVE}, which is sensitive"
    shown = run("audit", "show", record.id, store=tmp_path)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "Withheld as sensitive: requests_per_month" in shown.stdout
    assert VOLUME not in numbers_in(shown.stdout)
    told = found("audit", "replay", store=tmp_path)
    assert [one["id"] for one in told["not_replayed"]] == [record.id]
    assert told["not_replayed"][0]["reason"] == again.obstacle


def test_fact_that_was_not_given_when_sensitive_hides_nothing(tmp_path: Path) -> None:
    case = example("case-2-insurance-claims").without("budget")
    with opened(tmp_path) as store, bases_of(store) as bases:
        record = put(store, case, pool(), settings_with(tmp_path, budget="hash"))
        assert record.withheld == ()
        assert replayed(record, bases).differences == ()
    assert not (tmp_path / "hash.key").exists()


def test_figures_when_a_given_fact_stands_between_are_told(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    base = load_knowledge(small_base(tmp_path / "rules"))
    case = Case("machine", {"months": Given("months", 7.0), "price": Given("price", 220.0)})
    with opened(tmp_path) as store:
        record = put(store, case, EnginePool(base), settings_with(tmp_path, months="omit"))
    assert "withheld" in record.figures["rent"]
    assert "withheld" in record.figures["saving"]
    assert record.facts["price"]["value"] == 220


# Hashes


def test_hashes_when_values_are_equal_are_equal_and_only_then(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, **{SENSITIVE: "hash"})
    with opened(tmp_path) as store:
        cases = [case_with(**{SENSITIVE: volume}) for volume in (VOLUME, VOLUME, VOLUME + 1)]
        records = [put(store, case, pool(), settings) for case in cases]
    hashes = [record.sealed["case"]["given"][0]["value_hash"] for record in records]
    assert hashes[0] == hashes[1] != hashes[2]
    key = hash_key(settings.hash_key, create=False)
    assert hashes[0] == keyed_hash(key, SENSITIVE, VOLUME)
    assert hashes[0] != keyed_hash(bytes(32), SENSITIVE, VOLUME)
    assert hashes[0] != keyed_hash(key, "budget", VOLUME)


def test_key_when_made_is_outside_the_database_and_for_its_owner_alone(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, **{SENSITIVE: "hash"})
    with opened(tmp_path) as store:
        put(store, telling(), pool(), settings)
    assert stat.S_IMODE(settings.hash_key.stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR
    key = hash_key(settings.hash_key, create=False)
    for path in tmp_path.glob("records.db*"):
        content = path.read_bytes()
        assert key not in content
        assert key.hex().encode() not in content
    assert [path.name for path in tmp_path.glob("*.part")] == []


WRONG_KEYS = {
    "too short": ("ab" * 31, 0o600, "holds no key"),
    "no hexadecimal digits": ("xy" * 32, 0o600, "holds no key"),
    "empty": ("", 0o600, "holds no key"),
    "open to others": ("ab" * 32, 0o644, "others than its owner"),
}


@pytest.mark.parametrize(("text", "mode", "message"), WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_key_when_it_cannot_be_trusted_is_refused_and_nothing_recorded(
    tmp_path: Path, text: str, mode: int, message: str
) -> None:
    settings = settings_with(tmp_path, **{SENSITIVE: "hash"})
    settings.hash_key.write_text(text, "ascii")
    settings.hash_key.chmod(mode)
    with opened(tmp_path) as store:
        with pytest.raises(BadInput, match=message):
            put(store, telling(), pool(), settings)
        assert store.count() == 0


def test_search_when_a_value_is_kept_as_a_hash_finds_it_with_the_key_and_counts_it_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"sensitive: {{{SENSITIVE}: hash}}\nhash_key: hash.key\n", "utf-8")
    monkeypatch.setenv("BREAKEVEN_CONFIG", str(config))
    with opened(tmp_path) as store:
        record = put(store, telling(), pool(), settings_with(tmp_path, **{SENSITIVE: "hash"}))
    asked = ("audit", "search", f"{SENSITIVE}=187653")
    told = found(*asked, store=tmp_path)
    assert ([one["id"] for one in told["records"]], told["withheld"]) == ([record.id], 0)
    told = found("audit", "search", f"{SENSITIVE}=187654", store=tmp_path)
    assert (told["records"], told["withheld"]) == ([], 0)
    told = found("audit", "search", f"{SENSITIVE}>=1000", store=tmp_path)
    assert (told["records"], told["withheld"]) == ([], 1)
    (tmp_path / "hash.key").unlink()
    told = found(*asked, store=tmp_path)
    assert (told["records"], told["withheld"]) == ([], 1)
    assert not (tmp_path / "hash.key").exists()


# What is sensitive


def marked(tmp_path: Path) -> Knowledge:
    """The built-in base with one fact marked as sensitive."""
    change = ("facts.yaml", f"  {SENSITIVE}:\n", f"  {SENSITIVE}:\n    sensitive: yes\n")
    return load_knowledge(base_in(tmp_path / "rules", knowledge(), change))


def test_fact_when_marked_in_the_base_is_hashed_unless_settings_say_otherwise(tmp_path: Path) -> None:
    base = marked(tmp_path)
    assert base.facts[SENSITIVE].sensitive
    assert treatments(base, Settings()) == {SENSITIVE: "hash"}
    assert treatments(base, Settings(sensitive_default="omit")) == {SENSITIVE: "omit"}
    assert treatments(base, Settings(sensitive={SENSITIVE: "keep"})) == {}
    assert treatments(base, Settings(sensitive={"budget": "omit"})) == {SENSITIVE: "hash", "budget": "omit"}


def test_fact_when_its_name_is_misspelt_in_the_settings_is_not_recorded_openly(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        with pytest.raises(BadInput, match=r"sensitive.requests_per_mont: .* Did you mean 'requests_per_month'\?"):
            put(store, telling(), pool(), settings_with(tmp_path, requests_per_mont="hash"))
        assert store.count() == 0


def test_settings_when_they_name_a_fact_of_another_base_are_no_mistake(tmp_path: Path) -> None:
    assert treatments(knowledge(), settings_with(tmp_path, blood_pressure="hash")) == {}


# Answers to questions


@pytest.mark.parametrize("answer", [True, False])
def test_sensitive_answer_when_recorded_is_not_told_by_the_rules_that_ask_for_it(tmp_path: Path, answer: bool) -> None:
    case = example("case-2-insurance-claims").replace("has_ml_engineering", Given("has_ml_engineering", answer))
    with opened(tmp_path) as store:
        record = put(store, case, pool(), settings_with(tmp_path, has_ml_engineering="omit"))
    asking = {
        name for name, table in knowledge().decisions.items() if "has_ml_engineering" in knowledge().upstream(name)
    }
    assert asking
    assert not {name for name, _ in record.fired} & asking
    assert not any("rule" in one for one in record.sealed["firings"] if one["decision"] in asking)
    told = {*record.public["conclusions"], *record.sealed["conclusions"]}
    assert not (told & asking) - {"recommendation"}
    assert record.public["rule"] is record.public["decided_by"] is None
    assert record.approach is not None
    assert "engineering" not in " ".join(filter(None, (one.get("because") for one in record.sealed["cautions"])))


ANSWERS = {
    name: (True, False) if fact.type == "yes/no" else tuple(fact.choices or ())[:3]
    for name, fact in knowledge().facts.items()
    if knowledge().unit(name) is None
}


@pytest.mark.parametrize("start", ["dear-errors-at-low-volume", "cheap-requests-at-high-volume"])
@pytest.mark.parametrize("name", ANSWERS)
def test_sensitive_answers_when_they_lead_to_one_recommendation_leave_the_same_record(
    tmp_path: Path, name: str, start: str
) -> None:
    settings = settings_with(tmp_path, **{name: "omit"})
    by_answer: dict[tuple[str | None, str | None], list[Any]] = {}
    for answer in ANSWERS[name]:
        outcome = infer(example(start).replace(name, Given(name, answer)), pool())
        draft = draft_of(outcome, describe(outcome), settings)
        told = {"public": dict(draft.public), "sealed": dict(draft.sealed or {})}
        assert draft.public["withheld"] == [name]
        by_answer.setdefault((draft.public["approach"], draft.public["strength"]), []).append(told)
    for first, *others in by_answer.values():
        assert all(other == first for other in others)


#: Cases in which one answer lets a row decide how firm the recommendation is, and the other leaves it to the fallback.
FIRM_BY_ONE_ANSWER: dict[str, dict[str, object]] = {
    "has_labeled_data": {
        "accuracy_is_critical": False,
        "domain_changes_often": False,
        "is_prototype": False,
        "requests_per_month": 150_000,
        "months_in_production": 3,
        "prompt_accuracy": 0.94,
        "fine_tuned_accuracy": 0.94,
        "prompt_upfront": 40_000,
        "hybrid_upfront": 25_000,
        "repetitive_share": 0.3,
        "labeled_examples": 1_000,
    },
    "has_ml_engineering": {
        "accuracy_is_critical": False,
        "has_labeled_data": True,
        "is_prototype": True,
        "task": "code_generation",
        "requests_per_month": 150_000,
        "months_in_production": 3,
        "prompt_accuracy": 0.94,
        "fine_tuned_accuracy": 0.94,
        "prompt_upfront": 40_000,
        "hybrid_upfront": 25_000,
        "repetitive_share": 0.3,
        "hybrid_saving_share": 0.25,
        "prompt_cost_per_request": 0.0556,
        "fine_tuned_cost_per_request": 0.00927,
        "fine_tuning_upfront": 75_000,
        "labeled_examples": 1_000,
    },
}


@pytest.mark.parametrize("name", FIRM_BY_ONE_ANSWER)
def test_sensitive_answer_when_it_alone_lets_a_row_say_how_firm_leaves_the_same_record(
    tmp_path: Path, name: str
) -> None:
    outcomes = [
        infer(case_from_mapping(FIRM_BY_ONE_ANSWER[name] | {name: answer}, knowledge().facts, "case"), pool())
        for answer in (True, False)
    ]
    drafts = [draft_of(one, describe(one), settings_with(tmp_path, **{name: "omit"})) for one in outcomes]
    strength = knowledge().manifest.strength or ""
    assert {bool(one.verdicts[knowledge().decision_of[strength]].decisive) for one in outcomes} == {True, False}
    assert drafts[0].public == drafts[1].public
    assert drafts[0].sealed == drafts[1].sealed
    assert drafts[0].public["strength"] is not None


# Outcomes


def test_outcome_when_it_names_a_sensitive_fact_keeps_as_little_of_it(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, **{SENSITIVE: "hash"})
    with opened(tmp_path) as store, bases_of(store) as bases:
        record = put(store, telling(), pool(), settings)
        happened = Happened(facts=(f"{SENSITIVE}=191_919", "prompt_accuracy=0.9"))
        draft = outcome_draft(record, bases.of(record), happened, settings)
        with pytest.raises(BadInput, match="which the record withholds"):
            outcome_draft(record, bases.of(record), Happened(figures=("planning_volume=5",)), settings)
    text = json.dumps({"public": dict(draft.public), "sealed": dict(draft.sealed or {})})
    assert 191_919.0 not in numbers_in(text)
    key = hash_key(settings.hash_key, create=False)
    assert keyed_hash(key, SENSITIVE, 191_919.0) in text
    assert draft.public["withheld"] == [SENSITIVE]


# Erasure


def test_person_when_erased_is_in_no_record_and_the_chain_still_verifies(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        kept = put(store, example("ranges"), pool(), Settings(who="Kim Kept"))
        record = put(store, telling(), pool(), Settings(who="Jo Erased"))
    noted = run(
        "audit", "outcome", record.id, "--fact", "prompt_accuracy=0.91", "--note", "Jo was right", store=tmp_path
    )
    assert noted.exit_code == 0, noted.stderr
    done = run("audit", "erase", record.id[:8], "--reason", "asked for", store=tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.count("erased") == 2
    with opened(tmp_path) as store:
        entries = list(store.entries())
        text = json.dumps([{"public": dict(one.public), "sealed": one.sealed} for one in entries])
        assert verify(store).whole
    for gone in ("Jo Erased", "Jo was right", "187653", "invoice"):
        assert gone not in text
    assert "Kim Kept" in text
    shown = run("audit", "show", record.id, store=tmp_path)
    assert shown.exit_code == 0
    assert "Erased on 2026" in shown.stdout
    assert "asked for" in shown.stdout
    assert "If " in shown.stdout
    told = found("audit", "replay", store=tmp_path)
    assert (told["same"], [one["id"] for one in told["not_replayed"]]) == (1, [record.id])
    assert found("audit", "show", kept.id, store=tmp_path)["who"] == "Kim Kept"
    for path in tmp_path.glob("records.db*"):
        assert b"Jo Erased" not in path.read_bytes()


def test_record_when_erased_calls_everything_what_its_base_calls_it(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        record = put(store, telling(), pool())
    assert run("audit", "erase", record.id, "--reason", "asked for", store=tmp_path).exit_code == 0
    shown = run("audit", "show", record.id, store=tmp_path).stdout
    output = knowledge().manifest.recommends or ""
    title = label(knowledge(), output, record.approach or "")
    assert title != (record.approach or "").replace("_", " ")
    assert f"\n{title} · " in shown
    decision, rule = next(one for one in record.fired if one[1] == record.public["rule"])
    assert f"{rule} of {knowledge().title(decision)}" in " ".join(shown.split())
    for decision, rule in record.fired:
        assert f"{rule} of {decision}\n" not in shown
    assert "audit outcome" not in shown
    assert "decides it once more" not in shown
    listed = run("audit", "list", store=tmp_path).stdout
    assert f"  {title}, " in listed


def test_decision_when_erased_twice_is_refused_and_takes_no_outcome(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        record = put(store, telling(), pool())
    assert run("audit", "erase", record.id, "--reason", "asked for", store=tmp_path).exit_code == 0
    again = run("audit", "erase", record.id, "--reason", "asked for", store=tmp_path)
    assert (again.exit_code, again.stdout) == (2, "")
    assert "erased before" in again.stderr
    late = run("audit", "outcome", record.id, "--fact", "prompt_accuracy=0.91", store=tmp_path)
    assert (late.exit_code, late.stdout) == (2, "")
    assert "was erased" in late.stderr


def _damage(folder: Path, named: str) -> None:
    """Edit a record behind the back of what would refuse it."""
    with sqlite3.connect(folder / "records.db") as connection:
        connection.execute("DROP TRIGGER entries_stay_as_they_are")
        connection.execute("UPDATE entries SET body = replace(body, 'public', 'pUblic') WHERE id = ?", (named,))
    connection.close()


def _noted(folder: Path, record: Record) -> str:
    """The id of an outcome of a record."""
    done = run("audit", "outcome", record.id, "--fact", "prompt_accuracy=0.91", store=folder)
    assert done.exit_code == 0, done.stderr
    return done.stderr.removeprefix("recorded as ").strip()


def _keys(folder: Path) -> set[str]:
    """The ids of the records of which there is a key."""
    with sqlite3.connect(folder / "records.db") as connection:
        found = {named for (named,) in connection.execute("SELECT id FROM entry_keys")}
    connection.close()
    return found


def test_decision_when_another_record_is_damaged_is_erased_and_the_damage_named(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        kept, record = (put(store, example("ranges"), pool(), Settings(who=who)) for who in ("Kim", "Jo"))
    damaged, other = _noted(tmp_path, kept), _noted(tmp_path, record)
    _damage(tmp_path, damaged)
    done = run("audit", "erase", record.id[:8], "--reason", "asked for", store=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == [f"erased {other}", f"erased {record.id}"]
    assert f"note: the outcome {damaged} is damaged" in done.stderr
    assert found("audit", "show", record.id, store=tmp_path)["damaged_outcomes"] == [damaged]
    shown = run("audit", "show", record.id, store=tmp_path)
    assert f"The outcome {damaged} is damaged" in shown.stdout
    assert _keys(tmp_path) == {kept.id, damaged}
    assert run("audit", "erase", damaged, "--reason", "asked for", store=tmp_path).exit_code == 0
    assert _keys(tmp_path) == {kept.id}


def test_decision_when_damaged_itself_is_erased_with_its_outcomes(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        record = put(store, telling(), pool())
    outcome = _noted(tmp_path, record)
    _damage(tmp_path, record.id)
    done = run("audit", "erase", record.id[:8], "--reason", "asked for", store=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == [f"erased {outcome}", f"erased {record.id}"]
    assert _keys(tmp_path) == set()


def test_outcome_when_whole_is_not_erased_without_its_decision(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        record = put(store, telling(), pool())
    outcome = _noted(tmp_path, record)
    done = run("audit", "erase", outcome, "--reason", "asked for", store=tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"The decision it belongs to is {record.id}" in done.stderr
    assert _keys(tmp_path) == {record.id, outcome}


def test_reason_when_empty_erases_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        record = put(store, telling(), pool())
    done = run("audit", "erase", record.id, "--reason", " ", store=tmp_path)
    assert done.exit_code == 2
    assert found("audit", "show", record.id, store=tmp_path)["erased"] is False
