"""Paid generations that no address uses: found, taken note of, and stored before they expire."""

from collections.abc import Collection, Iterator

from reconciler.domain.observed import ObservedJob
from reconciler.domain.plan import (
    Action,
    ActionKind,
    Adopt,
    Bind,
    Resolve,
    Retire,
    SeekSpare,
    Spare,
    StoreSpare,
    TakeTwin,
)
from reconciler.domain.provider import reaching
from reconciler.domain.recorded import Attempt
from reconciler.plan.index import Index
from reconciler.plan.lost_answers import is_newer, matches
from reconciler.plan.matching import Match


def spares(index: Index, actions: Collection[Action]) -> tuple[Spare, ...]:
    """What is left to do beside the actions, in a stable order."""
    held = {step.given_up for action in actions for step in action.steps if isinstance(step, Adopt)}
    unused = (twin for twin in twins(index) if twin.attempt not in held)
    return (*_to_seek(index, actions), *unused, *_to_store(index, actions))


def twins(index: Index) -> Iterator[TakeTwin]:
    """The jobs that showed after their attempts were given up: each was billed."""
    taken: set[str] = set()
    for attempt in index.world.recorded.given_up:
        provider = reaching(index.world.providers, name=attempt.provider, account=attempt.account)
        if provider is None:
            continue
        job = _twin(attempt, index.unclaimed(provider.name), taken)
        if job is not None:
            taken.add(job.remote_id)
            yield TakeTwin(
                attempt=attempt.id, job=job, address=attempt.address, provider=provider.name
            )


def _twin(
    attempt: Attempt, unclaimed: Collection[ObservedJob], taken: Collection[str]
) -> ObservedJob | None:
    found = [
        job
        for job in unclaimed
        if job.remote_id not in taken
        and is_newer(job, attempt)
        and matches(attempt, job) is Match.SAME
    ]
    return found[-1] if found else None  # the oldest: the first that came after it


def _to_seek(index: Index, actions: Collection[Action]) -> Iterator[SeekSpare]:
    """The unresolved attempts of this workspace whose recipes nobody asks for any more."""
    sought = {
        step.attempt for action in actions for step in action.steps if isinstance(step, Resolve)
    }
    for attempt in index.world.recorded.attempts:
        is_ours = attempt.workspace == index.world.workspace
        if attempt.state.is_unresolved and is_ours and attempt.id not in sought:
            yield SeekSpare(attempt=attempt.id, address=attempt.address, provider=attempt.provider)


def brought_in(action: Action, index: Index) -> Iterator[StoreSpare]:
    """The paid jobs that an action lets go, and whose videos are not here yet."""
    if not action.purchases and action.kind is not ActionKind.DELETE:
        return  # it is done, whatever is allowed
    for step in action.steps:
        if not isinstance(step, Retire):
            continue
        generation = index.now(index.generations[step.generation])
        runs = generation.status.is_running and not index.is_lost(generation)
        can_be_had = index.provider_of(generation) is not None and generation.on_server
        if can_be_had and (runs or index.is_waiting(generation)):
            yield StoreSpare(
                generation=generation.id,
                remote_id=generation.remote_id,
                address=action.address,
                provider=generation.provider,
                deadline_s=step.deadline_s,
                expires_at=index.expiry(generation) if index.is_waiting(generation) else None,
            )


def _to_store(index: Index, actions: Collection[Action]) -> Iterator[StoreSpare]:
    taken = {s.generation for action in actions for s in action.steps if isinstance(s, Bind)}
    for identity, address in sorted(index.world.recorded.spares.items()):
        generation = index.generations[identity]
        has_provider = index.provider_of(generation) is not None
        can_be_had = has_provider and not index.is_lost(generation)
        is_late = index.overdue(generation, address) is not None
        if identity not in taken and can_be_had and not is_late:
            yield StoreSpare(
                generation=identity,
                remote_id=generation.remote_id,
                address=address,
                provider=generation.provider,
                deadline_s=index.deadline_s(generation, address),
                expires_at=index.expiry(generation) if index.is_waiting(generation) else None,
            )
