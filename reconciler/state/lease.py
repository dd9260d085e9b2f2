"""The lease: one writer a workspace, who must show that he lives.

Every acquiring raises the workspace's fence. Whoever writes says his fence first, in the
same transaction; so a holder that slept through his lease can write nothing, however late
he wakes, and nothing that he wrote before is half there.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from reconciler.domain.errors import LeaseLostError, LockedError
from reconciler.domain.ports import Holder, Lease
from reconciler.state.processes import is_alive
from reconciler.state.tables import leases, workspaces
from reconciler.state.transaction import Transaction, insert_once

LEASE_S = 30.0
"""How long a holder that cannot be looked at is believed to live without a heartbeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A lease that was taken."""

    fence: int
    last_may_live: bool  # its last holder is not certainly dead, so a request may be under way


def acquire(connection: Connection, workspace: str, holder: Holder, at: datetime) -> Taken:
    """Take the workspace, which exists from now on.

    Raises:
        LockedError: another holds it, and may be alive.
    """
    _make_workspace(connection, workspace, at)
    lease = connection.execute(
        # The row is locked where a database lets two transactions read it at once.
        select(leases).where(leases.c.workspace == workspace).with_for_update()
    ).first()
    is_dead = False
    if lease is not None and lease.host is not None:
        is_dead = refuse_if_alive(_lease(lease), at)
    # Above all others, in case this workspace was held before the state was restored.
    fence = 1 + (highest_fence(connection) if lease is None else lease.fence)
    row = {
        "fence": fence,
        "host": holder.host,
        "pid": holder.pid,
        "process_started": holder.process_started,
        "user_name": holder.user,
        "command": holder.command,
        "acquired_at": at,
        "heartbeat_at": at,
    }
    if lease is None:
        connection.execute(insert(leases).values(workspace=workspace, **row))
    else:
        connection.execute(update(leases).where(leases.c.workspace == workspace).values(row))
    return Taken(fence=fence, last_may_live=not is_dead)


def keep(transaction: Transaction) -> None:
    """Make sure that the workspace is still held under this fence; it counts as a heartbeat.

    It is a write, so that nobody can take the lease before this transaction ends.

    Raises:
        LeaseLostError: it is not.
    """
    if not try_to_keep(transaction):
        raise lease_lost(transaction.workspace)


def try_to_keep(transaction: Transaction) -> bool:
    """`keep`, for what is to be written either way: whether the workspace is still held."""
    kept = transaction.connection.execute(
        update(leases)
        .where(
            leases.c.workspace == transaction.workspace,
            leases.c.fence == transaction.fence,
            leases.c.host.is_not(None),
        )
        .values(heartbeat_at=transaction.at)
    )
    return kept.rowcount > 0


def lease_lost(workspace: str) -> LeaseLostError:
    """What is told to a holder that is none any more."""
    return LeaseLostError(
        f"this run no longer holds the workspace `{workspace}`: it showed no sign of life for"
        f" {LEASE_S:.0f} s and another run took it, or it was unlocked by hand",
        fix="Run the command again once the other one has ended. Nothing is lost: what was sent"
        " is in the journal.",
    )


def held(connection: Connection) -> list[Lease]:
    """Every workspace that is held, whether its holder lives or not."""
    found = connection.execute(
        select(leases).where(leases.c.host.is_not(None)).order_by(leases.c.workspace)
    )
    return [_lease(row) for row in found]


def highest_fence(connection: Connection) -> int:
    """Under which fence anybody held anything here; 0 where nobody did."""
    return connection.execute(select(func.max(leases.c.fence))).scalar() or 0


def is_kept(connection: Connection, workspace: str, fence: int) -> bool:
    """Whether the workspace is still held under this fence, without writing."""
    kept = select(leases.c.fence).where(
        leases.c.workspace == workspace, leases.c.fence == fence, leases.c.host.is_not(None)
    )
    return connection.execute(kept).first() is not None


def release(transaction: Transaction) -> None:
    """Free the workspace if it is still held under this fence; the fence itself stays."""
    free(transaction.connection, transaction.workspace, transaction.fence)


def free(connection: Connection, workspace: str, fence: int) -> bool:
    """Take a workspace from its holder, who can write nothing more; False if it is another's."""
    kept = (leases.c.workspace, leases.c.fence)
    nobody = dict.fromkeys(column for column in leases.c if column not in kept)
    freed = connection.execute(
        update(leases)
        .where(leases.c.workspace == workspace, leases.c.fence == fence, leases.c.host.is_not(None))
        .values(nobody)
    )
    return freed.rowcount > 0


def refuse_if_alive(lease: Lease, at: datetime) -> bool:
    """Let a workspace be taken from who showed no life; whether he is dead for certain.

    Raises:
        LockedError: he may well be alive.
    """
    holder, quiet_s = lease.holder, lease.quiet_s(at)
    is_dead = is_alive(holder) is False
    if quiet_s >= LEASE_S or is_dead:
        return is_dead
    raise LockedError(
        f"the workspace `{lease.workspace}` is held by {holder.user} on {holder.host}"
        f" (process {holder.pid}, `{holder.command}`) since {lease.acquired_at:%Y-%m-%d %H:%M:%S}"
        f" UTC; its last sign of life was {quiet_s:.0f} s ago",
        fix="Wait until it has ended. If it died, its lock frees itself: at once on its own"
        f" machine, elsewhere {LEASE_S:.0f} s after its last sign of life;"
        " `sorafile state unlock` frees it by hand.",
    )


def _make_workspace(connection: Connection, workspace: str, at: datetime) -> None:
    insert_once(connection, workspaces, {"name": workspace, "created_at": at})
    # Two first holders would both find no lease to lock; the workspace is there for both.
    connection.execute(
        select(workspaces.c.name).where(workspaces.c.name == workspace).with_for_update()
    )


def _lease(row: Row[Any]) -> Lease:
    return Lease(
        workspace=row.workspace,
        holder=Holder(
            host=row.host,
            pid=row.pid,
            process_started=row.process_started,
            user=row.user_name,
            command=row.command,
        ),
        fence=row.fence,
        acquired_at=row.acquired_at,
        heartbeat_at=row.heartbeat_at,
    )
