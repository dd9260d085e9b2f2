"""A saved plan against today's: whether it still holds, and which part of today's it names.

Only today's actions are ever carried out: a saved plan chooses among them, and adds nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from reconciler.domain.address import Address
from reconciler.domain.observed import ObservedJob
from reconciler.domain.plan import (
    Action,
    ActionKind,
    Adopt,
    Await,
    Cost,
    DeleteJob,
    Plan,
    Retire,
    Spare,
    Step,
    StoreSpare,
    TakeTwin,
)
from reconciler.domain.provider import Provider
from reconciler.domain.recorded import JobStatus
from reconciler.plan.make import part_at

Lasting = TypeVar("Lasting", bound=Step | Spare)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where today's plan would do something else, or more, than a saved one said."""

    address: Address | None  # None: the plan as a whole
    what: str  # for people


def named_part(saved: Plan, today: Plan, providers: Mapping[str, Provider]) -> Plan:
    """What a saved plan names of today's, under the saved one's id."""
    named = {action.address for action in saved.actions}
    spares = [_lasting(spare) for spare in saved.spares]
    return replace(
        part_at(today, named, providers),
        plan_id=saved.plan_id,
        expected_s=saved.expected_s,
        spares=tuple(spare for spare in today.spares if _lasting(spare) in spares),
    )


def differences(
    saved: Plan, today: Plan, providers: Mapping[str, Provider]
) -> tuple[Difference, ...]:
    """Why a saved plan is stale, in its order; none where its named part does what it said.

    What it does not name makes no difference, nor does what goes on by itself: how far a job
    is, when its video expires, and that a running one has finished. A job that needs no
    deleting any more, and a spare that is settled, are less than was said.
    """
    now = {action.address: action for action in today.actions}
    named = {action.address for action in saved.actions}
    found = [
        Difference(address=then.address, what=what)
        for then in saved.actions
        if (what := _difference(then, now.get(then.address), named)) is not None
    ]
    was, is_ = _to_spend(saved.cost), _to_spend(named_part(saved, today, providers).cost)
    if is_ > was:
        found.append(Difference(address=None, what=f"it may cost ${is_:f} now, not ${was:f}"))
    return tuple(found)


def _difference(then: Action, now: Action | None, named: Collection[Address]) -> str | None:
    """What explains the rest: another recipe has other steps and another price, too."""
    if now is None:
        return "nothing is to be done there any more"
    if now.recipe_digest != then.recipe_digest:
        return "its recipe is another now"
    if now.kind is not then.kind and not _has_finished(then, now):
        return f"planned as {then.kind}, and now as {now.kind}: {now.because}"
    if now.provider != then.provider:
        return f"its provider was {then.provider}, and is {now.provider} now"
    if now.cost_usd != then.cost_usd:
        return f"its price was {_price(then)}, and is {_price(now)} now"
    others = dict.fromkeys(step.step for step in _otherwise(then.steps, now.steps))
    if others:
        return f"its steps differ in: {', '.join(others)}"
    unnamed = [str(address) for address in now.depends_on if address not in named]
    if unnamed:
        return f"it waits for {', '.join(unnamed)} now, which the plan does not name"
    return None


def _has_finished(then: Action, now: Action) -> bool:
    """Whether its running job, seen again, is one that only needs a download."""
    return then.kind is ActionKind.WAIT and now.kind is ActionKind.DOWNLOAD


def _price(action: Action) -> str:
    return "unknown" if action.cost_usd is None else f"${action.cost_usd:f}"


def _otherwise(then: Sequence[Step], now: Sequence[Step]) -> tuple[Step, ...]:
    """The steps of today that were not said, and those that were and are missing.

    In whatever order: a job that finishes while others run is let go sooner.
    """
    left = list(then)
    new: list[Step] = []
    for step in now:
        place = next((i for i, said in enumerate(left) if _says(said, step)), None)
        if place is None:
            new.append(step)
        else:
            del left[place]
    return (*new, *(step for step in left if not isinstance(step, Await | DeleteJob)))


def _says(said: Step, step: Step) -> bool:
    """Whether a step does what was said, or less."""
    if isinstance(said, Retire) and isinstance(step, Retire) and not step.delete:
        return said.generation == step.generation
    return _lasting(said) == _lasting(step)


def _lasting(what: Lasting) -> Lasting:
    """A step or a spare by which job it is about, not by how far that is, or may be."""
    if isinstance(what, Adopt | TakeTwin):
        job = ObservedJob(remote_id=what.job.remote_id, status=JobStatus.QUEUED, progress=0)
        return replace(what, job=job)
    if isinstance(what, Await | Retire | StoreSpare):
        return replace(what, deadline_s=None)
    return what


def _to_spend(cost: Cost) -> Decimal:
    """The worst case of the run itself: other runs' money may be held meanwhile."""
    return cost.worst_case_usd - cost.held_usd
