"""A DMN file as records: decisions with their tables, inputs and types, each knowing its line.

The XML is read by lxml with everything off that a hostile file could use: no document types, no entities, no
network, no huge trees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.dmn.feel import LONGEST_NAME, normalized
from engine.errors import BadInput, Place, Problem
from engine.source import printable, quote, read_bytes, refuse

if TYPE_CHECKING:
    from lxml.etree import _Element

#: A model with its diagrams is larger than a file of rules.
MOST_BYTES = 10_000_000
#: A table of 1,500 rows and 20 columns has a seventh as many elements.
MOST_ELEMENTS = 480_000
#: Characters of all input entries and expressions: a table that holds more makes a larger file of rules than is read.
MOST_CHARACTERS = 1_200_000
#: More decisions than files of a base are read, and more inputs than anybody would answer.
MOST_DECISIONS, MOST_INPUTS = 400, 2_000
#: What holds one constant, which takes little to read.
_CONSTANTS = ("outputEntry", "defaultOutputEntry")
#: Characters of a name that messages show.
LONGEST_SHOWN = 80
#: The attributes that are read, with the characters that each may have: those of a name, or of a word of DMN's own.
_LONGEST_ATTRIBUTES = {
    **dict.fromkeys(("name", "id", "label", "typeRef", "href", "expressionLanguage"), LONGEST_NAME),
    **dict.fromkeys(("hitPolicy", "aggregation"), LONGEST_SHOWN),
}
#: The namespace of each version that is read.
VERSIONS = {
    "http://www.omg.org/spec/DMN/20151101/dmn.xsd": "1.1",
    "http://www.omg.org/spec/DMN/20151101/dmn11.xsd": "1.1",
    "http://www.omg.org/spec/DMN/20180521/MODEL/": "1.2",
    "https://www.omg.org/spec/DMN/20191111/MODEL/": "1.3",
    "https://www.omg.org/spec/DMN/20211108/MODEL/": "1.4",
    "https://www.omg.org/spec/DMN/20230324/MODEL/": "1.5",
}
#: What a model may hold besides, without a say in what its tables decide.
_WITHOUT_A_SAY = frozenset(
    {"association", "decision", "decisionService", "description", "elementCollection", "extensionElements", "group",
     "inputData", "itemDefinition", "knowledgeSource", "organizationUnit", "performanceIndicator", "textAnnotation"}
)  # fmt: skip
_REFUSED = {"import": "an import of another model", "businessKnowledgeModel": "a business knowledge model"}
#: FEEL's types whose values are not taken, however a model writes them.
_UNTAKEN_TYPES = frozenset(
    {"date", "time", "dateTime", "date and time", "dayTimeDuration", "days and time duration", "duration",
     "yearMonthDuration", "years and months duration"}
)  # fmt: skip
#: Types of types that are followed to find out which of FEEL's they are.
_DEEPEST_TYPE = 20
_LOGIC = {
    "literalExpression": "a literal expression",
    "invocation": "an invocation",
    "context": "a boxed context",
    "list": "a boxed list",
    "relation": "a relation",
    "functionDefinition": "a function",
    "conditional": "a boxed conditional",
    "filter": "a boxed filter",
    "for": "a boxed iteration",
    "every": "a boxed iteration",
    "some": "a boxed iteration",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A text of the model with its line."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class ItemType:
    """A type of the model's own."""

    name: str
    base: str | None
    allowed: Written | None
    components: tuple[ItemType, ...]
    collection: bool
    line: int


@dataclass(frozen=True, slots=True)
class InputElement:
    """Input data: a fact; expressions may call it by its name or its variable's."""

    id: str
    name: str
    variable: str
    type: str | None
    description: str | None
    line: int


@dataclass(frozen=True, slots=True)
class InputColumn:
    """One input of a decision table."""

    label: str
    expression: Written
    type: str | None
    allowed: Written | None
    line: int


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """One output of a decision table."""

    name: str | None
    type: str | None
    allowed: Written | None
    default: Written | None
    line: int


