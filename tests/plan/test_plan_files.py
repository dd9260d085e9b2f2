"""Published files and stored assets: missing, altered, lost, and somebody else's."""

from dataclasses import replace

import pytest

from reconciler.domain.observed import FileFact
from worlds import (
    ALTERED,
    FOREIGN,
    HOUR,
    MISSING,
    NOW,
    a_declaration,
    a_file,
    a_generation,
    a_job,
    a_record,
    a_sidecar,
    a_world,
    changed,
    check,
    converged,
    told,
    touched,
)

BOUGHT = "buy await fetch publish promote"
STREET = a_declaration("street", "a street")
PATH = "videos/street.mp4"
WITH_PICTURE = a_declaration("street", "a street", variants=["video", "thumbnail"])
PICTURE = "videos/street.webp"


def test_a_missing_published_file_is_published_again() -> None:
    plan = check(
        a_world([STREET], [converged(STREET)], files={PATH: MISSING}),
        "street: publish file_missing $0.00 publish",
    )
    assert [each.what for each in plan.drift] == [f"{PATH} is missing"]


def test_an_altered_published_file_is_published_again_and_said_to_be_kept_beside() -> None:
    plan = check(
        a_world([STREET], [converged(STREET)], files={PATH: ALTERED}),
        "street: publish file_altered $0.00 publish",
    )
    assert [each.what for each in plan.drift] == [f"{PATH} was altered"]
    assert "kept beside" in told(plan, "street")


def test_a_published_file_that_was_only_touched_is_left_alone() -> None:
    record = converged(STREET)
    plan = check(
        a_world([STREET], [record], files={PATH: touched(record.published[0])}),
        "street: unchanged",
    )
    assert plan.drift == ()


def test_another_output_publishes_there_and_unpublishes_here() -> None:
    elsewhere = a_declaration("street", "a street", outputs={"video": "films/street.mp4"})
    plan = check(
        a_world([elsewhere], [converged(STREET)], files={"films/street.mp4": MISSING}),
        f"street: publish output_changed $0.00 unpublish:{PATH} publish",
    )
    assert changed(plan, "street") == [f"output.video: {PATH} -> films/street.mp4 (free)"]


def test_another_variant_is_downloaded_and_published() -> None:
    check(
        a_world([WITH_PICTURE], [converged(STREET)]),
        "street: download variants_changed $0.00 fetch:thumbnail publish:thumbnail",
    )


def test_another_variant_that_is_stored_already_is_published() -> None:
    made = a_generation(STREET, stored=("video", "thumbnail"))
    check(
        a_world([WITH_PICTURE], [a_record(STREET, made)]),
        "street: publish variants_changed $0.00 publish:thumbnail",
    )


def test_a_variant_that_is_asked_for_no_more_is_unpublished() -> None:
    plan = check(
        a_world([STREET], [converged(WITH_PICTURE)]),
        f"street: update variants_changed $0.00 unpublish:{PICTURE}",
    )
    assert changed(plan, "street") == [f"output.thumbnail: {PICTURE} -> None (free)"]


@pytest.mark.parametrize(
    "gone", [{"on_server": False}, {"expires_at": NOW - HOUR}, {"missing": (3, HOUR)}]
)
def test_a_picture_that_the_server_no_longer_gives_is_made_here(gone: dict[str, object]) -> None:
    made = a_generation(STREET, **gone)  # type: ignore[arg-type]
    plan = check(
        a_world([WITH_PICTURE], [a_record(STREET, made)]),
        "street: update asset_missing $0.00 derive:thumbnail publish:thumbnail",
    )
    assert "made here" in told(plan, "street")


def test_a_picture_that_is_stored_needs_no_server() -> None:
    made = a_generation(WITH_PICTURE, stored=("video", "thumbnail"), on_server=False)
    check(a_world([WITH_PICTURE], [a_record(WITH_PICTURE, made)]), "street: unchanged")


def test_pictures_that_no_sidecar_tells_of_are_made_here() -> None:
    check(
        a_world([WITH_PICTURE], sidecars=[a_sidecar(STREET)]),
        "street: restore stored_before $0.00 recover fetch derive:thumbnail "
        "publish:thumbnail publish promote",
    )


def test_a_lost_store_is_filled_again_from_published_files_that_are_whole() -> None:
    made = a_generation(WITH_PICTURE, stored=("video", "thumbnail"))
    plan = check(
        a_world([WITH_PICTURE], [a_record(WITH_PICTURE, made)], store_lost=[made]),
        f"street: update store_lost $0.00 take_back:{PICTURE} take_back:{PATH}",
    )
    assert len(plan.drift) == 2


def test_a_lost_store_is_filled_again_from_the_file_of_another_address() -> None:
    one, two = a_declaration("one", "A"), a_declaration("two", "A")
    made = a_generation(one, "g", on_server=False)
    check(
        a_world(
            [one, two],
            [a_record(one, made), a_record(two, made)],
            store_lost=[made],
            files={"videos/one.mp4": MISSING},
        ),
        "one: update store_lost $0.00 take_back:videos/two.mp4 publish",
        "two: update store_lost $0.00 take_back:videos/two.mp4",
    )


