from __future__ import annotations

import ast
import itertools
import math
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from engine.case import Case
from engine.costs import working_memory
from engine.errors import BadInput
from engine.language.bounds import FALSE, TRUE, bound_of, compile_bounds
from engine.language.evaluate import Table, Value, compile_plain
from engine.language.generate import Computed, generate_fill, generate_judge
from engine.language.nodes import (
    And,
    Arithmetic,
    Call,
    Comparison,
    Conditional,
    Membership,
    Name,
    Negative,
    Never,
    Node,
    Not,
    Number,
    Or,
    State,
    Text,
    Truth,
    Unknown,
    names_in,
    walk,
)
from engine.language.normal import All, Any, Formula, NamedTruth, Native, alternatives, named_truths, normal_form
from engine.language.parse import DEEPEST_EXPRESSION, LONGEST_EXPRESSION, ExpressionError, parse
from engine.language.possible import Truths, compile_possible, exactly
from engine.language.resolve import resolve
from engine.language.scope import (
    ChoiceType,
    NumberType,
    Scope,
    SetType,
    Symbol,
    TableSignature,
    TruthType,
    Type,
)
from engine.language.units import Units
from tests.reference import Reference
from tests.strategies import CONDITION_FACTS, base, case_of, number, random_condition_cases, random_conditions, table

X, Y, Z = Name("x"), Name("y"), Name("z")
ONE, TWO = Number(1.0), Number(2.0)

# Parsing

SHAPES: dict[str, Node] = {
    # Numbers and words
    "1_000": Number(1_000.0),
    "1_0.5_0": Number(10.5),
    ".5": Number(0.5),
    "5.": Number(5.0),
    "1e-7": Number(1e-7),
    "-1": Number(-1.0),
    "- 1": Number(-1.0),
    "-x": Negative(X),
    "--x": Negative(Negative(X)),
    "never": Never(),
    "unknown": Unknown(),
    "true": Truth(True),
    "True": Truth(True),
    "yes": Truth(True),
    "no": Truth(False),
    "'a word'": Text("a word"),
    '"a word"': Text("a word"),
    "\tx\n": X,
    # Precedence
    "x + y * z": Arithmetic("+", X, Arithmetic("*", Y, Z)),
    "(x + y) * z": Arithmetic("*", Arithmetic("+", X, Y), Z),
    "x - y - z": Arithmetic("-", Arithmetic("-", X, Y), Z),
    "x / y / z": Arithmetic("/", Arithmetic("/", X, Y), Z),
    "-x * y": Arithmetic("*", Negative(X), Y),
    "x - -1": Arithmetic("-", X, Number(-1.0)),
    "x or y and z": Or((X, And((Y, Z)))),
    "(x or y) and z": And((Or((X, Y)), Z)),
    "not x and y": And((Not(X), Y)),
    "not (x and y)": Not(And((X, Y))),
    "not x == 1": Not(Comparison("==", X, ONE)),
    "x + 1 < y * 2": Comparison("<", Arithmetic("+", X, ONE), Arithmetic("*", Y, TWO)),
    "x and y and z": And((X, Y, Z)),
    # Chains
    "1 <= x < 2": And((Comparison("<=", ONE, X), Comparison("<", X, TWO))),
    "x == y == z": And((Comparison("==", X, Y), Comparison("==", Y, Z))),
    # Conditionals
    "1 if x else 2": Conditional(X, ONE, TWO),
    "1 if x else 2 if y else z": Conditional(X, ONE, Conditional(Y, TWO, Z)),
    "1 if x or y else 2 + z": Conditional(Or((X, Y)), ONE, Arithmetic("+", TWO, Z)),
    # Membership and states
    "x in [1, y]": Membership(X, (ONE, Y), negated=False),
    "x in (1, 2)": Membership(X, (ONE, TWO), negated=False),
    "x not in [-1]": Membership(X, (Number(-1.0),), negated=True),
    "not x in [1]": Not(Membership(X, (ONE,), negated=False)),
    "x is unknown": State("x", "unknown", negated=False),
    "x is not measured": State("x", "measured", negated=True),
    "not x is known": Not(State("x", "known", negated=False)),
    "x is known and y": And((State("x", "known", negated=False), Y)),
    # Functions
    "min(x, 1)": Call("min", (X, ONE)),
    "bill_at(x + y)": Call("bill_at", (Arithmetic("+", X, Y),)),
    # Over several lines
    "x >\n  1": Comparison(">", X, ONE),
    "x\n and y\n": And((X, Y)),
}


@pytest.mark.parametrize("text", SHAPES)
def test_expression_when_parsed_has_the_shape_python_gives_it(text: str) -> None:
    assert parse(text) == SHAPES[text]


#: For each text its problem, and where it is.
UNREADABLE = {
    "": ("an empty expression", 0),
    " \n ": ("an empty expression", 0),
    "x y": (r"not readable as an expression \(invalid syntax", 0),
    "x <> 1": (r"not readable as an expression \(invalid syntax\)", 2),
    "x => 1": (r"not readable as an expression \(invalid syntax\)", 2),
    "x ≤ 1": (r"not readable as an expression \(invalid character '≤'", 2),
    "x == 1; y": ("not readable as an expression", 6),
    "x > 'abc": (r"not readable as an expression \(unterminated string literal", 4),
    "x > 1__0": (r"not readable as an expression \(invalid decimal literal\)", 5),
    "x > 10k": (r"not readable as an expression \(invalid decimal literal\)", 5),
    "x > 0777": ("not readable as an expression .leading zeros", 4),
    "x))": (r"not readable as an expression \(unmatched '\)'\)", 1),
    "x = 1": ("not readable as an expression .*'=='", 0),
    "x if y": (r"not readable as an expression \(expected 'else' after 'if' expression\)", 0),
    "x\0": ("not readable as an expression .*null bytes|unreadable characters", 0),
    "\ud800": ("unreadable characters", 0),
    "x && y": ("not readable: write `and` and `or`, not && and ||", 3),
    "x || y": ("not readable: write `and` and `or`, not && and ||", 3),
    "x > 1e400": ("a number too large to compute with", 4),
    "x > " + "9" * 400: ("a number too large to compute with", 4),
    "x > 1j": ("the literal 1j is not part of the language", 4),
    "x > b'1'": ("the literal b'1' is not part of the language", 4),
    "x > None": ("the literal None is not part of the language", 4),
    "x > 50,000": (r"a comma outside `in \[...\]` is not part of the language", 0),
    "x ** 2": (r"an operator other than \+ - \* / is not part of the language", 0),
    "1 + x % 2": (r"an operator other than \+ - \* / is not part of the language", 4),
    "1 + x // 2": (r"an operator other than \+ - \* / is not part of the language", 4),
    "x & y": (r"an operator other than \+ - \* / is not part of the language", 0),
    "y > ~x": ("UnaryOp is not part of the language", 4),
    "y > +x": ("UnaryOp is not part of the language", 4),
    "y > [x]": (r"a list outside `in \[...\]` is not part of the language", 4),
    "y > {x}": ("a set is not part of the language", 4),
    "y > {x: 1}": ("a mapping is not part of the language", 4),
    "y in x": ("`in` needs a list of values", 0),
    "y in []": ("`in` needs a list of values", 0),
    "y in {1}": ("`in` needs a list of values", 0),
    "x > 1 and 1 is known": ("`is` asks for the state of one name", 10),
    "y and x is 3": ("`is` must be followed by a state", 6),
    "x is None": ("`is` must be followed by a state", 0),
    "x is (not known)": ("`is` must be followed by a state", 0),
    "x is unknwon": ("`is` must be followed by a state", 0),
    # What stands outside the text's own parentheses is not inside ours.
    "x > 1) or (y > 2": (r"not readable as an expression \(unmatched '\)'\)", 5),
    "x)(y": (r"not readable as an expression \(unmatched '\)'\)", 1),
    "# nothing": ("an empty expression", 0),
    # Positions count characters of the whole text.
    "x > 1 and\n y.z": ("a dot after a name", 11),
    "'äöü' == x.y": ("a dot after a name", 9),
    "x > 1 and\n y <> 1": ("not readable as an expression", 13),
}


