"""What a person must not let happen by mistake: too much money, too many deletions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from reconciler.domain.budget import Cap, begin_of
from reconciler.domain.money import dollars
from reconciler.domain.plan import Action, ActionKind
from reconciler.domain.recorded import Attempt
from reconciler.domain.world import World
from reconciler.plan.price import worst_case_usd

_DELETED_MIN = 3  # up to here, deleting is everyday work
_DELETED_PERCENT = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrun:
    """A cap that a plan could go beyond."""

    cap: Cap
    worst_case_usd: Decimal  # of the plan, with what unresolved requests hold
    besides_usd: Decimal  # held or spent already, and not part of the worst case

    def __str__(self) -> str:
        of_tag = "" if self.cap.tag is None else f" for the tag {self.cap.tag}"
        told = f"the plan's worst case of ${dollars(self.worst_case_usd)}{of_tag} goes beyond"
        if not self.besides_usd:
            return f"{told} {self.cap}"
        return f"{told} {self.cap}, since ${dollars(self.besides_usd)} is spent or held besides"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletions:
    """More deletions than are made without asking for their number."""

    deleted: int
    recorded: int  # videos, the deleted ones among them
    nothing_is_declared: bool  # the specs may be missing, rather than meant so

    @property
    def flag(self) -> str:
        """The option that consents to it."""
        return "--allow-empty" if self.nothing_is_declared else "--allow-mass-change"

    def __str__(self) -> str:
        return f"{self.deleted} of {self.recorded} recorded videos would be deleted"


def overruns(actions: Sequence[Action], world: World) -> tuple[Overrun, ...]:
    """The caps that these actions could go beyond, from the shortest period to the longest.

    The worst case holds the money of unresolved requests too, since they may yet be billed.
    A cap that is exceeded already is no matter of a plan that adds nothing to it.
    """
    unresolved = [each for each in world.recorded.attempts if each.state.is_unresolved]
    found = []
    for cap in world.budget.caps:
        held = [each for each in unresolved if cap.counts(each.tags)]
        adds_usd = _worst_case_usd(actions, cap, world)
        with_held_usd = adds_usd + _sum(each.cost_usd for each in held)
        twice_usd = _sum(each.cost_usd for each in held if _is_counted(each, cap, world))
        besides_usd = world.counted.against(cap) - twice_usd
        if adds_usd and with_held_usd + besides_usd > cap.usd:
            found.append(Overrun(cap=cap, worst_case_usd=with_held_usd, besides_usd=besides_usd))
    return tuple(found)


def _worst_case_usd(actions: Iterable[Action], cap: Cap, world: World) -> Decimal:
    return _sum(
        worst_case_usd(action, world.providers)
        for action in actions
        if any(cap.counts(buy.declaration.tags) for buy in action.purchases)
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    """Of what is known; where a cap applies, a purchase of unknown price is blocked."""
    return sum((usd for usd in amounts if usd is not None), Decimal(0))


def _is_counted(attempt: Attempt, cap: Cap, world: World) -> bool:
    """Whether its money was held in the cap's period, and so is counted there already."""
    if cap.period == "run":
        return False
    return attempt.reserved_at >= begin_of(cap.period, world.observed.at)


def deletions(actions: Iterable[Action], world: World) -> Deletions | None:
    """The deletions that need a consent of their own; None where they are everyday work."""
    deleted = sum(action.kind is ActionKind.DELETE for action in actions)
    recorded = len(world.recorded.videos)
    is_mass = deleted > _DELETED_MIN and 100 * deleted > _DELETED_PERCENT * recorded
    nothing_is_declared = bool(deleted) and not world.desired
    if not is_mass and not nothing_is_declared:
        return None
    return Deletions(deleted=deleted, recorded=recorded, nothing_is_declared=nothing_is_declared)
