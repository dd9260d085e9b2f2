"""No way of failing buys a video twice, forgets one, or stops the others."""

from dataclasses import replace
from decimal import Decimal

import pytest

from apply.studio import ME, URL, Studio
from reconciler.domain.desired import Declaration, ReferenceFile
from reconciler.domain.errors import ExitCode, StateError
from reconciler.domain.events import ActionStarted, Event, Heartbeat
from reconciler.domain.plan import ActionKind
from reconciler.domain.ports import CreateRequest, Intent
from reconciler.domain.recipe import Reference, Sha256
from reconciler.domain.recorded import JobError
from reconciler.plan.matching import echo_of
from reconciler.state.database import open_writer
from simulated.faults import (
    Away,
    Breaks,
    KeyRefused,
    LostAnswer,
    Operation,
    Refused,
    always,
    times,
)
from simulated.server import SimulatedServer
from simulated.workshop import Fate
from worlds import a_declaration, sha256

FULL = (
    "CREATE TRIGGER full BEFORE INSERT ON generations"
    " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
)
"""From now on the database refuses the answer to every paid request."""

NOT_FULL = "DROP TRIGGER IF EXISTS full"


@pytest.mark.parametrize("made", [True, False])
def test_without_a_list_nothing_is_sent_again_if_lost(studio: Studio, made: bool) -> None:
    studio.provider(list="none")
    street, night = a_declaration("street"), a_declaration("night")
    rain = a_declaration("rain", remix_of=street)
    studio.server.rules.append(
        times(1, LostAnswer(made=made), on=Operation.SUBMIT, prompt="street")
    )

    first = studio.apply(street, night, rain)
    second = studio.apply(street, night, rain)

    assert first.code is ExitCode.UNRESOLVED
    assert first.ends() == {"street": "failed", "night": "completed", "rain": "skipped"}
    assert second.code is ExitCode.UNRESOLVED
    assert ("street", "ambiguous") in studio.attempts()
    assert len(studio.server.asked(Operation.SUBMIT, "street")) == 1
    assert studio.server.asked(Operation.SUBMIT, "rain") == []
    kinds = {str(action.address): action.kind for action in second.plan.actions}
    assert kinds == {"street": ActionKind.RESOLVE, "rain": ActionKind.REMIX}


def test_the_money_of_a_lost_answer_stays_held(studio: Studio) -> None:
    studio.provider(list="none")
    studio.server.rules.append(times(1, LostAnswer(made=True), on=Operation.SUBMIT))

    run = studio.apply(a_declaration("street"))

    assert run.ended.cost_usd == 0
    assert studio.plan(a_declaration("street")).cost.held_usd == studio.server.workshop.billed_usd


@pytest.mark.parametrize("status", [400, 402, 404, 422])
def test_a_refusal_stops_what_depends_on_it_and_nothing_else(studio: Studio, status: int) -> None:
    street, night = a_declaration("street"), a_declaration("night")
    rain = a_declaration("rain", remix_of=street)
    studio.server.rules.append(
        always(Refused(status=status, server_code="no"), on=Operation.SUBMIT, prompt="street")
    )

    run = studio.apply(street, night, rain)

    assert run.code is ExitCode.FAILED
    assert run.ends() == {"street": "failed", "night": "completed", "rain": "skipped"}
    assert run.failure("street").code == "rejected"
    assert len(studio.server.asked(Operation.SUBMIT, "street")) == 1
    studio.server.rules.clear()
    assert studio.apply(street, night, rain).code is ExitCode.OK


def test_a_refused_key_is_told_and_buys_nothing(studio: Studio) -> None:
    studio.server.rules.append(always(KeyRefused(), on=Operation.SUBMIT))

    run = studio.apply(a_declaration("street"), a_declaration("night"))

    assert run.code is ExitCode.UNREACHABLE
    assert {state for _, state in studio.attempts()} == {"rejected"}


def test_a_job_that_fails_is_recorded_and_not_bought_again(studio: Studio) -> None:
    street, night = a_declaration("street"), a_declaration("night")
    rain = a_declaration("rain", remix_of=street)
    studio.server.fated("street", Fate(error=JobError(code="moderation", message="not that")))

    first = studio.apply(street, night, rain)
    second = studio.apply(street, night, rain)

    assert first.code is ExitCode.FAILED
    assert first.ends() == {"street": "failed", "night": "completed", "rain": "skipped"}
    assert first.failure("street").code == "job_failed"
    assert "not that" in first.failure("street").message
    assert ("street", "failed") in studio.attempts()
    assert len(studio.server.asked(Operation.SUBMIT, "street")) == 1
    assert {a.kind for a in second.plan.actions} == {ActionKind.BLOCKED}


