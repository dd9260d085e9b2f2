"""The decision table: jobs that run past their deadline."""

import pytest

from reconciler.domain.recorded import Attempt, Generation
from reconciler.plan.looks import looks
from reconciler.plan.saved import differences
from reconciler.plan.standing import standings
from worlds import (
    HOUR,
    MINUTE,
    NOW,
    a_declaration,
    a_file,
    a_generation,
    a_job,
    a_provider,
    a_record,
    a_world,
    an_attempt,
    check,
    check_destroy,
    check_part,
    converged,
    the_plan,
    told,
)

HALF_AN_HOUR_S = 1800.0
BOUGHT = "buy await fetch publish promote"
STREET = a_declaration("street", "a street", deadline_s=HALF_AN_HOUR_S)
OLD = a_declaration("street", "an old street", deadline_s=HALF_AN_HOUR_S)
SAME = a_declaration("same", "a street", deadline_s=HALF_AN_HOUR_S)
PATIENT = a_declaration("patient", "a street")
STUCK = a_generation(STREET, "stuck", status="in_progress", created_at=NOW - 47 * MINUTE)


def of_attempt(declared_with: float | None = HALF_AN_HOUR_S) -> tuple[Attempt, Generation]:
    """A stuck job, and the paid request that made it under a deadline."""
    asked = a_declaration("street", "a street", deadline_s=declared_with)
    attempt = an_attempt(asked, state="acknowledged")
    made_at = NOW - 47 * MINUTE
    return attempt, a_generation(
        STREET, "stuck", status="in_progress", created_at=made_at, attempt=attempt
    )


def test_a_job_that_runs_past_its_deadline_is_stuck_and_never_bought_again() -> None:
    for status in ("queued", "in_progress"):
        stuck = a_generation(STREET, status=status, created_at=NOW - 47 * MINUTE)
        world = a_world([STREET], [a_record(STREET, pending=stuck)])
        plan = check(world, "street: blocked stuck $0.00")
        assert told(plan, "street") == (
            "its job video_g-street has been running for 47 min, and its deadline is 30m"
        )
        assert [each.status for each in standings(world, plan)] == ["stuck"]
        assert not plan.has_changes


def test_a_job_within_its_deadline_is_waited_for() -> None:
    young = a_generation(STREET, status="in_progress", created_at=NOW - 29 * MINUTE)
    check(
        a_world([STREET], [a_record(STREET, pending=young)]),
        "street: wait job_running $0.00 await fetch publish promote",
    )


def test_without_a_deadline_a_job_is_waited_for_however_old_it_is() -> None:
    old = a_generation(PATIENT, status="in_progress", created_at=NOW - 400 * HOUR)
    check(
        a_world([PATIENT], [a_record(PATIENT, pending=old)]),
        "patient: wait job_running $0.00 await fetch publish promote",
    )


def test_the_deadline_of_today_counts_not_the_one_under_which_it_was_bought() -> None:
    longer = a_declaration("street", "a street", deadline_s=3600)
    attempt, stuck = of_attempt()
    check(
        a_world([longer], [a_record(STREET, pending=stuck)], attempts=[attempt]),
        "street: wait job_running $0.00 await fetch publish promote",
    )


def test_a_stuck_job_is_looked_at_in_every_plan() -> None:
    world = a_world([STREET], [a_record(STREET, pending=STUCK)])
    assert looks(world.desired, world.recorded, "auto", at=NOW).jobs == (STUCK,)
    spare = a_world(spares={STUCK: "street"})
    assert looks(spare.desired, spare.recorded, "auto", at=NOW).jobs == (STUCK,)


def test_a_stuck_job_that_finished_after_all_is_downloaded() -> None:
    record = a_record(STREET, pending=STUCK)
    check(
        a_world([STREET], [record], jobs={STUCK: a_job(STUCK)}),
        "street: download not_stored $0.00 fetch publish promote",
    )


def test_a_stuck_job_that_failed_after_all_is_failed() -> None:
    seen = a_job(STUCK, "failed", error=("moderation_blocked", "no"))
    check(
        a_world([STREET], [a_record(STREET, pending=STUCK)], jobs={STUCK: seen}),
        "street: blocked job_failed $0.00",
    )


