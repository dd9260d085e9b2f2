"""The journal of paid requests: the heart of never paying twice.

An attempt is on disk before a request can leave, and every later step is on disk before the
program acts on it. So whatever kills the program leaves a row that says the worst that can
have happened: `reserved` means that nothing was sent, `sending` that something may have been.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from reconciler.domain.budget import Budget
from reconciler.domain.echo import Echo
from reconciler.domain.errors import AlreadyBoughtError, IndistinctError, StalePlanError, StateError
from reconciler.domain.ports import Intent
from reconciler.domain.recipe import Recipe, RecipeDigest, digest_of
from reconciler.domain.recorded import LIVE_STATES, AttemptId, AttemptState, JobStatus, RunId
from reconciler.state import ledger, spending
from reconciler.state.tables import LIVE_INDEX, attempts, generations, recipes
from reconciler.state.transaction import Transaction, alone, insert_once

# No request is waited for longer than ten minutes, from its first byte on.
_UNDER_WAY_MAX = timedelta(minutes=11)
_MISTAKE = "This is a mistake in sorafile; report it with this message."


def reserve(transaction: Transaction, intent: Intent, run: RunId, budget: Budget) -> AttemptId:
    """Journal a paid request about to be made, and hold its cost.

    Raises:
        AlreadyBoughtError: a live attempt of this recipe exists.
        BudgetError: its cost breaks a cap, or goes beyond what was approved for the run.
        StalePlanError: more jobs of its recipe have failed than it was planned with.
    """
    record_recipe(transaction, intent.recipe, intent.digest)
    attempt = _new_id(transaction)
    try:
        transaction.connection.execute(
            insert(attempts).values(
                id=attempt,
                digest=intent.digest,
                workspace=transaction.workspace,
                address=str(intent.address),
                run_id=run,
                fence=transaction.fence,
                provider=intent.provider,
                account=intent.recipe.account,
                state=AttemptState.RESERVED,
                cost_usd=intent.cost_usd,
                reserved_at=transaction.at,
                kin=intent.recipe.kin,
                echo=intent.echo,
                lifecycle=intent.lifecycle,
                tags=intent.tags,
            )
        )
    except IntegrityError as error:
        # The index alone decides: a question asked before would be answered for a moment
        # that has passed when the row is written.
        if not _is_of_live_index(error):
            raise
        raise AlreadyBoughtError(
            f"`{intent.address}` is not bought: a live attempt of its recipe"
            f" ({intent.digest[:19]}…) exists in this state database already",
            fix="Plan again: what that attempt made is shared, free of charge.",
        ) from error
    _refuse_after_another_failure(transaction, intent)
    spending.refuse_beyond(transaction, intent, run, budget)
    ledger.hold(
        transaction,
        attempt,
        amount_usd=intent.cost_usd,
        account=intent.recipe.account,
        provider=intent.provider,
        address=str(intent.address),
        tags=intent.tags,
    )
    return attempt


def sending(
    transaction: Transaction, attempt: AttemptId, watermark: tuple[str, ...] | None
) -> None:
    """Journal that the request may be on its way. After this, only an answer is proof.

    Raises:
        IndistinctError: the list could not tell it from one whose outcome is open.
    """
    if watermark is not None:
        _refuse_indistinct(transaction, attempt)
    _move(
        transaction,
        attempt,
        out_of=(AttemptState.RESERVED,),
        to=AttemptState.SENDING,
        sending_at=transaction.at,
        watermark=watermark,
    )


def acknowledge(transaction: Transaction, attempt: AttemptId, remote_id: str) -> None:
    """Journal the id that the server gave.

    The caller records the job and books its price in the same transaction. An answer is also
    taken for an attempt that was given up as ambiguous: no known id is ever thrown away.
    """
    _move(
        transaction,
        attempt,
        out_of=(AttemptState.SENDING, AttemptState.AMBIGUOUS),
        to=AttemptState.ACKNOWLEDGED,
        remote_id=remote_id,
        settled_at=transaction.at,
    )


def not_sent(transaction: Transaction, attempt: AttemptId, evidence: str) -> None:
    """Journal that no byte left, and free the money."""
    _move(
        transaction,
        attempt,
        out_of=(AttemptState.RESERVED, AttemptState.SENDING),
        to=AttemptState.NOT_SENT,
        evidence=evidence,
        settled_at=transaction.at,
    )
    ledger.release(transaction, attempt)


def rejected(transaction: Transaction, attempt: AttemptId, evidence: str) -> None:
    """Journal a certain refusal, and free the money."""
    _move(
        transaction,
        attempt,
        out_of=(AttemptState.SENDING,),
        to=AttemptState.REJECTED,
        evidence=evidence,
        settled_at=transaction.at,
    )
    ledger.release(transaction, attempt)


def ambiguous(
    transaction: Transaction,
    attempt: AttemptId,
    evidence: str,
    *,
    made: bool,
    over_at: datetime,
) -> None:
    """Journal that a job may exist. Its money stays held, for it may be billed."""
    _move(
        transaction,
        attempt,
        out_of=(AttemptState.SENDING,),
        to=AttemptState.AMBIGUOUS,
        evidence=evidence,
        made=made,
        over_at=over_at,
    )


def settle_the_dead(transaction: Transaction, *, may_live: bool) -> None:
    """Settle what dead runs of this workspace left open.

    This holder's own attempts are told from theirs by the fence, so that calling this in the
    middle of a run harms nothing. `may_live` says that the last holder was only silent: what
    it was sending may be under way still. Of those before it, that is never known.
    """
    for row in _left_by_the_dead(transaction, AttemptState.RESERVED):
        not_sent(transaction, row.id, "its run ended before it was sent")
    for row in _left_by_the_dead(transaction, AttemptState.SENDING):
        is_of_last = row.fence == transaction.fence - 1
        is_over = is_of_last and not may_live
        longest = transaction.at if is_over else row.sending_at + _UNDER_WAY_MAX
        # Never voided: the request may have left in the instant before the end.
        ambiguous(
            transaction,
            row.id,
            "its run ended while it was being sent",
            made=False,
            over_at=max(longest, transaction.at),
        )


def adopted(transaction: Transaction, attempt: AttemptId, remote_id: str) -> None:
    """Journal that a listed job is what an unresolved attempt made."""
    _move(
        transaction,
        attempt,
        out_of=(AttemptState.AMBIGUOUS,),
        to=AttemptState.ADOPTED,
        remote_id=remote_id,
        settled_at=transaction.at,
    )


def is_contested(transaction: Transaction, attempt: Row[Any]) -> bool:
    """Whether another request of the same echo is being sent: a new job may be its answer."""
    return bool(_of_the_same_echo(transaction, attempt, (AttemptState.SENDING,)))


def is_live(transaction: Transaction, digest: RecipeDigest) -> bool:
    """Whether an attempt forbids another one of a recipe."""
    live = select(attempts.c.id).where(
        attempts.c.digest == digest, attempts.c.state.in_(LIVE_STATES)
    )
    return transaction.connection.execute(live).first() is not None


def disproved(transaction: Transaction, attempt: AttemptId, evidence: str) -> None:
    """Journal that an unresolved attempt made nothing, and free the money.

    Raises:
        StateError: the server answered that it made a job.
    """
    if read(transaction, attempt).made:
        raise StateError(f"attempt `{attempt}` made a job for certain", fix=_MISTAKE)
    _move(
        transaction,
        attempt,
        out_of=(AttemptState.AMBIGUOUS,),
        to=AttemptState.DISPROVED,
        evidence=evidence,
        settled_at=transaction.at,
    )
    ledger.release(transaction, attempt)


def written_off(
    transaction: Transaction, attempt: AttemptId, evidence: str, *, may_repeat: bool
) -> None:
    """Journal that nobody will know what became of an attempt; its money is gone.

    One that is written off already may be decided anew.
    """
    is_first = read(transaction, attempt).state != AttemptState.WRITTEN_OFF
    _move(
        transaction,
        attempt,
        out_of=(AttemptState.AMBIGUOUS, AttemptState.WRITTEN_OFF),
        to=AttemptState.WRITTEN_OFF,
        evidence=evidence,
        may_repeat=may_repeat,
        settled_at=transaction.at,
    )
    if is_first:
        ledger.write_off(transaction, attempt)


def adopt(
    transaction: Transaction,
    *,
    recipe: Recipe,
    digest: RecipeDigest,
    remote_id: str,
    provider: str,
    cost_usd: Decimal | None,
    made_at: datetime,
    state: AttemptState,
    evidence: str,
    **asked: object,
) -> AttemptId | None:
    """Let a job that was found forbid another one of its recipe, as a bought one does.

    None where a live attempt of the recipe forbids that already. `asked` is what is known of
    the address that wants it.
    """
    record_recipe(transaction, recipe, digest)
    attempt = _new_id(transaction)
    try:
        with transaction.connection.begin_nested():
            transaction.connection.execute(
                insert(attempts).values(
                    id=attempt,
                    digest=digest,
                    workspace=transaction.workspace,
                    fence=transaction.fence,
                    provider=provider,
                    account=recipe.account,
                    state=state,
                    cost_usd=cost_usd,
                    reserved_at=made_at,
                    settled_at=transaction.at,
                    remote_id=remote_id,
                    evidence=evidence,
                    kin=recipe.kin,
                    **asked,
                )
            )
    except IntegrityError as error:
        if not _is_of_live_index(error):
            raise
        return None
    return attempt


def fail(transaction: Transaction, attempt: AttemptId | None) -> bool:
    """End the attempt of a job that failed; False where it had ended before."""
    return _end(transaction, attempt, AttemptState.FAILED)


def lose(transaction: Transaction, attempt: AttemptId | None) -> None:
    """End the attempt of a video that is nowhere any more."""
    _end(transaction, attempt, AttemptState.LOST)


def revive(transaction: Transaction, attempt: AttemptId | None) -> None:
    """Let an attempt forbid another one again, its video having been found after all.

    Where another attempt of the recipe lives meanwhile, that one goes on forbidding.
    """
    live = attempts.alias()
    another = select(live.c.id).where(
        live.c.digest == attempts.c.digest, live.c.state.in_(LIVE_STATES)
    )
    transaction.connection.execute(
        update(attempts)
        .where(attempts.c.id == attempt, attempts.c.state == AttemptState.LOST, ~another.exists())
        .values(state=AttemptState.ADOPTED)
    )


def record_recipe(transaction: Transaction, recipe: Recipe, digest: RecipeDigest) -> None:
    """Make sure that a recipe can be read back by its digest.

    Raises:
        StateError: it is not the digest of this recipe.
    """
    canonical = recipe.canonical()
    if digest_of(canonical) != digest:
        raise StateError(f"`{digest}` is not the digest of the recipe it came with", fix=_MISTAKE)
    insert_once(transaction.connection, recipes, {"digest": digest, "canonical": canonical})


def _is_of_live_index(error: IntegrityError) -> bool:
    """Whether a row was refused for the uniqueness among live attempts, and nothing else."""
    said = str(error.orig)
    # PostgreSQL names the index, SQLite its column.
    return LIVE_INDEX in said or f"UNIQUE constraint failed: {attempts.c.digest}" in said


def _new_id(transaction: Transaction) -> AttemptId:
    return AttemptId(f"attempt_{transaction.new_id()}")


def read(transaction: Transaction, attempt: AttemptId) -> Row[Any]:
    """An attempt's row; nobody can change it before this transaction ends.

    Raises:
        StateError: there is none.
    """
    found = transaction.connection.execute(
        select(attempts).where(attempts.c.id == attempt).with_for_update()
    ).first()
    if found is None:
        raise StateError(f"no attempt `{attempt}` is recorded")
    return found


def _refuse_after_another_failure(transaction: Transaction, intent: Intent) -> None:
    """Let no two runs count the same retry: asked where only one of them holds the recipe."""
    if intent.failures is None:
        return
    failed = select(func.count()).where(
        generations.c.digest == intent.digest, generations.c.status == JobStatus.FAILED
    )
    if transaction.connection.execute(failed).scalar_one() > intent.failures:
        raise StalePlanError(
            f"`{intent.address}` is not bought: another job of its recipe has failed since the"
            " plan was made",
            fix="Plan again: it counts as one of the retries.",
        )


def _refuse_indistinct(transaction: Transaction, attempt: AttemptId) -> None:
    alone(transaction, "sending")  # two that send at the same moment must see each other
    mine = read(transaction, attempt)
    states = (AttemptState.SENDING, AttemptState.AMBIGUOUS)
    others = _of_the_same_echo(transaction, mine, states)
    kin = mine.kin or mine.digest
    other = next((each for each in others if (each.kin or each.digest) != kin), None)
    if other is not None:
        raise IndistinctError(
            f"`{mine.address}` is not bought yet: the server's list could not tell it from the"
            f" request for `{other.address}`, whose outcome is open",
            fix=f"Apply again once that is settled, or decide it: sorafile resolve {other.address}",
        )


def _of_the_same_echo(
    transaction: Transaction, mine: Row[Any], states: tuple[AttemptState, ...]
) -> Sequence[Row[Any]]:
    """The other attempts of these states that a list could not tell from this one."""
    open_ones = transaction.connection.execute(
        select(attempts).where(
            attempts.c.account == mine.account,
            attempts.c.state.in_(states),
            attempts.c.id != mine.id,
        )
    ).all()
    return [each for each in open_ones if _may_be_confused(each.echo, mine.echo)]


def _may_be_confused(one: Echo | None, other: Echo | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.may_be_confused_with(other)


def _left_by_the_dead(
    transaction: Transaction, state: AttemptState
) -> Sequence[Row[Any, Any, Any]]:
    return transaction.connection.execute(
        select(attempts.c.id, attempts.c.sending_at, attempts.c.fence).where(
            attempts.c.workspace == transaction.workspace,
            attempts.c.state == state,
            attempts.c.fence < transaction.fence,
        )
    ).all()


def _end(transaction: Transaction, attempt: AttemptId | None, state: AttemptState) -> bool:
    ended = transaction.connection.execute(
        update(attempts)
        .where(
            attempts.c.id == attempt,
            attempts.c.state.in_((AttemptState.ACKNOWLEDGED, AttemptState.ADOPTED)),
        )
        .values(state=state)
    )
    return ended.rowcount > 0


def _move(
    transaction: Transaction,
    attempt: AttemptId,
    *,
    out_of: tuple[AttemptState, ...],
    to: AttemptState,
    **values: object,
) -> None:
    moved = transaction.connection.execute(
        update(attempts)
        .where(
            attempts.c.id == attempt,
            attempts.c.workspace == transaction.workspace,
            attempts.c.state.in_(out_of),
        )
        .values(state=to, **values)
    )
    if moved.rowcount == 0:
        raise StateError(
            f"attempt `{attempt}` cannot become {to}: it is not {' or '.join(out_of)}",
            fix=_MISTAKE,
        )
