"""`explain`: each value of a declaration with the place that says it."""

import json
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from reconciler.cli.documents import FORMAT
from reconciler.cli.opening import open_specs, print_document
from reconciler.cli.options import Options
from reconciler.cli.units import printable
from reconciler.domain.address import Address
from reconciler.domain.errors import SorafileError
from reconciler.specs.explaining import Origin, explain
from reconciler.specs.findings import nearest_fix

_VALUE_CHARACTERS_MAX = 60


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
    left = max(len(name) for name, _, _ in rows)
    middle = max(len(value) for _, value, _ in rows)
    for name, value, place in rows:
        line = Text.assemble(f"  {name:{left}}  {value:{middle}}  ", (place, "dim"))
        said.terminal.out.print(line, soft_wrap=True)
    said.terminal.out.print(f"  {'recipe':{left}}  {declaration.digest}", soft_wrap=True)
    return 0


def _rows(origins: tuple[Origin, ...]) -> Iterator[tuple[str, str, str]]:
    for each in origins:
        yield each.field, _shown(each.value), _place(each)
        for inner in each.variables:
            yield f"  ${{{inner.field}}}", _shown(inner.value), _place(inner)


def _shown(value: str) -> str:
    text = printable(value)
    return text if len(text) <= _VALUE_CHARACTERS_MAX else f"{text[: _VALUE_CHARACTERS_MAX - 1]}…"


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
