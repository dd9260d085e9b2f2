"""A run within its budget, and a ledger that outlives its database."""

import shutil
from dataclasses import replace
from decimal import Decimal

from apply.studio import Studio
from reconciler.apply.journey import Limits
from reconciler.domain.bookings import BookingState, total
from reconciler.domain.budget import Budget
from reconciler.domain.errors import ExitCode
from reconciler.domain.profile import Variant
from simulated.faults import LostAnswer, Operation, Refused, times
from worlds import a_declaration

STREET = a_declaration("street", tags=("launch",))  # $0.40
NIGHT = a_declaration("night")
RAIN = a_declaration("rain", remix_of=STREET)


def per_run(usd: str) -> Limits:
    return Limits(budget=Budget(per_run_usd=Decimal(usd)))


def test_what_the_budget_does_not_hold_is_not_bought_and_all_else_is_done(studio: Studio) -> None:
    studio.apply(NIGHT, limits=Limits(wait=False))
    studio.clock.pass_by(300)

    run = studio.apply(STREET, NIGHT, RAIN, limits=per_run("0.40"))

    assert run.code is ExitCode.REFUSED
    assert run.ends() == {"street": "completed", "night": "completed", "rain": "failed"}
    assert run.failure("rain").code == "budget"
    assert "per_run ($0.40 a run)" in run.failure("rain").message
    assert len(studio.server.asked(Operation.SUBMIT)) == 2
    assert studio.apply(STREET, NIGHT, RAIN).code is ExitCode.OK


def test_money_that_a_refusal_freed_can_be_spent_again(studio: Studio) -> None:
    throttled = times(2, Refused(status=429, retry_after_s=1), on=Operation.SUBMIT)
    studio.server.rules.append(throttled)

    assert studio.apply(STREET, limits=per_run("0.40")).code is ExitCode.OK


def test_money_that_is_held_for_a_lost_answer_cannot_be_spent_again(studio: Studio) -> None:
    studio.server.rules.append(
        times(1, LostAnswer(made=True), on=Operation.SUBMIT, prompt="street")
    )
    day = Limits(budget=Budget(per_day_usd=Decimal("0.79")))

    studio.apply(STREET, limits=day)
    run = studio.apply(STREET, NIGHT, limits=day)

    assert run.failure("night").code == "budget"
    assert studio.server.workshop.billed_usd == Decimal("0.40")


def test_the_ledger_of_a_lost_database_is_rebuilt_by_the_next_apply(studio: Studio) -> None:
    studio.apply(STREET, NIGHT)
    before = studio.bookings()
    studio.lose_database()

    run = studio.apply(STREET)  # the other one is declared no more

    assert run.code is ExitCode.OK
    after = studio.bookings()
    assert total(after) == total(before)
    assert [each.state for each in after] == [BookingState.SPENT] * 2
    assert sorted(each.tags for each in after) == [(), ("launch",)]
    # A sidecar tells when the server made the job; the ledger, when its money was held.
    assert all(0 <= (x.at - y.at).total_seconds() < 5 for x, y in zip(after, before, strict=True))
    assert len(studio.server.asked(Operation.SUBMIT)) == 2


def test_the_ledger_is_rebuilt_once_and_whole_though_the_first_run_dies(studio: Studio) -> None:
    studio.apply(STREET, NIGHT)
    studio.lose_database()
    sidecars = studio.store.every_sidecar()
    with studio.hold() as state:
        state.recover_all(sidecars, {})
        assert state.read().is_new  # it died before its run began

    studio.apply(STREET)
    assert total(studio.bookings()).spent_usd == Decimal("0.80")

    # A later run leaves the asset store alone: what comes there is told by its own database.
    strange = replace(sidecars[0], remote_id="video_of_another_machine")
    studio.store.write_sidecar(strange)
    studio.apply(STREET)
    assert total(studio.bookings()).spent_usd == Decimal("0.80")


def test_a_sidecar_without_its_video_is_booked_and_brings_it_home(studio: Studio) -> None:
    studio.apply(STREET)
    (asset,) = studio.video("street").current.assets  # type: ignore[union-attr]
    assert asset.variant is Variant.VIDEO
    studio.store.path(asset.sha256).unlink()
    (studio.root / "videos/street.mp4").unlink()
    studio.lose_database()

    run = studio.apply(STREET)

    assert run.code is ExitCode.OK
    assert [str(action.kind) for action in run.plan.actions] == ["download"]
    assert total(studio.bookings()).spent_usd == studio.server.workshop.billed_usd
    assert len(studio.bookings()) == 1


def test_a_database_that_is_no_newer_than_its_store_is_rebuilt_without_a_purchase(
    studio: Studio,
) -> None:
    studio.apply(STREET, NIGHT)
    studio.lose_database()

    studio.apply(STREET, NIGHT, free=True)

    assert total(studio.bookings()).spent_usd == Decimal("0.80")
    assert {str(each.address) for each in studio.recorded().videos.values()} == {"street", "night"}


def test_a_job_that_the_plan_adopts_is_booked_once_and_by_that(studio: Studio) -> None:
    studio.providers["studio"] = replace(studio.providers["studio"], account_use="exclusive")
    studio.apply(STREET)
    for folder in ("state", "videos"):
        shutil.rmtree(studio.root / folder)

    run = studio.apply(STREET)

    assert run.code is ExitCode.OK
    assert [str(action.kind) for action in run.plan.actions] == ["adopt"]
    assert total(studio.bookings()).spent_usd == studio.server.workshop.billed_usd
    assert len(studio.bookings()) == 1
