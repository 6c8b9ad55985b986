"""The decision requirements graph: what it holds, and that each of its formats can be read."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import pytest

from engine.errors import BadInput
from engine.graph import Requirements, draw, requirements
from engine.knowledge import Knowledge, load_knowledge
from engine.language.nodes import functions_in
from tests.cases import ROOT, knowledge
from tests.small_base import small_base

SVG = "{http://www.w3.org/2000/svg}"
GPU = ROOT / "examples" / "gpu-rent-or-buy" / "rules"
FOCUSES = (None, "strength", "framework_reason", "q1-low-volume", "break_even_months", "budget", "lora_row")
#: Titles that would be markup, or end a label, if they were not escaped.
HOSTILE = ("<script>alert(1)</script>", 'quoted "]:::x', "back\\", "a & b; #lt; `c`", "\u202ered", "]]>", "${x}{{y}}")


@lru_cache(maxsize=4)
def base(name: str) -> Knowledge:
    """One of the shipped bases."""
    return knowledge() if name == "built-in" else load_knowledge(GPU)


def expected_edges(known: Knowledge) -> set[tuple[str, str]]:
    """What reads what, from what the base itself says it reads; decisions stand for all that they conclude."""
    owners = {**known.decision_of, **known.readings}
    found: set[tuple[str, str]] = set()
    for reader, names in known.reads.items():
        end = owners.get(reader, reader)
        found |= {(owners.get(name, name), end) for name in names if name != known.manifest.could_turn}
        if reader in known.quantities:
            tables = functions_in(known.quantities[reader].formula) & known.tables.keys()
            found |= {(table, end) for table in tables}
    return {(read, reader) for read, reader in found if read != reader}


@pytest.mark.parametrize("name", ["built-in", "second"])
def test_edges_of_the_whole_graph_when_compared_with_what_the_base_reads_are_the_same(name: str) -> None:
    graph = requirements(base(name))
    assert len(graph.edges) == len(set(graph.edges))
    assert set(graph.edges) == expected_edges(base(name))


@pytest.mark.parametrize("name", ["built-in", "second"])
def test_graph_of_one_name_when_drawn_holds_what_it_depends_on_and_nothing_else(name: str) -> None:
    known = base(name)
    whole = requirements(known)
    before: dict[str, set[str]] = {node.name: set() for node in whole.nodes}
    for read, reader in whole.edges:
        before[reader].add(read)
    for node in whole.nodes:
        needed, waiting = {node.name}, [node.name]
        while waiting:
            new = before[waiting.pop()] - needed
            needed |= new
            waiting.extend(new)
        graph = requirements(known, node.name)
        assert {one.name for one in graph.nodes} == needed
        assert set(graph.edges) == {edge for edge in whole.edges if edge[1] in needed}


def test_graph_of_one_rule_when_drawn_leads_only_what_the_rule_reads_to_its_decision() -> None:
    graph = requirements(knowledge(), "q1-low-volume")
    assert [node.name for node in graph.nodes if node.kind == "decision"] == ["framework_verdict"]
    into = {read for read, reader in graph.edges if reader == "framework_verdict"}
    assert into == {"requests_per_month_in_12_months"}


def test_graph_of_an_output_when_drawn_is_that_of_its_decision() -> None:
    assert requirements(knowledge(), "framework_reason") == requirements(knowledge(), "framework_verdict")


def test_graph_of_a_fact_that_nothing_reads_when_drawn_is_the_fact_alone(tmp_path: Path) -> None:
    facts = "facts:\n  lonely: {title: lonely, type: yes/no, source: test}\n"
    known = small_base(tmp_path)
    text = (tmp_path / "facts.yaml").read_text("utf-8").replace("facts:\n", facts, 1)
    graph = requirements(small_base(tmp_path, facts=text), "lonely")
    assert ([node.name for node in graph.nodes], graph.edges) == (["lonely"], ())
    assert "lonely" not in {node.name for node in requirements(known).nodes}


def test_graph_of_decisions_when_drawn_leaves_out_figures_amounts_and_tables_and_connects_them() -> None:
    graph = requirements(knowledge(), decisions_only=True)
    assert {node.kind for node in graph.nodes} == {"fact", "decision"}
    assert {node.name for node in graph.nodes if node.kind == "decision"} == set(knowledge().decisions)
    for read, reader in graph.edges:
        assert reader in knowledge().decisions
        assert read in {node.name for node in requirements(knowledge(), reader).nodes}


def test_graph_of_decisions_for_a_figure_when_drawn_keeps_the_figure() -> None:
    graph = requirements(knowledge(), "break_even_months", decisions_only=True)
    assert [node.name for node in graph.nodes if node.kind != "fact"] == ["break_even_months"]
    assert graph.edges


def test_name_when_nothing_has_it_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput) as refused:
        requirements(knowledge(), "q1-low-volum")
    (problem,) = refused.value.problems
    assert "nothing is called 'q1-low-volum'" in problem.message
    assert "'q1-low-volume'" in (problem.hint or "")


# -- formats -------------------------------------------------------------------------------------------

_NAME = "[a-z_][a-z0-9_]*"
MERMAID_NODE = re.compile(rf'  ({_NAME})(?:\[|\(\[|\[/|>|\[\()"([^"<>`\\]*)"(?:\]|\]\)|/\]|\)\]):::([a-z]+)')
MERMAID_EDGE = re.compile(rf"  ({_NAME}) --> ({_NAME})")
#: A quoted string as DOT has it: a quotation mark within it follows a backslash, and a backslash another one.
_QUOTED = r'"((?:[^"\\]|\\["\\])*)"'
DOT_NODE = re.compile(rf"  {_QUOTED} \[label={_QUOTED}, shape=([a-z]+)\];")
DOT_EDGE = re.compile(rf"  {_QUOTED} -> {_QUOTED};")


def read_mermaid(text: str) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """Titles by name and edges of a flowchart, every line of which must be a node or an edge."""
    first, *lines = text.splitlines()
    assert first == "flowchart LR"
    nodes, edges = {}, set()
    for line in lines:
        if edge := MERMAID_EDGE.fullmatch(line):
            edges.add((edge[1], edge[2]))
        else:
            node = MERMAID_NODE.fullmatch(line)
            assert node, line
            nodes[node[1]] = re.sub("#([a-z0-9]+);", lambda found: ENTITIES[found[1]], node[2])
    return nodes, edges


ENTITIES = {"quot": '"', "lt": "<", "gt": ">", "amp": "&", "35": "#", "96": "`", "92": "\\"}


def read_dot(text: str) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """Titles by name and edges of a DOT file, every line of which must be a node or an edge."""
    first, second, *lines, last = text.splitlines()
    assert (first, second, last) == ("digraph {", "  rankdir=LR;", "}")
    nodes, edges = {}, set()
    for line in lines:
        if edge := DOT_EDGE.fullmatch(line):
            edges.add((edge[1], edge[2]))
        else:
            node = DOT_NODE.fullmatch(line)
            assert node, line
            nodes[node[1]] = re.sub(r"\\(.)", r"\1", node[2])
    return nodes, edges


def read_svg(text: str) -> tuple[dict[str, str], int]:
    """Titles by name, and how many lines connect them; nothing in the picture may act."""
    root = ET.fromstring(text)  # noqa: S314 - our own
    assert root.tag == f"{SVG}svg"
    allowed = {"svg", "title", "style", "defs", "marker", "path", "rect", "g", "text"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= allowed
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on") or "href" in name]
    titles = [group.findtext(f"{SVG}title") or "" for group in root.iter(f"{SVG}g")]
    named = dict(title.split(": ", 1) for title in titles)
    assert len(named) == len(titles)
    return named, len(root.findall(f"{SVG}path"))


@pytest.mark.parametrize("focus", FOCUSES)
def test_graph_when_written_in_each_format_is_read_back_as_the_same(focus: str | None) -> None:
    graph = requirements(knowledge(), focus)
    titles, edges = {node.name: node.title for node in graph.nodes}, set(graph.edges)
    assert read_mermaid(draw(graph, "mermaid")) == (titles, edges)
    assert read_dot(draw(graph, "dot")) == (titles, edges)
    assert read_svg(draw(graph, "svg")) == (titles, len(edges))


@pytest.mark.parametrize("graph_format", ["mermaid", "dot", "svg"])
def test_graph_when_drawn_again_is_the_same_text(graph_format: str) -> None:
    first, second = (draw(requirements(knowledge(), "strength"), graph_format) for _ in range(2))  # type: ignore[arg-type]
    assert first == second


def test_boxes_of_the_picture_when_laid_out_do_not_overlap_and_stand_right_of_what_they_read() -> None:
    graph = requirements(knowledge())
    root = ET.fromstring(draw(graph, "svg"))  # noqa: S314 - our own
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    boxes: dict[str, tuple[float, float, float, float]] = {}
    for group in root.iter(f"{SVG}g"):
        box = group.find(f"{SVG}rect")
        assert box is not None
        x, y, wide, high = (float(box.attrib[name]) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + wide <= width
        assert 0 <= y <= y + high <= height
        boxes[(group.findtext(f"{SVG}title") or "").split(":")[0]] = (x, y, wide, high)
    placed = sorted(boxes.values())
    for (x, y, wide, high), (other_x, other_y, _, _) in pairwise(placed):
        assert other_x >= x + wide or (other_x == x and other_y >= y + high)
    assert all(boxes[read][0] < boxes[reader][0] for read, reader in graph.edges)


@pytest.mark.parametrize("title", HOSTILE)
def test_title_when_hostile_is_shown_as_text_in_every_format(tmp_path: Path, title: str) -> None:
    known = small_base(tmp_path)
    text = (tmp_path / "facts.yaml").read_text("utf-8").replace("title: distance", f"title: {json.dumps(title)}", 1)
    graph = requirements(small_base(tmp_path, facts=text))
    assert graph.edges == requirements(known).edges
    shown = title.replace("\u202e", "\ufffd")
    assert read_mermaid(draw(graph, "mermaid"))[0]["distance"] == shown
    assert read_dot(draw(graph, "dot"))[0]["distance"] == shown
    assert read_svg(draw(graph, "svg"))[0]["distance"] == shown


def test_name_when_it_is_a_word_of_mermaid_is_written_as_another(tmp_path: Path) -> None:
    known = small_base(tmp_path)
    text = {
        path.stem: re.sub(r"\bdistance\b(?!:? distance,)", "end", path.read_text("utf-8"))
        for path in tmp_path.glob("*.yaml")
    }
    (tmp_path / "tests" / "transport.yaml").unlink()
    known = small_base(tmp_path, **{**text, "tests_transport": "tests: []\n"})
    nodes, edges = read_mermaid(draw(requirements(known), "mermaid"))
    assert "end" in known.facts
    assert "end" not in nodes
    assert ("_end", "transport") in edges


def test_graph_of_nothing_when_drawn_is_empty_in_every_format() -> None:
    graph = Requirements((), ())
    assert read_mermaid(draw(graph, "mermaid")) == ({}, set())
    assert read_dot(draw(graph, "dot")) == ({}, set())
    assert read_svg(draw(graph, "svg")) == ({}, 0)
