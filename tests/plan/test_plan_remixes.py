"""Remixes: what waits for a parent, what a parent's change costs, and what blocks it."""

from reconciler.domain.plan import Buy
from worlds import (
    FOREIGN,
    HOUR,
    MINUTE,
    NOW,
    a_declaration,
    a_generation,
    a_provider,
    a_record,
    a_sidecar,
    a_world,
    an_attempt,
    changed,
    check,
    converged,
    told,
)

BOUGHT = "buy await fetch publish promote"
STREET = a_declaration("street", "a street")
RAIN = a_declaration("rain", "with rain", remix_of=STREET)
EDITED = a_declaration("street", "a wide street")
RAIN_OF_EDITED = a_declaration("rain", "with rain", remix_of=EDITED)


def test_a_parent_comes_before_its_remix_whatever_their_names() -> None:
    parent = a_declaration("zoo", "a zoo")
    child = a_declaration("ape", "an ape", remix_of=parent)
    grandchild = a_declaration("bear", "a bear", remix_of=child)
    check(
        a_world([grandchild, child, parent]),
        f"zoo: create not_recorded $0.40 {BOUGHT}",
        f"ape: remix not_recorded $0.40 after:zoo {BOUGHT}",
        f"bear: remix not_recorded $0.40 after:ape {BOUGHT}",
    )


def test_a_remix_costs_what_its_parents_model_seconds_and_size_cost() -> None:
    parent = a_declaration("street", model="sora-2-pro", seconds=12, size="1792x1024")
    child = a_declaration("rain", "with rain", remix_of=parent)
    plan = check(
        a_world([parent, child]),
        f"street: create not_recorded $6.00 {BOUGHT}",
        f"rain: remix not_recorded $6.00 after:street {BOUGHT}",
    )
    assert str(plan.cost.usd) == "12.00"


def test_a_remix_of_a_finished_parent_waits_for_nothing() -> None:
    plan = check(
        a_world([STREET, RAIN], [converged(STREET, "parent")]),
        f"rain: remix not_recorded $0.40 {BOUGHT}",
        "street: unchanged",
    )
    buys = [step for step in plan.actions[0].steps if isinstance(step, Buy)]
    assert [buy.parent_generation for buy in buys] == ["parent"]
    assert changed(plan, "rain") == [
        "remix_of: None -> street (paid)",
        "prompt: None -> with rain (paid)",
    ]


def test_a_remix_waits_for_a_parent_that_still_runs() -> None:
    running = a_generation(STREET, "parent", status="in_progress")
    check(
        a_world([STREET, RAIN], [a_record(STREET, pending=running)]),
        "street: wait job_running $0.00 await fetch publish promote",
        f"rain: remix not_recorded $0.40 after:street {BOUGHT}",
    )


def test_a_remix_waits_for_a_parent_that_another_address_gets() -> None:
    twin = a_declaration("avenue", "a street")
    child = a_declaration("rain", "with rain", remix_of=STREET)
    check(
        a_world([twin, STREET, child]),
        f"avenue: create not_recorded $0.40 {BOUGHT}",
        "street: publish shared $0.00 after:avenue bind_shared:avenue fetch publish promote",
        f"rain: remix not_recorded $0.40 after:street {BOUGHT}",
    )


def test_a_parent_with_a_changed_recipe_replaces_its_remixes_too() -> None:
    grandchild = a_declaration("snow", "with snow", remix_of=RAIN)
    snow_of_edited = a_declaration("snow", "with snow", remix_of=RAIN_OF_EDITED)
    plan = check(
        a_world(
            [EDITED, RAIN_OF_EDITED, snow_of_edited],
            [converged(STREET, "g1"), converged(RAIN, "g2"), converged(grandchild, "g3")],
        ),
        f"street: replace recipe_changed $0.40 {BOUGHT} retire:g1",
        f"rain: replace parent_will_change $0.40 after:street {BOUGHT} retire:g2",
        f"snow: replace parent_will_change $0.40 after:rain {BOUGHT} retire:g3",
    )
    assert str(plan.cost.usd) == "1.20"
    assert told(plan, "rain") == "its parent street will change"
    assert changed(plan, "rain") == [
        f"parent: {STREET.digest} -> {EDITED.digest} (cascade)",
    ]


def test_a_remix_of_a_parent_that_changed_in_an_earlier_run_is_told_as_such() -> None:
    plan = check(
        a_world([EDITED, RAIN_OF_EDITED], [converged(EDITED, "g1"), converged(RAIN, "g2")]),
        f"rain: replace parent_will_change $0.40 {BOUGHT} retire:g2",
        "street: unchanged",
    )
    assert told(plan, "rain") == "its parent street changed"


