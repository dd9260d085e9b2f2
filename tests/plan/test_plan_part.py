"""The part of a plan that was selected: what it drags in, and what it leaves alone."""

from dataclasses import replace
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from plan.test_plan_properties import NAMES, worlds
from reconciler.domain.address import Address
from reconciler.domain.plan import (
    Buy,
    DeleteJob,
    Plan,
    Publish,
    Rename,
    Retire,
)
from reconciler.domain.world import World
from reconciler.plan.guards import deletions
from reconciler.plan.make import free_part, make_plan
from reconciler.plan.part import facts_of
from reconciler.plan.saved import differences, named_part
from reconciler.plan.selection import Facts
from worlds import (
    a_declaration,
    a_file,
    a_generation,
    a_record,
    a_world,
    an_attempt,
    check,
    check_part,
    converged,
    lines,
    the_part,
    the_plan,
)

some = settings(max_examples=60)

BUY = "buy await fetch publish promote"
HERO = a_declaration("hero", tags=("launch",))
NIGHT = a_declaration("hero-night", remix_of=HERO)
CITY = a_declaration("city")
A, B = a_declaration("a", "shared"), a_declaration("b", "shared")
SHARED = a_generation(A, "g")


def dragged_in(plan: Plan) -> dict[str, str]:
    assert plan.part is not None
    return {str(each.address): str(each.by) for each in plan.part.dragged_in}


def held_back(plan: Plan) -> dict[str, str]:
    assert plan.part is not None
    return {str(each.address): each.because for each in plan.part.held_back}


def left_out(plan: Plan) -> list[str]:
    assert plan.part is not None
    return [*map(str, plan.part.left_out)]


def test_what_is_not_selected_is_left_out_with_its_price() -> None:
    plan = check_part(
        a_world([HERO, NIGHT, CITY]), "city", f"city: create not_recorded $0.40 {BUY}"
    )
    assert plan.cost.usd == plan.cost.worst_case_usd == Decimal("0.40")
    assert left_out(plan) == ["hero", "hero-night"]
    assert dragged_in(plan) == held_back(plan) == {}


def test_a_remix_drags_in_the_purchase_of_its_parent() -> None:
    plan = check_part(
        a_world([HERO, NIGHT, CITY]),
        "hero-night",
        f"hero: create not_recorded $0.40 {BUY}",
        f"hero-night: remix not_recorded $0.40 after:hero {BUY}",
    )
    assert dragged_in(plan) == {"hero": "hero-night"}
    assert plan.cost.usd == Decimal("0.80")


def test_a_parent_that_is_there_is_not_dragged_in() -> None:
    touched_up = replace(HERO, tags=("other",))
    plan = check_part(
        a_world([touched_up, NIGHT], [converged(HERO)]),
        "hero-night",
        f"hero-night: remix not_recorded $0.40 {BUY}",
    )
    assert left_out(plan) == ["hero"]


def test_a_parent_does_not_drag_in_its_remixes() -> None:
    check_part(a_world([HERO, NIGHT]), "hero", f"hero: create not_recorded $0.40 {BUY}")


def test_who_shares_a_purchase_drags_in_the_buyer() -> None:
    plan = check_part(
        a_world([A, B]),
        "b",
        f"a: create not_recorded $0.40 {BUY}",
        "b: publish shared $0.00 after:a bind_shared:a fetch publish promote",
    )
    assert dragged_in(plan) == {"a": "b"}


def test_what_needs_something_excluded_is_held_back() -> None:
    rain = a_declaration("hero-rain", remix_of=NIGHT)
    plan = check_part(
        a_world([HERO, NIGHT, rain, CITY]),
        "city hero-night hero-rain",
        f"city: create not_recorded $0.40 {BUY}",
        excluded="hero",
    )
    assert held_back(plan) == {
        "hero-night": "it needs hero, which is excluded",
        "hero-rain": "it needs hero, which is excluded",
    }
    assert left_out(plan) == ["hero"]


def test_an_undeclared_video_is_deleted_only_where_it_is_selected() -> None:
    world = a_world([HERO], [converged(HERO), converged(CITY)])
    check_part(world, "hero", "hero: unchanged")
    check_part(
        world,
        "city",
        "city: delete undeclared $0.00 unpublish:videos/city.mp4 retire:g-city forget",
    )


def test_either_name_selects_a_move_and_either_excludes_it() -> None:
    before, after = a_declaration("old", "one"), a_declaration("new", "one")
    world = a_world([after], [converged(before)], files={"videos/new.mp4": None})
    moved = "new: move renamed $0.00 rename:old"
    check_part(world, "new", moved)
    assert dragged_in(check_part(world, "old", moved)) == {"new": "old"}
    assert dragged_in(check_part(world, "new old", moved)) == {}
    plan = check_part(world, "new", excluded="old")
    assert held_back(plan) == {"new": "it takes over what old holds, which is excluded"}
    plan = check_part(world, "old", excluded="new")
    assert held_back(plan) == {"old": "what it holds moves to new, and it is excluded"}


