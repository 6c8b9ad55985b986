"""Proves by reading the imports that what depends on what goes one way."""

from __future__ import annotations

import ast
import graphlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import pytest

import engine

ROOT = Path(__file__).resolve().parent.parent
EVERYTHING = ("cli.py", "engine", "tests", "benchmarks", "docs")
SHIPPED = ("cli.py", "engine")


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name, such as ``engine.errors.Place``; ``lazy`` where a function imports it."""

    name: str
    lazy: bool = False

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]


@dataclass(slots=True)
class _Reader(ast.NodeVisitor):
    package: str
    functions: int = 0
    found: list[Import] = field(default_factory=list)

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [Import(alias.name, self.functions > 0) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        start = self.package.split(".")[: -(node.level - 1) or None] if node.level else []
        origin = ".".join([*start, *filter(None, [node.module])])
        self.found += [Import(f"{origin}.{alias.name}", self.functions > 0) for alias in node.names]

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        self.functions += 1
        self.generic_visit(node)
        self.functions -= 1

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815
    visit_Lambda = visit_FunctionDef  # noqa: N815

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) not in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            self.generic_visit(node)
            return
        for statement in node.orelse:
            self.visit(statement)


def read_imports(source: str, package: str = "engine") -> list[Import]:
    """What a module inside ``package`` imports when it runs; what only type checkers import is left out."""
    reader = _Reader(package)
    reader.visit(ast.parse(source))
    return reader.found


def read_modules(parts: Iterable[str]) -> dict[str, list[Import]]:
    """The imports of each module of the project under these files and folders."""
    paths = [path for part in parts for path in (ROOT / part, *sorted((ROOT / part).rglob("*.py"))) if path.is_file()]
    return dict(map(_read_module, paths))


def _read_module(path: Path) -> tuple[str, list[Import]]:
    *folders, stem = path.relative_to(ROOT).with_suffix("").parts
    package = ".".join(folders)
    module = package if stem == "__init__" else ".".join([*folders, stem])
    return module, read_imports(path.read_text(encoding="utf-8"), package)


def importers(modules: Mapping[str, Iterable[Import]], name: str) -> set[str]:
    """The modules that import ``name`` or anything inside it."""
    return {
        module
        for module, imports in modules.items()
        if any(f"{found.name}.".startswith(f"{name}.") for found in imports)
    }


def cycle_in(modules: Mapping[str, Iterable[Import]]) -> list[str]:
    """A chain of modules that import each other in a circle, or nothing."""
    graph = {
        module: {_home(found.name, modules) for found in imports} & modules.keys() - {module}
        for module, imports in modules.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [str(module) for module in error.args[1]]
    return []


def _home(name: str, modules: Mapping[str, object]) -> str:
    """The module that an imported name lives in; a public name lives where the package loads it from."""
    package, _, rest = name.partition(".")
    if package == "engine" and rest in engine._PUBLIC:
        return engine._PUBLIC[rest]
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


READINGS = {
    "a module": ("import engine.costs", [Import("engine.costs")]),
    "a name": ("from engine.costs import figure", [Import("engine.costs.figure")]),
    "a sibling": ("from . import costs", [Import("engine.costs")]),
    "a name of a sibling": ("from .costs import figure", [Import("engine.costs.figure")]),
    "inside a function": ("def f():\n    import z3", [Import("z3", lazy=True)]),
    "inside a method": ("class C:\n    async def f(self):\n        import z3", [Import("z3", lazy=True)]),
    "after a function": ("def f(): ...\nimport z3", [Import("z3")]),
    "inside a class": ("class C:\n    import z3", [Import("z3")]),
    "for type checkers": ("if TYPE_CHECKING:\n    import z3", []),
    "for everybody but type checkers": ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", [Import("b")]),
    "on a condition": ("if sys.platform:\n    import a", [Import("a")]),
    "where it may be missing": ("try:\n    import a\nexcept ImportError:\n    import b", [Import("a"), Import("b")]),
}


@pytest.mark.parametrize(("source", "expected"), READINGS.values(), ids=READINGS)
def test_imports_of_a_source_when_read_are_named_in_full(source: str, expected: list[Import]) -> None:
    assert read_imports(source) == expected


def test_relative_imports_when_they_climb_start_at_the_outer_package() -> None:
    assert read_imports("from ..errors import Place", "engine.web") == [Import("engine.errors.Place")]


CIRCLES = {
    "two modules": {"a": "import b", "b": "import a"},
    "three modules": {"a": "import b", "b": "import c", "c": "from a import x"},
    "through a function": {"a": "import b", "b": "def f():\n    import a"},
    "through a public name": {"engine.describe": "import engine.costs", "engine.costs": "from engine import decide"},
}


@pytest.mark.parametrize("sources", CIRCLES.values(), ids=CIRCLES)
def test_cycle_when_modules_import_each_other_is_named(sources: dict[str, str]) -> None:
    modules = {module: read_imports(source) for module, source in sources.items()}
    assert set(cycle_in(modules)) == set(sources)


STRAIGHT_LINES = {
    "one way": {"a": "import b", "b": "import c", "c": ""},
    "two ways to one module": {"a": "import b, c", "b": "import c", "c": ""},
    "back for type checkers only": {"a": "import b", "b": "if TYPE_CHECKING:\n    import a"},
    "a package that gathers its modules": {"p": "from p.a import x", "p.a": "from p.b import y", "p.b": ""},
}


@pytest.mark.parametrize("sources", STRAIGHT_LINES.values(), ids=STRAIGHT_LINES)
def test_cycle_when_imports_go_one_way_is_not_found(sources: dict[str, str]) -> None:
    assert cycle_in({module: read_imports(source) for module, source in sources.items()}) == []


def test_importers_when_a_name_only_begins_alike_are_told_apart() -> None:
    modules = {"a": [Import("durable_rules_engine")], "b": [Import("durable.lang.ruleset")]}
    assert importers(modules, "durable") == {"b"}


def test_engine_when_its_imports_are_followed_has_no_cycle() -> None:
    assert cycle_in(read_modules(["engine"])) == []


@pytest.mark.parametrize("outside", ["cli", "tests", "benchmarks", "docs"])
def test_engine_when_its_imports_are_read_knows_nothing_outside_it(outside: str) -> None:
    assert importers(read_modules(["engine"]), outside) == set()


@pytest.mark.parametrize("outside", ["tests", "benchmarks", "docs"])
def test_command_line_when_its_imports_are_read_knows_only_the_engine(outside: str) -> None:
    assert importers(read_modules(["cli.py"]), outside) == set()


def test_web_edge_when_imports_are_read_is_used_by_nothing_else_in_the_engine() -> None:
    users = importers(read_modules(["engine"]), "engine.web")
    assert {module for module in users if not f"{module}.".startswith("engine.web.")} == set()


def test_inference_engine_when_imports_are_read_is_known_to_one_module() -> None:
    assert importers(read_modules(SHIPPED), "durable_rules_engine") == {"engine.inference"}


def test_documented_host_when_imports_are_read_is_used_nowhere() -> None:
    assert importers(read_modules(EVERYTHING), "durable") == set()


def test_prover_when_imports_are_read_is_loaded_only_where_it_proves() -> None:
    eager = [
        module
        for module, imports in read_modules(SHIPPED).items()
        if any(found.package == "z3" and not found.lazy for found in imports)
    ]
    assert eager == []


def _requirements(group: Iterable[str]) -> set[str]:
    """The normalised names of the packages that these requirement lines ask for."""
    return {_normalised(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in group}


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_packages_when_imported_by_what_is_shipped_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    always = _requirements(project["dependencies"])
    sometimes = _requirements(line for group in project["optional-dependencies"].values() for line in group)
    distributions = metadata.packages_distributions()
    known = {"cli", "engine", *sys.stdlib_module_names}
    undeclared = {
        f"{module} imports {found.name}"
        for module, imports in read_modules(SHIPPED).items()
        for found in imports
        if found.package not in known
        and not {_normalised(name) for name in distributions.get(found.package, [found.package])}
        # An optional package must not keep the rest from being imported.
        & (always | sometimes if found.lazy else always)
    }
    assert undeclared == set()


@pytest.mark.parametrize("name", engine.__all__)
def test_public_name_when_used_is_there(name: str) -> None:
    assert getattr(engine, name) is not None


def test_public_names_when_listed_include_all_that_load_lazily() -> None:
    assert set(engine.__all__) == {"__version__", *engine._PUBLIC}


def test_name_that_is_not_public_when_used_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'decides'"):
        _ = engine.decides  # type: ignore[attr-defined]


HELP = """
import json, runpy, sys
sys.argv = ["cli.py", "--help"]
try:
    runpy.run_path("cli.py", run_name="__main__")
