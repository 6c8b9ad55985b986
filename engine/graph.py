"""The decision requirements graph: which facts and figures feed which decisions, drawn from the rules themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.errors import BadInput, Place, Problem, did_you_mean
from engine.escape import printable
from engine.knowledge import Knowledge
from engine.language.nodes import Node as Expression
from engine.language.nodes import functions_in, names_in
from engine.templating import environment

if TYPE_CHECKING:
    import igraph

GraphFormat = Literal["svg", "mermaid", "dot"]
Kind = Literal["fact", "amount", "table", "figure", "decision"]

#: Size of a box and the room around it, in pixels.
_WIDTH, _HEIGHT, _ACROSS, _DOWN = 210, 34, 90, 14
_LONGEST_LINE = 30


@dataclass(frozen=True, slots=True)
class Node:
    """One fact, amount, table, figure or decision."""

    name: str
    kind: Kind
    title: str


@dataclass(frozen=True, slots=True)
class Requirements:
    """What requires what: an edge leads from what is read to what reads it."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class _Box:
    node: Node
    lines: tuple[_Line, ...]
    x: float
    y: float

    def path_to(self, reader: _Box) -> str:
        """A curve from the right of this box to the left of its reader."""
        x, y = self.x + _WIDTH, self.y + _HEIGHT / 2
        across, down = reader.x - x, reader.y + _HEIGHT / 2 - y
        bend = max(30.0, across / 2)
        return f"M{x:g} {y:g} c{bend:g} 0 {across - bend:g} {down:g} {across:g} {down:g}"


def requirements(knowledge: Knowledge, focus: str | None = None, *, decisions_only: bool = False) -> Requirements:
    """The graph of the whole base, or of everything that one name depends on.

    Args:
        knowledge: the base.
        focus: a rule, decision, output, figure, fact, amount or table; None: everything that is read or concluded.
            Of a rule only what it reads itself leads to its decision.
        decisions_only: leave out figures, amounts and tables, and connect what they connect.

    Raises:
        BadInput: nothing has the focus's name.
    """
    reads = _reads(knowledge)
    names = list(reads)
    end = None
    if focus is not None:
        end = _focus(knowledge, focus, reads)
        names = _upstream(reads, end)
    if decisions_only:
        ends = [name for name in names if name == end or _kind(knowledge, name) == "decision"]
        reads = {name: _through(name, reads, knowledge) for name in ends}
        names = [name for name in names if name in reads or any(name in found for found in reads.values())]
    nodes = tuple(Node(name, _kind(knowledge, name), knowledge.title(name)) for name in names)
    edges = tuple((read, name) for name in names for read in reads.get(name, ()))
    return Requirements(nodes, edges)


def draw(graph: Requirements, graph_format: GraphFormat) -> str:
    """The graph as an SVG picture, a Mermaid flowchart or a DOT file."""
    if graph_format == "svg":
        return _svg(graph)
    return _mermaid(graph) if graph_format == "mermaid" else _dot(graph)


def _reads(knowledge: Knowledge) -> dict[str, tuple[str, ...]]:
    """For each name what it reads directly, every fact and amount that is read by something included."""
    found: dict[str, tuple[str, ...]] = {}
    for name in knowledge.order:
        if name in knowledge.decisions:
            found[name] = _read_by(knowledge, name, [row.when for row in knowledge.decisions[name].rows])
        elif name not in knowledge.readings:
            found[name] = _read_by(knowledge, name, [knowledge.quantities[name].formula])
    leaves = {read for reads in found.values() for read in reads} - found.keys()
    return {**dict.fromkeys(sorted(leaves), ()), **found}


def _read_by(knowledge: Knowledge, owner: str, expressions: Iterable[Expression]) -> tuple[str, ...]:
    """What expressions read, each under the name of the node that stands for it."""
    owners = {**knowledge.decision_of, **knowledge.readings}
    read: set[str] = set()
    for expression in expressions:
        read |= {owners.get(name, name) for name in names_in(expression)}
        read |= functions_in(expression) & knowledge.tables.keys()
    return tuple(sorted(read - {owner, knowledge.manifest.could_turn}))


def _focus(knowledge: Knowledge, focus: str, reads: dict[str, tuple[str, ...]]) -> str:
    """The node that is meant; for a rule its decision, which then reads what this rule reads."""
    for table in knowledge.decisions.values():
        for row in table.rows:
            if row.id == focus:
                reads[table.name] = _read_by(knowledge, table.name, [row.when])
                return table.name
    name = knowledge.decision_of.get(focus, focus)
    unread = [*knowledge.facts, *knowledge.amounts, *knowledge.tables]
    if name in unread:
        reads.setdefault(name, ())
    if name not in reads:
        rows = [row.id for table in knowledge.decisions.values() for row in table.rows]
        hint = did_you_mean(focus, [*reads, *unread, *knowledge.decision_of, *rows])
        place = Place(f"knowledge base {knowledge.manifest.name}")
        message = f"nothing is called '{printable(focus)}'"
        raise BadInput([Problem(place, message, hint=hint or "List all names with: breakeven rules show")])
    return name


def _upstream(reads: dict[str, tuple[str, ...]], focus: str) -> list[str]:
    needed, waiting = {focus}, [focus]
    while waiting:
        for read in reads.get(waiting.pop(), ()):
            if read not in needed:
                needed.add(read)
                waiting.append(read)
    return [name for name in reads if name in needed]


