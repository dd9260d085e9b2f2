"""Whatever the world and whatever was allowed: what a watch may begin by itself."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from plan.test_plan_properties import worlds
from reconciler.domain.plan import ActionKind, Plan, Reason
from reconciler.domain.world import World
from reconciler.plan.guards import deletions
from reconciler.plan.make import make_plan
from reconciler.plan.price import worst_case_usd
from reconciler.watch.deciding import Permission, costs, decide, deed_of

NOTHING = Permission()


def spent_at_worst(plan: Plan, world: World) -> Decimal:
    """What the purchases of a plan may come to."""
    paid = (each for each in plan.actions if costs(each))
    return sum((worst_case_usd(each, world.providers) for each in paid), Decimal(0))


@st.composite
def permissions(draw: st.DrawFn, plan: Plan, world: World) -> Permission:
    """A permission for some of a plan."""
    cents = st.integers(min_value=0, max_value=3000).map(lambda each: Decimal(each) / 100)
    chosen = [each for each in plan.actions if draw(st.booleans())]
    permission = Permission(
        buys=draw(st.booleans()),
        max_cost_usd=draw(st.none() | cents),
        spent_usd=draw(cents),
        resting=frozenset(deed_of(each) for each in plan.actions if draw(st.integers(0, 9)) == 0),
    )
    return permission.approving([each for each in chosen if costs(each)], world.providers)


@given(worlds(), st.data())
@settings(max_examples=300, deadline=None)
def test_what_begins_was_allowed_and_stays_below_what_is_left(
    world: World, data: st.DataObject
) -> None:
    plan = make_plan(world)
    permission = data.draw(permissions(plan, world))
    part = decide(plan, world, permission).part
    left_usd = permission.left_usd
    if left_usd is not None and any(map(costs, part.actions)):
        assert spent_at_worst(part, world) <= left_usd
    for action in part.actions:
        assert deed_of(action) not in permission.resting
        if costs(action):
            by_itself = permission.buys and permission.max_cost_usd is not None
            assert by_itself or deed_of(action) in permission.approved
            assert action.provider not in plan.unreachable


@given(worlds(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_paid_action_begins_or_waits_or_rests_or_needs_one_that_does(
    world: World, data: st.DataObject
) -> None:
    plan = make_plan(world)
    permission = data.draw(permissions(plan, world))
    verdict = decide(plan, world, permission)
    begun = {each.address for each in verdict.part.actions}
    waiting = {each.address for each in verdict.waiting}
    assert not {a.address for a in verdict.part.actions if costs(a)} & waiting
    held: set[object] = set()
    for action in plan.actions:
        needs = held.intersection(action.depends_on)
        out_of_reach = action.provider in plan.unreachable
        rests = deed_of(action) in permission.resting
        if action.address in waiting or needs or out_of_reach or rests:
            held.add(action.address)
        elif costs(action):
            assert action.address in begun


@given(worlds())
@settings(max_examples=200, deadline=None)
def test_a_yes_begins_what_it_was_asked_for(world: World) -> None:
    plan = make_plan(world)
    asked = decide(plan, world, NOTHING)
    if asked.may_ask:
        permission = NOTHING.approving(asked.waiting, world.providers)
        verdict = decide(plan, world, permission)
        assert not verdict.waiting
        assert spent_at_worst(verdict.part, world) <= asked.waiting_usd


@given(worlds())
@settings(max_examples=200, deadline=None)
def test_without_a_word_nothing_is_bought_and_no_mass_of_videos_deleted(world: World) -> None:
    plan = make_plan(world)
    verdict = decide(plan, world, NOTHING)
    assert not any(map(costs, verdict.part.actions))
    assert verdict.part.cost.usd == 0
    deleted = [each for each in verdict.part.actions if each.kind is ActionKind.DELETE]
    if deletions(plan.actions, world) is not None:
        assert not deleted
    assert verdict.is_hasty == bool(deleted)


@given(worlds())
@settings(max_examples=200, deadline=None)
def test_what_is_protected_holds_up_every_purchase(world: World) -> None:
    plan = make_plan(world)
    everything = Permission(buys=True, max_cost_usd=Decimal(10_000))
    verdict = decide(plan, world, everything)
    if any(each.reason is Reason.PROTECTED for each in plan.actions):
        assert not any(map(costs, verdict.part.actions))
