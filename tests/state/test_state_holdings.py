"""What an address holds: pending, current, deposed, published, settings."""

from dataclasses import replace

import pytest

from reconciler.domain.address import Address
from reconciler.domain.desired import DEFAULT_LIFECYCLE, Lifecycle
from reconciler.domain.errors import StateError
from reconciler.domain.ports import StateWriter
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import Generation, Recorded
from state.desk import (
    HERO,
    STREET,
    Desk,
    a_begun_file,
    a_file,
    a_job,
    a_sidecar,
    an_intent,
    bought,
    sent,
)

CAREFUL = Lifecycle(protect=True, on_lost="regenerate", remote="never")


def held(desk: Desk, address: Address = STREET) -> tuple[str | None, str | None, list[str]]:
    """Current, pending and deposed, by their remote ids."""
    video = desk.read().videos[address]
    current, pending = (made.remote_id if made else None for made in (video.current, video.pending))
    return current, pending, [made.remote_id for made in video.deposed]


def two(writer: StateWriter) -> tuple[Generation, Generation]:
    return (
        bought(writer, prompt="one", remote_id="video_1"),
        bought(writer, prompt="two", remote_id="video_2"),
    )


def test_a_new_pending_deposes_the_former_one(desk: Desk) -> None:
    with desk.writer() as writer:
        two(writer)
    assert held(desk) == (None, "video_2", ["video_1"])


def test_promoting_makes_pending_current_and_deposes_the_old_one(desk: Desk) -> None:
    with desk.writer() as writer:
        bought(writer, prompt="one", remote_id="video_1")
        writer.promote(STREET, DEFAULT_LIFECYCLE, ())
        assert held(desk) == ("video_1", None, [])
        bought(writer, prompt="two", remote_id="video_2")
        assert held(desk) == ("video_1", "video_2", [])
        writer.promote(STREET, CAREFUL, ("launch", "b"))
    assert held(desk) == ("video_2", None, ["video_1"])
    assert desk.read().videos[STREET].lifecycle == CAREFUL
    assert desk.read().videos[STREET].tags == ("launch", "b")


def test_promoting_without_a_pending_one_records_the_settings_only(desk: Desk) -> None:
    with desk.writer() as writer:
        bought(writer)
        writer.promote(STREET, DEFAULT_LIFECYCLE, ())
        writer.promote(STREET, CAREFUL, ("x",))
        writer.promote(STREET, CAREFUL, ("x",))
    assert held(desk) == ("video_1", None, [])
    assert desk.read().videos[STREET].lifecycle == CAREFUL


def test_a_lifecycle_that_does_not_speak_of_protection_leaves_it(desk: Desk) -> None:
    with desk.writer() as writer:
        bought(writer)
        writer.promote(STREET, CAREFUL, ())
        writer.promote(STREET, Lifecycle(protect=None), ())
        assert desk.read().videos[STREET].lifecycle.protect is True
        writer.promote(STREET, Lifecycle(protect=False), ())
    assert desk.read().videos[STREET].lifecycle == Lifecycle(protect=False)


def test_going_back_takes_the_old_one_out_of_the_deposed(desk: Desk) -> None:
    with desk.writer() as writer:
        one, _ = two(writer)
        writer.promote(STREET, DEFAULT_LIFECYCLE, ())
        writer.bind(STREET, one.id)
        assert held(desk) == ("video_2", "video_1", [])
        writer.promote(STREET, DEFAULT_LIFECYCLE, ())
    assert held(desk) == ("video_1", None, ["video_2"])


def test_binding_the_current_one_deposes_nothing(desk: Desk) -> None:
    with desk.writer() as writer:
        one = bought(writer)
        writer.promote(STREET, DEFAULT_LIFECYCLE, ())
        writer.bind(STREET, one.id)
        writer.bind(STREET, one.id)
        writer.promote(STREET, DEFAULT_LIFECYCLE, ())
    assert held(desk) == ("video_1", None, [])


def test_two_addresses_may_hold_one_generation(desk: Desk) -> None:
    with desk.writer() as writer:
        one = bought(writer)
        writer.bind(HERO, one.id)
    assert desk.read().videos[HERO].pending == desk.read().videos[STREET].pending


