"""Looking at servers, disk and asset store, for a plan to be made from."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.domain.errors import JobGoneError, NotSentError, ServerError, UnavailableError
from reconciler.domain.errors import UnauthorizedError as KeyRefusedError
from reconciler.domain.observed import FileFact, Gone, JobPage, Observed, ObservedJob
from reconciler.domain.ports import AssetStore, Clock, Files, Server
from reconciler.domain.provider import Provider, reaching
from reconciler.domain.recipe import Sha256
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
    for provider in looks.buys_from:
        await _knock(provider, by_provider, eyes, seen)
    look = _read if every_byte else _read_if_moved
    return Observed(
        at=eyes.clock.now(),
        jobs=seen.jobs,
        unreachable=seen.unreachable,
        files={
            **{file.path: look(file, eyes.files) for file in looks.files},
            **{path: eyes.files.read(path) for path in looks.paths},
        },
        stored=_stored(looks.assets, eyes.assets, every_byte=every_byte),
        sidecars=eyes.assets.sidecars(looks.digests),
    )


def _told(error: ServerError) -> str:
    return f"{error.message} ({error.fix})" if error.fix else error.message


async def _knock(name: str, asked: Mapping[str, list[Generation]], eyes: Eyes, seen: _Seen) -> None:
    """See that a server from which something would be bought answers at all."""
    profile = eyes.providers[name].profile
    if profile.embedded or profile.list == "none" or name in asked:
        return
    try:
        await eyes.server_of(name).page()
    except _UNREACHABLE as error:
        seen.unreachable[name] = _told(error)
    except ServerError:
        return  # it answers, if not well; the paid request will tell


async def _ask_jobs(name: str, generations: Iterable[Generation], eyes: Eyes, seen: _Seen) -> None:
    server = eyes.server_of(name)
    wanted = {generation.remote_id: generation.id for generation in generations}
    try:
        if eyes.providers[name].profile.list != "none" and len(wanted) > 1:
            for job in await find_in_list(server, wanted.keys()):
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


async def find_in_list(server: Server, remote_ids: Iterable[str]) -> tuple[ObservedJob, ...]:
    """The jobs of these ids, as far as the newest pages of the list hold them.

    Reads one page for each 100 ids, and one more: what is not found is asked for by its id.
    """
    missing = set(remote_ids)
    found: list[ObservedJob] = []
    pages = len(missing) // 100 + 2
    after: str | None = None
    for _ in range(pages):
        page: JobPage = await server.page(after=after)
        for job in page.jobs:
            if job.remote_id in missing:
                missing.discard(job.remote_id)
                found.append(job)
        after = page.next_after
        if not missing or after is None:
            break
    return tuple(found)


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
