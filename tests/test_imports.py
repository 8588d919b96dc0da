"""Imports point one way: tests → simulations → server, clients → fedmtl, its cli aside."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"fedmtl", "server", "clients", "simulations", "tests"}
ALLOWED = {
    "fedmtl": {"fedmtl"},
    "server": {"server", "fedmtl"},
    "clients": {"clients", "fedmtl"},
    "simulations": {"simulations", "server", "clients", "fedmtl"},
    "tests": OURS,
}


def imports(text):
    """(top-level package, whether it is imported when the module is) of every import but TYPE_CHECKING's."""
    yield from _of(ast.parse(text).body, at_once=True)


def _of(nodes, at_once):
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], at_once) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            yield (node.module or "").split(".")[0], at_once
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from _of(node.orelse, at_once)
        else:
            lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _of(ast.iter_child_nodes(node), at_once and not lazy)


def modules(package):
    found = [path for path in sorted((ROOT / package).rglob("*.py")) if "__pycache__" not in path.parts]
    assert found
    return found


def is_cli(path):
    return path.is_relative_to(ROOT / "fedmtl" / "cli")


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_only_what_lies_below_them(package):
    wrong = [
        (str(path.relative_to(ROOT)), name)
        for path in modules(package)
        if not is_cli(path)
        for name, _ in imports(path.read_text())
        if name in OURS - ALLOWED[package]
    ]
    assert not wrong


def test_the_library_knows_nothing_of_flower():
    wrong = [
        str(path.relative_to(ROOT))
        for path in modules("fedmtl")
        if any(name in ("flwr", "ray") for name, _ in imports(path.read_text()))
    ]
    assert not wrong


def test_the_wire_knows_nothing_of_what_it_carries():
    wrong = [
        (str(path.relative_to(ROOT)), line)
        for path in (ROOT / "fedmtl" / "exchange").rglob("*.py")
        for line in path.read_text().splitlines()
        if line.startswith(("from fedmtl.models", "from fedmtl.privacy.", "from fedmtl.training"))
    ]
    assert not wrong


def test_the_command_line_reaches_up_only_when_a_command_runs():
    reached = set()
    for path in filter(is_cli, modules("fedmtl")):
        for name, at_once in imports(path.read_text()):
            if name in {"server", "clients", "simulations"}:
                assert not at_once, f"{path.relative_to(ROOT)} imports {name} at once"
                reached.add(name)
            assert name not in {"tests", "flwr"}
    assert "simulations" in reached


def test_every_folder_of_tests_is_a_package():
    """Or else tests/server would shadow server."""
    folders = {path.parent for path in modules("tests")}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import server.app", [("server", True)]),
        ("def f():\n  from clients import app", [("clients", False)]),
        ("try:\n  import ray\nexcept ImportError:\n  import x", [("ray", True), ("x", True)]),
        ("class A:\n  def f(self):\n    import x", [("x", False)]),
        ("if TYPE_CHECKING:\n  import x\nelse:\n  import y", [("y", True)]),
        ("f = lambda: __import__", []),
    ],
)
def test_how_imports_are_found(text, found):
    assert list(imports(text)) == found
