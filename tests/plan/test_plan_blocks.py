"""The blocks of the specs: what they move, forget and take over, and what contradicts them."""

from dataclasses import replace

import pytest

from reconciler.domain.address import Address
from reconciler.domain.plan import Adopt, Plan
from reconciler.domain.recorded import JobStatus
from reconciler.domain.world import World
from reconciler.plan.blocks import conflicts
from reconciler.plan.looks import looks
from worlds import (
    FOREIGN,
    MINUTE,
    MISSING,
    NOW,
    a_declaration,
    a_generation,
    a_listed_job,
    a_record,
    a_sidecar,
    a_world,
    an_attempt,
    changed,
    check,
    check_destroy,
    check_free,
    converged,
    the_plan,
    told,
)

OLD = a_declaration("old", "a street")
NEW = a_declaration("new", "a street")
EDITED = a_declaration("new", "another street")
A, B, C = (a_declaration(name, name.upper()) for name in "abc")
BOUGHT = "buy await fetch publish promote"
TEASER = a_declaration("teaser")
JOB = a_listed_job(TEASER, "video_1")
ADOPTED = "adopt await fetch publish promote"


def contradictions(world: World) -> list[str]:
    return [each.summary for each in conflicts(world)]


# --- moved


def test_a_block_moves_a_video_with_its_file_for_nothing() -> None:
    plan = check(
        a_world([NEW], [converged(OLD)], moved={"old": "new"}, files={"videos/new.mp4": MISSING}),
        "new: move moved $0.00 rename:old",
    )
    assert changed(plan, "new") == [
        "address: old -> new (free)",
        "output: videos/old.mp4 -> videos/new.mp4 (free)",
    ]


def test_an_edited_video_is_moved_first_and_then_replaced() -> None:
    plan = check(
        a_world([EDITED], [converged(OLD, "g1")], moved={"old": "new"}),
        "new: replace recipe_changed $0.40 rename:old buy await fetch unpublish:videos/old.mp4"
        " publish promote retire:g1",
    )
    assert changed(plan, "new")[0] == "address: old -> new (free)"
    assert "first it is moved" in told(plan, "new")


def test_what_costs_waits_with_its_move_where_only_free_things_are_done() -> None:
    check_free(a_world([EDITED], [converged(OLD)], moved={"old": "new"}))


def test_a_protected_video_is_moved_and_not_replaced() -> None:
    protected = a_record(OLD, a_generation(OLD), protect=True)
    check(a_world([NEW], [protected], moved={"old": "new"}), "new: move moved $0.00 rename:old")
    check(a_world([EDITED], [protected], moved={"old": "new"}), "new: blocked protected $0.00")


def test_a_chain_is_gone_to_its_end() -> None:
    chain = {"a": "b", "b": "new"}
    check(
        a_world([NEW], [converged(a_declaration("b", "a street"))], moved=chain),
        "new: move moved $0.00 rename:b",
    )
    check(
        a_world([NEW], [converged(a_declaration("a", "a street"))], moved=chain),
        "new: move moved $0.00 rename:a",
    )
    check(a_world([NEW], [converged(NEW)], moved=chain), "new: unchanged")


def test_a_block_comes_before_the_move_that_is_found_by_itself() -> None:
    """Of two that have the recipe, the automatic move would take the first."""
    one, two = a_declaration("one", "a street"), a_declaration("two", "a street")
    check(
        a_world([NEW], [converged(one, "g"), converged(two, "g")], moved={"two": "new"}),
        "new: move moved $0.00 rename:two",
        "one: delete job_in_use $0.00 unpublish:videos/one.mp4 release:g forget",
    )


def test_a_name_without_keys_takes_all_cells_along() -> None:
    cells = [a_declaration(f"city[{key}]", key) for key in ("dawn", "dusk")]
    towns = [a_declaration(f"town[{key}]", key) for key in ("dawn", "dusk")]
    check(
        a_world(towns, [converged(each) for each in cells], moved={"city": "town"}),
        "town[dawn]: move moved $0.00 rename:city[dawn]",
        "town[dusk]: move moved $0.00 rename:city[dusk]",
    )


