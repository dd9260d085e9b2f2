"""What a plan says that it costs, what it holds, and what is free of it."""

from decimal import Decimal

from reconciler.domain.plan import ActionKind
from reconciler.domain.profile import Price
from worlds import (
    HOUR,
    NOW,
    a_declaration,
    a_generation,
    a_provider,
    a_record,
    a_world,
    an_attempt,
    check,
    check_free,
    converged,
    lines,
    the_plan,
)

BOUGHT = "buy await fetch publish promote"
STREET = a_declaration("street", "a street")
LONG = a_declaration("long", seconds=12, model="sora-2-pro", size="1792x1024")
RAIN = a_declaration("rain", "with rain", remix_of=STREET)


def test_a_plan_costs_the_sum_of_its_actions() -> None:
    plan = the_plan(a_world([STREET, LONG, RAIN]))
    assert [action.cost_usd for action in plan.actions] == [
        Decimal("6.00"),
        Decimal("0.40"),
        Decimal("0.40"),
    ]
    assert plan.cost.usd == plan.cost.worst_case_usd == Decimal("6.80")
    assert (plan.cost.held_usd, plan.cost.unknown) == (0, 0)


def test_a_price_for_a_size_goes_before_the_price_of_the_model() -> None:
    tall = a_declaration("tall", model="sora-2-pro", size="720x1280")
    check(a_world([tall]), f"tall: create not_recorded $1.20 {BOUGHT}")


def test_a_video_without_a_known_price_is_counted_and_not_guessed() -> None:
    unknown = a_provider(prices=())
    plan = check(
        a_world([STREET, LONG], providers=[unknown]),
        f"long: create not_recorded $? {BOUGHT}",
        f"street: create not_recorded $? {BOUGHT}",
    )
    assert (plan.cost.usd, plan.cost.unknown) == (0, 2)


def test_known_prices_are_summed_beside_unknown_ones() -> None:
    only_one = a_provider(prices=(Price(model="sora-2", usd_per_second=Decimal("0.25")),))
    plan = the_plan(a_world([STREET, LONG], providers=[only_one]))
    assert (plan.cost.usd, plan.cost.unknown) == (Decimal("1.00"), 1)


def test_a_free_server_costs_nothing_and_its_request_still_counts_as_paid() -> None:
    free = a_provider(prices=(Price(model="sora-2", usd_per_second=Decimal(0)),))
    plan = check(a_world([STREET], providers=[free]), f"street: create not_recorded $0.00 {BOUGHT}")
    assert plan.actions[0].is_paid
    assert plan.cost.unknown == 0


def test_money_held_by_unresolved_attempts_is_in_the_worst_case() -> None:
    gone = a_declaration("gone")
    attempts = [
        an_attempt(STREET, cost_usd="0.40"),
        an_attempt(gone, cost_usd="2.00", state="sending"),
        an_attempt(a_declaration("free"), cost_usd=None),
        an_attempt(a_declaration("kept"), cost_usd="9.00", state="reserved"),
    ]
    plan = check(
        a_world([LONG, STREET], attempts=attempts),
        f"long: create not_recorded $6.00 {BOUGHT}",
        "street: resolve unresolved_attempt $0.00 resolve await fetch publish promote",
    )
    assert plan.cost.usd == Decimal("6.00")
    assert plan.cost.held_usd == Decimal("2.40")
    assert plan.cost.worst_case_usd == Decimal("8.40")


def test_an_unresolved_attempt_that_no_declaration_asks_for_is_warned_of() -> None:
    attempts = [an_attempt(a_declaration("gone")), an_attempt(STREET)]
    plan = the_plan(a_world([STREET], attempts=attempts))
    warnings = [(found.code, found.severity) for found in plan.diagnostics]
    assert warnings == [("SF0511", "warning")]
    assert "gone" in plan.diagnostics[0].summary
    assert [(type(spare).__name__, str(spare.address)) for spare in plan.spares] == [
        ("SeekSpare", "gone")
    ]