@pytest.mark.parametrize("text", UNREADABLE, ids=lambda text: ascii(text[:40]))
def test_text_outside_the_language_when_parsed_is_refused_with_its_place(text: str) -> None:
    message, column = UNREADABLE[text]
    with pytest.raises(ExpressionError, match=message) as caught:
        parse(text)
    assert caught.value.column == column


HABITS = {
    "x > 10k": "Write 50_000, not 50k",
    "x = 1": "Write == to compare",
    "x => 1": "Write >= or <=",
    "x =< 1": "Write >= or <=",
    "x <> 1": "Write != for unequal",
}


@pytest.mark.parametrize("text", HABITS)
def test_text_written_out_of_another_habit_when_parsed_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.hint == HABITS[text]


HOSTILE = [
    "__import__('os').system('true')",
    "().__class__.__bases__[0].__subclasses__()",
    "x.__class__",
    "x['a']",
    "x[0]",
    "(lambda: 1)()",
    "lambda: 1",
    "[y for y in x]",
    "{y for y in x}",
    "{y: y for y in x}",
    "(y for y in x)",
    "f'{x.y}'",
    "f'{x}'",
    "(x := 1)",
    "x := 1",
    "await x",
    "yield x",
    "yield from x",
    "min(*x)",
    "min(**x)",
    "min(x, default=1)",
    "(min)(x)(y)",
    "(x if y else min)(1)",
    "x @ y",
    "...",
    "import os",
    "x; import os",
    "exec('1')\nx",
    "x = 1",
    "del x",
    "'%s' % x",
    "x) or __import__('os'",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_when_parsed_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.parametrize("text", ["__import__('os') == 1", "open('x') == 1", "eval('1') == 1", "print(1) == 1"])
def test_call_of_a_builtin_when_resolved_is_an_unknown_function(text: str) -> None:
    with pytest.raises(ExpressionError, match="is not a known function or table"):
        resolve(parse(text), SCOPE, expects=TruthType())


DEEP = {
    "10,000 parentheses": "(" * 10_000 + "x" + ")" * 10_000,
    "2,001 characters": "x" * (LONGEST_EXPRESSION + 1),
    "as many parentheses as fit": "(" * 999 + "x" + ")" * 999,
    "brackets that do not close": "[" * 1_999,
    "braces in a formatted string": "f'{" * 600,
    "minus signs": "-" * 1_999 + "x",
    "negations": "not " * 499 + "x",
    "tildes": "~" * 1_999 + "x",
    "a long sum": "x+" * 999 + "x",
    "a long product": "x*" * 999 + "x",
    "conditionals": "x if x else " * 160 + "x",
    "calls": "f(" * 45 + "x" + ")" * 45,
    "a tower of powers": "2**" * 600 + "2",
    "dots": "x" + ".x" * 900,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_long_or_deep_text_when_parsed_is_refused_at_once(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ExpressionError):
        parse(text)
    assert time.perf_counter() - start < 5


def test_text_at_the_limits_when_parsed_is_read() -> None:
    assert parse("x" * LONGEST_EXPRESSION) == Name("x" * LONGEST_EXPRESSION)
    assert parse("(" * DEEPEST_EXPRESSION + "x" + ")" * DEEPEST_EXPRESSION) == X
    deepest = parse("-" * (DEEPEST_EXPRESSION - 1) + "x")
    assert sum(1 for _ in walk(deepest)) == DEEPEST_EXPRESSION
    wide = parse(" and ".join("x" for _ in range(300)))
    assert isinstance(wide, And)
    assert len(wide.parts) == 300


_FRAGMENTS = (
    *("x", "y", "1", "2.5", "(", ")", "[", "]", "{", "}", ",", ":", ".", "'", '"', "#", "\n", " ", "\\", "\t"),
    *("+", "-", "*", "/", "%", "**", "<", "<=", "==", "!=", "=", ":=", "and", "or", "not", "in", "is", "if", "else"),
    *("unknown", "known", "never", "true", "lambda", "for", "await", "f'", "min(", "é", "\0", "\ud800", "🙂", "1e9"),
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(_FRAGMENTS), max_size=25).map(" ".join)))
@example("x) or (y")
@example("\x0cx")
@example("#")
def test_any_text_when_parsed_is_read_or_refused_with_a_place_inside_it(text: str) -> None:
    try:
        node = parse(text)
    except ExpressionError as error:
        columns = [error.column]
    else:
        columns = [part.column for part in walk(node)]
    assert all(0 <= column <= len(text) for column in columns)


@settings(max_examples=100, deadline=None)
@given(random_conditions())
def test_names_when_parsed_know_the_column_they_stand_at(text: str) -> None:
    names = [part for part in walk(parse(text)) if isinstance(part, Name)]
    assert all(text.startswith(name.name, name.column) for name in names)


# Resolving

SCOPE = Scope(
    {
        "cost": Symbol("cost", NumberType("USD"), "fact"),
        "months": Symbol("months", NumberType("month"), "figure"),
        "ready": Symbol("ready", TruthType(), "fact"),
        "kind": Symbol("kind", ChoiceType(("red", "green", "no colour")), "fact"),
        "hue": Symbol("hue", ChoiceType(("red", "blue")), "fact"),
        "verdict": Symbol("verdict", ChoiceType(("red", "stop")), "conclusion"),
        "notes": Symbol("notes", SetType(("a", "b")), "conclusion"),
        "green": Symbol("green", NumberType(None), "amount"),
    },
    {"bill_at": TableSignature("bill_at", "request/month", "USD/month")},
)
KIND = ChoiceType(("red", "green", "no colour"))
TRUTH, NUMBER = TruthType(), NumberType(None)

