"""The table of what real servers do otherwise, from the tests that are marked as a row of it.

cd tests && python -m deviations > DEVIATIONS.md
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent
TABLE = TESTS / "DEVIATIONS.md"

_HEAD = """\
# What real servers do otherwise

Each row is shown by the test that it names, over a socket where it is about the wire. The table
is made from the marks of the tests: `cd tests && python -m deviations > DEVIATIONS.md`.

| server | what it does | test |
|---|---|---|
"""


@dataclass(frozen=True, order=True)
class Deviation:
    """One row."""

    server: str
    what: str
    test: str


def table() -> str:
    """The whole page, its rows sorted."""
    rows = (f"| {row.server} | {row.what} | `{row.test}` |\n" for row in sorted(found()))
    return _HEAD + "".join(rows)


def found() -> Iterator[Deviation]:
    """Every mark of every test."""
    for file in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{file.relative_to(TESTS).as_posix()}::{node.name}"
                for server, what in _marks(node):
                    yield Deviation(server, what, name)


def _marks(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, str]]:
    for mark in node.decorator_list:
        match mark:
            case ast.Call(
                func=ast.Name(id="deviation") | ast.Attribute(attr="deviation"),
                args=[ast.Constant(value=str(server)), ast.Constant(value=str(what))],
            ):
                yield server, what


if __name__ == "__main__":
    print(table(), end="")
