"""Looking at servers, disk and asset store, for a plan to be made from."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from reconciler.apply.listing import back_to, find_in_list, read_list
from reconciler.domain.errors import (
    JobGoneError,
    NotSentError,
    RejectedError,
    ServerError,
    UnavailableError,
)
from reconciler.domain.errors import UnauthorizedError as KeyRefusedError
from reconciler.domain.observed import FileFact, Gone, Listing, Observed, ObservedJob, Sidecar
from reconciler.domain.ports import AssetStore, Clock, Files, Server
from reconciler.domain.provider import Provider, reaching
from reconciler.domain.recipe import RecipeDigest, Sha256
from reconciler.domain.recorded import Asset, Generation, GenerationId, PublishedFile
from reconciler.plan.looks import Looks

ServerOf = Callable[[str], Server]
"""The server of a provider by its name; refuses one that is not trusted."""

_UNREACHABLE = (UnavailableError, NotSentError, KeyRefusedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """The ports that looking needs."""

    clock: Clock
    server_of: ServerOf
    assets: AssetStore
    files: Files
    providers: Mapping[str, Provider]


@dataclass(slots=True)
class _Seen:
    jobs: dict[GenerationId, ObservedJob | Gone] = field(default_factory=dict)
    unreachable: dict[str, str] = field(default_factory=dict)
    listed: dict[str, Listing] = field(default_factory=dict)
    named: dict[tuple[str, str], ObservedJob | Gone] = field(default_factory=dict)
    refused: dict[tuple[str, str], str] = field(default_factory=dict)


async def observe(looks: Looks, eyes: Eyes, *, every_byte: bool) -> Observed:
    """Look at all that a plan depends on. Writes nothing.

    With `every_byte` each file is read and hashed, else only those whose stat moved. A
    server that cannot be asked is told in the result, never raised.
    """
    seen = _Seen()
    by_provider: dict[str, list[Generation]] = {}
    for generation in looks.jobs:
        able = reaching(eyes.providers, name=generation.provider, account=generation.account)
        if able is not None:
            by_provider.setdefault(able.name, []).append(generation)
    for provider, generations in sorted(by_provider.items()):
        await _ask_jobs(provider, generations, eyes, seen)
    for provider, remote_id in looks.named:
        await _ask_named(provider, remote_id, eyes, seen)
    for provider in looks.lists:
        await _list(provider, eyes, seen)
    look = _read if every_byte else _read_if_moved
    reading = eyes.assets.read_sidecars(looks.digests)
    remembered = (asset for sidecar in reading.sidecars for asset in sidecar.assets)
    return Observed(
        at=eyes.clock.now(),
        jobs=seen.jobs,
        unreachable=seen.unreachable,
        files={
            **{file.path: look(file, eyes.files) for file in looks.files},
            **{path: eyes.files.read(path) for path in looks.paths},
        },
        stored=_stored((*looks.assets, *remembered), eyes.assets, every_byte=every_byte),
        sidecars=_by_recipe(reading.sidecars),
        unreadable={each.digest: each for each in reading.unreadable},
        listed=seen.listed,
        told=_told_of(eyes.assets) if looks.every_sidecar else frozenset(),
        named=seen.named,
        refused=seen.refused,
    )


def _told_of(assets: AssetStore) -> frozenset[tuple[str, str]]:
    return frozenset((each.account, each.remote_id) for each in assets.every_sidecar())


def _by_recipe(sidecars: Iterable[Sidecar]) -> Mapping[RecipeDigest, tuple[Sidecar, ...]]:
    found: dict[RecipeDigest, tuple[Sidecar, ...]] = {}
    for sidecar in sidecars:
        found[sidecar.digest] = (*found.get(sidecar.digest, ()), sidecar)
    return found


def _told(error: ServerError) -> str:
    return f"{error.message} ({error.fix})" if error.fix else error.message


async def _list(name: str, eyes: Eyes, seen: _Seen) -> None:
    """See what a server has that could be taken instead of bought, and that it answers at all.

    Not of the embedded one, unless somebody wants it: nothing of its is paid for, and a plan
    should not have to start it.
    """
    provider = eyes.providers.get(name)
    if provider is None or provider.profile.list == "none" or name in seen.unreachable:
        return
    if provider.profile.embedded and provider.account_use != "exclusive":
        return
    lifetime_s = provider.profile.asset_lifetime_s
    oldest = None if lifetime_s is None else eyes.clock.now() - timedelta(seconds=lifetime_s)
    try:
        seen.listed[name] = await read_list(eyes.server_of(name), enough=back_to(oldest))
    except _UNREACHABLE as error:
        seen.unreachable[name] = _told(error)
    except ServerError:
        return  # it answers, if not well; the paid request will tell


async def _ask_jobs(name: str, generations: Iterable[Generation], eyes: Eyes, seen: _Seen) -> None:
    server = eyes.server_of(name)
    wanted = {generation.remote_id: generation.id for generation in generations}
    try:
        if eyes.providers[name].profile.list != "none" and len(wanted) > 1:
            for job in await _in_list(server, wanted.keys()):
                seen.jobs[wanted.pop(job.remote_id)] = job
        for remote_id, identity in wanted.items():
            try:
                seen.jobs[identity] = await server.retrieve(remote_id)
            except JobGoneError:
                seen.jobs[identity] = "gone"
    except _UNREACHABLE as error:
        seen.unreachable[name] = _told(error)
    except ServerError as error:
        # A server that answers with nonsense has told nothing about its jobs.
        seen.unreachable[name] = _told(error)


async def _in_list(server: Server, remote_ids: Iterable[str]) -> tuple[ObservedJob, ...]:
    try:
        return await find_in_list(server, remote_ids)
    except RejectedError:
        return ()  # it has no list, whatever its profile says: each job is asked for


async def _ask_named(name: str, remote_id: str, eyes: Eyes, seen: _Seen) -> None:
    """See how a job stands that is to be imported; this starts the embedded server, too."""
    if name not in eyes.providers or name in seen.unreachable:
        return
    try:
        seen.named[name, remote_id] = await eyes.server_of(name).retrieve(remote_id)
    except JobGoneError:
        seen.named[name, remote_id] = "gone"
    except RejectedError as error:
        seen.refused[name, remote_id] = _told(error)  # of this one; it answers of others
    except ServerError as error:
        seen.unreachable[name] = _told(error)


def _read_if_moved(file: PublishedFile, files: Files) -> FileFact | None:
    fact = files.look(file.path)
    if fact is None or fact.stat == file.stat:
        return fact
    return files.read(file.path)


def _read(file: PublishedFile, files: Files) -> FileFact | None:
    return files.read(file.path)


def _stored(
    assets: Iterable[Asset], store: AssetStore, *, every_byte: bool
) -> Mapping[Sha256, bool]:
    is_there = store.is_intact if every_byte else store.is_whole
    return {asset.sha256: is_there(asset) for asset in assets}
