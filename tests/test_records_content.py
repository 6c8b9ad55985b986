"""A record holds all that is needed to decide once more: the case exactly, and the knowledge base to the letter."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.case import Case, Given, read_case
from engine.describe import describe
from engine.errors import BadInput
from engine.inference import EnginePool
from engine.knowledge import load_knowledge
from engine.pipeline import infer
from engine.records.bases import bases_of
from engine.records.canonical import canonical, parse
from engine.records.content import case_of, draft_of, engine_versions, knowledge_content, told_given
from engine.records.reading import decision
from engine.records.recording import recorded
from engine.records.replay import replayed
from engine.records.settings import Settings, read_settings
from engine.records.store import Store, open_store
from engine.source import read_document
from tests.cases import EXAMPLES, answers, example, knowledge, pool, small_base
from tests.records import alone, as_nobody, base_in, open_for_nobody, opened, put, url_of
from tests.strategies import RandomBase, random_bases_with_cases


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone(monkeypatch, tmp_path)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with opened(tmp_path_factory.mktemp("records")) as found:
        yield found


# The case


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_when_recorded_is_rebuilt_exactly_and_comes_out_again(store: Store, path: Path) -> None:
    case = read_case(read_document(path), knowledge().facts)
    record = put(store, case, pool())
    assert record.case == case
    assert list(record.case.given) == list(case.given)
    with bases_of(store) as bases:
        again = replayed(record, bases)
    assert (again.obstacle, again.differences) == (None, ())


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).map(str.strip).filter(bool)


@st.composite
def _any_cases(draw: st.DrawFn) -> Case:
    """Cases of the built-in base in which facts are values, ranges or unknown, with sources of any text."""
    facts = draw(answers(complete=True)).case.given
    given = {}
    for name, fact in facts.items():
        low = high = None
        value = fact.value
        if isinstance(value, float) and draw(st.integers(0, 3)) == 0:
            low, high = value * draw(st.floats(0.5, 1)), value
        elif draw(st.integers(0, 19)) == 0:
            value = None
        source = draw(st.none() | _TEXTS)
        given[name] = Given(name, value, low, high, fact.origin, source)
    return Case(draw(_TEXTS), given)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=_any_cases())
def test_case_when_told_in_canonical_json_is_rebuilt_exactly(case: Case) -> None:
    told = {"case": {"name": case.name, "given": [told_given(one) for one in case.given.values()]}}
    rebuilt = case_of(parse(canonical(told)))
    assert rebuilt == case
    assert list(rebuilt.given) == list(case.given)
    for one in rebuilt.given.values():
        assert {type(end) for end in (one.low, one.high)} <= {float, type(None)}
        assert type(one.value) is not int


#: To describe a case of many unknowns takes a second, and to shrink one that fails an hour.
_UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(max_examples=6, deadline=None, phases=_UNSHRUNK, suppress_health_check=list(HealthCheck))
@given(case=_any_cases())
def test_case_when_recorded_is_rebuilt_exactly_and_comes_out_again(store: Store, case: Case) -> None:
    record = put(store, case, pool(), Settings(who="Jo"))
    assert record.case == case
    with bases_of(store) as bases:
        again = replayed(record, bases)
    assert (again.obstacle, again.differences) == (None, ())


@settings(max_examples=20, deadline=None, phases=_UNSHRUNK, suppress_health_check=list(HealthCheck))
@given(drawn=random_bases_with_cases(cases=3))
def test_any_base_when_it_decided_is_read_back_and_decides_the_same(
    store: Store, drawn: tuple[RandomBase, list[Case]]
) -> None:
    random, cases = drawn
    with tempfile.TemporaryDirectory() as folder:
        for name, content in random.files.items():
            (Path(folder) / name).write_text(json.dumps(content), encoding="utf-8")
        base = load_knowledge(folder)
        engines = EnginePool(base)
        entries = []
        for case in cases:
            try:
                outcome = infer(case, engines)
            except Exception:  # noqa: BLE001, S112 - a random base may contradict itself, and then decides nothing
                continue
            entries.append((case, store.append(draft_of(outcome, describe(outcome), Settings()))))
        engines.close()
    with bases_of(store) as bases:
        for case, entry in entries:
            record = decision(store, entry.id)
            again = replayed(record, bases)
            assert record.case == case
            assert (again.obstacle, again.differences) == (None, ())


def test_names_and_sources_when_they_are_no_unicode_are_recorded_all_the_same(store: Store) -> None:
    case = Case("broken\udce9name", {"budget": Given("budget", 1.0, source="half a pair: \ud83d")})
    record = put(store, case, pool(), Settings(who="J\udcff"))
    assert record.case_name == "broken\\udce9name"
    assert record.who == "J\\udcff"


# What the two parts say


def test_public_part_when_read_holds_no_value_name_or_sentence_of_the_case(store: Store) -> None:
    case = example("dear-errors-at-low-volume")
    record = put(store, case, pool(), Settings(who="Jo Public"))
    known_to_all = ("versions", "knowledge_base")
    public = json.dumps({name: value for name, value in record.public.items() if name not in known_to_all})
    outcome = infer(case, pool())
    numbers = [one.value for one in case.given.values() if isinstance(one.value, float) and one.value > 12]
    assert len(numbers) > 5
    for text in ("Jo Public", case.name, *(str(int(number)) for number in numbers)):
        assert text not in public
    assert describe(outcome).recommendation is not None
    assert str(describe(outcome).recommendation.because) not in public  # type: ignore[union-attr]  # there is one


def test_public_part_when_read_says_what_an_auditor_may_know_for_good(store: Store) -> None:
    record = put(store, example("dear-errors-at-low-volume"), pool())
    outcome = infer(example("dear-errors-at-low-volume"), pool())
    decided = describe(outcome)
    answer = decided.recommendation
    assert answer is not None
    public = record.public
    assert {name: public[name] for name in ("approach", "strength", "settled", "decided_by", "rule")} == {
        name: getattr(answer, name) for name in ("approach", "strength", "settled", "decided_by", "rule")
    }
    assert record.fired == tuple((firing.decision, firing.rule) for firing in decided.firings)
    assert public["versions"] == engine_versions()
    assert set(public["versions"]) == {"breakeven", "durable-rules", "python", "platform"}
    identity = decided.knowledge_base
    assert record.base == {
        "name": identity.name,
        "version": identity.version,
        "sha256": identity.sha256,
        "as_of": identity.as_of,
    }
    assert [voice["favours"] for voice in public["voices"]] == [voice.favours for voice in decided.voices]
    assert sum(voice["decided"] for voice in public["voices"]) == 1


def test_sealed_part_when_read_holds_figures_firings_and_reasons_as_they_were_shown(store: Store) -> None:
    case = example("case-2-insurance-claims")
    record = put(store, case, pool(), Settings(who="Jo"))
    decided = describe(infer(case, pool()))
    assert record.who == "Jo"
    assert list(record.figures) == list(decided.figures)
    for name, figure in decided.figures.items():
        told = record.figures[name]
        assert (told.get("value"), told["substitution"], told["source"]) == (
            figure.value,
            figure.substitution,
            figure.source,
        )
    assert [(one["rule"], one["because"]) for one in record.sealed["firings"]] == [
        (firing.rule, firing.because) for firing in decided.firings
    ]
    assert {name: (one["origin"], one.get("source")) for name, one in record.facts.items()} == {
        name: (reading.origin, reading.source) for name, reading in decided.case.items()
    }
    assert [one["because"] for one in record.sealed["cautions"]] == [one.because for one in decided.cautions]


# The knowledge base


def test_knowledge_when_kept_is_read_again_with_the_same_hash(tmp_path: Path) -> None:
    content = knowledge_content(knowledge())
    assert "claims.yaml" in content.files
    for name, text in content.files.items():
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert load_knowledge(tmp_path).sha256 == content.sha256 == knowledge().sha256


def test_knowledge_when_its_files_changed_since_it_was_read_is_not_recorded(tmp_path: Path) -> None:
    folder = base_in(tmp_path / "rules", knowledge())
    base = load_knowledge(folder)
    outcome = infer(Case("any", {}), EnginePool(base))
    with (folder / "facts.yaml").open("a", encoding="utf-8") as facts:
        facts.write("# a remark\n")
    with pytest.raises(BadInput, match="changed since they were read"):
        draft_of(outcome, describe(outcome), Settings())


def test_base_without_recommendation_when_it_decides_is_recorded_and_comes_out_again(
    store: Store, tmp_path: Path
) -> None:
    folder = small_base(
        tmp_path,
        ("knowledge.yaml", "recommends: advice\nstrength: firmness\n", ""),
        ("knowledge.yaml", "fallback: {conclusion: rent, strength: weak, because: It is open., source: test}\n", ""),
        ("knowledge.yaml", "sides: {buy: owning, rent: renting}\n", ""),
        ("knowledge.yaml", "options: {columns: [Cost], rows: {buy: {Cost: price}}}\n", ""),
    )
    base = load_knowledge(folder)
    case = Case("machine", {"months": Given("months", 24.0), "colour": Given("colour", "red")})
    record = put(store, case, EnginePool(base))
    assert record.approach is None
    with bases_of(store) as bases:
        assert replayed(record, bases).differences == ()


# Settings


def _config(path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("BREAKEVEN_CONFIG", str(path))
    return path


def test_settings_when_nothing_is_said_record_nothing() -> None:
    found = read_settings()
    assert (found.record, found.store, found.who, found.sensitive) == (False, None, None, {})


@pytest.mark.parametrize(
    ("option", "variable", "file", "expected"),
    [
        (None, None, "never", False),
        (None, None, "always", True),
        (None, "always", "never", True),
        (None, "1", "never", True),
        (None, "never", "always", False),
        (None, "0", "always", False),
        (None, "", "always", True),
        (False, "always", "always", False),
        (True, "never", "never", True),
    ],
)
def test_recording_when_said_in_several_places_follows_option_then_variable_then_file(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    option: bool | None,
    variable: str | None,
    file: str,
    expected: bool,
) -> None:
    _config(tmp_path / "config.yaml", f"record: {file}\n", monkeypatch)
    if variable is not None:
        monkeypatch.setenv("BREAKEVEN_RECORD", variable)
    assert read_settings(record=option).record is expected


def test_who_when_said_in_several_places_follows_option_then_variable_then_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _config(tmp_path / "config.yaml", "who: file\n", monkeypatch)
    assert read_settings().who == "file"
    monkeypatch.setenv("BREAKEVEN_WHO", "variable")
    assert read_settings().who == "variable"
    assert read_settings(who="option").who == "option"


WRONG_SETTINGS = {
    "an unknown key": ("recrd: always\n", "1: recrd: an unknown field. Did you mean 'record'?"),
    "a wrong word": ("record: sometimes\n", "1: record: expected always or never"),
    "a wrong treatment": ("who: Jo\nsensitive: {budget: hsh}\n", "2: sensitive.budget: expected hash, omit or keep"),
    "no mapping": ("- record\n", "expected a mapping"),
    "broken YAML": ("record: [\n", "1"),
}


@pytest.mark.parametrize(("text", "message"), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS)
def test_settings_file_when_wrong_is_refused_with_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, message: str
) -> None:
    path = _config(tmp_path / "config.yaml", text, monkeypatch)
    with pytest.raises(BadInput) as refused:
        read_settings()
    assert f"{path}:" in str(refused.value)
    assert message in str(refused.value)


def test_settings_file_when_named_and_missing_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BREAKEVEN_CONFIG", str(tmp_path / "none.yaml"))
    with pytest.raises(BadInput, match="no such file"):
        read_settings()


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of settings that nobody may enter, with settings in it."""
    open_for_nobody(tmp_path)
    folder = tmp_path / "locked"
    (folder / "breakeven").mkdir(parents=True)
    (folder / "breakeven" / "config.yaml").write_text("record: always\nsensitive: {budget: omit}\n", "utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


def test_settings_file_when_it_cannot_be_looked_at_says_nothing_to_whoever_records_nothing(locked: Path) -> None:
    def look() -> str:
        found = [read_settings(), read_settings(record=False)]
        return f"{[one.record for one in found]} {found[0].unread}"

    assert as_nobody(look) == (
        f"[False, False] {locked}/breakeven/config.yaml: the folder {locked} may not be entered,"
        " so these settings are not followed. Change who may enter it, or name another with BREAKEVEN_CONFIG."
    )


RECORDING: dict[str, dict[str, Any]] = {"by option": {"record": True}, "records are read": {"required": True}}


@pytest.mark.parametrize("said", RECORDING.values(), ids=RECORDING)
def test_settings_file_when_it_cannot_be_looked_at_keeps_from_recording(locked: Path, said: dict[str, Any]) -> None:
    def look() -> str:
        with pytest.raises(BadInput) as refused:
            read_settings(**said)
        return str(refused.value)

    assert as_nobody(look) == (
        f"{locked}/breakeven/config.yaml: the folder {locked} may not be entered, so these settings are not followed."
        " Change who may enter it, or name another with BREAKEVEN_CONFIG."
    )


def test_settings_file_when_empty_says_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _config(tmp_path / "config.yaml", "# nothing yet\n", monkeypatch)
    assert read_settings().record is False


def test_variable_when_neither_always_nor_never_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREAKEVEN_RECORD", "alwys")
    with pytest.raises(BadInput, match=r"BREAKEVEN_RECORD: .*Did you mean 'always'\?"):
        read_settings()


def test_store_of_the_settings_file_when_used_gives_way_to_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").mkdir()
    (tmp_path / "variable").mkdir()
    _config(tmp_path / "config.yaml", f"record: always\nstore: {url_of(tmp_path / 'file')}\n", monkeypatch)
    outcome = infer(Case("any", {}), pool())
    decided = describe(outcome)
    first = recorded(outcome, decided, read_settings()).record
    monkeypatch.setenv("BREAKEVEN_STORE", url_of(tmp_path / "variable"))
    second = recorded(outcome, decided, read_settings()).record
    for folder, one in (("file", first), ("variable", second)):
        with open_store(url_of(tmp_path / folder), create=False) as store:
            assert [entry.id for entry in store.entries()] == [one]


def test_key_file_of_the_settings_when_relative_is_beside_the_settings_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _config(tmp_path / "config.yaml", "hash_key: records.key\n", monkeypatch)
    assert read_settings().hash_key == tmp_path / "records.key"


def test_decision_when_not_to_be_recorded_stays_without_a_record() -> None:
    outcome = infer(Case("any", {}), pool())
    decided: Any = describe(outcome)
    assert recorded(outcome, decided, Settings()).record is None
    assert not os.environ.get("BREAKEVEN_STORE")
