"""What becomes of a job, and what of it is stored or found again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from reconciler.domain.errors import AlreadyBoughtError, StateError
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import Generation, GenerationId, JobError, JobStatus
from state.desk import (
    HERO,
    STREET,
    Desk,
    a_job,
    a_run,
    a_sidecar,
    an_asset,
    an_intent,
    bought,
    sent,
)

FAILED = a_job(status=JobStatus.FAILED, error=JobError(code="moderation_blocked", message="no"))


def only(desk: Desk) -> Generation:
    (generation,) = desk.read().generations.values()
    return generation


def test_a_running_job_is_recorded_as_it_was_seen(desk: Desk) -> None:
    expires = desk.now + timedelta(hours=1, microseconds=1)
    with desk.writer() as writer:
        generation = bought(writer)
        writer.saw(
            generation.id,
            a_job(status=JobStatus.IN_PROGRESS, progress=40, expires_at=expires),
        )
    assert only(desk) == replace(
        generation, status=JobStatus.IN_PROGRESS, progress=40, expires_at=expires
    )


def test_a_progress_out_of_range_is_bounded(desk: Desk) -> None:
    with desk.writer() as writer:
        generation = bought(writer)
        writer.saw(generation.id, a_job(progress=170))
        assert only(desk).progress == 100
        writer.saw(generation.id, a_job(progress=-1))
        assert only(desk).progress == 0


def test_a_completed_job_is_whole_and_has_its_time(desk: Desk) -> None:
    with desk.writer() as writer:
        generation = bought(writer)
        desk.wait(90)
        writer.saw(generation.id, a_job(status=JobStatus.COMPLETED, progress=98))
    assert only(desk).progress == 100
    assert only(desk).completed_at == desk.now


@pytest.mark.parametrize("end", [JobStatus.COMPLETED, JobStatus.FAILED])
@pytest.mark.parametrize("later", list(JobStatus))
def test_completed_and_failed_are_final(desk: Desk, end: JobStatus, later: JobStatus) -> None:
    with desk.writer() as writer:
        generation = bought(writer)
        writer.saw(generation.id, a_job(status=end))
        ended, books, states = only(desk), desk.ledger(), desk.states()
        writer.saw(generation.id, a_job(status=later, progress=3))
    assert only(desk) == ended
    assert (desk.ledger(), desk.states()) == (books, states)


def test_what_a_server_says_of_a_completed_job_later_is_kept(desk: Desk) -> None:
    expired = JobError(code="expired", message="gone")
    with desk.writer() as writer:
        generation = bought(writer)
        writer.saw(generation.id, a_job(status=JobStatus.COMPLETED, expires_at=desk.now))
        writer.saw(generation.id, a_job(status=JobStatus.FAILED, error=expired))
    assert only(desk).status is JobStatus.COMPLETED
    assert only(desk).error == expired
    assert only(desk).expires_at == desk.now


def test_a_failed_job_stays_spent_is_booked_as_waste_once_and_frees_its_recipe(desk: Desk) -> None:
    with desk.writer() as writer:
        generation = bought(writer)
        writer.saw(generation.id, FAILED)
        writer.saw(generation.id, FAILED)
        assert desk.ledger()[2:] == [("spend", 400_000), ("waste", 400_000)]
        assert only(desk).error == FAILED.error
        assert desk.read().attempts == ()
        writer.reserve(an_intent(), a_run(writer))


def test_missing_is_counted_from_its_first_time_and_forgotten_when_seen(desk: Desk) -> None:
    with desk.writer() as writer:
        generation = bought(writer)
        first = desk.now
        assert writer.saw_missing(generation.id).missing_count == 1
        desk.wait(30)
        missing = writer.saw_missing(generation.id)
        assert (missing.missing_count, missing.missing_since) == (2, first)
        writer.saw(generation.id, a_job())
        assert (only(desk).missing_count, only(desk).missing_since) == (0, None)


def test_a_deleted_job_is_on_its_server_no_more_and_still_forbids_its_recipe(desk: Desk) -> None:
    with desk.writer() as writer:
        generation = bought(writer)
        writer.deleted(generation.id)
        assert not only(desk).on_server
        with pytest.raises(AlreadyBoughtError):
            writer.reserve(an_intent(), a_run(writer))


def test_a_lost_video_may_be_bought_again(desk: Desk) -> None:
    with desk.writer() as writer:
        generation = bought(writer)
        writer.saw(generation.id, a_job(status=JobStatus.COMPLETED))
        writer.lost(generation.id)
        writer.lost(generation.id)
        assert only(desk).lost
        assert desk.states() == ["lost"]
        again = writer.acknowledged(sent(writer), a_job("video_2"))
        assert desk.read().videos[STREET].pending == again


def test_a_lost_video_that_is_found_forbids_its_recipe_again(desk: Desk) -> None:
    with desk.writer() as writer:
        generation = bought(writer)
        writer.lost(generation.id)
        writer.stored(generation.id, an_asset())
        assert not only(desk).lost
        with pytest.raises(AlreadyBoughtError):
            writer.reserve(an_intent(), a_run(writer))


def test_a_lost_video_that_is_found_after_it_was_bought_again_is_one_more(desk: Desk) -> None:
    with desk.writer() as writer:
        generation = bought(writer)
        writer.lost(generation.id)
        desk.wait(1)
        sent(writer)
        writer.stored(generation.id, an_asset())
    assert not only(desk).lost
    assert desk.states() == ["lost", "sending"]


def test_a_job_whose_video_is_stored_is_completed_whoever_saw_its_end(desk: Desk) -> None:
    with desk.writer() as writer:
        generation = bought(writer)
        writer.saw(generation.id, a_job(status=JobStatus.IN_PROGRESS))
        writer.stored(generation.id, an_asset(Variant.THUMBNAIL))
        assert only(desk).status is JobStatus.IN_PROGRESS
        writer.stored(generation.id, an_asset())
    assert (only(desk).status, only(desk).progress) == (JobStatus.COMPLETED, 100)


def test_assets_are_kept_by_variant_and_the_last_one_stored_holds(desk: Desk) -> None:
    thumbnail = an_asset(Variant.THUMBNAIL, "b")
    with desk.writer() as writer:
        generation = bought(writer)
        writer.stored(generation.id, an_asset(fill="c"))
        writer.stored(generation.id, thumbnail)
        writer.stored(generation.id, an_asset(fill="d"))
    assert set(only(desk).assets) == {thumbnail, an_asset(fill="d")}


def test_an_unknown_generation_is_refused_everywhere(desk: Desk) -> None:
    unknown = GenerationId("generation_none")
    with desk.writer() as writer:
        for call in (
            lambda: writer.saw(unknown, a_job()),
            lambda: writer.saw_missing(unknown),
            lambda: writer.deleted(unknown),
            lambda: writer.lost(unknown),
            lambda: writer.stored(unknown, an_asset()),
            lambda: writer.bind(STREET, unknown),
        ):
            with pytest.raises(StateError, match="generation_none"):
                call()


def test_a_sidecar_brings_back_recipe_job_assets_and_the_month_in_which_it_was_paid(
    desk: Desk,
) -> None:
    sidecar = a_sidecar()
    with desk.writer() as writer:
        found = writer.recover(sidecar)
    generation = only(desk)
    assert generation.id == found
    assert (generation.recipe, generation.digest) == (sidecar.recipe, sidecar.digest)
    assert (generation.origin, generation.status) == ("restored", JobStatus.COMPLETED)
    assert (generation.created_at, generation.completed_at) == (
        sidecar.created_at,
        sidecar.completed_at,
    )
    assert (generation.cost_usd, generation.assets) == (Decimal("1.2"), sidecar.assets)
    booked = int((sidecar.created_at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 10**6
    assert desk.rows("SELECT kind, amount_usd, at FROM ledger") == [("spend", 1_200_000, booked)]
    assert desk.states() == ["adopted"]


def test_a_known_generation_is_returned_with_what_the_sidecar_adds(desk: Desk) -> None:
    with desk.writer() as writer:
        generation = bought(writer, remote_id="video_1")
        books = desk.ledger()
        assert writer.recover(a_sidecar("video_1")) == generation.id
        assert writer.recover(a_sidecar("video_1")) == generation.id
    assert only(desk).assets == (an_asset(),)
    assert only(desk).origin == "bought"
    assert desk.ledger() == books


def test_the_twin_of_a_live_attempt_is_recovered_as_a_spare(desk: Desk) -> None:
    with desk.writer() as writer:
        sent(writer)
        twin = writer.recover(a_sidecar("video_twin"))
        assert desk.states() == ["sending"]
        writer.lost(twin)  # says nothing of the attempt, which is another job's
    assert desk.states() == ["sending"]
    assert desk.ledger() == [("hold", 400_000), ("spend", 1_200_000)]


def test_a_sidecar_with_another_recipe_than_its_digest_is_refused(desk: Desk) -> None:
    wrong = a_sidecar(digest=a_sidecar(prompt="a dog").digest)
    with desk.writer() as writer, pytest.raises(StateError, match="digest"):
        writer.recover(wrong)
    assert desk.read().generations == {}


def test_a_recovered_attempt_gets_the_first_address_that_holds_it(desk: Desk) -> None:
    with desk.writer() as writer:
        found = writer.recover(a_sidecar())
        assert desk.read().attempts == ()
        writer.bind(HERO, found)
        writer.bind(STREET, found)
    assert [attempt.address for attempt in desk.read().attempts] == [HERO]
