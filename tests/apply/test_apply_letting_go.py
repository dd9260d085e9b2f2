"""Jobs that are needed no more: what was paid for is stored first, then they are deleted."""

from apply.studio import Studio
from reconciler.apply.journey import Limits
from reconciler.domain.errors import ExitCode
from reconciler.domain.recorded import JobError
from simulated.faults import Instead, LostAnswer, Operation, Refused, always, times
from simulated.workshop import Fate
from worlds import a_declaration

LEAVE = Limits(wait=False)


def test_an_undeclared_video_goes_but_its_bytes_stay(studio: Studio) -> None:
    studio.apply(a_declaration("street"))
    asset = studio.current("street").assets[0]

    run = studio.apply()

    assert run.code is ExitCode.OK
    assert studio.server.workshop.deleted == {"video_1"}
    assert studio.bytes_at("videos/street.mp4") is None
    assert studio.store.is_intact(asset)
    assert studio.plan().is_empty


def test_an_undeclared_running_job_is_let_finish_stored_then_deleted(studio: Studio) -> None:
    studio.apply(a_declaration("street"), limits=LEAVE)

    run = studio.apply()

    assert run.code is ExitCode.OK
    (deleted,) = studio.server.asked(Operation.DELETE)
    (stored,) = studio.server.asked(Operation.CONTENT)
    assert stored.elapsed_s < deleted.elapsed_s
    assert studio.plan().is_empty
    assert studio.apply(a_declaration("street")).ended.cost_usd == 0
    assert len(studio.server.workshop.jobs) == 1


def test_a_replaced_running_job_is_stored_before_it_is_deleted(studio: Studio) -> None:
    studio.apply(a_declaration("street", "old"), limits=LEAVE)
    new = a_declaration("street", "new")

    run = studio.apply(new)

    assert run.code is ExitCode.OK
    assert studio.server.workshop.deleted == {"video_1"}
    assert len(studio.server.asked(Operation.CONTENT, "old")) == 1
    assert studio.bytes_at("videos/street.mp4") == studio.made("new")
    assert studio.plan(new).is_empty
    assert studio.apply(a_declaration("street", "old")).ended.cost_usd == 0


def test_a_replaced_running_job_is_stored_while_its_successor_never_ends(studio: Studio) -> None:
    studio.server.fated("new", Fate(is_stuck=True))
    studio.apply(a_declaration("street", "old"), limits=LEAVE)

    run = studio.apply(a_declaration("street", "new"), stop_at_s=100)

    assert run.code is ExitCode.INTERRUPTED
    assert len(studio.server.asked(Operation.CONTENT, "old")) == 1
    studio.clock.pass_by(studio.providers["studio"].profile.asset_lifetime_s or 0)
    assert studio.plan(a_declaration("street", "old")).cost.usd == 0


def test_a_job_that_its_server_calls_gone_is_never_deleted_there(studio: Studio) -> None:
    """The server may be wrong: then the video is still where it was."""
    street = a_declaration("street", on_lost="regenerate")
    studio.apply(street, limits=LEAVE)
    studio.server.workshop.deleted.add("video_1")
    studio.apply(street)

    run = studio.apply(street)

    assert run.code is ExitCode.OK
    assert studio.bytes_at("videos/street.mp4") == studio.made("street", nth=2)
    assert studio.server.asked(Operation.DELETE) == []


def test_what_goes_is_stored_though_its_successor_is_not_even_begun(studio: Studio) -> None:
    """Its successor derives from another video, whose job fails; meanwhile it would expire."""
    studio.apply(a_declaration("ant", "snow"), limits=LEAVE)
    studio.clock.pass_by(60)
    studio.server.fated("fox", Fate(error=JobError(code="moderation", message="no")))
    fox = a_declaration("fox")

    run = studio.apply(fox, a_declaration("ant", "snow", remix_of=fox))

    assert run.ends() == {"fox": "failed", "ant": "skipped"}
    assert len(studio.server.asked(Operation.CONTENT, "snow")) == 1
    studio.clock.pass_by(studio.providers["studio"].profile.asset_lifetime_s or 0)
    assert studio.plan(a_declaration("ant", "snow")).cost.usd == 0


def test_a_failed_job_is_let_go_without_a_video(studio: Studio) -> None:
    studio.server.fated("street", Fate(error=JobError(code="moderation", message="no")))
    studio.apply(a_declaration("street"))

    run = studio.apply()

    assert run.code is ExitCode.OK
    assert studio.plan().is_empty


def test_a_video_that_expired_undownloaded_can_still_be_let_go(studio: Studio) -> None:
    studio.apply(a_declaration("street"), limits=LEAVE)
    studio.clock.pass_by(10_000)

    run = studio.apply()

    assert run.code is ExitCode.OK
    assert studio.plan().is_empty


def test_a_delete_that_is_refused_is_told_and_tried_again(studio: Studio) -> None:
    studio.apply(a_declaration("street"))
    studio.server.rules.append(always(Refused(status=403), on=Operation.DELETE))

    run = studio.apply()

    assert run.code is ExitCode.FAILED
    assert run.failure("street").code == "rejected"
    studio.server.rules.clear()
    assert studio.apply().code is ExitCode.OK
    assert studio.server.workshop.deleted == {"video_1"}


