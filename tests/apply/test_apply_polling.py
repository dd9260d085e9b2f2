"""Looking at running jobs: with few requests, and through weather."""

import pytest

from apply.studio import Studio
from reconciler.apply.journey import Limits
from reconciler.domain.errors import ExitCode
from simulated.faults import (
    Away,
    Breaks,
    Missing,
    Operation,
    Refused,
    always,
    out_of_reach,
    times,
)
from simulated.server import SimulatedServer
from simulated.workshop import Fate
from worlds import a_declaration

QUICK = 6000


def test_a_hundred_jobs_take_one_list_request_a_look(studio: Studio) -> None:
    server = SimulatedServer(studio.clock, slots=200, chunk_s=0.0, latency_s=0.0)
    studio.provider(server=server, max_in_flight=200, requests_per_minute=QUICK)
    videos = [a_declaration(f"v{index:03}") for index in range(100)]

    run = studio.apply(*videos)

    assert run.code is ExitCode.OK
    looks = run.seconds / 10 + 1
    assert len(server.asked(Operation.PAGE)) <= looks + 1
    assert len(server.asked(Operation.RETRIEVE)) <= 2


def test_without_a_list_each_job_is_asked_for(studio: Studio) -> None:
    studio.provider(list="none", max_in_flight=8, requests_per_minute=QUICK)

    run = studio.apply(*(a_declaration(name) for name in "abc"))

    assert run.code is ExitCode.OK
    assert studio.server.asked(Operation.PAGE) == []
    assert 3 * 6 <= len(studio.server.asked(Operation.RETRIEVE)) <= 3 * 8


def test_a_job_that_the_list_does_not_show_is_asked_for_by_its_id(studio: Studio) -> None:
    server = SimulatedServer(studio.clock, list_lag_s=1e6)
    studio.provider(server=server)

    run = studio.apply(a_declaration("a"), a_declaration("b"))

    assert run.code is ExitCode.OK


def test_a_list_that_the_server_refuses_is_no_end_of_looking(studio: Studio) -> None:
    studio.server.rules.append(always(Refused(status=405), on=Operation.PAGE))

    run = studio.apply(a_declaration("a"), a_declaration("b"))

    assert run.code is ExitCode.OK


@pytest.mark.parametrize("one_or_two", ["a", "ab"])
def test_a_server_out_of_reach_for_a_while_is_waited_for(studio: Studio, one_or_two: str) -> None:
    studio.server.rules.append(out_of_reach(since_s=15, until_s=115))

    run = studio.apply(*(a_declaration(name) for name in one_or_two))

    assert run.code is ExitCode.OK
    assert len(studio.server.workshop.jobs) == len(one_or_two)


@pytest.mark.parametrize("one_or_two", ["a", "ab"])
def test_a_server_out_of_reach_for_long_is_left_to_the_next_run(
    studio: Studio, one_or_two: str
) -> None:
    videos = [a_declaration(name) for name in one_or_two]
    studio.server.rules.append(out_of_reach(since_s=15, until_s=1e9))

    run = studio.apply(*videos)

    assert run.code is ExitCode.UNREACHABLE
    assert 120 <= run.seconds < 160
    studio.server.rules.clear()
    assert studio.apply(*videos).code is ExitCode.OK
    assert len(studio.server.workshop.jobs) == len(videos)


def test_one_job_that_cannot_be_looked_at_does_not_hold_up_the_others(studio: Studio) -> None:
    studio.provider(list="none")
    studio.server.rules.append(always(Away(), on=Operation.RETRIEVE, prompt="a"))

    run = studio.apply(a_declaration("a"), a_declaration("b"), a_declaration("c"))

    assert run.ends() == {"a": "failed", "b": "completed", "c": "completed"}
    assert run.code is ExitCode.UNREACHABLE


def test_the_servers_word_on_when_to_ask_again_is_kept(studio: Studio) -> None:
    studio.server.rules.append(times(1, Away(retry_after_s=45), on=Operation.RETRIEVE))

    studio.apply(a_declaration("street"))

    first, second, *_ = studio.server.asked(Operation.RETRIEVE)
    assert second.elapsed_s - first.elapsed_s >= 45


def test_a_job_is_gone_only_when_that_was_said_often_and_for_long(studio: Studio) -> None:
    studio.server.fated("street", Fate(duration_s=1000))
    studio.server.rules.append(always(Missing(), on=Operation.RETRIEVE))

    run = studio.apply(a_declaration("street"))

    assert run.failure("street").code == "gone"
    asked = studio.server.asked(Operation.RETRIEVE)
    assert len(asked) >= 3
    assert asked[-1].elapsed_s - asked[0].elapsed_s >= 60


def test_a_job_that_is_seen_again_was_never_gone(studio: Studio) -> None:
    studio.server.fated("street", Fate(duration_s=1000, is_stuck=False))
    for skip in range(0, 40, 2):
        studio.server.rules.append(times(1, Missing(), on=Operation.RETRIEVE, skip=skip))
    studio.server.fated("street", Fate(is_stuck=True))

    run = studio.apply(a_declaration("street"), limits=Limits(timeout_s=400))

    assert run.ends() == {"street": "left"}


@pytest.mark.parametrize("number", [1, 2])
def test_a_bug_while_looking_ends_the_run_instead_of_hanging_it(
    studio: Studio, number: int
) -> None:
    videos = [a_declaration(name) for name in "ab"[:number]]
    operation = Operation.PAGE if number > 1 else Operation.RETRIEVE
    skip = 1 if operation is Operation.PAGE else 0  # the look before the plan
    studio.server.rules.append(times(1, Breaks(), on=operation, skip=skip))

    with pytest.raises(Exception, match="a bug in an adapter"):
        studio.apply(*videos)

    assert studio.apply(*videos).code is ExitCode.OK
    assert len(studio.server.workshop.jobs) == number


def test_a_stuck_job_holds_up_nothing_else(studio: Studio) -> None:
    studio.server.fated("stuck", Fate(is_stuck=True))

    run = studio.apply(
        a_declaration("stuck"), a_declaration("street"), limits=Limits(timeout_s=600)
    )

    assert run.ends() == {"stuck": "left", "street": "completed"}


def test_a_job_that_is_finished_at_once_is_not_waited_for(studio: Studio) -> None:
    studio.server.fated("street", Fate(duration_s=0))

    run = studio.apply(a_declaration("street"))

    assert run.code is ExitCode.OK
    assert run.seconds < 5
