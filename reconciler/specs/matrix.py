"""The matrix of a video: the combinations of its values, each with keys that stay its own."""

import itertools
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.specs.codes import Code
from reconciler.specs.findings import Findings, Trouble, listed, nearest_fix
from reconciler.specs.places import KeyPath
from reconciler.specs.spec import Spec
from reconciler.specs.variables import text_of

_EXCLUDE, _INCLUDE = "exclude", "include"
_CELLS_MAX = 10_000
_KEY = re.compile(r"[^\[\],\x00-\x1f\x7f]+")

Axes = Mapping[str, list[Any]]


def axes_of(written: Spec) -> Axes:
    """The names of a matrix with their values, as written."""
    matrix = written.table.matrix or {}
    return {name: each for name, each in matrix.items() if name not in (_EXCLUDE, _INCLUDE)}


def cells(written: Spec, findings: Findings) -> Iterable[tuple[str, ...]]:
    """The keys of each cell, in the order in which they are written.

    Without a matrix it is one cell without keys; where the matrix is wrong, which is told, none.
    """
    if written.table.matrix is None:
        return [()]
    raised = findings.raised
    axes = axes_of(written)
    if not axes:
        trouble = Trouble(
            code=Code.MATRIX,
            summary=f"the matrix of `{written.name}` has no axis",
            allowed='names with values, as { city = ["Tokyo", "Paris"] }',
        )
        findings.add(trouble, written.file.document.value_span((*written.path, "matrix")))
        return []
    for name, values in axes.items():
        _check_axis(written, name, values, findings)
    for name in (_EXCLUDE, _INCLUDE):
        for index, entry in enumerate(written.table.matrix.get(name, ())):
            is_whole = name == _INCLUDE
            _check_entry(written, (name, index), entry, axes, findings, is_whole=is_whole)
    if findings.raised != raised or _are_too_many(written, axes, findings):
        return []
    return _combined(written, axes, findings)


def _are_too_many(written: Spec, axes: Axes, findings: Findings) -> bool:
    number = math.prod(len(values) for values in axes.values())
    if number <= _CELLS_MAX:
        return False
    trouble = Trouble(
        code=Code.MATRIX,
        summary=f"the matrix of `{written.name}` makes {number} videos",
        allowed=f"at most {_CELLS_MAX}",
        fix="make it smaller, or write several",
    )
    findings.add(trouble, written.file.document.value_span((*written.path, "matrix")))
    return True


def _combined(written: Spec, axes: Axes, findings: Findings) -> Iterable[tuple[str, ...]]:
    matrix = written.table.matrix or {}
    found = dict.fromkeys(itertools.product(*(map(text_of, axis) for axis in axes.values())))
    for index, entry in enumerate(matrix.get(_EXCLUDE, ())):
        out = {name: text_of(value) for name, value in entry.items()}
        excluded = [cell for cell in found if out.items() <= _named(axes, cell).items()]
        if not excluded:
            _tell(written, (_EXCLUDE, index), "no combination is left to exclude", findings)
        for cell in excluded:
            del found[cell]
    for index, entry in enumerate(matrix.get(_INCLUDE, ())):
        added = tuple(text_of(entry[name]) for name in axes)
        if added in found:
            _tell(written, (_INCLUDE, index), "this combination is there already", findings)
        found[added] = None
    return found


def _named(axes: Axes, cell: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(axes, cell, strict=True))


def _check_axis(written: Spec, name: str, values: list[Any], findings: Findings) -> None:
    seen: set[str] = set()
    for index, value in enumerate(values):
        trouble = _trouble_with_key(value)
        if trouble is None and text_of(value) in seen:
            trouble = f"`{text_of(value)}` stands in it twice"
        if trouble is not None:
            _tell(written, (name, index), trouble, findings)
        else:
            seen.add(text_of(value))


def _check_entry(
    written: Spec,
    path: KeyPath,
    entry: Any,
    axes: Axes,
    findings: Findings,
    *,
    is_whole: bool,
) -> None:
    if not isinstance(entry, dict):
        _tell(written, path, "a combination is a table of axes and values", findings)
        return
    for name, value in entry.items():
        if name not in axes:
            fix = nearest_fix(name, axes)
            _tell(written, (*path, name), f"no axis is named `{name}`", findings, fix=fix)
        elif (trouble := _trouble_with_key(value)) is not None:
            _tell(written, (*path, name), trouble, findings)
    lacking = [name for name in axes if name not in entry]
    if lacking and (is_whole or len(lacking) == len(axes)):
        _tell(written, path, f"it says nothing of {listed(lacking)}", findings)


def _trouble_with_key(value: Any) -> str | None:
    if isinstance(value, list | dict) or not isinstance(value, str | int | float | bool):
        return "a value of a matrix is a text, a number, or true or false"
    if _KEY.fullmatch(text_of(value)) is None:
        return "a value of a matrix is not empty, and holds no `[`, `]`, `,` and control characters"
    return None


def _tell(
    written: Spec, path: KeyPath, summary: str, findings: Findings, *, fix: str | None = None
) -> None:
    trouble = Trouble(
        code=Code.MATRIX, summary=f"the matrix of `{written.name}`: {summary}", fix=fix
    )
    span = written.file.document.value_span((*written.path, "matrix", *path))
    findings.add(trouble, span)
