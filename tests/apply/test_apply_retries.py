"""Buying again what failed for a reason that may pass, and no more often than was said."""

from collections import Counter
from decimal import Decimal

import pytest

from apply.studio import Studio
from reconciler.apply.journey import Limits
from reconciler.domain.bookings import BookingState
from reconciler.domain.budget import Budget
from reconciler.domain.errors import ExitCode
from reconciler.domain.recorded import JobError
from simulated.faults import LostAnswer, Operation, times
from simulated.power import Power, PowerCut
from simulated.server import SimulatedServer
from simulated.workshop import Fate
from worlds import a_declaration, lines

LEASE_S = 30.0
PASSING = JobError(code="server_error", message="busy")
STREET = a_declaration("street", retries=2)
RAIN = a_declaration("rain", remix_of=STREET)
NIGHT = a_declaration("night")


def bought(studio: Studio, prompt: str = "street") -> int:
    return len(studio.server.asked(Operation.SUBMIT, prompt))


def test_a_job_that_fails_is_bought_again_in_the_same_apply(studio: Studio) -> None:
    studio.server.fated("street", Fate(error=PASSING, fails_times=2))

    run = studio.apply(STREET, RAIN, NIGHT)

    assert run.code is ExitCode.OK
    assert bought(studio) == 3
    assert studio.bytes_at("videos/street.mp4") == studio.made("street", 3)
    assert studio.bytes_at("videos/rain.mp4") == studio.made("rain")
    ended = [state for prompt, state in studio.attempts() if prompt == "street"]
    assert ended == ["failed", "failed", "acknowledged"]
    assert [told.rpartition(": ")[2] for told in run.notices()] == ["retry 1 of 2", "retry 2 of 2"]
    assert studio.plan(STREET, RAIN, NIGHT).is_empty
    assert run.ended.cost_usd == Decimal("2.00") == studio.server.workshop.billed_usd
    states = Counter(each.state for each in studio.bookings())
    assert states == {BookingState.WASTED: 2, BookingState.SPENT: 3}
    assert not studio.server.workshop.deleted  # the plan named none


def test_a_retry_waits_a_while_for_the_trouble_to_pass(studio: Studio) -> None:
    studio.server.fated("street", Fate(duration_s=0, error=PASSING))

    studio.apply(STREET)

    first, second, third = (each.elapsed_s for each in studio.server.asked(Operation.SUBMIT))
    assert second - first >= 10
    assert third - second >= 20


def test_retries_come_to_an_end_and_stay_there(studio: Studio) -> None:
    studio.server.fated("street", Fate(error=PASSING))

    run = studio.apply(STREET, RAIN, NIGHT)
    again = studio.apply(STREET, RAIN, NIGHT)

    assert run.code is ExitCode.FAILED
    assert run.ends() == {"street": "failed", "rain": "skipped", "night": "completed"}
    assert run.failure("street").code == "job_failed"
    assert "all 2 retries came to nothing either" in run.failure("street").message
    assert bought(studio) == 3
    assert lines(again.plan)[0] == "street: blocked job_failed $0.00"


@pytest.mark.parametrize("code", ["moderation_blocked", "never_heard_of"])
def test_what_may_come_of_the_prompt_is_bought_once(studio: Studio, code: str) -> None:
    studio.server.fated("street", Fate(error=JobError(code=code, message="no")))

    run = studio.apply(STREET)

    assert "no passing trouble" in run.failure("street").message
    assert bought(studio) == 1


def test_a_job_of_an_earlier_run_that_failed_is_bought_again_by_the_next_plan(
    studio: Studio,
) -> None:
    studio.server.fated("street", Fate(error=PASSING, fails_times=2))
    studio.apply(STREET, limits=Limits(wait=False))

    waiting = studio.apply(STREET)
    plan = studio.plan(STREET)
    run = studio.apply(STREET)

    assert waiting.code is ExitCode.FAILED  # the plan that waited had no price
    assert lines(plan)[0].startswith("street: create job_failed $0.40 buy await")
    assert run.code is ExitCode.OK
    assert bought(studio) == 3
    assert studio.plan(STREET).is_empty


def test_a_retry_whose_answer_is_lost_is_found(studio: Studio) -> None:
    studio.server.fated("street", Fate(error=PASSING, fails_times=1))
    studio.server.rules.append(times(1, LostAnswer(made=True), on=Operation.SUBMIT, skip=1))

    run = studio.apply(STREET)

    assert run.code is ExitCode.OK
    assert bought(studio) == 2
    assert studio.plan(STREET).is_empty


def test_what_a_lost_answer_made_is_bought_again_where_it_failed(studio: Studio) -> None:
    studio.server.fated("street", Fate(error=PASSING, fails_times=1))
    studio.server.rules.append(times(1, LostAnswer(made=True), on=Operation.SUBMIT))
    power = Power(1 + submitting(studio), "after")
    with pytest.raises(PowerCut):
        studio.apply_while_powered(power, STREET)
    studio.clock.pass_by(LEASE_S)

    run = studio.apply(STREET)

    assert run.code is ExitCode.OK
    assert bought(studio) == 2
    assert studio.plan(STREET).is_empty


def submitting(studio: Studio) -> int:
    """Which effect of a first run the sending of its request is, counted from 0."""
    power = Power()
    twin = studio.twin(studio.root.parent / "rehearsal")
    twin.apply_while_powered(power, STREET)
    twin.close()
    return power.effects.index("send")


def test_a_retry_keeps_to_the_budget_that_others_use_up(studio: Studio) -> None:
    studio.server.fated("street", Fate(error=PASSING))
    budget = Budget(per_run_usd=Decimal("0.80"))

    run = studio.apply(STREET, limits=Limits(budget=budget))

    assert run.code is ExitCode.REFUSED
    assert bought(studio) == 2


def test_a_run_that_is_stopped_retries_no_more(studio: Studio) -> None:
    studio.server.fated("street", Fate(duration_s=60, error=PASSING))

    run = studio.apply(STREET, stop_at_s=65)

    assert run.ends() == {"street": "left"}
    assert bought(studio) == 1


SHARDS = 2


@pytest.fixture(scope="module")
def flaky(empty: Studio, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """A server at which the first two jobs of a prompt fail."""
    studio = empty.twin(tmp_path_factory.mktemp("flaky"))
    studio.provider(server=SimulatedServer(studio.clock, chunk_bytes=3000), poll_interval_s=40.0)
    studio.server.fated("street", Fate(error=PASSING, fails_times=2))
    return studio


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_power_cut_at_any_effect_buys_no_more_than_the_retries(
    flaky: Studio, tmp_path_factory: pytest.TempPathFactory, shard: int
) -> None:
    whole = Power()
    studio = flaky.twin(tmp_path_factory.mktemp("whole"))
    assert studio.apply_while_powered(whole, STREET).code is ExitCode.OK
    studio.close()
    assert whole.effects.count("send") == 3
    for number in range(1 + shard, len(whole.effects) + 1, SHARDS):
        studio = flaky.twin(tmp_path_factory.mktemp(f"cut-{number}"))
        try:
            with pytest.raises(PowerCut):
                studio.apply_while_powered(Power(number, "after"), STREET)
            studio.clock.pass_by(LEASE_S)
            for _ in range(3):  # of a job that ran before, a failure is bought again next time
                run = studio.apply(STREET)
            assert run.code is ExitCode.OK
            assert bought(studio) == 3
            assert studio.bytes_at("videos/street.mp4") == studio.made("street", 3)
            assert studio.plan(STREET).is_empty
        except BaseException as error:
            error.add_note(f"the power went out after effect {number}")
            raise
        finally:
            studio.close()
