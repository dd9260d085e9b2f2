"""What each address of a workspace holds: generations, published files, settings."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, exists, insert, or_, select, update

from reconciler.domain.address import Address
from reconciler.domain.desired import DEFAULT_LIFECYCLE, Lifecycle
from reconciler.domain.errors import StateError
from reconciler.domain.recorded import LIVE_STATES, BegunFile, GenerationId, PublishedFile
from reconciler.state.tables import (
    attempts,
    begun_files,
    deposed,
    generations,
    published_files,
    videos,
)
from reconciler.state.transaction import Transaction, insert_once

_ASIDE = Address("(aside)")  # which nobody can declare


def hold(transaction: Transaction, address: Address, generation: GenerationId) -> None:
    """Make a generation the address's pending one; another pending one is deposed.

    What the address asked for with its attempt is recorded from now on: it must be protected
    while its first job runs.

    Raises:
        StateError: no such generation is recorded.
    """
    made = transaction.connection.execute(
        select(
            generations.c.provider,
            generations.c.attempt_id,
            attempts.c.address,
            attempts.c.lifecycle,
            attempts.c.tags,
        )
        .select_from(generations.outerjoin(attempts, generations.c.attempt_id == attempts.c.id))
        .where(generations.c.id == generation)
    ).first()
    if made is None:
        raise StateError(f"no generation `{generation}` is recorded")
    is_asked_here = made.address == str(address)
    asked = made.lifecycle if is_asked_here and made.lifecycle else DEFAULT_LIFECYCLE
    video = _video(transaction, address)
    if video is None:
        transaction.connection.execute(
            insert(videos).values(
                workspace=transaction.workspace,
                address=str(address),
                provider=made.provider,
                pending_id=generation,
                tags=made.tags if is_asked_here and made.tags else (),
                **{"protect": False, **_said(asked)},
            )
        )
    else:
        if video.pending_id not in (None, generation, video.current_id):
            _depose(transaction, address, video.pending_id)
        _undepose(transaction, address, generation)
        _set(transaction, address, pending_id=generation, provider=made.provider)
        if asked.protect:
            _set(transaction, address, protect=True)
    # Found again by its sidecar, it had no address until now.
    transaction.connection.execute(
        update(attempts)
        .where(attempts.c.id == made.attempt_id, attempts.c.address.is_(None))
        .values(address=str(address))
    )


def promote(
    transaction: Transaction, address: Address, lifecycle: Lifecycle, tags: tuple[str, ...]
) -> None:
    """Make the pending generation current, if there is one, and record the settings.

    Raises:
        StateError: nothing is recorded of the address.
    """
    video = _video(transaction, address)
    if video is None:
        raise StateError(f"nothing is recorded of `{address}`, so nothing can be promoted")
    if video.pending_id is not None:
        if video.current_id not in (None, video.pending_id):
            _depose(transaction, address, video.current_id)
        _undepose(transaction, address, video.pending_id)
        _set(transaction, address, current_id=video.pending_id, pending_id=None)
    _set(transaction, address, tags=tags, **_said(lifecycle))


def retire(transaction: Transaction, address: Address, generation: GenerationId) -> None:
    """Drop one generation from what the address holds."""
    _undepose(transaction, address, generation)
    for column in (videos.c.current_id, videos.c.pending_id):
        transaction.connection.execute(
            update(videos)
            .where(*_is(transaction, address), column == generation)
            .values({column: None})
        )


def forget(transaction: Transaction, address: Address) -> None:
    """Drop all that is recorded of the address itself; deposed and published go with it."""
    transaction.connection.execute(delete(videos).where(*_is(transaction, address)))


def rename(transaction: Transaction, source: Address, target: Address) -> None:
    """Give all that `source` holds to `target`; deposed and published follow by their keys."""
    # A target that holds nothing may have been left behind by a retiring.
    transaction.connection.execute(
        delete(videos).where(
            *_is(transaction, target),
            videos.c.current_id.is_(None),
            videos.c.pending_id.is_(None),
            *(
                ~exists().where(
                    table.c.workspace == videos.c.workspace, table.c.address == videos.c.address
                )
                for table in (deposed, published_files)
            ),
        )
    )
    _set(transaction, source, address=str(target))
    transaction.connection.execute(
        update(begun_files)
        .where(
            begun_files.c.workspace == transaction.workspace, begun_files.c.address == str(source)
        )
        .values(address=str(target))
    )
    # What becomes of an attempt whose outcome is open must reach the address of today.
    transaction.connection.execute(
        update(attempts)
        .where(
            attempts.c.workspace == transaction.workspace,
            attempts.c.address == str(source),
            attempts.c.state.in_(LIVE_STATES),
        )
        .values(address=str(target))
    )


def rename_all(transaction: Transaction, moves: Mapping[Address, Address]) -> None:
    """Rename each as `rename` does, in an order in which no target holds anything any more."""
    left = dict(moves)
    while left:
        ready = [source for source, target in left.items() if target not in left]
        for source in ready:
            rename(transaction, source, left.pop(source))
        if not ready:  # they go round in a circle, until one of them steps aside
            source, target = left.popitem()
            rename(transaction, source, _ASIDE)
            left[_ASIDE] = target


def begin_publishing(transaction: Transaction, file: BegunFile) -> None:
    """Record what is about to be published, in place of what was begun there before."""
    drop_begun(transaction, file.path)
    transaction.connection.execute(
        insert(begun_files).values(
            workspace=transaction.workspace,
            path=file.path,
            address=str(file.address),
            variant=file.variant,
            sha256=file.sha256,
        )
    )


def drop_begun(transaction: Transaction, path: str) -> None:
    """Nothing is about to come to a path any more."""
    transaction.connection.execute(
        delete(begun_files).where(
            begun_files.c.workspace == transaction.workspace, begun_files.c.path == path
        )
    )


def publish(transaction: Transaction, address: Address, file: PublishedFile) -> None:
    """Record a published file, whoever's the path was, and wherever the variant was."""
    drop_begun(transaction, file.path)
    transaction.connection.execute(
        delete(published_files).where(
            published_files.c.workspace == transaction.workspace,
            or_(
                published_files.c.path == file.path,
                (published_files.c.address == str(address))
                & (published_files.c.variant == file.variant),
            ),
        )
    )
    transaction.connection.execute(
        insert(published_files).values(
            workspace=transaction.workspace,
            path=file.path,
            address=str(address),
            variant=file.variant,
            sha256=file.sha256,
            **asdict(file.stat),
        )
    )


