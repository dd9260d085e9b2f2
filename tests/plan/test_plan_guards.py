"""What a plan may cost and delete before somebody must say more than yes."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from reconciler.domain.budget import Budget, Counted
from reconciler.domain.desired import Declaration
from reconciler.domain.plan import ActionKind
from reconciler.domain.profile import Price
from reconciler.domain.world import World
from reconciler.plan.guards import deletions, overruns
from reconciler.plan.make import free_part
from worlds import (
    HOUR,
    NOW,
    a_declaration,
    a_generation,
    a_provider,
    a_record,
    a_sidecar,
    a_world,
    an_attempt,
    check,
    converged,
    the_plan,
)

BOUGHT = "buy await fetch publish promote"
STREET = a_declaration("street", "a street")  # $0.40
LONG = a_declaration("long", seconds=12, model="sora-2-pro", size="1792x1024")  # $6.00
DAY = timedelta(days=1)


def usd(text: str) -> Decimal:
    return Decimal(text)


def over(world: World) -> list[tuple[str, str, str]]:
    """The caps that the plan of a world goes beyond: name, worst case, what is besides."""
    return [
        (each.cap.name, f"{each.worst_case_usd:.2f}", f"{each.besides_usd:.2f}")
        for each in overruns(the_plan(world).actions, world)
    ]


@pytest.mark.parametrize("cap", ["6.40", "7"])
def test_a_worst_case_that_a_cap_just_holds_is_allowed(cap: str) -> None:
    budget = Budget(per_run_usd=usd(cap), per_day_usd=usd(cap), per_month_usd=usd(cap))
    world = a_world([STREET, LONG], budget=budget)
    assert over(world) == []
    assert the_plan(world).diagnostics == ()


def test_every_cap_that_is_broken_is_told_from_the_shortest_period_on() -> None:
    budget = Budget(
        per_run_usd=usd("6.39"),
        per_day_usd=usd("6.39"),
        per_month_usd=usd("6.39"),
        max_cost_usd=usd("1"),
    )
    world = a_world([STREET, LONG], budget=budget)
    names = ["--max-cost", "per_run", "per_day", "per_month"]
    assert over(world) == [(name, "6.40", "0.00") for name in names]
    warnings = the_plan(world).diagnostics
    assert [(found.code, found.severity) for found in warnings] == [("SF0521", "warning")] * 4
    assert "--max-cost ($1.00 a run)" in warnings[0].summary
    assert "$6.40" in warnings[0].summary
    assert "sorafile apply --free" in (warnings[0].fix or "")


def test_what_was_spent_before_counts_against_its_period_alone() -> None:
    counted = Counted(day_usd=usd("1"), month_usd=usd("5"))
    budget = Budget(per_run_usd=usd("6"), per_day_usd=usd("6"), per_month_usd=usd("10.99"))
    world = a_world([LONG], budget=budget, counted=counted)
    assert over(world) == [("per_day", "6.00", "1.00"), ("per_month", "6.00", "5.00")]
    assert "$5.00 is spent or held besides" in the_plan(world).diagnostics[1].summary


def test_a_tag_counts_what_has_it_and_nothing_else() -> None:
    launch = replace(STREET, tags=("launch", "teaser"))
    counted = Counted(month_usd=usd("99"), tags_usd={"launch": usd("0.70"), "other": usd("9")})
    caps = {"launch": usd("1"), "other": usd("0"), "teaser": usd("0.40")}
    world = a_world([launch, LONG], budget=Budget(per_tag_usd=caps), counted=counted)
    assert over(world) == [("per_tag.launch", "0.40", "0.70")]
    assert "for the tag launch" in the_plan(world).diagnostics[0].summary


def test_held_money_is_part_of_the_worst_case_and_counted_once() -> None:
    older = an_attempt(a_declaration("older"), cost_usd="2.00", reserved_at=NOW - 2 * DAY)
    today = an_attempt(a_declaration("today"), cost_usd="1.00", reserved_at=NOW - HOUR)
    # What the ledger counts: both in the month, today's in the day, and 0.50 that was spent.
    counted = Counted(day_usd=usd("1.50"), month_usd=usd("3.50"))
    caps = Budget(per_run_usd=usd("9"), per_day_usd=usd("9.50"), per_month_usd=usd("9.50"))
    world = a_world([LONG], attempts=[older, today], budget=caps, counted=counted)
    assert the_plan(world).cost.worst_case_usd == usd("9.00")
    assert over(world) == []
    a_cent_less = Budget(
        per_run_usd=usd("8.99"), per_day_usd=usd("9.49"), per_month_usd=usd("9.49")
    )
    assert over(replace(world, budget=a_cent_less)) == [
        ("per_run", "9.00", "0.00"),
        ("per_day", "9.00", "0.50"),
        ("per_month", "9.00", "0.50"),
    ]


def test_held_money_counts_for_the_tags_of_its_request() -> None:
    held = an_attempt(a_declaration("held", tags=("launch",)), cost_usd="2.00")
    other = an_attempt(a_declaration("other"), cost_usd="5.00")
    launch = replace(STREET, tags=("launch",))
    counted = Counted(month_usd=usd("7"), tags_usd={"launch": usd("2")})
    world = a_world(
        [launch],
        attempts=[held, other],
        budget=Budget(per_tag_usd={"launch": usd("2.39")}),
        counted=counted,
    )
    assert over(world) == [("per_tag.launch", "2.40", "0.00")]


def test_a_cap_that_is_exceeded_already_stops_no_plan_that_adds_nothing_to_it() -> None:
    free = a_provider(prices=(Price(model="sora-2", usd_per_second=Decimal(0)),))
    counted = Counted(day_usd=usd("99"), month_usd=usd("99"), tags_usd={"launch": usd("99")})
    budget = Budget(per_day_usd=usd("1"), per_tag_usd={"launch": usd("1")})
    assert over(a_world([STREET], budget=budget, counted=counted, providers=[free])) == []
    tagged_only = Budget(per_tag_usd={"launch": usd("1")})
    assert over(a_world([STREET], budget=tagged_only, counted=counted)) == []


def test_the_free_part_of_a_plan_breaks_no_cap() -> None:
    finished = a_generation(a_declaration("late"), "g", stored=())
    late = a_declaration("late")
    world = a_world(
        [STREET, late],
        [a_record(late, pending=finished)],
        attempts=[an_attempt(a_declaration("held"), cost_usd="9.00")],
        budget=Budget(per_run_usd=usd("0.10")),
    )
    plan = the_plan(world)
    assert overruns(plan.actions, world)
    assert overruns(free_part(plan).actions, world) == ()


UNPRICED = a_provider(prices=(Price(model="sora-2", usd_per_second=Decimal("0.10")),))


@pytest.mark.parametrize(
    ("budget", "cap"),
    [
        (Budget(per_run_usd=usd("100")), "per_run"),
        (Budget(per_day_usd=usd("100")), "per_day"),
        (Budget(per_month_usd=usd("100")), "per_month"),
        (Budget(max_cost_usd=usd("100")), "--max-cost"),
        (Budget(per_tag_usd={"launch": usd("100")}), "per_tag.launch"),
    ],
)
def test_an_unknown_price_is_blocked_where_a_cap_applies(budget: Budget, cap: str) -> None:
    long = replace(LONG, tags=("launch",))
    rain = a_declaration("rain", "with rain", remix_of=long)
    plan = check(
        a_world([long, rain, STREET], budget=budget, providers=[UNPRICED]),
        "long: blocked price_unknown $0.00",
        "rain: blocked parent_blocked $0.00",
        f"street: create not_recorded $0.40 {BOUGHT}",
    )
    because = plan.actions[0].because
    assert cap in because
    assert "sora-2-pro at 1792x1024" in because
    assert 'prices = { "sora-2-pro" = … }' in because
    assert "[providers.studio]" in because
    assert plan.cost.unknown == 0


@pytest.mark.parametrize("budget", [Budget(), Budget(per_tag_usd={"launch": usd("100")})])
def test_an_unknown_price_goes_on_as_unknown_where_no_cap_applies(budget: Budget) -> None:
    plan = check(
        a_world([LONG], budget=budget, providers=[UNPRICED]),
        f"long: create not_recorded $? {BOUGHT}",
    )
    assert plan.cost.unknown == 1


def test_an_unknown_price_blocks_only_what_is_bought() -> None:
    stored = a_declaration("stored", "kept by the store", model="sora-2-pro")
    world = a_world(
        [LONG, stored],
        [converged(LONG)],
        sidecars=[a_sidecar(stored)],
        budget=Budget(per_run_usd=usd("0")),
        providers=[UNPRICED],
    )
    check(
        world,
        "stored: restore stored_before $0.00 recover fetch publish promote",
        "long: unchanged",
    )


def recorded(count: int) -> list[Declaration]:
    return [a_declaration(f"v{number:02}") for number in range(count)]


@pytest.mark.parametrize(
    ("deleted", "of", "is_guarded"),
    [
        (0, 10, False),
        (1, 2, False),
        (3, 4, False),
        (3, 10, False),
        (4, 5, True),
        (4, 13, True),
        (4, 14, False),
        (6, 20, False),
        (7, 20, True),
        (30, 100, False),
        (31, 100, True),
    ],
)
def test_more_than_three_and_more_than_30_percent_are_many(
    deleted: int, of: int, is_guarded: bool
) -> None:
    videos = recorded(of)
    world = a_world(videos[deleted:], [converged(each) for each in videos])
    plan = the_plan(world)
    assert plan.count(ActionKind.DELETE) == deleted
    found = deletions(plan.actions, world)
    assert (found is not None) is is_guarded
    if found is not None:
        assert (found.deleted, found.recorded) == (deleted, of)
        assert (found.nothing_is_declared, found.flag) == (False, "--allow-mass-change")
        (warning,) = plan.diagnostics
        assert (warning.code, warning.severity) == ("SF0522", "warning")
        assert f"{deleted} of {of}" in warning.summary
        assert "--allow-mass-change" in (warning.fix or "")


@pytest.mark.parametrize("of", [1, 3, 4, 20])
def test_deleting_all_that_is_recorded_needs_a_word_of_its_own(of: int) -> None:
    world = a_world([], [converged(each) for each in recorded(of)])
    found = deletions(the_plan(world).actions, world)
    assert found is not None
    assert (found.deleted, found.recorded) == (of, of)
    assert (found.nothing_is_declared, found.flag) == (True, "--allow-empty")


def test_specs_that_declare_nothing_are_no_matter_where_nothing_is_deleted() -> None:
    kept = [a_record(a_declaration("kept"), a_generation(a_declaration("kept")), protect=True)]
    for world in (a_world(), a_world([], kept)):
        assert deletions(the_plan(world).actions, world) is None


def test_replacing_moving_and_forgetting_files_are_no_deletions() -> None:
    videos = recorded(8)
    edited = [a_declaration(str(each.address), f"{each.address} again") for each in videos[:4]]
    renamed = [a_declaration(f"new{n}", str(each.address)) for n, each in enumerate(videos[4:])]
    world = a_world([*edited, *renamed], [converged(each) for each in videos])
    plan = the_plan(world)
    assert (plan.count(ActionKind.REPLACE), plan.count(ActionKind.MOVE)) == (4, 4)
    assert deletions(plan.actions, world) is None


def test_destroying_is_warned_of_by_nobody() -> None:
    world = a_world([], [converged(each) for each in recorded(9)])
    assert the_plan(world, destroy=True).diagnostics == ()
