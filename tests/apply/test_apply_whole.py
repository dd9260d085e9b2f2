"""A plan carried out from the first request to the last file, and what is told of it."""

from decimal import Decimal

from apply.studio import Studio
from reconciler.domain.errors import ExitCode
from reconciler.domain.events import (
    ActionCompleted,
    ActionStarted,
    DownloadProgress,
    JobProgress,
    PlanMade,
    RunEnded,
)
from reconciler.domain.recorded import JobError
from simulated.faults import Operation
from simulated.workshop import Fate
from worlds import a_declaration


def test_all_is_bought_once_stored_published_and_at_rest(studio: Studio) -> None:
    variants = ("video", "thumbnail", "spritesheet")
    videos = [a_declaration(name, variants=variants) for name in ("hero", "night", "street")]

    run = studio.apply(*videos)

    assert run.code is ExitCode.OK
    assert run.ends() == {"hero": "completed", "night": "completed", "street": "completed"}
    for video in videos:
        name = str(video.address)
        assert len(studio.server.asked(Operation.SUBMIT, name)) == 1
        assert studio.bytes_at(f"videos/{name}.mp4") == studio.made(name)
        assert studio.bytes_at(f"videos/{name}.webp")
        assert studio.bytes_at(f"videos/{name}.jpg")
        assert {asset.variant for asset in studio.current(name).assets} == set(video.variants)
    assert studio.plan(*videos, refresh="full").is_empty


def test_the_next_apply_asks_for_nothing_and_changes_nothing(studio: Studio) -> None:
    street = a_declaration("street")
    studio.apply(street)
    asked = len(studio.server.calls)

    run = studio.apply(street)

    assert run.plan.is_empty
    assert run.code is ExitCode.OK
    assert len(studio.server.calls) == asked


def test_what_is_recorded_costs_what_the_server_billed(studio: Studio) -> None:
    videos = [a_declaration("hero", seconds=12), a_declaration("street", seconds=4)]

    run = studio.apply(*videos)

    assert run.ended.cost_usd == studio.server.workshop.billed_usd == Decimal("1.60")
    assert run.plan.cost.usd == run.ended.cost_usd


def test_a_remix_begins_when_its_parents_job_is_done_not_its_download(studio: Studio) -> None:
    street = a_declaration("street")
    rain = a_declaration("rain", remix_of=street)

    run = studio.apply(street, rain)

    assert run.code is ExitCode.OK
    (parent,) = studio.server.asked(Operation.SUBMIT, "street")
    (child,) = studio.server.asked(Operation.SUBMIT, "rain")
    done_at = studio.server.workshop.jobs["video_1"].ends_at
    stored_s = max(
        index
        for index, event in enumerate(run.events)
        if isinstance(event, DownloadProgress) and str(event.address) == "street"
    )
    began_s = next(
        index
        for index, event in enumerate(run.events)
        if isinstance(event, ActionStarted) and str(event.address) == "rain"
    )
    assert done_at is not None
    assert parent.at < done_at <= child.at
    assert began_s < stored_s
    assert studio.server.workshop.jobs["video_2"].parent == "video_1"


def test_a_chain_of_remixes_is_made_in_one_run(studio: Studio) -> None:
    chain = [a_declaration("a")]
    for name in "bcd":
        chain.append(a_declaration(name, remix_of=chain[-1]))

    run = studio.apply(*chain)

    assert run.started() == ["a", "b", "c", "d"]
    assert [job.parent for job in studio.server.workshop.jobs.values()] == [
        None,
        "video_1",
        "video_2",
        "video_3",
    ]
    assert studio.plan(*chain).is_empty


def test_a_run_tells_its_plan_first_its_end_last_and_each_action_once(studio: Studio) -> None:
    street, night = a_declaration("street"), a_declaration("night")
    rain = a_declaration("rain", remix_of=night)
    studio.server.fated("night", Fate(error=JobError(code="moderation", message="no")))

    run = studio.apply(street, night, rain)

    assert isinstance(run.events[0], PlanMade)
    assert run.ended == RunEnded(
        completed=1,
        failed=1,
        skipped=1,
        left=0,
        cost_usd=Decimal("0.80"),
        exit_code=ExitCode.FAILED,
        took_s=run.ended.took_s,
    )
    assert sum(isinstance(event, RunEnded) for event in run.events) == 1
    assert [str(a) for a in run.terminal_addresses()] == ["night", "rain", "street"]
    completed = [event for event in run.events if isinstance(event, ActionCompleted)]
    assert [(str(e.address), e.remote_id) for e in completed] == [("street", "video_2")]


def test_progress_of_a_job_never_goes_back(studio: Studio) -> None:
    run = studio.apply(a_declaration("street"))

    told = [event.percent for event in run.events if isinstance(event, JobProgress)]
    assert told == sorted(told)
    assert told[-1] == 100


def test_the_state_remembers_the_run(studio: Studio) -> None:
    studio.apply(a_declaration("street"))
    studio.server.fated("night", Fate(error=JobError(code="moderation", message="no")))
    studio.apply(a_declaration("street"), a_declaration("night"))

    assert studio.rows("SELECT exit_code FROM runs ORDER BY rowid")[-2:] == [(0,), (4,)]