def test_a_video_becomes_the_first_of_several_takes() -> None:
    hero = a_declaration("hero", "a hero")
    takes = [a_declaration(f"hero[{n}]", "a hero", take=n) for n in (1, 2)]
    check(
        a_world(takes, [converged(hero)], moved={"hero": "hero[1]"}),
        "hero[1]: move moved $0.00 rename:hero",
        f"hero[2]: create not_recorded $0.40 {BOUGHT}",
    )


def test_what_is_there_already_is_not_renamed_over() -> None:
    plan = check(
        a_world([NEW], [converged(OLD)], moved={"old": "new"}, files={"videos/new.mp4": FOREIGN}),
        "new: move moved $0.00 rename:old",
    )
    assert "videos/new.mp4 exists" in told(plan, "new")


def test_a_running_job_that_moves_is_waited_for() -> None:
    running = a_generation(OLD, status="in_progress")
    check(
        a_world([NEW], [a_record(OLD, pending=running)], moved={"old": "new"}),
        "new: wait job_running $0.00 rename:old await fetch publish promote",
    )


def test_a_failed_job_moves_and_is_not_bought_again() -> None:
    failed = a_generation(OLD, status="failed", error=("moderation_blocked", "no"))
    plan = check(
        a_world([NEW], [a_record(OLD, pending=failed)], moved={"old": "new"}),
        "new: move moved $0.00 rename:old",
    )
    assert "then it is blocked" in told(plan, "new")


def test_a_remix_follows_its_renamed_parent_for_nothing() -> None:
    rain = a_declaration("rain", remix_of=OLD)
    followed = replace(rain, parent=Address("new"))
    check(
        a_world([NEW, followed], [converged(OLD), converged(rain)], moved={"old": "new"}),
        "new: move moved $0.00 rename:old",
        "rain: unchanged",
    )


def test_an_unresolved_request_moves_with_its_address() -> None:
    sent = replace(an_attempt(NEW), address=Address("old"))
    plan = the_plan(
        a_world([NEW], [a_record(OLD, pending=None)], attempts=[sent], moved={"old": "new"})
    )
    assert [(str(a.address), a.kind.value) for a in plan.actions] == [("new", "resolve")]


@pytest.mark.parametrize("recipe", ["a street", "another street"])
def test_what_moves_onto_what_is_recorded_contradicts_it_and_nothing_is_deleted(
    recipe: str,
) -> None:
    world = a_world(
        [NEW],
        [converged(a_declaration("old", recipe), "g1"), converged(NEW, "g2")],
        moved={"old": "new"},
    )
    assert contradictions(world) == ["old cannot move to new, which holds job video_g2 already"]
    check(world, "old: blocked block_conflict $0.00", "new: unchanged")


def test_two_that_would_move_together_stay_where_they_are() -> None:
    world = a_world([C], [converged(A), converged(B)], moved={"a": "b", "b": "c"})
    assert contradictions(world) == [
        "a cannot move to c, where b moves too",
        "b cannot move to c, where a moves too",
    ]
    check(
        world,
        f"c: create not_recorded $0.40 {BOUGHT}",
        "a: blocked block_conflict $0.00",
        "b: blocked block_conflict $0.00",
    )


def test_a_move_to_what_is_declared_no_more_says_nothing() -> None:
    check(
        a_world([A], [converged(A), converged(OLD, "g")], moved={"old": "new"}),
        "old: delete undeclared $0.00 unpublish:videos/old.mp4 retire:g forget",
        "a: unchanged",
    )


# --- removed


def test_what_is_removed_is_forgotten_and_nothing_of_it_is_touched() -> None:
    plan = check(
        a_world([A], [converged(A), converged(OLD)], removed=["old"]),
        "old: forget removed $0.00 forget",
        "a: unchanged",
    )
    assert "videos/old.mp4" in told(plan, "old")


def test_what_is_protected_may_be_forgotten() -> None:
    protected = a_record(OLD, a_generation(OLD), protect=True)
    check(a_world([], [protected], removed=["old"]), "old: forget removed $0.00 forget")


