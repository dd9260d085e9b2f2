"""Paid requests: what is on disk when, and what becomes of the money."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from reconciler.domain.desired import DEFAULT_LIFECYCLE
from reconciler.domain.errors import AlreadyBoughtError, ExitCode, StalePlanError, StateError
from reconciler.domain.ports import Intent, StateWriter
from reconciler.domain.recorded import AttemptId, AttemptState, JobError, JobStatus, RunId
from state.desk import (
    HERO,
    STREET,
    Desk,
    a_job,
    a_recipe,
    a_run,
    a_sidecar,
    an_intent,
    bought,
    sent,
)


def test_a_reservation_is_recorded_whole_and_its_cost_is_held(desk: Desk) -> None:
    with desk.writer() as writer:
        attempt = writer.reserve(an_intent(cost="0.40"), a_run(writer))
        (recorded,) = desk.read().attempts
    assert recorded.id == attempt
    assert recorded.digest == a_recipe().digest
    assert (recorded.address, recorded.provider, recorded.account) == (STREET, "studio", "studio")
    assert recorded.state is AttemptState.RESERVED
    assert (recorded.reserved_at, recorded.sending_at) == (desk.now, None)
    assert recorded.cost_usd == Decimal("0.40")
    assert desk.ledger() == [("hold", 400_000)]


def test_an_unknown_cost_is_held_as_unknown_and_never_as_zero(desk: Desk) -> None:
    with desk.writer() as writer:
        attempt = sent(writer, an_intent(cost=None))
        generation = writer.acknowledged(attempt, a_job())
    assert generation.cost_usd is None
    assert desk.ledger() == [("hold", None), ("release", None), ("spend", None)]


def test_a_cost_beyond_micro_dollars_is_rounded_up(desk: Desk) -> None:
    with desk.writer() as writer:
        sent(writer, an_intent(cost="0.00000001"))
    assert desk.ledger() == [("hold", 1)]


def test_a_second_attempt_of_a_live_recipe_is_refused_and_leaves_nothing(desk: Desk) -> None:
    with desk.writer() as writer:
        run = a_run(writer)
        writer.reserve(an_intent(), run)
        before = desk.everything()
        with pytest.raises(AlreadyBoughtError, match="hero") as refused:
            writer.reserve(an_intent(HERO), run)
        assert refused.value.fix
        assert desk.everything() == before


def test_the_uniqueness_holds_across_workspaces(desk: Desk) -> None:
    with desk.writer("default") as one, desk.writer("draft") as other:
        one.reserve(an_intent(), a_run(one))
        with pytest.raises(AlreadyBoughtError):
            other.reserve(an_intent(), a_run(other))


def test_a_failure_that_a_plan_did_not_count_refuses_its_purchase(desk: Desk) -> None:
    """Two workspaces may plan the same retry, and only one of them buys it."""
    again = replace(an_intent(), failures=1)
    with desk.writer("default") as one, desk.writer("draft") as other:
        _fail_another(one, an_intent())
        _fail_another(one, again)
        run = a_run(other)
        before = desk.everything()
        with pytest.raises(StalePlanError, match="has failed since") as refused:
            other.reserve(again, run)
        assert refused.value.fix
        assert desk.everything() == before
        other.reserve(replace(again, failures=2), run)


def _fail_another(writer: StateWriter, intent: Intent) -> None:
    attempt = sent(writer, intent)
    job = a_job(f"video_{attempt}")
    generation = writer.acknowledged(attempt, job)
    error = JobError(code="server_error", message="busy")
    writer.saw(generation.id, replace(job, status=JobStatus.FAILED, error=error))


def test_another_mistake_of_a_reservation_is_not_told_as_bought_already(desk: Desk) -> None:
    with desk.writer() as writer, pytest.raises(StateError) as refused:
        writer.reserve(an_intent(), RunId("run_unknown"))
    assert not isinstance(refused.value, AlreadyBoughtError)
    assert desk.ledger() == []


def test_a_digest_that_is_not_the_recipes_is_refused(desk: Desk) -> None:
    wrong = replace(an_intent(), digest=a_recipe("a dog").digest)
    with desk.writer() as writer, pytest.raises(StateError, match="digest"):
        writer.reserve(wrong, a_run(writer))


def test_sending_is_recorded_with_its_moment(desk: Desk) -> None:
    with desk.writer() as writer:
        attempt = writer.reserve(an_intent(), a_run(writer))
        desk.wait(1.5)
        writer.sending(attempt, ())
    (recorded,) = desk.read().attempts
    assert (recorded.state, recorded.sending_at) == (AttemptState.SENDING, desk.now)


def test_an_acknowledged_job_is_pending_paid_and_no_longer_held(desk: Desk) -> None:
    with desk.writer() as writer:
        attempt = sent(writer)
        said = a_job("video_1", JobStatus.IN_PROGRESS, progress=7, created_at=desk.now)
        generation = writer.acknowledged(attempt, said)
    state = desk.read()
    assert state.generations == {generation.id: generation}
    assert state.videos[STREET].pending == generation
    assert state.videos[STREET].current is None
    assert generation.recipe == a_recipe()
    assert (generation.remote_id, generation.account) == ("video_1", "studio")
    assert (generation.status, generation.progress) == (JobStatus.IN_PROGRESS, 7)
    assert (generation.origin, generation.on_server) == ("bought", True)
    assert (generation.created_at, generation.cost_usd) == (desk.now, Decimal("0.4"))
    assert [found.state for found in state.attempts] == [AttemptState.ACKNOWLEDGED]
    assert desk.ledger() == [("hold", 400_000), ("release", 400_000), ("spend", 400_000)]


def test_a_remote_id_of_512_characters_comes_back_as_it_was(desk: Desk) -> None:
    remote_id = "video_" + "x" * 506
    with desk.writer() as writer:
        assert bought(writer, remote_id=remote_id).remote_id == remote_id
    assert [made.remote_id for made in desk.read().generations.values()] == [remote_id]


def test_an_answer_is_still_taken_after_the_attempt_was_given_up_as_ambiguous(desk: Desk) -> None:
    with desk.writer() as writer:
        attempt = sent(writer)
        writer.ambiguous(attempt, "no answer for 60 s", made=False)
        writer.acknowledged(attempt, a_job())
    assert desk.states() == ["acknowledged"]


def test_an_id_that_is_recorded_already_is_refused_and_the_attempt_stays_open(desk: Desk) -> None:
    with desk.writer() as writer:
        bought(writer, STREET, remote_id="video_1")
        attempt = sent(writer, an_intent(HERO, "a dog"))
        with pytest.raises(StateError, match="video_1"):
            writer.acknowledged(attempt, a_job("video_1"))
    assert sorted(desk.states()) == ["acknowledged", "sending"]
    assert HERO not in desk.read().videos


def test_a_job_that_is_answered_as_failed_is_paid_and_wasted(desk: Desk) -> None:
    with desk.writer() as writer:
        failed = a_job(status=JobStatus.FAILED, error=JobError(code="moderation", message="no"))
        generation = writer.acknowledged(sent(writer), failed)
    assert generation.error == JobError(code="moderation", message="no")
    assert desk.states() == ["failed"]
    assert [kind for kind, _ in desk.ledger()] == ["hold", "release", "spend", "waste"]


@pytest.mark.parametrize("outcome", ["not_sent", "rejected"])
def test_what_made_nothing_frees_its_money_and_its_recipe(desk: Desk, outcome: str) -> None:
    with desk.writer() as writer:
        attempt = sent(writer)
        getattr(writer, outcome)(attempt, "because")
        assert desk.read().attempts == ()
        assert desk.ledger() == [("hold", 400_000), ("release", 400_000)]
        assert desk.rows("SELECT evidence FROM attempts") == [("because",)]
        writer.reserve(an_intent(), a_run(writer))


def test_a_reservation_can_be_given_up_before_it_is_sent(desk: Desk) -> None:
    with desk.writer() as writer:
        writer.not_sent(writer.reserve(an_intent(), a_run(writer)), "too late to begin")
    assert desk.states() == ["not_sent"]


def test_an_ambiguous_attempt_keeps_its_money_and_its_recipe(desk: Desk) -> None:
    with desk.writer() as writer:
        writer.ambiguous(sent(writer), "status 502 \ud800 \0", made=False)
        with pytest.raises(AlreadyBoughtError):
            writer.reserve(an_intent(), a_run(writer))
    (recorded,) = desk.read().attempts
    assert recorded.state is AttemptState.AMBIGUOUS
    assert recorded.evidence is not None
    assert recorded.evidence.startswith("status 502")
    assert desk.ledger() == [("hold", 400_000)]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("not_sent", "sending"),
        ("rejected", "ambiguous"),
        ("rejected", "acknowledged"),
        ("acknowledged", "rejected"),
        ("acknowledged", "not_sent"),
        ("acknowledged", "ambiguous"),
        ("acknowledged", "sending"),
        ("ambiguous", "not_sent"),
        ("ambiguous", "rejected"),
        ("acknowledged", "disproved"),
        ("acknowledged", "written_off"),
    ],
)
def test_no_outcome_takes_back_a_certain_one(desk: Desk, first: str, then: str) -> None:
    with desk.writer() as writer:
        attempt = sent(writer)
        OUTCOMES[first](writer, attempt)
        before = desk.everything()
        with pytest.raises(StateError):
            OUTCOMES[then](writer, attempt)
        assert desk.everything() == before


OUTCOMES: dict[str, Callable[[StateWriter, AttemptId], object]] = {
    "sending": lambda writer, attempt: writer.sending(attempt, ()),
    "acknowledged": lambda writer, attempt: writer.acknowledged(attempt, a_job()),
    "not_sent": lambda writer, attempt: writer.not_sent(attempt, "because"),
    "rejected": lambda writer, attempt: writer.rejected(attempt, "because"),
    "ambiguous": lambda writer, attempt: writer.ambiguous(attempt, "because", made=False),
    "disproved": lambda writer, attempt: writer.disproved(attempt, "because"),
    "written_off": lambda writer, attempt: writer.written_off(attempt, "because", may_repeat=False),
    "adopted": lambda writer, attempt: writer.adopted(attempt, a_job(), is_ours=True),
}


def test_an_unknown_attempt_is_refused(desk: Desk) -> None:
    with desk.writer() as writer, pytest.raises(StateError, match="attempt_none"):
        writer.sending(AttemptId("attempt_none"), ())


def test_what_a_dead_run_left_is_voided_or_ambiguous(desk: Desk) -> None:
    with desk.writer() as dead:
        dead.reserve(an_intent(STREET, "never sent"), a_run(dead))
        desk.wait(1)
        sent(dead, an_intent(HERO, "on its way"))
    with desk.writer() as writer:
        writer.void_reserved()
    assert desk.states() == ["not_sent", "ambiguous"]
    assert desk.ledger() == [("hold", 400_000), ("hold", 400_000), ("release", 400_000)]
    assert all(evidence for (evidence,) in desk.rows("SELECT evidence FROM attempts"))


def test_voiding_spares_the_holders_own_attempts_and_other_workspaces(desk: Desk) -> None:
    with desk.writer():
        pass  # so that the fence of this workspace is above the other's
    with desk.writer("draft") as other, desk.writer() as writer:
        other.reserve(an_intent(prompt="of another"), a_run(other))
        writer.reserve(an_intent(prompt="mine"), a_run(writer))
        writer.void_reserved()
    assert desk.states() == ["reserved", "reserved"]


def test_the_ledger_carries_the_tags_that_the_declaration_had_when_it_was_bought(
    desk: Desk,
) -> None:
    with desk.writer() as writer:
        bought(writer, prompt="first", remote_id="video_1")
        attempt = sent(writer, replace(an_intent(prompt="second"), tags=("launch", "é")))
        writer.promote(STREET, DEFAULT_LIFECYCLE, ("other",))
        writer.acknowledged(attempt, a_job("video_2"))
    tags = desk.rows(f"SELECT DISTINCT tags FROM ledger WHERE attempt_id = '{attempt}'")
    assert tags == [('["launch", "é"]',)]


def test_a_run_is_recorded_with_its_end(desk: Desk) -> None:
    with desk.writer() as writer:
        run = writer.begin_run(plan_id="p", worst_case_usd=Decimal("2.5"), git_commit="abc")
        assert desk.rows("SELECT id, ended_at, exit_code FROM runs") == [(run, None, None)]
        desk.wait(60)
        writer.end_run(run, ExitCode.FAILED)
    ((plan, usd, took, code, command),) = desk.rows(
        "SELECT plan_id, worst_case_usd, ended_at - started_at, exit_code, command FROM runs"
    )
    assert (plan, usd, took, code, command) == ("p", 2_500_000, 60_000_000, 4, "apply")


def test_nothing_is_booked_twice_for_one_attempt_whatever_the_code_does(desk: Desk) -> None:
    with desk.writer() as writer:
        attempt = sent(writer)
    with pytest.raises(Exception, match=r"(?i)unique"):
        desk.write_behind(
            "INSERT INTO ledger (kind, attempt_id, account, provider, workspace, tags, at)"
            f" VALUES ('hold', '{attempt}', 'a', 'p', 'default', '[]', 1)"
        )


def test_a_recovered_video_forbids_buying_its_recipe(desk: Desk) -> None:
    with desk.writer() as writer:
        writer.recover(a_sidecar())
        with pytest.raises(AlreadyBoughtError):
            writer.reserve(an_intent(), a_run(writer))


def test_what_certainly_made_a_job_is_never_disproved(desk: Desk) -> None:
    with desk.writer() as writer:
        attempt = sent(writer)
        writer.ambiguous(attempt, "HTTP 200 without a readable id", made=True)
        with pytest.raises(StateError, match="for certain"):
            writer.disproved(attempt, "nothing in the list")
    assert desk.states() == ["ambiguous"]