def test_a_job_is_not_deleted_while_its_stored_bytes_are_not_whole(studio: Studio) -> None:
    studio.apply(a_declaration("street"))
    asset = studio.current("street").assets[0]
    path = studio.store.path(asset.sha256)
    path.chmod(0o644)
    path.write_bytes(bytes(asset.bytes))
    (studio.root / "videos/street.mp4").unlink()
    studio.server.rules.append(always(Instead(body=b"{}"), on=Operation.CONTENT))

    run = studio.apply()

    assert run.code is ExitCode.FAILED
    assert studio.server.workshop.deleted == set()


def test_a_stored_video_is_read_again_before_its_job_is_deleted(studio: Studio) -> None:
    """Its size is right, so a look at the disk does not tell."""
    studio.apply(a_declaration("street"))
    asset = studio.current("street").assets[0]
    path = studio.store.path(asset.sha256)
    path.chmod(0o644)
    path.write_bytes(bytes(asset.bytes))

    run = studio.apply(a_declaration("street", remote="delete_after_download"))

    assert run.code is ExitCode.FAILED
    assert "is not whole in the store" in run.failure("street").message
    assert studio.server.workshop.deleted == set()


def test_what_may_be_anothers_is_not_deleted_after_its_download(studio: Studio) -> None:
    """It was found in the list of a shared account, after an answer was lost."""
    street = a_declaration("street", remote="delete_after_download")
    studio.server.rules.append(times(1, LostAnswer(made=True), on=Operation.SUBMIT))

    run = studio.apply(street)

    assert run.code is ExitCode.OK
    assert studio.server.asked(Operation.DELETE) == []
    assert any("may be another's" in told for told in run.notices())
    assert studio.plan(street).is_empty


def test_a_server_without_delete_keeps_the_job(studio: Studio) -> None:
    studio.provider(delete=False)
    studio.apply(a_declaration("street"))

    run = studio.apply()

    assert run.code is ExitCode.OK
    assert studio.server.asked(Operation.DELETE) == []
    assert studio.plan().is_empty


def test_destroying_lets_go_of_everything(studio: Studio) -> None:
    videos = [a_declaration("street"), a_declaration("night")]
    studio.apply(*videos)

    run = studio.apply(*videos, destroy=True)

    assert run.code is ExitCode.OK
    assert studio.server.workshop.deleted == {"video_1", "video_2"}
    assert not any((studio.root / "videos").glob("*"))
    assert studio.recorded().videos == {}


def test_delete_after_download_waits_for_the_remixes(studio: Studio) -> None:
    street = a_declaration("street", remote="delete_after_download")
    rain, snow = (a_declaration(name, remix_of=street) for name in ("rain", "snow"))

    run = studio.apply(street, rain, snow)

    assert run.code is ExitCode.OK
    assert studio.server.workshop.deleted == {"video_1"}
    (deleted,) = studio.server.asked(Operation.DELETE)
    submitted = [call.elapsed_s for call in studio.server.asked(Operation.SUBMIT)]
    assert deleted.elapsed_s > max(submitted)
    assert studio.plan(street, rain, snow).is_empty


def test_delete_after_download_keeps_what_a_failed_remix_still_needs(studio: Studio) -> None:
    street = a_declaration("street", remote="delete_after_download")
    rain = a_declaration("rain", remix_of=street)
    studio.server.rules.append(times(1, Refused(), on=Operation.SUBMIT, prompt="rain"))

    first = studio.apply(street, rain)

    assert first.code is ExitCode.FAILED
    assert studio.server.workshop.deleted == set()
    second = studio.apply(street, rain)
    assert second.code is ExitCode.OK
    assert studio.server.workshop.deleted == {"video_1"}
    assert studio.plan(street, rain).is_empty


def test_a_replaced_parent_goes_though_the_remix_of_its_successor_failed(studio: Studio) -> None:
    studio.apply(a_declaration("street", "old"))
    street = a_declaration("street", "new")
    rain = a_declaration("rain", remix_of=street)
    studio.server.rules.append(times(1, Refused(), on=Operation.SUBMIT, prompt="rain"))

    run = studio.apply(street, rain)

    assert run.ends() == {"street": "completed", "rain": "failed"}
    assert studio.server.workshop.deleted == {"video_1"}


def test_a_job_that_a_remix_still_needs_is_held_on_to(studio: Studio) -> None:
    studio.provider(list="none")
    street = a_declaration("street", remote="delete_after_download")
    rain = a_declaration("rain", remix_of=street)
    studio.server.rules.append(times(1, LostAnswer(made=True), on=Operation.SUBMIT, prompt="rain"))

    run = studio.apply(street, rain)

    assert run.code is ExitCode.UNRESOLVED
    assert studio.server.workshop.deleted == set()
    assert any("not deleted yet" in told for told in run.notices())


def test_without_waiting_an_undeclared_running_job_is_left(studio: Studio) -> None:
    studio.apply(a_declaration("street"), limits=LEAVE)

    run = studio.apply(limits=LEAVE)

    assert run.ends() == {"street": "left"}
    assert run.seconds < 5
    assert studio.apply().code is ExitCode.OK


def test_a_job_that_its_server_forgot_does_not_hold_up_the_others(studio: Studio) -> None:
    street, night = a_declaration("street"), a_declaration("night")
    studio.apply(street, night, limits=LEAVE)
    (forgotten,) = (job for job in studio.server.workshop.jobs.values() if job.prompt == "street")
    studio.server.workshop.deleted.add(forgotten.remote_id)

    run = studio.apply(street, night)

    assert run.ends() == {"street": "failed", "night": "completed"}
    assert run.failure("street").code == "gone"
    assert len(studio.server.workshop.jobs) == 2
