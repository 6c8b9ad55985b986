"""The prover: its terms mean what the plain evaluator computes, and what it proves no case contradicts."""

from __future__ import annotations

import random

import pytest

from engine.case import Case, case_from_mapping
from engine.declarations import FactDeclaration
from engine.describe import describe
from engine.inference import EnginePool
from engine.knowledge import load_knowledge
from engine.language.evaluate import Value
from engine.language.possible import exactly
from engine.outlook import Domain, Outlook, full_domain
from engine.pipeline import Outcome, infer
from engine.prover import find_other

KNOWLEDGE = load_knowledge()
POOL = EnginePool(KNOWLEDGE)
TARGETS = ("recommendation", "framework_verdict", "method", "economics", "scale", "migration_action")
ASKED = [name for name, fact in KNOWLEDGE.facts.items() if fact.question]


def _answer(rng: random.Random, fact: FactDeclaration) -> Value:
    if fact.type == "yes/no":
        return rng.random() < 0.5
    if fact.choices is not None:
        return rng.choice(sorted(fact.choices))
    low, high = fact.bounds
    if high <= 1:
        return rng.choice([0.0, 0.2, 0.5, 0.82, 0.85, 0.9, 0.94, 1.0])
    value = rng.choice([0, 1, 3, 6, 8, 12, 13, 100, 500, 1_000, 15_000, 50_000, 99_999, 100_000, 500_000])
    return float(max(value, low) if low <= value else 1)


def _case(seed: int, share: float) -> tuple[Case, random.Random]:
    rng = random.Random(seed)
    chosen = [name for name in ASKED if rng.random() < share]
    given = {name: _answer(rng, KNOWLEDGE.facts[name]) for name in chosen}
    return case_from_mapping(given, KNOWLEDGE.facts, f"seed {seed}"), rng


def _outlook(outcome: Outcome, target: str, domains: dict[str, Domain]) -> Outlook:
    return Outlook(outcome.memory, target, domains)


@pytest.mark.parametrize("target", TARGETS)
def test_terms_at_a_single_point_when_solved_mean_what_the_evaluator_computes(target: str) -> None:
    for seed in range(12):
        case, rng = _case(seed, 0.7)
        outcome = infer(case, POOL)
        free = [name for name in ASKED if name not in case.given and name in KNOWLEDGE.upstream(target)]
        picked = rng.sample(free, min(3, len(free)))
        if not picked:
            continue
        outlook = _outlook(outcome, target, {name: full_domain(KNOWLEDGE.facts[name]) for name in picked})
        point = {name: _answer(rng, KNOWLEDGE.facts[name]) for name in picked}
        pinned = {name: Domain(exactly(value)) for name, value in point.items()}
        conclusion = outlook.at(point)
        assert find_other(outcome.memory, target, outlook.steps, pinned, conclusion) is False


def test_points_that_the_prover_finds_when_evaluated_lead_elsewhere() -> None:
    found = 0
    for seed in range(100, 140):
        case, _ = _case(seed, 0.6)
        outcome = infer(case, POOL)
        domains = {
            name: full_domain(KNOWLEDGE.facts[name])
            for name in ("has_ml_engineering", "labeled_examples", "budget", "cost_per_error")
            if name not in case.given
        }
        outlook = _outlook(outcome, "recommendation", domains)
        start = outlook.at(dict.fromkeys(outlook.domains))
        other = find_other(outcome.memory, "recommendation", outlook.steps, outlook.domains, start)
        if isinstance(other, dict):
            found += 1
            assert outlook.at(other) != start
    assert found > 5


def test_what_is_proved_to_be_the_only_conclusion_when_completed_at_random_stays_the_only_one() -> None:
    proved = 0
    for seed in range(200, 260):
        case, rng = _case(seed, 0.5)
        outcome = infer(case, POOL)
        open_facts = [name for name in ASKED if name not in case.given]
        domains = {name: full_domain(KNOWLEDGE.facts[name]) for name in rng.sample(open_facts, min(4, len(open_facts)))}
        outlook = _outlook(outcome, "recommendation", domains)
        conclusion = outlook.at({name: _answer(rng, KNOWLEDGE.facts[name]) for name in outlook.domains})
        if find_other(outcome.memory, "recommendation", outlook.steps, outlook.domains, conclusion) is not False:
            continue
        proved += 1
        for _ in range(40):
            point = {name: _answer(rng, KNOWLEDGE.facts[name]) for name in outlook.domains}
            assert outlook.at(point) == conclusion
    assert proved > 5


def test_question_near_the_limit_when_asked_after_others_has_the_answer_it_had_alone() -> None:
    given = {
        "labeled_examples": 1,
        "task": {"value": "classification", "origin": "assumed"},
        "prompt_cost_per_request": 0,
        "fine_tuned_cost_per_request": 100_000,
    }
    case = case_from_mapping(given, KNOWLEDGE.facts, "near the limit")
    found = []
    for seed in (1, 2, 3):
        decided = describe(infer(case, POOL))
        assert decided.recommendation is not None
        found.append((decided.recommendation.approach, decided.recommendation.strength))
        # Whatever else is put to the prover in between.
        infer(_case(seed, 0.3)[0], POOL)
    assert len(set(found)) == 1