@dataclass(frozen=True, slots=True)
class TableRow:
    """One rule of a decision table."""

    inputs: tuple[Written, ...]
    outputs: tuple[Written, ...]
    remark: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """A decision table."""

    policy: str
    aggregation: str | None
    inputs: tuple[InputColumn, ...]
    outputs: tuple[OutputColumn, ...]
    rows: tuple[TableRow, ...]
    line: int


@dataclass(frozen=True, slots=True)
class DecisionElement:
    """A decision with its table.

    Args:
        variable: what expressions call it besides its name.
        requires: the ids of the inputs and decisions it names as its requirements.
    """

    id: str
    name: str
    variable: str
    type: str | None
    description: str | None
    requires: tuple[str, ...]
    table: Table
    line: int


@dataclass(frozen=True, slots=True)
class Model:
    """One DMN file."""

    file: str
    name: str
    version: str
    description: str | None
    types: dict[str, ItemType]
    inputs: tuple[InputElement, ...]
    decisions: tuple[DecisionElement, ...]


def read_model(path: Path | str) -> Model:
    """The model in a file.

    Raises:
        BadInput: the file cannot be read, is no DMN of a version that is taken, or holds elements that are not;
            every problem with its line.
    """
    file = printable(str(path))
    return _Reading(file, _root(read_bytes(path, shown=file, limit_bytes=MOST_BYTES), file)).model()


def _root(content: bytes, file: str) -> _Element:
    from lxml import etree

    _refuse_too_many(_elements_at_most(content), file)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        place = Place(file, error.lineno or None, error.offset or None)
        # What it quotes of the file may be as long as the file.
        reason = re.sub(r"\S+", lambda found: _shown(found[0]), printable(error.msg or "it is empty"))
        refuse([Problem(place, f"not readable as XML: {reason[:1].lower()}{reason[1:]}", hint=_DMN_HINT, code="xml")])
    if root.getroottree().docinfo.internalDTD is not None or root.getroottree().docinfo.doctype:
        message = "declares a document type, which DMN has no use for"
        refuse([Problem(Place(file), message, hint="Delete the <!DOCTYPE …> and the entities it declares", code="xml")])
    # Encodings that are not made of bytes like ASCII's show how many there are only now.
    _refuse_too_many(sum(1 for _ in root.iter("*")), file)
    return root


def _elements_at_most(content: bytes) -> int:
    """How many elements a file holds, those in its comments included, told without reading it as XML."""
    # In two or four bytes a letter, every other one of its bytes is 0.
    plain = content.replace(b"\0", b"") if b"\0" in content else content
    return plain.count(b"<") - plain.count(b"</") - plain.count(b"<!") - plain.count(b"<?")


def _refuse_too_many(count: int, file: str) -> None:
    if count > MOST_ELEMENTS:
        message = f"holds {count:,} elements, and at most {MOST_ELEMENTS:,} are read"
        refuse([Problem(Place(file), message, hint="Check that this is the file you mean", code="xml")])


_DMN_HINT = "A DMN file is XML whose outermost element is <definitions>"