def test_a_done_removal_says_nothing() -> None:
    check(a_world([A], [converged(A)], removed=["old"]), "a: unchanged")


def test_what_is_forgotten_is_not_destroyed() -> None:
    check_destroy(
        a_world([A], [converged(A, "g"), converged(OLD)], removed=["old"]),
        "a: delete destroyed $0.00 unpublish:videos/a.mp4 retire:g forget",
        "old: forget removed $0.00 forget",
    )


def test_a_removal_at_the_end_of_a_chain_forgets_what_never_moved() -> None:
    check(
        a_world([], [converged(OLD)], moved={"old": "new"}, removed=["new"]),
        "old: forget removed $0.00 forget",
    )


def test_a_name_without_keys_is_forgotten_with_all_cells() -> None:
    cells = [converged(a_declaration(f"city[{key}]", key)) for key in ("dawn", "dusk")]
    check(
        a_world([], cells, removed=["city"]),
        "city[dawn]: forget removed $0.00 forget",
        "city[dusk]: forget removed $0.00 forget",
    )


def test_a_job_that_is_forgotten_is_left_alone_by_who_shares_it() -> None:
    shared = a_generation(OLD, "g")
    records = [a_record(OLD, shared), a_record(a_declaration("b", "a street"), shared)]
    check(
        a_world([], records, removed=["old"]),
        "b: delete job_in_use $0.00 unpublish:videos/b.mp4 release:g forget",
        "old: forget removed $0.00 forget",
    )


def test_what_was_paid_for_and_is_forgotten_is_stored_first() -> None:
    bought = an_attempt(OLD, state="acknowledged")
    running = replace(a_generation(OLD, status="in_progress", stored=()), attempt=bought.id)
    plan = the_plan(
        a_world([], [a_record(OLD, pending=running)], attempts=[bought], removed=["old"])
    )
    assert [type(each).__name__ for each in plan.spares] == ["StoreSpare"]


def test_a_forgotten_video_moves_nowhere_by_itself() -> None:
    """Its recipe is known, though: it is bought by nobody else."""
    plan = the_plan(a_world([NEW], [converged(OLD)], removed=["old"]))
    kinds = {str(action.address): action.kind.value for action in plan.actions}
    assert kinds == {"new": "restore", "old": "forget"}
    assert plan.cost.usd == 0


# --- import


def of(plan: Plan) -> Adopt:
    return next(s for a in plan.actions for s in a.steps if isinstance(s, Adopt))


def test_a_named_job_is_taken_instead_of_bought_and_may_be_anothers() -> None:
    plan = check(
        a_world([TEASER], imports={"teaser": "video_1"}, named={"video_1": JOB}),
        f"teaser: adopt imported $0.00 {ADOPTED}",
    )
    assert "video_1" in told(plan, "teaser")
    assert (of(plan).named, of(plan).cost_usd) == (True, None)


def test_a_named_job_takes_the_place_of_what_the_video_was() -> None:
    old = a_declaration("teaser", "what it was")
    check(
        a_world(
            [TEASER], [converged(old, "g")], imports={"teaser": "video_1"}, named={"video_1": JOB}
        ),
        f"teaser: adopt imported $0.00 {ADOPTED} retire:g",
    )


