"""When a video counts as lost, and what `on_lost` makes of it."""

from datetime import timedelta
from typing import get_args

import pytest

from reconciler.domain.desired import OnLost
from reconciler.domain.recorded import Generation
from worlds import (
    ALTERED,
    HOUR,
    MISSING,
    NOW,
    SETTLE,
    a_declaration,
    a_file,
    a_generation,
    a_job,
    a_record,
    a_sidecar,
    a_world,
    check,
    told,
)

BOUGHT = "buy await fetch publish promote"
SECOND = timedelta(seconds=1)
STREET = a_declaration("street", "a street")
REGENERATE = a_declaration("street", "a street", on_lost="regenerate")
PATH = "videos/street.mp4"

DOWNLOAD = "street: download not_stored $0.00 fetch publish promote"
BLOCKED = "street: blocked video_lost $0.00"
AGAIN = f"street: create video_lost $0.40 mark_lost:g {BOUGHT} retire:g"
NOT_DELETED = f"street: create video_lost $0.40 mark_lost:g {BOUGHT} release:g"

LOST = {
    "its expires_at has passed": a_generation(STREET, "g", stored=(), expires_at=NOW - SECOND),
    "its expires_at is now": a_generation(STREET, "g", stored=(), expires_at=NOW),
    "it was missing three times over the settle time": a_generation(
        STREET, "g", stored=(), missing=(3, SETTLE)
    ),
    "its job was deleted": a_generation(STREET, "g", stored=(), on_server=False),
}

NOT_LOST = {
    "nothing speaks for it": a_generation(STREET, "g", stored=()),
    "its expires_at is to come": a_generation(STREET, "g", stored=(), expires_at=NOW + SECOND),
    "it was missing twice": a_generation(STREET, "g", stored=(), missing=(2, HOUR)),
    "it was missing often, but shortly": a_generation(
        STREET, "g", stored=(), missing=(9, SETTLE - SECOND)
    ),
    "it was missing once, just now": a_generation(STREET, "g", stored=(), missing=(1, SECOND)),
}


@pytest.mark.parametrize("why", LOST)
def test_a_video_that_nobody_has_any_more_is_lost(why: str) -> None:
    plan = check(a_world([STREET], [a_record(STREET, pending=LOST[why])]), BLOCKED)
    assert "lost" in told(plan, "street")


@pytest.mark.parametrize("why", LOST)
def test_a_lost_video_is_made_again_where_on_lost_says_so(why: str) -> None:
    lost = LOST[why]
    # A server that says of a job that it is gone may be wrong; its expiry is another matter.
    expected = AGAIN if lost.expires_at is not None else NOT_DELETED
    check(a_world([REGENERATE], [a_record(REGENERATE, pending=lost)]), expected)


@pytest.mark.parametrize("why", NOT_LOST)
def test_a_video_that_may_still_be_had_is_downloaded(why: str) -> None:
    check(a_world([REGENERATE], [a_record(REGENERATE, pending=NOT_LOST[why])]), DOWNLOAD)


def test_the_sighting_of_this_plan_counts() -> None:
    twice = a_generation(STREET, "g", stored=(), missing=(2, HOUR))
    check(a_world([STREET], [a_record(STREET, pending=twice)], jobs={twice: "gone"}), BLOCKED)


def test_a_first_sighting_never_tells_that_a_video_is_gone() -> None:
    made = a_generation(STREET, "g", stored=())
    check(
        a_world([REGENERATE], [a_record(REGENERATE, pending=made)], jobs={made: "gone"}), DOWNLOAD
    )


def test_a_job_that_is_seen_again_was_never_gone() -> None:
    often = a_generation(STREET, "g", stored=(), missing=(8, HOUR))
    check(
        a_world([STREET], [a_record(STREET, pending=often)], jobs={often: a_job(often)}), DOWNLOAD
    )


def test_an_expiry_that_the_server_tells_now_counts() -> None:
    made = a_generation(STREET, "g", status="in_progress")
    seen = a_job(made, expires_at=NOW - SECOND)
    check(a_world([STREET], [a_record(STREET, pending=made)], jobs={made: seen}), BLOCKED)


