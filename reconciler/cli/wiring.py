"""The one place that names the adapters: it hands them to what knows only ports."""

import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import platformdirs

from reconciler import __version__
from reconciler.cli.clock import SystemClock
from reconciler.domain.address import NAME, Address
from reconciler.domain.blocks import NO_BLOCKS, Blocks
from reconciler.domain.desired import Desired
from reconciler.domain.errors import (
    Diagnostic,
    InvalidSpecError,
    SorafileError,
    StateError,
)
from reconciler.domain.ports import (
    AssetStore,
    Clock,
    ContentStream,
    Files,
    ImageFitter,
    Server,
    StateReader,
    StateWriter,
)
from reconciler.domain.profile import Profile, Variant
from reconciler.domain.provider import Provider
from reconciler.remote.profiles import load_profiles
from reconciler.specs.folder import PROJECT_FILE_NAME, ProjectFolder
from reconciler.specs.load import load_specs
from reconciler.specs.project import Project, find_project, load_project, resolve_providers
from reconciler.specs.shape import DefaultsTable
from reconciler.specs.spec import Spec
from reconciler.specs.variables import Given
from reconciler.specs.workspaces import DEFAULT_WORKSPACE

if TYPE_CHECKING:
    from reconciler.assets.inspection import Inspected
    from reconciler.assets.store import FolderStore
    from reconciler.remote.client import HttpServer
    from reconciler.remote.embedded import EmbeddedServer
    from reconciler.remote.probing import Prober
    from reconciler.remote.transport import Timeouts
    from reconciler.remote.trial import Trial
    from reconciler.state.care import StateCare

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A project with what its files say."""

    project: Project
    providers: Mapping[str, Provider]
    desired: Desired
    warnings: tuple[Diagnostic, ...]
    specs: Mapping[Address, Spec] = field(default_factory=dict)  # as written
    blocks: Blocks = NO_BLOCKS
    defaults: Mapping[str, DefaultsTable] = field(default_factory=dict)  # of each spec file

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.project.root


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectReading:
    """What reading a project came to."""

    project: Project
    declared: Declared | None  # None: something is wrong
    found: tuple[Diagnostic, ...]  # the mistakes and the warnings
    inputs: frozenset[Path]  # files and folders that were read, or looked for in vain


def read_project(
    folder: Path,
    workspace: str,
    given: Given | None = None,
    *,
    drafted: Mapping[str, str] = MappingProxyType({}),
) -> Declared:
    """Read the project that `folder` lies in, and all of its specs, with given variables.

    Texts that are `drafted` for some of its files count as if they were written.

    Raises:
        InvalidSpecError: with every mistake of all files.
    """
    reading = try_project(find_project(folder), workspace, given, drafted=drafted)
    if reading.declared is None:
        raise InvalidSpecError(reading.found)
    return reading.declared


def try_project(
    root: Path,
    workspace: str,
    given: Given | None = None,
    *,
    drafted: Mapping[str, str] = MappingProxyType({}),
) -> ProjectReading:
    """Read the project of a folder, and all of its specs, whatever may be wrong with them."""
    loaded = load_project(root, workspace)
    profiles = load_profiles()
    providers, of_providers = resolve_providers(loaded.project, profiles, os.environ)
    specs = load_specs(
        loaded.project,
        providers,
        given,
        drafted=drafted,
        known_models=frozenset().union(*(each.named_models for each in profiles.values())),
    )
    found = (*_of_workspace(workspace), *loaded.diagnostics, *of_providers, *specs.diagnostics)
    inputs = specs.inputs | {root / PROJECT_FILE_NAME}
    if any(each.severity == "error" for each in found):
        return ProjectReading(project=loaded.project, declared=None, found=found, inputs=inputs)
    declared = Declared(
        project=loaded.project,
        providers=providers,
        desired=specs.desired,
        warnings=found,
        specs=specs.specs,
        blocks=specs.blocks,
        defaults=specs.defaults,
    )
    return ProjectReading(project=loaded.project, declared=declared, found=found, inputs=inputs)


def read_servers(
    folder: Path, workspace: str, *, drafted: str | None = None
) -> tuple[Declared, Mapping[str, Profile]]:
    """A project with its providers, whatever its specs say, and the shipped profiles.

    A text that is `drafted` for the project file counts as if it were written. Providers and
    profiles are there by name.

    Raises:
        InvalidSpecError: with every mistake of the project file.
    """
    loaded = load_project(find_project(folder), workspace, drafted=drafted)
    profiles = load_profiles()
    providers, of_providers = resolve_providers(loaded.project, profiles, os.environ)
    found = (*_of_workspace(workspace), *loaded.diagnostics, *of_providers)
    if any(each.severity == "error" for each in found):
        raise InvalidSpecError(found)
    declared = Declared(project=loaded.project, providers=providers, desired={}, warnings=found)
    return declared, profiles


def glance_at_providers(folder: Path, workspace: str) -> Iterable[str]:
    """The names of a project's providers; nobody is told what is wrong."""
    return load_project(find_project(folder), workspace).project.providers


