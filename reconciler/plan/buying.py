"""Buying a video, or finding out what became of the request that was to buy it."""

from dataclasses import replace

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration
from reconciler.domain.money import dollars
from reconciler.domain.observed import ObservedJob
from reconciler.domain.plan import Action, ActionKind, Buy, MarkLost, Reason, Resolve
from reconciler.domain.recorded import Generation, JobStatus
from reconciler.plan import changes
from reconciler.plan.derivations import kind_of, told_of, upload_of
from reconciler.plan.filling import act, awaited, hold_and_fill, leaving
from reconciler.plan.holding import Holding
from reconciler.plan.price import price
from reconciler.plan.targets import (
    Adoptable,
    Keep,
    Known,
    Moved,
    New,
    Remembered,
    SharedWith,
    Target,
    Unresolved,
)
from reconciler.plan.usage import Setting


def buy(declaration: Declaration, target: New, held: Holding, facts: Setting) -> Action:
    """Make another generation, at a price; `target` says why, and what is lost."""
    purchase = _purchase(declaration, facts)
    lost = (MarkLost(generation=target.lost.id),) if target.lost else ()
    hold = (*lost, purchase, awaited(declaration))
    old = held.recorded.current or held.recorded.pending
    compared = changes.between(old.recipe if old else None, declaration, facts.names)
    because = target.because
    if target.reason is Reason.RECIPE_CHANGED:
        because = f"{_listed([each.field for each in compared])} changed"
    is_failed = old is not None and facts.index.now(old).status is JobStatus.FAILED
    replaces = old is not None and target.lost is None and not is_failed
    kind = ActionKind.REPLACE if replaces else kind_of(declaration)
    steps = hold_and_fill(declaration, held, facts, hold)
    return replace(
        act(declaration, kind, target.reason, because, steps),
        cost_usd=purchase.cost_usd,
        changes=compared,
        depends_on=_waits_for(declaration, facts),
        notes=(
            *leaving(declaration, held, held.recorded.generations, facts).notes,
            *_offers(declaration, target.offer),
            *_told_of(purchase, facts),
        ),
    )


def resolve(declaration: Declaration, target: Unresolved, held: Holding, facts: Setting) -> Action:
    """Find out what became of a paid request; what it made, or another, takes its place."""
    attempt = target.attempt
    sent = attempt.sending_at or attempt.reserved_at
    because = f"what became of the paid request of {sent:%Y-%m-%d %H:%M} UTC is unknown"
    otherwise = _purchase(declaration, facts) if target.may_buy else None
    hold = (Resolve(attempt=attempt.id, otherwise=otherwise), awaited(declaration))
    steps = hold_and_fill(declaration, held, facts, hold)
    return replace(
        act(declaration, ActionKind.RESOLVE, Reason.UNRESOLVED_ATTEMPT, because, steps),
        depends_on=_waits_for(declaration, facts),
        notes=() if otherwise is None else _told_of(otherwise, facts),
    )


def _purchase(declaration: Declaration, facts: Setting) -> Buy:
    provider = facts.index.world.providers[declaration.provider]
    parent = declaration.parent
    of = _parent_generation(parent, facts) if parent is not None else None
    failures = facts.index.failures(declaration.digest)
    return Buy(
        declaration=declaration,
        cost_usd=price(declaration, provider),
        retries=max(0, declaration.lifecycle.retries - failures),
        failures=failures,
        parent_generation=of.id if of is not None else None,
        upload=upload_of(declaration, of, facts.index),
    )


def _waits_for(declaration: Declaration, facts: Setting) -> tuple[Address, ...]:
    parent = declaration.parent
    if parent is None:
        return ()
    upload = upload_of(declaration, _parent_generation(parent, facts), facts.index)
    # Then its action takes the bytes back into the store, from where they are sent.
    is_taken_back = upload is not None and not facts.index.asset_is_whole(upload)
    return (parent,) if is_taken_back or _is_made_here(facts.targets.get(parent)) else ()


def _parent_generation(parent: Address, facts: Setting) -> Generation | None:
    match facts.targets.get(parent):
        case Keep(generation=job) | Moved(generation=job) | Known(generation=job):
            return job
        case _:
            return None


def _is_made_here(target: Target | None) -> bool:
    """Whether a parent's job is finished or told only in the course of this plan."""
    match target:
        case Keep(generation=job) | Known(generation=job) | Moved(generation=job):
            return job.status.is_running
        case New() | Remembered() | Adoptable() | SharedWith() | Unresolved():
            return True
        case _:
            return False


def _offers(declaration: Declaration, job: ObservedJob | None) -> tuple[str, ...]:
    if job is None:
        return ()
    told = (
        f"job {job.remote_id} on {declaration.provider} asked for the same: if it is yours, take"
        f" it for free with sorafile import '{declaration.address}' {job.remote_id}"
    )
    return (told,)


def _told_of(purchase: Buy, facts: Setting) -> tuple[str, ...]:
    """How it is asked for, and what may still be bought after it."""
    provider = facts.index.world.providers[purchase.declaration.provider]
    told = tuple(told_of(purchase, provider))
    if not purchase.retries:
        return told
    each = f", ${dollars(purchase.cost_usd)} each" if purchase.cost_usd else ""
    return (*told, f"up to {purchase.retries} more after a transient failure{each}")


def _listed(names: list[str]) -> str:
    """`prompt`, `prompt and size`, `prompt, model and size`."""
    *most, last = names or ["its recipe"]
    return f"{', '.join(most)} and {last}" if most else last