def test_an_unreachable_server_loses_nothing() -> None:
    made = a_generation(STREET, "g", stored=(), missing=(2, HOUR))
    check(
        a_world([REGENERATE], [a_record(REGENERATE, pending=made)], unreachable={"studio": "down"}),
        DOWNLOAD,
    )


def test_a_running_job_that_its_server_forgot_for_good_is_lost() -> None:
    """It would be waited for until the end of days."""
    forgotten = a_generation(STREET, "g", status="in_progress", missing=(3, HOUR))
    check(a_world([STREET], [a_record(STREET, pending=forgotten)]), BLOCKED)
    check(a_world([REGENERATE], [a_record(REGENERATE, pending=forgotten)]), NOT_DELETED)


def test_a_running_job_that_was_missing_now_and_then_is_waited_for() -> None:
    missing = a_generation(STREET, "g", status="in_progress", missing=(2, HOUR))
    check(
        a_world([REGENERATE], [a_record(REGENERATE, pending=missing)]),
        "street: wait job_running $0.00 await fetch publish promote",
    )


def test_a_video_with_a_whole_published_file_is_not_lost() -> None:
    made = a_generation(STREET, "g", on_server=False)
    check(
        a_world([STREET], [a_record(STREET, made)], store_lost=[made]),
        f"street: update store_lost $0.00 take_back:{PATH}",
    )


@pytest.mark.parametrize("there", [MISSING, ALTERED])
def test_a_video_with_neither_store_nor_file_nor_server_is_lost(there: object) -> None:
    made = a_generation(STREET, "g", on_server=False)
    check(
        a_world(
            [STREET],
            [a_record(STREET, made)],
            store_lost=[made],
            files={PATH: there},  # type: ignore[dict-item]
        ),
        BLOCKED,
    )


def test_a_published_picture_saves_no_video() -> None:
    street = a_declaration("street", "a street", variants=["video", "thumbnail"])
    made = a_generation(street, "g", stored=("video", "thumbnail"), on_server=False)
    check(
        a_world([street], [a_record(street, made)], store_lost=[made], files={PATH: MISSING}),
        BLOCKED,
    )


def test_a_video_is_not_lost_while_another_address_has_it_published() -> None:
    one = a_declaration("one", "A", on_lost="regenerate")
    two = a_declaration("two", "A")
    made = a_generation(one, "g", on_server=False)
    check(
        a_world(
            [one, two],
            [a_record(one, made, published=[]), a_record(two, made)],
            store_lost=[made],
        ),
        "one: update store_lost $0.00 take_back:videos/two.mp4 publish",
        "two: update store_lost $0.00 take_back:videos/two.mp4",
    )


def test_a_lost_video_that_two_addresses_share_is_bought_once() -> None:
    one = a_declaration("one", "A", on_lost="regenerate")
    two = a_declaration("two", "A", on_lost="regenerate")
    lost = a_generation(one, "g", stored=(), expires_at=NOW - HOUR)
    check(
        a_world([one, two], [a_record(one, pending=lost), a_record(two, pending=lost)]),
        f"one: create video_lost $0.40 mark_lost:g {BOUGHT} release:g",
        "two: publish shared $0.00 after:one bind_shared:one fetch publish promote "
        "mark_lost:g retire:g",
    )


def test_two_new_addresses_with_the_recipe_of_a_lost_video_pay_once() -> None:
    one, two = a_declaration("one", "A"), a_declaration("two", "A")
    lost = a_generation(one, "g", stored=(), expires_at=NOW - HOUR)
    check(
        a_world([one, two], history=[lost]),
        f"one: create video_lost $0.40 mark_lost:g {BOUGHT}",
        "two: publish shared $0.00 after:one bind_shared:one fetch publish promote",
    )


