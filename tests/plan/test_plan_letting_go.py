"""What is declared no more, what several hold, and what stays on the server."""

import pytest

from worlds import (
    HOUR,
    NOW,
    a_declaration,
    a_file,
    a_generation,
    a_provider,
    a_record,
    a_world,
    an_attempt,
    changed,
    check,
    check_destroy,
    check_free,
    converged,
    told,
)

BOUGHT = "buy await fetch publish promote"
STREET = a_declaration("street", "a street")
A, B, C = (a_declaration(name, "shared") for name in "abc")
SHARED = a_generation(A, "g")


def test_a_video_that_is_declared_no_more_is_deleted() -> None:
    plan = check(
        a_world(recorded=[converged(STREET, "g")]),
        "street: delete undeclared $0.00 unpublish:videos/street.mp4 retire:g forget",
    )
    assert changed(plan, "street") == ["prompt: a street -> None (free)"]


def test_a_deletion_that_was_broken_off_is_finished_by_the_provider_of_what_is_left() -> None:
    plan = check(
        a_world(recorded=[a_record(STREET, deposed=(a_generation(STREET, "old"),))]),
        "street: delete undeclared $0.00 retire:old forget",
    )
    assert [action.provider for action in plan.actions] == ["studio"]


def test_every_published_file_of_a_deleted_video_is_unpublished() -> None:
    street = a_declaration("street", variants=["video", "thumbnail"])
    check(
        a_world(recorded=[converged(street, "g")]),
        "street: delete undeclared $0.00 unpublish:videos/street.webp "
        "unpublish:videos/street.mp4 retire:g forget",
    )


def test_a_protected_video_that_is_declared_no_more_is_blocked() -> None:
    plan = check(
        a_world(recorded=[a_record(STREET, a_generation(STREET), protect=True)]),
        "street: blocked protected $0.00",
    )
    assert not plan.has_changes


def test_a_running_job_that_is_declared_no_more_is_let_finish_and_stored() -> None:
    running = a_generation(STREET, "g", status="in_progress")
    plan = check(
        a_world(recorded=[a_record(STREET, pending=running)]),
        "street: delete undeclared $0.00 retire:g forget",
    )
    assert "still runs: it is let finish and stored" in told(plan, "street")


def test_all_that_an_undeclared_address_holds_is_let_go() -> None:
    current, pending, old = (
        a_generation(a_declaration("x", name), name) for name in ("current", "pending", "old")
    )
    check(
        a_world(recorded=[a_record(STREET, current, pending=pending, deposed=(old,))]),
        "street: delete undeclared $0.00 unpublish:videos/street.mp4 "
        "retire:current retire:pending retire:old forget",
    )


def test_an_address_that_holds_nothing_any_more_is_forgotten() -> None:
    check(a_world(recorded=[a_record(STREET)]), "street: delete undeclared $0.00 forget")


def test_a_job_that_another_address_uses_stays() -> None:
    plan = check(
        a_world([A], [a_record(A, SHARED), a_record(B, SHARED)]),
        "b: delete job_in_use $0.00 unpublish:videos/b.mp4 release:g forget",
        "a: unchanged",
    )
    assert "in use elsewhere" in told(plan, "b")


def test_a_job_that_another_workspace_uses_stays() -> None:
    check(
        a_world(recorded=[a_record(A, SHARED)], held_elsewhere=[SHARED]),
        "a: delete job_in_use $0.00 unpublish:videos/a.mp4 release:g forget",
    )


def test_a_replaced_job_that_another_workspace_uses_stays() -> None:
    edited = a_declaration("a", "edited")
    check(
        a_world([edited], [a_record(A, SHARED)], held_elsewhere=[SHARED]),
        f"a: replace recipe_changed $0.40 {BOUGHT} release:g",
    )


def test_a_shared_job_is_deleted_with_the_last_address_that_lets_go_of_it() -> None:
    check(
        a_world(recorded=[a_record(each, SHARED) for each in (A, B, C)]),
        "a: delete job_in_use $0.00 unpublish:videos/a.mp4 release:g forget",
        "b: delete job_in_use $0.00 unpublish:videos/b.mp4 release:g forget",
        "c: delete undeclared $0.00 unpublish:videos/c.mp4 retire:g forget",
    )


def test_a_shared_job_is_deleted_by_the_replacement_and_not_by_the_removal() -> None:
    """What is bought may fail, or be left out of a free run: then the job is still in use."""
    edited = a_declaration("a", "edited")
    world = a_world([edited], [a_record(A, SHARED), a_record(B, SHARED)])
    check(
        world,
        f"a: replace recipe_changed $0.40 {BOUGHT} retire:g",
        "b: delete job_in_use $0.00 unpublish:videos/b.mp4 release:g forget",
    )
    check_free(world, "b: delete job_in_use $0.00 unpublish:videos/b.mp4 release:g forget")


