"""One video as written, with the defaults that hold in its file."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from reconciler.domain.desired import DEFAULT_LIFECYCLE, Lifecycle
from reconciler.specs.document import Document
from reconciler.specs.places import KeyPath
from reconciler.specs.shape import DefaultsTable, LifecycleTable, VideoTable


@dataclass(frozen=True, slots=True, eq=False)
class FileDefaults:
    """A spec file's `[defaults]` over the project's."""

    document: Document
    own: DefaultsTable
    merged: DefaultsTable
    lifecycle: Lifecycle
    folder: PurePosixPath


@dataclass(frozen=True, slots=True, eq=False)
class Spec:
    """One `[video.NAME]` as written."""

    name: str
    table: VideoTable
    file: FileDefaults
    wrong: frozenset[str]  # keys that were left out because they could not be read

    @property
    def path(self) -> KeyPath:
        """Where it stands in its file."""
        return ("video", self.name)


def file_defaults(document: Document, own: DefaultsTable, project: DefaultsTable) -> FileDefaults:
    """Lay one file's defaults over the project's, key by key."""
    lifecycle = lifecycle_over(own.lifecycle, lifecycle_over(project.lifecycle, DEFAULT_LIFECYCLE))
    return FileDefaults(
        document=document,
        own=own,
        merged=DefaultsTable(
            model=project.model if own.model is None else own.model,
            seconds=project.seconds if own.seconds is None else own.seconds,
            size=project.size if own.size is None else own.size,
            variants=project.variants if own.variants is None else own.variants,
            tags=project.tags if own.tags is None else own.tags,
            provider=project.provider if own.provider is None else own.provider,
        ),
        lifecycle=lifecycle,
        folder=PurePosixPath(document.file).parent,
    )


def lifecycle_over(table: LifecycleTable | None, below: Lifecycle) -> Lifecycle:
    """Lay one `lifecycle` table over what holds below it, key by key."""
    if table is None:
        return below
    return Lifecycle(
        protect=below.protect if table.protect is None else table.protect,
        on_lost=table.on_lost or below.on_lost,
        remote=table.remote or below.remote,
    )
