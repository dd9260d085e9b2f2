"""A run that ends early loses nothing, and the next one goes on where it was."""

from pathlib import Path

import pytest

from apply.studio import Studio
from reconciler.apply.journey import Limits
from reconciler.domain.desired import Declaration
from reconciler.domain.errors import ExitCode
from reconciler.domain.events import (
    ActionCompleted,
    ActionLeft,
    DownloadProgress,
    Event,
    JobProgress,
    PlanMade,
)
from simulated.faults import Operation, Refused, always
from simulated.server import SimulatedServer
from simulated.workshop import Fate
from worlds import a_declaration

OLD = a_declaration("hero", "old")


def a_project() -> list[Declaration]:
    """A remix, a video to replace, one that shares its recipe, and more than there is place for."""
    street = a_declaration("street", variants=("video", "thumbnail"))
    return [
        a_declaration("hero", "new"),
        street,
        a_declaration("rain", remix_of=street),
        a_declaration("night"),
        a_declaration("night-again", "night"),
    ]


# Around the first requests, the end of the first jobs, their downloads, and the remix.
MOMENTS = [0.0, 0.01, 0.02, 0.1, 0.12, 0.2, 0.22, 0.3, 0.32, 0.5, 1.0, 1.1, 1.2, 1.24, 1.3]
MOMENTS += [
    5.0,
    30.0,
    61.0,
    61.3,
    62.0,
    62.5,
    63.0,
    63.5,
    64.0,
    65.0,
    66.0,
    90.0,
    122.0,
    124.0,
    125.0,
]