def read_providers(folder: Path) -> tuple[Path, Mapping[str, Mapping[str, Provider]]]:
    """The root of a project and its providers by workspace and name, whatever its specs say.

    Raises:
        InvalidSpecError: with every mistake of the project file.
    """
    root = find_project(folder)
    loaded = load_project(root)
    found = [*loaded.diagnostics]
    by_workspace: dict[str, Mapping[str, Provider]] = {}
    for workspace in (DEFAULT_WORKSPACE, *loaded.project.workspaces):
        project = load_project(root, workspace).project
        by_workspace[workspace], wrong = resolve_providers(project, load_profiles(), os.environ)
        found.extend(each for each in wrong if each not in found)
    if any(each.severity == "error" for each in found):
        raise InvalidSpecError(tuple(found))
    return root, by_workspace


def read_settings(folder: Path, workspace: str) -> tuple[Project, tuple[Diagnostic, ...]]:
    """Read the project file alone, for what must work whatever the specs say; with warnings.

    Raises:
        InvalidSpecError: with every mistake of the file.
    """
    loaded = load_project(find_project(folder), workspace)
    found = (*_of_workspace(workspace), *loaded.diagnostics)
    if any(each.severity == "error" for each in found):
        raise InvalidSpecError(found)
    return loaded.project, found


def glance(folder: Path, workspace: str) -> Desired:
    """What the specs declare, as far as they can be read; nobody is told what is wrong."""
    project = load_project(find_project(folder), workspace).project
    providers, _ = resolve_providers(project, load_profiles(), os.environ)
    return load_specs(project, providers).desired


def glance_at_workspaces(folder: Path) -> set[str]:
    """The workspaces that the project's file or a state on this machine names.

    Raises:
        StateError: it cannot be read.
    """
    project = load_project(find_project(folder)).project
    care = state_care(project)
    used = care.workspaces() if care.place.file is not None else ()
    return {DEFAULT_WORKSPACE, *project.workspaces, *used}


def glance_at_state(folder: Path, workspace: str) -> Iterable[Address]:
    """What a state on this machine records.

    Raises:
        StateError: it cannot be read.
    """
    from reconciler.state.place import locate

    project = load_project(find_project(folder), workspace).project
    if locate(project.state, project.root).file is None:
        return ()
    return state_reader(project, workspace).read().videos


def doubt_about_state(project: Project) -> Diagnostic | None:
    """Why the state had better lie elsewhere; None where nothing speaks against its place."""
    from reconciler.state.local_disk import doubt_about
    from reconciler.state.place import locate

    place = locate(project.state, project.root)
    return None if place.file is None else doubt_about(place.file)


def state_reader(project: Project, workspace: str) -> StateReader:
    """The state, for reading."""
    from reconciler.state.database import open_reader

    return open_reader(project.state, project.root, workspace)


def state_care(project: Project) -> "StateCare":
    """The state database as a whole."""
    from reconciler.state.care import care_for

    return care_for(project.state, project.root, SystemClock().now)


def asset_store(project: Project) -> "FolderStore":
    """The asset store."""
    from reconciler.assets.store import FolderStore

    return FolderStore(project.root / project.assets)


def inspect_assets(project: Project) -> "Inspected":
    """What lies in the asset store, every byte of it read."""
    from reconciler.assets.inspection import inspect_store

    return inspect_store(project.root / project.assets)


def _of_workspace(workspace: str) -> tuple[Diagnostic, ...]:
    if NAME.fullmatch(workspace):
        return ()
    return (
        Diagnostic(
            code="SF0150",
            summary=f"{workspace!r} is no name of a workspace",
            allowed="letters, digits, `_` and `-`",
        ),
    )


@dataclass(slots=True)
class Connections:
    """What is open to the servers of one project."""

    servers: dict[str, tuple[Provider, "HttpServer"]] = field(default_factory=dict)
    left: list["HttpServer"] = field(default_factory=list)  # of providers that changed since
    embedded: "EmbeddedServer | None" = None

    async def aclose(self) -> None:
        """Close connections, and end the embedded server."""
        for server in (*self.left, *(each for _, each in self.servers.values())):
            await server.aclose()
        if self.embedded is not None:
            await self.embedded.aclose()


