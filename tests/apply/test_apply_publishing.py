"""Published files: the old one stays until the new one is verified, and nobody's file is lost."""

import asyncio
import hashlib

import pytest

from apply.studio import Studio
from reconciler.domain.errors import ExitCode
from reconciler.domain.events import ActionCompleted, DownloadProgress, Event, JobProgress, PlanMade
from reconciler.domain.plan import ActionKind
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import JobError
from simulated.faults import Instead, Operation, Refused, always
from simulated.workshop import Fate
from worlds import a_declaration

OLD, NEW = a_declaration("street", "old"), a_declaration("street", "new")
PATH = "videos/street.mp4"


def test_the_old_video_stays_until_the_new_one_is_verified(studio: Studio) -> None:
    studio.apply(OLD)
    old = studio.made("old")
    seen: set[bytes | None] = set()

    def look(event: Event) -> None:
        if isinstance(event, JobProgress | DownloadProgress):
            seen.add(studio.bytes_at(PATH))

    run = studio.apply(NEW, on_event=look)

    assert run.plan.actions[0].kind is ActionKind.REPLACE
    assert run.code is ExitCode.OK
    assert seen == {old}
    assert studio.bytes_at(PATH) == studio.made("new")
    assert studio.plan(NEW).is_empty


def test_the_old_job_is_deleted_only_after_the_new_video_is_stored(studio: Studio) -> None:
    studio.apply(OLD)

    studio.apply(NEW)

    (deleted,) = studio.server.asked(Operation.DELETE)
    assert deleted.remote_id == "video_1"
    stored_s = max(call.elapsed_s for call in studio.server.asked(Operation.CONTENT))
    assert deleted.elapsed_s > stored_s
    assert studio.video("street").deposed == ()


@pytest.mark.parametrize("trouble", ["refused", "failed", "corrupt"])
def test_a_new_video_that_comes_to_nothing_leaves_the_old_one(studio: Studio, trouble: str) -> None:
    studio.apply(OLD)
    old = studio.bytes_at(PATH)
    match trouble:
        case "refused":
            studio.server.rules.append(always(Refused(), on=Operation.SUBMIT))
        case "failed":
            studio.server.fated("new", Fate(error=JobError(code="moderation", message="no")))
        case _:
            studio.server.rules.append(always(Instead(body=b"{}"), on=Operation.CONTENT))

    run = studio.apply(NEW)

    assert run.code is ExitCode.FAILED
    assert old is not None
    assert studio.bytes_at(PATH) == old
    assert studio.server.asked(Operation.DELETE) == []
    current = studio.current("street")
    assert current.remote_id == "video_1"


def test_going_back_to_an_old_prompt_costs_nothing(studio: Studio) -> None:
    studio.apply(OLD)
    studio.apply(NEW)

    run = studio.apply(OLD)

    assert run.code is ExitCode.OK
    assert run.ended.cost_usd == 0
    assert len(studio.server.workshop.jobs) == 2
    assert studio.bytes_at(PATH) == studio.made("old")
    assert studio.plan(OLD).is_empty


def test_what_only_the_store_remembers_is_restored(studio: Studio) -> None:
    studio.apply(OLD)
    for file in (studio.root / "state").glob("sorafile.db*"):
        file.unlink()
    (studio.root / PATH).unlink()

    run = studio.apply(OLD)

    assert run.code is ExitCode.OK
    assert run.plan.actions[0].kind is ActionKind.RESTORE
    assert len(studio.server.workshop.jobs) == 1
    assert studio.bytes_at(PATH) == studio.made("old")


def test_a_file_that_came_in_the_way_is_untouched_and_the_video_is_safe(studio: Studio) -> None:
    def occupy(event: Event) -> None:
        if isinstance(event, JobProgress):
            (studio.root / "videos").mkdir(exist_ok=True)
            (studio.root / PATH).write_text("mine")

    run = studio.apply(OLD, on_event=occupy)

    assert run.code is ExitCode.FAILED
    assert run.failure("street").code == "file_in_the_way"
    assert studio.bytes_at(PATH) == b"mine"
    (studio.root / PATH).unlink()
    again = studio.apply(OLD)
    assert again.code is ExitCode.OK
    assert studio.bytes_at(PATH) == studio.made("old")
    assert len(studio.server.asked(Operation.CONTENT)) == 1


def test_an_altered_file_is_kept_beside(studio: Studio) -> None:
    studio.apply(OLD)
    (studio.root / PATH).write_text("cut by hand")

    run = studio.apply(OLD)

    assert run.code is ExitCode.OK
    assert studio.bytes_at(PATH) == studio.made("old")
    assert studio.bytes_at(beside("cut by hand")) == b"cut by hand"
    assert any("was altered" in told for told in run.notices())


def test_an_altered_file_is_kept_beside_when_its_video_goes(studio: Studio) -> None:
    studio.apply(OLD)
    (studio.root / PATH).write_text("cut by hand")

    run = studio.apply()

    assert run.code is ExitCode.OK
    assert studio.bytes_at(PATH) is None
    assert studio.bytes_at(beside("cut by hand")) == b"cut by hand"


def beside(text: str) -> str:
    sha8 = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"videos/street.local-{sha8}.mp4"


def test_a_missing_file_comes_back_from_the_store(studio: Studio) -> None:
    studio.apply(OLD)
    asked = len(studio.server.calls)
    (studio.root / PATH).unlink()

    run = studio.apply(OLD)

    assert run.code is ExitCode.OK
    assert studio.bytes_at(PATH) == studio.made("old")
    assert len(studio.server.calls) == asked