def test_a_job_that_a_protected_undeclared_address_holds_stays() -> None:
    protected = a_record(A, SHARED, protect=True)
    check(
        a_world(recorded=[protected, a_record(B, SHARED)]),
        "a: blocked protected $0.00",
        "b: delete job_in_use $0.00 unpublish:videos/b.mp4 release:g forget",
    )


def test_a_job_that_a_blocked_address_holds_stays() -> None:
    edited = a_declaration("a", "edited", protect=True)
    check(
        a_world([edited], [a_record(A, SHARED), a_record(B, SHARED)]),
        "a: blocked protected $0.00",
        "b: delete job_in_use $0.00 unpublish:videos/b.mp4 release:g forget",
    )


def test_a_job_of_an_address_that_waits_to_be_resolved_stays() -> None:
    edited = a_declaration("a", "edited")
    check(
        a_world(
            [edited], [a_record(A, SHARED), a_record(B, SHARED)], attempts=[an_attempt(edited)]
        ),
        "a: resolve unresolved_attempt $0.00 resolve await fetch publish promote retire:g",
        "b: delete job_in_use $0.00 unpublish:videos/b.mp4 release:g forget",
    )


def test_a_job_that_one_address_takes_while_another_drops_it_stays() -> None:
    b = a_declaration("b", "of its own")
    check(
        a_world([a_declaration("b", "shared")], [a_record(A, SHARED), converged(b, "h")]),
        "b: restore stored_before $0.00 bind:g fetch publish promote retire:h",
        "a: delete job_in_use $0.00 unpublish:videos/a.mp4 release:g forget",
    )


def test_where_the_profile_has_no_delete_the_job_is_left_behind_and_told() -> None:
    plan = check(
        a_world(recorded=[converged(STREET, "g")], providers=[a_provider(delete=False)]),
        "street: delete no_delete $0.00 unpublish:videos/street.mp4 release:g forget",
    )
    assert "job video_g stays behind: studio cannot delete" in told(plan, "street")


def test_a_job_that_is_gone_from_the_server_is_only_let_go() -> None:
    gone = a_generation(STREET, "g", on_server=False)
    check(
        a_world(recorded=[a_record(STREET, gone)]),
        "street: delete undeclared $0.00 unpublish:videos/street.mp4 release:g forget",
    )


def test_a_lost_video_that_is_declared_no_more_is_recorded_as_lost_so_that_it_can_go() -> None:
    """Else letting go would try for ever to store what nobody has."""
    lost = a_generation(STREET, "g", stored=(), expires_at=NOW - HOUR)
    check(
        a_world(recorded=[a_record(STREET, pending=lost)]),
        "street: delete undeclared $0.00 mark_lost:g retire:g forget",
    )


def test_a_published_file_is_taken_back_before_it_is_unpublished_if_the_store_lost_it() -> None:
    """The published file is the last copy of a paid video."""
    made = a_generation(STREET, "g")
    check(
        a_world(recorded=[a_record(STREET, made)], store_lost=[made]),
        "street: delete undeclared $0.00 take_back:videos/street.mp4 "
        "unpublish:videos/street.mp4 retire:g forget",
    )


def test_a_published_file_is_taken_back_before_it_is_replaced_if_the_store_lost_it() -> None:
    made = a_generation(STREET, "g")
    edited = a_declaration("street", "edited")
    check(
        a_world([edited], [a_record(STREET, made)], store_lost=[made]),
        f"street: replace recipe_changed $0.40 take_back:videos/street.mp4 {BOUGHT} retire:g",
    )


@pytest.mark.parametrize("prompt", ["a street", "edited"])
def test_a_remote_that_is_never_deleted_stays_when_removed_or_replaced(prompt: str) -> None:
    never = a_declaration("street", "a street", remote="never")
    edited = a_declaration("street", "edited", remote="never")
    records = [converged(never, "g")]
    expected = (
        ("delete undeclared $0.00 unpublish:videos/street.mp4 release:g forget", ())
        if prompt == "a street"
        else (f"replace recipe_changed $0.40 {BOUGHT} release:g", (edited,))
    )
    plan = check(a_world(expected[1], records), f"street: {expected[0]}")
    assert 'stays on the server (remote = "never")' in told(plan, "street")


def test_the_specs_word_on_the_remote_holds_before_anything_of_it_is_recorded() -> None:
    """A job in its first making has no recorded settings yet."""
    first = a_declaration("street", "a street")
    edited = a_declaration("street", "edited", remote="never")
    running = a_generation(first, "g", status="queued")
    check(
        a_world([edited], [a_record(first, pending=running)]),
        f"street: replace recipe_changed $0.40 {BOUGHT} release:g",
    )