def test_what_a_failed_job_cost_is_told(studio: Studio) -> None:
    studio.server.fated("street", Fate(error=JobError(code="moderation", message="no")))

    run = studio.apply(a_declaration("street"))

    assert run.ended.cost_usd == studio.server.workshop.billed_usd


def test_a_bug_while_sending_leaves_the_attempt_unresolved(studio: Studio) -> None:
    studio.provider(list="none")
    studio.server.rules.append(times(1, Breaks(), on=Operation.SUBMIT, prompt="street"))
    street, night = a_declaration("street"), a_declaration("night")

    with pytest.raises(Exception, match="a bug in an adapter"):
        studio.apply(street, night)

    assert sorted(studio.attempts()) == [("night", "acknowledged"), ("street", "ambiguous")]
    assert studio.bytes_at("videos/night.mp4") == studio.made("night")
    assert studio.apply(street, night).code is ExitCode.UNRESOLVED
    assert len(studio.server.asked(Operation.SUBMIT, "street")) == 1


def test_an_id_that_cannot_be_written_down_at_once_is_not_given_up(studio: Studio) -> None:
    street = a_declaration("street")

    def refuse_for_a_while(event: Event) -> None:
        if isinstance(event, ActionStarted):
            studio.write(FULL)
        if isinstance(event, Heartbeat) and studio.clock.elapsed_s > 9:
            studio.write(NOT_FULL)

    run = studio.apply(street, on_event=refuse_for_a_while)

    assert run.code is ExitCode.OK
    assert studio.attempts() == [("street", "acknowledged")]


def test_an_id_that_cannot_be_written_down_is_told_to_a_person(studio: Studio) -> None:
    street, night = a_declaration("street"), a_declaration("night")

    def refuse(event: Event) -> None:
        if isinstance(event, ActionStarted) and str(event.address) == "street":
            studio.write(FULL)

    run = studio.apply(street, on_event=refuse)
    studio.write(NOT_FULL)

    assert run.code is ExitCode.UNRESOLVED
    assert "video_1" in run.failure("street").message
    assert studio.apply(street, night).code is ExitCode.OK
    assert studio.current("street").remote_id == "video_1"
    assert len(studio.server.asked(Operation.SUBMIT, "street")) == 1


def test_nothing_is_bought_that_cannot_be_stored(studio: Studio) -> None:
    assets = studio.root / "state" / "assets"
    assets.write_text("in the way")

    with pytest.raises(StateError, match="cannot be written"):
        studio.apply(a_declaration("street"))

    assert studio.server.asked(Operation.SUBMIT) == []
    assert studio.rows("SELECT * FROM attempts") == []
    assets.unlink()
    assert studio.apply(a_declaration("street")).code is ExitCode.OK


def test_a_reference_that_changed_since_the_plan_buys_nothing(studio: Studio) -> None:
    (studio.root / "ref.png").write_bytes(b"another picture by now")
    plain = a_declaration("street", reference="the picture of the plan")
    street = replace(
        plain,
        reference=ReferenceFile(
            path="ref.png", sha256=sha256("the picture of the plan"), media_type="image/png"
        ),
    )

    run = studio.apply(street)

    assert run.code is ExitCode.STALE
    assert studio.server.asked(Operation.SUBMIT) == []
    assert studio.attempts() == []


def test_a_reference_goes_with_its_request(studio: Studio) -> None:
    picture = "a picture"
    (studio.root / "ref.png").write_bytes(picture.encode())
    plain = a_declaration("street", reference=picture)
    street = replace(
        plain,
        reference=ReferenceFile(
            path="ref.png", sha256=Sha256(sha256(picture)), media_type="image/png"
        ),
    )

    assert studio.apply(street).code is ExitCode.OK


def test_a_reference_is_sent_as_it_was_made_to_fit_and_recorded_as_its_file(
    studio: Studio,
) -> None:
    picture = "a picture"
    (studio.root / "ref.png").write_bytes(picture.encode())
    plain = a_declaration("street", reference=picture, fit="cover", size="1280x720")
    file = ReferenceFile(path="ref.png", sha256=sha256(picture), media_type="image/png")

    studio.provider(reference_types=("image/png", "image/webp"))
    assert studio.apply(replace(plain, reference=file)).code is ExitCode.OK

    (job,) = studio.server.workshop.jobs.values()
    assert isinstance(job.request, CreateRequest)
    assert job.request.reference_bytes == b"cover 1280x720 a picture"
    assert job.request.reference == replace(file, media_type="image/webp")
    recorded = studio.current("street").recipe.reference
    assert recorded == Reference(sha256=sha256(picture), fit="cover")