def test_promoting_what_is_not_recorded_is_refused(desk: Desk) -> None:
    with desk.writer() as writer, pytest.raises(StateError, match="hero"):
        writer.promote(HERO, DEFAULT_LIFECYCLE, ())


def test_a_retired_generation_leaves_the_address_and_stays_in_history(desk: Desk) -> None:
    with desk.writer() as writer:
        one, two_ = two(writer)
        writer.retired(STREET, one.id)
        assert held(desk) == (None, "video_2", [])
        writer.retired(STREET, two_.id)
        writer.retired(STREET, two_.id)
    assert held(desk) == (None, None, [])
    assert len(desk.read().generations) == 2


def test_a_retired_current_one_leaves_too(desk: Desk) -> None:
    with desk.writer() as writer:
        one = bought(writer)
        writer.promote(STREET, DEFAULT_LIFECYCLE, ())
        writer.retired(STREET, one.id)
    assert held(desk) == (None, None, [])


def test_a_published_file_is_recorded_with_its_stat(desk: Desk) -> None:
    with desk.writer() as writer:
        bought(writer)
        writer.published(STREET, a_file())
        writer.published(STREET, a_file("videos/street.webp", Variant.THUMBNAIL))
        writer.published(STREET, a_file())
    assert desk.read().videos[STREET].published == (
        a_file(),
        a_file("videos/street.webp", Variant.THUMBNAIL),
    )


def test_a_path_belongs_to_the_last_one_that_published_there(desk: Desk) -> None:
    with desk.writer() as writer:
        one = bought(writer)
        writer.bind(HERO, one.id)
        writer.published(STREET, a_file())
        writer.published(HERO, a_file())
        writer.unpublished(STREET, a_file().path)
    assert desk.read().videos[STREET].published == ()
    assert desk.read().videos[HERO].published == (a_file(),)


def test_a_variant_has_one_path(desk: Desk) -> None:
    with desk.writer() as writer:
        bought(writer)
        writer.published(STREET, a_file())
        writer.published(STREET, a_file("out/street.mp4"))
    assert desk.read().videos[STREET].published == (a_file("out/street.mp4"),)


def test_what_is_begun_for_a_path_is_known_until_it_is_published_or_given_up(desk: Desk) -> None:
    first, second = a_begun_file("videos/1.mp4"), a_begun_file("videos/2.mp4")
    with desk.writer() as writer, desk.writer("draft") as other:
        two(writer)
        writer.publishing(second)
        writer.publishing(first)
        writer.publishing(first)
        other.publishing(replace(first, address=HERO))
        assert desk.read().begun == (first, second)
        writer.published(STREET, a_file(first.path))
        assert desk.read().begun == (second,)
        writer.not_published(second.path)
        assert desk.read().begun == ()
        assert desk.read("draft").begun == (replace(first, address=HERO),)


def test_what_is_begun_goes_along_with_its_address(desk: Desk) -> None:
    with desk.writer() as writer:
        two(writer)
        writer.publishing(a_begun_file())
        writer.rename(STREET, HERO)
    assert desk.read().begun == (a_begun_file(address=HERO),)


def test_an_unpublished_file_is_sorafiles_no_more(desk: Desk) -> None:
    with desk.writer() as writer:
        bought(writer)
        writer.published(STREET, a_file())
        writer.unpublished(STREET, a_file().path)
        writer.unpublished(STREET, a_file().path)
    assert desk.read().videos[STREET].published == ()


def test_publishing_for_an_address_that_holds_nothing_is_refused(desk: Desk) -> None:
    with desk.writer() as writer, pytest.raises(StateError):
        writer.published(HERO, a_file())


def test_the_same_path_in_two_workspaces_is_two_files(desk: Desk) -> None:
    with desk.writer() as writer, desk.writer("draft") as other:
        one = bought(writer)
        other.bind(STREET, one.id)
        writer.published(STREET, a_file())
        other.published(STREET, a_file())
    assert desk.read().videos[STREET].published == (a_file(),)
    assert desk.read("draft").videos[STREET].published == (a_file(),)