def unpublish(transaction: Transaction, address: Address, path: str) -> None:
    """Drop the record of a published file, if the path is this address's."""
    transaction.connection.execute(
        delete(published_files).where(
            published_files.c.workspace == transaction.workspace,
            published_files.c.address == str(address),
            published_files.c.path == path,
        )
    )


def _said(lifecycle: Lifecycle) -> dict[str, Any]:
    """The settings that a lifecycle names; about the others, what is recorded holds."""
    said = {name: getattr(lifecycle, name) for name in ("protect", "on_lost", "remote")}
    return {name: value for name, value in said.items() if value is not None}


def _is(transaction: Transaction, address: Address) -> tuple[ColumnElement[bool], ...]:
    return (
        videos.c.workspace == transaction.workspace,
        videos.c.address == str(address),
    )


def _video(transaction: Transaction, address: Address) -> Row[Any, Any] | None:
    return transaction.connection.execute(
        select(videos.c.current_id, videos.c.pending_id).where(*_is(transaction, address))
    ).first()


def _set(transaction: Transaction, address: Address, /, **values: object) -> None:
    transaction.connection.execute(
        update(videos).where(*_is(transaction, address)).values(**values)
    )


def _depose(transaction: Transaction, address: Address, generation: GenerationId) -> None:
    insert_once(
        transaction.connection,
        deposed,
        {
            "workspace": transaction.workspace,
            "address": str(address),
            "generation_id": generation,
            "deposed_at": transaction.at,
        },
    )


def _undepose(transaction: Transaction, address: Address, generation: GenerationId) -> None:
    transaction.connection.execute(
        delete(deposed).where(
            deposed.c.workspace == transaction.workspace,
            deposed.c.address == str(address),
            deposed.c.generation_id == generation,
        )
    )
