"""JSON Schemas of the two kinds of file, for editors: `#:schema` in Taplo and its like.

They come from the tables that the parser reads, so they never say anything else.
"""

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from reconciler.specs.shape import PROJECT_FILE, SPEC_FILE

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _TomlSchema(GenerateJsonSchema):
    """Schemas of TOML, which has no null: a key is there, or it is not."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """The type alone."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The type alone: what holds without the key, its description says."""
        return self.generate_inner(schema["schema"])

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A table whose keys are names, and nothing else where names have a pattern."""
        table = super().dict_schema(schema)
        return table | {"additionalProperties": False} if "patternProperties" in table else table

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """A number: TOML writes money without quotes."""
        return {"type": "number", "minimum": float(schema.get("ge") or 0)}


def spec_schema() -> dict[str, Any]:
    """The schema of a spec file."""
    return _schema(SPEC_FILE, "sorafile spec")


def project_schema() -> dict[str, Any]:
    """The schema of `sorafile.toml`."""
    return _schema(PROJECT_FILE, "sorafile.toml")


def _schema(adapter: TypeAdapter[Any], title: str) -> dict[str, Any]:
    generated = adapter.json_schema(schema_generator=_TomlSchema)
    return {"$schema": _DIALECT, **generated, "title": title}
