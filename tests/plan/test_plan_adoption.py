"""Jobs that a server has already: which are taken, which are offered, which are let be."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.domain.plan import TakeTwin
from reconciler.domain.provider import Provider
from reconciler.domain.recorded import GenerationId
from worlds import (
    HOUR,
    NOW,
    a_declaration,
    a_file,
    a_generation,
    a_listed_job,
    a_provider,
    a_record,
    a_sidecar,
    a_world,
    an_attempt,
    check,
    check_free,
    converged,
    the_plan,
    told,
)

OURS = a_provider(account_use="exclusive")
STREET = a_declaration("street", "a street")
RAIN = a_declaration("rain", "with rain", remix_of=STREET)
BOUGHT = "buy await fetch publish promote"
ADOPTED = "adopt await fetch publish promote"
JOB = a_listed_job(STREET)


def test_in_an_exclusive_account_a_job_of_the_recipe_is_adopted() -> None:
    plan = check(
        a_world([STREET], listed=[JOB], providers=[OURS]),
        f"street: adopt found_on_server $0.00 {ADOPTED}",
    )
    assert plan.cost.worst_case_usd == 0
    assert "video_found" in told(plan, "street")


def test_adopting_is_free() -> None:
    check_free(
        a_world([STREET], listed=[JOB], providers=[OURS]),
        f"street: adopt found_on_server $0.00 {ADOPTED}",
    )


@pytest.mark.parametrize(
    ("provider", "seen", "unlisted"),
    [
        (OURS, {}, {"studio": "its list was not read"}),
        (OURS, {"unreachable": {"studio": "no route"}}, {"studio": "no route"}),
        (OURS, {"listed": []}, {}),
        (a_provider(), {}, {}),
        (a_provider(account_use="exclusive", list="none"), {}, {}),
    ],
)
def test_where_adoption_comes_first_a_plan_says_that_nothing_is_bought_unseen(
    provider: Provider, seen: dict[str, Any], unlisted: dict[str, str]
) -> None:
    plan = the_plan(a_world([STREET], providers=[provider], **seen))
    assert plan.unlisted == unlisted
    assert ("SF0523" in {each.code for each in plan.diagnostics}) == bool(unlisted)
    nothing_wanted = the_plan(a_world([STREET], [converged(STREET)], providers=[provider]))
    assert nothing_wanted.unlisted == {}


def test_in_a_shared_account_it_is_offered_and_not_taken() -> None:
    plan = check(
        a_world([STREET], listed=[JOB]),
        f"street: create not_recorded $0.40 {BOUGHT}",
    )
    assert "sorafile import 'street' video_found" in told(plan, "street")


def test_a_replaced_video_is_let_go_once_the_adopted_one_is_published() -> None:
    edited = a_declaration("street", "edited")
    check(
        a_world(
            [edited], [converged(STREET, "old")], listed=[a_listed_job(edited)], providers=[OURS]
        ),
        f"street: adopt found_on_server $0.00 {ADOPTED} retire:old",
    )


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(a_listed_job(STREET, status="failed"), id="it failed"),
        pytest.param(a_listed_job(STREET, expires_at=NOW), id="it has expired"),
        pytest.param(a_listed_job(a_declaration("x", "another")), id="another prompt"),
        pytest.param(a_listed_job(a_declaration("x", "a street", seconds=8)), id="longer"),
        pytest.param(a_listed_job(STREET, remix_of="video_0"), id="a remix of something"),
    ],
)
def test_what_is_no_result_of_the_recipe_is_let_be(job: object) -> None:
    plan = check(
        a_world([STREET], listed=[job], providers=[OURS]),  # type: ignore[list-item]
        f"street: create not_recorded $0.40 {BOUGHT}",
    )
    assert "import" not in told(plan, "street")


def test_a_job_that_could_be_of_another_known_recipe_is_not_taken() -> None:
    pictured = a_declaration("pictured", "a street", reference="a picture")
    check(
        a_world([STREET, pictured], listed=[JOB], providers=[OURS]),
        f"pictured: create not_recorded $0.40 {BOUGHT}",
        f"street: create not_recorded $0.40 {BOUGHT}",
    )
    gone = a_generation(pictured, "once", on_server=False)
    check(
        a_world([STREET], history=[gone], listed=[JOB], providers=[OURS]),
        f"street: create not_recorded $0.40 {BOUGHT}",
    )


def test_a_job_may_be_of_another_recipe_that_says_something_extra() -> None:
    """No list tells a seed."""
    recipe = replace(STREET.recipe, extra=(("seed", 7),))
    seeded = replace(a_declaration("seeded", "a street"), recipe=recipe, digest=recipe.digest)
    check(
        a_world([STREET, seeded], listed=[JOB], providers=[OURS]),
        f"seeded: create not_recorded $0.40 {BOUGHT}",
        f"street: create not_recorded $0.40 {BOUGHT}",
    )


def test_each_take_gets_a_job_of_its_own() -> None:
    take = a_declaration("take", "a street", take=2)
    jobs = [a_listed_job(STREET, "video_b"), a_listed_job(STREET, "video_a")]
    plan = check(
        a_world([STREET, take], listed=jobs, providers=[OURS]),
        f"street: adopt found_on_server $0.00 {ADOPTED}",
        f"take: adopt found_on_server $0.00 {ADOPTED}",
    )
    taken = {step.job.remote_id for a in plan.actions for step in a.steps if step.step == "adopt"}
    assert taken == {"video_a", "video_b"}


def test_a_finished_job_comes_before_a_running_one() -> None:
    jobs = [a_listed_job(STREET, "runs", status="in_progress"), a_listed_job(STREET, "done")]
    plan = the_plan(a_world([STREET], listed=jobs, providers=[OURS]))
    assert "done" in told(plan, "street")


def test_two_addresses_of_one_recipe_share_the_job() -> None:
    second = a_declaration("two", "a street")
    check(
        a_world([STREET, second], listed=[JOB], providers=[OURS]),
        f"street: adopt found_on_server $0.00 {ADOPTED}",
        "two: publish shared $0.00 after:street bind_shared:street fetch publish promote",
    )


def test_a_remix_is_adopted_with_its_parent() -> None:
    jobs = [a_listed_job(RAIN, "video_rain", remix_of="video_found"), JOB]
    check(
        a_world([STREET, RAIN], listed=jobs, providers=[OURS]),
        f"street: adopt found_on_server $0.00 {ADOPTED}",
        f"rain: adopt found_on_server $0.00 {ADOPTED}",
    )


def test_a_remix_of_a_parent_that_is_still_to_be_made_is_not_adopted() -> None:
    check(
        a_world([STREET, RAIN], listed=[a_listed_job(RAIN, remix_of="video_x")], providers=[OURS]),
        f"street: create not_recorded $0.40 {BOUGHT}",
        f"rain: remix not_recorded $0.40 after:street {BOUGHT}",
    )


def test_what_the_state_or_the_store_has_comes_before_a_job_on_the_server() -> None:
    stored = a_generation(STREET, "stored")
    check(
        a_world([STREET], history=[stored], listed=[JOB], providers=[OURS]),
        "street: restore stored_before $0.00 bind:stored fetch publish promote",
    )
    check(
        a_world([STREET], sidecars=[a_sidecar(STREET)], listed=[JOB], providers=[OURS]),
        "street: restore stored_before $0.00 recover fetch publish promote",
    )


def test_a_recorded_job_is_no_unmanaged_one() -> None:
    failed = a_generation(STREET, "g", status="failed")
    same = a_listed_job(STREET, failed.remote_id)
    check(
        a_world([STREET], [a_record(STREET, pending=failed)], listed=[same], providers=[OURS]),
        "street: blocked job_failed $0.00",
    )


def test_a_list_that_was_not_read_to_its_end_is_told() -> None:
    plan = the_plan(a_world([STREET], listed=[JOB], list_is_cut=True))
    assert [found.code for found in plan.diagnostics] == ["SF0515"]


def test_a_written_off_request_blocks_its_recipe_until_a_person_says_otherwise() -> None:
    off = an_attempt(STREET, state="written_off")
    plan = check(a_world([STREET], given_up=[off]), "street: blocked written_off $0.00")
    assert "resolve street --retry" in told(plan, "street")
    again = an_attempt(STREET, state="written_off", may_repeat=True)
    check(a_world([STREET], given_up=[again]), f"street: create not_recorded $0.40 {BOUGHT}")
    edited = a_declaration("street", "edited")
    check(a_world([edited], given_up=[off]), f"street: create not_recorded $0.40 {BOUGHT}")


@pytest.mark.parametrize("state", ["disproved", "written_off"])
def test_a_late_twin_is_taken_note_of_and_never_adopted_by_another(state: str) -> None:
    bought = a_generation(STREET, "again")
    given_up = an_attempt(STREET, state=state, may_repeat=True)
    plan = the_plan(
        a_world(
            [STREET],
            [a_record(STREET, bought, published=[a_file(bought, "videos/street.mp4")])],
            given_up=[given_up],
            listed=[JOB],
            providers=[OURS],
        )
    )
    (twin,) = plan.spares
    assert isinstance(twin, TakeTwin)
    assert (twin.attempt, twin.job.remote_id) == (given_up.id, "video_found")
    assert plan.actions == ()
    assert plan.has_changes
    assert [found.code for found in plan.diagnostics] == ["SF0513"]


def test_a_job_that_an_unresolved_attempt_may_have_made_is_no_twin_of_another() -> None:
    pictured = a_declaration("pictured", "a street", reference="a picture")
    plan = check(
        a_world(
            [STREET],
            attempts=[an_attempt(STREET)],
            given_up=[an_attempt(pictured, state="disproved")],
            listed=[JOB],
        ),
        "street: resolve unresolved_attempt $0.00 resolve await fetch publish promote",
    )
    assert plan.spares == ()


def test_a_job_that_an_unresolved_attempt_may_have_made_is_not_adopted_by_another() -> None:
    pictured = a_declaration("pictured", "a street", reference="a picture")
    plan = check(
        a_world([STREET], attempts=[an_attempt(pictured)], listed=[JOB], providers=[OURS]),
        f"street: create not_recorded $0.40 {BOUGHT}",
    )
    assert "import" not in told(plan, "street")


def test_what_the_list_showed_before_the_request_is_no_twin() -> None:
    given_up = an_attempt(STREET, state="disproved", watermark=("video_found",))
    plan = the_plan(a_world([], given_up=[given_up], listed=[JOB]))
    assert plan.spares == ()


def test_a_spare_is_stored_unless_its_recipe_is_wanted() -> None:
    spare = a_generation(STREET, "spare", stored=(), expires_at=NOW + HOUR)
    plan = the_plan(a_world([], spares={spare: "street"}))
    assert [each.generation for each in plan.spares] == [GenerationId("spare")]  # type: ignore[union-attr]
    check(
        a_world([STREET], spares={spare: "street"}),
        "street: download not_stored $0.00 bind:spare fetch publish promote",
    )


def test_an_attempt_of_another_workspace_is_its_own_to_resolve() -> None:
    plan = check(
        a_world([STREET], attempts=[an_attempt(STREET, workspace="draft")]),
        "street: blocked unresolved_attempt $0.00",
    )
    assert "draft" in told(plan, "street")
    assert plan.spares == ()


def test_a_job_that_may_be_anothers_is_released() -> None:
    edited = a_declaration("street", "edited")
    theirs = replace(a_generation(STREET, "theirs"), is_ours=False)
    plan = check(
        a_world([edited], [a_record(STREET, theirs)]),
        f"street: replace recipe_changed $0.40 {BOUGHT} release:theirs",
    )
    assert "released" in told(plan, "street")