RESOLVED: dict[str, tuple[Type, Node]] = {
    "a bare word is a choice": (TRUTH, Comparison("==", Name("kind"), Text("red"))),
    "red == kind": (TRUTH, Comparison("==", Text("red"), Name("kind"))),
    "kind == 'no colour'": (TRUTH, Comparison("==", Name("kind"), Text("no colour"))),
    "kind == hue": (TRUTH, Comparison("==", Name("kind"), Name("hue"))),
    "kind == green": (TRUTH, Comparison("==", Name("kind"), Text("green"))),
    "green == 1": (TRUTH, Comparison("==", Name("green"), ONE)),
    "kind in [red, 'green']": (TRUTH, Membership(Name("kind"), (Text("red"), Text("green")), negated=False)),
    "verdict != stop": (TRUTH, Comparison("!=", Name("verdict"), Text("stop"))),
    "cost != never": (TRUTH, Comparison("!=", Name("cost"), Never())),
    "kind is known": (TRUTH, State("kind", "known", negated=False)),
    "ready if cost > 1 else unknown": (
        TRUTH,
        Conditional(Comparison(">", Name("cost"), ONE), Name("ready"), Unknown()),
    ),
    "red if ready else green": (KIND, Conditional(Name("ready"), Text("red"), Text("green"))),
    "first_known(kind, red)": (KIND, Call("first_known", (Name("kind"), Text("red")))),
    "first_known(cost, 1)": (NUMBER, Call("first_known", (Name("cost"), ONE))),
    "bill_at(cost)": (NUMBER, Call("bill_at", (Name("cost"),))),
    "min(cost, 1, months)": (NUMBER, Call("min", (Name("cost"), ONE, Name("months")))),
    "unknown": (NUMBER, Unknown()),
}


@pytest.mark.parametrize("text", RESOLVED)
def test_expression_when_resolved_tells_words_from_names(text: str) -> None:
    expects, node = RESOLVED[text]
    written = "kind == red" if text.startswith("a ") else text
    assert resolve(parse(written), SCOPE, expects=expects) == node


WORDS_OF_A_FUNCTION = [
    "first_known(kind, green) == red",
    "red == first_known(kind, green)",
    "(kind if ready else red) == green",
    "(red if ready else kind) == green",
    "kind == (red if ready else green)",
    "kind == first_known(hue, red)",
    "(kind if ready else hue) == blue",
    "blue == (kind if ready else hue)",
]


@pytest.mark.parametrize("text", WORDS_OF_A_FUNCTION)
def test_bare_word_when_compared_with_something_that_chooses_is_a_choice(text: str) -> None:
    node = resolve(parse(text), SCOPE, expects=TRUTH)
    assert {part.value for part in walk(node) if isinstance(part, Text)} == {"red", "green", "blue"} & set(
        text.replace("(", " ").replace(")", " ").replace(",", " ").split()
    )


