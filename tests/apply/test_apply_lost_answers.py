"""Paid requests whose answers are lost: found, disproved, or left to a person."""

import shutil
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from apply.studio import Studio
from reconciler.domain.desired import Declaration, ReferenceFile
from reconciler.domain.errors import ExitCode
from reconciler.domain.ports import CreateRequest
from simulated.faults import AnotherId, Away, Call, LostAnswer, Operation, out_of_reach, times
from simulated.server import SimulatedServer
from worlds import a_declaration, sha256

STREET, NIGHT = a_declaration("street"), a_declaration("night")
RAIN = a_declaration("rain", remix_of=STREET)


def lose_answers(studio: Studio, *, made: bool, number: int = 1, prompt: str = "street") -> None:
    """The next answers about a prompt never come."""
    studio.server.rules.append(
        times(number, LostAnswer(made=made), on=Operation.SUBMIT, prompt=prompt)
    )


def made(studio: Studio) -> Counter[str]:
    """How many jobs there are of each prompt."""
    return Counter(job.prompt for job in studio.server.workshop.jobs.values())


def spent(studio: Studio) -> Decimal:
    """What the ledger says was spent, in dollars; nothing may be held any more."""
    books = dict(studio.rows("SELECT kind, COALESCE(SUM(amount_usd), 0) FROM ledger GROUP BY kind"))
    assert books.get("hold", 0) == books.get("release", 0)
    return Decimal(books.get("spend", 0)) / 1_000_000


def test_a_job_whose_answer_was_lost_is_found_in_the_same_run(studio: Studio) -> None:
    lose_answers(studio, made=True)

    run = studio.apply(STREET, NIGHT, RAIN)

    assert run.code is ExitCode.OK
    assert run.ends() == dict.fromkeys(("street", "night", "rain"), "completed")
    assert made(studio) == {"street": 1, "night": 1, "rain": 1}
    assert len(studio.server.asked(Operation.SUBMIT, "street")) == 1
    assert any("was found in the server's list" in told for told in run.notices())
    assert studio.bytes_at("videos/street.mp4") == studio.made("street")
    assert spent(studio) == studio.server.workshop.billed_usd
    assert studio.plan(STREET, NIGHT, RAIN).is_empty


def test_a_request_that_made_nothing_is_disproved_and_sent_again_in_the_same_run(
    studio: Studio,
) -> None:
    lose_answers(studio, made=False)

    run = studio.apply(STREET, NIGHT)

    assert run.code is ExitCode.OK
    assert made(studio) == {"street": 1, "night": 1}
    first, second = studio.server.asked(Operation.SUBMIT, "street")
    assert second.elapsed_s - first.elapsed_s >= studio.providers["studio"].profile.settle_s
    assert sorted(studio.attempts()) == [
        ("night", "acknowledged"),
        ("street", "acknowledged"),
        ("street", "disproved"),
    ]
    assert spent(studio) == studio.server.workshop.billed_usd


def test_a_short_time_to_settle_is_waited_for_no_longer_than_it_lasts(studio: Studio) -> None:
    studio.provider(settle_s=1.0)
    lose_answers(studio, made=False)

    assert studio.apply(STREET).code is ExitCode.OK

    first, second = studio.server.asked(Operation.SUBMIT, "street")
    assert 1 <= second.elapsed_s - first.elapsed_s < 3


def test_the_others_do_not_wait_for_it(studio: Studio) -> None:
    lose_answers(studio, made=False)

    run = studio.apply(STREET, NIGHT)

    ends = [str(event.address) for event in run.events if hasattr(event, "seconds")]
    assert ends == ["night", "street"]
    assert studio.server.asked(Operation.SUBMIT, "night")[0].elapsed_s < 5


@pytest.mark.parametrize("completeness", ["partial", "none"])
def test_without_a_complete_list_nothing_is_disproved(studio: Studio, completeness: str) -> None:
    studio.provider(list=completeness)
    lose_answers(studio, made=False)

    run = studio.apply(STREET, NIGHT)
    again = studio.apply(STREET, NIGHT)

    assert (run.code, again.code) == (ExitCode.UNRESOLVED, ExitCode.UNRESOLVED)
    assert run.ends() == {"street": "failed", "night": "completed"}
    assert "sorafile resolve street" in (run.failure("street").fix or "")
    assert len(studio.server.asked(Operation.SUBMIT, "street")) == 1
    assert studio.plan(STREET, NIGHT).cost.held_usd == Decimal("0.40")


