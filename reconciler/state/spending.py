"""The ledger, read: what every purchase came to, and whether one more is allowed.

Money counts for the day and the month in which it was held. So a hold counts until it is
freed, or for ever where it was spent; of what was found without a hold, the spending counts.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, or_, select

from reconciler.domain.address import Address
from reconciler.domain.bookings import Booking, BookingState
from reconciler.domain.budget import Budget, Counted, begin_of
from reconciler.domain.errors import BudgetError
from reconciler.domain.money import dollars
from reconciler.domain.ports import Intent
from reconciler.domain.recipe import model_of
from reconciler.domain.recorded import AttemptState, RunId
from reconciler.state.reading import recipe_in
from reconciler.state.tables import attempts, generations, ledger, recipes, runs
from reconciler.state.transaction import Transaction, alone

_APPLY_FREE = "do what costs nothing with `sorafile apply --free`"


def refuse_beyond(transaction: Transaction, intent: Intent, run: RunId, budget: Budget) -> None:
    """See that one more purchase breaks neither a cap nor what was approved for its run.

    To be asked in the transaction that holds its money: nobody else of this database holds
    any before that ends, so two runs cannot spend the same dollar.

    Raises:
        BudgetError: it would.
    """
    alone(transaction, "money")
    caps = budget.caps_on(intent.tags)
    if intent.cost_usd is None:
        if caps:
            raise BudgetError(
                f"`{intent.address}` is not bought: its price is unknown, and {caps[0]} limits"
                " what it may be",
                fix=f"Set `prices` under [providers.{intent.provider}] in sorafile.toml.",
            )
        return
    if not intent.cost_usd:
        return
    _refuse_beyond_approved(transaction, intent, intent.cost_usd, run)
    already = counted(transaction, run) if caps else Counted()
    for cap in caps:
        if already.against(cap) + intent.cost_usd > cap.usd:
            raise BudgetError(
                f"`{intent.address}` is not bought: ${dollars(intent.cost_usd)} more goes beyond"
                f" {cap}, of which ${dollars(already.against(cap))} is held or spent already",
                fix=f"Raise it, or {_APPLY_FREE}.",
            )


def _refuse_beyond_approved(
    transaction: Transaction, intent: Intent, cost_usd: Decimal, run: RunId
) -> None:
    """Keep a run, with the older money that is unresolved, within its worst case."""
    approved = transaction.connection.execute(
        select(runs.c.worst_case_usd, runs.c.started_at).where(runs.c.id == run)
    ).first()
    if approved is None:
        return  # the foreign key refuses it, with a better word
    spent_usd = _sum(transaction.connection, attempts.c.run_id == run)
    older_usd = _sum(
        transaction.connection, _was_unresolved(approved.started_at, transaction.workspace)
    )
    if spent_usd + older_usd + cost_usd > approved.worst_case_usd:
        raise BudgetError(
            f"`{intent.address}` is not bought: ${dollars(cost_usd)} more goes beyond the worst"
            f" case of ${dollars(approved.worst_case_usd)} that was approved for this run,"
            f" of which ${dollars(spent_usd + older_usd)} is held or spent already",
            fix="Plan again: `sorafile plan` shows what it may cost by now.",
        )


def _was_unresolved(at: datetime, workspace: str) -> ColumnElement[bool]:
    """Whether an attempt was part of the worst case of a run that began at a moment.

    Of other workspaces only what is ambiguous to this day: what they are sending just now,
    nobody has shown to the person who approved the run.
    """
    settled_since = and_(attempts.c.workspace == workspace, attempts.c.settled_at > at)
    return and_(
        attempts.c.reserved_at < at,
        attempts.c.sending_at.is_not(None),  # what was found is no attempt of anybody here
        or_(attempts.c.state == AttemptState.AMBIGUOUS, settled_since),
    )


def counted_of(connection: Connection, run_ids: Collection[RunId]) -> Mapping[RunId, Decimal]:
    """Dollars that each of some runs holds or spent, up to now, as far as they are recorded."""
    known = connection.execute(select(runs.c.id).where(runs.c.id.in_(run_ids))).scalars().all()
    return {RunId(each): _sum(connection, attempts.c.run_id == each) for each in known}


def _sum(connection: Connection, *which: ColumnElement[bool]) -> Decimal:
    """What counts of the attempts of a kind."""
    statement = (
        select(func.sum(ledger.c.amount_usd))
        .join_from(ledger, attempts, ledger.c.attempt_id == attempts.c.id)
        .where(_counts(), *which)
    )
    return connection.execute(statement).scalar() or Decimal(0)


def counted(transaction: Transaction, run: RunId) -> Counted:
    """What counts at this moment, by the database's own sums: a month has many bookings."""
    day, month = begin_of("day", transaction.at), begin_of("month", transaction.at)
    sums = transaction.connection.execute(
        select(
            ledger.c.tags,
            func.sum(ledger.c.amount_usd),
            func.sum(case((ledger.c.at >= day, ledger.c.amount_usd))),
        )
        .where(ledger.c.at >= month, _counts())
        .group_by(ledger.c.tags)
    ).all()
    of_tags: defaultdict[str, Decimal] = defaultdict(Decimal)
    for tags, usd, _ in sums:
        for tag in dict.fromkeys(tags):
            of_tags[tag] += usd or 0
    return Counted(
        run_usd=_sum(transaction.connection, attempts.c.run_id == run),
        day_usd=sum((usd or Decimal(0) for _, _, usd in sums), Decimal(0)),
        month_usd=sum((usd or Decimal(0) for _, usd, _ in sums), Decimal(0)),
        tags_usd=dict(of_tags),
    )