#: For each text: its problem, its column, and the hint.
MISTAKES: dict[str, tuple[str, int, str | None]] = {
    # Names
    "coast > 1": ("'coast' is not a known name", 0, "Did you mean 'cost'?"),
    "1 < coast": ("'coast' is not a known name", 4, "Did you mean 'cost'?"),
    "zebra > 1": ("'zebra' is not a known name", 0, None),
    "coast is unknown": ("'coast' is not a known name", 0, "Did you mean 'cost'?"),
    "bil_at(cost) > 1": ("'bil_at' is not a known function or table", 0, "Did you mean 'bill_at'?"),
    "bill_at > 1": ("'bill_at' is not a known name", 0, None),
    "cost(1) > 1": ("'cost' is not a known function or table", 0, None),
    # Choices
    "kind == rde": ("'rde' is neither a known name nor one of red, green, no colour", 8, "Did you mean 'red'?"),
    "rde == kind": ("'rde' is neither a known name nor one of red, green, no colour", 0, "Did you mean 'red'?"),
    "kind == 'rde'": ("'rde' is not one of red, green, no colour", 8, "Did you mean 'red'?"),
    "'rde' == kind": ("'rde' is not one of red, green, no colour", 0, "Did you mean 'red'?"),
    "kind in [red, 'rde']": ("'rde' is not one of red, green, no colour", 14, "Did you mean 'red'?"),
    "kind == (red if ready else 'rde')": ("'rde' is not one of red, green, no colour", 27, "Did you mean 'red'?"),
    "kind == first_known(hue, 'rde')": ("'rde' is not one of", 25, "Did you mean 'red'?"),
    "kind in [red, hue]": (r"`in \[...\]` takes literal values only", 14, None),
    "kind in [red, 1]": ("cannot compare one of red, green, no colour with a number", 14, None),
    # Types
    "cost": (r"expected a condition \(yes or no\), got a number of USD", 0, None),
    "not cost": (
        r"expected a condition \(yes or no\), got a number of USD",
        4,
        "Compare it with something, e.g. x > 0",
    ),
    "ready and kind": (r"expected a condition \(yes or no\), got one of red, green, no colour", 10, None),
    "cost + ready > 1": (r"expected a number, got a condition \(yes or no\)", 7, None),
    "-kind > 1": ("expected a number, got one of red", 1, None),
    "ready > 1": (r"cannot compare a condition \(yes or no\) with a number", 8, None),
    "cost == true": (r"cannot compare a number of USD with a condition \(yes or no\)", 8, None),
    "kind > red": ("`>` compares numbers, not one of red, green, no colour", 0, "Use == or !="),
    "ready < ready": (r"`<` compares numbers, not a condition \(yes or no\)", 0, "Use == or !="),
    "cost == unknown": ("nothing equals `unknown`", 8, "Write `is unknown`"),
    "unknown != cost": ("nothing equals `unknown`", 0, "Write `is unknown`"),
    "notes == a": ("'a' is not a known name", 9, None),
    "notes != notes": ("'notes' collects several values and cannot be compared", 9, None),
    "cost in [true]": (r"cannot compare a number of USD with a condition \(yes or no\)", 9, None),
    "cost in [never]": (r"`in \[...\]` takes literal values only", 9, None),
    "(cost if ready else kind) == 1": ("both sides of `if` must agree", 1, None),
    "1 < (2 if cost else 3)": (r"expected a condition \(yes or no\), got a number of USD", 10, None),
    "min(cost) > 1": ("min takes 2 to 20 arguments, got 1", 0, None),
    "max(cost, ready) > 1": (r"expected a number, got a condition \(yes or no\)", 10, None),
    "first_known(cost, ready) > 1": ("first_known chooses among values of one type", 0, None),
    "bill_at(cost, 1) > 1": ("the table bill_at takes one quantity, got 2", 0, None),
    "bill_at(kind) > 1": ("expected a number, got one of red", 8, None),
    # States
    "verdict is unknown": (
        "`is unknown` asks about 'verdict', which is only known once rules have fired",
        0,
        "Ask about the facts it depends on",
    ),
    "ready or notes is known": ("asks about 'notes', which is only known once rules have fired", 9, None),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistake_when_resolved_is_told_with_its_place_and_a_way_out(text: str) -> None:
    message, column, hint = MISTAKES[text]
    with pytest.raises(ExpressionError, match=message) as caught:
        resolve(parse(text), SCOPE, expects=TRUTH)
    assert caught.value.column == column
    if hint is not None:
        assert caught.value.hint == hint


UNEXPECTED: list[tuple[str, Type, str]] = [
    ("ready", NUMBER, r"expected a number, got a condition \(yes or no\)"),
    ("kind", NUMBER, "expected a number, got one of red, green, no colour"),
    ("cost", KIND, "expected one of red, green, no colour, got a number of USD"),
    ("hue", KIND, "expected one of red, green, no colour, got one of red, blue"),
    ("blue", KIND, "'blue' is neither a known name nor one of red, green, no colour"),
    ("'blue'", KIND, "blue"),
    ("1", TRUTH, r"expected a condition \(yes or no\), got a number"),
]


@pytest.mark.parametrize(("text", "expects", "message"), UNEXPECTED)
def test_expression_of_another_type_when_resolved_is_refused(text: str, expects: Type, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        resolve(parse(text), SCOPE, expects=expects)


RESERVED = ["true", "no", "never", "unknown", "and", "if", "is", "lambda"]


@pytest.mark.parametrize("name", RESERVED)
def test_fact_named_like_a_word_of_the_language_when_loaded_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match=name):
        base({name: number()})


# Units

UNITS = ("USD", "request", "month", "week", "error")
DERIVED = {"quarter": "3 * month", "year": "12 * month"}
QUANTITIES = {
    "cost": "USD",
    "bill": "USD/month",
    "months": "month",
    "weeks": "week",
    "quarters": "quarter",
    "years": "year",
    "per_year": "1/year",
    "share": "fraction",
    "volume": "request/month",
    "price": "USD/request",
    "plain": "1",
}
UNIT_SCOPE = Scope(
    {
        **{name: Symbol(name, NumberType(unit), "fact") for name, unit in QUANTITIES.items()},
        "ready": Symbol("ready", TruthType(), "fact"),
        "kind": Symbol("kind", ChoiceType(("red", "green")), "fact"),
    },
    {"bill_at": TableSignature("bill_at", "request/month", "USD/month")},
)


@pytest.fixture(scope="module")
def units() -> Units:
    return Units(UNITS, DERIVED)


#: Expressions with the unit they must give; conditions give none.
FITTING: dict[str, str | None] = {
    "months > 3": None,
    "bill * months > cost": None,
    "0 <= cost <= 5": None,
    "share > 0.2": None,
    "share == plain": None,
    "cost in [1, 2]": None,
    "kind == red and ready": None,
    "cost is known": None,
    "cost": "USD",
    "-cost": "USD",
    "0": "USD",
    "2 * 3": "USD",
    "cost + 1": "USD",
    "cost * 2 - cost * share": "USD",
    "price * volume": "USD/month",
    "price * volume * months": "USD",
    "cost / bill": "month",
    "cost / cost": "fraction",
    "1 - share": "fraction",
    "1 / months": "1/month",
    "per_year * years": "1",
    "never if ready else cost / bill": "month",
    "unknown if ready else cost": "USD",
    "max(cost, 5, bill * months)": "USD",
    "first_known(cost, 0)": "USD",
    "bill_at(volume * share)": "USD/month",
    "bill_at(100_000)": "USD/month",
}


@pytest.mark.parametrize("text", FITTING)
def test_quantities_that_fit_when_checked_pass(units: Units, text: str) -> None:
    unit = FITTING[text]
    node = resolve(parse(text), UNIT_SCOPE, expects=TRUTH if unit is None else NUMBER)
    units.check(node, UNIT_SCOPE, expects=unit)


#: Expressions with the unit expected of them, the problem and its column.
MISFITS: dict[str, tuple[str | None, str, int]] = {
    "months > weeks": (None, "cannot compare month and week", 0),
    "months > quarters": (None, "cannot compare month and quarter", 0),
    "years == months": (None, "cannot compare year and month", 0),
    "cost > bill": (None, "cannot compare USD and USD/month", 0),
    "cost > share": (None, "cannot compare USD and a plain number", 0),
    "0 <= cost <= bill": (None, "cannot compare USD and USD/month", 0),
    "cost + bill > 1": (None, "cannot add USD and USD/month", 0),
    "1 < cost - months": (None, "cannot subtract USD and month", 4),
    "cost / bill > weeks": (None, "cannot compare month and week", 0),
    "cost + bill in [1]": (None, "cannot add USD and USD/month", 0),
    "not (cost > bill)": (None, "cannot compare USD and USD/month", 5),
    "ready or (ready and months < cost)": (None, "cannot compare month and USD", 20),
    "ready == (cost > bill)": (None, "cannot compare USD and USD/month", 10),
    "(cost > bill) if ready else ready": (None, "cannot compare USD and USD/month", 1),
    "cost if ready else bill": ("USD", "cannot choose between USD and USD/month", 0),
    "1 if months > cost else 2": ("USD", "cannot compare month and USD", 5),
    "min(cost, 1, bill)": ("USD", "cannot choose between USD and USD/month", 0),
    "first_known(cost, bill)": ("USD", "cannot choose between USD and USD/month", 0),
    "first_known(unknown, cost) + bill": ("USD", "cannot add USD and USD/month", 0),
    "bill_at(cost)": ("USD/month", "the table bill_at takes request/month, got USD", 0),
    "bill_at(volume) + cost": ("USD", r"cannot add USD/month and USD", 0),
    "price * volume": ("USD", "expected USD, the expression gives USD/month", 0),
    "cost / bill": ("quarter", "expected quarter, the expression gives month", 0),
    "per_year * months": ("fraction", "expected fraction, the expression gives month/year", 0),
    "cost * cost": ("USD", r"expected USD, the expression gives USD\^2", 0),
    "-cost": ("month", "expected month, the expression gives USD", 0),
}


@pytest.mark.parametrize("text", MISFITS)
def test_quantities_that_do_not_fit_when_checked_are_told(units: Units, text: str) -> None:
    unit, message, column = MISFITS[text]
    node = resolve(parse(text), UNIT_SCOPE, expects=TRUTH if unit is None else NUMBER)
    with pytest.raises(ExpressionError, match=message) as caught:
        units.check(node, UNIT_SCOPE, expects=unit)
    assert caught.value.column == column


@pytest.mark.parametrize(
    "text", ["mnth", "usd", "USD/mnth", "kUSD", "USD/", "3 month", "meter", "%", "1/0", "__class__"]
)
def test_unit_that_the_base_does_not_define_when_parsed_is_refused(units: Units, text: str) -> None:
    with pytest.raises(ValueError, match=r"is not defined in knowledge\.yaml"):
        units.parse(text)


BROKEN_UNITS: dict[str, tuple[tuple[str, ...], dict[str, str], str]] = {
    "a unit with a space": (("US D",), {}, "US D"),
    "a unit that is a number": (("1",), {}, "1"),
    "a definition by an unknown unit": (("month",), {"quarter": "3 * mnth"}, "quarter"),
    "a definition by itself": (("month",), {"quarter": "3 * quarter"}, "quarter"),
    "a definition in a circle": (("month",), {"a": "2 * b", "b": "2 * a"}, "a"),
}


@pytest.mark.parametrize(("names", "derived", "wrong"), BROKEN_UNITS.values(), ids=BROKEN_UNITS)
def test_units_that_cannot_be_defined_when_used_are_refused_by_name(
    names: tuple[str, ...], derived: dict[str, str], wrong: str
) -> None:
    with pytest.raises(ValueError, match=wrong):
        Units(names, derived).parse(wrong)


# Evaluating

KNOWN: Mapping[str, Value] = {"x": 3.0, "y": 4.0, "t": True, "f": False, "kind": "red", "u": None, "v": None, "w": None}
TYPES: Mapping[str, Type] = {
    **dict.fromkeys(("x", "y", "u"), NumberType("fraction")),
    **dict.fromkeys(("t", "f", "v"), TruthType()),
    **dict.fromkeys(("kind", "w"), ChoiceType(("red", "green"))),
}
VALUE_SCOPE = Scope(
    {name: Symbol(name, kind, "fact") for name, kind in TYPES.items()},
    {"at": TableSignature("at", "fraction", "fraction"), "up": TableSignature("up", "fraction", "fraction")},
)
TABLES = {
    "at": Table((1.0, 3.0), (10.0, 20.0), below_proportional=False, above_proportional=False),
    "up": Table((1.0, 3.0), (10.0, 0.0), below_proportional=True, above_proportional=True),
}
INFINITY = math.inf


def value_of(text: str, expects: Type, origins: Mapping[str, str] | None = None) -> Value:
    return compile_plain(resolve(parse(text), VALUE_SCOPE, expects=expects), TABLES)(KNOWN, origins or {})


NUMBERS: dict[str, float | None] = {
    "x + y * 2": 11.0,
    "(x + y) * 2": 14.0,
    "x - y - 1": -2.0,
    "x / y": 0.75,
    "-x + 1": -2.0,
    "x + u": None,
    "u * 0": None,
    "0 / u": None,
    "-u": None,
    "x / 0": None,
    "0 / 0": None,
    "x / (y - 4)": None,
    "never": INFINITY,
    "never + 1": INFINITY,
    "1 / never": 0.0,
    "never - never": None,
    "never * 0": None,
    "never / never": None,
    "0 - never": -INFINITY,
    "1e300 * 1e300": INFINITY,
    "min(x, y)": 3.0,
    "max(x, y, 2)": 4.0,
    "min(x, u)": None,
    "max(never, x)": INFINITY,
    "first_known(u, x)": 3.0,
    "first_known(u, u)": None,
    "first_known(x / 0, y, x)": 4.0,
    "first_known(unknown, 1)": 1.0,
    "x if t else y": 3.0,
    "x if f else y": 4.0,
    "x if v else y": None,
    "x if v else 3": 3.0,
    "u if t else x": None,
    "u if f else x": 3.0,
    "u if v else u": None,
    "x if u > 1 else x": 3.0,
    "at(0)": 10.0,
    "at(1)": 10.0,
    "at(2)": 15.0,
    "at(3)": 20.0,
    "at(99)": 20.0,
    "at(u)": None,
    "at(never)": 20.0,
    "up(0.5)": 5.0,
    "up(0)": 0.0,
    "up(6)": 0.0,
    "up(never)": None,
    "up(0 - never)": -INFINITY,
}


@pytest.mark.parametrize("text", NUMBERS)
def test_number_when_evaluated_is_as_defined_and_unknown_spreads(text: str) -> None:
    assert value_of(text, NUMBER) == NUMBERS[text]


TRUTHS: dict[str, bool | None] = {
    "x < y": True,
    "x >= y": False,
    "x < u": None,
    "u == u": None,
    "x == 3": True,
    "x != 3": False,
    "x < never": True,
    "never == never": True,
    "never > 1e308": True,
    "1 <= x <= 3": True,
    "1 <= x < 3": False,
    "1 <= u < 0": None,
    "5 <= x < u": False,
    "kind == red": True,
    "kind != red": False,
    "w == red": None,
    "kind == w": None,
    "kind in [red, green]": True,
    "kind not in [red]": False,
    "w in [red, green]": None,
    "x in [1, 3]": True,
    "x not in [1, 2]": True,
    "u in [1]": None,
    "t == true": True,
    "t != f": True,
    "v == true": None,
    "u is unknown": True,
    "x is unknown": True,
    "not (u is unknown)": False,
    "t if x < y else f": True,
    "t if v else true": True,
    "f if v else t": None,
    "x / 0 > 1": None,
    "unknown or t": True,
    "unknown and t": None,
}


@pytest.mark.parametrize("text", TRUTHS)
def test_truth_when_evaluated_is_as_defined_and_unknown_spreads(text: str) -> None:
    assert value_of(text, TRUTH) is TRUTHS[text]


T, F, U = True, False, None
NOT = [(T, F), (F, T), (U, U)]
AND = [(T, T, T), (T, F, F), (T, U, U), (F, T, F), (F, F, F), (F, U, F), (U, T, U), (U, F, F), (U, U, U)]
OR = [(T, T, T), (T, F, T), (T, U, T), (F, T, T), (F, F, F), (F, U, U), (U, T, T), (U, F, U), (U, U, U)]
WRITTEN = {T: "t", F: "f", U: "v"}


@pytest.mark.parametrize(("one", "expected"), NOT)
def test_not_when_evaluated_follows_kleene(one: bool | None, expected: bool | None) -> None:
    assert value_of(f"not {WRITTEN[one]}", TRUTH) is expected


@pytest.mark.parametrize(("operator", "rows"), [("and", AND), ("or", OR)])
def test_and_and_or_when_evaluated_follow_kleene(operator: str, rows: list[tuple[bool | None, ...]]) -> None:
    for one, other, expected in rows:
        assert value_of(f"{WRITTEN[one]} {operator} {WRITTEN[other]}", TRUTH) is expected
    for parts in itertools.product((T, F, U), repeat=3):
        decisive = operator == "or"
        expected = decisive if decisive in parts else None if None in parts else not decisive
        assert value_of(f" {operator} ".join(WRITTEN[part] for part in parts), TRUTH) is expected


STATES: dict[str, set[str | None]] = {
    "unknown": {None},
    "known": {"answered", "measured", "supposed", "assumed", "computed"},
    "given": {"answered", "measured", "supposed"},
    "answered": {"answered"},
    "measured": {"measured"},
    "assumed": {"supposed", "assumed"},
    "computed": {"computed"},
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("origin", [None, "answered", "measured", "supposed", "assumed", "computed"])
def test_state_when_asked_tells_where_a_value_came_from(state: str, origin: str | None) -> None:
    origins = {} if origin is None else {"x": origin}
    assert value_of(f"x is {state}", TRUTH, origins) is (origin in STATES[state])
    assert value_of(f"x is not {state}", TRUTH, origins) is (origin not in STATES[state])


# Against Python, and against the reference

CONDITIONS = base(CONDITION_FACTS, tables={"at": table((1.0, 10.0), (3.0, 20.0), (8.0, 0.0))})


def resolved(text: str) -> Node:
    return resolve(parse(text), CONDITIONS.scope, expects=TRUTH)


def evaluated(node: Node, case: Case) -> Value:
    memory = working_memory(CONDITIONS, case)
    return compile_plain(node, CONDITIONS.tables)(memory.values, memory.origins)


class _Rounding(ast.NodeTransformer):
    """Has Python round what it compares where a side computes; a chain becomes one comparison after another."""

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        computing = [computes(side) for side in (node.left, *node.comparators)]
        self.generic_visit(node)
        found: list[ast.expr] = []
        for index, (operator, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
            pair = [node.comparators[index - 1] if index else node.left, right]
            if any(computing[index : index + 2]):
                pair = [self.rounded(side) for side in pair]
            found.append(ast.Compare(pair[0], [operator], [pair[1]]))
        return ast.BoolOp(ast.And(), found) if len(found) > 1 else found[0]

    def rounded(self, side: ast.expr) -> ast.expr:
        if isinstance(side, ast.List):
            return ast.List([self.rounded(option) for option in side.elts], side.ctx)
        return ast.Call(ast.Name("rounded", ast.Load()), [side], [])


def computes(side: ast.expr) -> bool:
    """Whether Python computes the number, and does not only look it up or choose it."""
    match side:
        case ast.BinOp():
            return True
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return computes(operand)
        case ast.IfExp(body=body, orelse=orelse):
            return computes(body) or computes(orelse)
        case ast.Call(func=ast.Name(id=function), args=arguments):
            return function == "at" or any(map(computes, arguments))
    return False


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_conditions(states=False), random_condition_cases(unknown=False))
def test_condition_when_all_is_known_is_what_python_makes_of_its_text(text: str, case: Case) -> None:
    assume("unknown" not in text)
    found = evaluated(resolved(text), case)
    names: dict[str, object] = {name: fact.value for name, fact in case.given.items()}
    names |= {"never": math.inf, "true": True, "false": False, "min": min, "max": max, "at": CONDITIONS.tables["at"]}
    names["first_known"] = lambda first, _second: first
    names["rounded"] = lambda value: float(f"{value:.12g}") if isinstance(value, float) else value
    tree = ast.fix_missing_locations(_Rounding().visit(ast.parse(text, mode="eval")))
    try:
        expected = eval(compile(tree, "<text>", "eval"), {"__builtins__": {}}, names)  # noqa: S307 - the test wrote it
    except ZeroDivisionError:
        return
    # Where Python computes with not-a-number the language says unknown.
    assert found is None or found is expected


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_conditions(), random_condition_cases())
def test_condition_when_anything_may_be_unknown_is_what_the_reference_makes_of_it(text: str, case: Case) -> None:
    node = resolved(text)
    assert evaluated(node, case) is Reference(CONDITIONS, case).evaluate(node)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_conditions(states=False), random_condition_cases(), random_condition_cases(unknown=False))