def test_a_stuck_job_that_its_server_forgot_is_lost() -> None:
    gone = a_generation(
        STREET, status="in_progress", created_at=NOW - HOUR, missing=(3, 10 * MINUTE)
    )
    check(a_world([STREET], [a_record(STREET, pending=gone)]), "street: blocked video_lost $0.00")


def test_a_replacement_that_is_stuck_keeps_the_old_video_published() -> None:
    old = a_generation(OLD, "old")
    check(
        a_world([STREET], [a_record(OLD, old, pending=STUCK)]),
        "street: blocked stuck $0.00",
    )


def test_a_protected_video_whose_replacement_is_stuck_is_stuck() -> None:
    record = a_record(OLD, a_generation(OLD, "old"), pending=STUCK, protect=True)
    check(a_world([STREET], [record]), "street: blocked stuck $0.00")


def test_a_remix_of_what_is_stuck_is_blocked_by_its_parent() -> None:
    rain = a_declaration("rain", remix_of=STREET)
    check(
        a_world([STREET, rain], [a_record(STREET, pending=STUCK)]),
        "street: blocked stuck $0.00",
        "rain: blocked parent_blocked $0.00",
    )


def test_another_address_of_the_recipe_does_not_buy_what_is_stuck() -> None:
    world = a_world([STREET, SAME], [a_record(STREET, pending=STUCK)])
    check(world, "same: blocked stuck $0.00", "street: blocked stuck $0.00")


def test_another_address_of_the_recipe_that_has_no_deadline_goes_on_waiting() -> None:
    record = a_record(STREET, pending=STUCK)
    check(
        a_world([STREET, PATIENT], [record]),
        "patient: wait job_running $0.00 bind:stuck await fetch publish promote",
        "street: blocked stuck $0.00",
    )


def test_a_stuck_job_in_the_history_is_not_bought_beside() -> None:
    check(a_world([STREET], history=[STUCK]), "street: blocked stuck $0.00")


def test_a_stuck_job_that_others_hold_too_is_not_let_go_of() -> None:
    """One address is edited, the other is stuck with the job that both hold."""
    edited = a_declaration("same", "a square")
    plan = check(
        a_world(
            [STREET, edited],
            [a_record(STREET, pending=STUCK), a_record(SAME, pending=STUCK)],
        ),
        f"same: replace recipe_changed $0.40 {BOUGHT} release:stuck",
        "street: blocked stuck $0.00",
    )
    assert "still runs" not in told(plan, "same")


def test_what_an_address_waits_for_is_in_use_though_it_does_not_hold_it() -> None:
    """`street` is to have the job of `patient`, which is declared no more."""
    check(
        a_world(
            [STREET],
            [converged(OLD, "old"), a_record(PATIENT, pending=STUCK)],
        ),
        "street: blocked stuck $0.00",
        "patient: delete job_in_use $0.00 release:stuck forget",
    )


def test_an_edit_does_not_wait_for_an_older_job_that_is_stuck() -> None:
    stuck = a_generation(OLD, "stuck", status="in_progress", created_at=NOW - 47 * MINUTE)
    plan = check(
        a_world([STREET], [a_record(OLD, pending=stuck)]),
        f"street: replace recipe_changed $0.40 {BOUGHT}",
    )
    assert [found.code for found in plan.diagnostics] == ["SF0516"]
    assert "47 min" in plan.diagnostics[0].summary


def test_a_replaced_job_that_is_stuck_is_held_on_to_and_told() -> None:
    stuck = a_generation(OLD, "stuck", status="in_progress", created_at=NOW - 47 * MINUTE)
    new = a_generation(STREET, "new")
    world = a_world([STREET], [a_record(STREET, new, deposed=(stuck,))])
    plan = check(world, "street: unchanged")
    assert [found.code for found in plan.diagnostics] == ["SF0516"]
    check(
        a_world([STREET], [a_record(STREET, new, deposed=(stuck,))], jobs={stuck: a_job(stuck)}),
        "street: update deposed $0.00 retire:stuck",
    )


