"""One job of a server: what is known of it, its assets as files, and its end."""

import asyncio
import hashlib
import re
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from typing_extensions import TypedDict

from reconciler.cli.asking import consent
from reconciler.cli.documents import FORMAT
from reconciler.cli.job_text import told
from reconciler.cli.opening import open_outside, open_project, print_document
from reconciler.cli.options import Options
from reconciler.cli.units import instant, printable, size
from reconciler.cli.wiring import (
    Declared,
    Outside,
    asset_store,
    fetch_asset,
    file_that_lands,
    media_type_of,
    picture_of_video,
)
from reconciler.domain.errors import (
    BadAssetError,
    JobGoneError,
    NotReadyError,
    RefusedError,
    RejectedError,
    ServerError,
    SorafileError,
)
from reconciler.domain.observed import ObservedJob
from reconciler.domain.ports import Server
from reconciler.domain.profile import Variant
from reconciler.domain.provider import Provider
from reconciler.domain.recorded import Generation, RecordedState
from reconciler.plan.lost_answers import awaiting

Role = Literal["current", "pending", "deposed"]
Source = Literal["server", "store", "made"]
"""Whence an asset came: the server, the asset store, or made here from the video."""

_NAME_CHARACTERS_MAX = 80


class HolderDocument(TypedDict):
    """An address that holds a job."""

    address: str
    role: Role


class JobErrorDocument(TypedDict):
    """Why a job failed, in the server's words."""

    code: str
    message: str


