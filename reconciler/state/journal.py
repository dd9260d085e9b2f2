"""The journal of paid requests: the heart of never paying twice.

An attempt is on disk before a request can leave, and every later step is on disk before the
program acts on it. So whatever kills the program leaves a row that says the worst that can
have happened: `reserved` means that nothing was sent, `sending` that something may have been.
"""

from typing import Any
from uuid import uuid4

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from reconciler.domain.errors import AlreadyBoughtError, StateError
from reconciler.domain.observed import Sidecar
from reconciler.domain.ports import Intent
from reconciler.domain.recipe import Recipe, RecipeDigest, digest_of
from reconciler.domain.recorded import LIVE_STATES, AttemptId, AttemptState, RunId
from reconciler.state import ledger
from reconciler.state.tables import LIVE_INDEX, attempts, recipes
from reconciler.state.transaction import Transaction, insert_once

_MISTAKE = "This is a mistake in sorafile; report it with this message."


def reserve(transaction: Transaction, intent: Intent, run: RunId) -> AttemptId:
    """Journal a paid request about to be made, and hold its cost.

    Raises:
        AlreadyBoughtError: a live attempt of this recipe exists.
    """
    record_recipe(transaction, intent.recipe, intent.digest)
    attempt = _new_id()
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
    ledger.hold(
        transaction,
        attempt,
        amount_usd=intent.cost_usd,
        account=intent.recipe.account,
        provider=intent.provider,
        address=str(intent.address),
    )
    return attempt


def sending(transaction: Transaction, attempt: AttemptId) -> None:
    """Journal that the request may be on its way. After this, only an answer is proof."""
    _move(
        transaction,
        attempt,
        out_of=(AttemptState.RESERVED,),
        to=AttemptState.SENDING,
        sending_at=transaction.at,
    )


def acknowledge(transaction: Transaction, attempt: AttemptId, remote_id: str) -> Row[Any]:
    """Journal the id that the server gave, and return the attempt's row.

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
    return transaction.connection.execute(select(attempts).where(attempts.c.id == attempt)).one()


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


def ambiguous(transaction: Transaction, attempt: AttemptId, evidence: str) -> None:
    """Journal that a job may exist. Its money stays held, for it may be billed."""
    _move(
        transaction,
        attempt,
        out_of=(AttemptState.SENDING,),
        to=AttemptState.AMBIGUOUS,
        evidence=evidence,
    )


def void_reserved(transaction: Transaction) -> None:
    """Settle what dead runs of this workspace left open.

    This holder's own attempts are told from theirs by the fence, so that calling this in the
    middle of a run harms nothing.
    """
    for attempt in _left_by_the_dead(transaction, AttemptState.RESERVED):
        not_sent(transaction, attempt, "its run ended before it was sent")
    for attempt in _left_by_the_dead(transaction, AttemptState.SENDING):
        # Never voided: the request may have left in the instant before the end.
        ambiguous(transaction, attempt, "its run ended while it was being sent")


def adopt(transaction: Transaction, sidecar: Sidecar) -> AttemptId | None:
    """Let a job that was found forbid another one of its recipe, as a bought one does.

    None where a live attempt of the recipe forbids that already.
    """
    attempt = _new_id()
    try:
        with transaction.connection.begin_nested():
            transaction.connection.execute(
                insert(attempts).values(
                    id=attempt,
                    digest=sidecar.digest,
                    workspace=transaction.workspace,
                    fence=transaction.fence,
                    provider=sidecar.provider,
                    account=sidecar.account,
                    state=AttemptState.ADOPTED,
                    cost_usd=sidecar.cost_usd,
                    reserved_at=sidecar.created_at,
                    settled_at=transaction.at,
                    remote_id=sidecar.remote_id,
                    evidence="found by its sidecar in the asset store",
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


def _new_id() -> AttemptId:
    return AttemptId(f"attempt_{uuid4().hex}")


def _left_by_the_dead(transaction: Transaction, state: AttemptState) -> list[AttemptId]:
    found = transaction.connection.execute(
        select(attempts.c.id).where(
            attempts.c.workspace == transaction.workspace,
            attempts.c.state == state,
            attempts.c.fence < transaction.fence,
        )
    )
    return [AttemptId(attempt) for attempt in found.scalars()]


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
