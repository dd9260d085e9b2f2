"""What only the asset store tells of, its bytes here or not, and what it can tell no more."""

from dataclasses import replace
from datetime import timedelta

import pytest

from worlds import (
    FOREIGN,
    HOUR,
    NOW,
    STAT,
    FileFact,
    a_declaration,
    a_generation,
    a_listed_job,
    a_provider,
    a_record,
    a_sidecar,
    a_world,
    an_action,
    an_asset,
    an_attempt,
    an_unreadable_sidecar,
    check,
    converged,
    told,
)

BOUGHT = "buy await fetch publish promote"
STREET = a_declaration("street", "a street")
WITH_PICTURE = a_declaration("street", "a street", variants=["video", "thumbnail"])
PATH = "videos/street.mp4"
TOLD = a_sidecar(STREET)
DAMAGED = an_unreadable_sidecar(STREET)


def published(path: str = PATH) -> dict[str, FileFact]:
    """The video that the sidecar tells of, where it would be published."""
    return {path: FileFact(stat=STAT, sha256=TOLD.assets[0].sha256)}


def test_nothing_is_bought_while_a_damaged_sidecar_may_tell_of_it() -> None:
    plan = check(a_world([STREET], unreadable=[DAMAGED]), "street: blocked sidecar_damaged $0.00")
    for part in (DAMAGED.path, DAMAGED.why, "backup", "move it away"):
        assert part in told(plan, "street")


def test_nor_is_a_remix_or_what_replaces_another() -> None:
    parent, remix = (
        a_declaration("a", "A"),
        a_declaration("b", "B", remix_of=a_declaration("a", "A")),
    )
    check(
        a_world([parent, remix], [converged(parent)], unreadable=[an_unreadable_sidecar(remix)]),
        "b: blocked sidecar_damaged $0.00",
        "a: unchanged",
    )
    check(
        a_world([STREET], [converged(a_declaration("street", "old"))], unreadable=[DAMAGED]),
        "street: blocked sidecar_damaged $0.00",
    )


def test_a_remix_of_what_a_damaged_sidecar_may_tell_of_is_blocked_by_it() -> None:
    remix = a_declaration("rain", "in rain", remix_of=STREET)
    check(
        a_world([STREET, remix], unreadable=[DAMAGED]),
        "street: blocked sidecar_damaged $0.00",
        "rain: blocked parent_blocked $0.00",
    )


def test_a_damaged_sidecar_is_in_nobodys_way_where_the_video_can_be_had_free() -> None:
    other = a_declaration("other", "a street")
    for world, line in (
        (a_world([STREET], [converged(STREET)], unreadable=[DAMAGED]), "street: unchanged"),
        (
            a_world([STREET], history=[a_generation(STREET, "g")], unreadable=[DAMAGED]),
            "street: restore stored_before $0.00 bind:g fetch publish promote",
        ),
        (
            a_world([STREET], sidecars=[TOLD], unreadable=[DAMAGED]),
            "street: restore stored_before $0.00 recover fetch publish promote",
        ),
    ):
        check(world, line)
    exclusive = replace(a_provider(), account_use="exclusive")
    check(
        a_world(
            [STREET], listed=[a_listed_job(STREET)], unreadable=[DAMAGED], providers=[exclusive]
        ),
        "street: adopt found_on_server $0.00 adopt await fetch publish promote",
    )
    check(
        a_world([STREET, other], [converged(other)], unreadable=[DAMAGED]),
        "street: publish shared $0.00 bind:g-other fetch publish promote",
        "other: unchanged",
    )


def test_an_unresolved_attempt_is_not_sent_again_over_a_damaged_sidecar() -> None:
    plan = check(
        a_world([STREET], attempts=[an_attempt(STREET)], unreadable=[DAMAGED]),
        "street: resolve unresolved_attempt $0.00 resolve await fetch publish promote",
    )
    (step, *_) = an_action(plan, "street").steps
    assert step.step == "resolve"
    assert step.otherwise is None


def test_of_several_generations_the_newest_that_is_here_is_taken() -> None:
    early = a_sidecar(STREET)
    late = replace(early, remote_id="late", completed_at=NOW - timedelta(minutes=1))
    gone = replace(early, remote_id="gone", completed_at=NOW, assets=(an_asset("gone"),))
    for order in ((early, late, gone), (gone, late, early), (late, gone, early)):
        plan = check(
            a_world([STREET], sidecars=order, store_lost=[gone]),
            "street: restore stored_before $0.00 recover fetch publish promote",
        )
        (step, *_) = an_action(plan, "street").steps
        assert step.step == "recover"
        assert step.sidecar.remote_id == "late"


def test_a_video_that_the_store_has_lost_is_asked_of_its_server_and_not_bought() -> None:
    plan = check(
        a_world([STREET], sidecars=[TOLD], store_lost=[TOLD]),
        "street: download asset_missing $0.00 recover fetch publish promote",
    )
    assert TOLD.remote_id in told(plan, "street")
    (step, *_) = an_action(plan, "street").steps
    assert step.step == "recover"
    assert step.sidecar.assets == ()


def test_a_video_that_the_store_has_lost_is_taken_back_from_its_published_file() -> None:
    plan = check(
        a_world([STREET], sidecars=[TOLD], store_lost=[TOLD], files=published()),
        f"street: restore stored_before $0.00 recover take_back:{PATH} fetch publish promote",
    )
    assert "published file is whole" in told(plan, "street")


def test_another_file_in_its_place_is_not_taken_back() -> None:
    check(
        a_world([STREET], sidecars=[TOLD], store_lost=[TOLD], files={PATH: FOREIGN}),
        "street: blocked path_occupied $0.00",
    )


def test_a_picture_that_the_store_has_lost_is_made_here() -> None:
    sidecar = a_sidecar(WITH_PICTURE, stored=("video", "thumbnail"))
    world = a_world([WITH_PICTURE], sidecars=[sidecar])
    check(
        world,
        "street: restore stored_before $0.00 recover fetch:thumbnail,video"
        " publish:thumbnail publish promote",
    )
    lost = replace(sidecar, assets=sidecar.assets[1:])
    check(
        a_world([WITH_PICTURE], sidecars=[sidecar], store_lost=[lost]),
        "street: restore stored_before $0.00 recover fetch derive:thumbnail"
        " publish:thumbnail publish promote",
    )


@pytest.mark.parametrize("lost", [True, False])
def test_what_the_database_knows_to_be_lost_is_no_news(lost: bool) -> None:
    known = a_generation(STREET, "g", stored=(), lost=lost, expires_at=NOW - HOUR)
    sidecar = replace(TOLD, remote_id=known.remote_id)
    check(
        a_world(
            [STREET], [a_record(STREET, pending=known)], sidecars=[sidecar], store_lost=[sidecar]
        ),
        "street: blocked video_lost $0.00",
    )
    check(
        a_world([STREET], [a_record(STREET, pending=known)], sidecars=[sidecar]),
        "street: restore stored_before $0.00 recover fetch publish promote"
        + (" retire:g" if lost else " mark_lost:g retire:g"),
    )
