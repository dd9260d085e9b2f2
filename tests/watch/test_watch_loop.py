"""What a watch does by itself, and what it waits for: in simulated time, with real state."""

import shutil
from dataclasses import replace
from decimal import Decimal

import pytest

from reconciler.domain.errors import ExitCode
from reconciler.domain.plan import ActionKind
from reconciler.domain.profile import Price
from reconciler.domain.recorded import JobError
from reconciler.watch.loop import QUIET_S, TICK_S
from simulated.faults import (
    Call,
    Fault,
    LostAnswer,
    NotSent,
    Operation,
    Refused,
    always,
    out_of_reach,
    times,
)
from simulated.workshop import Fate
from watch.session import (
    Broken,
    Hesitating,
    Planned,
    Session,
    Spent,
    Trouble,
    Waiting,
)
from worlds import a_declaration

FREE = (Price(model="sora-2", usd_per_second=Decimal(0)),)
STREET, NIGHT = a_declaration("street"), a_declaration("night")
HOUR_S = 3600.0
A_WHILE_S = 120.0  # enough for a video to be made and brought in


# What is free, and what costs.


def test_what_costs_nothing_is_done_at_once(session: Session) -> None:
    session.studio.provider(prices=FREE)
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(1)
        assert film.bought() == ["street"]
        await film.wait(A_WHILE_S)

    assert session.run(story) is ExitCode.OK
    assert session.studio.bytes_at("videos/street.mp4") == session.studio.made("street")
    assert not session.waiting.verdict.waiting


def test_what_costs_waits_for_a_key(session: Session) -> None:
    session.files = (STREET, NIGHT)

    async def story(film: Session) -> None:
        await film.wait(HOUR_S)
        assert film.bought() == []
        waiting = film.waiting
        assert waiting.verdict.waiting_usd == Decimal("0.80")
        assert waiting.verdict.may_ask
        film.press("y")
        await film.wait(A_WHILE_S)

    session.run(story)
    assert sorted(session.bought()) == ["night", "street"]
    assert session.studio.plan(STREET, NIGHT).is_empty


def test_a_free_edit_is_done_while_another_waits_for_a_key(session: Session) -> None:
    studio = session.studio
    studio.provider("draft", prices=FREE)
    session.files = (STREET, replace(NIGHT, provider="draft"))

    async def story(film: Session) -> None:
        await film.wait(A_WHILE_S)

    session.run(story)
    assert session.bought() == []
    assert [job.prompt for job in studio.servers["draft"].workshop.jobs.values()] == ["night"]
    assert [str(each.address) for each in session.waiting.verdict.waiting] == ["street"]


def test_a_key_that_is_pressed_before_the_question_can_be_read_is_no_yes(session: Session) -> None:
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(film.look_s + 0.3)
        film.press("y")
        await film.wait(HOUR_S)
        assert film.bought() == []
        film.save(a_declaration("street", "dearer", seconds=12))
        await film.wait(film.look_s + 0.3)
        film.press("y")  # it was meant for what was asked before
        await film.wait(HOUR_S)

    session.run(story)
    assert session.bought() == []


@pytest.mark.parametrize("key", ["n", " ", "\n", "x", "é"])
def test_no_other_key_is_a_yes(session: Session, key: str) -> None:
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(10)
        film.press(key)
        await film.wait(HOUR_S)

    session.run(story)
    assert session.bought() == []


def test_a_yes_is_for_what_was_asked_and_for_nothing_else(session: Session) -> None:
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(10)
        film.press("y")
        await film.wait(1)
        film.save(STREET, NIGHT)
        await film.wait(A_WHILE_S)
        assert film.bought() == ["street"]
        film.save(a_declaration("street", "another"), NIGHT)
        await film.wait(A_WHILE_S)

    session.run(story)
    assert session.bought() == ["street"]


def test_a_yes_is_good_for_one_purchase(session: Session) -> None:
    """What was bought with it, and is lost, is asked for anew."""
    street = a_declaration("street", on_lost="regenerate")
    session.files = (street,)

    async def story(film: Session) -> None:
        await film.wait(10)
        film.press("y")
        await film.wait(A_WHILE_S)
        film.studio.lose_everything_of("street")
        film.save(street)
        await film.wait(A_WHILE_S)

    session.run(story)
    assert session.bought() == ["street"]
    assert session.waiting.verdict.may_ask


