"""Deleting what an address holds that is declared no more."""

from dataclasses import replace
from functools import partial

from reconciler.domain.plan import Action, ActionKind, Change, Forget, Reason, Step, Unpublish
from reconciler.domain.recorded import Generation, Recorded
from reconciler.plan import changes
from reconciler.plan.holding import holding
from reconciler.plan.letting_go import LettingGo, let_go
from reconciler.plan.usage import Setting


def delete(recorded: Recorded, facts: Setting, *, destroy: bool) -> Action:
    """Let go of all that an undeclared address holds; `destroy` says that a person asked for it."""
    newest = next(iter(recorded.generations), None)
    action = Action(
        address=recorded.address,
        kind=ActionKind.BLOCKED,
        reason=Reason.PROTECTED,
        because="it is protected, and no longer declared",
        provider=newest.provider if newest else "",
    )
    if recorded.lifecycle.protect:
        return action
    going = _going(recorded, facts)
    steps: tuple[Step, ...] = (
        *going.first,
        *(Unpublish(file=file) for file in recorded.published),
        *going.steps,
        *(() if going.overdue else (Forget(),)),
    )
    reason, because = _why(going, is_stuck=not steps, destroy=destroy)
    action = replace(
        action,
        reason=reason,
        because=because,
        recipe_digest=newest.digest if newest else None,
        notes=going.notes,
    )
    if not steps:
        return action
    overdue = (f"then it is blocked: its {each}" for each in going.overdue)
    return replace(
        action,
        kind=ActionKind.DELETE,
        steps=steps,
        changes=_removed(newest),
        notes=(*overdue, *going.notes),
    )


def _going(recorded: Recorded, facts: Setting) -> LettingGo:
    return let_go(
        recorded.generations,
        held=holding(recorded, facts.index),
        policy=recorded.lifecycle.remote,
        is_used=partial(facts.is_used_by_others, address=recorded.address),
        index=facts.index,
    )


def _why(going: LettingGo, *, is_stuck: bool, destroy: bool) -> tuple[Reason, str]:
    reason = Reason.DESTROYED if destroy else Reason.UNDECLARED
    because = "everything is to be destroyed" if destroy else "it is no longer declared"
    if is_stuck:
        reason, because = Reason.STUCK, f"{because}, but its {going.overdue[0]}"
    if going.in_use:
        return Reason.JOB_IN_USE, f"{because}; its job is in use elsewhere and stays"
    return (Reason.NO_DELETE if going.no_delete else reason), because


def _removed(newest: Generation | None) -> tuple[Change, ...]:
    return (changes.free("prompt", newest.recipe.prompt, None),) if newest else ()
