"""A saved plan against today's: what makes it stale, what does not, and what is then done."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plan.test_plan_properties import worlds
from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration
from reconciler.domain.plan import Action, Plan
from reconciler.domain.provider import Provider
from reconciler.domain.recorded import Recorded
from reconciler.domain.world import World
from reconciler.plan.saved import differences, named_part
from worlds import (
    FOREIGN,
    HOUR,
    NOW,
    a_declaration,
    a_generation,
    a_job,
    a_listed_job,
    a_provider,
    a_record,
    a_world,
    an_action,
    an_attempt,
    converged,
    lines,
    the_plan,
)

some = settings(max_examples=60)

STREET = a_declaration("street", "a street")
RAIN = a_declaration("rain", "rain", remix_of=STREET)
EDITED = a_declaration("street", "a street in the rain")
RUNNING = a_generation(STREET, "job", status="in_progress")
HELD = a_record(STREET, pending=RUNNING)
OCCUPIED = "videos/street.mp4 exists, and sorafile did not write it: move or rename it"
SAVED = the_plan(a_world([STREET]))
PROVIDERS = {name: a_provider(name) for name in ("studio", "other")}
OURS = a_provider(account_use="exclusive")


def stale(saved: Plan, today: Plan, providers: Mapping[str, Provider] = PROVIDERS) -> list[str]:
    """In what they differ, a line each."""
    return [f"{each.address}: {each.what}" for each in differences(saved, today, providers)]


def carried_out(saved: Plan, today: Plan) -> list[str]:
    """What an apply of a plan that is not stale does."""
    assert stale(saved, today) == []
    part = named_part(saved, today, PROVIDERS)
    return [line for line in lines(part) if not line.endswith(": unchanged")]


# What makes it stale.


@pytest.mark.parametrize(
    ("today", "what"),
    [
        (a_world([EDITED]), "its recipe is another now"),
        (a_world([]), "nothing is to be done there any more"),
        (a_world([STREET], [converged(STREET)]), "nothing is to be done there any more"),
        (
            a_world([STREET], files={"videos/street.mp4": FOREIGN}),
            f"planned as create, and now as blocked: {OCCUPIED}",
        ),
        (
            a_world([STREET], history=[a_generation(STREET)]),
            "planned as create, and now as restore: a stored generation has this recipe",
        ),
        (
            a_world(
                [replace(STREET, provider="other")],
                providers=[a_provider("studio"), a_provider("other", account="studio")],
            ),
            "its provider was studio, and is other now",
        ),
        (
            a_world([STREET], providers=[a_provider(prices=())]),
            "its price was $0.40, and is unknown now",
        ),
        (
            a_world(
                [a_declaration("street", "a street", outputs={"video": "videos/elsewhere.mp4"})]
            ),
            "its steps differ in: buy, publish",
        ),
        (
            a_world([a_declaration("street", "a street", protect=True)]),
            "its steps differ in: buy, promote",
        ),
    ],
)
def test_whatever_changes_at_an_address_that_it_names_makes_it_stale(
    today: World, what: str
) -> None:
    assert stale(SAVED, the_plan(today)) == [f"street: {what}"]


def test_a_running_job_that_failed_meanwhile_makes_it_stale() -> None:
    failed = a_world([STREET], [HELD], jobs={RUNNING: a_job(RUNNING, "failed", error=("x", "y"))})
    assert stale(the_plan(a_world([STREET], [HELD])), the_plan(failed)) == [
        "street: planned as wait, and now as blocked: its job failed (x: y)"
    ]


def test_every_address_that_differs_is_told() -> None:
    saved = the_plan(a_world([STREET, RAIN, a_declaration("hill")]))
    told = stale(saved, the_plan(a_world([EDITED])))
    assert [line.partition(":")[0] for line in told] == ["hill", "street", "rain"]


def test_a_job_that_would_be_deleted_though_that_was_not_said_makes_it_stale() -> None:
    old = a_generation(STREET, "old")
    holds = [a_record(STREET, old), a_record(a_declaration("twin", "a street"), old)]
    shared = a_world([EDITED, a_declaration("twin", "a street")], holds)
    alone = a_world([EDITED], holds[:1])
    assert "release:old" in lines(the_plan(shared))[0]
    assert stale(the_plan(shared), the_plan(alone)) == ["street: its steps differ in: retire"]


def test_a_wait_for_what_it_does_not_name_makes_it_stale() -> None:
    today = the_plan(a_world([STREET, RAIN]))
    only_rain = replace(today, actions=(an_action(today, "rain"),))
    assert stale(only_rain, today) == [
        "rain: it waits for street now, which the plan does not name"
    ]


def test_it_is_stale_where_it_may_cost_more_than_it_said() -> None:
    cheap = replace(SAVED, cost=replace(SAVED.cost, worst_case_usd=Decimal("0.10")))
    assert stale(cheap, SAVED) == ["None: it may cost $0.40 now, not $0.10"]


def test_it_is_stale_where_a_lost_answer_would_be_bought_again_by_now() -> None:
    again = {"studio": replace(a_provider(), on_ambiguous="retry")}
    today = the_plan(a_world([STREET], providers=again.values()))
    assert stale(SAVED, today, again) == ["None: it may cost $0.80 now, not $0.40"]


def test_another_job_to_adopt_makes_it_stale() -> None:
    saved, today = (
        the_plan(a_world([STREET], listed=[a_listed_job(STREET, job)], providers=[OURS]))
        for job in ("video_one", "video_two")
    )
    assert stale(saved, today) == ["street: its steps differ in: adopt"]


@pytest.mark.parametrize(
    "edited",
    [
        {"cost_usd": Decimal("0.01")},
        {"provider": "cheaper"},
        {"recipe_digest": EDITED.digest},
        {"steps": ()},
        {"steps": an_action(the_plan(a_world([EDITED])), "street").steps},
        {"address": Address("elsewhere")},
    ],
)
def test_an_action_that_was_written_by_hand_is_never_done(edited: dict[str, object]) -> None:
    forged: Action = replace(SAVED.actions[0], **edited)  # type: ignore[arg-type]
    assert stale(replace(SAVED, actions=(forged,)), SAVED) != []


# What does not.


def test_what_it_does_not_name_is_not_done_and_does_not_make_it_stale() -> None:
    gone, new = a_declaration("gone"), a_declaration("new")
    today = the_plan(a_world([STREET, RAIN, new], [converged(gone)]))
    assert len(today.actions) == 4
    assert carried_out(SAVED, today) == lines(SAVED)
    part = named_part(SAVED, today, PROVIDERS)
    assert (part.plan_id, part.cost) == (SAVED.plan_id, SAVED.cost)


def test_a_job_may_go_on_and_finish() -> None:
    saved = the_plan(a_world([STREET], [HELD]))
    further = the_plan(a_world([STREET], [HELD], jobs={RUNNING: a_job(RUNNING, "in_progress")}))
    assert carried_out(saved, further) == lines(saved)
    done = a_job(RUNNING, expires_at=NOW + HOUR)
    finished = the_plan(a_world([STREET], [HELD], jobs={RUNNING: done}))
    assert carried_out(saved, finished) == [
        "street: download not_stored $0.00 fetch publish promote"
    ]


def test_a_job_that_is_to_be_adopted_may_go_on_and_finish() -> None:
    running, finished = (
        the_plan(a_world([STREET], listed=[a_listed_job(STREET, status=status)], providers=[OURS]))
        for status in ("in_progress", "completed")
    )
    assert running.actions != finished.actions
    assert carried_out(running, finished) == lines(finished)
    assert named_part(running, finished, PROVIDERS).actions == finished.actions


def test_the_spares_that_it_names_are_looked_after_and_no_others() -> None:
    off = an_attempt(STREET, state="disproved")
    twin, later = a_listed_job(STREET, status="in_progress"), a_listed_job(STREET)
    saved = the_plan(a_world(given_up=[off], listed=[twin]))
    new = a_generation(STREET, "new", stored=())
    today = the_plan(a_world(given_up=[off], listed=[later], spares={new: "street"}))
    assert len(today.spares) == 2
    assert stale(saved, today) == []
    assert named_part(saved, today, PROVIDERS).spares == today.spares[:1]
    assert named_part(SAVED, today, PROVIDERS).spares == ()
    assert named_part(saved, the_plan(a_world()), PROVIDERS).spares == ()


def test_a_job_that_is_to_be_replaced_may_finish() -> None:
    world = a_world([EDITED], [HELD])
    saved = the_plan(world)
    finished = the_plan(replace(world, observed=a_world(jobs={RUNNING: a_job(RUNNING)}).observed))
    assert lines(finished) != lines(saved)
    assert carried_out(saved, finished) == lines(finished)


def test_a_remix_no_longer_waits_for_a_parent_that_has_finished() -> None:
    saved = the_plan(a_world([STREET, RAIN], [HELD]))
    finished = the_plan(a_world([STREET, RAIN], [HELD], jobs={RUNNING: a_job(RUNNING)}))
    assert an_action(saved, "rain").depends_on != an_action(finished, "rain").depends_on
    assert carried_out(saved, finished) == lines(finished)


def test_a_block_of_a_spec_may_move_to_another_file() -> None:
    here, there = replace(STREET, file="specs/a.toml"), replace(STREET, file="specs/b.toml")
    assert stale(the_plan(a_world([here])), the_plan(a_world([there]))) == []


def test_a_job_that_another_video_uses_by_now_is_left_alone() -> None:
    saved = the_plan(a_world([EDITED], [converged(STREET, "old")]))
    assert lines(saved)[0].endswith("retire:old")
    today = the_plan(
        a_world([EDITED, a_declaration("twin", "a street")], [converged(STREET, "old")])
    )
    (done,) = carried_out(saved, today)
    assert done.endswith("release:old")


def test_the_job_that_a_remix_left_out_of_it_needs_is_not_deleted() -> None:
    tidy = a_declaration("street", "a street", remote="delete_after_download")
    saved = the_plan(a_world([tidy]))
    assert lines(saved)[0].endswith("delete_job")
    today = the_plan(a_world([tidy, a_declaration("rain", remix_of=tidy)]))
    (done,) = carried_out(saved, today)
    assert done.endswith("promote")


def test_another_runs_money_may_be_held_meanwhile() -> None:
    other = a_declaration("other")
    today = the_plan(a_world([STREET, other], attempts=[an_attempt(other, cost_usd="9.00")]))
    assert carried_out(SAVED, today) == lines(SAVED)
    assert named_part(SAVED, today, PROVIDERS).cost.held_usd == Decimal("9.00")


# For every plan, of whatever odd world.


@some
@given(world=worlds())
def test_a_plan_is_not_stale_where_nothing_changed_and_is_done_whole(world: World) -> None:
    plan = the_plan(world)
    assert differences(plan, plan, world.providers) == ()
    assert named_part(plan, plan, world.providers) == plan


@some
@given(before=worlds(), after=worlds())
def test_nothing_is_done_but_what_was_said_and_what_today_asks_for(
    before: World, after: World
) -> None:
    saved, today = the_plan(before), the_plan(after)
    done = named_part(still_holding(saved, today, PROVIDERS), today, PROVIDERS)
    said = {action.address: action for action in saved.actions}
    asked = {action.address: action for action in today.actions}
    for action in done.actions:
        assert action.cost_usd == said[action.address].cost_usd
        assert all(step in asked[action.address].steps for step in action.steps)
        assert all(other in said for other in action.depends_on)
    assert done.cost.usd <= saved.cost.usd


def still_holding(saved: Plan, today: Plan, providers: Mapping[str, Provider]) -> Plan:
    """A saved plan of those actions alone that still hold, with what they wait for."""
    while True:
        changed = {each.address for each in differences(saved, today, providers)}
        if not changed:
            return saved
        holding = tuple(each for each in saved.actions if each.address not in changed)
        saved = replace(saved, actions=holding)


@st.composite
def at_work(draw: st.DrawFn) -> World:
    """A few videos with their jobs under way: first ones, replacements and old ones."""
    desired: list[Declaration] = []
    records: list[Recorded] = []
    for name in ("ant", "bee", "cat"):
        old, new, other = (a_declaration(name, f"{name} {which}") for which in ("old", "new", "x"))
        job = a_generation(draw(st.sampled_from([new, other])), f"{name}-job", status="in_progress")
        pending = draw(st.none() | st.just(job))
        current = draw(st.none() | st.just(a_generation(old, f"{name}-old")))
        records += [a_record(old, current, pending=pending)] if current or pending else []
        desired += draw(st.sampled_from([[], [old], [new]]))
        desired += [
            a_declaration(f"{name}-remix", remix_of=parent)
            for parent in desired[-1:]
            if draw(st.booleans())
        ]
    return a_world(desired, records)


@some
@given(world=at_work(), die=st.randoms(use_true_random=False))
def test_jobs_that_finish_never_make_it_stale(world: World, die: Random) -> None:
    jobs = [each for each in world.recorded.generations.values() if each.status.is_running]
    finished = {each.id: a_job(each) for each in jobs if die.random() < 0.8}
    later = replace(world, observed=replace(world.observed, jobs=finished))
    assert differences(the_plan(world), the_plan(later), world.providers) == ()
