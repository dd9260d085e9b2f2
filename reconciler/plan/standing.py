"""How each declared video stands: a plan, read as a report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration
from reconciler.domain.plan import Action, ActionKind, Plan, Publish, Reason
from reconciler.domain.recorded import Generation, Recorded
from reconciler.domain.world import World
from reconciler.plan.index import Index

Status = Literal[
    "converged",
    "pending",
    "replacing",
    "failed",
    "blocked",
    "stuck",
    "lost",
    "unresolved",
    "missing",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One declared video: what it is to be, what there is, and why it is not at rest."""

    declaration: Declaration
    status: Status
    recorded: Recorded
    generation: Generation | None  # the one of its recipe, as observed; else the published one
    action: Action | None  # None: converged


def standings(world: World, plan: Plan) -> tuple[Standing, ...]:
    """One for each declared video, by address."""
    actions = {action.address: action for action in plan.actions}
    index = Index(world)
    return tuple(
        _standing(declaration, actions, index) for _, declaration in sorted(world.desired.items())
    )


def _standing(
    declaration: Declaration, actions: Mapping[Address, Action], index: Index
) -> Standing:
    address = declaration.address
    recorded = index.recorded(address) or Recorded(address=address)
    action = actions.get(address)
    held = (recorded.pending, recorded.current)
    same = [each for each in held if each is not None and each.digest == declaration.digest]
    chosen = next(iter(same), recorded.current)
    return Standing(
        declaration=declaration,
        status="converged" if action is None else _status(action, recorded),
        recorded=recorded,
        generation=index.now(chosen) if chosen is not None else None,
        action=action,
    )


def _status(action: Action, recorded: Recorded) -> Status:
    match action.kind:
        case ActionKind.RESOLVE:
            return "unresolved"
        case ActionKind.BLOCKED if action.reason is Reason.JOB_FAILED:
            return "failed"
        case ActionKind.BLOCKED if action.reason is Reason.VIDEO_LOST:
            return "lost"
        case ActionKind.BLOCKED if action.reason is Reason.STUCK:
            return "stuck"
        case ActionKind.BLOCKED:
            return "blocked"
        case ActionKind.REPLACE:
            return "replacing"
        case ActionKind.WAIT | ActionKind.DOWNLOAD:
            return "replacing" if _is_replaced(recorded) else "pending"
        case ActionKind.UPDATE if any(isinstance(step, Publish) for step in action.steps):
            return "replacing" if _is_replaced(recorded) else "missing"
        case ActionKind.UPDATE:
            return "converged"  # the video is as declared; only settings or tidying are due
        case _:
            return "missing"


def _is_replaced(recorded: Recorded) -> bool:
    """Whether one generation is about to take the place of another."""
    return recorded.current is not None and recorded.pending is not None