def test_a_lost_store_is_filled_again_from_the_published_file(studio: Studio) -> None:
    studio.apply(OLD)
    studio.store.path(studio.current("street").assets[0].sha256).unlink()

    run = studio.apply(OLD)

    assert run.code is ExitCode.OK
    assert studio.store.is_intact(studio.current("street").assets[0])


def test_the_last_copy_of_a_video_outlives_its_replacement(studio: Studio) -> None:
    studio.apply(OLD)
    asset = studio.current("street").assets[0]
    studio.store.path(asset.sha256).unlink()

    run = studio.apply(NEW)

    assert run.code is ExitCode.OK
    assert studio.store.is_intact(asset)
    assert studio.bytes_at(PATH) == studio.made("new")


def test_the_last_copy_of_a_video_outlives_its_deletion(studio: Studio) -> None:
    studio.apply(OLD)
    asset = studio.current("street").assets[0]
    studio.store.path(asset.sha256).unlink()

    run = studio.apply()

    assert run.code is ExitCode.OK
    assert studio.store.is_intact(asset)
    assert studio.bytes_at(PATH) is None


def test_a_renamed_video_takes_its_files_along(studio: Studio) -> None:
    studio.apply(a_declaration("street", "old"))
    asked = len(studio.server.calls)
    road = a_declaration("road", "old")

    run = studio.apply(road)

    assert run.plan.actions[0].kind is ActionKind.MOVE
    assert run.code is ExitCode.OK
    assert len(studio.server.calls) == asked
    assert studio.bytes_at(PATH) is None
    assert studio.bytes_at("videos/road.mp4") == studio.made("old")
    assert studio.plan(road).is_empty


def test_another_output_moves_the_file(studio: Studio) -> None:
    studio.apply(OLD)
    elsewhere = a_declaration("street", "old", outputs={"video": "out/street.mp4"})

    run = studio.apply(elsewhere)

    assert run.code is ExitCode.OK
    assert studio.bytes_at(PATH) is None
    assert studio.bytes_at("out/street.mp4") == studio.made("old")
    assert studio.plan(elsewhere).is_empty


def test_two_videos_may_swap_their_files(studio: Studio) -> None:
    one, two = a_declaration("one"), a_declaration("two")
    studio.apply(one, two)
    swapped = [
        a_declaration("one", outputs={"video": "videos/two.mp4"}),
        a_declaration("two", outputs={"video": "videos/one.mp4"}),
    ]

    run = studio.apply(*swapped)

    assert run.code is ExitCode.OK
    assert studio.bytes_at("videos/two.mp4") == studio.made("one")
    assert studio.bytes_at("videos/one.mp4") == studio.made("two")
    assert studio.plan(*swapped).is_empty


def test_a_path_that_another_video_takes_over_is_not_moved_away(studio: Studio) -> None:
    going = a_declaration("going", "old", outputs={"video": "videos/hero.mp4"})
    studio.apply(going, a_declaration("hero", "other", outputs={"video": "videos/a.mp4"}))
    hero = a_declaration("hero", "other", outputs={"video": "videos/hero.mp4"})
    moved = a_declaration("moved", "old", outputs={"video": "videos/moved.mp4"})

    run = studio.apply(hero, moved)

    assert run.code is ExitCode.OK
    assert studio.bytes_at("videos/hero.mp4") == studio.made("other")
    assert studio.bytes_at("videos/moved.mp4") == studio.made("old")
    assert studio.plan(hero, moved).is_empty


def test_the_last_copy_of_a_video_outlives_another_that_takes_its_path(studio: Studio) -> None:
    one, two = a_declaration("one"), a_declaration("two")
    studio.apply(one, two)
    asset = studio.current("two").assets[0]
    studio.store.path(asset.sha256).unlink()

    studio.apply(a_declaration("one", outputs={"video": "videos/two.mp4"}))

    assert studio.bytes_at("videos/two.mp4") == studio.made("one")
    assert studio.store.is_intact(asset)


def test_many_files_leave_the_loop_its_turns_in_between(studio: Studio) -> None:
    videos = [a_declaration(f"v{index}") for index in range(8)]
    studio.provider(max_in_flight=8)
    studio.apply(*videos)
    for video in videos:
        (studio.root / video.outputs[Variant.VIDEO]).unlink()
    turns = 0
    ended: list[int] = []

    def turn() -> None:
        nonlocal turns
        turns += 1
        if len(ended) < len(videos):
            asyncio.get_running_loop().call_soon(turn)

    def listen(event: Event) -> None:
        if isinstance(event, PlanMade):
            turn()
        if isinstance(event, ActionCompleted):
            ended.append(turns)

    studio.apply(*videos, on_event=listen)

    assert len(set(ended)) == len(videos)


def test_equal_recipes_share_one_purchase_and_one_download(studio: Studio) -> None:
    one, two = a_declaration("one", "same"), a_declaration("two", "same")
    three = a_declaration("three", "same")

    run = studio.apply(one, two, three)

    assert run.code is ExitCode.OK
    assert len(studio.server.workshop.jobs) == 1
    assert len(studio.server.asked(Operation.CONTENT)) == 1
    for name in ("one", "two", "three"):
        assert studio.bytes_at(f"videos/{name}.mp4") == studio.made("same")
    assert studio.plan(one, two, three).is_empty


def test_a_shared_video_that_cannot_be_stored_fails_for_all(studio: Studio) -> None:
    studio.server.rules.append(always(Instead(body=b"{}"), on=Operation.CONTENT))

    run = studio.apply(a_declaration("one", "same"), a_declaration("two", "same"))

    assert run.ends() == {"one": "failed", "two": "failed"}
    assert run.code is ExitCode.FAILED
