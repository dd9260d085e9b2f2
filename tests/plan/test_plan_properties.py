"""What holds for every plan, of whatever odd world."""

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration
from reconciler.domain.plan import (
    ActionKind,
    Adopt,
    Bind,
    BindShared,
    Buy,
    Plan,
    Promote,
    Publish,
    Rename,
    Resolve,
    Retire,
)
from reconciler.domain.recorded import Generation, GenerationId, Recorded
from reconciler.domain.world import World
from reconciler.plan.forecast import Forecast
from reconciler.plan.make import free_part
from reconciler.plan.schedule import urgency
from worlds import (
    ALTERED,
    FOREIGN,
    HOUR,
    NOW,
    SETTLE,
    a_declaration,
    a_file,
    a_generation,
    a_job,
    a_provider,
    a_record,
    a_sidecar,
    a_world,
    an_attempt,
    an_unreadable_sidecar,
    lines,
    the_plan,
)

NAMES = ("ant", "bee", "cat", "dog", "elk")
some = settings(max_examples=40)
DERIVED_BY = st.sampled_from(["remix_of", "edit_of", "extends"])
SETTINGS = {
    "protect": st.sampled_from([None, None, True, False]),
    "on_lost": st.sampled_from(["fail", "regenerate"]),
    "remote": st.sampled_from(["keep", "delete_after_download", "never"]),
}


@st.composite
def declarations(draw: st.DrawFn) -> list[Declaration]:
    """A few videos, some of them derived from earlier ones, some of equal recipes."""
    made: list[Declaration] = []
    for name in draw(st.permutations(NAMES))[: draw(st.integers(0, 5))]:
        parent = draw(st.none() | st.sampled_from(made)) if made else None
        made.append(
            a_declaration(
                name,
                draw(st.sampled_from(["one", "two"])),
                **{draw(DERIVED_BY): parent},
                variants=draw(st.sampled_from([("video",), ("video", "thumbnail")])),
                **{setting: draw(values) for setting, values in SETTINGS.items()},
            )
        )
    return made


