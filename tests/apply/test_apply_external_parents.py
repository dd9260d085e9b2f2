"""Remixes of jobs that sorafile does not manage: looked up before anything is paid for."""

from dataclasses import replace
from decimal import Decimal

from apply.studio import Studio
from reconciler.domain.desired import Declaration
from reconciler.domain.errors import ExitCode
from reconciler.domain.plan import ActionKind, Reason
from reconciler.domain.recipe import Parent
from reconciler.domain.recorded import JobError
from simulated.faults import LostAnswer, Operation, Refused, always, times
from simulated.workshop import Fate
from worlds import a_declaration


def a_remix_of(remote_id: str, address: str = "rain") -> Declaration:
    plain = a_declaration(address)
    recipe = replace(
        plain.recipe,
        model=None,
        seconds=None,
        size=None,
        parent=Parent(derivation="remix", remote_id=remote_id),
    )
    return replace(plain, recipe=recipe, digest=recipe.digest, model=None, seconds=None, size=None)


def a_parent(studio: Studio) -> str:
    """A finished job that somebody else made."""
    studio.server.others_make("a street")
    studio.clock.pass_by(100)
    return list(studio.server.workshop.jobs)[-1]


def test_it_is_looked_up_priced_and_remixed(studio: Studio) -> None:
    rain = a_remix_of(a_parent(studio))

    run = studio.apply(rain)

    (action,) = run.plan.actions
    assert action.kind is ActionKind.REMIX
    assert action.cost_usd == studio.plan(a_declaration("other")).cost.usd > 0
    assert run.code is ExitCode.OK
    assert studio.bytes_at("videos/rain.mp4") == studio.made("rain")
    job = studio.server.workshop.jobs[studio.current("rain").remote_id]
    assert job.parent == rain.external_parent


def test_what_is_stored_asks_nobody(studio: Studio) -> None:
    parent = a_parent(studio)
    rain = a_remix_of(parent)
    studio.apply(rain)
    studio.server.workshop.deleted.add(parent)
    asked = len(studio.server.calls)

    assert studio.plan(rain).is_empty
    assert len(studio.server.calls) == asked


def test_a_remix_of_it_has_its_shape_too(studio: Studio) -> None:
    rain = a_remix_of(a_parent(studio))
    night = a_declaration("night", remix_of=rain)
    run = studio.apply(rain, night)
    assert {action.cost_usd for action in run.plan.actions} == {run.plan.actions[0].cost_usd}
    assert run.code is ExitCode.OK
    assert studio.plan(rain, night).is_empty


def test_one_that_is_gone_blocks_it_before_any_spend(studio: Studio) -> None:
    rain = a_remix_of("video_nobody_knows")
    run = studio.apply(rain, a_declaration("night", remix_of=rain))
    reasons = {str(action.address): action.reason for action in run.plan.actions}
    assert reasons == {"rain": Reason.PARENT_JOB_GONE, "night": Reason.PARENT_BLOCKED}
    assert studio.server.asked(Operation.SUBMIT) == []


def test_one_that_failed_or_runs_blocks_it(studio: Studio) -> None:
    studio.server.fated("a street", Fate(error=JobError(code="moderation_blocked", message="no")))
    failed = a_remix_of(a_parent(studio))
    studio.server.fated("a street", Fate())
    studio.server.others_make("a street")
    running = a_remix_of(list(studio.server.workshop.jobs)[-1], "night")
    told = {str(each.address): each.because for each in studio.plan(failed, running).actions}
    assert "failed" in told["rain"]
    assert "is not finished yet" in told["night"]


def test_a_server_that_cannot_be_asked_blocks_it(studio: Studio) -> None:
    (action,) = studio.plan(a_remix_of(a_parent(studio)), refresh="none").actions
    assert action.kind is ActionKind.BLOCKED
    assert "is unknown: it was not asked for" in action.because


def test_an_answer_that_was_lost_is_found(studio: Studio) -> None:
    rain = a_remix_of(a_parent(studio))
    studio.server.rules.append(times(1, LostAnswer(made=True), on=Operation.SUBMIT))
    assert studio.apply(rain).code is ExitCode.OK
    assert len(studio.server.asked(Operation.SUBMIT)) == 1
    assert studio.plan(rain).is_empty


def test_it_is_told_without_the_database(studio: Studio) -> None:
    rain = a_remix_of(a_parent(studio))
    studio.apply(rain)
    studio.lose_database()
    assert studio.apply(rain).plan.cost.usd == 0
    assert studio.plan(rain).is_empty


def test_a_later_remix_of_it_is_priced_though_its_parent_is_not_looked_up(studio: Studio) -> None:
    rain = a_remix_of(a_parent(studio))
    studio.apply(rain)
    plan = studio.plan(rain, a_declaration("night", remix_of=rain))
    assert plan.cost.usd == plan.cost.worst_case_usd == Decimal("0.40")


def test_a_job_of_ours_that_it_names_is_not_deleted(studio: Studio) -> None:
    studio.apply(a_declaration("street"))
    parent = studio.current("street").remote_id
    rain = a_remix_of(parent)

    run = studio.apply(rain)

    reasons = {str(action.address): action.reason for action in run.plan.actions}
    assert reasons["street"] is Reason.JOB_IN_USE
    assert run.code is ExitCode.OK
    assert parent not in studio.server.workshop.deleted
    assert studio.plan(rain).is_empty


def test_what_was_lost_is_made_of_it_anew(studio: Studio) -> None:
    rain = a_remix_of(a_parent(studio))
    rain = replace(rain, lifecycle=replace(rain.lifecycle, on_lost="regenerate"))
    studio.apply(rain)
    studio.lose_everything_of("rain")

    run = studio.apply(rain)

    assert [action.reason for action in run.plan.actions] == [Reason.VIDEO_LOST]
    assert run.plan.cost.usd == Decimal("0.40")
    assert studio.plan(rain).is_empty


def test_one_that_a_server_does_not_tell_of_blocks_nothing_else(studio: Studio) -> None:
    studio.server.rules.append(always(Refused(status=422), on=Operation.RETRIEVE))

    plan = studio.plan(a_remix_of("video 1"), a_declaration("other"))

    assert {str(each.address): each.kind for each in plan.actions} == {
        "other": ActionKind.CREATE,
        "rain": ActionKind.BLOCKED,
    }
    assert "studio does not tell of it" in plan.actions[1].because
    assert plan.unreachable == {}