def test_a_job_that_an_address_left_alone_holds_is_not_deleted() -> None:
    """In the whole plan both let go of it, and the later one deletes it."""
    world = a_world([], [a_record(A, SHARED), a_record(B, SHARED)])
    check(
        world,
        "a: delete job_in_use $0.00 unpublish:videos/a.mp4 release:g forget",
        "b: delete undeclared $0.00 unpublish:videos/b.mp4 retire:g forget",
    )
    plan = check_part(
        world, "b", "b: delete undeclared $0.00 unpublish:videos/b.mp4 release:g forget"
    )
    assert plan.actions[0].notes == ("job video_g stays: a has it too, and is not selected",)
    check_part(
        world,
        "a b",
        "a: delete job_in_use $0.00 unpublish:videos/a.mp4 release:g forget",
        "b: delete undeclared $0.00 unpublish:videos/b.mp4 retire:g forget",
    )


def test_a_job_that_is_done_with_here_is_not_deleted_where_another_holds_it() -> None:
    tidy = a_declaration("a", "shared", remote="delete_after_download")
    edited = a_declaration("b", "another")
    world = a_world([tidy, edited], [a_record(tidy, SHARED), a_record(B, SHARED)])
    assert any(step.step == "delete_job" for step in the_plan(world).actions[0].steps)
    check_part(world, "a")
    assert left_out(the_part(world, chosen=["a"])) == ["b"]


def test_a_job_stays_that_a_remix_left_out_needs() -> None:
    tidy = a_declaration("hero", "hero", remote="delete_after_download")
    world = a_world([tidy, a_declaration("rain", remix_of=tidy)], [converged(tidy)])
    check_part(world, "hero")


def test_no_file_is_written_over_that_a_video_left_alone_has() -> None:
    one = a_declaration("one", outputs={"video": "videos/two.mp4"})
    two = a_declaration("two", outputs={"video": "videos/one.mp4"})
    of_one, of_two = a_generation(one), a_generation(two)
    world = a_world(
        [one, two],
        [
            a_record(one, of_one, published=[a_file(of_one, "videos/one.mp4")]),
            a_record(two, of_two, published=[a_file(of_two, "videos/two.mp4")]),
        ],
    )
    because = "videos/two.mp4 is still the file of two, which is not selected"
    assert held_back(check_part(world, "one")) == {"one": because}
    both = the_part(world, chosen=["one", "two"])
    assert lines(both) == lines(the_plan(world))


def test_only_the_spares_of_what_is_selected_are_looked_after() -> None:
    spare, other = a_generation(HERO, "s", stored=()), a_generation(CITY, "t", stored=())
    world = a_world(spares={spare: "hero", other: "city"})
    plan = the_part(world, chosen=["hero"])
    assert [str(each.address) for each in plan.spares] == ["hero"]
    assert plan.part is not None
    assert plan.part.spares_left_out == 1
    assert len(plan.diagnostics) == 1
    assert the_part(world, chosen=[]).is_empty


def test_a_paid_request_of_unknown_outcome_concerns_the_part_that_it_is_of() -> None:
    of_hero, of_city = an_attempt(HERO), an_attempt(CITY)
    world = a_world([HERO, CITY, NIGHT], attempts=[of_hero, of_city])
    assert the_plan(world).concerns(of_city)
    part = the_part(world, chosen=["hero"])
    assert part.concerns(of_hero)
    assert not part.concerns(of_city)
    assert the_part(world, chosen=["hero-night"]).concerns(of_hero)
    renamed = an_attempt(replace(HERO, address=Address("old-name")), name="x")
    assert the_part(a_world([HERO], attempts=[renamed]), chosen=["hero"]).concerns(renamed)


def test_the_guards_count_what_the_part_deletes() -> None:
    gone = [converged(a_declaration(f"gone-{number}")) for number in range(5)]
    world = a_world([HERO], [converged(HERO), *gone])
    assert any(each.code == "SF0522" for each in the_plan(world).diagnostics)
    few = the_part(world, chosen=["gone-1", "gone-2", "gone-3"])
    assert deletions(few.actions, world) is None
    assert few.diagnostics == ()
    nothing_declared = a_world([], gone)
    one = deletions(the_part(nothing_declared, chosen=["gone-1"]).actions, nothing_declared)
    assert one is not None
    assert (one.deleted, one.nothing_is_declared) == (1, True)