# -y, and --max-cost for the whole watch.


def test_yes_buys_within_the_max_cost_of_the_whole_watch(session: Session) -> None:
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(A_WHILE_S)
        film.save(a_declaration("street", "second"))
        await film.wait(A_WHILE_S)
        film.save(a_declaration("street", "third"))
        await film.wait(A_WHILE_S)
        film.press("y")
        await film.wait(A_WHILE_S)

    session.run(story, buys=True, max_cost="1.00")
    assert session.bought() == ["street", "second"]
    left = [each.permission.left_usd for each in session.of(Spent) if isinstance(each, Spent)]
    assert left == [Decimal("0.60"), Decimal("0.20")]
    assert "more than what is left of --max-cost ($0.20)" in session.waiting.verdict.because
    assert sum(each.usd or 0 for each in session.studio.bookings()) == Decimal("0.80")


def test_the_max_cost_is_of_the_whole_watch_though_the_state_is_another_one(
    session: Session,
) -> None:
    """Somebody deleted it, or `sorafile.toml` names another: what was spent is spent."""
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(A_WHILE_S)
        film.forgets = True
        film.save(a_declaration("street", "wide"))
        await film.wait(A_WHILE_S)
        film.save(a_declaration("street", "close"))
        await film.wait(A_WHILE_S)

    session.run(story, buys=True, max_cost="0.80")
    assert session.bought() == ["street", "wide"]
    assert "what is left of --max-cost ($0.00)" in session.waiting.verdict.because


def test_what_was_bought_is_not_bought_again_by_itself_though_the_state_is_gone(
    session: Session,
) -> None:
    session.studio.provider(account_use="shared")  # so nothing is taken from its server
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(A_WHILE_S)
        for folder in ("state", "videos"):
            shutil.rmtree(film.studio.root / folder)
        film.save(STREET, NIGHT)
        await film.wait(HOUR_S)
        assert film.bought() == ["street"]
        assert [str(each.address) for each in film.waiting.verdict.forgotten] == ["street"]
        film.press("y")
        await film.wait(A_WHILE_S)

    session.run(story, buys=True, max_cost="100")
    assert sorted(session.bought()) == ["night", "street", "street"]


def test_yes_buys_nothing_without_a_max_cost(session: Session) -> None:
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(HOUR_S)

    session.run(story, buys=True)
    assert session.bought() == []
    assert session.waiting.verdict.may_ask


def test_what_fits_is_not_bought_where_the_whole_does_not(session: Session) -> None:
    session.files = (STREET, NIGHT)

    async def story(film: Session) -> None:
        await film.wait(HOUR_S)

    session.run(story, buys=True, max_cost="0.79")
    assert session.bought() == []
    assert session.waiting.verdict.because


def test_a_purchase_of_unknown_price_is_never_made_by_itself(session: Session) -> None:
    session.studio.provider(prices=())
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(HOUR_S)

    session.run(story, buys=True, max_cost="100")
    assert session.bought() == []
    assert "unknown" in session.waiting.verdict.because


def test_a_purchase_of_unknown_price_may_be_made_by_a_key(session: Session) -> None:
    session.studio.provider(prices=())
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(10)
        assert film.waiting.verdict.has_unknown_price
        film.press("y")
        await film.wait(A_WHILE_S)

    session.run(story)
    assert session.bought() == ["street"]


# Saving again.


def test_an_edit_that_is_saved_over_within_the_quiet_time_is_never_bought(session: Session) -> None:
    async def story(film: Session) -> None:
        await film.wait(10)
        for number in range(8):
            film.save(a_declaration("street", f"edit {number}"))
            await film.wait(QUIET_S * 0.8)
        await film.wait(A_WHILE_S)

    session.run(story, buys=True, max_cost="100")
    assert session.bought() == ["edit 7"]
    assert session.of(Hesitating)