except SystemExit as end:
    print(json.dumps([end.code or 0, *sys.modules]), file=sys.stderr)
"""
HEAVY = {
    "durable_rules_engine",
    "engine.declarations",
    "jinja2",
    "matplotlib",
    "numpy",
    "pint",
    "pydantic",
    "rich",
    "z3",
}


def test_help_when_asked_for_loads_nothing_heavy() -> None:
    run = subprocess.run([sys.executable, "-c", HELP], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    status, *loaded = json.loads(run.stderr.splitlines()[-1])
    assert status == 0
    assert "Usage:" in run.stdout
    assert HEAVY.isdisjoint(loaded)


def test_modules_when_looked_up_in_the_table_of_the_architecture_are_all_there() -> None:
    document = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named: set[str] = set()
    for row in re.findall(r"^\| (`.+?) \|", document, re.MULTILINE):
        folder = ""
        for path in re.findall(r"`([\w/]+\.py|[\w/]+/…?)`", row):
            folder = path.rpartition("/")[0] + "/" if "/" in path else folder
            named.add(path if "/" in path else folder + path)
    modules = {str(path.relative_to(ROOT / "engine")) for path in (ROOT / "engine").rglob("*.py")}
    missing = {
        module
        for module in modules
        if Path(module).name != "__init__.py"
        and module not in named
        and not module.startswith(("dmn/", "records/migrations/"))
    }
    assert missing == set()
    assert {name for name in named if name.endswith(".py") and name != "cli.py"} <= modules
