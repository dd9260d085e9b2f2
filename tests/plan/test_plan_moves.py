"""Renames: the same recipe left one address and came to another."""

from worlds import (
    ALTERED,
    FOREIGN,
    HOUR,
    MISSING,
    NOW,
    a_declaration,
    a_generation,
    a_record,
    a_world,
    changed,
    check,
    converged,
    the_plan,
    told,
    touched,
)

OLD = a_declaration("old", "a street")
NEW = a_declaration("new", "a street")
A = a_declaration("a", "A")


def test_a_renamed_video_moves_with_its_file_for_nothing() -> None:
    plan = check(
        a_world([NEW], [converged(OLD)], files={"videos/new.mp4": MISSING}),
        "new: move renamed $0.00 rename:old",
    )
    assert changed(plan, "new") == [
        "address: old -> new (free)",
        "output: videos/old.mp4 -> videos/new.mp4 (free)",
    ]


def test_a_protected_video_may_be_renamed() -> None:
    check(
        a_world([NEW], [a_record(OLD, a_generation(OLD), protect=True)]),
        "new: move renamed $0.00 rename:old",
    )


def test_protection_goes_along_with_a_renamed_video() -> None:
    edited = a_declaration("new", "another street")
    moved = a_record(NEW, a_generation(NEW), protect=True)
    check(a_world([edited], [moved]), "new: blocked protected $0.00")


def test_a_renamed_video_keeps_its_file_where_the_output_names_no_address() -> None:
    fixed = {"video": "videos/fixed.mp4"}
    old = a_declaration("old", "a street", outputs=fixed)
    new = a_declaration("new", "a street", outputs=fixed)
    plan = check(a_world([new], [converged(old)]), "new: move renamed $0.00 rename:old")
    assert changed(plan, "new") == ["address: old -> new (free)"]


def test_every_variant_of_a_renamed_video_is_renamed() -> None:
    old = a_declaration("old", "a street", variants=["video", "thumbnail"])
    new = a_declaration("new", "a street", variants=["video", "thumbnail"])
    plan = check(a_world([new], [converged(old)]), "new: move renamed $0.00 rename:old")
    assert sorted(changed(plan, "new")[1:]) == [
        "output: videos/old.mp4 -> videos/new.mp4 (free)",
        "output: videos/old.webp -> videos/new.webp (free)",
    ]


def test_a_variant_that_the_new_address_does_not_ask_for_is_unpublished() -> None:
    old = a_declaration("old", "a street", variants=["video", "thumbnail"])
    check(
        a_world([NEW], [converged(old)]),
        "new: move renamed $0.00 rename:old unpublish:videos/old.webp",
    )


def test_a_missing_file_is_published_anew_after_a_rename() -> None:
    check(
        a_world([NEW], [converged(OLD)], files={"videos/old.mp4": MISSING}),
        "new: move renamed $0.00 rename:old unpublish:videos/old.mp4 publish",
    )


def test_an_altered_file_is_not_renamed_but_kept_beside() -> None:
    check(
        a_world([NEW], [converged(OLD)], files={"videos/old.mp4": ALTERED}),
        "new: move renamed $0.00 rename:old unpublish:videos/old.mp4 publish",
    )


def test_a_renamed_video_whose_store_is_lost_is_taken_back_from_its_renamed_file() -> None:
    made = a_generation(OLD, on_server=False)
    check(
        a_world([NEW], [a_record(OLD, made)], store_lost=[made], files={"videos/new.mp4": MISSING}),
        "new: move renamed $0.00 rename:old take_back:videos/new.mp4",
    )


def test_a_file_in_the_way_of_a_rename_neither_goes_nor_costs_the_video() -> None:
    plan = check(
        a_world([NEW], [converged(OLD)], files={"videos/new.mp4": FOREIGN}),
        "new: move renamed $0.00 rename:old",
    )
    assert "videos/new.mp4 exists" in told(plan, "new")


def test_a_rename_onto_the_path_of_another_video_publishes_instead() -> None:
    """A rotation of names: whoever comes first would rename over the other's file."""
    one, two = a_declaration("one", "A"), a_declaration("two", "B")
    three = a_declaration("three", "A", outputs={"video": "videos/two.mp4"})
    records = [converged(one, "g1"), converged(two, "g2")]
    files = {file.path: touched(file) for record in records for file in record.published}
    check(
        a_world([three], records, files=files),
        "three: move renamed $0.00 rename:one unpublish:videos/one.mp4 publish",
        "two: delete undeclared $0.00 unpublish:videos/two.mp4 retire:g2 forget",
    )


def test_a_rename_with_other_settings_records_them_too() -> None:
    tagged = a_declaration("new", "a street", tags=("launch",))
    check(a_world([tagged], [converged(OLD)]), "new: move renamed $0.00 rename:old promote")


def test_a_running_job_moves_with_its_address() -> None:
    running = a_generation(OLD, status="in_progress")
    check(
        a_world([NEW], [a_record(OLD, pending=running)]),
        "new: move renamed $0.00 rename:old await fetch publish promote",
    )


def test_an_edit_in_the_making_moves_with_its_address_and_with_what_is_published() -> None:
    current = a_generation(OLD, "current")
    edited = a_declaration("new", "an edited street")
    running = a_generation(edited, "running", status="in_progress")
    check(
        a_world([edited], [a_record(OLD, current, pending=running)]),
        "new: move renamed $0.00 rename:old await fetch publish promote retire:current",
    )