class JobDocument(TypedDict):
    """All facts of one job. What the server does not tell is null."""

    id: str
    status: str
    progress: int
    created_at: str | None
    completed_at: str | None
    expires_at: str | None
    prompt: str | None
    model: str | None
    seconds: str | None
    size: str | None
    remixed_from: str | None
    error: JobErrorDocument | None
    recorded: bool
    held_by: list[HolderDocument]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the state knows of a job: nothing, or its generation and who holds that."""

    generation: Generation | None
    holders: tuple[tuple[str, Role], ...]


def declared_provider(declared: Declared, name: str | None) -> Provider:
    """The provider of that name; the project's where none is said.

    Raises:
        SorafileError: there is none.
    """
    chosen = name or declared.project.default_provider
    if chosen not in declared.providers:
        known = ", ".join(sorted(declared.providers))
        raise SorafileError(f"no provider {chosen} is declared", fix=f"name one of: {known}")
    return declared.providers[chosen]


async def every_job(outside: Outside, name: str) -> list[ObservedJob]:
    """All jobs that a provider lists, newest first, each once.

    Raises:
        ServerError: the list cannot be had.
        SorafileError: it never ends.
    """
    jobs: dict[str, ObservedJob] = {}
    cursors: set[str] = set()
    server, after = outside.server_of(name), None
    while True:
        page = await server.page(after=after)
        known = len(jobs)
        for job in page.jobs:
            jobs.setdefault(job.remote_id, job)
        after = page.next_after
        if after is None:
            return list(jobs.values())
        if after in cursors or (page.jobs and len(jobs) == known):
            raise SorafileError(f"the list of {name} goes round in circles")
        cursors.add(after)


def show_job(said: Options, remote_id: str, provider_name: str | None) -> int:
    """Tell all facts of one job, whether it is recorded, and by which address."""
    declared = open_project(said)
    provider = declared_provider(declared, provider_name)
    outside = open_outside(said, declared)
    standing = _standing(outside.reader().read(), provider, remote_id)
    job = asyncio.run(_retrieved(said, outside, provider, remote_id, standing))
    if said.json:
        document = _document(job, standing)
        print_document(said, {"format_version": FORMAT, "provider": provider.name, "job": document})
        return 0
    for name, value in _facts(job, standing):
        said.terminal.out.print(f"{name:<13} {printable(value)}", soft_wrap=True)
    return 0


def download_asset(
    said: Options,
    remote_id: str,
    provider_name: str | None,
    variant: Variant,
    output: Path | None,
    *,
    overwrite: bool,
) -> int:
    """Write one asset of a job to a file, checked, and tell where it is."""
    declared = open_project(said)
    provider = declared_provider(declared, provider_name)
    target = said.folder / (output or _file_name(remote_id, variant))
    outside = open_outside(said, declared)
    if not target.parent.is_dir():
        raise SorafileError(
            f"{target} cannot be written: there is no folder {target.parent}",
            fix="make that folder first",
        )
    generation = _standing(outside.reader().read(), provider, remote_id).generation
    wanted = _Wanted(
        remote_id=remote_id,
        variant=variant,
        provider=provider,
        stored=_stored_video(declared, generation),
        to_show=_to_show(said, provider, remote_id),
    )

    async def run() -> tuple[Source, str, int, str]:
        try:
            server = outside.server_of(provider.name)
            with file_that_lands(target, overwrite=overwrite) as file:
                source = await _bring(server, wanted, file)
                media_type = media_type_of(file, variant)
                file.seek(0)
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # it can be read
                return source, media_type, file.tell(), sha256
        finally:
            await outside.aclose()

    source, media_type, count, sha256 = asyncio.run(run())
    if said.json:
        document = {
            "format_version": FORMAT,
            "provider": provider.name,
            "id": remote_id,
            "variant": variant.value,
            "path": str(target),
            "bytes": count,
            "sha256": sha256,
            "media_type": media_type,
            "source": source,
        }
        print_document(said, document)
        return 0
    if source == "made":
        said.terminal.talk(f"The server gives no {variant}: it is made here from the video.")
    elif source == "store":
        said.terminal.talk("The server does not give it: it comes from the asset store.")
    said.terminal.out.print(f"{target}  {media_type}, {size(count)}", soft_wrap=True)
    return 0


def delete_job(said: Options, remote_id: str, provider_name: str | None, *, yes: bool) -> int:
    """Delete one job that nobody here records, once a person has said so."""
    declared = open_project(said)
    provider = declared_provider(declared, provider_name)
    if not provider.profile.delete:
        raise SorafileError(f"provider {provider.name} deletes no jobs")
    outside = open_outside(said, declared)
    # A recorded job is refused without asking its server, which may be away.
    _refuse_a_recorded_one(said, outside.reader().read(), provider, remote_id)
    asyncio.run(_delete(said, outside, provider, remote_id, yes=yes))
    if said.json:
        document = {"format_version": FORMAT, "provider": provider.name, "deleted": remote_id}
        print_document(said, document)
    else:
        said.terminal.talk(f"Deleted {printable(remote_id)}.")
    return 0


async def _delete(
    said: Options, outside: Outside, provider: Provider, remote_id: str, *, yes: bool
) -> None:
    try:
        server = outside.server_of(provider.name)
        job = await _seen(said, server, provider, remote_id)
        _refuse_what_was_paid_for(said, outside.reader().read(), provider, job)
        if not yes:
            about = f"{remote_id} on {provider.name}: {told(job)}"
            consent(said, about, "Delete it for good, with its assets?")
            # A person may have thought for long, and a run may have taken the job meanwhile.
            recorded = outside.reader().read()
            _refuse_a_recorded_one(said, recorded, provider, remote_id)
            _refuse_what_was_paid_for(said, recorded, provider, job)
        await server.delete(remote_id)
    finally:
        await outside.aclose()


def _refuse_a_recorded_one(
    said: Options, recorded: RecordedState, provider: Provider, remote_id: str
) -> None:
    standing = _standing(recorded, provider, remote_id)
    if standing.generation is None:
        return
    if not standing.holders:
        raise RefusedError(
            f"job {remote_id} is recorded, though no address holds it now: it was paid for",
            fix=f"see it: {_to_show(said, provider, remote_id)}",
        )
    addresses = ", ".join(address for address, _ in standing.holders)
    if all(role == "deposed" for _, role in standing.holders):
        raise RefusedError(
            f"job {remote_id} is recorded: {addresses} held it before",
            fix=f"it is deleted by: {said.command('apply')}",
        )
    raise RefusedError(
        f"job {remote_id} is recorded: {addresses} holds it",
        fix=f"take {addresses} out of its spec, then: {said.command('apply')}",
    )


def _refuse_what_was_paid_for(
    said: Options, recorded: RecordedState, provider: Provider, job: ObservedJob
) -> None:
    """A job that may be the lost answer to a paid request is not to be thrown away."""
    attempt = awaiting(recorded.attempts, provider.account, job)
    if attempt is not None:
        words = f"{shlex.quote(str(attempt.address))} --adopt {shlex.quote(job.remote_id)}"
        raise RefusedError(
            f"job {job.remote_id} may be what a paid request for {attempt.address} made",
            fix=f"decide that first: {said.command(f'resolve {words}')}",
        )


def _standing(recorded: RecordedState, provider: Provider, remote_id: str) -> Standing:
    its_own = (provider.account, remote_id)
    generation = next(
        (each for each in recorded.generations.values() if _name(each) == its_own), None
    )
    holders: list[tuple[str, Role]] = []
    for address, held in recorded.videos.items():
        roles: list[tuple[Role, Generation | None]] = [
            ("current", held.current),
            ("pending", held.pending),
            *(("deposed", each) for each in held.deposed),
        ]
        holders += [(str(address), role) for role, each in roles if each and _name(each) == its_own]
    return Standing(generation=generation, holders=tuple(holders))


def _name(generation: Generation) -> tuple[str, str]:
    return generation.account, generation.remote_id


async def _retrieved(
    said: Options, outside: Outside, provider: Provider, remote_id: str, standing: Standing
) -> ObservedJob:
    try:
        return await _seen(said, outside.server_of(provider.name), provider, remote_id)
    except SorafileError as error:
        if standing.holders:  # of which the state tells, whatever the server does
            address, _ = standing.holders[0]
            error.fix = f"see what is recorded: {said.command(f'show {shlex.quote(address)}')}"
        raise
    finally:
        await outside.aclose()


async def _seen(said: Options, server: Server, provider: Provider, remote_id: str) -> ObservedJob:
    try:
        return await server.retrieve(remote_id)
    except JobGoneError as error:
        raise SorafileError(
            f"{provider.name} knows no job {remote_id}",
            fix=f"see its jobs: {said.command(f'remote list --provider {provider.name}')}",
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """An asset that is to be brought."""

    remote_id: str
    variant: Variant
    provider: Provider
    stored: Path | None  # the video of that job, in the asset store
    to_show: str  # the command that shows the job


async def _bring(server: Server, wanted: _Wanted, file: BinaryIO) -> Source:
    """Fill a file with an asset that is whole and of its kind, from where it can be had."""
    try:
        if wanted.variant is Variant.VIDEO or wanted.variant in wanted.provider.profile.variants:
            await _fetch(server, wanted, wanted.variant, file)
            return "server"
    except (ServerError, BadAssetError) as error:
        # What is stored is whole, and of that job: whatever ails the server does not matter.
        if wanted.stored is None and not _lacks_a_picture(wanted.variant, error):
            raise
        file.seek(0)
        file.truncate()
    if wanted.variant is Variant.VIDEO and wanted.stored is not None:
        with wanted.stored.open("rb") as stored:
            shutil.copyfileobj(stored, file)
        return "store"
    file.write(await _picture(server, wanted))
    return "made"


def _lacks_a_picture(variant: Variant, error: SorafileError) -> bool:
    """Whether the server has no such picture of a job, though it may well have the video."""
    is_none = isinstance(error, JobGoneError | RejectedError | BadAssetError)
    return variant is not Variant.VIDEO and is_none


async def _picture(server: Server, wanted: _Wanted) -> bytes:
    if wanted.stored is not None:
        return await asyncio.to_thread(picture_of_video, wanted.stored, wanted.variant)
    with tempfile.NamedTemporaryFile(prefix="sorafile-", buffering=0) as file:
        await _fetch(server, wanted, Variant.VIDEO, file)  # type: ignore[arg-type] # a binary file all the same
        return await asyncio.to_thread(picture_of_video, Path(file.name), wanted.variant)


async def _fetch(server: Server, wanted: _Wanted, variant: Variant, file: BinaryIO) -> None:
    try:
        await fetch_asset(server, wanted.remote_id, variant, file)
    except NotReadyError as error:
        raise NotReadyError(
            f"job {wanted.remote_id} has no {variant} yet: {error.message}",
            fix=f"see how it stands: {wanted.to_show}",
        ) from error
    except JobGoneError as error:
        raise JobGoneError(
            error.message, expired=error.expired, fix=f"see the job: {wanted.to_show}"
        ) from error
    media_type_of(file, variant)


def _stored_video(declared: Declared, generation: Generation | None) -> Path | None:
    video = generation.asset(Variant.VIDEO) if generation else None
    if video is None:
        return None
    store = asset_store(declared.project)
    path = store.path(video.sha256)
    return path if path.is_file() and store.is_intact(video) else None


def _to_show(said: Options, provider: Provider, remote_id: str) -> str:
    words = f"remote show {shlex.quote(remote_id)} --provider {provider.name}"
    return said.command(words)


def _file_name(remote_id: str, variant: Variant) -> str:
    """A name for a file; ids are opaque, and may hold slashes and hundreds of characters."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", remote_id).lstrip(".-")[:_NAME_CHARACTERS_MAX]
    if name != remote_id:
        name += f"-{hashlib.sha256(remote_id.encode('utf-8', 'replace')).hexdigest()[:8]}"
    return f"{name}.{variant.extension}"