def test_renaming_takes_everything_along(desk: Desk) -> None:
    target = Address("city", ("Tokyo", "dawn"))
    with desk.writer() as writer:
        two(writer)
        writer.promote(STREET, CAREFUL, ("x",))
        bought(writer, prompt="three", remote_id="video_3")
        writer.published(STREET, a_file())
        attempt = sent(writer, an_intent(prompt="four"))
        before = desk.read().videos[STREET]
        writer.rename(STREET, target)
        after = desk.read().videos
        assert list(after) == [target]
        assert after[target] == Recorded(
            address=target,
            current=before.current,
            pending=before.pending,
            deposed=before.deposed,
            published=before.published,
            lifecycle=CAREFUL,
            tags=("x",),
        )
        assert {found.address for found in desk.read().attempts} == {target}
        writer.acknowledged(attempt, a_job("video_4"))
    assert held(desk, target)[1] == "video_4"


def test_renaming_onto_what_holds_something_is_refused_and_moves_nothing(desk: Desk) -> None:
    with desk.writer() as writer:
        one = bought(writer)
        writer.bind(HERO, one.id)
        before = desk.everything()
        with pytest.raises(StateError):
            writer.rename(STREET, HERO)
        assert desk.everything() == before


def test_renaming_onto_an_empty_record_replaces_it(desk: Desk) -> None:
    with desk.writer() as writer:
        one = bought(writer)
        writer.bind(HERO, one.id)
        writer.retired(HERO, one.id)
        writer.rename(STREET, HERO)
    assert list(desk.read().videos) == [HERO]
    assert held(desk, HERO)[1] == "video_1"


@pytest.mark.parametrize(
    "moves",
    [
        {"a": "b", "b": "a"},
        {"a": "b", "b": "c", "c": "a"},
        {"a": "b", "b": "c", "c": "new"},
        {"c": "new", "b": "c", "a": "b"},
        {"a": "b", "b": "a", "c": "d", "d": "c"},
        {"a": "new", "b": "a"},
    ],
)
def test_renaming_several_lets_them_change_places(desk: Desk, moves: dict[str, str]) -> None:
    with desk.writer() as writer:
        for name in "abcd":
            one = bought(writer, prompt=name, remote_id=f"video_{name}")
            writer.retired(STREET, one.id)
            writer.bind(Address(name), one.id)
            writer.published(Address(name), a_file(f"videos/{name}.mp4"))
            writer.publishing(a_begun_file(f"videos/{name}.webp", address=Address(name)))
        writer.rename_all({Address(old): Address(new) for old, new in moves.items()})
    state = desk.read()
    for name in "abcd":
        now = Address(moves.get(name, name))
        assert held(desk, now)[1] == f"video_{name}"
        assert state.videos[now].published == (a_file(f"videos/{name}.mp4"),)
        assert a_begun_file(f"videos/{name}.webp", address=now) in state.begun
    assert len(state.videos) == 5  # with the street, which holds nothing


def test_renaming_several_is_all_or_nothing(desk: Desk) -> None:
    with desk.writer() as writer:
        one = bought(writer)
        for name in "abc":
            writer.bind(Address(name), one.id)
        before = desk.everything()
        with pytest.raises(StateError):
            writer.rename_all({Address("a"): Address("new"), Address("b"): Address("c")})
        assert desk.everything() == before


def test_renaming_what_is_not_there_changes_nothing(desk: Desk) -> None:
    with desk.writer() as writer:
        bought(writer)
        before = desk.everything()
        writer.rename(HERO, Address("other"))
        assert desk.everything() == before


def test_forgetting_drops_the_record_and_keeps_the_history(desk: Desk) -> None:
    with desk.writer() as writer:
        two(writer)
        writer.published(STREET, a_file())
        writer.forget(STREET)
        writer.forget(STREET)
    state = desk.read()
    assert state.videos == {}
    assert len(state.generations) == 2
    assert len(state.attempts) == 2
    for table in ("deposed", "published_files"):
        assert desk.rows(f"SELECT * FROM {table}") == []


def test_what_other_workspaces_hold_is_told(desk: Desk) -> None:
    with desk.writer() as writer, desk.writer("draft") as other:
        one, two_ = two(writer)
        three = writer.recover(a_sidecar("video_3", "three"))
        other.bind(HERO, three)
        other.promote(HERO, DEFAULT_LIFECYCLE, ())
    assert desk.read("draft").held_elsewhere == {one.id, two_.id}
    assert desk.read().held_elsewhere == {three}
    assert list(desk.read("draft").videos) == [HERO]