def read_bookings(connection: Connection, since: datetime | None) -> tuple[Booking, ...]:
    """One booking for each purchase whose money is held or spent, the oldest first.

    Args:
        connection: to the database, whose all workspaces are told of.
        since: leaves out what was held before; None: nothing.
    """
    statement = (
        select(
            ledger.c.at,
            _state(),
            ledger.c.amount_usd,
            ledger.c.provider,
            func.coalesce(attempts.c.digest, generations.c.digest),
            ledger.c.address,
            ledger.c.tags,
        )
        .join_from(ledger, attempts, ledger.c.attempt_id == attempts.c.id, isouter=True)
        .join(generations, ledger.c.generation_id == generations.c.id, isouter=True)
        .where(_counts())
        .order_by(ledger.c.at, ledger.c.id)
    )
    if since is not None:
        statement = statement.where(ledger.c.at >= since)
    known = {
        digest: recipe_in(canonical, digest)
        for digest, canonical in connection.execute(select(recipes.c.digest, recipes.c.canonical))
    }
    return tuple(
        Booking(
            at=at,
            state=BookingState(state),
            usd=usd,
            provider=provider,
            model=model_of(known[digest], known),
            address=None if address is None else Address.parse(address),
            tags=tags,
        )
        for at, state, usd, provider, digest, address, tags in connection.execute(statement)
    )


def _state() -> ColumnElement[str]:
    return case(
        (or_(_has("waste"), _is_wasted_twin()), BookingState.WASTED.value),
        (or_(ledger.c.kind == "spend", _has("spend")), BookingState.SPENT.value),
        else_=BookingState.HELD.value,
    )


def _counts() -> ColumnElement[bool]:
    """Whether an entry is the one of its purchase that counts."""
    return or_(
        and_(ledger.c.kind == "hold", or_(~_has("release"), _has("spend"))),
        and_(ledger.c.kind == "spend", ~_has("hold")),
    )


def _has(kind: str) -> ColumnElement[bool]:
    """Whether there is another entry of its attempt, of a kind."""
    other = ledger.alias()
    return exists().where(other.c.attempt_id == ledger.c.attempt_id, other.c.kind == kind)


def _is_wasted_twin() -> ColumnElement[bool]:
    """Whether it is for a job that has no attempt of its own, and bought nothing."""
    other = ledger.alias()
    return and_(
        ledger.c.attempt_id.is_(None),
        exists().where(
            other.c.generation_id == ledger.c.generation_id,
            other.c.attempt_id.is_(None),
            other.c.kind == "waste",
        ),
    )