def test_a_partial_list_still_finds_what_it_shows(studio: Studio) -> None:
    studio.provider(list="partial")
    lose_answers(studio, made=True)
    assert studio.apply(STREET).code is ExitCode.OK
    assert made(studio) == {"street": 1}


def test_a_job_that_shows_late_is_waited_for(studio: Studio) -> None:
    studio.provider(server=SimulatedServer(studio.clock, list_lag_s=40))
    lose_answers(studio, made=True)
    run = studio.apply(STREET)
    assert run.code is ExitCode.OK
    assert made(studio) == {"street": 1}


def test_a_job_that_shows_after_the_settle_time_is_told_booked_and_kept(studio: Studio) -> None:
    """The server breaks its profile's promise: one twin is bought, and it is not hidden."""
    studio.provider(server=SimulatedServer(studio.clock, list_lag_s=300))
    lose_answers(studio, made=True)

    studio.apply(STREET)
    assert made(studio) == {"street": 2}
    studio.clock.pass_by(600)
    plan = studio.plan(STREET)
    run = studio.apply(STREET)

    assert [found.code for found in plan.diagnostics] == ["SF0513"]
    assert run.code is ExitCode.OK
    assert spent(studio) == studio.server.workshop.billed_usd == Decimal("0.80")
    assert studio.rows("SELECT SUM(amount_usd) FROM ledger WHERE kind = 'waste'") == [(400_000,)]
    kept = [made for made in studio.recorded().generations.values() if made.is_stored]
    assert {each.remote_id for each in kept} == {"video_1", "video_2"}
    assert studio.server.workshop.deleted == set()
    assert studio.plan(STREET).is_empty


def test_a_twin_that_shows_before_its_recipe_is_bought_again_is_taken(studio: Studio) -> None:
    """The run ended right after the disproof, so nothing was bought in its place yet."""
    slow = SimulatedServer(studio.clock, list_lag_s=300)
    studio.provider(server=slow, on_ambiguous="fail")
    lose_answers(studio, made=True)
    assert studio.apply(STREET).code is ExitCode.UNRESOLVED
    assert studio.attempts() == [("street", "disproved")]
    studio.clock.pass_by(600)

    plan = studio.plan(STREET)
    run = studio.apply(STREET)

    assert [(str(a.kind), a.cost_usd) for a in plan.actions] == [("adopt", 0)]
    assert plan.spares == ()
    assert run.code is ExitCode.OK
    assert made(studio) == {"street": 1}
    assert spent(studio) == studio.server.workshop.billed_usd
    assert studio.rows("SELECT COUNT(*) FROM ledger WHERE kind = 'waste'") == [(0,)]
    assert studio.plan(STREET).is_empty


def test_what_a_sidecar_tells_of_is_no_other_recipes_job(studio: Studio) -> None:
    """The database alone is lost; the store still knows whose every job was."""
    studio.provider(account_use="exclusive")
    studio.apply(a_declaration("cat", "street"))
    studio.apply(a_declaration("cat", "edited", remote="never"))
    studio.lose_database()

    plan = studio.plan(a_declaration("cat", "edited"), _pictured(studio, "ant"))

    assert {str(a.address): str(a.kind) for a in plan.actions} == {
        "ant": "create",
        "cat": "restore",
    }


def test_another_teams_job_of_the_same_kind_is_a_doubt_that_ends_in_no_second_purchase(
    studio: Studio,
) -> None:
    """It cannot be told from ours, so it is taken; it is never deleted."""
    lose_answers(studio, made=False)

    def foreign(call: object) -> None:
        if studio.clock.elapsed_s > 20 and not studio.server.workshop.jobs:
            request = CreateRequest(prompt="street", model="sora-2", seconds=4, size="720x1280")
            studio.server.workshop.make(request, studio.clock.now())

    studio.server.rules.append(foreign)
    assert studio.apply(STREET).code is ExitCode.OK
    assert made(studio) == {"street": 1}
    assert studio.apply().code is ExitCode.OK
    assert studio.server.workshop.deleted == set()


def test_requests_that_only_a_reference_tells_apart_are_never_out_together(studio: Studio) -> None:
    studio.provider(server=SimulatedServer(studio.clock, list_lag_s=20), requests_per_minute=60_000)
    pictured = _pictured(studio, "pictured")
    plain = a_declaration("plain", "street")
    lose_answers(studio, made=True)

    run = studio.apply(plain, pictured)

    assert run.code is ExitCode.OK
    calls = studio.server.calls
    first, second = (calls.index(each) for each in studio.server.asked(Operation.SUBMIT, "street"))
    assert any(call.operation is Operation.PAGE for call in calls[first:second])
    assert made(studio) == {"street": 2}
    digests = {made.digest for made in studio.recorded().generations.values()}
    assert digests == {plain.digest, pictured.digest}