@pytest.mark.parametrize("prompt", ["teaser", "edited since"])
def test_a_done_import_says_nothing(prompt: str) -> None:
    imported = replace(a_generation(TEASER, "g"), remote_id="video_1", is_ours=False, cost_usd=None)
    now = a_declaration("teaser", prompt)
    world = a_world([now], [a_record(TEASER, imported)], imports={"teaser": "video_1"})
    assert contradictions(world) == []
    assert looks(world.desired, world.recorded, "auto", at=NOW, blocks=world.blocks).named == ()
    plan = the_plan(world)
    assert [a.kind.value for a in plan.actions] == ([] if prompt == "teaser" else ["replace"])
    replaced = a_world(
        [now], [converged(now, "h")], history=[imported], imports={"teaser": "video_1"}
    )
    assert contradictions(replaced) == []
    check(replaced, "teaser: unchanged")


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ({}, "was not asked for"),
        ({"video_1": "gone"}, "knows no job video_1"),
        ({"video_1": replace(JOB, status=JobStatus.FAILED)}, "failed, so it has no video"),
        ({"video_1": replace(JOB, expires_at=NOW - MINUTE)}, "has expired"),
        ({"video_1": replace(JOB, prompt="another")}, "import 'teaser' video_1 --yes"),
    ],
)
def test_a_job_that_cannot_be_taken_blocks_and_nothing_is_bought(
    seen: dict[str, object], why: str
) -> None:
    world = a_world([TEASER], imports={"teaser": "video_1"}, named=seen)  # type: ignore[arg-type]
    plan = check(world, "teaser: blocked not_importable $0.00")
    assert why in told(plan, "teaser")


def test_a_server_that_cannot_be_asked_blocks_an_import() -> None:
    world = a_world([TEASER], imports={"teaser": "video_1"}, unreachable={"studio": "no route"})
    assert "no route" in told(check(world, "teaser: blocked not_importable $0.00"), "teaser")


def test_a_job_that_a_lost_answer_may_have_made_is_not_taken() -> None:
    lost = an_attempt(a_declaration("other", "teaser", take=2))
    world = a_world(
        [TEASER], attempts=[lost], imports={"teaser": "video_1"}, named={"video_1": JOB}
    )
    action = next(a for a in the_plan(world).actions if str(a.address) == "teaser")
    assert (action.kind.value, action.reason.value) == ("blocked", "not_importable")
    assert "sorafile resolve" in action.because


def test_a_video_with_an_unresolved_request_is_resolved_first_and_not_bought_again() -> None:
    world = a_world(
        [TEASER],
        attempts=[an_attempt(TEASER)],
        imports={"teaser": "video_1"},
        named={"video_1": JOB},
    )
    (action,) = the_plan(world).actions
    assert action.kind.value == "resolve"
    assert action.purchases == ()


def test_an_import_onto_what_has_its_video_contradicts_it() -> None:
    world = a_world(
        [TEASER], [converged(TEASER, "g")], imports={"teaser": "video_1"}, named={"video_1": JOB}
    )
    assert contradictions(world) == ["job video_1 cannot be taken: teaser has job video_g already"]


def test_an_import_of_anothers_job_contradicts_it() -> None:
    other = replace(a_generation(A, "g"), remote_id="video_1")
    world = a_world([TEASER, A], [a_record(A, other)], imports={"teaser": "video_1"})
    assert contradictions(world) == ["job video_1 is recorded already, for a"]


def test_a_named_job_is_adopted_for_nobody_else() -> None:
    from worlds import a_provider

    twin = a_declaration("a-twin", "teaser", take=2)
    plan = the_plan(
        a_world(
            [TEASER, twin],
            listed=[JOB],
            imports={"teaser": "video_1"},
            named={"video_1": JOB},
            providers=[a_provider(account_use="exclusive")],
        )
    )
    kinds = {str(action.address): action.kind.value for action in plan.actions}
    assert kinds == {"teaser": "adopt", "a-twin": "create"}


def test_what_the_store_remembers_of_a_named_job_is_taken_from_there() -> None:
    kept = replace(a_sidecar(TEASER), remote_id="video_1")
    world = a_world([TEASER], sidecars=[kept], imports={"teaser": "video_1"})
    assert [a.kind.value for a in the_plan(world).actions] == ["restore"]


def test_only_what_is_not_recorded_is_asked_for_and_nothing_without_refresh() -> None:
    world = a_world([TEASER], imports={"teaser": "video_1"})

    def named(refresh: str) -> tuple[tuple[str, str], ...]:
        return looks(world.desired, world.recorded, refresh, at=NOW, blocks=world.blocks).named  # type: ignore[arg-type]

    assert named("auto") == (("studio", "video_1"),)
    assert named("none") == ()
