"""A stored asset of the right length and with other bytes: mended where it can be, never shown."""

import pytest

from apply.studio import Studio
from reconciler.domain.errors import ExitCode
from reconciler.domain.plan import ActionKind, Reason
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import Asset
from simulated.faults import Away, Instead, Missing, Operation, always
from worlds import a_declaration

OLD, NEW = a_declaration("street", "old"), a_declaration("street", "new")
PATH = "videos/street.mp4"


def damage(studio: Studio, asset: Asset) -> bytes:
    """Other bytes of the same length, with the same length of life."""
    path = studio.store.path(asset.sha256)
    rotten = path.read_bytes()[:-8] + b"rotten!!"
    path.chmod(0o644)
    path.write_bytes(rotten)
    assert studio.store.is_whole(asset)
    assert not studio.store.is_intact(asset)
    return rotten


def video(studio: Studio, address: str = "street") -> Asset:
    found = studio.current(address).asset(Variant.VIDEO)
    assert found is not None
    return found


@pytest.fixture
def rotten(studio: Studio) -> Studio:
    """A published video whose stored bytes were damaged since."""
    studio.apply(OLD)
    damage(studio, video(studio))
    return studio


def test_nothing_is_seen_of_it_without_reading_every_byte(rotten: Studio) -> None:
    assert rotten.plan(OLD).is_empty
    rotten.every_byte = True
    (action,) = rotten.plan(OLD).actions
    assert (action.kind, action.reason) == (ActionKind.UPDATE, Reason.STORE_LOST)


def test_it_is_taken_back_from_the_published_file(rotten: Studio) -> None:
    rotten.every_byte = True
    asked = len(rotten.server.calls)
    assert rotten.apply(OLD).code is ExitCode.OK
    assert rotten.store.is_intact(video(rotten))
    assert rotten.plan(OLD).is_empty
    assert len(rotten.server.calls) == asked


def test_it_is_downloaded_again_where_nothing_is_published(rotten: Studio) -> None:
    rotten.every_byte = True
    (rotten.root / PATH).unlink()
    run = rotten.apply(OLD)
    assert run.plan.actions[0].kind is ActionKind.DOWNLOAD
    assert run.code is ExitCode.OK
    assert run.ended.cost_usd == 0
    assert rotten.bytes_at(PATH) == rotten.made("old")
    assert rotten.store.is_intact(video(rotten))
    assert rotten.plan(OLD).is_empty


def test_it_is_downloaded_again_where_the_published_file_is_damaged_too(rotten: Studio) -> None:
    rotten.every_byte = True
    (rotten.root / PATH).write_bytes(b"cut by hand")
    assert rotten.apply(OLD).code is ExitCode.OK
    assert rotten.bytes_at(PATH) == rotten.made("old")


def test_it_is_lost_where_nobody_has_it_any_more(rotten: Studio) -> None:
    rotten.every_byte = True
    (rotten.root / PATH).unlink()
    rotten.server.rules.append(always(Missing(expired=True), on=Operation.CONTENT))
    assert rotten.apply(OLD).code is ExitCode.FAILED
    (action,) = rotten.plan(OLD).actions
    assert (action.kind, action.reason) == (ActionKind.BLOCKED, Reason.VIDEO_LOST)
    assert rotten.bytes_at(PATH) is None
    assert len(rotten.server.workshop.jobs) == 1


def test_it_is_never_published(rotten: Studio) -> None:
    (rotten.root / PATH).unlink()
    run = rotten.apply(OLD)  # without reading every byte, the plan believes the store
    assert run.plan.actions[0].kind is ActionKind.PUBLISH
    assert run.code is ExitCode.FAILED
    failure = run.failure("street")
    assert "damaged" in failure.message
    assert "--verify" in str(failure.fix)
    assert rotten.bytes_at(PATH) is None
    rotten.every_byte = True
    assert rotten.apply(OLD).code is ExitCode.OK
    assert rotten.bytes_at(PATH) == rotten.made("old")


def test_it_does_not_take_the_place_of_a_published_file(studio: Studio) -> None:
    studio.apply(OLD)
    damage(studio, video(studio))
    studio.apply(NEW)
    new = studio.bytes_at(PATH)
    damage(
        studio,
        next(
            one for one in studio.recorded().generations.values() if one.recipe.prompt == "old"
        ).assets[0],
    )
    studio.server.rules.append(always(Away(), on=Operation.CONTENT))
    assert studio.apply(OLD).code is ExitCode.UNREACHABLE
    assert new is not None
    assert studio.bytes_at(PATH) == new


def test_a_revert_to_it_downloads_it_again(studio: Studio) -> None:
    keep = a_declaration("street", "old", remote="never")
    studio.apply(keep)
    old = video(studio)
    studio.apply(a_declaration("street", "new", remote="never"))
    damage(studio, old)
    run = studio.apply(keep)
    assert run.plan.actions[0].kind is ActionKind.RESTORE
    assert run.code is ExitCode.OK
    assert studio.bytes_at(PATH) == studio.made("old")
    assert len(studio.server.workshop.jobs) == 2


def test_the_published_file_is_the_last_copy_when_it_is_replaced(rotten: Studio) -> None:
    old = video(rotten)
    assert rotten.apply(NEW).code is ExitCode.OK
    assert rotten.store.is_intact(old)
    assert rotten.server.workshop.deleted == {"video_1"}


def test_the_published_file_is_the_last_copy_when_its_video_goes(rotten: Studio) -> None:
    old = video(rotten)
    assert rotten.apply().code is ExitCode.OK
    assert rotten.store.is_intact(old)
    assert rotten.server.workshop.deleted == {"video_1"}


