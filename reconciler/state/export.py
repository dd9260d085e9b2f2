"""All that the database records, as one JSON document.

The tables themselves say what is in it, so a column that a later schema adds is exported and
taken back without a word here. Left out are the leases: they are of processes that run, and
nobody who reads an export holds anything.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NotRequired

from pydantic import AwareDatetime, ConfigDict, TypeAdapter, ValidationError, with_config
from sqlalchemy import Column, Connection, MetaData, Table, TypeDecorator, select
from sqlalchemy.types import TypeEngine
from typing_extensions import TypedDict

from reconciler import __version__
from reconciler.domain.errors import StateError
from reconciler.state import sqlite_files, tables
from reconciler.state.columns import Moment, Money
from reconciler.state.failures import BadRowsError, decoding
from reconciler.state.schema import SCHEMA

FORMAT = "1.0"

Row = Mapping[str, Any]
"""One row by its columns, with the values that the database keeps; moments and money are
those that the code sees, for people to read."""

_NEWER_FIX = "Install that release, or a later one: `pip install --upgrade sorafile`."
_DAMAGED_FIX = "Take another export, or a backup copy of the database. Nothing was changed."


def _as_kept(table: Table) -> Table:
    columns = (
        Column(each.name, each.type if isinstance(each.type, Moment | Money) else _kept(each.type))
        for each in table.c
    )
    return Table(table.name, MetaData(), *columns)


def _kept(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


EXPORTED: Mapping[Table, Table] = {
    table: _as_kept(table) for table in tables.metadata.sorted_tables if table is not tables.leases
}
"""The tables of an export, each after those that it refers to; and how it is read and written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """The rows of every table by its name, in the order of their keys."""

    rows: Mapping[str, Sequence[Row]]

    def to_json(self) -> bytes:
        """The document; equal databases give equal bytes."""
        document = {
            "format_version": FORMAT,
            "sorafile_version": __version__,
            "schema": SCHEMA,
            "tables": self.rows,
        }
        return _document(is_older=False).dump_json(document, indent=1) + b"\n"

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever bought, held or run."""
        return not any(
            rows for name, rows in self.rows.items() if name not in {"meta", "workspaces"}
        )

    def count(self, name: str) -> int:
        """How many rows a table has."""
        return len(self.rows.get(name, ()))


class _Head(TypedDict):
    """What tells whether the rest can be understood."""

    format_version: str
    schema: str


def read_export(connection: Connection) -> Export:
    """All rows at one moment.

    Raises:
        BadRowsError: they hold what no release writes; the text says where.
    """
    with decoding():
        rows = {
            table.name: [
                dict(row)
                for row in connection.execute(select(kept).order_by(*_key(table))).mappings()
            ]
            for table, kept in EXPORTED.items()
        }
    try:
        _rows(is_older=False).validate_python(rows, strict=True)
    except ValidationError as error:
        raise BadRowsError(_first_mistake(error)) from error
    return Export(rows=rows)


def write_export(export: Export, target: Path) -> None:
    """Write the document, for this user's eyes only; what lay there is replaced whole.

    Raises:
        StateError: it cannot be written; what lay there is untouched.
    """
    unfinished = sqlite_files.unfinished_beside(target)
    try:
        with open(unfinished, "xb", opener=_for_its_owner) as file:
            file.write(export.to_json())
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
        sqlite_files.sync_folder(target.parent)
    except OSError as error:
        raise StateError(
            f"the export `{target}` cannot be written: {error.strerror}",
            fix="Name a place that this user may write, or make room there.",
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def export_from(data: bytes, name: str) -> Export:
    """Read a document back; `name` is what messages call it.

    One of an older schema may lack what that did not have, where there is a default for it.

    Raises:
        StateError: it is damaged, and where; or it is of a newer release.
    """
    try:
        head = TypeAdapter(_Head).validate_json(data)
        _refuse_newer(head, name)
        document = _document(is_older=head["schema"] < SCHEMA).validate_json(data, strict=True)
    except ValidationError as error:
        raise StateError(
            f"{name} is no whole export: {_first_mistake(error)}", fix=_DAMAGED_FIX
        ) from error
    return Export(rows=document["tables"])


def _key(table: Table) -> list[Column[Any]]:
    return [EXPORTED[table].c[column.name] for column in table.primary_key]


def _refuse_newer(head: _Head, name: str) -> None:
    if head["format_version"].partition(".")[0] != FORMAT.partition(".")[0]:
        raise StateError(
            f"{name} is an export of format {head['format_version']}, and this release reads"
            f" {FORMAT}",
            fix=_NEWER_FIX,
        )
    if head["schema"] > SCHEMA:
        raise StateError(
            f"{name} was exported by a newer release of sorafile (schema {head['schema']}; this"
            f" one knows {SCHEMA})",
            fix=_NEWER_FIX,
        )


def _first_mistake(error: ValidationError) -> str:
    first, *others = error.errors(include_url=False, include_input=False, include_context=False)
    more = f" (and {len(others)} more)" if others else ""
    return f"{_place(first['loc'])}{first['msg']}{more}"


def _place(location: tuple[int | str, ...]) -> str:
    """`tables.attempts[3].state: `; empty for the document as a whole."""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"{place.removeprefix('.')}: " if place else ""


@cache
def _document(*, is_older: bool) -> TypeAdapter[Any]:
    fields = {
        "format_version": str,
        "sorafile_version": str,
        "schema": str,
        "tables": _tables_form(is_older=is_older),
    }
    return TypeAdapter(_form("Export", fields, extra="ignore"))


@cache
def _rows(*, is_older: bool) -> TypeAdapter[Any]:
    return TypeAdapter(_tables_form(is_older=is_older))


def _tables_form(*, is_older: bool) -> Any:
    of_tables: dict[str, Any] = {}
    for table, kept in EXPORTED.items():
        columns = {
            column.name: _column_form(column, kept.c[column.name].type, is_older=is_older)
            for column in table.c
        }
        row: Any = _form(table.name, columns, extra="forbid")
        of_tables[table.name] = NotRequired[list[row]] if is_older else list[row]
    return _form("Tables", of_tables, extra="forbid")


def _column_form(column: Column[Any], kind: TypeEngine[Any], *, is_older: bool) -> Any:
    value: Any = AwareDatetime if kind.python_type is datetime else kind.python_type
    form = value | None if column.nullable else value
    has_default = column.nullable or column.default or column.server_default
    return NotRequired[form] if is_older and has_default else form


def _form(name: str, fields: Mapping[str, Any], *, extra: Any) -> Any:
    make: Any = TypedDict
    return with_config(ConfigDict(extra=extra))(make(name, dict(fields)))
