"""What a watch does with a plan: what it begins by itself, and what waits for a person."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from reconciler.domain.address import Address
from reconciler.domain.money import dollars
from reconciler.domain.plan import Action, ActionKind, Plan, Reason
from reconciler.domain.provider import Provider
from reconciler.domain.recipe import RecipeDigest
from reconciler.domain.world import World
from reconciler.plan.guards import deletions, overruns
from reconciler.plan.make import allowed_part
from reconciler.plan.price import worst_case_usd

_NOTHING = Decimal(0)
_BRINGING_IN = frozenset({ActionKind.WAIT, ActionKind.DOWNLOAD, ActionKind.RESOLVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What an action is about: told again in another plan, it is the same."""

    address: Address
    kind: ActionKind
    digest: RecipeDigest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What a person allowed one watch to do, and what became of it so far."""

    buys: bool = False  # by itself, within `max_cost_usd`
    max_cost_usd: Decimal | None = None  # of the whole watch; None: no purchase by itself
    spent_usd: Decimal = _NOTHING  # or held, by the runs of this watch
    approved: Mapping[Deed, Decimal] = field(default_factory=dict)  # at worst so many dollars each
    bought: frozenset[RecipeDigest] = frozenset()  # by the runs of this watch
    resting: frozenset[Deed] = frozenset()  # failed, and not to be begun again by itself

    @property
    def left_usd(self) -> Decimal | None:
        """What the watch may still spend; None: nobody said."""
        return None if self.max_cost_usd is None else self.max_cost_usd - self.spent_usd

    def approving(
        self, actions: Collection[Action], providers: Mapping[str, Provider]
    ) -> "Permission":
        """With what a person allowed of these, at their prices of now."""
        more = {deed_of(each): worst_case_usd(each, providers) for each in actions}
        return replace(self, approved={**self.approved, **more})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of one plan in a watch."""

    part: Plan  # what may begin now
    waiting: tuple[Action, ...] = ()  # what costs, and is not allowed
    because: str = ""  # nobody's yes can help while this holds
    waiting_usd: Decimal = _NOTHING  # at worst
    forgotten: tuple[Action, ...] = ()  # of what waits: bought before, and the state knows nothing
    has_unknown_price: bool = False  # among what waits
    is_hasty: bool = False  # what begins cannot be taken back, and nobody looked at it

    @property
    def may_ask(self) -> bool:
        """Whether a yes would begin what waits."""
        return bool(self.waiting) and not self.because


def deed_of(action: Action) -> Deed:
    """What an action is about."""
    return Deed(address=action.address, kind=action.kind, digest=action.recipe_digest)


def decide(plan: Plan, world: World, permission: Permission) -> Verdict:
    """Cut a plan to what may be begun: what is free, and what a person allowed."""
    providers = world.providers
    paid = [each for each in plan.actions if costs(each)]
    allowed = _allowed(plan, paid, world, permission)
    many = deletions(plan.actions, world) is not None

    def may_begin(action: Action) -> bool:
        if deed_of(action) in permission.resting:
            return False
        is_seen = action.provider not in plan.unreachable or not action.purchases
        return is_seen and not (many and action.kind is ActionKind.DELETE)

    part = allowed_part(
        plan,
        providers,
        may_begin=may_begin,
        may_buy=lambda action: not costs(action) or action.address in allowed,
    )
    waiting = tuple(each for each in paid if each.address not in allowed and may_begin(each))
    return Verdict(
        part=part,
        waiting=waiting,
        because=_why_not(plan, paid, world, permission) if waiting else "",
        waiting_usd=_worst_usd(waiting, providers),
        forgotten=_forgotten(waiting, world, permission),
        has_unknown_price=any(map(_is_of_unknown_price, waiting)),
        is_hasty=any(_is_final(each, permission) for each in part.actions),
    )


def bringing_in(plan: Plan, permission: Permission) -> Plan:
    """Cut a plan to what only brings in what was paid for: all that cannot wait for a person."""
    return allowed_part(
        plan,
        {},
        may_begin=lambda each: (
            each.kind in _BRINGING_IN and deed_of(each) not in permission.resting
        ),
        may_buy=lambda _: False,
    )


def _allowed(
    plan: Plan, paid: Sequence[Action], world: World, permission: Permission
) -> frozenset[Address]:
    """Which purchases are allowed.

    All of them where the watch buys by itself and all may be, else those with a person's yes.
    What it bought before is not bought by itself again because the state is gone.
    """
    known = permission.approved
    approved = [
        each
        for each in paid
        if worst_case_usd(each, world.providers) <= known.get(deed_of(each), Decimal(-1))
    ]
    is_known = not _forgotten(paid, world, permission)
    by_itself = permission.buys and permission.max_cost_usd is not None and is_known
    for wanted in (paid, approved) if by_itself else (approved,):
        if not _why_not(plan, wanted, world, permission):
            return frozenset(each.address for each in wanted)
    return frozenset()


def _forgotten(paid: Iterable[Action], world: World, permission: Permission) -> tuple[Action, ...]:
    """The purchases that this watch made before, and of which the state knows nothing."""
    recorded = world.recorded
    known = {each.digest for each in recorded.generations.values()}
    unknown = permission.bought - known.union(each.digest for each in recorded.attempts)
    return tuple(each for each in paid if each.recipe_digest in unknown)


def costs(action: Action) -> bool:
    """Whether it makes a paid request that is not known to be free."""
    return action.is_paid and any(buy.cost_usd != 0 for buy in action.purchases)


def _is_of_unknown_price(action: Action) -> bool:
    return any(buy.cost_usd is None for buy in action.purchases)


def _is_final(action: Action, permission: Permission) -> bool:
    is_unseen = costs(action) and deed_of(action) not in permission.approved
    return is_unseen or action.kind is ActionKind.DELETE


def _why_not(plan: Plan, wanted: Sequence[Action], world: World, permission: Permission) -> str:
    """What forbids these purchases of a plan, whoever says yes; empty: nothing does."""
    protected = [str(a.address) for a in plan.actions if a.reason is Reason.PROTECTED]
    if protected:
        return f"nothing is bought while the plan would have {', '.join(protected)} gone, protected"
    beyond = overruns(wanted, world)
    if beyond:
        return "; ".join(map(str, beyond))
    left_usd = permission.left_usd
    if left_usd is None:
        return ""
    if any(map(_is_of_unknown_price, wanted)):
        return "a price is unknown, so nobody can hold it within --max-cost"
    worst_usd = _worst_usd(wanted, world.providers)
    if worst_usd <= left_usd:
        return ""
    return (
        f"${dollars(worst_usd)} at worst is more than what is left of --max-cost"
        f" (${dollars(left_usd)})"
    )


def _worst_usd(actions: Iterable[Action], providers: Mapping[str, Provider]) -> Decimal:
    return sum((worst_case_usd(each, providers) for each in actions), _NOTHING)
