"""What is done at each address to give it its target: the lower half of the decision table."""

from dataclasses import replace

from reconciler.domain.desired import Declaration
from reconciler.domain.plan import Action, ActionKind, Bind, Reason, Retire
from reconciler.domain.recorded import Recorded
from reconciler.plan.buying import buy, resolve
from reconciler.plan.deleting import delete
from reconciler.plan.filling import act, leaving
from reconciler.plan.holding import Holding, holding
from reconciler.plan.index import Index
from reconciler.plan.moving import move
from reconciler.plan.resting import converge
from reconciler.plan.taking import adopt, recover, share, take_known
from reconciler.plan.targets import (
    Adoptable,
    Keep,
    Known,
    Moved,
    New,
    Remembered,
    SharedWith,
    Stuck,
    Target,
    Unresolved,
)
from reconciler.plan.usage import Setting, going_anyway


def declared(declaration: Declaration, facts: Setting) -> Action | None:
    """What to do about one declared video; None where it is converged."""
    target = facts.targets[declaration.address]
    action = _for_target(declaration, target, facts)
    if action is None:
        return None
    return _dated(replace(action, recipe_digest=declaration.digest), facts.index)


def undeclared(recorded: Recorded, facts: Setting, *, destroy: bool) -> Action | None:
    """What to do about one recorded video that is declared no more.

    None where what it held moves to another address.
    """
    if recorded.address in facts.moved:
        return None
    return _dated(delete(recorded, facts, destroy=destroy), facts.index)


def _for_target(declaration: Declaration, target: Target, facts: Setting) -> Action | None:
    index = facts.index
    recorded = index.recorded(declaration.address) or Recorded(address=declaration.address)
    held = holding(recorded, index)
    match target:
        case Stuck():
            return _blocked(declaration, target, held, facts)
        case Unresolved():
            return resolve(declaration, target, held, facts)
        case New():
            return buy(declaration, target, held, facts)
        case Keep(generation=generation):
            return converge(declaration, held, generation, facts)
        case Known():
            return take_known(declaration, target, held, facts)
        case Moved():
            return move(declaration, target, facts)
        case Remembered(sidecar=sidecar):
            return recover(declaration, sidecar, held, facts)
        case Adoptable():
            return adopt(declaration, target, held, facts)
        case SharedWith(address=address):
            return share(declaration, address, held, facts)


def _blocked(declaration: Declaration, stuck: Stuck, held: Holding, facts: Setting) -> Action:
    """Nothing but what would expire while the way is blocked."""
    waiting = going_anyway(declaration.address, stuck, facts.index)
    if not waiting:
        return act(declaration, ActionKind.BLOCKED, stuck.reason, stuck.because)
    going = leaving(declaration, held, waiting, facts)
    kind, reason = ActionKind.DOWNLOAD, Reason.NOT_STORED
    if any(generation.status.is_running for generation in waiting):
        kind, reason = ActionKind.WAIT, Reason.JOB_RUNNING
    because = "an older job of it was paid for, and its video is not stored yet"
    return replace(
        act(declaration, kind, reason, because, (*going.first, *going.steps)),
        notes=(f"then it is blocked: {stuck.because}", *going.notes),
    )


def _dated(action: Action, index: Index) -> Action:
    """The action with the first moment at which something that it downloads goes away."""
    named = {step.generation for step in action.steps if isinstance(step, Bind | Retire)}
    waiting = (each for each in map(index.generations.__getitem__, named) if index.is_waiting(each))
    moments = (action.expires_at, *map(index.expiry, waiting))
    return replace(action, expires_at=min(filter(None, moments), default=None))