def test_a_parent_bought_again_for_the_same_recipe_leaves_its_remixes_alone() -> None:
    regenerate = a_declaration("street", "a street", on_lost="regenerate")
    lost = a_generation(STREET, "lost", stored=(), expires_at=NOW - HOUR)
    check(
        a_world([regenerate, RAIN], [a_record(STREET, lost), converged(RAIN, "g2")]),
        f"street: create video_lost $0.40 mark_lost:lost {BOUGHT} retire:lost",
        "rain: unchanged",
    )


def test_another_parent_is_another_recipe() -> None:
    beach = a_declaration("beach", "a beach")
    rain = a_declaration("rain", "with rain", remix_of=beach)
    plan = check(
        a_world(
            [STREET, beach, rain],
            [converged(STREET, "g1"), converged(beach, "g2"), converged(RAIN, "g3")],
        ),
        f"rain: replace recipe_changed $0.40 {BOUGHT} retire:g3",
        "beach: unchanged",
        "street: unchanged",
    )
    assert changed(plan, "rain") == ["remix_of: street -> beach (paid)"]


def test_another_pick_of_the_same_parent_is_told_as_such() -> None:
    one, two = (a_declaration(f"hero[{n}]", "a hero", take=n) for n in (1, 2))
    hero, now = a_declaration("hero", "a hero", take=2), a_declaration("hero", "a hero", take=1)
    rain = a_declaration("rain", remix_of=hero)
    held = [converged(each, f"g{each.recipe.take}") for each in (one, two, hero)]

    plan = check(
        a_world([one, two, now, a_declaration("rain", remix_of=now)], [*held, converged(rain)]),
        "hero: publish shared $0.00 bind:g1 fetch publish promote release:g2",
        f"rain: replace parent_will_change $0.40 {BOUGHT} retire:g-rain",
        "hero[1]: unchanged",
        "hero[2]: unchanged",
    )

    assert changed(plan, "rain") == [f"parent: {hero.digest} -> {now.digest} (cascade)"]


def test_a_video_that_becomes_a_remix_takes_its_settings_from_its_parent() -> None:
    alone = a_declaration("rain", "with rain")
    plan = check(
        a_world([STREET, RAIN], [converged(STREET), converged(alone, "g2")]),
        f"rain: replace recipe_changed $0.40 {BOUGHT} retire:g2",
        "street: unchanged",
    )
    assert changed(plan, "rain")[0] == "remix_of: None -> street (paid)"


def test_a_parent_that_was_renamed_leaves_its_remixes_alone() -> None:
    avenue = a_declaration("avenue", "a street")
    rain = a_declaration("rain", "with rain", remix_of=avenue)
    check(
        a_world([avenue, rain], [converged(STREET), converged(RAIN)]),
        "avenue: move renamed $0.00 rename:street",
        "rain: unchanged",
    )


def test_a_whole_family_may_be_renamed_for_nothing() -> None:
    avenue = a_declaration("avenue", "a street")
    storm = a_declaration("storm", "with rain", remix_of=avenue)
    check(
        a_world([avenue, storm], [converged(STREET), converged(RAIN)]),
        "avenue: move renamed $0.00 rename:street",
        "storm: move renamed $0.00 rename:rain",
    )


def test_a_remix_is_blocked_by_a_parent_that_failed() -> None:
    failed = a_generation(STREET, status="failed")
    plan = check(
        a_world([STREET, RAIN], [a_record(STREET, pending=failed)]),
        "street: blocked job_failed $0.00",
        "rain: blocked parent_blocked $0.00",
    )
    assert "street" in told(plan, "rain")


def test_a_remix_is_blocked_by_a_parent_that_failed_and_was_renamed() -> None:
    avenue = a_declaration("avenue", "a street")
    rain = a_declaration("rain", "with rain", remix_of=avenue)
    failed = a_generation(STREET, status="failed")
    check(
        a_world([avenue, rain], [a_record(STREET, pending=failed)]),
        "avenue: move renamed $0.00 rename:street",
        "rain: blocked parent_blocked $0.00",
    )


def test_a_remix_is_blocked_by_a_protected_parent_that_would_change() -> None:
    records = [a_record(STREET, a_generation(STREET), protect=True), converged(RAIN)]
    check(
        a_world([EDITED, RAIN_OF_EDITED], records),
        "street: blocked protected $0.00",
        "rain: blocked parent_blocked $0.00",
    )


def test_a_remix_waits_for_a_parent_whose_attempt_is_unresolved() -> None:
    check(
        a_world([STREET, RAIN], attempts=[an_attempt(STREET)]),
        "street: resolve unresolved_attempt $0.00 resolve await fetch publish promote",
        f"rain: remix not_recorded $0.40 after:street {BOUGHT}",
    )


def test_a_remix_is_blocked_by_a_blocked_grandparent() -> None:
    snow = a_declaration("snow", "with snow", remix_of=RAIN)
    check(
        a_world([STREET, RAIN, snow], files={"videos/street.mp4": FOREIGN}),
        "street: blocked path_occupied $0.00",
        "rain: blocked parent_blocked $0.00",
        "snow: blocked parent_blocked $0.00",
    )