def test_condition_when_something_unknown_becomes_known_never_changes_its_answer(
    text: str, case: Case, answers: Case
) -> None:
    assume("first_known" not in text)
    node = resolved(text)
    before = evaluated(node, case)
    known = {name: fact for name, fact in case.given.items() if fact.value is not None}
    filled = Case("filled", {**answers.given, **known})
    assert before is None or evaluated(node, filled) is before


# Rounding


def judgements(text: str, case: Case) -> dict[str, object]:
    """What every way of evaluating makes of a condition in which nothing is unknown."""
    node, memory, tables = resolved(text), working_memory(CONDITIONS, case), CONDITIONS.tables
    known = {name: value for name, value in memory.values.items() if value is not None}
    came_from = {name: frozenset[str | None]({origin}) for name, origin in memory.origins.items()}
    possible = compile_possible(node, tables)({name: exactly(value) for name, value in known.items()}, came_from)
    bound = compile_bounds(node, tables)({name: bound_of(value, 0) for name, value in known.items()}, came_from)
    return {
        "plain": evaluated(node, case),
        "generated": judged(text, case),
        "reference": Reference(CONDITIONS, case).evaluate(node),
        "possible": {Truths(true=True, false=False): True, Truths(true=False, false=True): False}.get(possible),  # type: ignore[arg-type]
        "bounds": {TRUE: True, FALSE: False}.get(bound),  # type: ignore[arg-type]
    }


