"""What holds for every plan with blocks, of whatever odd world."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from plan.test_plan_properties import NAMES, worlds
from reconciler.domain.address import Address
from reconciler.domain.blocks import Blocks, MovedBlock, RemovedBlock
from reconciler.domain.plan import ActionKind, Forget, Rename, Retire, Unpublish
from reconciler.domain.world import World
from reconciler.plan.blocks import conflicts, settle
from worlds import the_plan

A_NAME = st.sampled_from(NAMES)


@st.composite
def worlds_with_blocks(draw: st.DrawFn) -> World:
    """A world whose blocks contradict nothing that is declared."""
    world = draw(worlds())
    moved: list[MovedBlock] = []
    for source, target in draw(st.lists(st.tuples(A_NAME, A_NAME), max_size=3)):
        block = MovedBlock(source=Address(source), target=Address(target))
        is_free = all(block.source != b.source and block.target != b.target for b in moved)
        if block.source not in world.desired and block.target in world.desired and is_free:
            moved.append(block)
    sources = {block.source for block in moved}
    removed = [
        RemovedBlock(source=address)
        for address in map(Address, sorted(draw(st.sets(A_NAME, max_size=2))))
        if address not in world.desired and address not in sources
    ]
    return replace(world, blocks=Blocks(moved=tuple(moved), removed=tuple(removed)))


@settings(max_examples=150)
@given(world=worlds_with_blocks())
def test_what_a_block_speaks_of_is_never_deleted(world: World) -> None:
    settled = settle(world)
    left = {each.address: each for each in settled.forgotten}
    left |= {each.address: world.recorded.videos[each.address] for each in settled.conflicts}
    held = {generation.id for each in left.values() for generation in each.generations}
    moved = {rename.source for rename in settled.renames.values()}
    for action in the_plan(world).actions:
        assert action.kind is not ActionKind.DELETE or action.address not in {*left, *moved}
        if action.address in left:
            assert not any(isinstance(step, Unpublish) for step in action.steps)
        for step in action.steps:
            assert not (isinstance(step, Retire) and step.delete and step.generation in held)


@settings(max_examples=150)
@given(world=worlds_with_blocks())
def test_each_recorded_address_leaves_once_and_has_one_action(world: World) -> None:
    plan = the_plan(world)
    addresses = [action.address for action in plan.actions]
    assert len(addresses) == len(set(addresses))
    sources = [s.source for a in plan.actions for s in a.steps if isinstance(s, Rename)]
    assert len(sources) == len(set(sources))
    forgotten = [a.address for a in plan.actions if any(isinstance(s, Forget) for s in a.steps)]
    assert not set(forgotten) & set(sources)
    for action in plan.actions:
        if any(isinstance(step, Rename) for step in action.steps):
            assert isinstance(action.steps[0], Rename)


@settings(max_examples=150)
@given(world=worlds_with_blocks())
def test_a_world_as_its_blocks_leave_it_needs_them_no_more(world: World) -> None:
    """Carried out, a block says nothing; so the price is that of the world it leaves."""
    if conflicts(world):
        return
    left = settle(world).world
    assert settle(left).renames == {}
    assert settle(left).forgotten == ()
    without = replace(left, blocks=Blocks())
    assert the_plan(left).cost == the_plan(without).cost == the_plan(world).cost
