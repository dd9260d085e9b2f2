"""From one `[video.NAME]` as written to the videos that it declares: matrix cells and takes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import TypeVar

from pydantic import ValidationError

from reconciler.specs.codes import Code
from reconciler.specs.findings import Findings, Trouble
from reconciler.specs.matrix import axes_of, cells
from reconciler.specs.mistakes import form_of
from reconciler.specs.shape import DefaultsTable, VideoTable
from reconciler.specs.spec import Spec
from reconciler.specs.templates import TemplateError, fill, is_template
from reconciler.specs.variables import Cell, UntoldError

_Table = TypeVar("_Table", bound=DefaultsTable)

_WHOLE = "seconds"
_SHOWN_CHARACTERS_MAX = 40
# Filled where it is read, since a mistake in it has a place of its own.
_FILLED_LATER = frozenset({"prompt"})
_WRITTEN = tuple(each.name for each in fields(VideoTable) if each.name not in _FILLED_LATER)
_DEFAULTS = tuple(each.name for each in fields(DefaultsTable))


def expand(written: Spec, findings: Findings) -> Iterator[Spec]:
    """The videos that one table declares, each with its own values, none with a template left.

    What is wrong is told, and what it concerns is left out, or marked as wrong.
    """
    table = written.table
    for keys in cells(written, findings):
        cell = _cell(written, keys, findings)
        if table.takes is None:
            if table.pick is not None:
                _tell(written, "pick", _no_takes(), findings)
            yield cell
            continue
        if table.pick is not None and table.pick > table.takes:
            _tell(written, "pick", _beyond(table.pick, table.takes), findings)
            continue
        if table.pick is not None:
            yield replace(cell, take=table.pick)
        for take in range(1, table.takes + 1):
            yield replace(cell, keys=(*keys, str(take)), take=take, is_published=table.pick is None)


def _tell(written: Spec, key: str, trouble: Trouble, findings: Findings) -> None:
    findings.add(trouble, written.file.document.value_span((*written.path, key)))


def _no_takes() -> Trouble:
    return Trouble(
        code=Code.PICK, summary="`pick` picks one of several takes", fix="add takes, or remove it"
    )


def _beyond(pick: int, takes: int) -> Trouble:
    return Trouble(
        code=Code.PICK,
        summary=f"`pick` is {pick}, and there are {takes} takes",
        allowed=f"1 to {takes}",
        fix="pick one that there is, or make more",
    )


def _cell(written: Spec, keys: tuple[str, ...], findings: Findings) -> Spec:
    """A spec of its own for one cell, its templates filled."""
    cell = Cell(dict(zip(axes_of(written), keys, strict=True)), written.file.variables)
    filling = _Filling(written, cell, findings)
    table = filling.of(written.table, _WRITTEN)
    defaults = written.defaults
    if written.file.has_templates:
        defaults = filling.of(defaults, _DEFAULTS)
    wrong = written.wrong | filling.wrong
    return replace(written, table=table, defaults=defaults, keys=keys, variables=cell, wrong=wrong)


class _Filling:
    """Fills the templates of one cell, and tells what is wrong with them."""

    def __init__(self, written: Spec, cell: Cell, findings: Findings) -> None:
        self.wrong: frozenset[str] = frozenset()  # keys that could not be filled
        self._written = written
        self._cell = cell
        self._findings = findings

    def of(self, table: _Table, keys: Sequence[str]) -> _Table:
        """The table with every template filled; itself where there is none."""
        filled: dict[str, object] = {}
        for key in keys:
            value = getattr(table, key)
            if is_template(value):
                text = self._text(value, key)
                filled[key] = self._whole(text, key) if key == _WHOLE else text
            elif isinstance(value, list) and any(map(is_template, value)):
                filled[key] = [self._text(each, key) for each in value]
            elif isinstance(value, dict) and any(map(is_template, value.values())):
                filled[key] = {
                    name: self._text(each, key) if is_template(each) else each
                    for name, each in value.items()
                }
        return self._with(table, filled) if filled else table

    def _with(self, table: _Table, filled: Mapping[str, object]) -> _Table:
        """The table with these values; what cannot be one is told, and left as it was written."""
        try:
            return replace(table, **filled)  # type: ignore[arg-type] # keys are fields of it
        except ValidationError as error:
            told = {str(each["loc"][0]): each["input"] for each in error.errors(include_url=False)}
        for key, value in told.items():
            text = str(value)
            shown = (
                text if len(text) <= _SHOWN_CHARACTERS_MAX else f"{text[:_SHOWN_CHARACTERS_MAX]}…"
            )
            trouble = Trouble(
                code=Code.BAD_VALUE,
                summary=f"`{key}` comes to `{shown}`, which is not of the right form",
                allowed=form_of(key),
            )
            self._findings.add(trouble, self._written.value_span(key))
        self.wrong |= told.keys()
        return self._with(table, {key: filled[key] for key in filled.keys() - told.keys()})

    def _text(self, text: str, key: str) -> str:
        try:
            return fill(text, self._cell.value_of)
        except TemplateError as error:
            self.wrong |= {key}
            if not isinstance(error, UntoldError):
                self._findings.add(error.trouble, self._written.span_inside(key, error.where))
            return text

    def _whole(self, text: str, key: str) -> int | None:
        if re.fullmatch("[0-9]{1,9}", text):
            return int(text)
        if key not in self.wrong:
            trouble = Trouble(
                code=Code.WRONG_TYPE,
                summary=f"`{key}` comes to `{text}`, and must be a whole number",
                allowed="a whole number",
            )
            self._findings.add(trouble, self._written.value_span(key))
        self.wrong |= {key}
        return None
