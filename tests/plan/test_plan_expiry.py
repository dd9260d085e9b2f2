"""Whatever is on a server and not here yet is told of with the moment at which it goes away."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.domain.plan import StoreSpare
from reconciler.domain.recorded import Generation
from worlds import (
    HOUR,
    MINUTE,
    NOW,
    a_declaration,
    a_generation,
    a_listed_job,
    a_provider,
    a_record,
    a_sidecar,
    a_world,
    an_action,
    an_attempt,
    check,
    converged,
    the_plan,
)

BOUGHT = "buy await fetch publish promote"
SOON, LATE = NOW + 22 * MINUTE, NOW + 2 * HOUR
STREET, OLD = a_declaration("street", "a street"), a_declaration("street", "old")
WITH_PICTURE = a_declaration("street", "a street", variants=["video", "thumbnail"])


def waiting(of: object = STREET, name: str = "g", **facts: object) -> Generation:
    """A video that is finished, and only on its server."""
    return a_generation(of, name, stored=(), **({"expires_at": SOON} | facts))  # type: ignore[arg-type]


def test_what_is_downloaded_is_told_with_the_servers_word() -> None:
    for world in (
        a_world([STREET], [a_record(STREET, pending=waiting())]),
        a_world([STREET], history=[waiting()]),
        a_world([STREET], [a_record(OLD, pending=waiting(OLD, "h"), published=[])]),
        a_world([], [a_record(OLD, pending=waiting(OLD, "h"))]),
        a_world([a_declaration("road", "a street")], [a_record(STREET, pending=waiting())]),
    ):
        (action,) = the_plan(world).actions
        assert action.expires_at == SOON, action


@pytest.mark.parametrize("finished", [True, False])
def test_without_its_word_the_profile_tells_how_long_a_finished_video_is_kept(
    *, finished: bool
) -> None:
    made = waiting(created_at=NOW - 10 * MINUTE, expires_at=None)
    made = made if finished else replace(made, completed_at=None)
    plan = the_plan(a_world([STREET], [a_record(STREET, pending=made)]))
    since = NOW - (9 * MINUTE if finished else 10 * MINUTE)
    assert an_action(plan, "street").expires_at == since + HOUR
    for_ever = a_provider(asset_lifetime_s=None)
    plan = the_plan(a_world([STREET], [a_record(STREET, pending=made)], providers=[for_ever]))
    assert an_action(plan, "street").expires_at is None


def test_a_job_that_runs_expires_nobody_knows_when() -> None:
    running = a_generation(STREET, "g", status="in_progress")
    plan = the_plan(a_world([STREET], [a_record(STREET, pending=running)]))
    assert an_action(plan, "street").expires_at is None


def test_of_several_the_first_to_go_is_told() -> None:
    old = a_declaration("street", "older")
    record = a_record(
        STREET,
        pending=waiting(expires_at=LATE),
        deposed=(waiting(OLD, "h"), waiting(old, "i", expires_at=LATE)),
    )
    plan = the_plan(a_world([STREET], [record]))
    assert an_action(plan, "street").expires_at == SOON


def test_what_stands_in_the_way_hides_no_expiry() -> None:
    failed = a_generation(STREET, "f", status="failed", error=("no", "no"), stored=())
    record = a_record(STREET, pending=failed, deposed=(waiting(OLD, "h"),))
    plan = check(a_world([STREET], [record]), "street: download not_stored $0.00 retire:h")
    assert an_action(plan, "street").expires_at == SOON


def test_an_unresolved_request_hides_no_expiry() -> None:
    record = a_record(OLD, pending=waiting(OLD, "h"))
    plan = the_plan(a_world([STREET], [record], attempts=[an_attempt(STREET)]))
    assert an_action(plan, "street").expires_at == SOON


def test_what_a_purchase_replaces_is_told_too() -> None:
    plan = check(
        a_world([STREET], [a_record(OLD, pending=waiting(OLD, "h"))]),
        f"street: replace recipe_changed $0.40 retire:h {BOUGHT}",
    )
    assert an_action(plan, "street").expires_at == SOON


def test_what_is_here_expires_without_a_word() -> None:
    made = a_generation(STREET, "g", expires_at=SOON)
    assert the_plan(a_world([STREET], [a_record(STREET, made)])).actions == ()
    (action,) = the_plan(a_world([], [a_record(STREET, made)])).actions
    assert action.expires_at is None


def test_a_picture_that_is_not_here_is_told() -> None:
    made = a_generation(STREET, "g", expires_at=SOON)
    plan = the_plan(a_world([WITH_PICTURE], [a_record(STREET, made)]))
    assert an_action(plan, "street").expires_at == SOON


def test_a_job_that_is_adopted_is_told() -> None:
    exclusive = replace(a_provider(), account_use="exclusive")
    for job, moment in (
        (a_listed_job(STREET, expires_at=SOON), SOON),
        (a_listed_job(STREET), NOW - MINUTE + HOUR),
        (a_listed_job(STREET, status="queued"), None),
    ):
        plan = the_plan(a_world([STREET], listed=[job], providers=[exclusive]))
        assert an_action(plan, "street").expires_at == moment


def test_what_a_sidecar_tells_of_and_the_store_has_lost_is_told() -> None:
    told = replace(a_sidecar(STREET), completed_at=NOW - 20 * MINUTE)
    plan = the_plan(a_world([STREET], sidecars=[told], store_lost=[told]))
    assert an_action(plan, "street").expires_at == NOW + timedelta(minutes=40)


def test_a_spare_is_told() -> None:
    plan = the_plan(a_world(spares={waiting(): "street"}))
    (spare,) = plan.spares
    assert isinstance(spare, StoreSpare)
    assert spare.expires_at == SOON


def test_nothing_is_told_of_what_is_at_rest() -> None:
    check(a_world([STREET], [converged(STREET)]), "street: unchanged")


@pytest.mark.parametrize("published", [True, False])
def test_a_twin_of_what_an_action_is_about_is_stored_all_the_same(published: bool) -> None:
    """An action that uses another job of the recipe leaves nothing to the next plan."""
    files = {} if published else {"videos/street.mp4": None}
    declared = a_declaration("lane", STREET.recipe.prompt) if published else STREET
    twin = waiting(name="twin")
    world = a_world([declared], [converged(STREET)], spares={twin: "street"}, files=files)
    plan = the_plan(world)
    assert [action.kind.value for action in plan.actions] == ["move" if published else "publish"]
    assert [type(spare).__name__ for spare in plan.spares] == ["StoreSpare"]