def test_a_server_that_cannot_be_asked_is_told_and_what_it_has_is_unknown() -> None:
    running = a_generation(STREET, status="in_progress")
    plan = check(
        a_world([STREET], [a_record(STREET, pending=running)], unreachable={"studio": "no route"}),
        "street: wait job_running $0.00 await fetch publish promote",
    )
    assert plan.unreachable == {"studio": "no route"}
    assert [found.code for found in plan.diagnostics] == ["SF0512"]
    assert "no route" in plan.diagnostics[0].summary


def test_the_free_part_leaves_out_what_is_paid_and_what_waits_for_it() -> None:
    twin = a_declaration("twin", "a street")
    finished = a_generation(a_declaration("late"), "g", stored=(), expires_at=NOW + HOUR)
    late = a_declaration("late")
    world = a_world(
        [STREET, RAIN, twin, late],
        [a_record(late, pending=finished), converged(a_declaration("old"), "h")],
        attempts=[an_attempt(a_declaration("gone"), cost_usd="2.00")],
    )
    plan = check_free(
        world,
        "late: download not_stored $0.00 fetch publish promote",
        "old: delete undeclared $0.00 unpublish:videos/old.mp4 retire:h forget",
    )
    assert plan.cost.usd == 0
    assert plan.cost.worst_case_usd == plan.cost.held_usd == Decimal("2.00")


def test_the_free_part_keeps_a_free_action_that_waits_for_a_free_one() -> None:
    running = a_generation(STREET, "g", status="in_progress")
    world = a_world([STREET, RAIN], [a_record(STREET, pending=running)])
    check_free(world, "street: wait job_running $0.00 await fetch publish promote")


def test_a_plan_counts_its_actions_by_kind() -> None:
    plan = the_plan(a_world([STREET, RAIN, LONG], [converged(a_declaration("old"))]))
    counts = {kind: plan.count(kind) for kind in ActionKind if plan.count(kind)}
    assert counts == {ActionKind.CREATE: 2, ActionKind.REMIX: 1, ActionKind.DELETE: 1}


def test_what_is_only_blocked_is_no_change() -> None:
    failed = a_generation(STREET, status="failed")
    plan = the_plan(a_world([STREET], [a_record(STREET, pending=failed)]))
    assert not plan.has_changes
    assert not plan.is_empty


def test_a_plans_name_tells_it_from_other_plans() -> None:
    worlds = [
        a_world([STREET]),
        a_world([LONG]),
        a_world([STREET, LONG]),
        a_world([a_declaration("street", "another street")]),
        a_world([STREET], at=NOW + HOUR),
        a_world([STREET], providers=[a_provider(prices=())]),
        a_world(),
    ]
    names = {the_plan(world).plan_id for world in worlds}
    assert len(names) == len(worlds)
    assert all(len(name) == 12 for name in names)
    assert the_plan(worlds[0]).plan_id == the_plan(a_world([STREET])).plan_id


def test_a_chain_takes_longer_than_what_runs_side_by_side() -> None:
    snow = a_declaration("snow", "with snow", remix_of=RAIN)
    side_by_side = the_plan(a_world([STREET, a_declaration("b"), a_declaration("c")]))
    chain = the_plan(a_world([STREET, RAIN, snow]))
    assert chain.expected_s > 2.9 * the_plan(a_world([STREET])).expected_s
    assert side_by_side.expected_s < chain.expected_s / 2


def test_no_more_jobs_run_at_once_than_the_profile_allows() -> None:
    many = [a_declaration(f"v{number}") for number in range(8)]
    one_by_one = the_plan(a_world(many, providers=[a_provider(max_in_flight=1)]))
    together = the_plan(a_world(many, providers=[a_provider(max_in_flight=8)]))
    assert one_by_one.expected_s > 7.5 * together.expected_s


def test_an_empty_plan_takes_no_time() -> None:
    plan = the_plan(a_world([STREET], [converged(STREET)]))
    assert plan.expected_s == 0
    assert lines(plan) == ["street: unchanged"]
