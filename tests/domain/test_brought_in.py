"""What the state takes over from a run that died while it published."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from reconciler.domain.address import Address
from reconciler.domain.observed import FileFact, Observed, brought_in
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import Sha256
from reconciler.domain.recorded import (
    NOTHING_RECORDED,
    BegunFile,
    FileStat,
    PublishedFile,
    Recorded,
    RecordedState,
)

STREET, HERO = Address.parse("street"), Address.parse("hero")
OLD, NEW = Sha256("a" * 64), Sha256("b" * 64)
STAT = FileStat(bytes=9, mtime_ns=8, inode=7)
BEFORE = PublishedFile(variant=Variant.VIDEO, path="v.mp4", sha256=OLD, stat=replace(STAT, inode=6))
AFTER = replace(BEFORE, sha256=NEW, stat=STAT)
BEGUN = BegunFile(address=STREET, variant=Variant.VIDEO, path="v.mp4", sha256=NEW)


def files_after(
    published: Mapping[Address, tuple[PublishedFile, ...]], begun: BegunFile, lies: Sha256 | None
) -> dict[Address, tuple[PublishedFile, ...]]:
    recorded = replace(
        NOTHING_RECORDED,
        videos={each: Recorded(address=each, published=its) for each, its in published.items()},
        begun=(begun,),
    )
    fact = None if lies is None else FileFact(stat=STAT, sha256=lies)
    seen = Observed(at=datetime(2026, 11, 26, tzinfo=UTC), files={begun.path: fact})
    found: RecordedState = brought_in(recorded, seen)
    return {address: video.published for address, video in found.videos.items()}


def test_a_file_that_came_to_its_path_is_published() -> None:
    assert files_after({STREET: ()}, BEGUN, NEW) == {STREET: (AFTER,)}
    assert files_after({STREET: (BEFORE,)}, BEGUN, NEW) == {STREET: (AFTER,)}


def test_one_that_did_not_changes_nothing() -> None:
    assert files_after({STREET: (BEFORE,)}, BEGUN, OLD) == {STREET: (BEFORE,)}
    assert files_after({STREET: (BEFORE,)}, BEGUN, None) == {STREET: (BEFORE,)}


def test_a_path_changes_hands_with_its_file() -> None:
    assert files_after({HERO: (BEFORE,), STREET: ()}, BEGUN, NEW) == {HERO: (), STREET: (AFTER,)}


def test_an_old_path_of_the_variant_stays_known() -> None:
    old = replace(BEFORE, path="old.mp4")
    assert files_after({STREET: (old,)}, BEGUN, NEW) == {STREET: (AFTER, old)}


def test_what_was_begun_for_an_address_that_holds_nothing_is_nobodys() -> None:
    assert files_after({HERO: (BEFORE,)}, BEGUN, NEW) == {HERO: (BEFORE,)}
