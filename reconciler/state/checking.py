"""Whether the database is whole, and agrees with itself."""

from collections.abc import Iterator

from sqlalchemy import Connection

from reconciler.domain.errors import DamagedStateError, Diagnostic
from reconciler.domain.recipe import digest_of, recipe_from
from reconciler.state import schema, sqlite_files, tables
from reconciler.state.export import Export, read_export
from reconciler.state.place import Place

_FINDINGS_MAX = 100  # who has more of them needs no more of them


def check_database(place: Place) -> tuple[Diagnostic, ...]:
    """All that is wrong with the database, and what lies beside it that nobody reads.

    Reads every row and changes nothing. One that is absent is not wrong.

    Raises:
        StateError: it cannot be looked at, or its schema is not this release's.
    """
    try:
        damage = () if place.is_absent() else tuple(_contradictions(place))
    except DamagedStateError as error:
        damage = (Diagnostic(code="SF0701", summary=error.message, fix=error.fix),)
    return (*damage, *_leftovers(place))


def unsound(connection: Connection) -> list[str]:
    """What SQLite finds wrong with its file, in its words; a server looks after its own."""
    if connection.dialect.name != "sqlite":
        return []
    said = connection.exec_driver_sql(f"PRAGMA integrity_check({_FINDINGS_MAX})").scalars().all()
    return [] if said == ["ok"] else [str(each) for each in said]


def _contradictions(place: Place) -> Iterator[Diagnostic]:
    with place.reading() as connection:
        if not schema.is_there(connection, place):
            return
        if found := unsound(connection):
            raise DamagedStateError(f"{place} is damaged: {'; '.join(found)}")
        dangling = _dangling(connection)
        export = read_export(connection)
    for what in (*dangling, *_altered_recipes(export)):
        yield Diagnostic(
            code="SF0702", summary=f"{place} contradicts itself: {what}", fix=place.ways_out()
        )


def _dangling(connection: Connection) -> list[str]:
    """References to rows that are not there; a server lets none come to be."""
    if connection.dialect.name != "sqlite":
        return []
    found = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    return [
        f"row {row} of {table} refers to a row of {parent} that is not there"
        for table, row, parent, _ in found[:_FINDINGS_MAX]
    ]


def _altered_recipes(export: Export) -> Iterator[str]:
    for row in export.rows[tables.recipes.name]:
        digest, canonical = row["digest"], row["canonical"]
        if digest_of(canonical) != digest:
            yield f"recipe {digest} holds the text of another one"
            continue
        try:
            recipe_from(canonical)
        except ValueError as error:
            yield f"recipe {digest} cannot be read: {error}"


def _leftovers(place: Place) -> Iterator[Diagnostic]:
    for file in sqlite_files.leftovers(place.file) if place.file is not None else ():
        yield Diagnostic(
            code="SF0703",
            severity="warning",
            summary=f"`{file}` is left of a run that was killed, or of a damaged database",
            fix="Nothing reads it: delete it when it is of no use to you.",
        )
