"""The JSON Schemas of all documents, made from the types that write and read them."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter

from reconciler.cli.costs_text import CostsDocument
from reconciler.cli.documents import PlanDocument, StatusDocument
from reconciler.cli.events import EventDocument
from reconciler.cli.probing_text import CheckDocument, ListDocument
from reconciler.specs.schema import project_schema, spec_schema

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema(kind: str) -> dict[str, Any]:
    """One schema by its name."""
    return _SCHEMAS[kind]()


def _of(title: str, document: Any) -> Callable[[], dict[str, Any]]:
    def build() -> dict[str, Any]:
        return {"$schema": _DRAFT, **TypeAdapter(document).json_schema(), "title": title}

    return build


_SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "plan": _of("sorafile plan", PlanDocument),
    "events": _of("a line of sorafile apply --json", EventDocument),
    "status": _of("sorafile status", StatusDocument),
    "costs": _of("sorafile costs", CostsDocument),
    "provider-list": _of("sorafile provider list", ListDocument),
    "provider-check": _of("sorafile provider check", CheckDocument),
    "spec": spec_schema,
    "project": project_schema,
}