def test_a_create_that_is_not_sent_yet_is_dropped(session: Session) -> None:
    """One place among the jobs: the second video waits for the first, and is edited meanwhile."""
    session.studio.provider(max_in_flight=1)
    session.files = (STREET, a_declaration("night", "edit 0"))

    async def story(film: Session) -> None:
        await film.wait(10)
        assert film.bought() == ["street"] or film.bought() == ["edit 0"]
        first = film.bought()[0]
        other = "street" if first == "edit 0" else "night"
        for number in (1, 2, 3):
            edits = {"street": STREET, "night": a_declaration("night", "edit 0")}
            edits[other] = a_declaration(other, f"edit {number}")
            film.save(*edits.values())
            await film.wait(QUIET_S + 3)
        await film.wait(3 * A_WHILE_S)

    session.run(story, buys=True, max_cost="100")
    assert session.bought()[1:] == ["edit 3"]
    assert session.studio.plan(*(session.files or ())).is_empty


def test_a_create_that_was_sent_is_finished_and_kept(session: Session) -> None:
    studio = session.studio
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(10)
        assert film.bought() == ["street"]
        film.save(a_declaration("street", "better"))
        await film.wait(2 * A_WHILE_S)

    session.run(story, buys=True, max_cost="100")
    assert session.bought() == ["street", "better"]
    assert studio.bytes_at("videos/street.mp4") == studio.made("better")
    stored = {
        studio.store.path(asset.sha256).read_bytes()
        for each in studio.recorded().generations.values()
        for asset in each.assets
    }
    assert stored == {studio.made("street"), studio.made("better")}


def test_a_create_that_was_sent_is_kept_though_nobody_allows_its_successor(
    session: Session,
) -> None:
    studio = session.studio
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(10)
        film.press("y")
        await film.wait(10)
        assert film.bought() == ["street"]
        film.save(a_declaration("street", "better"))
        await film.wait(A_WHILE_S)

    session.run(story)
    assert session.bought() == ["street"]
    (made,) = studio.recorded().generations.values()
    (video,) = made.assets
    assert studio.store.path(video.sha256).read_bytes() == studio.made("street")
    assert not studio.server.asked(Operation.DELETE)


def test_going_back_to_what_was_bought_before_costs_nothing(session: Session) -> None:
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(A_WHILE_S)
        film.save(a_declaration("street", "better"))
        await film.wait(A_WHILE_S)
        film.save(STREET)
        await film.wait(A_WHILE_S)

    session.run(story, buys=True, max_cost="100")
    assert session.bought() == ["street", "better"]
    studio = session.studio
    assert studio.bytes_at("videos/street.mp4") == studio.made("street")


def test_saving_what_a_run_does_already_leaves_it_alone(session: Session) -> None:
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(10)
        film.save(STREET)
        await film.wait(A_WHILE_S)

    session.run(story, buys=True, max_cost="100")
    assert session.codes() == [ExitCode.OK]


def test_what_a_key_allowed_goes_on_after_another_edit(session: Session) -> None:
    """A hundred videos are allowed, and wait for their places: one edit asks for no new yes."""
    session.studio.provider(max_in_flight=1)
    several = tuple(a_declaration(f"scene-{number}") for number in range(4))
    session.files = several

    async def story(film: Session) -> None:
        await film.wait(10)
        film.press("y")
        await film.wait(10)
        assert len(film.bought()) == 1
        film.save(*several, a_declaration("late"))
        await film.wait(6 * A_WHILE_S)

    session.run(story)
    assert sorted(session.bought()) == [f"scene-{number}" for number in range(4)]
    assert [str(each.address) for each in session.waiting.verdict.waiting] == ["late"]


def test_many_saves_at_once_are_planned_once(session: Session) -> None:
    async def story(film: Session) -> None:
        await film.wait(10)
        before = len(film.of(Planned))
        for number in range(300):
            film.save(a_declaration("street", f"edit {number}"))
        await film.wait(10)
        assert len(film.of(Planned)) == before + 1

    session.run(story)


def test_a_save_while_it_is_looked_makes_one_plan_of_the_latest(session: Session) -> None:
    session.look_s = 5.0

    async def story(film: Session) -> None:
        for number in range(4):
            film.save(a_declaration("street", f"edit {number}"))
            await film.wait(1)
        await film.wait(10)
        planned = film.of(Planned)
        assert len(planned) == 1
        assert isinstance(planned[0], Planned)
        changes = planned[0].plan.actions[0].changes
        assert [each.after for each in changes if each.field == "prompt"] == ["edit 3"]

    session.run(story)


# Broken files.