#: Conditions that the noise of counting in twos would decide wrongly, and what tells apart by the 11th digit all the
#: same; each with what is known and the answer that decimals give.
COMPUTED_INSIDE: list[tuple[str, dict[str, Value], bool]] = [
    ("n0 + 0.2 <= 0.3", {"n0": 0.1}, True),
    ("n0 + 0.2 > 0.3", {"n0": 0.1}, False),
    ("0.3 >= n0 + 0.2", {"n0": 0.1}, True),
    ("n0 + 0.2 == n1", {"n0": 0.1, "n1": 0.3}, True),
    ("n0 + 0.2 != 0.3", {"n0": 0.1}, False),
    ("n0 - 0.2 >= 0.1", {"n0": 0.3}, True),
    ("n0 * 1.1 <= 3.3", {"n0": 3.0}, True),
    ("n0 * 1.1 < 3.3", {"n0": 3.0}, False),
    ("n0 / 3 * 3 == n0", {"n0": 0.21}, True),
    ("n0 / 49 * 49 == n0", {"n0": 1.0}, True),
    ("n0 / 3 * 3 == n0", {"n0": 0.847134765826215}, True),
    ("n0 + 0 <= n0", {"n0": 0.3333333333336}, True),
    ("n0 <= 0.1 + 0.2", {"n0": 0.3}, True),
    ("n0 >= 0.1 + 0.2", {"n0": 0.3}, True),
    ("n0 + 0.2 <= n1 * 1.1", {"n0": 3.1, "n1": 3.0}, True),
    ("0 < n0 + 0.2 <= 0.3", {"n0": 0.1}, True),
    ("0.3 < n0 + 0.2 < 1", {"n0": 0.1}, False),
    ("n0 <= n0 + 0 <= n1 * 1.1 <= 3.3", {"n0": 0.1, "n1": 3.0}, True),
    ("n0 + 0.2 in [0.1, 0.3]", {"n0": 0.1}, True),
    ("n0 + 0.2 not in [0.1, 0.3]", {"n0": 0.1}, False),
    ("min(n0 + 0.2, 5) <= 0.3", {"n0": 0.1}, True),
    ("max(n1, n0 + 0.2) <= 0.3", {"n0": 0.1, "n1": 0.0}, True),
    ("first_known(n1 / 0, n0 + 0.2) == 0.3", {"n0": 0.1, "n1": 0.0}, True),
    ("-(n0 + 0.2) >= -0.3", {"n0": 0.1}, True),
    ("(n0 + 0.2 if t0 else 5) <= 0.3", {"n0": 0.1, "t0": True}, True),
    ("(1 if n0 + 0.2 > 0.3 else 2) == 2", {"n0": 0.1}, True),
    ("(n0 + 0.2 > 0.3) == t0", {"n0": 0.1, "t0": False}, True),
    ("at(n0) <= 15.6", {"n0": 2.12}, True),
    ("-at(n0) in [-15.6]", {"n0": 2.12}, True),
    ("n0 * 1e9 <= 1_070_000_000", {"n0": 1.07}, True),
    ("n0 * never > 1", {"n0": 0.1}, True),
    # The 11th digit tells apart, and so does the 12th.
    ("n0 + 0.2 <= 0.29999999999", {"n0": 0.1}, False),
    ("n0 + 0.2 <= 0.299999999999", {"n0": 0.1}, False),
    ("n0 + 0.2 < 0.30000000001", {"n0": 0.1}, True),
    ("n0 + 0.2 == 0.3", {"n0": 0.10000000001}, False),
    ("n0 * 1.1 <= 3.2999999999", {"n0": 3.0}, False),
    ("n0 * 1.1 <= 3.3", {"n0": 3.0000000001}, False),
    ("n0 / 3 * 3 == n1", {"n0": 0.21, "n1": 0.21000000001}, False),
    ("0.30000000001 <= n0 + 0.2 <= 1", {"n0": 0.1}, False),
    ("n0 + 0.2 in [0.29999999999, 0.30000000001]", {"n0": 0.1}, False),
    ("n0 + 0.2 not in [0.29999999999]", {"n0": 0.1}, True),
    ("min(n0 + 0.2, 5) <= 0.29999999999", {"n0": 0.1}, False),
    ("n0 * 1e9 <= 1_069_999_999.9", {"n0": 1.07}, False),
    # What is only looked up or chosen is compared as it is.
    ("n0 <= 0.3", {"n0": 0.1 + 0.2}, False),
    ("-n0 >= -0.3", {"n0": 0.1 + 0.2}, False),
    ("n0 == n1", {"n0": 0.1 + 0.2, "n1": 0.3}, False),
    ("n0 in [0.3]", {"n0": 0.1 + 0.2}, False),
    ("min(n0, 5) <= 0.3", {"n0": 0.1 + 0.2}, False),
    ("(n0 if n1 + 1 > 0 else 5) <= 0.3", {"n0": 0.1 + 0.2, "n1": 1.0}, False),
    ("first_known(n0, 1) == 0.3", {"n0": 0.1 + 0.2}, False),
]


