"""Edits and extensions: how they are asked for, and what becomes of a parent's stored video."""

from dataclasses import replace

import pytest

from apply.studio import Studio
from reconciler.domain.errors import ExitCode
from reconciler.domain.observed import ObservedJob
from reconciler.domain.ports import (
    EditRequest,
    EditUploadRequest,
    ExtendRequest,
    RemixRequest,
)
from simulated.faults import LostAnswer, Operation, times
from simulated.server import SimulatedServer
from worlds import a_declaration

STREET = a_declaration("street", "a street")
RAIN = a_declaration("rain", "with rain", edit_of=STREET)
ON = a_declaration("tram", "a tram comes", extends=STREET, seconds=8)
LATER = a_declaration("later", "it stops", extends=ON, seconds=20)


@pytest.fixture(autouse=True)
def _able(studio: Studio) -> None:
    studio.provider(edit=True, edit_upload=True, extend=True)


def request_of(studio: Studio, address: str) -> object:
    return studio.server.workshop.jobs[studio.current(address).remote_id].request


def lose_the_job_of(studio: Studio, address: str) -> None:
    studio.server.workshop.deleted.add(studio.current(address).remote_id)


def test_they_are_made_of_their_parents_jobs(studio: Studio) -> None:
    run = studio.apply(STREET, RAIN, ON, LATER)
    assert run.code is ExitCode.OK
    street, tram = studio.current("street").remote_id, studio.current("tram").remote_id
    assert request_of(studio, "rain") == EditRequest(parent=street, prompt="with rain")
    assert request_of(studio, "tram") == ExtendRequest(
        parent=street, prompt="a tram comes", seconds=8
    )
    assert request_of(studio, "later") == ExtendRequest(parent=tram, prompt="it stops", seconds=20)
    assert studio.bytes_at("videos/later.mp4") == studio.made("it stops")
    assert run.notices() == []  # the whole video is as long as was expected
    assert studio.server.workshop.billed_usd == run.plan.cost.usd == run.ended.cost_usd
    assert studio.plan(STREET, RAIN, ON, LATER).is_empty


def test_an_edit_stands_for_a_remix_where_there_are_no_others(studio: Studio) -> None:
    remix = a_declaration("rain", "with rain", remix_of=STREET)
    studio.provider(edit=True, remix=False)
    assert studio.apply(STREET, remix).code is ExitCode.OK
    assert isinstance(request_of(studio, "rain"), EditRequest)
    studio.provider()
    assert studio.plan(STREET, remix).is_empty  # its recipe is a remix's
    studio.apply(STREET, remix, again=("rain",))
    assert isinstance(request_of(studio, "rain"), RemixRequest)


def test_a_stored_video_is_sent_along_where_its_job_is_gone(studio: Studio) -> None:
    studio.apply(STREET)
    lose_the_job_of(studio, "street")
    run = studio.apply(STREET, RAIN)
    assert run.code is ExitCode.OK
    assert request_of(studio, "rain") == EditUploadRequest(
        prompt="with rain", model="sora-2", video=studio.bytes_at("videos/street.mp4") or b""
    )
    assert studio.plan(STREET, RAIN).is_empty


def test_one_that_the_store_has_lost_is_taken_back_first(studio: Studio) -> None:
    studio.apply(STREET)
    lose_the_job_of(studio, "street")
    (asset,) = studio.current("street").assets
    studio.store.path(asset.sha256).unlink()
    assert studio.apply(STREET, RAIN).code is ExitCode.OK
    assert isinstance(request_of(studio, "rain"), EditUploadRequest)


def test_nothing_is_bought_with_a_damaged_video(studio: Studio) -> None:
    studio.apply(STREET)
    lose_the_job_of(studio, "street")
    (asset,) = studio.current("street").assets
    stored = studio.store.path(asset.sha256)
    stored.chmod(0o600)
    stored.write_bytes(b"x" * asset.bytes)
    run = studio.apply(STREET, RAIN)
    assert run.code is ExitCode.FAILED
    assert "is damaged" in run.failure("rain").message
    assert [prompt for prompt, _ in studio.attempts()] == ["a street"]
    assert len(studio.server.workshop.jobs) == 1


@pytest.mark.parametrize("derived", [RAIN, ON])
def test_an_answer_that_was_lost_is_found_where_the_parent_is_told(
    studio: Studio, derived: object
) -> None:
    studio.apply(STREET)
    studio.server.rules.append(times(1, LostAnswer(made=True), on=Operation.SUBMIT))
    assert studio.apply(STREET, derived).code is ExitCode.OK  # type: ignore[arg-type]
    assert len(studio.server.workshop.jobs) == 2


def test_an_upload_whose_answer_was_lost_is_found(studio: Studio) -> None:
    studio.apply(STREET)
    lose_the_job_of(studio, "street")
    studio.server.rules.append(times(1, LostAnswer(made=True), on=Operation.SUBMIT))
    assert studio.apply(STREET, RAIN).code is ExitCode.OK
    assert len(studio.server.workshop.jobs) == 2


def without_parents(job: ObservedJob) -> ObservedJob:
    return replace(job, remixed_from=None)


def test_where_the_parent_is_not_told_nobody_can_tell(studio: Studio) -> None:
    studio.servers["studio"] = SimulatedServer(studio.clock, wording=without_parents)
    studio.apply(STREET)
    studio.server.rules.append(times(1, LostAnswer(made=True), on=Operation.SUBMIT))
    run = studio.apply(STREET, RAIN)
    assert run.code is ExitCode.UNRESOLVED
    assert len(studio.server.workshop.jobs) == 2  # and nothing is bought again by itself


def test_what_may_be_taken_for_an_edit_waits_until_that_is_told(studio: Studio) -> None:
    """An edit may not tell its parent: then it looks as a video of its own words does."""
    studio.servers["studio"] = SimulatedServer(studio.clock, wording=without_parents)
    alone = a_declaration("alone", "with rain")
    studio.apply(STREET)
    studio.server.rules.append(times(1, LostAnswer(made=True), on=Operation.SUBMIT))
    assert studio.apply(STREET, RAIN).code is ExitCode.UNRESOLVED
    run = studio.apply(STREET, RAIN, alone)
    assert run.failure("alone").code == "indistinct"
    assert len(studio.server.workshop.jobs) == 2


def test_a_parent_is_deleted_once_all_that_derives_from_it_is_begun(studio: Studio) -> None:
    street = a_declaration("street", "a street", remote="delete_after_download")
    rain = a_declaration("rain", "with rain", edit_of=street)
    on = a_declaration("tram", "a tram comes", extends=street)
    run = studio.apply(street, rain, on)
    assert run.code is ExitCode.OK
    assert studio.current("street").remote_id in studio.server.workshop.deleted
    assert studio.plan(street, rain, on).is_empty


def test_takes_of_an_edit_are_bought_each(studio: Studio) -> None:
    takes = [
        a_declaration(f"rain[{take}]", "with rain", edit_of=STREET, take=take) for take in (1, 2)
    ]
    assert studio.apply(STREET, *takes).code is ExitCode.OK
    assert len(studio.server.asked(Operation.SUBMIT, "with rain")) == 2
    assert studio.plan(STREET, *takes).is_empty


def test_the_database_is_not_needed_to_know_them(studio: Studio) -> None:
    studio.apply(STREET, RAIN, ON)
    studio.lose_database()
    assert studio.apply(STREET, RAIN, ON).plan.cost.usd == 0
    assert len(studio.server.workshop.jobs) == 3
    assert studio.plan(STREET, RAIN, ON).is_empty
