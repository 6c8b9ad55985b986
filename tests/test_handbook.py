"""The whole base as one document: everything is in it, its links lead somewhere, and nothing in it acts."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from engine.catalogue import Entry, catalogue
from engine.handbook import render_handbook
from engine.knowledge import Knowledge, load_knowledge
from tests.cases import ROOT, knowledge
from tests.small_base import small_base

BASES = {"built-in": ROOT / "rules", "second": ROOT / "examples" / "gpu-rent-or-buy" / "rules"}
VOID = ("meta", "br")
Format = Literal["html", "markdown"]
FORMATS: tuple[Format, ...] = ("html", "markdown")


class Page(HTMLParser):
    """What a page holds: its text, tags, ids and links; every tag must be closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attributes}
        self.ids += [value for name, value in attributes if name == "id" and value]
        self.links += [value for name, value in attributes if name == "href" and value]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.words.append(data)


def tokens(document: str) -> Iterator[Token]:
    """Everything a reader of Markdown finds in it."""
    for token in MarkdownIt("commonmark").enable("table").parse(document):
        yield token
        yield from token.children or ()


def read(document: str, document_format: Format) -> tuple[str, list[str], list[str]]:
    """The text that is shown, the anchors and the targets of the links within the document."""
    if document_format == "html":
        page = Page(document)
        return page.text, page.ids, page.links
    found = list(tokens(document))
    shown = [token.content for token in found if token.type in ("text", "code_inline")]
    raw = [token.content for token in found if token.type in ("html_inline", "html_block")]
    assert all(re.fullmatch(r'<a id="[a-z0-9-]+">|</a>', tag) for tag in raw), raw
    anchors = [anchor for tag in raw for anchor in re.findall(r'id="(.+?)"', tag)]
    links = [unquote(str(token.attrs["href"])) for token in found if token.type == "link_open"]
    return " ".join("".join(shown).split()), anchors, links


@lru_cache(maxsize=4)
def document(base: str, document_format: Format) -> str:
    """The document of one of the shipped bases."""
    return render_handbook(known(base), document_format)


@lru_cache(maxsize=2)
def known(base: str) -> Knowledge:
    """One of the shipped bases."""
    return knowledge() if base == "built-in" else load_knowledge(BASES[base])


def everything(base: Knowledge) -> list[Entry]:
    """Each entry of a base."""
    return [one for entries in catalogue(base).values() for one in entries]


@pytest.mark.parametrize("document_format", FORMATS)
@pytest.mark.parametrize("base", BASES)
def test_document_when_read_names_every_entry_with_title_source_and_lines(base: str, document_format: Format) -> None:
    text = re.sub(r"\s+", "", read(document(base, document_format), document_format)[0])
    for entry in everything(known(base)):
        lines = [] if entry.kind == "rule" else entry.lines
        for part in (entry.name, entry.title, entry.source, *lines):
            assert re.sub(r"\s+", "", part) in text, (entry.name, part)
    for table in known(base).decisions.values():
        for row in table.rows:
            assert re.sub(r"\s+", "", row.declaration.because) in text


@pytest.mark.parametrize("document_format", FORMATS)
@pytest.mark.parametrize("base", BASES)
def test_links_of_the_document_when_followed_lead_to_one_place_each(base: str, document_format: Format) -> None:
    _, anchors, links = read(document(base, document_format), document_format)
    assert [anchor for anchor, count in Counter(anchors).items() if count > 1] == []
    assert links
    assert [link for link in links if not link.startswith("#") or link[1:] not in anchors] == []


@pytest.mark.parametrize("document_format", FORMATS)
def test_document_when_browsed_leads_from_what_is_read_to_what_reads_it(document_format: Format) -> None:
    text = document("built-in", document_format)
    reading = [entry for entry in everything(knowledge()) if entry.kind == "figure" and entry.readers]
    assert reading
    _, anchors, links = read(text, document_format)
    assert {f"name-{entry.name.replace('_', '-')}" for entry in reading} <= set(anchors)
    assert {f"#rule-{row.id}" for row in knowledge().decisions["method"].rows} & set(links)