def test_while_one_is_unresolved_what_could_be_taken_for_it_is_not_bought(studio: Studio) -> None:
    studio.provider(list="partial")
    pictured, plain = _pictured(studio, "pictured"), a_declaration("plain", "street")
    lose_answers(studio, made=False)
    studio.apply(plain)

    run = studio.apply(plain, pictured, NIGHT)

    assert run.code is ExitCode.UNRESOLVED
    assert run.ends() == {"plain": "failed", "pictured": "failed", "night": "completed"}
    assert run.failure("pictured").code == "indistinct"
    assert len(studio.server.asked(Operation.SUBMIT, "street")) == 1


def test_without_a_list_nothing_is_held_back(studio: Studio) -> None:
    studio.provider(list="none")
    pictured, plain = _pictured(studio, "pictured"), a_declaration("plain", "street")
    lose_answers(studio, made=False)
    studio.apply(plain)
    run = studio.apply(plain, pictured)
    assert run.ends() == {"plain": "failed", "pictured": "completed"}


def test_takes_go_out_together_and_find_their_jobs(studio: Studio) -> None:
    takes = [a_declaration(f"take{n}", "street", take=n) for n in (1, 2, 3)]
    lose_answers(studio, made=True, number=2)
    run = studio.apply(*takes)
    assert run.code is ExitCode.OK
    assert made(studio) == {"street": 3}
    assert len(studio.server.asked(Operation.SUBMIT)) == 3


def test_retry_buys_again_what_nobody_can_tell_and_books_the_first_as_wasted(
    studio: Studio,
) -> None:
    studio.provider(list="none", on_ambiguous="retry")
    lose_answers(studio, made=True)

    plan = studio.plan(STREET)
    run = studio.apply(STREET)

    assert plan.cost.worst_case_usd == Decimal("0.80")
    assert run.code is ExitCode.OK
    assert spent(studio) == Decimal("0.80") == studio.server.workshop.billed_usd
    assert studio.rows("SELECT SUM(amount_usd) FROM ledger WHERE kind = 'waste'") == [(400_000,)]


def test_retry_writes_off_no_more_than_was_approved(studio: Studio) -> None:
    studio.provider(list="none", on_ambiguous="retry")
    lose_answers(studio, made=True, number=2)

    run = studio.apply(STREET)

    assert run.code is ExitCode.UNRESOLVED
    assert studio.server.workshop.billed_usd == Decimal("0.80") == run.plan.cost.worst_case_usd
    assert [state for _, state in studio.attempts()] == ["written_off", "ambiguous"]
    assert studio.apply(STREET).code is ExitCode.OK  # this is another run, and approved anew
    assert spent(studio) == Decimal("1.20") == studio.server.workshop.billed_usd


@pytest.mark.parametrize("it_made_one", [True, False])
def test_an_answer_with_the_id_of_another_job_is_no_answer(
    studio: Studio, it_made_one: bool
) -> None:
    """Whether it made one shows in the list, if at all; it is never sent again by itself."""
    studio.provider(on_ambiguous="retry")
    studio.apply(STREET)
    studio.server.rules.append(
        times(1, AnotherId(made=it_made_one), on=Operation.SUBMIT, prompt="night")
    )

    run = studio.apply(STREET, NIGHT)

    assert len(studio.server.asked(Operation.SUBMIT, "night")) == 1
    if it_made_one:
        assert run.code is ExitCode.OK
        assert spent(studio) == studio.server.workshop.billed_usd
    else:
        assert run.code is ExitCode.UNRESOLVED
        assert studio.attempts()[-1] == ("night", "ambiguous")
        assert "recorded already" in run.failure("night").message


def test_a_clock_set_forward_does_not_end_the_settle_time(studio: Studio) -> None:
    """The job shows late; by the clock on the wall, its time would be over at once."""
    studio.server.rules.append(
        times(1, LostAnswer(made=True, shows_after_s=20), on=Operation.SUBMIT, prompt="street")
    )

    def somebody_sets_the_clock(call: Call) -> None:
        if call.operation is Operation.PAGE and studio.server.asked(Operation.SUBMIT, "street"):
            studio.clock.set_by = timedelta(hours=2)

    studio.server.rules.append(somebody_sets_the_clock)
    studio.apply(STREET, NIGHT)

    assert studio.clock.set_by
    assert made(studio) == {"street": 1, "night": 1}