@pytest.mark.parametrize(("text", "known", "expected"), COMPUTED_INSIDE)
def test_comparison_when_a_side_is_computed_is_decided_by_decimals_however_it_is_evaluated(
    text: str, known: dict[str, Value], expected: bool
) -> None:
    found = judgements(text, case_of(**known))
    assert found == dict.fromkeys(found, expected)


@pytest.mark.parametrize(("text", "known", "expected"), COMPUTED_INSIDE)
def test_comparison_when_it_stands_in_a_figure_is_decided_as_in_a_condition(
    text: str, known: dict[str, Value], expected: bool
) -> None:
    tables = {"at": table((1.0, 10.0), (3.0, 20.0), (8.0, 0.0))}
    knowledge = base(CONDITION_FACTS, figures={"a": f"1 if {text} else 2"}, tables=tables)
    quantity = knowledge.quantities["a"]
    plain = working_memory(knowledge, case_of(**known))
    values: dict[str, Value] = {**plain.values, "a": None}
    generate_fill([Computed("a", quantity.formula, quantity.evaluate, "computed", tidied=True)], knowledge.tables)(
        values, dict(plain.origins)
    )
    assert plain.values["a"] == values["a"] == (1.0 if expected else 2.0)


# Generated functions


def judged(text: str, case: Case) -> bool | None:
    """The truth of a condition by a generated function."""
    memory = working_memory(CONDITIONS, case)
    (truth,) = generate_judge([resolved(text)], CONDITIONS.tables)(memory.values, memory.origins)
    return truth


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(random_conditions(), min_size=1, max_size=4), st.lists(random_condition_cases(), min_size=3, max_size=3)
)
def test_generated_judge_when_it_takes_over_agrees_with_the_plain_functions(
    texts: list[str], cases: list[Case]
) -> None:
    nodes = [resolved(text) for text in texts]
    judge = generate_judge(nodes, CONDITIONS.tables)
    for case in cases:
        memory = working_memory(CONDITIONS, case)
        assert judge(memory.values, memory.origins) == tuple(evaluated(node, case) for node in nodes)


ASKED_INSIDE = [
    "not (n0 is known)",
    "not (n0 is not known)",
    "(n0 is known) == t0",
    "t0 != (n0 is measured)",
    "(n0 is known) == (n1 is known)",
    "(t0 if n0 is known else t1) == true",
    "(n0 is known) in [true]",
    "first_known(n0 is known, t0)",
    "n0 is known and not (n1 is known or t0)",
]


@pytest.mark.parametrize("text", ASKED_INSIDE)
def test_generated_judge_when_a_state_is_asked_inside_agrees_with_the_plain_functions(text: str) -> None:
    for n0, n1, t0 in itertools.product((None, 1.0), (None, 1.0), (None, True, False)):
        case = case_of(n0=n0, n1=n1, t0=t0)
        assert judged(text, case) is evaluated(resolved(text), case)


NESTED = {
    "sums": ("n0 + (", ")", "n0", " > 1"),
    "quotients": ("n1 / (", ")", "n0", " > 1"),
    "minus signs": ("-(", ")", "n0", " < 1"),
    "negations": ("not (", ")", "t0", ""),
    "ands and ors": ("t0 and (t1 or (", "))", "n0 > 1", ""),
    "conditionals in the test": ("1 if t0 == (1 == (", ")) else 2", "1", " == 1"),
    "conditionals in the end": ("n0 if t0 else (", ")", "n1", " > 1"),
    "minima": ("min(1, ", ")", "n0", " < 1"),
    "fallbacks": ("first_known(n0, ", ")", "n1", " < 1"),
    "tables": ("at(", ")", "n0", " > 1"),
    "comparisons": ("t0 == (", ")", "t1", ""),
}


@pytest.mark.parametrize(("opening", "closing", "inside", "end"), NESTED.values(), ids=NESTED)
def test_generated_judge_when_nested_as_deep_as_can_be_agrees_with_the_plain_functions(
    opening: str, closing: str, inside: str, end: str
) -> None:
    deepest = 1
    for depth in range(1, DEEPEST_EXPRESSION + 1):
        with suppress(ExpressionError):
            parse(f"({opening * depth}{inside}{closing * depth}){end}")
            deepest = depth
    assert deepest >= DEEPEST_EXPRESSION // 3 - 1
    text = f"({opening * deepest}{inside}{closing * deepest}){end}"
    for n0, n1, t0 in itertools.product((None, 0.5, 9.0), (None, 3.0), (None, True, False)):
        case = case_of(n0=n0, n1=n1, t0=t0, t1=t0 is None)
        assert judged(text, case) is evaluated(resolved(text), case)


FILLED = {
    "a figure after another": {"a": "n0 * 2", "b": "a + 1"},
    "a figure that needs rounding": {"a": "n0 + 0.2", "b": "n0 * 1234567.891234"},
    "a large figure": {"a": "n0 * 1e15", "b": "n0 * 1e300 * 1e300"},
    "a tiny figure": {"a": "n0 * 1e-300", "b": "n0 * 5e-324"},
    "never": {"a": "never", "b": "0 - never", "c": "never * n1"},
    "what is divided by nothing": {"a": "n0 / n1", "b": "n1 / (n0 - n0)"},
    "what may be unknown": {"a": "n0 if t0 else n1", "b": "first_known(a, n1, 7)"},
}


