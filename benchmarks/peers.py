"""The six rows of the five-question framework by other means: what a bare table of them costs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from engine.knowledge import Knowledge
from engine.language.nodes import Comparison, Name, Node, Not, Number

Context = Mapping[str, Any]
#: What the six rows say of a context: the question that settles it.
Reason = str
Decide = Callable[[Context], Reason]

FRAMEWORK, REASON = "framework_verdict", "framework_reason"


def framework_rows(knowledge: Knowledge) -> list[tuple[str, str, Any, Reason]]:
    """The rows of rules/framework.yaml: the fact each tests, how, against what, and the reason it gives.

    Raises:
        TypeError: the rows are no longer single tests of one fact, and the peers must be written anew.
    """
    return [(*_test(row.when), row.then[REASON]) for row in knowledge.decisions[FRAMEWORK].rows]


def inputs(knowledge: Knowledge) -> list[str]:
    """The facts that the six rows read, in their order."""
    return list(dict.fromkeys(name for name, *_ in framework_rows(knowledge)))


def _test(condition: Node) -> tuple[str, str, Any]:
    match condition:
        case Name(name=name):
            return name, "==", True
        case Not(operand=Name(name=name)):
            return name, "==", False
        case Comparison(operator=operator, left=Name(name=name), right=Number(value=limit)):
            return name, operator, limit
    raise TypeError(f"{condition} is not a single test")


def plain_loop(knowledge: Knowledge) -> Decide:
    """The rows tried one after the other in Python: the floor."""
    tests: dict[str, Callable[[Any, Any], bool]] = {
        "==": lambda left, right: left == right,
        "<": lambda left, right: left < right,
    }
    rows = [(name, tests[operator], constant, reason) for name, operator, constant, reason in framework_rows(knowledge)]

    def decide(context: Context) -> Reason:
        for name, test, constant, reason in rows:
            if test(context[name], constant):
                return reason
        raise LookupError("no row holds")

    return decide


def zen_table(knowledge: Knowledge) -> Decide:
    """A decision table of zen-engine, hit policy first, evaluated with its trace."""
    import zen

    # The verdict of the type checker must not depend on whether the peer is installed.
    decision: Any = zen.ZenEngine().create_decision(json.dumps(_zen_graph(knowledge)))
    traced = {"trace": True}

    def decide(context: Context) -> Reason:
        answer = decision.evaluate(context, traced)
        return str(answer["result"][REASON])

    sample = decision.evaluate(dict.fromkeys(inputs(knowledge), False) | {inputs(knowledge)[0]: 1.0}, traced)
    assert sample["trace"], "zen-engine gave no trace"
    return decide


def _zen_graph(knowledge: Knowledge) -> dict[str, object]:
    names = inputs(knowledge)
    place = {"x": 0, "y": 0}
    rules = [
        {"_id": f"r{index}", **dict.fromkeys(names, ""), name: _zen_test(operator, constant), "out": json.dumps(reason)}
        for index, (name, operator, constant, reason) in enumerate(framework_rows(knowledge))
    ]
    content = {
        "hitPolicy": "first",
        "inputs": [{"id": name, "name": name, "field": name} for name in names],
        "outputs": [{"id": "out", "name": REASON, "field": REASON}],
        "rules": rules,
    }
    return {
        "nodes": [
            {"id": "in", "name": "in", "type": "inputNode", "position": place},
            {"id": "table", "name": "table", "type": "decisionTableNode", "position": place, "content": content},
            {"id": "end", "name": "end", "type": "outputNode", "position": place},
        ],
        "edges": [
            {"id": "e0", "sourceId": "in", "targetId": "table", "type": "edge"},
            {"id": "e1", "sourceId": "table", "targetId": "end", "type": "edge"},
        ],
    }


def _zen_test(operator: str, constant: Any) -> str:
    return json.dumps(constant) if operator == "==" else f"{operator} {json.dumps(constant)}"


def durable_rules_core(knowledge: Knowledge) -> Decide:
    """The rows in the C core of durable-rules, bare: one fact in, one firing out, no costs, no second entry.

    A row asks for itself and for the opposite of every earlier one, as the engine compiles it.
    """
    # On Python 3.13 it can be imported only once the engine has loaded it in its own way.
    import durable_rules_engine as module

    rows = framework_rows(knowledge)
    rules: dict[str, object] = {"p": {"all": [{"m": {"p": 1}}], "pri": 0}}
    for index, row in enumerate(rows):
        passed = [_core_test(earlier, holds=False) for earlier in rows[:index]]
        tests = list({json.dumps(test): test for test in [*passed, _core_test(row, holds=True)]}.values())
        rules[f"r{index}"] = {"all": [{"m": {"$and": tests}}], "pri": index + 1}
    handle = module.create_ruleset("six", json.dumps(rules))
    _, offset = module.assert_fact(handle, '{"p":1,"id":"p"}')
    module.start_action_for_state(handle, offset)
    module.complete_and_start_action(handle, offset)
    module.retract_fact(handle, '{"id":"p"}')
    reasons = [reason for *_, reason in rows]

    def decide(context: Context) -> Reason:
        facts = ",".join([f'"{name}":{_core_value(value)}' for name, value in context.items()])
        _, offset = module.assert_fact(handle, f'{{{facts},"id":"c"}}')
        message = module.start_action_for_state(handle, offset)[1]
        module.complete_and_start_action(handle, offset)
        module.retract_fact(handle, '{"id":"c"}')
        return reasons[int(message[3 : message.index('"', 3)])]

    return decide


def _core_test(row: tuple[str, str, Any, Reason], *, holds: bool) -> dict[str, object]:
    name, operator, constant, _ = row
    if operator == "<":
        return {"$lt" if holds else "$gte": {name: constant}}
    return {name: "y" if constant == holds else "n"}


def _core_value(value: Any) -> str:
    return ('"y"' if value else '"n"') if isinstance(value, bool) else repr(float(value))