def test_a_remote_to_be_deleted_after_download_is_deleted_at_the_end() -> None:
    street = a_declaration("street", "a street", remote="delete_after_download")
    check(a_world([street]), f"street: create not_recorded $0.40 {BOUGHT} delete_job")
    check(a_world([street], [converged(street)]), "street: update deposed $0.00 delete_job")
    gone = a_generation(street, on_server=False)
    check(a_world([street], [a_record(street, gone)]), "street: unchanged")


def test_asking_for_delete_after_download_later_deletes_the_job_then() -> None:
    street = a_declaration("street", "a street", remote="delete_after_download")
    check(
        a_world([street], [converged(STREET)]),
        "street: update settings_changed $0.00 promote delete_job",
    )


def test_a_shared_job_is_not_deleted_after_download() -> None:
    a = a_declaration("a", "shared", remote="delete_after_download")
    check(
        a_world([a, B], [a_record(a, SHARED), a_record(B, SHARED)]),
        "a: unchanged",
        "b: unchanged",
    )
    check(
        a_world([a], [a_record(a, SHARED)], held_elsewhere=[SHARED]),
        "a: unchanged",
    )


def test_a_job_that_is_shared_from_its_beginning_is_not_deleted_after_download() -> None:
    a = a_declaration("a", "shared", remote="delete_after_download")
    b = a_declaration("b", "shared", remote="delete_after_download")
    check(
        a_world([a, B]),
        f"a: create not_recorded $0.40 {BOUGHT}",
        "b: publish shared $0.00 after:a bind_shared:a fetch publish promote",
    )
    check(
        a_world([A, b]),
        f"a: create not_recorded $0.40 {BOUGHT}",
        "b: publish shared $0.00 after:a bind_shared:a fetch publish promote",
    )


def test_delete_after_download_on_a_server_without_delete_asks_for_nothing() -> None:
    street = a_declaration("street", "a street", remote="delete_after_download")
    check(
        a_world([street], [converged(street)], providers=[a_provider(delete=False)]),
        "street: unchanged",
    )


def test_destroy_takes_nothing_as_declared() -> None:
    rain = a_declaration("rain", "with rain", remix_of=STREET)
    check_destroy(
        a_world([STREET, rain], [converged(STREET, "g1"), converged(rain, "g2")]),
        "rain: delete destroyed $0.00 unpublish:videos/rain.mp4 retire:g2 forget",
        "street: delete destroyed $0.00 unpublish:videos/street.mp4 retire:g1 forget",
    )


def test_destroy_spares_what_is_protected() -> None:
    check_destroy(
        a_world([STREET], [a_record(STREET, a_generation(STREET), protect=True)]),
        "street: blocked protected $0.00",
    )


def test_destroy_deletes_a_shared_job_once() -> None:
    check_destroy(
        a_world([A, B], [a_record(A, SHARED), a_record(B, SHARED)]),
        "a: delete job_in_use $0.00 unpublish:videos/a.mp4 release:g forget",
        "b: delete destroyed $0.00 unpublish:videos/b.mp4 retire:g forget",
    )


def test_a_remote_job_that_nobody_recorded_is_never_touched() -> None:
    """The history holds jobs that no address has: they are not this plan's business."""
    check(a_world(history=[SHARED]))


def test_only_what_is_recorded_as_published_is_unpublished() -> None:
    made = a_generation(STREET, "g")
    elsewhere = a_file(made, "films/street.mp4")
    check(
        a_world(recorded=[a_record(STREET, made, published=[elsewhere])]),
        "street: delete undeclared $0.00 unpublish:films/street.mp4 retire:g forget",
    )


def test_the_free_part_keeps_the_job_that_a_remix_left_out_of_it_needs() -> None:
    parent = a_declaration("street", "a street", remote="delete_after_download")
    rain = a_declaration("rain", "the same, in rain", remix_of=parent)
    world = a_world([parent, rain], [converged(parent)])
    check(
        world,
        "street: update deposed $0.00 delete_job",
        "rain: remix not_recorded $0.40 buy await fetch publish promote",
    )
    check_free(world)


def test_the_free_part_does_the_rest_of_such_an_action() -> None:
    parent = a_declaration("street", "a street", remote="delete_after_download")
    rain = a_declaration("rain", "the same, in rain", remix_of=parent)
    made = converged(parent)
    world = a_world([parent, rain], [made], files={"videos/street.mp4": None})
    check_free(world, "street: publish file_missing $0.00 publish")
