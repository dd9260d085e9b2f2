"""One video as written, with the defaults that hold in its file."""

import re
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import PurePosixPath

from reconciler.domain.address import Address, safe_in_path
from reconciler.domain.desired import DEFAULT_LIFECYCLE, Ignorable, Lifecycle
from reconciler.domain.durations import seconds_in
from reconciler.domain.errors import SourceSpan
from reconciler.specs.document import Document, Spans
from reconciler.specs.places import KeyPath
from reconciler.specs.shape import DefaultsTable, LifecycleTable, VideoTable
from reconciler.specs.templates import TemplateError, is_template
from reconciler.specs.variables import Cell, Variables


@dataclass(frozen=True, eq=False)
class FileDefaults:
    """A spec file's `[defaults]` over the project's."""

    document: Document
    own: DefaultsTable
    merged: DefaultsTable
    lifecycle: Lifecycle
    ignore_changes: tuple[Ignorable, ...]
    folder: PurePosixPath
    variables: Variables
    project: Spans | None  # sorafile.toml; None: there is none

    @cached_property
    def has_templates(self) -> bool:
        """Whether the defaults are other ones for each cell of a matrix."""
        values = (getattr(self.merged, each.name) for each in fields(DefaultsTable))
        return any(
            is_template(value) or (isinstance(value, list) and any(map(is_template, value)))
            for value in values
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Spec:
    """One `[video.NAME]` as written, or one of the videos that it comes to."""

    name: str
    table: VideoTable
    file: FileDefaults
    wrong: frozenset[str]  # keys that were left out because they could not be read
    defaults: DefaultsTable
    keys: tuple[str, ...] = ()  # of its matrix cell and its take
    take: int = 1
    is_published: bool = True  # False: a take that was not picked, kept in the store alone
    variables: Cell

    @property
    def path(self) -> KeyPath:
        """Where it stands in its file."""
        return ("video", self.name)

    @property
    def address(self) -> Address:
        """Its name, with its keys."""
        return Address(self.name, self.keys)

    def in_path(self, field: str) -> str | None:
        """What a field of the output template comes to; None where it means nothing."""
        if field == "address":
            return self.address.in_paths
        if field == "take":
            return str(self.take)
        try:
            return safe_in_path(self.variables.value_of(field, field))
        except TemplateError:
            return None

    def value_span(self, key: str) -> SourceSpan:
        """Where the value of a setting was written; the video's name where it was nowhere."""
        document, path = self._home(key)
        return document.value_span(path)

    def span_inside(self, key: str, wanted: re.Pattern[str]) -> SourceSpan:
        """Where a pattern stands in the value of a setting as written."""
        document, path = self._home(key)
        return document.span_inside(path, wanted)

    def written_at(self, key: str) -> tuple[Spans, KeyPath] | None:
        """Who says a setting: the video, its file's defaults, or the project's; None: nobody."""
        document, project = self.file.document, self.file.project
        if getattr(self.table, key) is not None:
            return document, (*self.path, key)
        if getattr(self.file.own, key, None) is not None:
            return document, ("defaults", key)
        if project is not None and getattr(self.file.merged, key, None) is not None:
            return project, ("defaults", key)
        return None

    def _home(self, key: str) -> tuple[Spans, KeyPath]:
        return self.written_at(key) or (self.file.document, self.path)


def file_defaults(
    document: Document,
    own: DefaultsTable,
    project: DefaultsTable,
    *,
    variables: Variables,
    source: Spans | None,
) -> FileDefaults:
    """Lay one file's defaults over the project's, which `source` holds, key by key."""
    lifecycle = lifecycle_over(own.lifecycle, lifecycle_over(project.lifecycle, DEFAULT_LIFECYCLE))
    return FileDefaults(
        document=document,
        own=own,
        merged=DefaultsTable(
            model=project.model if own.model is None else own.model,
            seconds=project.seconds if own.seconds is None else own.seconds,
            size=project.size if own.size is None else own.size,
            variants=project.variants if own.variants is None else own.variants,
            reference_fit=own.reference_fit or project.reference_fit,
            tags=project.tags if own.tags is None else own.tags,
            provider=project.provider if own.provider is None else own.provider,
        ),
        lifecycle=lifecycle,
        ignore_changes=ignored_over(own.lifecycle, ignored_over(project.lifecycle, ())),
        folder=PurePosixPath(document.file).parent,
        variables=variables,
        project=source,
    )


def ignored_over(
    table: LifecycleTable | None, below: tuple[Ignorable, ...]
) -> tuple[Ignorable, ...]:
    """What a `lifecycle` table says to ignore, in place of what holds below it."""
    said = table.ignore_changes if table is not None else None
    return below if said is None else tuple(sorted(set(said)))


def lifecycle_over(table: LifecycleTable | None, below: Lifecycle) -> Lifecycle:
    """Lay one `lifecycle` table over what holds below it, key by key."""
    if table is None:
        return below
    return Lifecycle(
        protect=below.protect if table.protect is None else table.protect,
        on_lost=table.on_lost or below.on_lost,
        remote=table.remote or below.remote,
        deadline_s=seconds_in(table.deadline) if table.deadline else below.deadline_s,
        retries=below.retries if table.retries is None else table.retries,
    )
