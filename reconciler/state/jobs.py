"""Generations: what became of each job, and what of it is stored.

They belong to the whole database, whichever workspace bought or saw them.
"""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from reconciler.domain.address import Address
from reconciler.domain.errors import KnownJobError, StateError
from reconciler.domain.observed import ObservedJob, Sidecar
from reconciler.domain.ports import Found
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import RecipeDigest
from reconciler.domain.recorded import Asset, AttemptId, AttemptState, GenerationId, JobStatus
from reconciler.state import holdings, journal, ledger
from reconciler.state.tables import assets, generations
from reconciler.state.transaction import Transaction, alone

_WHOLE = 100  # percent
_SETTLED_WITHOUT_ANSWER = frozenset(
    {
        AttemptState.ADOPTED,
        AttemptState.DISPROVED,
        AttemptState.WRITTEN_OFF,
        AttemptState.FAILED,
        AttemptState.LOST,
    }
)


def record_answer(
    transaction: Transaction, attempt: AttemptId, job: ObservedJob, *, holds: bool
) -> GenerationId:
    """Journal the answer to a paid request: the id, the job, the price, who holds it.

    All in one transaction, since a known id must never be without its money or its address.
    An attempt that another run has settled meanwhile keeps its state. With `holds` False the
    lease is another's, and so is what the address holds.

    Raises:
        KnownJobError: a job of this id is recorded already, for another attempt.
    """
    asked = journal.read(transaction, attempt)
    known = _known(transaction, asked.account, job.remote_id)
    if known is not None:
        return _answered_before(transaction, known, asked, job)
    if asked.state in _SETTLED_WITHOUT_ANSWER:
        return record_twin(transaction, attempt, job, is_ours=True)
    journal.acknowledge(transaction, attempt, job.remote_id)
    generation = _add_of(transaction, asked, job, origin="bought", is_ours=True)
    ledger.spend(transaction, attempt, generation)
    if holds:
        holdings.hold(transaction, Address.parse(asked.address), generation)
    record_seen(transaction, generation, job)
    return generation


def record_adopted(
    transaction: Transaction, attempt: AttemptId, job: ObservedJob, *, is_ours: bool
) -> GenerationId | None:
    """Journal that a listed job is what an unresolved attempt made; nobody holds it yet.

    None where the job is recorded by now, or may be the answer to another request.
    """
    asked = journal.read(transaction, attempt)
    if _known(transaction, asked.account, job.remote_id) is not None:
        return None
    if journal.is_contested(transaction, asked):
        return None
    journal.adopted(transaction, attempt, job.remote_id)
    generation = _add_of(transaction, asked, job, origin="restored", is_ours=is_ours)
    ledger.spend(transaction, attempt, generation)
    record_seen(transaction, generation, job)
    return generation


def record_twin(
    transaction: Transaction, attempt: AttemptId, job: ObservedJob, *, is_ours: bool
) -> GenerationId:
    """Record a job that an attempt made though it had been settled otherwise; nobody holds it."""
    asked = journal.read(transaction, attempt)
    known = _known(transaction, asked.account, job.remote_id)
    if known is not None:
        return known
    has_one = _of_attempt(transaction, attempt) is not None
    generation = _add_of(
        transaction, asked, job, origin="restored", is_ours=is_ours, is_second=has_one
    )
    if has_one:  # its own money bought that one; this job was billed beside it
        ledger.spend_found(
            transaction,
            amount_usd=asked.cost_usd,
            at=transaction.at,
            account=asked.account,
            provider=asked.provider,
            attempt=None,
            generation=generation,
            address=asked.address,
            tags=asked.tags or (),
        )
        ledger.waste_found(transaction, generation)
    elif asked.state != AttemptState.WRITTEN_OFF:  # then it is spent and wasted already
        ledger.take_twin(transaction, attempt, generation)
        if journal.is_live(transaction, asked.digest):  # its recipe was bought again
            ledger.waste(transaction, attempt, generation)
    record_seen(transaction, generation, job)
    return generation


