"""The runs of a workspace: who carried out which plan, when, and how it ended."""

from decimal import Decimal

from sqlalchemy import Connection, insert, select, update

from reconciler.domain.errors import ExitCode
from reconciler.domain.ports import Holder
from reconciler.domain.recorded import RecordedRun, RunId
from reconciler.state.tables import runs
from reconciler.state.transaction import Transaction


def begin(
    transaction: Transaction,
    holder: Holder,
    *,
    plan_id: str,
    worst_case_usd: Decimal,
    git_commit: str | None,
) -> RunId:
    """Record that a plan is carried out from now on."""
    run = RunId(f"run_{transaction.new_id()}")
    transaction.connection.execute(
        insert(runs).values(
            id=run,
            workspace=transaction.workspace,
            command=holder.command,
            plan_id=plan_id,
            worst_case_usd=worst_case_usd,
            started_at=transaction.at,
            user_name=holder.user,
            host=holder.host,
            pid=holder.pid,
            git_commit=git_commit,
        )
    )
    return run


def end(transaction: Transaction, run: RunId, exit_code: ExitCode) -> None:
    """Record how it ended."""
    transaction.connection.execute(
        update(runs)
        .where(runs.c.id == run, runs.c.workspace == transaction.workspace)
        .values(ended_at=transaction.at, exit_code=int(exit_code))
    )


def of_plan(connection: Connection, plan_id: str) -> RecordedRun | None:
    """The first run of a plan; None where there is none."""
    row = connection.execute(
        select(runs.c.id, runs.c.user_name, runs.c.started_at)
        .where(runs.c.plan_id == plan_id)
        .order_by(runs.c.started_at, runs.c.id)
        .limit(1)
    ).first()
    return None if row is None else RecordedRun(id=row[0], user=row[1], started_at=row[2])