@pytest.fixture(scope="module")
def published(empty: Studio, tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """A project with one video, that is about to be replaced."""
    made = empty.twin(tmp_path_factory.mktemp("published"))
    made.provider(max_in_flight=2)
    made.apply(OLD)
    return made


@pytest.mark.parametrize("at_s", MOMENTS)
def test_a_run_may_be_stopped_at_any_moment(published: Studio, tmp_path: Path, at_s: float) -> None:
    studio = published.twin(tmp_path)
    videos = a_project()

    stopped = studio.apply(*videos, stop_at_s=at_s)
    resumed = studio.apply(*videos)

    assert stopped.code is ExitCode.INTERRUPTED
    assert stopped.ended.left > 0
    assert stopped.ended.skipped == 0
    assert len(stopped.ends()) == len(stopped.plan.actions)
    assert resumed.code is ExitCode.OK
    prompts = [job.prompt for job in studio.server.workshop.jobs.values()]
    assert sorted(prompts) == ["new", "night", "old", "rain", "street"]
    assert {state for _, state in studio.attempts()} == {"acknowledged"}
    assert studio.plan(*videos).is_empty


def test_a_stop_sends_no_further_paid_request(studio: Studio) -> None:
    studio.provider(max_in_flight=10, requests_per_minute=6)

    run = studio.apply(*(a_declaration(f"v{index}") for index in range(5)), stop_at_s=15)

    assert run.code is ExitCode.INTERRUPTED
    assert [round(c.elapsed_s) for c in studio.server.asked(Operation.SUBMIT)] == [0, 10]
    assert run.seconds < 16


def test_a_stop_lets_the_paid_request_under_way_have_its_answer(studio: Studio) -> None:
    run = studio.apply(a_declaration("street"), stop_at_s=0.3)

    assert [c.answer for c in studio.server.asked(Operation.SUBMIT)] == ["made"]
    assert studio.attempts() == [("street", "acknowledged")]
    (left,) = (event for event in run.events if isinstance(event, ActionLeft))
    assert left.remote_id == "video_1"
    assert left.expires_at is not None


def test_a_stop_while_backing_off_sends_nothing_more(studio: Studio) -> None:
    studio.server.rules.append(always(Refused(status=429, retry_after_s=60), on=Operation.SUBMIT))

    run = studio.apply(a_declaration("street"), stop_at_s=10)

    assert run.code is ExitCode.INTERRUPTED
    assert run.seconds < 11
    assert len(studio.server.asked(Operation.SUBMIT)) == 1


def test_a_stop_after_all_is_done_is_no_interruption(studio: Studio) -> None:
    def no_more(event: Event) -> None:
        assert not isinstance(event, ActionLeft)

    run = studio.apply(a_declaration("street"), stop_at_s=1000, on_event=no_more)

    assert run.code is ExitCode.OK


def test_a_run_out_of_time_leaves_its_jobs(studio: Studio) -> None:
    street = a_declaration("street")

    run = studio.apply(street, limits=Limits(timeout_s=30))

    assert run.code is ExitCode.INTERRUPTED
    assert run.ends() == {"street": "left"}
    assert run.seconds == pytest.approx(30, abs=0.5)
    assert studio.apply(street).code is ExitCode.OK
    assert len(studio.server.workshop.jobs) == 1


def test_without_waiting_as_much_is_submitted_as_may_run(studio: Studio) -> None:
    studio.provider(max_in_flight=3)
    videos = [a_declaration(f"v{index}") for index in range(5)]

    first = studio.apply(*videos, limits=Limits(wait=False))

    assert first.code is ExitCode.OK
    assert first.seconds < 10
    assert set(first.ends().values()) == {"left"}
    assert len(studio.server.workshop.jobs) == 3
    second = studio.apply(*videos, limits=Limits(wait=False))
    assert second.code is ExitCode.OK
    assert len(studio.server.workshop.jobs) == 3
    assert studio.apply(*videos).code is ExitCode.OK
    assert len(studio.server.workshop.jobs) == 5
    assert studio.server.workshop.most_at_once == 3
    assert studio.plan(*videos).is_empty


def test_without_waiting_a_refused_request_leaves_its_place_to_another(studio: Studio) -> None:
    studio.provider(max_in_flight=1)
    studio.server.rules.append(always(Refused(), on=Operation.SUBMIT, prompt="a"))

    run = studio.apply(a_declaration("a"), a_declaration("b"), limits=Limits(wait=False))

    assert run.ends() == {"a": "failed", "b": "left"}
    assert len(studio.server.workshop.jobs) == 1


def test_without_waiting_remixes_wait_for_the_next_run(studio: Studio) -> None:
    street = a_declaration("street")
    rain = a_declaration("rain", remix_of=street)

    run = studio.apply(street, rain, limits=Limits(wait=False))

    assert run.code is ExitCode.OK
    assert run.ends() == {"street": "left", "rain": "left"}
    studio.clock.pass_by(100)
    studio.apply(street, rain, limits=Limits(wait=False))
    assert len(studio.server.workshop.jobs) == 2
    assert studio.bytes_at("videos/street.mp4") == studio.made("street")


def test_the_free_part_buys_nothing_and_downloads_what_is_there(studio: Studio) -> None:
    street, night = a_declaration("street"), a_declaration("night")
    rain = a_declaration("rain", remix_of=night)
    studio.apply(street, limits=Limits(wait=False))

    run = studio.apply(street, night, rain, free=True)

    assert run.code is ExitCode.OK
    assert run.ends() == {"street": "completed"}
    assert run.ended.cost_usd == 0
    assert len(studio.server.workshop.jobs) == 1


@pytest.mark.parametrize("kind", [PlanMade, JobProgress, DownloadProgress, ActionCompleted])
def test_a_view_that_breaks_loses_nothing(studio: Studio, kind: type[Event]) -> None:
    studio.server.fated("quick", Fate(duration_s=15))
    videos = [a_declaration("quick"), a_declaration("street"), a_declaration("night")]

    def breaks(event: Event) -> None:
        if isinstance(event, kind):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        studio.apply(*videos, on_event=breaks)

    assert {state for _, state in studio.attempts()} <= {"acknowledged"}
    assert studio.apply(*videos).code is ExitCode.OK
    assert len(studio.server.workshop.jobs) == 3


def test_a_view_that_breaks_lets_a_paid_request_have_its_answer(studio: Studio) -> None:
    studio.provider(
        server=SimulatedServer(studio.clock, latency_s=6.0), requests_per_minute=6, max_in_flight=4
    )
    studio.server.fated("quick", Fate(duration_s=0))
    quick, street = a_declaration("quick", seconds=8), a_declaration("street")
    broke_s: list[float] = []

    def breaks(event: Event) -> None:
        if isinstance(event, ActionCompleted):
            broke_s.append(studio.clock.elapsed_s)
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        studio.apply(quick, street, on_event=breaks)

    (sent,) = studio.server.asked(Operation.SUBMIT, "street")
    assert sent.elapsed_s < broke_s[0] < sent.elapsed_s + 6
    assert studio.attempts() == [("quick", "acknowledged"), ("street", "acknowledged")]


def test_the_free_part_brings_in_a_job_whose_successor_is_not_bought(studio: Studio) -> None:
    """It was paid for, and would expire before anybody buys the next one."""
    studio.apply(a_declaration("street"), limits=Limits(wait=False))
    after = a_declaration("street", "after")

    studio.apply(after, free=True)

    assert list(studio.server.workshop.jobs) == [
        each.remote_id for each in studio.recorded().generations.values() if each.assets
    ]
    assert not studio.server.asked(Operation.DELETE)
    assert studio.apply(after, free=True).plan.spares == ()