def test_a_parent_that_is_bought_again_is_the_one_that_is_remixed(studio: Studio) -> None:
    street = a_declaration("street", on_lost="regenerate")
    studio.apply(street)
    studio.lose_everything_of("street")
    rain = a_declaration("rain", remix_of=street)

    run = studio.apply(street, rain)

    assert run.code is ExitCode.OK
    (remix,) = (job for job in studio.server.workshop.jobs.values() if job.prompt == "rain")
    assert remix.parent == "video_2"


def test_what_has_expired_by_this_clock_alone_is_fetched_not_bought_again(studio: Studio) -> None:
    """The server's clock is ten minutes behind, so it gives its video ten minutes longer."""
    studio.provider(server=SimulatedServer(studio.clock, skew_s=-600))
    street = a_declaration("street", on_lost="regenerate")
    night = a_declaration("night", remix_of=street)
    studio.server.rules.append(times(1000, Away(), on=Operation.CONTENT))
    assert studio.apply(street).code is ExitCode.UNREACHABLE
    studio.server.rules.clear()
    (made,) = studio.recorded().generations.values()
    assert made.expires_at is not None
    studio.clock.pass_by((made.expires_at - studio.clock.now()).total_seconds() + 1)

    plan = studio.plan(street)
    run = studio.apply(street, night)

    assert [(str(each.kind), each.cost_usd) for each in plan.actions] == [
        ("create", Decimal("0.40"))
    ]
    assert run.code is ExitCode.OK
    assert len(studio.server.asked(Operation.SUBMIT, "street")) == 1
    assert studio.bytes_at("videos/street.mp4") == studio.made("street")
    assert studio.plan(street, night).is_empty


def send_elsewhere(studio: Studio, street: Declaration) -> None:
    """Another workspace sends its request, and has no answer yet."""
    with open_writer(URL, studio.root, "other", ME, studio.clock.now) as other:
        run = other.begin_run(plan_id="p", worst_case_usd=Decimal(1), git_commit=None)
        intent = Intent(
            address=street.address,
            recipe=street.recipe,
            digest=street.digest,
            provider="studio",
            cost_usd=Decimal("0.40"),
            echo=echo_of(street, None, studio.providers["studio"].profile),
            lifecycle=street.lifecycle,
            tags=(),
        )
        other.sending(other.reserve(intent, run), ())


def test_what_another_workspace_is_buying_is_not_bought_too(studio: Studio) -> None:
    street = a_declaration("street")

    def buy_elsewhere(event: Event) -> None:
        if isinstance(event, ActionStarted):
            send_elsewhere(studio, street)

    run = studio.apply(street, on_event=buy_elsewhere)

    assert run.failure("street").code == "already_bought"
    assert studio.server.asked(Operation.SUBMIT) == []


def test_what_another_workspace_is_buying_is_not_adopted_either(studio: Studio) -> None:
    """Its job may show in the list that was read before the state could tell of its request."""
    street = a_declaration("street")
    studio.provider(account_use="exclusive")
    studio.server.others_make("street")

    def buy_elsewhere(event: Event) -> None:
        if isinstance(event, ActionStarted):
            send_elsewhere(studio, street)

    assert [action.kind for action in studio.plan(street).actions] == ["adopt"]
    run = studio.apply(street, on_event=buy_elsewhere)

    assert run.failure("street").code == "stale"
    assert studio.recorded().generations == {}


def test_a_video_that_was_taken_for_lost_is_found_in_the_store(studio: Studio) -> None:
    """A run that lost its lease may have stored it after another one had given it up."""
    street = a_declaration("street", on_lost="regenerate")
    studio.apply(street)
    studio.write("UPDATE generations SET lost = 1")
    studio.write("UPDATE attempts SET state = 'lost'")
    studio.files.locate("videos/street.mp4").unlink()

    assert studio.plan(street).cost.usd == 0
    assert studio.apply(street).code is ExitCode.OK

    assert studio.plan(street).is_empty
    assert studio.attempts() == [("street", "adopted")]
    assert len(studio.server.asked(Operation.SUBMIT)) == 1
