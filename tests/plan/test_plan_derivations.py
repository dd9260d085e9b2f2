"""Edits and extensions: what they cost, what stands for what, and what blocks them."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.desired import Declaration
from reconciler.domain.plan import Buy, Fetch, Plan
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import Parent
from reconciler.domain.recorded import Generation, JobStatus
from reconciler.plan.derivations import UPLOAD_BYTES_MAX
from reconciler.plan.external import shaped
from worlds import (
    FOREIGN,
    MINUTE,
    MISSING,
    NOW,
    a_declaration,
    a_generation,
    a_listed_job,
    a_provider,
    a_record,
    a_world,
    an_action,
    an_attempt,
    changed,
    check,
    check_part,
    converged,
    lines,
    the_plan,
    told,
)

BOUGHT = "buy await fetch publish promote"
ABLE = a_provider(edit=True, edit_upload=True, extend=True)
STREET = a_declaration("street", "a street")
WIDER = a_declaration("street", "a wide street")
RAIN = a_declaration("rain", "with rain", edit_of=STREET)
REMIX = a_declaration("rain", "with rain", remix_of=STREET)
ON = a_declaration("tram", "a tram comes", extends=STREET, seconds=8)
GONE = a_generation(STREET, "gone", on_server=False)


def the_buy(plan: Plan, address: str) -> Buy:
    (buy,) = (step for step in an_action(plan, address).steps if isinstance(step, Buy))
    return buy


def test_an_edit_costs_what_its_parent_did_and_an_extension_what_it_adds() -> None:
    plan = check(
        a_world([STREET, RAIN, ON], providers=[ABLE]),
        f"street: create not_recorded $0.40 {BOUGHT}",
        f"rain: edit not_recorded $0.40 after:street {BOUGHT}",
        f"tram: extend not_recorded $0.80 after:street {BOUGHT}",
    )
    assert changed(plan, "tram") == [
        "extends: None -> street (paid)",
        "prompt: None -> a tram comes (paid)",
        "seconds: None -> 8 (paid)",
    ]
    (fetch,) = (step for step in an_action(plan, "tram").steps if isinstance(step, Fetch))
    assert fetch.seconds == 12


@given(steps=st.lists(st.sampled_from([4, 8, 12, 16, 20]), min_size=1, max_size=5))
def test_a_chain_of_extensions_costs_every_second_once(steps: list[int]) -> None:
    chain = [a_declaration("v0", "0", seconds=12)]
    for number, seconds in enumerate(steps, start=1):
        chain.append(a_declaration(f"v{number}", "x", extends=chain[-1], seconds=seconds))
    plan = the_plan(a_world(chain, providers=[ABLE]))
    assert plan.cost.usd == Decimal("0.10") * chain[-1].seconds  # type: ignore[operator]
    assert chain[-1].seconds == 12 + sum(steps)
    assert [action.address for action in plan.actions] == [each.address for each in chain]


def test_another_length_and_another_derivation_are_other_recipes() -> None:
    longer = a_declaration("tram", "a tram comes", extends=STREET, seconds=12)
    plan = check(
        a_world(
            [STREET, RAIN, longer],
            [converged(STREET), converged(REMIX), converged(ON)],
            providers=[ABLE],
        ),
        f"rain: replace recipe_changed $0.40 {BOUGHT} retire:g-rain",
        f"tram: replace recipe_changed $1.20 {BOUGHT} retire:g-tram",
        "street: unchanged",
    )
    assert changed(plan, "rain") == [
        "remix_of: street -> None (paid)",
        "edit_of: None -> street (paid)",
    ]
    assert changed(plan, "tram") == ["seconds: 8 -> 12 (paid)"]


def test_a_parent_that_changes_replaces_what_derives_from_it() -> None:
    rain = a_declaration("rain", "with rain", edit_of=WIDER)
    tram = a_declaration("tram", "a tram comes", extends=WIDER, seconds=8)
    plan = check(
        a_world(
            [WIDER, rain, tram],
            [converged(STREET), converged(RAIN), converged(ON)],
            providers=[ABLE],
        ),
        f"street: replace recipe_changed $0.40 {BOUGHT} retire:g-street",
        f"rain: replace parent_will_change $0.40 after:street {BOUGHT} retire:g-rain",
        f"tram: replace parent_will_change $0.80 after:street {BOUGHT} retire:g-tram",
    )
    assert [change.split(":")[0] for change in changed(plan, "tram")] == ["parent"]


def test_where_there_are_edits_alone_a_remix_is_sent_as_one_and_told() -> None:
    plan = check(
        a_world(
            [STREET, REMIX], [converged(STREET)], providers=[a_provider(edit=True, remix=False)]
        ),
        f"rain: remix not_recorded $0.40 {BOUGHT}",
        "street: unchanged",
    )
    assert "studio makes no remixes: it is asked for as an edit" in told(plan, "rain")


@pytest.mark.parametrize(("derived", "word"), [(RAIN, "edit"), (REMIX, "remix")])
def test_a_stored_parent_whose_job_is_gone_is_sent_along(derived: Declaration, word: str) -> None:
    plan = check(
        a_world([STREET, derived], [a_record(STREET, GONE)], providers=[ABLE]),
        f"rain: {word} not_recorded $0.40 {BOUGHT}",
        "street: unchanged",
    )
    assert the_buy(plan, "rain").upload == GONE.asset(Variant.VIDEO)
    assert "its stored video (0.0 MiB) is uploaded, and edited" in told(plan, "rain")


def test_so_is_one_whose_answer_was_lost_before() -> None:
    lost = an_attempt(RAIN)
    plan = the_plan(
        a_world([STREET, RAIN], [a_record(STREET, GONE)], attempts=[lost], providers=[ABLE])
    )
    (buy,) = an_action(plan, "rain").purchases
    assert buy.upload is not None


def test_a_parent_that_the_store_has_lost_is_taken_back_before_it_is_sent_along() -> None:
    check(
        a_world([STREET, RAIN], [a_record(STREET, GONE)], store_lost=[GONE], providers=[ABLE]),
        "street: update store_lost $0.00 take_back:videos/street.mp4",
        f"rain: edit not_recorded $0.40 after:street {BOUGHT}",
    )


def large(parent: Generation, **other: object) -> Generation:
    (video,) = parent.assets
    return replace(parent, assets=(replace(video, **other),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("derived", "parent", "why"),
    [
        pytest.param(ON, GONE, "it cannot be extended any more", id="an extension"),
        pytest.param(
            RAIN,
            large(GONE, bytes=UPLOAD_BYTES_MAX + 1),
            "256 MiB is too large to be uploaded",
            id="too large",
        ),
        pytest.param(RAIN, large(GONE, media_type="video/x-msvideo"), "is no mp4", id="no mp4"),
    ],
)
def test_what_cannot_be_sent_along_is_blocked(
    derived: Declaration, parent: Generation, why: str
) -> None:
    plan = check(
        a_world([STREET, derived], [a_record(STREET, parent)], providers=[ABLE]),
        f"{derived.address}: blocked parent_job_gone $0.00",
        "street: unchanged",
    )
    assert why in told(plan, str(derived.address))
    assert "--replace 'street'" in told(plan, str(derived.address))


def test_without_uploads_an_edit_needs_its_parents_job() -> None:
    plan = check(
        a_world(
            [STREET, RAIN],
            [a_record(STREET, GONE)],
            providers=[a_provider(edit=True, extend=True)],
        ),
        "rain: blocked parent_job_gone $0.00",
        "street: unchanged",
    )
    assert "it cannot be edited any more" in told(plan, "rain")


def test_what_was_lost_together_with_its_job_is_not_sent_along() -> None:
    missing = a_generation(STREET, stored=(), missing=(1, MINUTE))
    plan = the_plan(a_world([STREET, RAIN], [a_record(STREET, missing)], providers=[ABLE]))
    assert "rain: blocked parent_job_gone $0.00" in lines(plan)


def test_how_long_an_extension_of_anothers_job_is_is_known_in_the_plan() -> None:
    external = of_a_job(a_declaration("far"), "video_far")
    on = a_declaration("on", "on", extends=external, seconds=20)
    later = a_declaration("later", "later", extends=on, seconds=4)
    job = replace(a_listed_job(STREET, "video_far"), seconds="100")
    world = a_world([external, on, later], named={"video_far": job}, providers=[ABLE])
    world = replace(world, desired=shaped(world.desired, world.recorded, world.observed))
    assert [each.seconds for each in world.desired.values()] == [100, 120, 124]
    plan = check(
        world,
        f"far: remix not_recorded $10.00 {BOUGHT}",
        f"on: extend not_recorded $2.00 after:far {BOUGHT}",
        "later: blocked too_long $0.00",
    )
    assert "would last 124 s, and 120 s are extended to at most" in told(plan, "later")


def of_a_job(declaration: Declaration, remote_id: str) -> Declaration:
    parent = Parent(derivation="remix", remote_id=remote_id)
    bare = replace(declaration.recipe, model=None, seconds=None, size=None, parent=parent)
    return replace(
        declaration, recipe=bare, digest=bare.digest, model=None, seconds=None, size=None
    )


def test_the_job_of_a_parent_stays_while_an_extension_of_it_is_blocked() -> None:
    street = a_declaration("street", "a street", remote="delete_after_download")
    on = a_declaration("tram", "a tram comes", extends=street)
    check(
        a_world(
            [street, on],
            [converged(street)],
            files={"videos/tram.mp4": FOREIGN, "videos/street.mp4": MISSING},
            providers=[ABLE],
        ),
        "street: publish file_missing $0.00 publish",
        "tram: blocked path_occupied $0.00",
    )


def test_a_selection_of_an_extension_brings_its_parents_along() -> None:
    later = a_declaration("later", "later", extends=ON)
    check_part(
        a_world([STREET, ON, later, RAIN], providers=[ABLE]),
        "later",
        f"street: create not_recorded $0.40 {BOUGHT}",
        f"tram: extend not_recorded $0.80 after:street {BOUGHT}",
        f"later: extend not_recorded $0.40 after:tram {BOUGHT}",
    )


EXCLUSIVE = a_provider(account_use="exclusive", edit=True, extend=True)


def test_an_edit_whose_job_tells_its_parent_is_adopted_and_no_other() -> None:
    parent = a_generation(STREET, "p")
    job = a_listed_job(RAIN, "video_found", remix_of=parent.remote_id)
    check(
        a_world([STREET, RAIN], [a_record(STREET, parent)], listed=[job], providers=[EXCLUSIVE]),
        "rain: adopt found_on_server $0.00 adopt await fetch publish promote",
        "street: unchanged",
    )
    untold = a_listed_job(RAIN, "video_found")
    check(
        a_world([STREET, RAIN], [a_record(STREET, parent)], listed=[untold], providers=[EXCLUSIVE]),
        f"rain: edit not_recorded $0.40 {BOUGHT}",
        "street: unchanged",
    )


def test_a_job_that_may_be_an_edit_is_taken_for_no_other_video() -> None:
    """An edit may not tell its parent, and then looks as a video of its own prompt does."""
    alone = a_declaration("alone", "with rain")
    job = a_listed_job(alone, "video_found")
    adopted = "adopt found_on_server $0.00 adopt await fetch publish promote"
    check(a_world([alone], listed=[job], providers=[EXCLUSIVE]), f"alone: {adopted}")
    check(
        a_world([alone], listed=[job], history=[a_generation(RAIN)], providers=[EXCLUSIVE]),
        f"alone: create not_recorded $0.40 {BOUGHT}",
    )


def test_of_a_remix_and_an_edit_of_the_same_words_none_is_adopted() -> None:
    parent = a_generation(STREET, "p")
    storm = a_declaration("storm", "with rain", remix_of=STREET)
    job = a_listed_job(RAIN, "video_found", remix_of=parent.remote_id)
    check(
        a_world(
            [STREET, RAIN, storm], [a_record(STREET, parent)], listed=[job], providers=[EXCLUSIVE]
        ),
        f"rain: edit not_recorded $0.40 {BOUGHT}",
        f"storm: remix not_recorded $0.40 {BOUGHT}",
        "street: unchanged",
    )


def test_a_running_parent_is_waited_for() -> None:
    running = a_generation(STREET, "p", status="in_progress", created_at=NOW - MINUTE)
    assert running.status is JobStatus.IN_PROGRESS
    check(
        a_world([STREET, ON], [a_record(STREET, pending=running)], providers=[ABLE]),
        "street: wait job_running $0.00 await fetch publish promote",
        f"tram: extend not_recorded $0.80 after:street {BOUGHT}",
    )