class _Reading:
    """Turns one parsed file into records, collecting every problem."""

    def __init__(self, file: str, root: _Element) -> None:
        self._file = file
        self._root = root
        self._namespace = _namespace(root)
        self._prefix = f"{{{self._namespace}}}" if self._namespace else ""
        self._problems: list[Problem] = []
        self._characters = 0

    def model(self) -> Model:
        version = self._version()
        self._refuse_long_attributes()
        self._refuse_what_has_a_say()
        self._check_language(self._root, "definitions")
        for tag, most in (("decision", MOST_DECISIONS), ("inputData", MOST_INPUTS)):
            count = len(self._all(self._root, tag))
            if count > most:
                self._note(
                    self._root, "definitions", f"holds {count:,} elements <{tag}>; at most {most:,} are taken", None
                )
                refuse(self._problems)
        decisions = [decision for element in self._all(self._root, "decision") if (decision := self._decision(element))]
        if not decisions and not self._problems:
            self._note(self._root, "definitions", "holds no decision", "Only decision tables make a knowledge base")
        types = {kind.name: kind for kind in map(self._type, self._all(self._root, "itemDefinition"))}
        self._check_decision_types(types)
        model = Model(
            self._file,
            self._root.get("name") or Path(self._file).stem,
            version,
            self._text_of(self._root, "description"),
            types,
            tuple(self._input(element) for element in self._all(self._root, "inputData")),
            tuple(decisions),
        )
        if self._characters > MOST_CHARACTERS:
            message = (
                f"holds {self._characters:,} characters of input entries, and at most {MOST_CHARACTERS:,} are read"
            )
            self._note(self._root, "definitions", message, "Make it several models")
        if self._problems:
            refuse(self._problems)
        return model

    def _version(self) -> str:
        tag = _local(self._root)
        if tag != "definitions":
            problem = Problem(
                Place(self._file, self._root.sourceline),
                f"the outermost element is <{_shown(tag)}>, so this is no DMN",
                hint=_DMN_HINT,
                code="xml",
            )
            raise BadInput([problem])
        declared = [self._namespace, *(uri for uri in self._root.nsmap.values() if uri)]
        version = next((VERSIONS[uri] for uri in declared if uri in VERSIONS), None)
        if version is None:
            message = f"the namespace {quote(self._namespace)} is none of DMN 1.1 to 1.5"
            raise BadInput([Problem(Place(self._file, self._root.sourceline), message, "definitions", code="version")])
        return version

    def _refuse_long_attributes(self) -> None:
        """Refuse what is too long before anything is made of it."""
        for element in self._root.iter(f"{self._prefix}*"):
            # Asking for each by its name: lxml lists all attributes of an element in the square of their number.
            for attribute, most in _LONGEST_ATTRIBUTES.items():
                value = element.get(attribute)
                if value is not None and len(value) > most:
                    message = f"its {attribute} has {len(value):,} characters, and at most {most:,} are read"
                    self._note(element, _named(element), message, None)
        if self._problems:
            refuse(self._problems)

    def _refuse_what_has_a_say(self) -> None:
        for element in self._own(self._root):
            tag = _local(element)
            if tag in _WITHOUT_A_SAY:
                continue
            what = _REFUSED.get(tag, f"the element <{_shown(tag)}>")
            self._note(element, _named(element), f"{what} is not taken", "Only decisions with decision tables are")

    # -- decisions ---------------------------------------------------------------------------------

    def _decision(self, element: _Element) -> DecisionElement | None:
        owner = _named(element)
        for required in self._all(element, "knowledgeRequirement"):
            self._note(required, owner, "requires a business knowledge model, which is not taken", None)
        for tag, what in _LOGIC.items():
            for logic in self._all(element, tag):
                hint = "Only decision tables are taken"
                self._note(logic, owner, f"is decided by {what}, which is not taken", hint)
                return None
        table = self._one(element, "decisionTable")
        if table is None:
            self._note(element, owner, "has no decision table", "Only decision tables are taken")
            return None
        variable = self._one(element, "variable")
        return DecisionElement(
            element.get("id") or "",
            _name_of(element),
            _name_of(element if variable is None else variable),
            variable.get("typeRef") if variable is not None else None,
            self._text_of(element, "description"),
            tuple(self._requirements(element)),
            self._table(table, owner),
            _line(element),
        )

    def _requirements(self, element: _Element) -> Iterator[str]:
        for requirement in self._all(element, "informationRequirement"):
            for tag in ("requiredInput", "requiredDecision"):
                for required in self._all(requirement, tag):
                    yield (required.get("href") or "").rpartition("#")[2]

    def _table(self, element: _Element, owner: str) -> Table:
        self._check_language(element, owner)
        inputs = tuple(self._input_column(one, owner) for one in self._all(element, "input"))
        outputs = tuple(self._output_column(one, owner) for one in self._all(element, "output"))
        rows = []
        for number, rule in enumerate(self._all(element, "rule"), 1):
            rows.append(self._row(rule, f"{owner}, rule {number}", len(inputs), len(outputs)))
        if not outputs:
            self._note(element, owner, "has a table without outputs", None)
        return Table(
            element.get("hitPolicy") or "UNIQUE",
            element.get("aggregation"),
            inputs,
            outputs,
            tuple(rows),
            _line(element),
        )

    def _input_column(self, element: _Element, owner: str) -> InputColumn:
        expression = self._one(element, "inputExpression")
        if expression is not None:
            self._check_language(expression, owner)
        written = self._written(expression, owner)
        if written is None:
            label = describe("input", element.get("label") or element.get("id") or "")
            self._note(element, f"{owner}, {label}", "has no input expression", "Name what it tests")
        return InputColumn(
            element.get("label") or "",
            written or Written("", _line(element)),
            expression.get("typeRef") if expression is not None else None,
            self._written(self._one(element, "inputValues"), owner),
            _line(element),
        )

    def _output_column(self, element: _Element, owner: str) -> OutputColumn:
        return OutputColumn(
            element.get("name") or element.get("label"),
            element.get("typeRef"),
            self._written(self._one(element, "outputValues"), owner),
            self._written(self._one(element, "defaultOutputEntry"), owner),
            _line(element),
        )

    def _row(self, element: _Element, owner: str, inputs: int, outputs: int) -> TableRow:
        found = {tag: self._entries(element, tag, owner) for tag in ("inputEntry", "outputEntry")}
        for tag, count in (("inputEntry", inputs), ("outputEntry", outputs)):
            if len(found[tag]) != count:
                message = f"has {len(found[tag])} entries for {count} {tag.removesuffix('Entry')}s"
                self._note(element, owner, message, None)
        remarks = [self._text_of(element, "description")]
        remarks += [self._text_of(one, "text") for one in self._all(element, "annotationEntry")]
        remark = " ".join(text for text in remarks if text)
        return TableRow(found["inputEntry"], found["outputEntry"], remark or None, _line(element))

    def _entries(self, element: _Element, tag: str, owner: str) -> tuple[Written, ...]:
        entries = self._all(element, tag)
        for entry in entries:
            self._check_language(entry, owner)
        return tuple(self._written(entry, owner) or Written("", _line(entry)) for entry in entries)

    # -- inputs and types ----------------------------------------------------------------------------

    def _input(self, element: _Element) -> InputElement:
        variable = self._one(element, "variable")
        return InputElement(
            element.get("id") or "",
            _name_of(element),
            _name_of(element if variable is None else variable),
            variable.get("typeRef") if variable is not None else None,
            self._text_of(element, "description"),
            _line(element),
        )

    def _type(self, element: _Element) -> ItemType:
        base = self._one(element, "typeRef")
        if base is not None:
            self._refuse_within(base, _named(element))
        return ItemType(
            element.get("name") or "",
            normalized(base.text or "") or None if base is not None else None,
            self._allowed(element),
            tuple(self._type(component) for component in self._all(element, "itemComponent")),
            element.get("isCollection") == "true",
            _line(element),
        )

    def _allowed(self, element: _Element) -> Written | None:
        """What a type allows, which DMN 1.5 may say twice."""
        owner = _named(element)
        allowed = self._written(self._one(element, "allowedValues"), owner)
        constraint = self._written(self._one(element, "typeConstraint"), owner)
        if allowed and constraint and normalized(allowed.text) != normalized(constraint.text):
            message = "has a type constraint beside allowed values that differ from it"
            self._note(element, owner, message, "Write what it allows once")
        return allowed or constraint

    def _check_decision_types(self, types: Mapping[str, ItemType]) -> None:
        """Refuse a decision whose values are of a type that is not taken, whatever its outputs say they are."""
        for element in self._all(self._root, "decision"):
            for variable in self._all(element, "variable"):
                kind, depth = _bare(variable.get("typeRef")), 0
                # A type without end is left to whoever reads a value of it.
                while kind in types and depth < _DEEPEST_TYPE:
                    kind, depth = _bare(types[kind].base), depth + 1
                if kind in _UNTAKEN_TYPES:
                    message = f"the type {quote(kind)} is not taken"
                    self._note(variable, _named(element), message, "Taken are strings, numbers and booleans")

    # -- elements ------------------------------------------------------------------------------------

    def _check_language(self, element: _Element, owner: str) -> None:
        language = element.get("expressionLanguage")
        if language and "feel" not in language.lower():
            message = f"is written in {quote(language)}, and only FEEL is taken"
            self._note(element, owner, message, None)

    def _own(self, element: _Element) -> Iterator[_Element]:
        """The children that are DMN's; what others put beside them has no say."""
        return (child for child in element if isinstance(child.tag, str) and _namespace(child) == self._namespace)

    def _all(self, element: _Element, tag: str) -> list[_Element]:
        return list(element.iterchildren(f"{self._prefix}{tag}"))

    def _one(self, element: _Element, tag: str) -> _Element | None:
        found = self._all(element, tag)
        if len(found) > 1:
            self._note(found[1], _named(element), f"holds {len(found)} elements <{tag}>, and only one is taken", None)
        return found[0] if found else None

    def _text_of(self, element: _Element, tag: str) -> str | None:
        child = self._one(element, tag)
        text = "".join(child.itertext(with_tail=False)).strip() if child is not None else ""
        return " ".join(text.split()) or None

    def _written(self, element: _Element | None, owner: str) -> Written | None:
        """The expression in an element's <text>, where there is one."""
        if element is None or (text := self._one(element, "text")) is None:
            return None
        self._refuse_within(text, owner)
        written = Written((text.text or "").strip(), _line(text))
        if not str(element.tag).endswith(_CONSTANTS):
            self._characters += len(written.text)
        return written

    def _refuse_within(self, text: _Element, owner: str) -> None:
        """Refuse elements where only text has a say."""
        for child in text:
            message = f"holds the element <{_shown(_local(child))}> within a text, which is not taken"
            self._note(child, owner, message, "Write the whole of it as text")

    def _note(self, element: _Element, owner: str, message: str, hint: str | None) -> None:
        self._problems.append(Problem(Place(self._file, element.sourceline), message, owner, hint, "not-taken"))


