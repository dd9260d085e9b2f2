"""What is looked at before a plan is made, by refresh mode."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from reconciler.domain.desired import Declaration
from reconciler.domain.recorded import Generation, Recorded
from reconciler.plan.looks import Looks, Refresh, looks
from worlds import (
    NOW,
    a_declaration,
    a_generation,
    a_record,
    a_world,
    converged,
    digests,
)

STREET = a_declaration("street", "a street")
RAIN = a_declaration("rain", "with rain", remix_of=STREET)
EDITED = a_declaration("street", "edited")


def look(
    desired: Iterable[Declaration] = (),
    recorded: Iterable[Recorded] = (),
    history: Iterable[Generation] = (),
    *,
    refresh: Refresh = "auto",
) -> Looks:
    world = a_world(desired, recorded, history=history)
    return looks(world.desired, world.recorded, refresh, at=NOW)


def jobs(chosen: Looks) -> list[str]:
    return [str(job.id) for job in chosen.jobs]


def test_running_jobs_are_asked_for() -> None:
    for status in ("queued", "in_progress"):
        running = a_generation(STREET, "g", status=status)
        assert jobs(look([STREET], [a_record(STREET, pending=running)])) == ["g"]


def test_finished_jobs_that_are_not_stored_are_asked_for() -> None:
    finished = a_generation(STREET, "g", stored=())
    assert jobs(look([STREET], [a_record(STREET, pending=finished)])) == ["g"]


@pytest.mark.parametrize(
    "settled",
    [
        a_generation(STREET, "g"),
        a_generation(STREET, "g", status="failed"),
        a_generation(STREET, "g", stored=(), lost=True),
        a_generation(STREET, "g", stored=(), on_server=False),
    ],
)
def test_jobs_that_cannot_change_are_not_asked_for(settled: Generation) -> None:
    assert jobs(look([STREET], [a_record(STREET, settled)])) == []


def test_a_full_refresh_asks_for_every_job_that_is_on_a_server() -> None:
    records = [converged(STREET, "g"), converged(RAIN, "h")]
    assert jobs(look([STREET, RAIN], records, refresh="full")) == ["h", "g"]
    deleted = a_generation(STREET, "g", on_server=False)
    assert jobs(look([STREET], [a_record(STREET, deleted)], refresh="full")) == []


def test_no_refresh_asks_no_server_for_anything() -> None:
    running = a_generation(STREET, "g", status="queued")
    chosen = look([STREET, RAIN], [a_record(STREET, pending=running)], refresh="none")
    assert jobs(chosen) == []
    assert chosen.lists == ()


def test_every_job_is_asked_for_once() -> None:
    a, b = a_declaration("a", "A"), a_declaration("b", "A")
    running = a_generation(a, "g", status="queued")
    records = [a_record(a, pending=running), a_record(b, pending=running)]
    assert jobs(look([a, b], records, [running])) == ["g"]


def test_jobs_of_videos_that_are_declared_no_more_are_asked_for() -> None:
    running = a_generation(STREET, "g", status="queued")
    old = a_generation(EDITED, "h", stored=())
    record = a_record(STREET, pending=running, deposed=(old,))
    assert jobs(look([], [record])) == ["g", "h"]


def test_a_job_of_the_history_that_a_declaration_would_take_is_asked_for() -> None:
    running = a_generation(STREET, "g", status="queued")
    other = a_generation(EDITED, "h", status="queued")
    assert jobs(look([STREET], history=[running, other])) == ["g"]


def test_the_parent_of_a_remix_still_to_be_made_is_asked_for() -> None:
    assert jobs(look([STREET, RAIN], [converged(STREET, "g")])) == ["g"]
    assert jobs(look([STREET, RAIN], [converged(STREET, "g"), converged(RAIN, "h")])) == []


def test_a_parent_that_was_missed_once_is_asked_for_whatever_derives_from_it() -> None:
    """What does may turn out to be lost in this very look, and then it counts (seed 304806)."""
    missed = replace(a_generation(STREET, "g"), missing_count=1, missing_since=NOW)
    running = a_generation(RAIN, "h", status="in_progress", stored=())
    held = [a_record(STREET, missed), a_record(RAIN, pending=running)]
    assert sorted(jobs(look([STREET, RAIN], held))) == ["g", "h"]
    assert jobs(look([STREET], [a_record(STREET, missed)])) == []


def test_published_files_are_looked_at_and_the_paths_of_files_to_come() -> None:
    records = [converged(STREET, "g"), converged(a_declaration("old"), "h")]
    chosen = look([STREET, RAIN], records)
    assert [file.path for file in chosen.files] == ["videos/old.mp4", "videos/street.mp4"]
    assert chosen.paths == ("videos/rain.mp4",)


def test_the_stored_assets_that_a_declaration_rests_on_are_looked_at() -> None:
    stored = a_generation(STREET, "g", stored=("video", "thumbnail"))
    forgotten = a_generation(EDITED, "h")
    chosen = look([STREET], [a_record(STREET, stored)], [forgotten])
    assert [asset.variant for asset in chosen.assets] == ["video"]


def test_stored_assets_that_an_address_would_let_go_of_are_looked_at() -> None:
    """Their published file may be the last copy, about to be replaced or removed."""
    for desired in ([], [EDITED]):
        chosen = look(desired, [converged(STREET, "g")])
        assert [asset.variant for asset in chosen.assets] == ["video"]


def test_sidecars_are_sought_for_recipes_that_no_live_generation_has() -> None:
    assert look([STREET]).digests == digests(STREET)
    assert look([STREET], [converged(STREET)]).digests == ()
    for settled in (
        a_generation(STREET, status="failed"),
        a_generation(STREET, stored=(), lost=True),
    ):
        assert look([STREET], [a_record(STREET, settled)]).digests == digests(STREET)


def test_the_providers_that_something_may_be_bought_from_are_named_once() -> None:
    agency = a_declaration("agency", provider="agency", account="agency")
    chosen = look([STREET, RAIN, agency, EDITED], [converged(a_declaration("old"))])
    assert chosen.lists == ("agency", "studio")
    assert look([STREET], [converged(STREET)]).lists == ()


def test_nothing_is_worth_looking_at_in_an_empty_project() -> None:
    assert look() == Looks(jobs=(), files=(), paths=(), assets=(), digests=(), lists=())
    assert a_world().observed.at == NOW
