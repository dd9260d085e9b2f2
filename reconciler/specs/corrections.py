"""Corrections of a profile as TOML: the lines by themselves, or in a project's file."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from reconciler.domain.probing import Value
from reconciler.specs.canonical import canonical

_WIRE = "wire."
_MARK = "\ufeff"


class CannotCorrectError(Exception):
    """A file is written in a way that its provider's table cannot be changed."""


def toml_of(provider: str, corrected: Mapping[str, Value]) -> str:
    """The table of a provider with these keys, as `fmt` writes it; `wire.KEY` is of its wire."""
    document = tomlkit.document()
    providers = tomlkit.table(is_super_table=True)
    table = tomlkit.table()
    for key, value in corrected.items():
        if not key.startswith(_WIRE):
            table.add(key, _item(value))
    of_wire = _of_wire(corrected)
    if of_wire:
        wire = tomlkit.table()
        for key, value in of_wire.items():
            wire.add(key, _item(value))
        table.add("wire", wire)
    providers.add(provider, table)
    document.add("providers", providers)
    return canonical(tomlkit.dumps(document))


def corrected(text: str, provider: str, values: Mapping[str, Value]) -> str:
    """A project file's text with these keys in its provider's table; all else stays.

    Args:
        text: as it is, with its mark and its line ends.
        provider: whose table is changed, or added at the end.
        values: by key; `wire.KEY` is a key of the table's `wire`.

    Raises:
        CannotCorrectError: the tables of that name cannot be changed.
    """
    mark = _MARK if text.startswith(_MARK) else ""
    ending = "\r\n" if "\r\n" in text else "\n"
    plain = text.removeprefix(_MARK).replace("\r\n", "\n")
    try:
        document = tomlkit.parse(plain)
        providers: Any = document.get("providers")
        if providers is None or provider not in providers:
            written = _with_table(document, plain, provider, values)
        else:
            _set(providers[provider], values)
            written = tomlkit.dumps(document)
    except (TOMLKitError, TypeError, AttributeError, KeyError) as error:
        raise CannotCorrectError(f"[providers.{provider}] cannot be changed in place") from error
    return mark + written.replace("\n", ending)


def _with_table(
    document: tomlkit.TOMLDocument, text: str, provider: str, values: Mapping[str, Value]
) -> str:
    providers: Any = document.get("providers")
    if isinstance(providers, InlineTable):
        providers[provider] = {}
        _set(providers[provider], values)
        return tomlkit.dumps(document)
    gap = "" if not text.strip() else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}{toml_of(provider, values)}"


def _set(table: Any, values: Mapping[str, Value]) -> None:
    for key, value in values.items():
        if not key.startswith(_WIRE):
            table[key] = _item(value)
    of_wire = _of_wire(values)
    if of_wire and "wire" not in table:
        # A table of its own would take what follows of its parent's keys, if there were any.
        table["wire"] = tomlkit.inline_table()
    for key, value in of_wire.items():
        table["wire"][key] = _item(value)


def _of_wire(values: Mapping[str, Value]) -> dict[str, Value]:
    return {k.removeprefix(_WIRE): v for k, v in values.items() if k.startswith(_WIRE)}


def _item(value: Value) -> Any:
    match value:
        case Mapping():
            table = tomlkit.inline_table()
            table.update({key: _item(each) for key, each in value.items()})
            return table
        case Decimal():
            return tomlkit.item(float(value))
        case Sequence() if not isinstance(value, str):
            return tomlkit.item(list(value))
        case _:
            return tomlkit.item(value)