def test_a_broken_file_is_told_and_what_runs_goes_on(session: Session) -> None:
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(10)
        film.save_broken()
        await film.wait(A_WHILE_S)

    session.run(story, buys=True, max_cost="100")
    assert len(session.of(Broken)) == 1
    assert session.codes() == [ExitCode.OK]
    assert session.studio.bytes_at("videos/street.mp4") == session.studio.made("street")


def test_nothing_new_begins_while_a_file_is_broken(session: Session) -> None:
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(10)
        film.save_broken()
        await film.wait(10)
        film.press("y")
        await film.wait(HOUR_S)
        assert film.bought() == []
        film.save(STREET)
        await film.wait(10)
        film.press("y")
        await film.wait(A_WHILE_S)

    session.run(story)
    assert session.bought() == ["street"]


def test_what_is_paid_for_is_brought_in_though_a_file_is_broken(session: Session) -> None:
    """A run was recalled for another edit, and then somebody goes for lunch in mid-sentence."""
    session.studio.server.fated("street", Fate(duration_s=60, lifetime_s=60))
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(20)
        film.save(a_declaration("street", "other"), NIGHT)
        await film.wait(1)
        film.save_broken()
        await film.wait(HOUR_S)

    session.run(story, buys=True, max_cost="100")
    assert session.bought() == ["street"]
    assert all(each.assets for each in session.studio.recorded().generations.values())


def test_a_contradiction_is_told_once_and_what_is_paid_for_is_brought_in(session: Session) -> None:
    session.studio.server.fated("street", Fate(duration_s=60, lifetime_s=60))
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(20)
        film.contradicts = True
        film.save(STREET, NIGHT)
        await film.wait(HOUR_S)
        assert session.bought() == ["street"]
        film.contradicts = False
        film.save(STREET, NIGHT)
        await film.wait(A_WHILE_S)

    session.run(story, buys=True, max_cost="100")
    assert len(session.of(Broken)) == 1
    assert session.bought() == ["street", "night"]
    assert all(each.assets for each in session.studio.recorded().generations.values())


def test_a_watch_may_begin_with_a_broken_file(session: Session) -> None:
    session.studio.provider(prices=FREE)
    session.files = None

    async def story(film: Session) -> None:
        await film.wait(HOUR_S)
        film.save(STREET)
        await film.wait(A_WHILE_S)

    session.run(story)
    assert session.bought() == ["street"]


# Deletions.


def test_what_is_cut_and_pasted_within_the_quiet_time_is_not_deleted(session: Session) -> None:
    session.files = (STREET, NIGHT)

    async def story(film: Session) -> None:
        await film.wait(A_WHILE_S)
        film.save(NIGHT)
        await film.wait(QUIET_S * 0.9)
        film.save(NIGHT, STREET)
        await film.wait(A_WHILE_S)

    session.run(story, buys=True, max_cost="100")
    assert not session.studio.server.asked(Operation.DELETE)
    assert session.codes() == [ExitCode.OK]


def test_planning_again_by_a_key_makes_nothing_quiet_sooner(session: Session) -> None:
    session.files = (STREET, NIGHT)

    async def story(film: Session) -> None:
        await film.wait(A_WHILE_S)
        film.save(NIGHT)
        await film.wait(QUIET_S * 0.3)
        film.press("r")
        await film.wait(QUIET_S * 0.6)
        film.save(NIGHT, STREET)
        await film.wait(A_WHILE_S)

    session.run(story, buys=True, max_cost="100")
    assert not session.studio.server.asked(Operation.DELETE)
    assert session.codes() == [ExitCode.OK]


def test_what_is_removed_is_deleted_once_it_is_quiet(session: Session) -> None:
    session.files = (STREET, NIGHT)

    async def story(film: Session) -> None:
        await film.wait(A_WHILE_S)
        film.save(NIGHT)
        await film.wait(A_WHILE_S)

    session.run(story, buys=True, max_cost="100")
    deleted = session.studio.server.asked(Operation.DELETE)
    assert [call.prompt for call in deleted] == ["street"]
    assert session.studio.bytes_at("videos/street.mp4") is None