class Outside:
    """The world outside of one project: adapters that are made when they are first needed."""

    def __init__(
        self,
        declared: Declared,
        workspace: str,
        require_trust: Callable[[Provider], None],
        *,
        connections: Connections | None = None,
    ) -> None:
        """Make nothing yet; `require_trust` raises where a provider may not act.

        What is open already may be handed over: then one `aclose` closes it for all. A provider
        that changed since is connected to, and trusted, anew.
        """
        self._declared = declared
        self._workspace = workspace
        self._require_trust = require_trust
        self._open = connections or Connections()
        self.clock: Clock = SystemClock()

    @property
    def assets(self) -> AssetStore:
        """The asset store."""
        return asset_store(self._declared.project)

    @property
    def files(self) -> Files:
        """The published files."""
        from reconciler.assets.published import ProjectFiles

        return ProjectFiles(self._declared.root)

    @property
    def images(self) -> ImageFitter:
        """What makes input references fit."""
        from reconciler.specs.fitting import Fitting

        return Fitting()

    def reader(self) -> StateReader:
        """The state, for reading."""
        return state_reader(self._declared.project, self._workspace)

    @contextmanager
    def writer(self, command: str) -> Iterator[StateWriter]:
        """The state, held under the lease."""
        from reconciler.state.database import open_writer
        from reconciler.state.processes import this_process

        project = self._declared.project
        holder = this_process(command)
        with open_writer(
            project.state, project.root, self._workspace, holder, self.clock.now
        ) as state:
            yield state

    def server_of(self, name: str) -> Server:
        """A provider's server.

        Raises:
            RefusedError: the provider is not trusted.
        """
        provider = self._declared.providers[name]
        former, server = self._open.servers.get(name, (None, None))
        if server is not None and former == provider:
            return server
        from reconciler.remote.transport import DEFAULT_TIMEOUTS

        if server is not None:
            self._open.left.append(server)  # somebody may be in the middle of a request
        server = self._connect(provider, DEFAULT_TIMEOUTS)
        self._open.servers[name] = (provider, server)
        return server

    def prober_of(self, name: str) -> "Prober":
        """What finds out what a provider's server does; it is patient with none of its answers.

        Raises:
            RefusedError: the provider is not trusted.
        """
        from reconciler.remote.probing import PROBE_TIMEOUTS

        server = self._connect(self._declared.providers[name], PROBE_TIMEOUTS)
        self._open.left.append(server)
        return server.prober(stranger=f"video_{secrets.token_hex(16)}")

    def _connect(self, provider: Provider, timeouts: "Timeouts") -> "HttpServer":
        from reconciler.remote.client import HttpServer
        from reconciler.remote.keys import resolve_key

        self._require_trust(provider)

        async def base_url() -> str:
            if provider.base_url is not None:
                return provider.base_url
            return await self._preview().url()

        return HttpServer(
            provider=provider,
            base_url=base_url,
            key=lambda: resolve_key(provider.key, os.environ, folder=self._declared.root),
            version=__version__,
            uptime_s=self.clock.uptime_s,
            timeouts=timeouts,
        )

    def _preview(self) -> "EmbeddedServer":
        from reconciler.remote.embedded import EmbeddedServer

        if self._open.embedded is None:
            self._open.embedded = EmbeddedServer(data=preview_folder(self._declared.root))
        return self._open.embedded

    async def aclose(self) -> None:
        """Close connections, and end the embedded server."""
        await self._open.aclose()


def trial_on(
    outside: Outside,
    prober: "Prober",
    provider: Provider,
    *,
    made: Callable[[str], None],
    tell: Callable[[str], None],
) -> "Trial":
    """What buys one video from a provider, to see what becomes of it.

    Raises:
        RefusedError: the provider is not trusted.
    """
    from reconciler.remote.trial import Trial

    return Trial(
        server=outside.server_of(provider.name),
        prober=prober,
        profile=provider.profile,
        clock=outside.clock,
        made=made,
        tell=tell,
    )


async def fetch_asset(server: Server, remote_id: str, variant: Variant, file: BinaryIO) -> None:
    """Bring an asset of a job into an empty file; a broken connection is taken up again.

    Raises:
        ServerError: it cannot be had.
        BadAssetError: what came is cut.
    """
    from reconciler.remote.fetching import fetch_into
    from reconciler.remote.patience import DEFAULT_PATIENCE, SYSTEM_PAUSES

    def opening(offset: int, etag: str | None) -> AbstractAsyncContextManager[ContentStream]:
        return server.content(remote_id, variant, offset=offset, etag=etag)

    await fetch_into(file, opening, patience=DEFAULT_PATIENCE, pauses=SYSTEM_PAUSES)


def media_type_of(file: BinaryIO, variant: Variant) -> str:
    """Look into the whole of an asset.

    Raises:
        BadAssetError: it is cut, corrupt, or of another kind.
    """
    from reconciler.assets.media import check_fits, identify

    media = identify(file)
    check_fits(media, variant)
    return media.media_type


