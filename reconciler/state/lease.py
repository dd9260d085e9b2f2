"""The lease: one writer a workspace, who must show that he lives.

Every acquiring raises the workspace's fence. Whoever writes says his fence first, in the
same transaction; so a holder that slept through his lease can write nothing, however late
he wakes, and nothing that he wrote before is half there.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from reconciler.domain.errors import LeaseLostError, LockedError
from reconciler.domain.ports import Holder
from reconciler.state.processes import is_alive
from reconciler.state.tables import leases, workspaces
from reconciler.state.transaction import Transaction, insert_once

LEASE_S = 30.0
"""How long a holder that cannot be looked at is believed to live without a heartbeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A lease that was taken."""

    fence: int
    last_may_live: bool  # the last holder was only silent for too long


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
    last_may_live = False
    if lease is not None and lease.host is not None:
        last_may_live = _refuse_if_held(lease, at)
    fence = 1 if lease is None else lease.fence + 1
    held = {
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
        connection.execute(insert(leases).values(workspace=workspace, **held))
    else:
        connection.execute(update(leases).where(leases.c.workspace == workspace).values(held))
    return Taken(fence=fence, last_may_live=last_may_live)


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
        f" {LEASE_S:.0f} s, and another run took it",
        fix="Run the command again once the other one has ended. Nothing is lost: what was sent"
        " is in the journal.",
    )


def is_kept(connection: Connection, workspace: str, fence: int) -> bool:
    """Whether the workspace is still held under this fence, without writing."""
    held = select(leases.c.fence).where(
        leases.c.workspace == workspace, leases.c.fence == fence, leases.c.host.is_not(None)
    )
    return connection.execute(held).first() is not None


def release(transaction: Transaction) -> None:
    """Free the workspace if it is still held under this fence; the fence itself stays."""
    kept = (leases.c.workspace, leases.c.fence)
    nobody = dict.fromkeys(column for column in leases.c if column not in kept)
    transaction.connection.execute(
        update(leases)
        .where(leases.c.workspace == transaction.workspace, leases.c.fence == transaction.fence)
        .values(nobody)
    )


def _make_workspace(connection: Connection, workspace: str, at: datetime) -> None:
    insert_once(connection, workspaces, {"name": workspace, "created_at": at})
    # Two first holders would both find no lease to lock; the workspace is there for both.
    connection.execute(
        select(workspaces.c.name).where(workspaces.c.name == workspace).with_for_update()
    )


def _refuse_if_held(lease: Row[Any], at: datetime) -> bool:
    """Refuse a lease that is held; else whether its last holder may live all the same."""
    holder = Holder(
        host=lease.host,
        pid=lease.pid,
        process_started=lease.process_started,
        user=lease.user_name,
        command=lease.command,
    )
    quiet_s = (at - lease.heartbeat_at).total_seconds()
    is_dead = is_alive(holder) is False
    if quiet_s >= LEASE_S or is_dead:
        return not is_dead
    raise LockedError(
        f"the workspace `{lease.workspace}` is held by {holder.user} on {holder.host}"
        f" (process {holder.pid}, `{holder.command}`) since {lease.acquired_at:%Y-%m-%d %H:%M:%S}"
        f" UTC; its last sign of life was {max(quiet_s, 0):.0f} s ago",
        fix="Wait until it has ended. If it died, its lock frees itself: at once on its own"
        f" machine, elsewhere {LEASE_S:.0f} s after its last sign of life.",
    )
