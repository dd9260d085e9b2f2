"""From rows to recorded values.

Whole tables are read, a statement each, and joined here: that is several times faster than
asking for each video, and faster than an ORM.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Text, exists, select, type_coerce, union

from reconciler.domain.address import Address
from reconciler.domain.desired import Lifecycle, OnLost, RemotePolicy
from reconciler.domain.errors import StateError
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import Recipe, RecipeDigest, digest_of, recipe_from
from reconciler.domain.recorded import (
    LIVE_STATES,
    Asset,
    Attempt,
    AttemptState,
    BegunFile,
    FileStat,
    Generation,
    GenerationId,
    JobError,
    JobStatus,
    PublishedFile,
    Recorded,
    RecordedState,
)
from reconciler.state import tables
from reconciler.state.columns import EchoText, LifecycleText, RemoteIds, Tags
from reconciler.state.failures import BadRowsError, decoding

Key = TypeVar("Key")
Value = TypeVar("Value")

_STATUS = {status.value: status for status in JobStatus}
_ATTEMPT_STATE = {state.value: state for state in AttemptState}
_VARIANT = {variant.value: variant for variant in Variant}
_KNOWN = frozenset({AttemptState.ACKNOWLEDGED.value, AttemptState.ADOPTED.value})

_GENERATIONS = (
    select(
        tables.generations.c.id,
        tables.generations.c.digest,
        tables.recipes.c.canonical,
        tables.generations.c.provider,
        tables.generations.c.account,
        tables.generations.c.remote_id,
        tables.generations.c.origin,
        tables.generations.c.status,
        tables.generations.c.progress,
        tables.generations.c.created_at,
        tables.generations.c.completed_at,
        tables.generations.c.expires_at,
        tables.generations.c.error_code,
        tables.generations.c.error_message,
        tables.generations.c.cost_usd,
        tables.generations.c.attempt_id,
        tables.generations.c.is_ours,
        tables.generations.c.on_server,
        tables.generations.c.missing_count,
        tables.generations.c.missing_since,
        tables.generations.c.lost,
    )
    .join_from(tables.generations, tables.recipes)
    .order_by(tables.generations.c.created_at, tables.generations.c.id)
)
_ASSETS = select(
    tables.assets.c.generation_id,
    tables.assets.c.variant,
    tables.assets.c.sha256,
    tables.assets.c.bytes,
    tables.assets.c.media_type,
    tables.assets.c.width,
    tables.assets.c.height,
    tables.assets.c.duration_s,
).order_by(tables.assets.c.generation_id, tables.assets.c.variant)


def read_state(connection: Connection, workspace: str) -> RecordedState:
    """All that one workspace needs to know. One that does not exist yet holds no videos.

    Raises:
        BadRowsError: they hold what no release writes.
    """
    address_of = cache(Address.parse)  # most of them are met twice
    with decoding():
        generations = _generations(connection, _GENERATIONS, _ASSETS)
        return RecordedState(
            database_id=connection.execute(select(tables.meta.c.database_id)).scalar_one(),
            videos=_videos(connection, workspace, generations, address_of),
            generations=generations,
            attempts=_live_attempts(connection, address_of),
            given_up=_given_up(connection, address_of),
            spares=_spares(connection, workspace, address_of),
            begun=_begun(connection, workspace, address_of),
            held_elsewhere=_held_elsewhere(connection, workspace),
            is_new=connection.execute(select(tables.runs.c.id).limit(1)).first() is None,
        )


def read_generation(connection: Connection, generation: GenerationId) -> Generation:
    """One generation with its assets.

    Raises:
        StateError: the database records no such generation.
    """
    found = _generations(
        connection,
        _GENERATIONS.where(tables.generations.c.id == generation),
        _ASSETS.where(tables.assets.c.generation_id == generation),
    )
    if not found:
        raise StateError(f"no generation `{generation}` is recorded")
    return found[generation]


def _generations(
    connection: Connection, generations: Select[Any], assets: Select[Any]
) -> dict[GenerationId, Generation]:
    stored = _grouped(_assets(connection, assets))
    rows = connection.execute(generations).all()
    return {row[0]: _generation(row, stored.get(row[0], ())) for row in rows}


def _generation(row: Sequence[Any], assets: tuple[Asset, ...]) -> Generation:
    # Unpacked in the order of the statement above: a Row's attributes cost as much again as
    # the value that is made of them.
    (
        identity,
        digest,
        canonical,
        provider,
        account,
        remote_id,
        origin,
        status,
        progress,
        created_at,
        completed_at,
        expires_at,
        error_code,
        error_message,
        cost_usd,
        attempt,
        is_ours,
        on_server,
        missing_count,
        missing_since,
        lost,
    ) = row
    return Generation(
        id=identity,
        recipe=recipe_in(canonical, digest),
        digest=digest,
        provider=provider,
        account=account,
        remote_id=remote_id,
        origin=origin,
        status=_STATUS[status],
        progress=progress,
        created_at=created_at,
        completed_at=completed_at,
        expires_at=expires_at,
        error=None if error_code is None else JobError(code=error_code, message=error_message),
        cost_usd=cost_usd,
        attempt=attempt,
        assets=assets,
        is_ours=is_ours,
        on_server=on_server,
        missing_count=missing_count,
        missing_since=missing_since,
        lost=lost,
    )


def recipe_in(canonical: str, digest: RecipeDigest) -> Recipe:
    """Read a recipe back from its row.

    Raises:
        BadRowsError: it is not the one of that digest.
        StateError: this release cannot.
    """
    try:
        return recipe_from(canonical)
    except ValueError as error:
        if digest_of(canonical) != digest:
            raise BadRowsError(f"recipe {digest} holds the text of another") from error
        raise StateError(
            f"the state database holds a recipe that cannot be read: {error}",
            fix="Install the release of sorafile that wrote it, or a later one.",
        ) from error


def _assets(connection: Connection, assets: Select[Any]) -> Iterator[tuple[GenerationId, Asset]]:
    for (
        generation,
        variant,
        sha256,
        size_bytes,
        media_type,
        width,
        height,
        duration_s,
    ) in connection.execute(assets).all():
        yield (
            generation,
            Asset(
                variant=_VARIANT[variant],
                sha256=sha256,
                bytes=size_bytes,
                media_type=media_type,
                width=width,
                height=height,
                duration_s=duration_s,
            ),
        )


def _videos(
    connection: Connection,
    workspace: str,
    generations: Mapping[GenerationId, Generation],
    address_of: Callable[[str], Address],
) -> dict[Address, Recorded]:
    deposed = _deposed(connection, workspace, generations)
    files = _published_files(connection, workspace)
    lifecycle_of, tags_of = cache(_lifecycle), cache(Tags.decode)
    videos = tables.videos
    rows = connection.execute(
        select(
            videos.c.address,
            videos.c.current_id,
            videos.c.pending_id,
            videos.c.protect,
            videos.c.on_lost,
            videos.c.remote,
            type_coerce(videos.c.tags, Text()),
        )
        .where(videos.c.workspace == workspace)
        .order_by(videos.c.address)
    ).all()
    found = {}
    for address, current, pending, protect, on_lost, remote, tags in rows:
        parsed = address_of(address)
        found[parsed] = Recorded(
            address=parsed,
            current=None if current is None else generations[current],
            pending=None if pending is None else generations[pending],
            deposed=deposed.get(address, ()),
            published=files.get(address, ()),
            lifecycle=lifecycle_of(protect, on_lost, remote),
            tags=tags_of(tags),
        )
    return found


def _lifecycle(protect: bool, on_lost: OnLost, remote: RemotePolicy) -> Lifecycle:
    return Lifecycle(protect=protect, on_lost=on_lost, remote=remote)


def _deposed(
    connection: Connection, workspace: str, generations: Mapping[GenerationId, Generation]
) -> dict[str, tuple[Generation, ...]]:
    deposed = tables.deposed
    rows = connection.execute(
        select(deposed.c.address, deposed.c.generation_id)
        .where(deposed.c.workspace == workspace)
        .order_by(deposed.c.deposed_at, deposed.c.generation_id)
    ).all()
    return _grouped((address, generations[generation]) for address, generation in rows)


def _published_files(
    connection: Connection, workspace: str
) -> dict[str, tuple[PublishedFile, ...]]:
    files = tables.published_files
    rows = connection.execute(
        select(
            files.c.address,
            files.c.variant,
            files.c.path,
            files.c.sha256,
            files.c.bytes,
            files.c.mtime_ns,
            files.c.inode,
        )
        .where(files.c.workspace == workspace)
        .order_by(files.c.path)
    ).all()
    return _grouped(
        (
            address,
            PublishedFile(
                variant=_VARIANT[variant],
                path=path,
                sha256=sha256,
                stat=FileStat(bytes=size_bytes, mtime_ns=mtime_ns, inode=inode),
            ),
        )
        for address, variant, path, sha256, size_bytes, mtime_ns, inode in rows
    )


def _begun(
    connection: Connection, workspace: str, address_of: Callable[[str], Address]
) -> tuple[BegunFile, ...]:
    files = tables.begun_files
    rows = connection.execute(
        select(files.c.address, files.c.variant, files.c.path, files.c.sha256)
        .where(files.c.workspace == workspace)
        .order_by(files.c.path)
    ).all()
    return tuple(
        BegunFile(address=address_of(address), variant=_VARIANT[variant], path=path, sha256=sha256)
        for address, variant, path, sha256 in rows
    )


_ATTEMPTS = select(
    tables.attempts.c.id,
    tables.attempts.c.digest,
    tables.attempts.c.address,
    tables.attempts.c.provider,
    tables.attempts.c.account,
    tables.attempts.c.state,
    tables.attempts.c.reserved_at,
    tables.attempts.c.sending_at,
    tables.attempts.c.cost_usd,
    tables.attempts.c.evidence,
    tables.attempts.c.workspace,
    tables.attempts.c.kin,
    # Decoded only where somebody asks for them: most attempts came to a good end.
    type_coerce(tables.attempts.c.echo, Text()),
    type_coerce(tables.attempts.c.watermark, Text()),
    tables.attempts.c.made,
    tables.attempts.c.over_at,
    tables.attempts.c.may_repeat,
    type_coerce(tables.attempts.c.tags, Text()),
    type_coerce(tables.attempts.c.lifecycle, Text()),
).order_by(tables.attempts.c.reserved_at, tables.attempts.c.id)


def _live_attempts(
    connection: Connection, address_of: Callable[[str], Address]
) -> tuple[Attempt, ...]:
    statement = _ATTEMPTS.where(
        tables.attempts.c.state.in_(LIVE_STATES),
        # What was found again and is held by no address yet was asked for by nobody: its
        # generation tells all that there is to know.
        tables.attempts.c.address.is_not(None),
    )
    return _attempts(connection, statement, address_of)


def _given_up(connection: Connection, address_of: Callable[[str], Address]) -> tuple[Attempt, ...]:
    """The attempts that were given up, and whose job has not shown."""
    of_it = tables.generations.c.attempt_id == tables.attempts.c.id
    statement = _ATTEMPTS.where(
        tables.attempts.c.state.in_((AttemptState.DISPROVED, AttemptState.WRITTEN_OFF)),
        ~exists().where(of_it),
    )
    return _attempts(connection, statement, address_of)


def _attempts(
    connection: Connection, statement: Select[Any], address_of: Callable[[str], Address]
) -> tuple[Attempt, ...]:
    tags_of, lifecycle_of = cache(Tags.decode), cache(LifecycleText.decode)
    return tuple(
        Attempt(
            id=identity,
            digest=digest,
            address=address_of(address),
            provider=provider,
            account=account,
            state=_ATTEMPT_STATE[state],
            reserved_at=reserved_at,
            sending_at=sending_at,
            cost_usd=cost_usd,
            evidence=evidence,
            workspace=workspace,
            kin=kin,
            echo=None if echo is None or state in _KNOWN else EchoText.decode(echo),
            watermark=None if marks is None or state in _KNOWN else RemoteIds.decode(marks),
            made=made,
            over_at=over_at,
            may_repeat=may_repeat,
            tags=() if tags is None else tags_of(tags),
            deadline_s=None if lifecycle is None else lifecycle_of(lifecycle).deadline_s,
        )
        for (
            identity,
            digest,
            address,
            provider,
            account,
            state,
            reserved_at,
            sending_at,
            cost_usd,
            evidence,
            workspace,
            kin,
            echo,
            marks,
            made,
            over_at,
            may_repeat,
            tags,
            lifecycle,
        ) in connection.execute(statement).all()
    )


def _spares(
    connection: Connection, workspace: str, address_of: Callable[[str], Address]
) -> dict[GenerationId, Address]:
    """What this workspace paid for and nobody holds, as long as its video is not stored."""
    generations, attempts, videos = tables.generations, tables.attempts, tables.videos
    statement = (
        select(generations.c.id, attempts.c.address)
        .join_from(generations, attempts, generations.c.attempt_id == attempts.c.id)
        .where(
            attempts.c.workspace == workspace,
            attempts.c.address.is_not(None),
            generations.c.status != JobStatus.FAILED,
            generations.c.on_server,
            ~generations.c.lost,
            ~exists().where(
                tables.assets.c.generation_id == generations.c.id,
                tables.assets.c.variant == Variant.VIDEO,
            ),
            ~exists().where(videos.c.current_id == generations.c.id),
            ~exists().where(videos.c.pending_id == generations.c.id),
            ~exists().where(tables.deposed.c.generation_id == generations.c.id),
        )
        .order_by(generations.c.id)
    )
    rows = connection.execute(statement).all()
    return {GenerationId(identity): address_of(address) for identity, address in rows}


def _held_elsewhere(connection: Connection, workspace: str) -> frozenset[GenerationId]:
    videos, deposed = tables.videos, tables.deposed
    held = union(
        select(videos.c.current_id).where(videos.c.workspace != workspace),
        select(videos.c.pending_id).where(videos.c.workspace != workspace),
        select(deposed.c.generation_id).where(deposed.c.workspace != workspace),
    )
    found = connection.execute(held).scalars()
    return frozenset(generation for generation in found if generation is not None)


def _grouped(pairs: Iterable[tuple[Key, Value]]) -> dict[Key, tuple[Value, ...]]:
    groups: defaultdict[Key, list[Value]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(values) for key, values in groups.items()}
