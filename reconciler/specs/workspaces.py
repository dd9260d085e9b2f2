"""What one workspace says otherwise than the rest of `sorafile.toml`."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from reconciler.domain.errors import SourceSpan
from reconciler.specs.document import Document
from reconciler.specs.places import KeyPath
from reconciler.specs.shape import KeyTable, ProjectFile, WorkspaceTable

DEFAULT_WORKSPACE = "default"


class ProjectSource:
    """`sorafile.toml` as one workspace reads it: its own table goes before the rest."""

    def __init__(self, document: Document, workspace: str) -> None:
        """Look at nothing yet."""
        self._document = document
        self._own: KeyPath = ("workspace", workspace)

    def key_span(self, path: KeyPath) -> SourceSpan:
        """Where the key is written that holds; as `Document.key_span`."""
        return self._document.key_span(self._home(path))

    def value_span(self, path: KeyPath) -> SourceSpan:
        """Where the value is written that holds; as `Document.value_span`."""
        return self._document.value_span(self._home(path))

    def span_inside(self, path: KeyPath, wanted: re.Pattern[str]) -> SourceSpan:
        """Where a pattern stands in the value that holds; as `Document.span_inside`."""
        return self._document.span_inside(self._home(path), wanted)

    def says(self, path: KeyPath) -> bool:
        """Whether something is written there, by this workspace or for all."""
        return self.value_at(path) is not None

    def value_at(self, path: KeyPath) -> Any:
        """The value that holds, as written; None where there is none."""
        return self._document.value_at(self._home(path))

    def _home(self, path: KeyPath) -> KeyPath:
        own = (*self._own, *path)
        return own if self._document.value_at(own) is not None else path


def of_workspace(tables: ProjectFile, workspace: str) -> WorkspaceTable:
    """The project as one workspace has it."""
    own = tables.workspace.get(workspace)
    return tables if own is None else _over(own, tables)


def _over(own: Any, below: Any) -> Any:
    """Lay one table over another, key by key.

    Where an API key comes from is one value: else one source would be left beside the other.
    """
    if isinstance(own, Mapping) and isinstance(below, Mapping):
        both = {key: _over(value, below[key]) for key, value in own.items() if key in below}
        return {**below, **own, **both}
    if not is_dataclass(own) or not is_dataclass(below) or isinstance(own, KeyTable):
        return own
    said = {each.name: getattr(own, each.name) for each in fields(own)}
    merged = {
        name: value if getattr(below, name) is None else _over(value, getattr(below, name))
        for name, value in said.items()
        if value is not None
    }
    return replace(below, **merged)  # type: ignore[type-var] # it is a dataclass, as was asked