def _through(name: str, reads: dict[str, tuple[str, ...]], knowledge: Knowledge) -> tuple[str, ...]:
    """The facts and decisions a decision depends on with no other decision between."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = list(reads[name])
    while waiting:
        read = waiting.pop()
        if read in seen:
            continue
        seen.add(read)
        kind = _kind(knowledge, read)
        if kind in ("fact", "decision"):
            found.add(read)
        if kind == "figure":
            waiting.extend(reads[read])
    return tuple(sorted(found))


def _kind(knowledge: Knowledge, name: str) -> Kind:
    if name in knowledge.decisions:
        return "decision"
    if name in knowledge.figures:
        return "figure"
    if name in knowledge.tables:
        return "table"
    return "amount" if name in knowledge.amounts else "fact"


def _as_igraph(graph: Requirements) -> igraph.Graph:
    try:
        import igraph
    except ImportError:
        hint = "Install it with: pip install 'breakeven[graph]', or write --format mermaid"
        raise BadInput([Problem(Place("rules graph"), "a picture needs the package igraph", hint=hint)]) from None
    drawn = igraph.Graph(directed=True)
    drawn.add_vertices([node.name for node in graph.nodes])
    drawn.add_edges(graph.edges)
    return drawn


def _dot(graph: Requirements) -> str:
    shapes = {"decision": "box", "figure": "ellipse", "fact": "parallelogram", "amount": "note", "table": "cylinder"}
    lines = ["digraph {", "  rankdir=LR;"]
    for node in graph.nodes:
        title = printable(node.title).replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'  "{node.name}" [label="{title}", shape={shapes[node.kind]}];')
    lines += [f'  "{read}" -> "{reader}";' for read, reader in graph.edges]
    return "\n".join([*lines, "}"]) + "\n"


#: Words that Mermaid takes for its own where a name is expected.
_MERMAID_WORDS = ("call", "class", "classdef", "click", "default", "direction", "end", "flowchart", "graph", "href",
                  "linkstyle", "style", "subgraph")  # fmt: skip
#: Characters that end a label of Mermaid's or are HTML or Markdown within it, each as the entity it understands.
_MERMAID_ENTITIES = str.maketrans(
    {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\\": "#92;"}
)


def _mermaid(graph: Requirements) -> str:
    shapes = {"decision": '["{}"]', "figure": '(["{}"])', "fact": '[/"{}"/]', "amount": '>"{}"]', "table": '[("{}")]'}
    lines = ["flowchart LR"]
    for node in graph.nodes:
        title = printable(node.title).translate(_MERMAID_ENTITIES)
        lines.append(f"  {_mermaid_name(node.name)}{shapes[node.kind].format(title)}:::{node.kind}")
    lines += [f"  {_mermaid_name(read)} --> {_mermaid_name(reader)}" for read, reader in graph.edges]
    return "\n".join(lines) + "\n"


def _mermaid_name(name: str) -> str:
    # No name of a base begins with an underscore, so that the two cannot meet.
    return f"_{name}" if name in _MERMAID_WORDS else name


def _svg(graph: Requirements) -> str:

    boxes = _laid_out(graph)
    at = {box.node.name: box for box in boxes}
    return (
        environment(printable, markup=True, trailing_newline=False)
        .get_template("graph.svg.j2")
        .render(
            boxes=boxes,
            paths=[at[read].path_to(at[reader]) for read, reader in graph.edges],
            width=max((box.x for box in boxes), default=0) + _WIDTH + 20,
            height=max((box.y for box in boxes), default=0) + _HEIGHT + 20,
            box_width=_WIDTH,
            box_height=_HEIGHT,
        )
    )


def _laid_out(graph: Requirements) -> list[_Box]:
    """A box for each node: what feeds it stands to its left, as few lines crossing as the layout manages."""
    if not graph.nodes:
        return []
    layout = _as_igraph(graph).layout_sugiyama(maxiter=200)
    columns = sorted({round(down) for _, down in layout.coords[: len(graph.nodes)]})
    members: list[list[tuple[float, Node]]] = [[] for _ in columns]
    for (across, down), node in zip(layout.coords, graph.nodes, strict=False):
        members[columns.index(round(down))].append((across, node))
    tallest = max(map(len, members))
    placed: list[_Box] = []
    for column, level in enumerate(members):
        above = (tallest - len(level)) / 2
        for row, (_, node) in enumerate(sorted(level, key=lambda member: member[0])):
            x, y = 20 + column * (_WIDTH + _ACROSS), 20 + (row + above) * (_HEIGHT + _DOWN)
            placed.append(_Box(node, _text_of(node, x, y), x, y))
    return placed


def _text_of(node: Node, x: float, y: float) -> tuple[_Line, ...]:
    """The title on one or two lines, centred in its box."""
    texts = _wrapped(node.title)
    first = y + (21 if len(texts) == 1 else 15)
    return tuple(_Line(text, x + _WIDTH / 2, first + 13 * index) for index, text in enumerate(texts))


def _wrapped(title: str) -> tuple[str, ...]:
    import textwrap

    lines = textwrap.wrap(printable(title), _LONGEST_LINE)
    return tuple(lines[:2]) if len(lines) <= 2 else (lines[0], f"{lines[1][: _LONGEST_LINE - 1]}…")  # noqa: PLR2004