def test_a_remix_that_exists_needs_no_parent() -> None:
    failed = a_generation(STREET, status="failed")
    check(
        a_world([STREET, RAIN], [a_record(STREET, pending=failed), converged(RAIN)]),
        "street: blocked job_failed $0.00",
        "rain: unchanged",
    )


def test_a_remix_that_is_stored_is_restored_whatever_its_parent() -> None:
    gone = a_generation(STREET, on_server=False)
    check(
        a_world([STREET, RAIN], [a_record(STREET, gone)], history=[a_generation(RAIN, "old")]),
        "rain: restore stored_before $0.00 bind:old fetch publish promote",
        "street: unchanged",
    )


def test_a_remix_of_a_stored_parent_whose_job_was_deleted_is_blocked() -> None:
    gone = a_generation(STREET, on_server=False)
    plan = check(
        a_world([STREET, RAIN], [a_record(STREET, gone)]),
        "rain: blocked parent_job_gone $0.00",
        "street: unchanged",
    )
    assert "its job is gone" in told(plan, "rain")


def test_a_remix_of_a_stored_parent_whose_job_the_server_knows_no_more_is_blocked() -> None:
    parent = a_generation(STREET)
    check(
        a_world([STREET, RAIN], [a_record(STREET, parent)], jobs={parent: "gone"}),
        "rain: blocked parent_job_gone $0.00",
        "street: unchanged",
    )


def test_a_running_parent_that_was_missing_once_is_not_gone() -> None:
    """A job that was just made may be missing at first: that means nothing."""
    young = a_generation(STREET, status="queued", created_at=NOW - MINUTE / 6)
    check(
        a_world([STREET, RAIN], [a_record(STREET, pending=young)], jobs={young: "gone"}),
        "street: wait job_running $0.00 await fetch publish promote",
        f"rain: remix not_recorded $0.40 after:street {BOUGHT}",
    )


def test_a_parent_that_was_not_asked_for_is_unknown_and_never_gone() -> None:
    check(
        a_world([STREET, RAIN], [converged(STREET)], unreachable={"studio": "connection refused"}),
        f"rain: remix not_recorded $0.40 {BOUGHT}",
        "street: unchanged",
    )


def test_a_remix_of_a_parent_that_only_its_sidecar_remembers_is_made_after_its_restoring() -> None:
    """Whether the parent's job still exists is unknown, and unknown is never gone."""
    check(
        a_world([STREET, RAIN], sidecars=[a_sidecar(STREET)]),
        "street: restore stored_before $0.00 recover fetch publish promote",
        f"rain: remix not_recorded $0.40 after:street {BOUGHT}",
    )


def test_remixes_with_one_recipe_pay_once() -> None:
    twin = a_declaration("storm", "with rain", remix_of=STREET)
    check(
        a_world([STREET, RAIN, twin], [converged(STREET)]),
        f"rain: remix not_recorded $0.40 {BOUGHT}",
        "storm: publish shared $0.00 after:rain bind_shared:rain fetch publish promote",
        "street: unchanged",
    )


def test_remixes_of_two_addresses_with_one_recipe_have_one_recipe() -> None:
    avenue = a_declaration("avenue", "a street")
    of_avenue = a_declaration("storm", "with rain", remix_of=avenue)
    check(
        a_world([avenue, STREET, RAIN, of_avenue]),
        f"avenue: create not_recorded $0.40 {BOUGHT}",
        "street: publish shared $0.00 after:avenue bind_shared:avenue fetch publish promote",
        f"rain: remix not_recorded $0.40 after:street {BOUGHT}",
        "storm: publish shared $0.00 after:rain bind_shared:rain fetch publish promote",
    )


def test_a_parent_to_be_deleted_after_download_is_kept_while_a_blocked_remix_needs_it() -> None:
    parent = a_declaration("street", "a street", remote="delete_after_download")
    rain = a_declaration("rain", "with rain", remix_of=parent)
    check(
        a_world([parent, rain], [converged(parent)], files={"videos/rain.mp4": FOREIGN}),
        "rain: blocked path_occupied $0.00",
        "street: unchanged",
    )


def test_a_parent_to_be_deleted_after_download_is_deleted_once_its_remixes_exist() -> None:
    parent = a_declaration("street", "a street", remote="delete_after_download")
    rain = a_declaration("rain", "with rain", remix_of=parent)
    check(
        a_world([parent, rain], [converged(parent), converged(rain)]),
        "street: update deposed $0.00 delete_job",
        "rain: unchanged",
    )


def test_a_replaced_job_on_a_server_that_cannot_delete_is_released() -> None:
    check(
        a_world([EDITED], [converged(STREET, "g1")], providers=[a_provider(delete=False)]),
        f"street: replace recipe_changed $0.40 {BOUGHT} release:g1",
    )