def test_a_new_address_takes_bytes_that_only_another_ones_file_has() -> None:
    one, two = a_declaration("one", "A"), a_declaration("two", "A")
    made = a_generation(one, "g", on_server=False)
    check(
        a_world([one, two], [a_record(one, made)], store_lost=[made]),
        "one: update store_lost $0.00 take_back:videos/one.mp4",
        "two: publish shared $0.00 bind:g take_back:videos/one.mp4 fetch publish promote",
    )


def test_what_the_store_and_the_disk_lost_is_downloaded_again() -> None:
    made = a_generation(STREET, expires_at=NOW + HOUR)
    plan = check(
        a_world([STREET], [a_record(STREET, made)], store_lost=[made], files={PATH: MISSING}),
        "street: download asset_missing $0.00 fetch publish",
    )
    assert plan.actions[0].expires_at == NOW + HOUR


def test_what_the_store_lost_and_somebody_altered_is_downloaded_again() -> None:
    made = a_generation(STREET)
    check(
        a_world([STREET], [a_record(STREET, made)], store_lost=[made], files={PATH: ALTERED}),
        "street: download asset_missing $0.00 fetch publish",
    )


def test_files_and_assets_that_were_not_looked_at_are_trusted() -> None:
    check(a_world([STREET], [converged(STREET)]), "street: unchanged")


FOREIGN_AT_PATH = {PATH: FOREIGN}


def test_nothing_is_bought_for_a_path_where_somebody_elses_file_lies() -> None:
    plan = check(a_world([STREET], files=FOREIGN_AT_PATH), "street: blocked path_occupied $0.00")
    assert f"{PATH} exists, and sorafile did not write it" in told(plan, "street")


def test_nothing_is_restored_or_shared_over_somebody_elses_file() -> None:
    one = a_declaration("one", "a street")
    for world in (
        a_world([STREET], history=[a_generation(STREET)], files=FOREIGN_AT_PATH),
        a_world([STREET], sidecars=[a_sidecar(STREET)], files=FOREIGN_AT_PATH),
    ):
        check(world, "street: blocked path_occupied $0.00")
    check(
        a_world([one, STREET], files=FOREIGN_AT_PATH),
        f"one: create not_recorded $0.40 {BOUGHT}",
        "street: blocked path_occupied $0.00",
    )


def test_a_new_output_where_somebody_elses_file_lies_is_blocked() -> None:
    elsewhere = a_declaration("street", "a street", outputs={"video": "films/mine.mp4"})
    check(
        a_world([elsewhere], [converged(STREET)], files={"films/mine.mp4": FOREIGN}),
        "street: blocked path_occupied $0.00",
    )


def test_the_wanted_bytes_at_an_unrecorded_path_are_in_nobodys_way() -> None:
    made = a_generation(STREET)
    there = touched(a_file(made, PATH))
    check(
        a_world([STREET], [a_record(STREET, made, published=[])], files={PATH: there}),
        "street: publish variants_changed $0.00 publish",
    )


def test_a_file_in_the_way_never_holds_up_a_download_of_what_was_paid_for() -> None:
    finished = a_generation(STREET, "g", stored=(), expires_at=NOW + HOUR)
    running = a_generation(STREET, "g", status="in_progress")
    check(
        a_world([STREET], [a_record(STREET, pending=finished)], files=FOREIGN_AT_PATH),
        "street: download not_stored $0.00 fetch publish promote",
    )
    check(
        a_world([STREET], [a_record(STREET, pending=running)], files=FOREIGN_AT_PATH),
        "street: wait job_running $0.00 await fetch publish promote",
    )
    check(
        a_world([STREET], history=[finished], files=FOREIGN_AT_PATH),
        "street: download not_stored $0.00 bind:g fetch publish promote",
    )
    check(
        a_world([STREET], [a_record(STREET, pending=a_generation(STREET))], files=FOREIGN_AT_PATH),
        "street: blocked path_occupied $0.00",
    )


def test_a_path_that_another_video_leaves_may_be_taken() -> None:
    one = a_declaration("one", "A", outputs={"video": "films/hero.mp4"})
    two = a_declaration("two", "B", outputs={"video": "films/hero.mp4"})
    record = converged(one, "g")
    check(
        a_world([two], [record], files={"films/hero.mp4": touched(record.published[0])}),
        f"two: create not_recorded $0.40 {BOUGHT}",
        "one: delete undeclared $0.00 unpublish:films/hero.mp4 retire:g forget",
    )


def test_drift_tells_of_files_of_stored_assets_and_of_jobs() -> None:
    made = a_generation(STREET, "g")
    plan = check(
        a_world(
            [STREET],
            [a_record(STREET, made)],
            files={PATH: ALTERED},
            store_lost=[made],
            jobs={made: "gone"},
        ),
        "street: download asset_missing $0.00 fetch publish",
    )
    assert [each.what for each in plan.drift] == [
        f"{PATH} was altered",
        "its stored video is missing",
        "job video_g is gone from the server",
    ]


def test_an_observed_job_is_no_drift() -> None:
    made = a_generation(STREET)
    plan = check(
        a_world([STREET], [a_record(STREET, made)], jobs={made: a_job(made)}), "street: unchanged"
    )
    assert plan.drift == ()


def test_a_folder_or_link_where_a_file_was_published_is_somebody_elses() -> None:
    made = converged(STREET)
    (file,) = made.published
    other = replace(file.stat, inode=file.stat.inode + 1)
    check(
        a_world([STREET], [made], files={file.path: FileFact(stat=other)}),
        "street: blocked path_occupied $0.00",
    )
