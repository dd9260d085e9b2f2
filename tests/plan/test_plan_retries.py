"""The decision table: jobs that failed for a reason that may pass."""

from decimal import Decimal

import pytest

from reconciler.domain.budget import Budget
from reconciler.domain.plan import Buy
from reconciler.domain.recorded import Generation
from reconciler.plan.saved import differences
from worlds import (
    MINUTE,
    NOW,
    a_declaration,
    a_generation,
    a_job,
    a_provider,
    a_record,
    a_world,
    an_action,
    an_attempt,
    check,
    check_free,
    the_plan,
    told,
)

BOUGHT = "buy await fetch publish promote"
STREET = a_declaration("street", "a street", retries=2)
ONCE = a_declaration("street", "a street")
OLD = a_declaration("street", "an old street")
PASSING = ("processing_error", "heavy load")


def failed(
    nth: int = 1, *, error: tuple[str, str] | None = PASSING, name: str | None = None
) -> Generation:
    """The n-th job of the recipe that failed."""
    return a_generation(
        STREET,
        name or f"f{nth}",
        status="failed",
        error=error,
        created_at=NOW - (10 - nth) * MINUTE,
    )


def test_a_first_job_is_priced_as_one_and_at_worst_with_its_retries() -> None:
    plan = check(a_world([STREET]), f"street: create not_recorded $0.40 {BOUGHT}")
    assert (plan.cost.usd, plan.cost.worst_case_usd) == (Decimal("0.40"), Decimal("1.20"))
    assert "up to 2 more after a transient failure, $0.40 each" in told(plan, "street")


def test_a_job_that_failed_for_a_passing_reason_is_bought_again() -> None:
    for code in ("processing_error", "SERVER_ERROR", "503"):
        broken = failed(error=(code, "heavy load"))
        plan = check(
            a_world([STREET], [a_record(STREET, pending=broken)]),
            f"street: create job_failed $0.40 {BOUGHT} retire:f1",
        )
        assert f"({code}: heavy load); that may pass" in told(plan, "street")
        assert "retry 1 of 2" in told(plan, "street")
        assert "up to 1 more" in told(plan, "street")
        assert plan.cost.worst_case_usd == Decimal("0.80")


def test_a_job_that_was_just_seen_to_fail_counts() -> None:
    running = a_generation(STREET, "r", status="in_progress")
    check(
        a_world(
            [STREET],
            [a_record(STREET, pending=running)],
            jobs={running: a_job(running, "failed", error=PASSING)},
        ),
        f"street: create job_failed $0.40 {BOUGHT} retire:r",
    )


def test_every_failed_job_of_the_recipe_counts_across_runs() -> None:
    plan = check(
        a_world([STREET], [a_record(STREET, pending=failed(2))], history=[failed(1)]),
        f"street: create job_failed $0.40 {BOUGHT} retire:f2",
    )
    assert "retry 2 of 2" in told(plan, "street")
    assert plan.cost.worst_case_usd == Decimal("0.40")
    plan = check(
        a_world([STREET], [a_record(STREET, pending=failed(3))], history=[failed(1), failed(2)]),
        "street: blocked job_failed $0.00",
    )
    assert told(plan, "street") == (
        "its job failed (processing_error: heavy load); all 2 retries came to nothing either"
    )


@pytest.mark.parametrize(
    "error", [("moderation_blocked", "no"), ("invalid_input", "no"), ("unknown", "?"), None]
)
def test_what_may_come_of_the_request_is_not_bought_again(error: tuple[str, str] | None) -> None:
    plan = check(
        a_world([STREET], [a_record(STREET, pending=failed(error=error))]),
        "street: blocked job_failed $0.00",
    )
    assert "no passing trouble" in told(plan, "street")


def test_which_failures_pass_is_data_of_the_provider() -> None:
    ours = a_provider(transient_errors=("moderation_blocked",))
    broken = failed(error=("moderation_blocked", "no"))
    check(
        a_world([STREET], [a_record(STREET, pending=broken)], providers=[ours]),
        f"street: create job_failed $0.40 {BOUGHT} retire:f1",
    )