def record_found(transaction: Transaction, found: Found) -> GenerationId:
    """Record a job that the server has already, and let its address hold it.

    Raises:
        StateError: it is recorded already.
    """
    job = found.job
    if _known(transaction, found.recipe.account, job.remote_id) is not None:
        raise StateError(f"job `{job.remote_id}` is recorded already")
    made_at = job.created_at or transaction.at
    cost_usd = found.cost_usd if found.is_ours else None
    attempt = journal.adopt(
        transaction,
        recipe=found.recipe,
        digest=found.digest,
        remote_id=job.remote_id,
        provider=found.provider,
        cost_usd=cost_usd,
        made_at=made_at,
        state=AttemptState.ADOPTED,
        evidence="found in the server's list",
        address=str(found.address),
        lifecycle=found.lifecycle,
        tags=found.tags,
    )
    generation = _add(
        transaction,
        job,
        attempt=attempt,
        digest=found.digest,
        provider=found.provider,
        account=found.recipe.account,
        cost_usd=cost_usd,
        origin="restored",
        is_ours=found.is_ours,
    )
    if found.is_ours:
        ledger.spend_found(
            transaction,
            amount_usd=cost_usd,
            at=made_at,
            account=found.recipe.account,
            provider=found.provider,
            attempt=attempt,
            generation=generation,
            address=str(found.address),
            tags=found.tags,
        )
    holdings.hold(transaction, found.address, generation)
    record_seen(transaction, generation, job)
    return generation


def record_seen(transaction: Transaction, generation: GenerationId, job: ObservedJob) -> None:
    """Record how a job stands.

    Completed and failed are final: a server that answers from an old copy must not make a
    paid video look unfinished, nor one that fails late free its recipe for another buying.
    """
    recorded = _locked(transaction, generation)
    known = JobStatus(recorded.status)
    status = job.status if known.is_running else known
    progress = min(max(job.progress, 0), _WHOLE) if status.is_running else recorded.progress
    completed_at = recorded.completed_at
    if status is JobStatus.COMPLETED:
        progress = _WHOLE
        completed_at = completed_at or job.completed_at or transaction.at
    error = job.error
    _change(
        transaction,
        generation,
        status=status,
        progress=progress,
        completed_at=completed_at,
        expires_at=job.expires_at or recorded.expires_at,
        error_code=error.code if error else recorded.error_code,
        error_message=error.message if error else recorded.error_message,
        on_server=True,
        missing_count=0,
        missing_since=None,
    )
    if status is JobStatus.FAILED and journal.fail(transaction, recorded.attempt_id):
        ledger.waste(transaction, recorded.attempt_id, generation)


def record_missing(transaction: Transaction, generation: GenerationId) -> None:
    """Count that the server knew no such job or asset; the first time is kept."""
    recorded = _locked(transaction, generation)
    _change(
        transaction,
        generation,
        missing_count=recorded.missing_count + 1,
        missing_since=recorded.missing_since or transaction.at,
    )


def record_deleted(transaction: Transaction, generation: GenerationId) -> None:
    """Record that the job is on its server no more."""
    _change(transaction, generation, on_server=False)


def record_lost(transaction: Transaction, generation: GenerationId) -> None:
    """Record that the video is nowhere any more; from now on its recipe may be bought."""
    recorded = _locked(transaction, generation)
    _change(transaction, generation, lost=True)
    journal.lose(transaction, recorded.attempt_id)


def record_stored(transaction: Transaction, generation: GenerationId, asset: Asset) -> None:
    """Record an asset that lies whole in the store."""
    recorded = _locked(transaction, generation)
    transaction.connection.execute(
        delete(assets).where(
            assets.c.generation_id == generation, assets.c.variant == asset.variant
        )
    )
    _add_asset(transaction, generation, asset)
    if asset.variant is not Variant.VIDEO:
        return
    if JobStatus(recorded.status).is_running:  # another run saw its end, and could not tell
        _change(transaction, generation, status=JobStatus.COMPLETED, progress=_WHOLE)
    if recorded.lost:
        _change(transaction, generation, lost=False)
        journal.revive(transaction, recorded.attempt_id)