@pytest.mark.parametrize("document_format", FORMATS)
def test_document_when_made_twice_is_the_same(document_format: Format) -> None:
    assert render_handbook(knowledge(), document_format) == document("built-in", document_format)


def test_page_when_opened_runs_nothing_and_loads_nothing() -> None:
    page = Page(document("built-in", "html"))
    assert not page.tags.keys() & {"script", "img", "iframe", "link", "object", "form"}
    assert not [name for name in page.attributes if name.startswith("on") or name == "src"]
    assert "default-src 'none'" in document("built-in", "html")


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[link](javascript:alert(1))",
    "a | b `c` *d* _e_ #f",
    "</style><b>",
    '"><b>',
    "{{ 7 * 7 }}",
    "# heading\n- item\n<b>",
)


@pytest.mark.parametrize("document_format", FORMATS)
@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_a_base_when_hostile_is_shown_as_it_is(tmp_path: Path, text: str, document_format: Format) -> None:
    written = json.dumps(text)
    small_base(tmp_path)
    files = {path.stem: path.read_text("utf-8") for path in tmp_path.glob("*.yaml")}
    plain = load_knowledge(tmp_path)
    files["facts"] = (
        files["facts"].replace("source: test}", f"source: {written}}}").replace("title: distance", f"title: {written}")
    )
    files["transport"] = files["transport"].replace("because: It is dry.", "because: " + written.replace("{{", "{ {"))
    files["transport"] = files["transport"].replace("title: How to get there", f"title: {written}")
    (tmp_path / "hostile").mkdir()
    base = small_base(tmp_path / "hostile", **files)
    shown, anchors, links = read(render_handbook(base, document_format), document_format)
    as_before = read(render_handbook(plain, document_format), document_format)
    assert (sorted(anchors), sorted(links)) == (sorted(as_before[1]), sorted(as_before[2]))
    wanted = " ".join(text.split())
    assert shown.count(wanted) >= 5
    if document_format == "html":
        tags, tags_before = (Page(render_handbook(one, "html")).tags for one in (base, plain))
        assert tags == tags_before


def test_names_when_a_rule_and_a_figure_share_one_have_places_of_their_own(tmp_path: Path) -> None:
    small_base(tmp_path)
    transport = (tmp_path / "transport.yaml").read_text("utf-8").replace("id: near", "id: speed")
    (tmp_path / "tests" / "transport.yaml").write_text("tests: []\n")
    base = small_base(tmp_path, transport=transport, tests_transport="tests: []\n")
    for document_format in FORMATS:
        _, anchors, links = read(render_handbook(base, document_format), document_format)
        assert {"rule-speed", "name-speed"} <= set(anchors)
        assert [link for link in links if link[1:] not in anchors] == []


def test_decision_of_several_outputs_when_grouped_under_a_name_is_explained_once(tmp_path: Path) -> None:
    base = small_base(
        tmp_path,
        trip="""\
            name: trip
            decides: {mode: [slow, fast], cost: [1, 2]}
            title: Trip
            source: test
            hit_policy: first
            rules:
              - {id: trip-slow, when: distance < 1, then: {mode: slow, cost: 1}, because: b, source: test}
              - {id: trip-fast, when: "true", then: {mode: fast, cost: 2}, because: b, source: test}
            """,
        fare="""\
            decides: fare
            values: [dear, cheap]
            title: Fare
            source: test
            hit_policy: first
            rules:
              - {id: dear, when: trip_cost > 1, then: dear, because: b, source: test}
              - {id: cheap, when: trip_mode == slow, then: cheap, because: b, source: test}
            """,
    )
    for document_format in FORMATS:
        shown, anchors, links = read(render_handbook(base, document_format), document_format)
        assert {"name-trip", "name-trip-mode", "name-trip-cost"} <= set(anchors)
        assert [anchor for anchor, count in Counter(anchors).items() if count > 1] == []
        assert [link for link in links if link[1:] not in anchors] == []
        assert "as a value" not in shown