@pytest.mark.parametrize("left", [0, 1])
def test_what_looks_like_a_mistake_is_never_deleted(session: Session, left: int) -> None:
    several = tuple(a_declaration(f"scene-{number}") for number in range(6))
    session.files = several

    async def story(film: Session) -> None:
        await film.wait(3 * A_WHILE_S)
        film.save(*several[:left])
        await film.wait(HOUR_S)

    session.run(story, buys=True, max_cost="100")
    assert not session.studio.server.asked(Operation.DELETE)
    assert len(list((session.studio.root / "videos").iterdir())) == 6


def test_what_is_not_deleted_by_mistake_is_brought_in_all_the_same(session: Session) -> None:
    """It was paid for, and would expire while nobody says whether the deletion is meant."""
    several = tuple(a_declaration(f"scene-{number}") for number in range(6))
    session.files = several

    async def story(film: Session) -> None:
        while len(film.bought()) < len(several):
            await film.wait(1)
        film.save()
        await film.wait(HOUR_S)

    session.run(story, buys=True, max_cost="100")
    assert not session.studio.server.asked(Operation.DELETE)
    assert all(each.assets for each in session.studio.recorded().generations.values())


def test_nothing_is_bought_while_something_protected_would_go(session: Session) -> None:
    kept = a_declaration("street", protect=True)
    session.files = (kept,)

    async def story(film: Session) -> None:
        await film.wait(A_WHILE_S)
        film.save(a_declaration("street", "other"), NIGHT)
        await film.wait(HOUR_S)

    session.run(story, buys=True, max_cost="100")
    assert session.bought() == ["street"]
    assert "protected" in session.waiting.verdict.because


# Trouble.


def test_a_network_that_goes_and_comes_is_survived(session: Session) -> None:
    session.studio.server.rules.append(out_of_reach(since_s=0, until_s=HOUR_S))
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(HOUR_S + 10 * A_WHILE_S)

    session.run(story, buys=True, max_cost="100")
    assert session.bought() == ["street"]
    assert session.studio.bytes_at("videos/street.mp4") == session.studio.made("street")


def test_what_could_not_be_sent_is_tried_again_by_itself(session: Session) -> None:
    server = session.studio.server

    def nothing_leaves(call: Call) -> Fault | None:
        is_paid = call.operation is Operation.SUBMIT
        return NotSent() if is_paid and call.elapsed_s < HOUR_S else None

    server.rules.append(nothing_leaves)
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(2 * HOUR_S)

    session.run(story, buys=True, max_cost="100")
    assert session.bought() == ["street"]
    assert len(server.asked(Operation.SUBMIT)) < 200  # it waits longer each time


def test_a_network_that_goes_while_a_job_runs_loses_nothing(session: Session) -> None:
    session.studio.server.rules.append(out_of_reach(since_s=20, until_s=1000))
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(2000)

    session.run(story, buys=True, max_cost="100")
    assert session.bought() == ["street"]
    assert session.studio.bytes_at("videos/street.mp4") == session.studio.made("street")


def test_what_the_server_refuses_is_not_sent_again_until_something_is_saved(
    session: Session,
) -> None:
    studio = session.studio
    studio.server.rules.append(always(Refused(status=400), on=Operation.SUBMIT, prompt="street"))
    session.files = (STREET, NIGHT)

    async def story(film: Session) -> None:
        await film.wait(HOUR_S)
        assert len(studio.server.asked(Operation.SUBMIT, "street")) == 1
        assert film.bought() == ["night"]
        film.save(STREET, NIGHT)
        await film.wait(HOUR_S)

    session.run(story, buys=True, max_cost="100")
    assert len(studio.server.asked(Operation.SUBMIT, "street")) == 2


def test_a_job_that_fails_is_not_bought_again(session: Session) -> None:
    error = JobError(code="moderation_blocked", message="no")
    session.studio.server.fated("street", Fate(error=error))
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(HOUR_S)
        film.save(STREET)
        await film.wait(HOUR_S)

    session.run(story, buys=True, max_cost="100")
    assert session.bought() == ["street"]
    last = session.of(Planned)[-1]
    assert isinstance(last, Planned)
    assert [each.kind for each in last.plan.actions] == [ActionKind.BLOCKED]