def test_an_older_edit_in_the_making_is_let_go_after_a_rename() -> None:
    current = a_generation(OLD, "current")
    running = a_generation(a_declaration("x", "x"), "running", status="in_progress")
    check(
        a_world([NEW], [a_record(OLD, current, pending=running)]),
        "new: move renamed $0.00 rename:old retire:running",
    )


def test_the_address_of_a_failed_job_may_be_renamed_and_nothing_is_bought_again() -> None:
    failed = a_generation(OLD, status="failed", error=("moderation_blocked", "no"))
    plan = check(
        a_world([NEW], [a_record(OLD, pending=failed)]), "new: move renamed $0.00 rename:old"
    )
    assert "moderation_blocked" in told(plan, "new")


def test_a_failed_job_that_is_renamed_is_not_bought_again_at_another_address_either() -> None:
    failed = a_generation(OLD, status="failed", error=("moderation_blocked", "no"))
    check(
        a_world([NEW, a_declaration("twin", "a street")], [a_record(OLD, pending=failed)]),
        "new: move renamed $0.00 rename:old",
        "twin: blocked job_failed $0.00",
    )


def test_a_failed_edit_moves_with_the_video_that_is_still_published() -> None:
    current = a_generation(OLD, "current")
    edited = a_declaration("new", "an edited street")
    failed = a_generation(edited, "failed", status="failed")
    check(
        a_world([edited], [a_record(OLD, current, pending=failed)]),
        "new: move renamed $0.00 rename:old",
    )


def test_of_a_failed_one_whose_recipe_has_a_video_after_all_nothing_moves() -> None:
    """Another workspace has bought it since."""
    failed = a_generation(OLD, "failed", status="failed")
    check(
        a_world([NEW], [a_record(OLD, pending=failed)], history=[a_generation(OLD, "made")]),
        "new: restore stored_before $0.00 bind:made fetch publish promote",
        "old: delete undeclared $0.00 retire:failed forget",
    )


def test_a_lost_video_may_be_renamed_and_on_lost_still_decides() -> None:
    for lost in (
        a_generation(OLD, stored=(), expires_at=NOW - HOUR),
        a_generation(OLD, stored=(), lost=True),
    ):
        check(a_world([NEW], [a_record(OLD, lost)]), "new: move renamed $0.00 rename:old")
        check(a_world([NEW], [a_record(NEW, lost)]), "new: blocked video_lost $0.00")


def test_of_several_addresses_that_left_each_goes_to_one_that_came() -> None:
    """Two shared one generation; whichever pairs are made, nothing is bought or dropped."""
    a, b = a_declaration("a", "A"), a_declaration("b", "A")
    shared = a_generation(a, "g")
    records = [a_record(a, shared), a_record(b, shared)]
    check(
        a_world([a_declaration("c", "A"), a_declaration("d", "A")], records),
        "c: move renamed $0.00 rename:a",
        "d: move renamed $0.00 rename:b",
    )


def test_of_several_addresses_that_came_one_gets_the_move_and_the_others_share() -> None:
    check(
        a_world([a_declaration("b", "A"), a_declaration("c", "A")], [converged(A, "g")]),
        "b: move renamed $0.00 rename:a",
        "c: publish shared $0.00 bind:g fetch publish promote",
    )


def test_of_several_addresses_that_left_only_one_is_needed() -> None:
    b = a_declaration("b", "A")
    shared = a_generation(b, "g")
    check(
        a_world([a_declaration("c", "A")], [a_record(A, shared), a_record(b, shared)]),
        "c: move renamed $0.00 rename:a",
        "b: delete job_in_use $0.00 unpublish:videos/b.mp4 release:g forget",
    )


def test_a_recipe_that_comes_to_an_address_with_a_record_is_restored_not_moved() -> None:
    there = a_declaration("new", "something else")
    check(
        a_world([NEW], [converged(OLD, "g"), converged(there, "h")]),
        "new: restore stored_before $0.00 bind:g fetch publish promote retire:h",
        "old: delete job_in_use $0.00 unpublish:videos/old.mp4 release:g forget",
    )


def test_an_address_that_is_still_declared_gives_nothing_away() -> None:
    check(
        a_world([OLD, NEW], [converged(OLD, "g")]),
        "new: publish shared $0.00 bind:g fetch publish promote",
        "old: unchanged",
    )


def test_a_deposed_job_that_moved_and_that_another_let_go_of_is_still_deleted_once() -> None:
    """Both holders leave it: the one that moved must not count under its old name."""
    current, shared = a_generation(OLD, "current"), a_generation(a_declaration("x", "x"), "shared")
    other = a_declaration("apple", "an apple")
    records = [
        a_record(OLD, current, deposed=(shared,)),
        a_record(other, a_generation(other, "apple"), deposed=(shared,)),
    ]
    check(
        a_world([NEW, other], records),
        "apple: update deposed $0.00 release:shared",
        "new: move renamed $0.00 rename:old retire:shared",
    )


def test_a_renamed_video_that_is_lost_and_may_be_made_anew_is_bought_at_its_new_address() -> None:
    old, new = a_declaration("old", "A"), a_declaration("new", "A", on_lost="regenerate")
    lost = a_generation(old, "g", stored=(), on_server=False, lost=True)
    plan = the_plan(a_world([new], [a_record(old, lost, published=())]))
    assert {str(a.address): (str(a.kind), a.is_paid) for a in plan.actions} == {
        "new": ("create", True),
        "old": ("delete", False),
    }