def test_what_blocks_an_address_waits_for_no_older_job_that_is_stuck() -> None:
    stuck = a_generation(OLD, "stuck", status="in_progress", created_at=NOW - 47 * MINUTE)
    failed = a_generation(STREET, "failed", status="failed", error=("moderation_blocked", "no"))
    record = a_record(STREET, pending=failed, deposed=(stuck,))
    check(a_world([STREET], [record]), "street: blocked job_failed $0.00")


def test_what_moves_while_it_is_stuck_moves_and_is_stuck_there() -> None:
    for stated in ({}, {"street": "same"}):
        plan = check(
            a_world([SAME], [a_record(STREET, pending=STUCK)], moved=stated),
            f"same: move {'moved' if stated else 'renamed'} $0.00 rename:street",
        )
        assert "then it is blocked: its job video_stuck has been running" in told(plan, "same")


def test_what_is_declared_no_more_waits_as_long_as_it_was_bought_to_wait() -> None:
    attempt, stuck = of_attempt()
    record = a_record(STREET, pending=stuck)
    plan = check(a_world(recorded=[record], attempts=[attempt]), "street: blocked stuck $0.00")
    assert told(plan, "street").startswith("it is no longer declared, but its job video_stuck")
    check_destroy(a_world([STREET], [record], attempts=[attempt]), "street: blocked stuck $0.00")


def test_what_is_declared_no_more_and_has_no_deadline_is_let_finish_and_deleted() -> None:
    attempt, running = of_attempt(None)
    check(
        a_world(recorded=[a_record(STREET, pending=running)], attempts=[attempt]),
        "street: delete undeclared $0.00 retire:stuck forget",
    )


def test_what_is_declared_no_more_goes_but_for_the_job_that_is_stuck() -> None:
    attempt, stuck = of_attempt()
    old = a_generation(OLD, "old")
    record = a_record(OLD, old, pending=stuck, published=[a_file(old, "videos/street.mp4")])
    plan = check(
        a_world(recorded=[record], attempts=[attempt]),
        "street: delete undeclared $0.00 unpublish:videos/street.mp4 retire:old",
    )
    assert "then it is blocked: its job video_stuck" in told(plan, "street")


def test_a_stuck_job_that_is_declared_no_more_is_deleted_once_it_has_finished() -> None:
    attempt, stuck = of_attempt()
    check(
        a_world(
            recorded=[a_record(STREET, pending=stuck)],
            attempts=[attempt],
            jobs={stuck: a_job(stuck)},
        ),
        "street: delete undeclared $0.00 retire:stuck forget",
    )


@pytest.mark.parametrize("declared_with", [HALF_AN_HOUR_S, None])
def test_a_spare_is_waited_for_as_long_as_it_was_bought_to_wait(
    declared_with: float | None,
) -> None:
    attempt, stuck = of_attempt(declared_with)
    plan = the_plan(a_world(spares={stuck: "street"}, attempts=[attempt]))
    assert len(plan.spares) == (0 if declared_with else 1)
    assert [found.code for found in plan.diagnostics] == ["SF0516" if declared_with else "SF0514"]


def test_a_part_tells_of_its_own_stuck_jobs_only() -> None:
    stuck = a_generation(OLD, "stuck", status="in_progress", created_at=NOW - 47 * MINUTE)
    other = a_declaration("other")
    world = a_world([STREET, other], [a_record(STREET, a_generation(STREET), deposed=(stuck,))])
    plan = check_part(world, "other", f"other: create not_recorded $0.40 {BOUGHT}")
    assert plan.diagnostics == ()


def test_a_saved_plan_holds_though_a_job_that_it_waits_for_has_failed_meanwhile() -> None:
    attempt, running = of_attempt(3600)
    record = a_record(STREET, pending=running)
    failed = {running: a_job(running, "failed", error=("moderation_blocked", "no"))}
    saved = the_plan(a_world(recorded=[record], attempts=[attempt]))
    today = the_plan(a_world(recorded=[record], jobs=failed))
    assert differences(saved, today, {"studio": a_provider()}) == ()