def test_without_retries_a_failure_blocks_whatever_its_reason() -> None:
    plan = check(
        a_world([ONCE], [a_record(ONCE, pending=failed())]), "street: blocked job_failed $0.00"
    )
    assert told(plan, "street") == "its job failed (processing_error: heavy load)"


def test_a_replacement_that_failed_is_bought_again_beside_the_old_video() -> None:
    old = a_generation(OLD, "old")
    check(
        a_world([STREET], [a_record(OLD, old, pending=failed())]),
        f"street: replace job_failed $0.40 {BOUGHT} retire:old retire:f1",
    )


def test_what_is_protected_by_now_is_not_replaced_by_a_retry() -> None:
    record = a_record(OLD, a_generation(OLD, "old"), pending=failed(), protect=True)
    plan = check(a_world([STREET], [record]), "street: blocked job_failed $0.00")
    assert "is protected" in told(plan, "street")


def test_one_of_several_that_share_a_recipe_buys_it_again_for_all() -> None:
    """Whichever of them may: `ask`, which may not, takes what `street` buys."""
    ask = a_declaration("ask", "a street")
    check(
        a_world([ask, STREET], [a_record(ask, pending=failed()), a_record(STREET)]),
        f"street: create job_failed $0.40 {BOUGHT}",
        "ask: publish shared $0.00 after:street bind_shared:street fetch publish promote retire:f1",
    )


def test_what_failed_and_comes_to_another_address_is_bought_again_there() -> None:
    new = a_declaration("new", "a street", retries=1)
    check(
        a_world([new], [a_record(STREET, pending=failed())]),
        f"new: create job_failed $0.40 {BOUGHT}",
        "street: delete undeclared $0.00 retire:f1 forget",
    )
    used_up = a_world([new], [a_record(STREET, pending=failed(2))], history=[failed(1)])
    plan = check(used_up, "new: move renamed $0.00 rename:street")
    assert "its one retry came to nothing" in told(plan, "new")


def test_a_remix_waits_for_what_is_bought_again_of_its_parent() -> None:
    rain = a_declaration("rain", remix_of=STREET)
    check(
        a_world([STREET, rain], [a_record(STREET, pending=failed())]),
        f"street: create job_failed $0.40 {BOUGHT} retire:f1",
        f"rain: remix not_recorded $0.40 after:street {BOUGHT}",
    )


def test_a_cap_is_held_against_the_price_with_all_retries() -> None:
    plan = the_plan(a_world([STREET], budget=Budget(per_run_usd=Decimal("1.10"))))
    assert [found.code for found in plan.diagnostics] == ["SF0521"]
    plan = the_plan(a_world([STREET], budget=Budget(per_run_usd=Decimal("1.20"))))
    assert plan.diagnostics == ()


def test_a_lost_answer_costs_once_more_beside_the_retries() -> None:
    stubborn = a_provider(on_ambiguous="retry")
    plan = the_plan(a_world([STREET], providers=[stubborn]))
    assert plan.cost.worst_case_usd == Decimal("1.60")


def test_what_an_unresolved_request_made_may_be_bought_again_too() -> None:
    plan = check(
        a_world([STREET], attempts=[an_attempt(STREET)]),
        "street: resolve unresolved_attempt $0.00 resolve await fetch publish promote",
    )
    assert plan.cost.worst_case_usd == Decimal("1.20")
    free = check_free(
        a_world([STREET], attempts=[an_attempt(STREET)]),
        "street: resolve unresolved_attempt $0.00 resolve await fetch publish promote",
    )
    assert free.cost.worst_case_usd == Decimal("0.40")


def test_a_plan_that_said_fewer_retries_is_stale() -> None:
    more = a_declaration("street", "a street", retries=3)
    saved, today = the_plan(a_world([STREET])), the_plan(a_world([more]))
    assert differences(saved, today, {"studio": a_provider()}) != ()


def test_retries_are_counted_from_what_has_failed_before() -> None:
    world = a_world([STREET], [a_record(STREET, pending=failed())])
    (buy,) = an_action(the_plan(world), "street").purchases
    assert isinstance(buy, Buy)
    assert (buy.retries, buy.failures) == (1, 1)