def test_the_workspace_is_another_s_while_the_watch_is_idle(session: Session) -> None:
    """The lease is held only while it applies; what the other left running is brought in."""
    studio = session.studio
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(A_WHILE_S)
        with studio.hold() as state:
            run = await studio.applied((STREET, NIGHT), studio.ports(state))
        assert run.code is ExitCode.OK
        film.save(STREET, NIGHT)
        await film.wait(10)

    session.run(story, buys=True, max_cost="0.40")
    assert session.bought() == ["street", "night"]
    assert session.studio.plan(STREET, NIGHT).is_empty


def test_a_workspace_that_another_holds_is_waited_for(session: Session) -> None:
    studio = session.studio

    async def story(film: Session) -> None:
        with studio.hold():
            film.save(STREET)
            await film.wait(25)
            assert film.bought() == []
        await film.wait(A_WHILE_S)

    session.run(story, buys=True, max_cost="100")
    assert session.of(Trouble)
    assert session.bought() == ["street"]


def test_what_another_run_left_is_brought_in_before_it_expires(session: Session) -> None:
    """Nothing is saved, and nobody waits for the job but the watch."""
    studio = session.studio
    studio.server.fated("night", Fate(duration_s=600, lifetime_s=60))
    session.files = (NIGHT,)

    async def story(film: Session) -> None:
        await film.wait(A_WHILE_S)
        with studio.hold() as state:
            await studio.applied(
                (NIGHT,), studio.ports(state), limits=replace(film.limits, wait=False)
            )
        await film.wait(HOUR_S)

    session.run(story)
    assert studio.bytes_at("videos/night.mp4") == studio.made("night")


def test_an_idle_watch_looks_from_time_to_time(session: Session) -> None:
    async def story(film: Session) -> None:
        await film.wait(10 * TICK_S + 1)

    session.run(story)
    assert session.looks == 11
    assert len(session.of(Planned)) == 1


# The end.


def test_the_end_leaves_what_runs_to_the_next_run(session: Session) -> None:
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(10)

    assert session.run(story, buys=True, max_cost="100") is ExitCode.INTERRUPTED
    studio = session.studio
    assert studio.apply(STREET).code is ExitCode.OK
    assert session.bought() == ["street"]


def test_q_ends_an_idle_watch(session: Session) -> None:
    async def story(film: Session) -> None:
        await film.wait(10)
        film.press("q")
        await film.wait(1)

    assert session.run(story) is ExitCode.OK


def test_all_is_done_is_told_once(session: Session) -> None:
    session.studio.provider(prices=FREE)
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(HOUR_S)

    session.run(story)
    told = [each for each in session.of(Waiting) if isinstance(each, Waiting)]
    assert len(told) == 1
    assert [str(each) for each in told[0].plan.unchanged] == ["street"]


def test_a_lost_answer_that_nobody_can_settle_is_looked_for_in_growing_intervals(
    session: Session,
) -> None:
    """Of a video that is declared no more: no action fails, and it is still to be found."""
    studio = session.studio
    studio.provider(list="partial")
    studio.server.rules.append(times(1, LostAnswer(made=False), on=Operation.SUBMIT))
    session.files = (STREET, NIGHT)

    async def story(film: Session) -> None:
        await film.wait(10)
        film.save(NIGHT) if "night" in film.bought() else film.save(STREET)
        await film.wait(HOUR_S)

    session.run(story, buys=True, max_cost="100")
    assert len(session.bought()) == 1
    assert len(session.codes()) < 100


def test_a_watch_that_breaks_ends_its_run_kindly(session: Session) -> None:
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(10)
        film.breaks = True
        film.save(STREET)
        await film.wait(A_WHILE_S)

    with pytest.raises(ZeroDivisionError):
        session.run(story, buys=True, max_cost="100")
    assert session.codes() == [ExitCode.INTERRUPTED]
    assert session.studio.apply(STREET).code is ExitCode.OK
    assert session.bought() == ["street"]


def test_a_workspace_that_was_taken_while_the_machine_slept_is_taken_back(
    session: Session,
) -> None:
    studio = session.studio
    session.files = (STREET,)

    async def story(film: Session) -> None:
        await film.wait(10)
        studio.write("UPDATE leases SET fence = fence + 1, host = 'elsewhere'")
        await film.wait(10 * A_WHILE_S)

    session.run(story, buys=True, max_cost="100")
    assert ExitCode.LOCKED in session.codes()
    assert session.bought() == ["street"]
    assert studio.bytes_at("videos/street.mp4") == studio.made("street")