def describe(kind: str, name: str) -> str:
    """An element as messages name it: ``decision 'Approval'``."""
    return f"{kind} '{_shown(name)}'"


def _shown(name: str) -> str:
    return printable(name if len(name) <= LONGEST_SHOWN else f"{name[: LONGEST_SHOWN - 1]}…")


_KINDS = {
    "inputData": "input",
    "businessKnowledgeModel": "business knowledge model",
    "itemDefinition": "type",
    "itemComponent": "component",
}


def _named(element: _Element) -> str:
    tag = _local(element)
    name = element.get("name") or element.get("id") or ""
    return describe(_KINDS.get(tag, _shown(tag)), name) if name else _shown(tag)


def _name_of(element: _Element) -> str:
    return " ".join((element.get("name") or element.get("id") or "").split())


def _bare(kind: str | None) -> str:
    """The name of a type; DMN 1.1 writes feel:number, where later versions write number."""
    return (kind or "").rpartition(":")[2].strip()


def _line(element: _Element) -> int:
    return element.sourceline or 1


def _local(element: _Element) -> str:
    return re.sub(r"^\{[^}]*\}", "", str(element.tag))


def _namespace(element: _Element) -> str:
    found = re.match(r"\{([^}]*)\}", str(element.tag))
    return found[1] if found else ""
