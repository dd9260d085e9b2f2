"""Waiting for a job no longer than its deadline, and taking what came after it."""

import pytest

from apply.studio import Studio
from reconciler.apply.journey import Limits
from reconciler.domain.desired import Declaration
from reconciler.domain.errors import ExitCode
from reconciler.domain.plan import Reason
from simulated.faults import Operation
from simulated.workshop import Fate
from worlds import a_declaration, lines

DEADLINE_S = 300.0
STREET = a_declaration("street", deadline_s=DEADLINE_S)
RAIN = a_declaration("rain", remix_of=STREET)
NIGHT = a_declaration("night")
LATE = Fate(duration_s=3000)


@pytest.mark.parametrize("others", [(), (NIGHT, RAIN)])
def test_a_job_is_waited_for_to_its_deadline_and_the_others_go_on(
    studio: Studio, others: tuple[Declaration, ...]
) -> None:
    studio.server.fated("street", LATE)

    run = studio.apply(STREET, *others)

    assert run.code is ExitCode.FAILED
    failure = run.failure("street")
    assert failure.code == "stuck"
    assert failure.message == "its job video_1 has been running for 5 min, and its deadline is 5m"
    assert 0 <= run.seconds - DEADLINE_S < 30
    if others:
        assert run.ends() == {"street": "failed", "night": "completed", "rain": "skipped"}


def test_a_stuck_job_blocks_the_next_plan_and_is_taken_once_it_has_finished(
    studio: Studio,
) -> None:
    studio.server.fated("street", LATE)
    studio.apply(STREET)

    plan = studio.plan(STREET)
    again = studio.apply(STREET)
    studio.clock.pass_by(LATE.duration_s)
    late = studio.apply(STREET)

    assert lines(plan) == ["street: blocked stuck $0.00"]
    assert again.code is ExitCode.OK
    assert again.seconds < 5
    assert late.code is ExitCode.OK
    assert studio.bytes_at("videos/street.mp4") == studio.made("street")
    assert len(studio.server.asked(Operation.SUBMIT)) == 1
    assert studio.plan(STREET).is_empty


def test_of_two_that_wait_for_one_job_each_has_its_own_deadline(studio: Studio) -> None:
    studio.server.fated("street", Fate(duration_s=600))
    patient = a_declaration("patient", "street")
    studio.apply(STREET, limits=Limits(wait=False))

    run = studio.apply(STREET, patient)

    assert run.ends() == {"street": "failed", "patient": "completed"}
    assert len(studio.server.workshop.jobs) == 1
    assert studio.apply(STREET, patient).code is ExitCode.OK
    assert studio.plan(STREET, patient).is_empty


def test_a_stuck_job_frees_its_place_for_the_others(studio: Studio) -> None:
    studio.provider(max_in_flight=1)
    studio.server.fated("street", Fate(is_stuck=True))
    studio.apply(STREET, limits=Limits(wait=False))

    run = studio.apply(STREET, NIGHT)

    assert run.ends() == {"street": "failed", "night": "completed"}


def test_an_old_job_is_not_waited_for_past_its_deadline_once_its_successor_is_published(
    studio: Studio,
) -> None:
    studio.server.fated("street", LATE)
    studio.apply(STREET, limits=Limits(wait=False))
    edited = a_declaration("street", "edited", deadline_s=DEADLINE_S)

    run = studio.apply(edited)
    after = studio.plan(edited)
    studio.clock.pass_by(LATE.duration_s)
    late = studio.apply(edited)

    assert run.failure("street").code == "stuck"
    assert studio.bytes_at("videos/street.mp4") == studio.made("edited")
    assert after.is_empty
    assert [found.code for found in after.diagnostics] == ["SF0516"]
    assert [action.reason for action in late.plan.actions] == [Reason.DEPOSED]
    assert late.code is ExitCode.OK
    assert studio.plan(edited).is_empty
    assert "video_1" in studio.server.workshop.deleted


def test_a_job_that_is_declared_no_more_keeps_the_deadline_under_which_it_was_bought(
    studio: Studio,
) -> None:
    studio.server.fated("street", LATE)
    studio.apply(STREET, limits=Limits(wait=False))

    run = studio.apply(NIGHT)
    plan = studio.plan(NIGHT)
    studio.clock.pass_by(LATE.duration_s)

    assert run.failure("street").code == "stuck"
    assert lines(plan) == ["street: blocked stuck $0.00", "night: unchanged"]
    assert studio.apply(NIGHT).code is ExitCode.OK
    assert studio.plan(NIGHT).is_empty
    assert len(studio.recorded().videos) == 1
    assert "video_1" in studio.server.workshop.deleted


def test_a_spare_is_not_waited_for_past_its_deadline(studio: Studio) -> None:
    studio.server.fated("street", LATE)
    studio.apply(STREET, limits=Limits(wait=False))
    with studio.hold() as state:
        state.forget(STREET.address)

    run = studio.apply()
    plan = studio.plan()
    studio.clock.pass_by(LATE.duration_s)
    studio.apply()

    assert run.code is ExitCode.OK
    assert 0 <= run.seconds - DEADLINE_S < 30
    assert plan.is_empty
    assert [found.code for found in plan.diagnostics] == ["SF0516"]
    (video,) = studio.recorded().generations.values()
    assert video.is_stored