@st.composite
def generations(draw: st.DrawFn, recipes: list[Declaration]) -> list[Generation]:
    """Jobs in every state, several of one recipe among them."""
    statuses = ["completed", "completed", "queued", "in_progress", "failed"]
    return [
        a_generation(
            draw(st.sampled_from(recipes)),
            f"g{number}",
            status=draw(st.sampled_from(statuses)),
            stored=draw(st.sampled_from([(), ("video",), ("video", "thumbnail")])),
            expires_at=draw(st.sampled_from([None, NOW - HOUR, NOW + HOUR])),
            on_server=draw(st.sampled_from([True, True, True, False])),
            missing=draw(st.sampled_from([None, (1, SETTLE / 2), (2, HOUR), (3, HOUR)])),
            lost=draw(st.sampled_from([False, False, False, True])),
        )
        for number in range(draw(st.integers(0, 6)))
    ]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A world that no history need have led to."""
    desired = draw(declarations())
    others = [a_declaration("x", "one"), a_declaration("y", "three")]
    jobs = draw(generations([*desired, *others]))
    one = st.none() | st.sampled_from(jobs) if jobs else st.none()
    records: list[Recorded] = []
    for name in draw(st.permutations(NAMES))[: draw(st.integers(0, 5))]:
        current, pending = draw(one), draw(one)
        deposed = draw(st.lists(st.sampled_from(jobs), max_size=2)) if jobs else []
        path = f"videos/{name}.mp4"
        files = [a_file(current, path)] if current and current.is_stored else []
        record = a_record(
            a_declaration(name),
            current,
            pending=pending,
            deposed=tuple(deposed),
            published=files,
            protect=draw(SETTINGS["protect"]),
        )
        records.append(record)
    paths = st.sampled_from([f"videos/{name}.{ext}" for name in NAMES for ext in ("mp4", "webp")])
    seen = [a_job(job, draw(st.sampled_from(["completed", "failed", "queued"]))) for job in jobs]
    picked = st.sampled_from([*desired, *others])
    return a_world(
        desired,
        records,
        history=jobs,
        attempts=draw(
            st.lists(
                st.builds(
                    an_attempt, picked, state=st.sampled_from(["ambiguous", "sending", "reserved"])
                ),
                max_size=1,
            )
        ),
        held_elsewhere=draw(st.lists(st.sampled_from(jobs), max_size=1)) if jobs else [],
        jobs={
            job: draw(st.sampled_from([answer, "gone"]))
            for job, answer in zip(jobs, seen, strict=True)
            if draw(st.booleans())
        },
        files=draw(st.dictionaries(paths, st.sampled_from([None, ALTERED, FOREIGN]), max_size=3)),
        store_lost=draw(st.lists(st.sampled_from(jobs), max_size=2)) if jobs else [],
        sidecars=draw(st.lists(st.builds(a_sidecar, picked), max_size=1)),
        unreadable=draw(st.lists(st.builds(an_unreadable_sidecar, picked), max_size=1)),
        providers=[
            a_provider(
                delete=draw(st.booleans()), edit=True, extend=True, edit_upload=draw(st.booleans())
            ),
            *draw(st.sampled_from([[], [a_provider("other", account="other")]])),
        ],
    )


def moved_away(plan: Plan) -> set[Address]:
    return {step.source for each in plan.actions for step in each.steps if isinstance(step, Rename)}


@some
@given(world=worlds())
def test_equal_worlds_give_equal_plans(world: World) -> None:
    assert the_plan(world) == the_plan(world)


@some
@given(world=worlds(), die=st.randoms(use_true_random=False))
def test_the_order_of_what_comes_in_means_nothing(world: World, die: object) -> None:
    def shuffled(mapping: object) -> dict[object, object]:
        items = list(mapping.items())  # type: ignore[attr-defined]
        die.shuffle(items)  # type: ignore[attr-defined]
        return dict(items)

    recorded = replace(
        world.recorded,
        videos=shuffled(world.recorded.videos),
        generations=shuffled(world.recorded.generations),
    )
    observed = replace(
        world.observed,
        jobs=shuffled(world.observed.jobs),
        files=shuffled(world.observed.files),
        stored=shuffled(world.observed.stored),
    )
    other = replace(
        world,
        desired=shuffled(world.desired),
        recorded=recorded,
        observed=observed,
        providers=shuffled(world.providers),
    )
    assert the_plan(other) == the_plan(world)


@some
@given(world=worlds())
def test_every_address_is_told_of_exactly_once_or_moves_away(world: World) -> None:
    plan = the_plan(world)
    told = [*(each.address for each in plan.actions), *plan.unchanged]
    assert len(told) == len(set(told))
    assert {*told} | moved_away(plan) == {*world.desired, *world.recorded.videos}
    assert not {*told} & moved_away(plan)


@some
@given(world=worlds())
def test_whatever_an_action_waits_for_comes_before_it_and_does_something(world: World) -> None:
    done: set[Address] = set()
    for action in the_plan(world).actions:
        assert done.issuperset(action.depends_on), "what it waits for is not before it"
        parent = world.desired[action.address].parent if action.address in world.desired else None
        if parent is not None and action.is_paid:
            is_known = any(
                isinstance(step, Buy) and step.parent_generation for step in action.steps
            )
            assert is_known or parent in action.depends_on, "its parent is nowhere"
        if action.steps:
            done.add(action.address)


@some
@given(world=worlds())
def test_a_plan_costs_the_sum_of_its_actions(world: World) -> None:
    plan = the_plan(world)
    assert plan.cost.usd == sum(each.cost_usd or 0 for each in plan.actions)
    assert plan.cost.worst_case_usd == plan.cost.usd + plan.cost.held_usd
    for action in plan.actions:
        assert action.is_paid or action.cost_usd == 0


@some
@given(world=worlds())
def test_no_recipe_is_bought_twice_nor_while_it_exists_or_may_exist(world: World) -> None:
    plan = the_plan(world)
    bought = [each.recipe_digest for each in plan.actions if each.is_paid]
    assert len(bought) == len(set(bought))
    unresolved = {a.digest for a in world.recorded.attempts if a.state.is_unresolved}
    assert not unresolved & {*bought}
    whole = {
        generation.digest
        for generation in world.recorded.generations.values()
        if generation.status == "completed" and not generation.lost
        for asset in generation.assets
        if asset.variant == "video" and world.observed.stored.get(asset.sha256, True)
    }
    assert not whole & {*bought}
    assert not {*world.observed.sidecars, *world.observed.unreadable} & {*bought}


@some
@given(world=worlds())
def test_no_job_is_deleted_that_an_address_or_a_workspace_uses_afterwards(world: World) -> None:
    plan = the_plan(world)
    used = _used_after(world, plan)
    for action in plan.actions:
        for step in action.steps:
            if isinstance(step, Retire) and step.delete:
                users = used[step.generation] - {action.address}
                assert not users, f"{step.generation} is used by {users} in:\n{lines(plan)}"
                assert step.generation not in world.recorded.held_elsewhere


@some
@given(world=worlds())
def test_no_job_is_deleted_twice(world: World) -> None:
    deleted = Counter(
        step.generation
        for action in the_plan(world).actions
        for step in action.steps
        if isinstance(step, Retire) and step.delete
    )
    assert all(count == 1 for count in deleted.values())


@some
@given(world=worlds())
def test_nothing_is_deleted_on_a_server_that_cannot_or_of_a_video_that_says_never(
    world: World,
) -> None:
    can_delete = world.providers["studio"].profile.delete
    for action in the_plan(world).actions:
        declaration = world.desired.get(action.address)
        for step in action.steps:
            if isinstance(step, Retire) and step.delete:
                assert can_delete
                assert declaration is None or declaration.lifecycle.remote != "never"


@some
@given(world=worlds())
def test_what_is_protected_is_never_replaced_nor_removed(world: World) -> None:
    for action in the_plan(world).actions:
        record = world.recorded.videos.get(action.address)
        declaration = world.desired.get(action.address)
        said = declaration.lifecycle.protect if declaration else None
        if record is None or not (record.lifecycle.protect if said is None else said):
            continue
        retired = {step.generation for step in action.steps if isinstance(step, Retire)}
        held = [each.digest for each in (record.current, record.pending) if each]
        # What was bought of the declared recipe before it was protected still replaces.
        if record.current and (declaration is None or declaration.digest not in held):
            assert record.current.id not in retired
            assert action.kind in (ActionKind.BLOCKED, ActionKind.RESOLVE)


@some
@given(world=worlds())
def test_promoting_takes_exactly_what_the_address_is_to_have(world: World) -> None:
    """What is pending as `Promote` comes is the generation of the declared recipe."""
    for action in the_plan(world).actions:
        record = world.recorded.videos.get(action.address)
        for step in action.steps:
            if isinstance(step, Rename):
                record = world.recorded.videos[step.source]
        pending = record.pending.digest if record and record.pending else None
        for step in action.steps:
            if isinstance(step, Bind):
                pending = world.recorded.generations[step.generation].digest
            elif isinstance(step, Buy | Resolve | Adopt | BindShared) or step.step == "recover":
                pending = action.recipe_digest
            elif isinstance(step, Promote):
                assert pending in (None, action.recipe_digest), lines(the_plan(world))


@some
@given(world=worlds())
def test_nothing_is_published_over_somebody_elses_file_without_a_download_first(
    world: World,
) -> None:
    ours = {file.path for each in world.recorded.videos.values() for file in each.published}
    for action in the_plan(world).actions:
        names = [step.step for step in action.steps]
        for step in action.steps:
            if isinstance(step, Publish) and step.path not in ours:
                fact = world.observed.files.get(step.path)
                assert fact is None or {"fetch", "take_back"} & {*names}


@some
@given(world=worlds())
def test_the_free_part_pays_nothing_and_waits_for_nothing_that_is_paid(world: World) -> None:
    plan = the_plan(world)
    free = free_part(plan)
    kept = {each.address for each in free.actions}
    assert not any(each.is_paid for each in free.actions)
    assert free.cost.usd == 0
    assert all(kept.issuperset(each.depends_on) for each in free.actions)
    left_out = [each for each in plan.actions if each.address not in kept]
    assert all(each.is_paid or each.depends_on for each in left_out)


@some
@given(world=worlds())
def test_the_longest_chain_is_the_most_urgent(world: World) -> None:
    plan = the_plan(world)
    found = urgency(plan.actions, Forecast(world.recorded.generations, world.providers))
    for action in plan.actions:
        for parent in action.depends_on:
            assert found[parent] > found[action.address]


@some
@given(world=worlds())
def test_destroying_leaves_nothing_but_what_is_protected(world: World) -> None:
    plan = the_plan(world, destroy=True)
    assert plan.unchanged == ()
    assert {each.kind for each in plan.actions} <= {ActionKind.DELETE, ActionKind.BLOCKED}
    assert {each.address for each in plan.actions} == {*world.recorded.videos}


def _used_after(world: World, plan: Plan) -> dict[GenerationId, set[Address]]:
    """Which addresses hold which generation when the plan is done, by its steps alone."""
    used: dict[GenerationId, set[Address]] = {each: set() for each in world.recorded.generations}
    moved = moved_away(plan)
    steps = {each.address: each.steps for each in plan.actions}
    for address in {*world.desired, *world.recorded.videos} - moved:
        record = world.recorded.videos.get(address)
        for step in steps.get(address, ()):
            if isinstance(step, Rename):
                record = world.recorded.videos[step.source]
        held = {each.id for each in record.generations} if record else set()
        for step in steps.get(address, ()):
            if isinstance(step, Bind):
                held.add(step.generation)
            if isinstance(step, Retire):
                held.discard(step.generation)
        for identity in held:
            used[identity].add(address)
    return used


def test_the_worlds_of_these_properties_hold_every_kind_of_action() -> None:
    """A guard: properties over worlds in which nothing happens would prove nothing."""
    seen: set[ActionKind] = set()

    @settings(max_examples=250, database=None, derandomize=True)
    @given(world=worlds())
    def look(world: World) -> None:
        seen.update(each.kind for each in the_plan(world).actions)

    look()
    never = {ActionKind.ADOPT, ActionKind.FORGET}
    assert seen == {*ActionKind} - never
