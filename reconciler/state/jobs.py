"""Generations: what became of each job, and what of it is stored.

They belong to the whole database, whichever workspace bought or saw them.
"""

from dataclasses import asdict
from typing import Any
from uuid import uuid4

from sqlalchemy import Row, delete, insert, select, update

from reconciler.domain.address import Address
from reconciler.domain.errors import StateError
from reconciler.domain.observed import ObservedJob, Sidecar
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import Asset, AttemptId, GenerationId, JobStatus
from reconciler.state import holdings, journal, ledger
from reconciler.state.tables import assets, generations
from reconciler.state.transaction import Transaction

_WHOLE = 100  # percent


def record_bought(transaction: Transaction, attempt: AttemptId, job: ObservedJob) -> GenerationId:
    """Journal the answer to a paid request: the id, the job, the price, who holds it.

    All in one transaction, since a known id must never be without its money or its address.

    Raises:
        StateError: a job of this id is recorded already.
    """
    bought = journal.acknowledge(transaction, attempt, job.remote_id)
    if _known(transaction, bought.account, job.remote_id) is not None:
        raise StateError(
            f"the server answered with the id of a job that is recorded already: `{job.remote_id}`",
            fix="Look at the provider with `sorafile provider check`: every create must give an"
            " id of its own.",
        )
    generation = _new_id()
    transaction.connection.execute(
        insert(generations).values(
            id=generation,
            digest=bought.digest,
            attempt_id=attempt,
            provider=bought.provider,
            account=bought.account,
            remote_id=job.remote_id,
            origin="bought",
            status=JobStatus.QUEUED,
            progress=0,
            created_at=job.created_at or transaction.at,
            cost_usd=bought.cost_usd,
            on_server=True,
            missing_count=0,
            lost=False,
        )
    )
    ledger.spend(transaction, attempt, generation)
    holdings.hold(transaction, Address.parse(bought.address), generation)
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
    if asset.variant is Variant.VIDEO and recorded.lost:
        _change(transaction, generation, lost=False)
        journal.revive(transaction, recorded.attempt_id)


def recover(transaction: Transaction, sidecar: Sidecar) -> GenerationId:
    """Record a generation that only its sidecar remembers; of a known one, its assets.

    Its price is booked for the day on which it was made: a month's ledger is whole again
    when the sidecars have been read.
    """
    known = _known(transaction, sidecar.account, sidecar.remote_id)
    if known is not None:
        for asset in sidecar.assets:
            record_stored(transaction, known, asset)
        return known
    journal.record_recipe(transaction, sidecar.recipe, sidecar.digest)
    attempt = journal.adopt(transaction, sidecar)
    generation = _new_id()
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
            on_server=True,
            missing_count=0,
            lost=False,
        )
    )
    for asset in sidecar.assets:
        _add_asset(transaction, generation, asset)
    ledger.spend_found(transaction, sidecar, attempt=attempt, generation=generation)
    return generation


def _new_id() -> GenerationId:
    return GenerationId(f"generation_{uuid4().hex}")


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