def test_a_new_address_with_the_recipe_of_a_lost_video_asks_on_lost_as_its_holder_does() -> None:
    lost = a_generation(STREET, "g", stored=(), expires_at=NOW - HOUR)
    for held in (lost, a_generation(STREET, "g", stored=(), lost=True)):
        check(
            a_world([STREET, a_declaration("twin", "a street")], [a_record(STREET, pending=held)]),
            BLOCKED,
            "twin: blocked video_lost $0.00",
        )
    record = a_record(STREET, pending=lost)
    check(
        a_world([STREET, a_declaration("twin", "a street", on_lost="regenerate")], [record]),
        f"twin: create video_lost $0.40 mark_lost:g {BOUGHT}",
        "street: publish shared $0.00 after:twin bind_shared:twin fetch publish promote "
        "mark_lost:g retire:g",
    )


def test_what_another_address_makes_anew_comes_back_at_a_new_name_and_for_remixes() -> None:
    lost = a_generation(STREET, "g", stored=(), expires_at=NOW - HOUR)
    road = a_declaration("road", "a street")
    rain = a_declaration("rain", "add rain", remix_of=road)
    zoo = a_declaration("zoo", "a street", on_lost="regenerate")
    check(
        a_world([road, rain, zoo], [a_record(STREET, pending=lost)]),
        f"zoo: create video_lost $0.40 mark_lost:g {BOUGHT}",
        "road: publish shared $0.00 after:zoo bind_shared:zoo fetch publish promote",
        f"rain: remix not_recorded $0.40 after:road {BOUGHT}",
        "street: delete undeclared $0.00 mark_lost:g retire:g forget",
    )


def test_a_lost_video_of_which_another_generation_is_stored_is_restored() -> None:
    lost = a_generation(STREET, "g", stored=(), lost=True)
    for on_lost in get_args(OnLost):
        street = a_declaration("street", "a street", on_lost=on_lost)
        record = a_record(street, lost)
        check(
            a_world([street], [record], history=[a_generation(STREET, "h")]),
            "street: restore stored_before $0.00 bind:h fetch publish promote release:g",
        )
        check(
            a_world([street], [record], sidecars=[a_sidecar(STREET)]),
            "street: restore stored_before $0.00 recover fetch publish promote release:g",
        )


def test_a_video_recorded_as_lost_and_being_made_again_is_waited_for() -> None:
    """What a crash between marking and the end of the new job leaves."""
    lost = a_generation(STREET, "g", stored=(), lost=True)
    again = a_generation(STREET, "h", status="in_progress")
    check(
        a_world([REGENERATE], [a_record(REGENERATE, lost, pending=again)]),
        "street: wait job_running $0.00 await fetch publish promote release:g",
    )


def test_a_video_recorded_as_lost_is_bought_again_after_a_crash_before_the_purchase() -> None:
    lost = a_generation(STREET, "g", stored=(), lost=True)
    check(a_world([REGENERATE], [a_record(REGENERATE, pending=lost)]), NOT_DELETED)
    check(a_world([STREET], [a_record(STREET, pending=lost)]), BLOCKED)


def test_an_address_declared_after_the_video_was_lost_is_an_ordinary_create() -> None:
    lost = a_generation(STREET, "g", stored=(), lost=True)
    check(a_world([STREET], history=[lost]), f"street: create not_recorded $0.40 {BOUGHT}")


def test_another_recipe_instead_of_a_lost_video_is_bought() -> None:
    lost = a_generation(STREET, "g", stored=(), expires_at=NOW - HOUR)
    edited = a_declaration("street", "edited")
    check(
        a_world([edited], [a_record(STREET, pending=lost)]),
        f"street: replace recipe_changed $0.40 {BOUGHT} mark_lost:g retire:g",
    )


def test_the_loss_of_one_variant_is_not_the_loss_of_the_video() -> None:
    street = a_declaration("street", "a street", variants=["video", "thumbnail"])
    made: Generation = a_generation(street, "g", on_server=False)
    published = [a_file(made, PATH)]
    check(
        a_world([street], [a_record(street, made, published=published)]),
        "street: update asset_missing $0.00 derive:thumbnail publish:thumbnail",
    )
