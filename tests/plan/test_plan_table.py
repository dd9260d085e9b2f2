"""The decision table: what is done about one video that is declared."""

from dataclasses import replace

from worlds import (
    HOUR,
    MINUTE,
    NOW,
    a_declaration,
    a_generation,
    a_job,
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

STREET = a_declaration("street", "a street")
EDITED = a_declaration("street", "a street in the rain")
BOUGHT = "buy await fetch publish promote"


def test_an_empty_project_plans_nothing() -> None:
    plan = check(a_world())
    assert plan.is_empty
    assert not plan.has_changes


def test_a_declaration_that_nothing_is_recorded_of_is_created_at_its_price() -> None:
    plan = check(a_world([STREET]), f"street: create not_recorded $0.40 {BOUGHT}")
    assert changed(plan, "street") == [
        "prompt: None -> a street (paid)",
        "model: None -> sora-2 (paid)",
        "seconds: None -> 4 (paid)",
        "size: None -> 720x1280 (paid)",
    ]


def test_every_variant_of_a_new_video_is_fetched_and_published() -> None:
    street = a_declaration("street", variants=["video", "thumbnail", "spritesheet"])
    check(
        a_world([street]),
        "street: create not_recorded $0.40 buy await fetch:spritesheet,thumbnail,video "
        "publish:spritesheet publish:thumbnail publish promote",
    )


def test_a_converged_video_is_left_alone() -> None:
    plan = check(a_world([STREET], [converged(STREET)]), "street: unchanged")
    assert plan.is_empty


def test_a_changed_recipe_buys_the_new_video_before_the_old_job_is_let_go() -> None:
    plan = check(
        a_world([EDITED], [converged(STREET, "old")]),
        f"street: replace recipe_changed $0.40 {BOUGHT} retire:old",
    )
    assert changed(plan, "street") == ["prompt: a street -> a street in the rain (paid)"]


def test_every_field_of_a_recipe_that_differs_is_told() -> None:
    bigger = a_declaration(
        "street",
        "a street",
        model="sora-2-pro",
        seconds=12,
        size="1792x1024",
        reference="an image",
        edition=1,
    )
    plan = check(
        a_world([bigger], [converged(STREET, "old")]),
        f"street: replace recipe_changed $6.00 {BOUGHT} retire:old",
    )
    fields = [line.partition(":")[0] for line in changed(plan, "street")]
    assert fields == ["model", "seconds", "size", "input_reference", "edition"]


def test_another_fit_of_the_same_reference_is_paid_for() -> None:
    exact, cover, contain = (
        a_declaration("street", reference="an image", fit=fit)
        for fit in ("exact", "cover", "contain")
    )
    for before, after, change in (
        (exact, cover, "reference_fit: exact -> cover (paid)"),
        (cover, contain, "reference_fit: cover -> contain (paid)"),
        (contain, exact, "reference_fit: contain -> exact (paid)"),
    ):
        plan = check(
            a_world([after], [converged(before, "old")]),
            f"street: replace recipe_changed $0.40 {BOUGHT} retire:old",
        )
        assert changed(plan, "street") == [change]
    plan = check(a_world([cover]), f"street: create not_recorded $0.40 {BOUGHT}")
    assert changed(plan, "street")[-1] == "reference_fit: None -> cover (paid)"


def test_an_old_job_that_still_runs_is_let_finish_stored_and_then_deleted() -> None:
    running = a_generation(STREET, "old", status="in_progress")
    plan = check(
        a_world([EDITED], [a_record(STREET, pending=running)]),
        f"street: replace recipe_changed $0.40 {BOUGHT} retire:old",
    )
    assert "still runs" in told(plan, "street")


def test_an_old_video_that_is_finished_and_not_stored_is_downloaded_before_the_new_is_bought() -> (
    None
):
    finished = a_generation(STREET, "old", status="in_progress")
    check(
        a_world([EDITED], [a_record(STREET, pending=finished)], jobs={finished: a_job(finished)}),
        f"street: replace recipe_changed $0.40 retire:old {BOUGHT}",
    )


def test_a_protected_video_whose_recipe_changed_is_blocked() -> None:
    edited = a_declaration("street", "a street in the rain", protect=True)
    check(
        a_world([edited], [converged(STREET)]),
        "street: blocked protected $0.00",
    )


def test_protection_is_remembered_where_the_spec_is_silent() -> None:
    record = a_record(STREET, a_generation(STREET), protect=True)
    check(a_world([EDITED], [record]), "street: blocked protected $0.00")


def test_a_spec_that_says_protect_false_ends_the_protection_that_is_remembered() -> None:
    edited = a_declaration("street", "a street in the rain", protect=False)
    record = a_record(STREET, a_generation(STREET, "old"), protect=True)
    check(
        a_world([edited], [record]),
        f"street: replace recipe_changed $0.40 {BOUGHT} retire:old",
    )


def test_saying_nothing_of_protection_keeps_what_is_remembered() -> None:
    record = a_record(STREET, a_generation(STREET), protect=True)
    check(a_world([STREET], [record]), "street: unchanged")


def test_protection_taken_away_is_a_free_change() -> None:
    unprotected = a_declaration("street", "a street", protect=False)
    record = a_record(STREET, a_generation(STREET), protect=True)
    plan = check(a_world([unprotected], [record]), "street: update settings_changed $0.00 promote")
    assert changed(plan, "street") == ["protect: true -> false (free)"]


def test_a_protected_video_that_does_not_change_is_left_alone() -> None:
    street = a_declaration("street", "a street", protect=True)
    check(a_world([street], [converged(street)]), "street: unchanged")


def test_a_stored_generation_of_the_recipe_is_restored_for_nothing() -> None:
    old, new = a_generation(STREET, "old"), a_generation(EDITED, "new")
    plan = check(
        a_world([STREET], [a_record(EDITED, new)], history=[old]),
        "street: restore stored_before $0.00 bind:old fetch publish promote retire:new",
    )
    assert changed(plan, "street") == ["prompt: a street in the rain -> a street (free)"]


def test_a_stored_generation_is_restored_at_an_address_that_nothing_is_recorded_of() -> None:
    check(
        a_world([STREET], history=[a_generation(STREET, "old", on_server=False)]),
        "street: restore stored_before $0.00 bind:old fetch publish promote",
    )


def test_a_generation_that_only_the_asset_store_remembers_is_restored() -> None:
    check(
        a_world([STREET], sidecars=[a_sidecar(STREET)]),
        "street: restore stored_before $0.00 recover fetch publish promote",
    )


def test_a_restored_generation_replaces_the_old_one_as_a_bought_one_does() -> None:
    check(
        a_world([EDITED], [converged(STREET, "old")], sidecars=[a_sidecar(EDITED)]),
        "street: restore stored_before $0.00 recover fetch publish promote retire:old",
    )


def test_a_restored_video_asks_no_server_for_a_picture_that_it_cannot_have() -> None:
    street = a_declaration("street", "a street", variants=["video", "thumbnail"])
    check(
        a_world([street], history=[a_generation(street, "old", on_server=False)]),
        "street: restore stored_before $0.00 bind:old fetch derive:thumbnail "
        "publish:thumbnail publish promote",
    )


def test_a_finished_job_of_the_recipe_that_waits_on_the_server_is_downloaded() -> None:
    waiting = a_generation(STREET, "old", stored=(), expires_at=NOW + HOUR)
    check(
        a_world([STREET], history=[waiting]),
        "street: download not_stored $0.00 bind:old fetch publish promote",
    )


def test_a_running_job_of_the_recipe_is_waited_for() -> None:
    check(
        a_world([STREET], history=[a_generation(STREET, "old", status="queued")]),
        "street: wait job_running $0.00 bind:old await fetch publish promote",
    )


def test_a_stored_generation_is_taken_before_a_running_one() -> None:
    stored = a_generation(STREET, "a-stored")
    running = a_generation(STREET, "z-running", status="in_progress")
    check(
        a_world([STREET], history=[running, stored]),
        "street: restore stored_before $0.00 bind:a-stored fetch publish promote",
    )


def test_a_job_that_runs_is_taken_before_a_video_that_is_lost() -> None:
    lost = a_generation(STREET, "z-lost", stored=(), expires_at=NOW - HOUR)
    running = a_generation(STREET, "a-running", status="in_progress")
    check(
        a_world([STREET], history=[running, lost]),
        "street: wait job_running $0.00 bind:a-running await fetch publish promote",
    )


def test_a_running_job_is_waited_for() -> None:
    for status in ("queued", "in_progress"):
        running = a_generation(STREET, status=status)
        plan = check(
            a_world([STREET], [a_record(STREET, pending=running)]),
            "street: wait job_running $0.00 await fetch publish promote",
        )
        assert "40 %" in told(plan, "street")


def test_a_running_job_that_was_seen_finished_is_downloaded() -> None:
    running = a_generation(STREET, status="in_progress")
    seen = a_job(running, expires_at=NOW + HOUR)
    plan = check(
        a_world([STREET], [a_record(STREET, pending=running)], jobs={running: seen}),
        "street: download not_stored $0.00 fetch publish promote",
    )
    assert plan.actions[0].expires_at == NOW + HOUR


def test_a_finished_job_never_runs_again_whatever_an_old_copy_says() -> None:
    done = a_generation(STREET)
    check(
        a_world([STREET], [a_record(STREET, done)], jobs={done: a_job(done, "in_progress")}),
        "street: unchanged",
    )


def test_a_stored_video_stays_whatever_its_server_says_of_the_job_later() -> None:
    done = a_generation(STREET)
    for seen in (a_job(done, "failed", error=("expired", "it expired")), "gone"):
        check(a_world([STREET], [a_record(STREET, done)], jobs={done: seen}), "street: unchanged")


def test_a_video_that_is_stored_and_whose_job_is_gone_or_expired_needs_nothing() -> None:
    for done in (
        a_generation(STREET, on_server=False),
        a_generation(STREET, expires_at=NOW - HOUR),
        a_generation(STREET, missing=(7, HOUR)),
    ):
        check(a_world([STREET], [a_record(STREET, done)]), "street: unchanged")


def test_a_stored_video_that_was_not_made_current_yet_becomes_current() -> None:
    plan = check(
        a_world([STREET], [a_record(STREET, pending=a_generation(STREET))]),
        "street: update not_stored $0.00 publish promote",
    )
    assert "altered" not in told(plan, "street")


def test_a_stored_new_video_takes_the_place_of_the_old_file_without_calling_it_altered() -> None:
    old, new = a_generation(STREET, "old"), a_generation(EDITED, "new")
    record = a_record(STREET, old, pending=new)
    plan = check(
        a_world([EDITED], [record]),
        "street: update not_stored $0.00 publish promote retire:old",
    )
    assert "altered" not in told(plan, "street")


def test_a_failed_job_is_blocked_with_the_servers_reason() -> None:
    failed = a_generation(STREET, status="failed", error=("moderation_blocked", "no"))
    plan = check(
        a_world([STREET], [a_record(STREET, pending=failed)]),
        "street: blocked job_failed $0.00",
    )
    assert "moderation_blocked: no" in told(plan, "street")


def test_a_job_that_is_seen_to_have_failed_is_blocked() -> None:
    running = a_generation(STREET, status="in_progress")
    seen = a_job(running, "failed", error=("bad_input", "no"))
    check(
        a_world([STREET], [a_record(STREET, pending=running)], jobs={running: seen}),
        "street: blocked job_failed $0.00",
    )


def test_another_recipe_after_a_failed_one_is_bought() -> None:
    failed = a_generation(STREET, "old", status="failed")
    check(
        a_world([EDITED], [a_record(STREET, pending=failed)]),
        f"street: create recipe_changed $0.40 {BOUGHT} retire:old",
    )


def test_going_back_from_a_failed_edit_to_what_is_published_is_free() -> None:
    current = a_generation(STREET, "current")
    failed = a_generation(EDITED, "failed", status="failed")
    check(
        a_world([STREET], [a_record(STREET, current, pending=failed)]),
        "street: update deposed $0.00 retire:failed",
    )


def test_going_back_from_an_edit_in_the_making_never_makes_it_the_current_one() -> None:
    """Promoting would make the pending one current, so the right one is held again first."""
    tagged = a_declaration("street", "a street", tags=("launch",))
    current = a_generation(STREET, "current")
    running = a_generation(EDITED, "running", status="in_progress")
    check(
        a_world([tagged], [a_record(STREET, current, pending=running)]),
        "street: update settings_changed $0.00 bind:current promote retire:running",
    )


def test_an_edit_while_an_older_edit_runs_lets_go_of_both_old_ones() -> None:
    current = a_generation(STREET, "current")
    running = a_generation(EDITED, "running", status="in_progress")
    third = a_declaration("street", "a third street")
    check(
        a_world([third], [a_record(STREET, current, pending=running)]),
        f"street: replace recipe_changed $0.40 {BOUGHT} retire:current retire:running",
    )


def test_an_edit_in_the_making_is_waited_for_and_then_replaces_the_current_one() -> None:
    current = a_generation(STREET, "current")
    running = a_generation(EDITED, "running", status="in_progress")
    check(
        a_world([EDITED], [a_record(STREET, current, pending=running)]),
        "street: wait job_running $0.00 await fetch publish promote retire:current",
    )


def test_two_addresses_may_swap_their_recipes_for_nothing() -> None:
    one, two = a_declaration("one", "A"), a_declaration("two", "B")
    records = [converged(one, "g1"), converged(two, "g2")]
    check(
        a_world([a_declaration("one", "B"), a_declaration("two", "A")], records),
        "one: restore stored_before $0.00 bind:g2 fetch publish promote release:g1",
        "two: restore stored_before $0.00 bind:g1 fetch publish promote release:g2",
    )


def test_two_new_addresses_with_one_recipe_pay_once() -> None:
    one, two = a_declaration("one", "A"), a_declaration("two", "A")
    plan = check(
        a_world([two, one]),
        f"one: create not_recorded $0.40 {BOUGHT}",
        "two: publish shared $0.00 after:one bind_shared:one fetch publish promote",
    )
    assert "share one generation" in told(plan, "two")


def test_an_address_with_the_recipe_of_another_publishes_the_shared_generation() -> None:
    one, two = a_declaration("one", "A"), a_declaration("two", "A")
    plan = check(
        a_world([one, two], [converged(one, "g1")]),
        "two: publish shared $0.00 bind:g1 fetch publish promote",
        "one: unchanged",
    )
    assert "one has the same recipe" in told(plan, "two")


def test_an_edit_to_the_recipe_of_another_address_is_free() -> None:
    one, two = a_declaration("one", "A"), a_declaration("two", "B")
    check(
        a_world([one, a_declaration("two", "A")], [converged(one, "g1"), converged(two, "g2")]),
        "two: publish shared $0.00 bind:g1 fetch publish promote retire:g2",
        "one: unchanged",
    )


def test_an_address_that_shares_a_failed_recipe_does_not_buy_it_again() -> None:
    one, two = a_declaration("one", "A"), a_declaration("two", "A")
    failed = a_generation(one, status="failed", error=("moderation_blocked", "no"))
    plan = check(
        a_world([one, two], [a_record(one, pending=failed)]),
        "one: blocked job_failed $0.00",
        "two: blocked job_failed $0.00",
    )
    assert "one" in told(plan, "two")


def test_a_recipe_that_failed_at_an_address_since_removed_is_an_ordinary_create() -> None:
    check(
        a_world([STREET], history=[a_generation(STREET, status="failed")]),
        f"street: create not_recorded $0.40 {BOUGHT}",
    )


def test_other_tags_and_settings_are_recorded_for_nothing() -> None:
    tagged = a_declaration("street", "a street", tags=("launch",), on_lost="regenerate")
    plan = check(
        a_world([tagged], [converged(STREET)]), "street: update settings_changed $0.00 promote"
    )
    assert changed(plan, "street") == [
        "tags:  -> launch (free)",
        "on_lost: fail -> regenerate (free)",
    ]


FOUND = "resolve await fetch publish promote"


def test_an_unresolved_attempt_of_the_recipe_is_resolved_first() -> None:
    for state in ("sending", "ambiguous"):
        plan = check(
            a_world([STREET], attempts=[an_attempt(STREET, state=state)]),
            f"street: resolve unresolved_attempt $0.00 {FOUND}",
        )
        assert "2026-11-22 11:59" in told(plan, "street")


def test_every_address_with_the_recipe_of_an_unresolved_attempt_waits_for_it() -> None:
    one, two = a_declaration("one", "A"), a_declaration("two", "A")
    check(
        a_world([one, two], attempts=[an_attempt(one)]),
        f"one: resolve unresolved_attempt $0.00 {FOUND}",
        "two: publish shared $0.00 after:one bind_shared:one fetch publish promote",
    )


def test_an_unresolved_attempt_of_another_recipe_holds_nothing_up() -> None:
    plan = check(
        a_world([EDITED], [converged(STREET, "old")], attempts=[an_attempt(STREET)]),
        f"street: replace recipe_changed $0.40 {BOUGHT} retire:old",
    )
    assert [found.code for found in plan.diagnostics] == ["SF0511"]


def test_an_attempt_that_was_reserved_and_never_sent_is_as_if_not_recorded() -> None:
    check(
        a_world([STREET], attempts=[an_attempt(STREET, state="reserved")]),
        f"street: create not_recorded $0.40 {BOUGHT}",
    )


def test_an_unresolved_attempt_never_holds_up_a_download_of_an_older_job() -> None:
    finished = a_generation(STREET, "older", stored=(), expires_at=NOW + MINUTE)
    record = a_record(STREET, pending=finished)
    check(
        a_world([EDITED], [record], attempts=[an_attempt(EDITED)]),
        f"street: resolve unresolved_attempt $0.00 retire:older {FOUND}",
    )


def test_a_failed_edit_never_holds_up_the_download_of_an_older_job() -> None:
    """The failed job blocks the address; the older one was paid for, and will expire."""
    failed = a_generation(EDITED, "failed", status="failed", error=("moderation_blocked", "no"))
    for status, kind in (("completed", "download not_stored"), ("queued", "wait job_running")):
        older = a_generation(STREET, "older", status=status, stored=())
        record = a_record(EDITED, pending=failed, deposed=(older,))
        plan = check(a_world([EDITED], [record]), f"street: {kind} $0.00 retire:older")
        assert "moderation_blocked" in told(plan, "street")


def test_a_current_video_stays_while_what_replaces_it_is_blocked() -> None:
    current = a_generation(STREET, "current")
    failed = a_generation(EDITED, "failed", status="failed")
    check(
        a_world([EDITED], [a_record(STREET, current, pending=failed)]),
        "street: blocked job_failed $0.00",
    )


def test_replaced_jobs_that_were_not_deleted_yet_are_let_go() -> None:
    new, old = a_generation(STREET, "new"), a_generation(EDITED, "old")
    check(
        a_world([STREET], [a_record(STREET, new, deposed=(old,))]),
        "street: update deposed $0.00 retire:old",
    )


def test_going_back_to_a_generation_that_was_just_deposed_is_free_and_keeps_its_job() -> None:
    new, old = a_generation(EDITED, "new"), a_generation(STREET, "old")
    check(
        a_world([STREET], [a_record(EDITED, new, deposed=(old,))]),
        "street: restore stored_before $0.00 bind:old fetch publish promote retire:new",
    )


def test_a_provider_of_the_same_account_under_another_name_changes_nothing() -> None:
    renamed = replace(STREET, provider="atelier")
    atelier = a_provider("atelier", account="studio")
    check(a_world([renamed], [converged(STREET)], providers=[atelier]), "street: unchanged")


def test_another_account_is_another_recipe() -> None:
    moved = a_declaration("street", "a street", provider="agency", account="agency")
    agency = a_provider("agency", account="agency")
    plan = check(
        a_world([moved], [converged(STREET, "old")], providers=[a_provider(), agency]),
        f"street: replace recipe_changed $0.40 {BOUGHT} retire:old",
    )
    assert plan.actions[0].provider == "agency"


def test_a_job_whose_provider_is_declared_no_more_stays_behind_and_is_told() -> None:
    moved = a_declaration("street", "a street", provider="agency", account="agency")
    agency = a_provider("agency", account="agency")
    plan = check(
        a_world([moved], [converged(STREET, "old")], providers=[agency]),
        f"street: replace recipe_changed $0.40 {BOUGHT} release:old",
    )
    assert "no provider of account 'studio'" in told(plan, "street")