def recover(transaction: Transaction, sidecar: Sidecar, tags: tuple[str, ...]) -> GenerationId:
    """Record a generation that only its sidecar remembers; of a known one, its assets.

    Its price is booked for the day on which it was made: a month's ledger is whole again
    when the sidecars have been read. One without its video forbids nobody to buy it anew.
    """
    alone(transaction, "sidecars")  # two first runs at once must not record one twice
    known = _known(transaction, sidecar.account, sidecar.remote_id)
    if known is not None:
        for asset in sidecar.assets:
            record_stored(transaction, known, asset)
        return known
    attempt = journal.adopt(
        transaction,
        recipe=sidecar.recipe,
        digest=sidecar.digest,
        remote_id=sidecar.remote_id,
        provider=sidecar.provider,
        cost_usd=sidecar.cost_usd,
        made_at=sidecar.created_at,
        state=AttemptState.ADOPTED if sidecar.is_stored else AttemptState.LOST,
        evidence="found by its sidecar in the asset store",
    )
    generation = _new_id(transaction)
    transaction.connection.execute(
        insert(generations).values(
            id=generation,
            digest=sidecar.digest,
            attempt_id=attempt,
            provider=sidecar.provider,
            account=sidecar.account,
            remote_id=sidecar.remote_id,
            origin="restored",
            status=JobStatus.COMPLETED,
            progress=_WHOLE,
            created_at=sidecar.created_at,
            completed_at=sidecar.completed_at,
            cost_usd=sidecar.cost_usd,
            is_ours=sidecar.is_ours,
            on_server=True,
            missing_count=0,
            lost=not sidecar.is_stored,
        )
    )
    for asset in sidecar.assets:
        _add_asset(transaction, generation, asset)
    if sidecar.is_ours:
        ledger.spend_found(
            transaction,
            amount_usd=sidecar.cost_usd,
            at=sidecar.created_at,
            account=sidecar.account,
            provider=sidecar.provider,
            attempt=attempt,
            generation=generation,
            tags=tags,
        )
    return generation


def _answered_before(
    transaction: Transaction, known: GenerationId, asked: Row[Any], job: ObservedJob
) -> GenerationId:
    """The generation of an answer that another run has found in the list meanwhile."""
    was_found = asked.state in _SETTLED_WITHOUT_ANSWER
    if was_found and _of_attempt(transaction, asked.id) == known:
        return known
    raise KnownJobError(
        f"the server answered with the id of a job that is recorded already: `{job.remote_id}`",
        fix="Look at the provider with `sorafile remote list`: every create must give an id of"
        " its own.",
    )


def _of_attempt(transaction: Transaction, attempt: AttemptId) -> GenerationId | None:
    found = transaction.connection.execute(
        select(generations.c.id).where(generations.c.attempt_id == attempt)
    ).scalar()
    return None if found is None else GenerationId(found)


def _add_of(
    transaction: Transaction,
    asked: Row[Any],
    job: ObservedJob,
    *,
    origin: str,
    is_ours: bool,
    is_second: bool = False,
) -> GenerationId:
    """Add what an attempt made; of a second job that it made, it is not the attempt."""
    return _add(
        transaction,
        job,
        attempt=None if is_second else asked.id,
        digest=asked.digest,
        provider=asked.provider,
        account=asked.account,
        cost_usd=asked.cost_usd,
        origin=origin,
        is_ours=is_ours,
    )


def _add(
    transaction: Transaction,
    job: ObservedJob,
    *,
    attempt: AttemptId | None,
    digest: RecipeDigest,
    provider: str,
    account: str,
    cost_usd: Decimal | None,
    origin: str,
    is_ours: bool,
) -> GenerationId:
    """Add a generation as its job was at its beginning."""
    generation = _new_id(transaction)
    transaction.connection.execute(
        insert(generations).values(
            id=generation,
            digest=digest,
            attempt_id=attempt,
            provider=provider,
            account=account,
            remote_id=job.remote_id,
            origin=origin,
            status=JobStatus.QUEUED,
            progress=0,
            created_at=job.created_at or transaction.at,
            cost_usd=cost_usd,
            is_ours=is_ours,
            on_server=True,
            missing_count=0,
            lost=False,
        )
    )
    return generation


def _new_id(transaction: Transaction) -> GenerationId:
    return GenerationId(f"generation_{transaction.new_id()}")


def _known(transaction: Transaction, account: str, remote_id: str) -> GenerationId | None:
    found = transaction.connection.execute(
        select(generations.c.id).where(
            generations.c.account == account, generations.c.remote_id == remote_id
        )
    ).scalar()
    return None if found is None else GenerationId(found)


def _locked(transaction: Transaction, generation: GenerationId) -> Row[Any]:
    """A generation's row; another workspace cannot change it before this transaction ends."""
    found = transaction.connection.execute(
        select(generations).where(generations.c.id == generation).with_for_update()
    ).first()
    if found is None:
        raise StateError(f"no generation `{generation}` is recorded")
    return found


def _change(transaction: Transaction, generation: GenerationId, **values: object) -> None:
    changed = transaction.connection.execute(
        update(generations).where(generations.c.id == generation).values(**values)
    )
    if changed.rowcount == 0:
        raise StateError(f"no generation `{generation}` is recorded")


def _add_asset(transaction: Transaction, generation: GenerationId, asset: Asset) -> None:
    transaction.connection.execute(
        insert(assets).values(generation_id=generation, stored_at=transaction.at, **asdict(asset))
    )
