"""`explain`: each value of a declaration with the place that says it."""

import json
from collections.abc import Iterator
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from reconciler.cli.documents import FORMAT
from reconciler.cli.layout import cut, padded
from reconciler.cli.opening import open_specs, print_document
from reconciler.cli.options import Options
from reconciler.cli.units import printable, short_digest
from reconciler.domain.address import Address
from reconciler.domain.errors import SorafileError
from reconciler.specs.explaining import Origin, explain
from reconciler.specs.findings import nearest_fix

_GAPS = 6  # columns around a value
_VALUE_MIN = 16  # columns


def explain_address(said: Options, address: str) -> int:
    """Print where everything of one declared video was said."""
    declared = open_specs(said)
    known = {str(each): each for each in declared.desired}
    if address not in known:
        fix = nearest_fix(address, known) or "see what is declared: sorafile status"
        raise SorafileError(f"not declared: {address}", fix=fix)
    where: Address = known[address]
    declaration = declared.desired[where]
    origins = explain(declaration, declared.specs[where], declared.project)
    if said.json:
        document = {
            "format_version": FORMAT,
            "address": address,
            "values": [_document(each) for each in origins],
            "recipe_digest": declaration.digest,
            "recipe": json.loads(declaration.recipe.canonical()),
        }
        print_document(said, document)
        return 0
    said.terminal.out.print(Text(address, style="bold"))
    rows = list(_rows(origins))
    left, middle, right = (max(map(cell_len, column)) for column in zip(*rows, strict=True))
    middle = min(middle, max(said.terminal.out.width - left - right - _GAPS, _VALUE_MIN))
    for name, value, place in rows:
        shown = f"  {padded(name, left)}  {padded(cut(value, middle), middle)}  "
        said.terminal.out.print(Text.assemble(shown, (place, "dim")), soft_wrap=True)
    said.terminal.out.print(f"  {padded('recipe', left)}  {short_digest(declaration.digest)}")
    return 0


def _rows(origins: tuple[Origin, ...]) -> Iterator[tuple[str, str, str]]:
    for each in origins:
        yield each.field, printable(each.value), _place(each)
        for inner in each.variables:
            yield f"  ${{{inner.field}}}", printable(inner.value), _place(inner)


def _place(origin: Origin) -> str:
    return origin.said_by if origin.span is None else f"{origin.span.file}:{origin.span.line}"


def _document(origin: Origin) -> dict[str, Any]:
    return {
        "field": origin.field,
        "value": origin.value,
        "file": origin.span.file if origin.span else None,
        "line": origin.span.line if origin.span else None,
        "said_by": origin.said_by or None,
        "variables": [_document(each) for each in origin.variables],
    }