def test_destroying_a_part_leaves_the_rest() -> None:
    world = a_world([HERO, CITY], [converged(HERO), converged(CITY)])
    plan = the_part(world, chosen=["city"], destroy=True)
    assert lines(plan) == [
        "city: delete destroyed $0.00 unpublish:videos/city.mp4 retire:g-city forget"
    ]


def test_the_free_part_of_a_part_drags_nothing_paid_in() -> None:
    part = the_part(a_world([HERO, NIGHT, CITY]), chosen=["hero-night"])
    assert free_part(part).actions == ()


def test_the_facts_are_of_declarations_records_and_spares() -> None:
    spare = a_generation(a_declaration("lost"), "s", stored=())
    before, after = a_declaration("before", "one"), a_declaration("after", "one")
    old_night = a_record(a_declaration("old-night"), a_generation(NIGHT, "n"))
    world = a_world(
        [replace(HERO, file="specs/a.toml"), after],
        [converged(HERO), converged(before), replace(old_night, tags=("dark",))],
        spares={spare: "lost"},
        files={"videos/after.mp4": None},
    )
    found = {str(each.address): each for each in facts_of(world, the_plan(world))}
    assert found["hero"] == Facts(
        address=HERO.address, tags=("launch",), file="specs/a.toml", state="converged"
    )
    assert found["before"].state is None
    assert (found["old-night"].tags, found["old-night"].state) == (("dark",), "undeclared")
    assert found["old-night"].parents == (HERO.address,)
    assert found["lost"].state == "undeclared"


chosen_names = st.sets(st.sampled_from(NAMES))


def touched(plan: Plan) -> set[Address]:
    renamed = {s.source for a in plan.actions for s in a.steps if isinstance(s, Rename)}
    return renamed | {action.address for action in plan.actions}


@some
@given(world=worlds(), chosen=chosen_names, excluded=chosen_names, destroy=st.booleans())
def test_a_part_is_closed_and_leaves_all_else_alone(
    world: World, chosen: set[str], excluded: set[str], *, destroy: bool
) -> None:
    whole = make_plan(world, destroy=destroy)
    plan = the_part(world, chosen=chosen - excluded, excluded=excluded, destroy=destroy)
    assert plan == the_part(world, chosen=chosen - excluded, excluded=excluded, destroy=destroy)
    assert plan.part is not None
    addresses = [action.address for action in plan.actions]
    assert [a.address for a in whole.actions if a.address in set(addresses)] == addresses
    assert not touched(plan) & {*map(Address.parse, excluded)}
    for number, action in enumerate(plan.actions):
        in_whole = {each.address for each in whole.actions}
        assert in_whole & {*action.depends_on} <= {*addresses[:number]}
    told = {each.address for each in plan.part.dragged_in}
    assert set(addresses) <= told | {*map(Address.parse, chosen)}
    assert told <= set(addresses) | {*plan.part.left_out}
    assert plan.cost.usd == sum(each.cost_usd or 0 for each in plan.actions)

    others = [
        record for address, record in world.recorded.videos.items() if address not in touched(plan)
    ]
    held = {one.id for record in others for one in record.generations}
    theirs = {file.path for record in others for file in record.published}
    for action in plan.actions:
        own = world.recorded.videos.get(action.address)
        for step in action.steps:
            if isinstance(step, Retire):
                assert not (step.delete and step.generation in held)
            elif isinstance(step, DeleteJob) and own is not None and own.current is not None:
                assert own.current.id not in held
            elif isinstance(step, Publish):
                assert step.path not in theirs
            elif isinstance(step, Buy) and step.parent_generation is None:
                assert step.declaration.parent is None or step.declaration.parent in addresses


@some
@given(world=worlds())
def test_all_of_it_is_the_whole_plan(world: World) -> None:
    whole = the_plan(world)
    everything = {*map(str, world.desired), *map(str, world.recorded.videos)}
    plan = the_part(world, chosen=everything)
    assert plan.part is not None
    assert plan.part.held_back == plan.part.left_out == ()
    assert (plan.actions, plan.unchanged, plan.cost) == (
        whole.actions,
        whole.unchanged,
        whole.cost,
    )
    assert the_part(world, chosen=[]).actions == ()


@some
@given(world=worlds(), chosen=chosen_names, seed=st.integers())
def test_a_saved_part_is_good_as_long_as_nothing_changes(
    world: World, chosen: set[str], seed: int
) -> None:
    saved = the_part(world, chosen=chosen)
    assert saved.part is not None
    shuffled = replace(
        world, desired=dict(Random(seed).sample([*world.desired.items()], len(world.desired)))
    )
    today = make_plan(shuffled, choice=saved.part.choice)
    assert differences(saved, today, world.providers) == ()
    assert named_part(saved, today, world.providers).actions == saved.actions