@pytest.mark.parametrize("later", [(), (NEW,)])
def test_its_job_is_asked_for_it_before_it_is_deleted(
    rotten: Studio, later: tuple[object, ...]
) -> None:
    old = video(rotten)
    (rotten.root / PATH).write_bytes(b"cut by hand")
    assert rotten.apply(*later).code is ExitCode.OK  # type: ignore[arg-type]
    assert rotten.store.is_intact(old)
    assert rotten.server.workshop.deleted == {"video_1"}


def test_its_job_stays_while_nobody_else_has_it(rotten: Studio) -> None:
    (rotten.root / PATH).unlink()
    rotten.server.rules.append(always(Instead(body=b"{}"), on=Operation.CONTENT))
    assert rotten.apply().code is ExitCode.FAILED
    assert rotten.server.workshop.deleted == set()


def test_a_job_to_be_deleted_after_download_stays_while_its_bytes_are_damaged(
    rotten: Studio,
) -> None:
    gone = a_declaration("street", "old", remote="delete_after_download")
    run = rotten.apply(gone)
    assert run.code is ExitCode.FAILED
    assert "--verify" in str(run.failure("street").fix)
    assert rotten.server.workshop.deleted == set()
    rotten.every_byte = True
    assert rotten.apply(gone).code is ExitCode.OK
    assert rotten.server.workshop.deleted == {"video_1"}


def test_another_addresss_file_rescues_it_where_its_server_has_it_no_more(rotten: Studio) -> None:
    rotten.server.rules.append(always(Missing(expired=True), on=Operation.CONTENT))
    twin = a_declaration("twin", "old")
    run = rotten.apply(OLD, twin)
    assert run.code is ExitCode.OK
    assert rotten.bytes_at("videos/twin.mp4") == rotten.made("old")
    assert rotten.store.is_intact(video(rotten))
    assert not rotten.current("street").lost
    assert rotten.plan(OLD, twin).is_empty


def test_no_picture_is_made_of_it(rotten: Studio) -> None:
    with_picture = a_declaration("street", "old", variants=["video", "thumbnail"])
    rotten.server.workshop.alter("video_1", expires_at=rotten.clock.now())
    rotten.write("UPDATE generations SET expires_at = completed_at")
    run = rotten.apply(with_picture)
    assert run.code is ExitCode.FAILED
    assert "damaged" in run.failure("street").message
    assert rotten.bytes_at("videos/street.webp") is None


def test_a_damaged_picture_is_got_again_or_made_anew(studio: Studio) -> None:
    with_picture = a_declaration("street", "old", variants=["video", "thumbnail"])
    studio.apply(with_picture)
    picture = studio.current("street").asset(Variant.THUMBNAIL)
    assert picture is not None
    studio.every_byte = True
    for on_server in (True, False):
        damage(studio, picture)
        (studio.root / "videos/street.webp").unlink()
        if not on_server:
            studio.server.rules.append(always(Missing(), on=Operation.CONTENT))
        assert studio.apply(with_picture).code is ExitCode.OK
        picture = studio.current("street").asset(Variant.THUMBNAIL)
        assert picture is not None
        assert studio.store.is_intact(picture)
        assert studio.bytes_at("videos/street.webp") is not None


def lose_the_database(studio: Studio) -> None:
    for file in (studio.root / "state").glob("sorafile.db*"):
        file.unlink()


@pytest.mark.parametrize("every_byte", [False, True])
def test_with_the_database_lost_too_it_is_downloaded_again(
    rotten: Studio, *, every_byte: bool
) -> None:
    lose_the_database(rotten)
    (rotten.root / PATH).unlink()
    rotten.every_byte = every_byte
    run = rotten.apply(OLD)
    assert run.plan.actions[0].kind is (ActionKind.DOWNLOAD if every_byte else ActionKind.RESTORE)
    assert run.code is ExitCode.OK
    assert run.ended.cost_usd == 0
    assert rotten.bytes_at(PATH) == rotten.made("old")
    assert len(rotten.server.workshop.jobs) == 1


def test_with_the_database_lost_too_it_is_taken_back_from_the_published_file(
    rotten: Studio,
) -> None:
    lose_the_database(rotten)
    rotten.every_byte = True
    asked = len(rotten.server.calls)
    assert rotten.apply(OLD).code is ExitCode.OK
    assert rotten.store.is_intact(video(rotten))
    assert rotten.plan(OLD).is_empty
    assert len(rotten.server.asked(Operation.CONTENT)) == 1
    assert asked <= len(rotten.server.calls)


def test_a_lost_database_and_a_lost_store_buy_nothing_while_sidecars_tell(studio: Studio) -> None:
    studio.apply(OLD)
    studio.store.path(video(studio).sha256).unlink()
    (studio.root / PATH).unlink()
    lose_the_database(studio)
    run = studio.apply(OLD)
    assert run.code is ExitCode.OK
    assert run.ended.cost_usd == 0
    assert len(studio.server.workshop.jobs) == 1
    assert studio.bytes_at(PATH) == studio.made("old")


def test_a_lost_database_and_a_damaged_sidecar_buy_nothing_unasked(studio: Studio) -> None:
    studio.apply(OLD)
    lose_the_database(studio)
    (sidecar,) = studio.root.glob("state/assets/recipes/*/*.json")
    sidecar.chmod(0o644)
    sidecar.write_bytes(b"{")
    (studio.root / PATH).unlink()
    (action,) = studio.plan(OLD).actions
    assert (action.kind, action.reason) == (ActionKind.BLOCKED, Reason.SIDECAR_DAMAGED)
    assert str(sidecar) in action.because
    studio.apply(OLD)
    assert len(studio.server.workshop.jobs) == 1
    sidecar.rename(sidecar.with_suffix(".away"))
    (action,) = studio.plan(OLD).actions
    assert action.kind is ActionKind.CREATE