@pytest.mark.parametrize("figures", FILLED.values(), ids=FILLED)
def test_generated_figures_when_they_take_over_agree_with_the_plain_functions(figures: dict[str, str]) -> None:
    knowledge = base(CONDITION_FACTS, figures=figures)
    entries = [
        Computed(name, knowledge.quantities[name].formula, knowledge.quantities[name].evaluate, "computed", tidied=True)
        for name in knowledge.order
    ]
    fill = generate_fill(entries, knowledge.tables)
    for n0, n1, t0 in itertools.product((None, 0.1, -7.0, 1e15), (None, 0.0, 3.0), (None, True, False)):
        case = case_of(n0=n0, n1=n1, t0=t0)
        plain = working_memory(knowledge, case)
        values: dict[str, Value] = {**plain.values, **dict.fromkeys(figures)}
        origins = {name: origin for name, origin in plain.origins.items() if name not in figures}
        learned = fill(values, origins)
        assert (values, origins) == (plain.values, plain.origins)
        assert learned == [name for name in knowledge.order if values[name] is not None]


# Normal form


def holds(formula: Formula, reference: Reference) -> bool:
    """Whether a formula is known to hold, its literals read as the inference engine reads them."""
    match formula:
        case Native(name=name, operator=operator, constant=constant):
            value = reference.value(name)
            if value is None:
                return False
            equal, ordered = value == constant, {"<": -1, "<=": -1, ">": 1, ">=": 1}
            if operator in ("==", "!="):
                return equal == (operator == "==")
            assert isinstance(value, float)
            assert isinstance(constant, float)
            return (
                (equal and "=" in operator)
                or (value - constant) * ordered[operator] > 0
                or (not equal and math.isinf(constant) and (constant > 0) == (ordered[operator] < 0))
            )
        case NamedTruth(node=node, holds=wanted):
            return reference.evaluate(node) is wanted
        case All(parts=parts):
            return all(holds(part, reference) for part in parts)
        case Any(parts=parts):
            return any(holds(part, reference) for part in parts)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(random_conditions(), st.lists(random_condition_cases(), min_size=5, max_size=5))
def test_normal_form_of_a_condition_and_of_its_negation_holds_as_kleene_says(text: str, cases: list[Case]) -> None:
    node = resolved(text)
    affirmed, denied = normal_form(node), normal_form(node, holds=False)
    for case in cases:
        reference = Reference(CONDITIONS, case)
        truth = reference.evaluate(node)
        assert holds(affirmed, reference) == (truth is True)
        assert holds(denied, reference) == (truth is False)
        for formula in (affirmed, denied):
            found = alternatives(formula, 50)
            if found is not None:
                assert len(found) <= 50
                assert all(len(set(each)) == len(each) for each in found)
                assert holds(Any(tuple(All(each) for each in found)), reference) == holds(formula, reference)


def native(name: str, operator: str, constant: float | str | bool) -> Native:
    return Native(name, operator, constant)


NORMAL_FORMS: dict[str, tuple[Formula, Formula]] = {
    "n0 < 5": (native("n0", "<", 5.0), native("n0", ">=", 5.0)),
    "5 < n0": (native("n0", ">", 5.0), native("n0", "<=", 5.0)),
    "n0 == never": (native("n0", "==", math.inf), native("n0", "!=", math.inf)),
    "t0": (native("t0", "==", True), native("t0", "==", False)),
    "not t0": (native("t0", "==", False), native("t0", "==", True)),
    "t0 != false": (native("t0", "!=", False), native("t0", "==", False)),
    "c0 == red": (native("c0", "==", "red"), native("c0", "!=", "red")),
    "n0 in [1, 2]": (
        Any((native("n0", "==", 1.0), native("n0", "==", 2.0))),
        All((native("n0", "!=", 1.0), native("n0", "!=", 2.0))),
    ),
    "c0 not in [red]": (All((native("c0", "!=", "red"),)), Any((native("c0", "==", "red"),))),
    "true": (All(()), Any(())),
    "not true": (Any(()), All(())),
    "1 < n0 <= 5": (
        All((native("n0", ">", 1.0), native("n0", "<=", 5.0))),
        Any((native("n0", "<=", 1.0), native("n0", ">", 5.0))),
    ),
    "t0 and (t1 and n0 > 1)": (
        All((native("t0", "==", True), native("t1", "==", True), native("n0", ">", 1.0))),
        Any((native("t0", "==", False), native("t1", "==", False), native("n0", "<=", 1.0))),
    ),
}


@pytest.mark.parametrize("text", NORMAL_FORMS)
def test_normal_form_when_made_has_native_literals_and_no_negation(text: str) -> None:
    node = resolved(text)
    assert (normal_form(node), normal_form(node, holds=False)) == NORMAL_FORMS[text]


IN_PYTHON = ["n0 < n1", "n0 + 1 < 5", "n0 is known", "t0 if t1 else true", "c0 == c1", "at(n0) > 5", "-n0 < 1"]


@pytest.mark.parametrize("text", IN_PYTHON)
def test_normal_form_of_a_test_that_the_engine_cannot_make_is_a_named_truth(text: str) -> None:
    node = resolved(text)
    assert normal_form(node) == NamedTruth(node, holds=True)
    assert normal_form(Not(node), holds=True) == NamedTruth(node, holds=False)
    assert named_truths(normal_form(resolved(f"t0 or ({text}) and n0 > 1"))) == [node]


def test_alternatives_when_there_are_more_than_wanted_are_not_made() -> None:
    start = time.perf_counter()
    wide = normal_form(resolved(" and ".join(f"(t0 or n0 > {index})" for index in range(60))))
    assert alternatives(wide, 1_000) is None
    assert time.perf_counter() - start < 5


# All together


def test_names_when_gathered_include_those_whose_state_is_asked() -> None:
    assert names_in(resolved("n0 > 1 and (n1 is known or not t0) and at(i0) > 2")) == {"n0", "n1", "t0", "i0"}


def test_condition_when_most_shapes_appear_in_it_is_evaluated_by_the_engine_alike() -> None:
    outcomes = Counter[Value]()
    node = resolved("(n0 < 5 or t0) and not (c0 == red and n1 > n0) and (at(n0) > 12 if t1 else n1 is known)")
    for n0, n1, t0, c0 in itertools.product((None, 2.0, 9.0), (None, 1.0, 9.0), (None, True, False), ("red", "green")):
        case = case_of(n0=n0, n1=n1, t0=t0, c0=c0, t1=None if n1 is None else n1 > 5)
        outcomes[evaluated(node, case)] += 1
        assert evaluated(node, case) is Reference(CONDITIONS, case).evaluate(node)
    assert set(outcomes) == {True, False, None}


def test_parsing_when_repeated_leaves_warnings_and_recursion_limit_alone() -> None:
    limit = sys.getrecursionlimit()
    with pytest.raises(ExpressionError, match="invalid"):
        parse("x == '\\d'")
    assert sys.getrecursionlimit() == limit