def test_what_is_not_bought_again_is_not_written_off(studio: Studio) -> None:
    """`apply --free` must not give up money that is held, to leave the video unmade."""
    studio.provider(list="none")
    lose_answers(studio, made=True)
    studio.apply(STREET)
    studio.provider(list="none", on_ambiguous="retry")

    run = studio.apply(STREET, free=True)

    assert run.code is ExitCode.UNRESOLVED
    assert studio.attempts() == [("street", "ambiguous")]
    assert not any("bought again" in told for told in run.notices())


def test_fail_begins_no_paid_request_after_an_unknown_one(studio: Studio) -> None:
    studio.provider(on_ambiguous="fail", max_in_flight=1)
    lose_answers(studio, made=False)

    run = studio.apply(STREET, a_declaration("zoo"))

    assert run.code is ExitCode.UNRESOLVED
    assert len(studio.server.asked(Operation.SUBMIT)) == 1
    assert set(run.ends().values()) == {"failed"}


def test_an_unresolved_request_whose_recipe_nobody_wants_is_sought_and_kept(
    studio: Studio,
) -> None:
    lose_answers(studio, made=True)
    studio.server.rules.append(out_of_reach(since_s=0.3, until_s=900))
    studio.apply(STREET, stop_at_s=20)
    studio.clock.pass_by(900)

    run = studio.apply(a_declaration("street", "another"))

    assert run.code is ExitCode.OK
    assert made(studio) == {"street": 1, "another": 1}
    assert any("kept in the store as a spare" in told for told in run.notices())
    assert studio.plan(a_declaration("street", "another")).is_empty
    assert studio.plan(STREET).cost.usd == 0


def test_a_stopped_run_leaves_what_it_could_not_find_out_to_the_next(studio: Studio) -> None:
    lose_answers(studio, made=False)
    run = studio.apply(STREET, stop_at_s=10)
    assert run.code is ExitCode.INTERRUPTED
    assert studio.attempts() == [("street", "ambiguous")]
    assert studio.apply(STREET).code is ExitCode.OK
    assert made(studio) == {"street": 1}


def test_an_older_job_that_shows_first_is_not_taken_while_its_own_may_still_show(
    studio: Studio,
) -> None:
    """The database was lost before the list showed the older job, so no watermark names it."""
    studio.provider(server=SimulatedServer(studio.clock, list_lag_s=40))
    studio.server.others_make("street")
    studio.clock.pass_by(8)
    lose_answers(studio, made=True)

    assert studio.apply(STREET).code is ExitCode.OK
    assert {each.remote_id for each in studio.recorded().generations.values()} == {"video_2"}
    assert studio.plan(STREET).is_empty


def test_losing_the_state_buys_nothing_again_where_the_account_is_ones_own(studio: Studio) -> None:
    studio.provider(account_use="exclusive")
    studio.apply(STREET, NIGHT, RAIN)
    for path in ("state", "videos"):
        shutil.rmtree(studio.root / path)

    plan = studio.plan(STREET, NIGHT, RAIN)
    run = studio.apply(STREET, NIGHT, RAIN)

    assert plan.cost.worst_case_usd == 0
    assert run.code is ExitCode.OK
    assert made(studio) == {"street": 1, "night": 1, "rain": 1}
    assert spent(studio) == studio.server.workshop.billed_usd
    assert studio.plan(STREET, NIGHT, RAIN).is_empty


def test_what_could_not_be_seen_to_be_adopted_is_not_bought(studio: Studio) -> None:
    """The list fails for a moment, while the plan is made from a state that was lost."""
    studio.provider(account_use="exclusive")
    studio.apply(STREET)
    for path in ("state", "videos"):
        shutil.rmtree(studio.root / path)
    studio.server.rules.append(times(1, Away(), on=Operation.PAGE))

    run = studio.apply(STREET)

    assert run.code is ExitCode.UNREACHABLE
    assert made(studio) == {"street": 1}
    assert studio.apply(STREET).code is ExitCode.OK
    assert made(studio) == {"street": 1}


def _pictured(studio: Studio, address: str) -> Declaration:
    (studio.root / "ref.png").write_bytes(b"a picture")
    plain = a_declaration(address, "street", reference="a picture")
    file = ReferenceFile(path="ref.png", sha256=sha256("a picture"), media_type="image/png")
    return replace(plain, reference=file)