def _document(job: ObservedJob, standing: Standing) -> JobDocument:
    error = job.error
    return JobDocument(
        id=job.remote_id,
        status=job.status.value,
        progress=job.progress,
        created_at=instant(job.created_at) if job.created_at else None,
        completed_at=instant(job.completed_at) if job.completed_at else None,
        expires_at=instant(job.expires_at) if job.expires_at else None,
        prompt=job.prompt,
        model=job.model,
        seconds=job.seconds,
        size=job.size,
        remixed_from=job.remixed_from,
        error=JobErrorDocument(code=error.code, message=error.message) if error else None,
        recorded=standing.generation is not None,
        held_by=[HolderDocument(address=at, role=role) for at, role in standing.holders],
    )


def _facts(job: ObservedJob, standing: Standing) -> list[tuple[str, str]]:
    document = _document(job, standing)
    seconds = f"{job.seconds} s" if job.seconds else None
    error = f"{job.error.code}: {job.error.message}" if job.error else None
    holders = ", ".join(f"{address} ({role})" for address, role in standing.holders)
    recorded = "no" if standing.generation is None else f"yes, {holders or 'held by no address'}"
    shown = (
        ("id", job.remote_id),
        ("status", f"{job.status.value} {job.progress} %"),
        ("recorded", recorded),
        ("created", document["created_at"]),
        ("completed", document["completed_at"]),
        ("expires", document["expires_at"]),
        ("model", job.model),
        ("length", seconds),
        ("size", job.size),
        ("remixed from", job.remixed_from),
        ("error", error),
        ("prompt", job.prompt),
    )
    return [(name, value) for name, value in shown if value]