def picture_of_video(video: Path, variant: Variant) -> bytes:
    """A poster or a spritesheet of a video.

    Raises:
        BadAssetError: no frame of it can be decoded.
    """
    from reconciler.assets.pictures import picture_of

    return picture_of(video, variant)


@contextmanager
def file_that_lands(target: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Give a file that takes a name of the user's once the block ends well.

    Raises:
        FileInTheWayError: something lies there, and may not be overwritten.
        StateError: the disk is full or refuses.
    """
    from reconciler.assets.disk import disk_errors
    from reconciler.remote.landing import landing

    permission = "say that this one may be replaced: --overwrite"
    with (
        disk_errors(f"{target} cannot be written"),
        landing(target, overwrite=overwrite, permission=permission) as file,
    ):
        yield file


def write_durably(target: Path, content: bytes) -> None:
    """Give a file of the user's its content, whole; until then, what lay there stays.

    Raises:
        StateError: the disk is full or refuses.
    """
    from reconciler.assets.disk import disk_errors, replacing

    with disk_errors(f"{target} cannot be written"), replacing(target, mode=0o666) as file:
        file.write(content)


def rewrite(target: Path, content: bytes) -> None:
    """As `write_durably`, of a file that is there: who may read it stays as it was.

    Raises:
        StateError: the disk is full or refuses.
    """
    from reconciler.assets.disk import disk_errors, replacing

    with disk_errors(f"{target} cannot be written"):
        mode = target.stat().st_mode & 0o777
        with replacing(target, mode=mode) as file:
            file.write(content)
        target.chmod(mode)


def write_new(target: Path, content: bytes) -> None:
    """As `write_durably`, of a file that is not there yet, nor perhaps its folder.

    Raises:
        StateError: the disk is full or refuses.
    """
    from reconciler.assets.disk import disk_errors, make_folders

    with disk_errors(f"{target} cannot be written"):
        make_folders(target.parent, mode=0o777)
    write_durably(target, content)


def user_folder() -> Path:
    """Where is kept what one user says of all projects."""
    return platformdirs.user_config_path("sorafile")


def read_private(path: Path) -> bytes | None:
    """Read a file that nobody but this user can have written; None where nothing is there.

    Raises:
        StateError: somebody else can have, or it cannot be read.
    """
    from reconciler.assets.disk import disk_errors, open_regular

    with disk_errors(f"{path} cannot be read"):
        try:
            file = open_regular(path)
        except FileNotFoundError:
            return None
        if file is None:
            raise StateError(f"{path} is no plain file", fix="remove it")
        with file:
            facts = os.fstat(file.fileno())
            if facts.st_uid != os.geteuid() or facts.st_mode & _OTHERS_WRITE:
                raise StateError(f"others than this user can write {path}", fix="remove it")
            return file.read()


def write_private(target: Path, content: bytes) -> None:
    """Give a file its content, whole, for this user's eyes alone; a link there is replaced.

    Raises:
        StateError: the disk is full or refuses.
    """
    from reconciler.assets.disk import disk_errors, make_folders, replacing

    with disk_errors(f"{target} cannot be written"):
        make_folders(target.parent, mode=0o700)
        with replacing(target, mode=0o600) as file:
            file.write(content)


def remove_durably(path: Path) -> None:
    """Remove a file, so that no crash brings it back.

    Raises:
        StateError: the disk refuses.
    """
    from reconciler.assets.disk import disk_errors, sync_folder

    with disk_errors(f"{path} cannot be removed"):
        path.unlink()
        sync_folder(path.parent)


def files_of_project(folder: Path) -> list[Path]:
    """The project's own file and every spec file, where they really lie."""
    root = find_project(folder)
    project = load_project(root).project
    inside = ProjectFolder(root)
    own = [root / PROJECT_FILE_NAME] if (root / PROJECT_FILE_NAME).is_file() else []
    found = (each for entry in project.specs for _, each in inside.spec_files(entry))
    return list(dict.fromkeys((*own, *(each for each in found if isinstance(each, Path)))))


def preview_folder(folder: Path) -> Path:
    """Where the preview server keeps the jobs of the project that a folder lies in.

    They outlive the loss of its state.
    """
    key = hashlib.sha256(str(find_project(folder)).encode()).hexdigest()[:16]
    return platformdirs.user_cache_path("sorafile") / "preview" / key


def become_preview_server(*flags: object) -> NoReturn:
    """Be the preview server from now on: this process ends when it does.

    Raises:
        SorafileError: it cannot be run.
    """
    from reconciler.remote.embedded import PREVIEW

    try:
        os.execv(PREVIEW[0], [*PREVIEW, *map(str, flags)])  # noqa: S606 - our own program
    except OSError as error:
        raise SorafileError(f"the preview server cannot be run: {error}") from error
