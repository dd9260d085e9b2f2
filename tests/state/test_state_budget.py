"""Caps, in the transaction that holds the money: whoever asks at whatever moment."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from reconciler.domain.bookings import BookingState, counted
from reconciler.domain.budget import NO_BUDGET, Budget
from reconciler.domain.errors import AlreadyBoughtError, BudgetError, ExitCode
from reconciler.domain.ports import StateWriter
from reconciler.domain.recipe import Parent, Recipe
from reconciler.domain.recorded import AttemptId, JobStatus, RunId
from reconciler.state.database import open_reader
from state.desk import (
    STREET,
    Desk,
    a_job,
    a_recipe,
    a_run,
    a_sidecar,
    an_asset,
    an_intent,
    sent,
)

DAY_S = 86_400.0


def a_big_run(writer: StateWriter, worst_case: str = "1000") -> RunId:
    return writer.begin_run(plan_id="p", worst_case_usd=Decimal(worst_case), git_commit=None)


def capped(**caps: str) -> Budget:
    return Budget(**{f"{name}_usd": Decimal(usd) for name, usd in caps.items()})  # type: ignore[arg-type]


def tagged(**caps: str) -> Budget:
    return Budget(per_tag_usd={tag: Decimal(usd) for tag, usd in caps.items()})


@pytest.mark.parametrize("cap", ["per_run", "per_day", "per_month", "max_cost"])
def test_what_a_cap_just_holds_is_reserved_and_a_micro_dollar_more_is_not(
    desk: Desk, cap: str
) -> None:
    with desk.writer() as writer:
        run = a_big_run(writer)
        budget = capped(**{cap: "0.80"})
        writer.reserve(an_intent(prompt="one"), run, budget)
        writer.reserve(an_intent(prompt="two"), run, budget)
        before = desk.everything()
        with pytest.raises(BudgetError) as refused:
            writer.reserve(an_intent(prompt="three", cost="0.000001"), run, budget)
        assert desk.everything() == before
    assert refused.value.exit_code is ExitCode.REFUSED
    name = "--max-cost" if cap == "max_cost" else cap
    assert f"`street` is not bought: $0.000001 more goes beyond {name} ($0.80 a" in (
        refused.value.message
    )
    assert "$0.80 is held or spent already" in refused.value.message
    assert "apply --free" in (refused.value.fix or "")


def test_a_run_counts_its_own_money_and_no_others(desk: Desk) -> None:
    with desk.writer() as writer:
        first, second = a_big_run(writer), a_big_run(writer)
        writer.reserve(an_intent(prompt="one"), first, capped(per_run="0.40"))
        writer.reserve(an_intent(prompt="two"), second, capped(per_run="0.40"))
        with pytest.raises(BudgetError, match="per_run"):
            writer.reserve(an_intent(prompt="three"), second, capped(per_run="0.40"))


def test_days_and_months_begin_at_midnight_utc(desk: Desk) -> None:
    desk.now = datetime(2026, 11, 29, 23, 59, 59, 999_999, tzinfo=UTC)
    day, month = capped(per_day="0.40"), capped(per_month="0.80")
    with desk.writer() as writer:
        run = a_big_run(writer)
        writer.reserve(an_intent(prompt="one"), run, day)
        with pytest.raises(BudgetError, match="per_day"):
            writer.reserve(an_intent(prompt="two"), run, day)
        desk.wait(0.000_001)
        writer.reserve(an_intent(prompt="two"), run, day)
        with pytest.raises(BudgetError, match="per_month"):
            writer.reserve(an_intent(prompt="three"), run, month)
        desk.wait(DAY_S)
        writer.reserve(an_intent(prompt="three"), run, month)


def test_money_counts_when_it_was_held_and_not_when_it_was_spent(desk: Desk) -> None:
    with desk.writer() as writer:
        attempt = sent(writer, an_intent(prompt="one"))
        desk.wait(DAY_S)
        writer.acknowledged(attempt, a_job("video_1"))
        writer.reserve(an_intent(prompt="two"), a_big_run(writer), capped(per_day="0.40"))
        with pytest.raises(BudgetError, match="per_month"):
            writer.reserve(an_intent(prompt="three"), a_big_run(writer), capped(per_month="0.80"))


def test_the_month_of_a_tag_counts_what_has_it(desk: Desk) -> None:
    caps = tagged(launch="0.80", teaser="0.40")
    with desk.writer() as writer:
        run = a_big_run(writer)
        writer.reserve(an_intent(prompt="1", tags=("launch", "teaser")), run, caps)
        writer.reserve(an_intent(prompt="2", tags=("other",)), run, caps)
        writer.reserve(an_intent(prompt="3"), run, caps)
        writer.reserve(an_intent(prompt="4", tags=("launch",)), run, caps)
        with pytest.raises(BudgetError, match=r"per_tag\.launch \(\$0\.80 a month\)"):
            writer.reserve(an_intent(prompt="5", tags=("launch",)), run, caps)
        with pytest.raises(BudgetError, match=r"per_tag\.teaser"):
            writer.reserve(an_intent(prompt="5", tags=("teaser",)), run, caps)
        desk.wait(10 * DAY_S)
        writer.reserve(an_intent(prompt="5", tags=("launch", "teaser")), run, caps)


@pytest.mark.parametrize("tag", ['in"side', "back\\slash", "50%", "été", "a_b"])
def test_a_tag_is_itself_and_nothing_like_it(desk: Desk, tag: str) -> None:
    caps = Budget(per_tag_usd={tag: Decimal("0.40")})
    with desk.writer() as writer:
        run = a_big_run(writer)
        others = ("side", "50", "5000", "axb", "ete", f"{tag}.", tag.upper() + "x")
        writer.reserve(an_intent(prompt="1", tags=others), run, caps)
        writer.reserve(an_intent(prompt="2", tags=(tag, tag)), run, caps)
        with pytest.raises(BudgetError):
            writer.reserve(an_intent(prompt="3", tags=(tag,)), run, caps)


Settle = Callable[[StateWriter], None]
WHAT_COUNTS: dict[str, tuple[Settle, bool]] = {
    "reserved": (lambda w: void(w.reserve(an_intent(), a_run(w))), True),
    "sending": (lambda w: void(sent(w)), True),
    "ambiguous": (lambda w: w.ambiguous(sent(w), "x", made=False), True),
    "spent": (lambda w: void(w.acknowledged(sent(w), a_job())), True),
    "wasted": (lambda w: void(w.acknowledged(sent(w), a_job(status=JobStatus.FAILED))), True),
    "found": (lambda w: void(w.recover(a_sidecar(cost_usd=Decimal("0.40"), **THIS_DAY))), True),
    "written off": (lambda w: w.written_off(lost(w), "x", may_repeat=True), True),
    "a late twin": (lambda w: void(twin_of_disproved(w)), True),
    "disproved": (lambda w: w.disproved(lost(w), "x"), False),
    "not sent": (lambda w: w.not_sent(sent(w), "x"), False),
    "rejected": (lambda w: w.rejected(sent(w), "x"), False),
}
THIS_DAY = {"created_at": datetime(2026, 11, 22, 9, tzinfo=UTC)}


def void(_result: object) -> None:
    """A call whose result is of no interest."""


def lost(writer: StateWriter) -> AttemptId:
    """An attempt whose answer is lost."""
    attempt = sent(writer)
    writer.ambiguous(attempt, "no answer", made=False)
    return attempt


def twin_of_disproved(writer: StateWriter) -> None:
    """A job shows that was said to be none: it is paid after all."""
    attempt = lost(writer)
    writer.disproved(attempt, "not in the list")
    writer.twin(attempt, a_job("video_twin"), is_ours=True)


@pytest.mark.parametrize("what", WHAT_COUNTS)
def test_what_was_freed_counts_no_more_and_all_else_does(desk: Desk, what: str) -> None:
    settle, counts = WHAT_COUNTS[what]
    with desk.writer() as writer:
        settle(writer)
        for cap in ("per_day", "per_month"):
            intent, budget = an_intent(prompt=cap, cost="0.40"), capped(**{cap: "0.79"})
            run = a_big_run(writer)
            if counts:
                with pytest.raises(BudgetError, match=cap):
                    writer.reserve(intent, run, budget)
            else:
                writer.not_sent(writer.reserve(intent, run, budget), "x")


def test_an_unknown_price_is_refused_where_a_cap_applies(desk: Desk) -> None:
    with desk.writer() as writer:
        run = a_big_run(writer)
        unknown = an_intent(cost=None, tags=("launch",))
        for budget in (capped(per_run="99"), capped(per_day="99"), tagged(launch="99")):
            with pytest.raises(BudgetError, match="its price is unknown") as refused:
                writer.reserve(unknown, run, budget)
            assert "[providers.studio]" in (refused.value.fix or "")
        writer.reserve(unknown, run, tagged(other="1"))


def test_what_is_free_is_reserved_however_much_was_spent(desk: Desk) -> None:
    with desk.writer() as writer:
        writer.reserve(an_intent(prompt="one"), a_big_run(writer))
        free = an_intent(prompt="two", cost="0")
        writer.reserve(free, a_big_run(writer), capped(per_day="0.10", per_run="0"))


def test_a_recipe_that_is_bought_already_is_told_so_before_the_budget(desk: Desk) -> None:
    with desk.writer() as writer:
        writer.reserve(an_intent(), a_run(writer))
        with pytest.raises(AlreadyBoughtError):
            writer.reserve(an_intent(), a_run(writer), capped(per_day="0.40"))


def test_a_run_never_goes_beyond_the_worst_case_that_was_approved(desk: Desk) -> None:
    with desk.writer() as writer:
        run = a_big_run(writer, "1.00")
        writer.acknowledged(sent_in(writer, "one", run), a_job("video_1"))
        writer.rejected(sent_in(writer, "two", run), "no")
        writer.reserve(an_intent(prompt="three"), run)
        with pytest.raises(BudgetError, match=r"worst case of \$1\.00 that was approved") as over:
            writer.reserve(an_intent(prompt="four"), run)
        assert "$0.80 is held or spent already" in over.value.message
        writer.reserve(an_intent(prompt="four", cost="0.20"), run)


def test_older_unresolved_money_is_part_of_the_worst_case(desk: Desk) -> None:
    with desk.writer() as writer, desk.writer("draft") as draft:
        writer.acknowledged(sent(writer, an_intent(prompt="settled")), a_job("video_0"))
        older = sent(writer, an_intent(prompt="older"))
        writer.ambiguous(older, "lost", made=False)
        draft.ambiguous(sent(draft, an_intent(prompt="of another")), "lost", made=False)
        desk.wait(1)
        run = a_big_run(writer, "1.00")
        with pytest.raises(BudgetError, match=r"\$0\.80 is held or spent already"):
            writer.reserve(an_intent(prompt="new"), run)
        writer.reserve(an_intent(prompt="cheap", cost="0.20"), run)
        desk.wait(1)
        # That it is spent by now makes no room: it was approved as a part of the worst case.
        writer.acknowledged(older, a_job("video_1"))
        with pytest.raises(BudgetError):
            writer.reserve(an_intent(prompt="new", cost="0.01"), run)


def test_what_another_workspace_is_sending_is_no_matter_of_this_run(desk: Desk) -> None:
    with desk.writer() as writer, desk.writer("draft") as draft:
        attempt = sent(draft, an_intent(prompt="of another"))
        desk.wait(1)
        run = a_big_run(writer, "0.40")
        draft.acknowledged(attempt, a_job("video_9"))
        writer.reserve(an_intent(prompt="new"), run)


def sent_in(writer: StateWriter, prompt: str, run: RunId) -> AttemptId:
    attempt = writer.reserve(an_intent(prompt=prompt), run)
    writer.sending(attempt, None)
    return attempt


RACES = 15


def test_of_two_workspaces_that_race_for_the_last_money_one_gets_it(desk: Desk) -> None:
    start = threading.Barrier(2)
    won: list[int] = []
    lost: list[int] = []

    def race(writer: StateWriter, name: str) -> None:
        run = a_big_run(writer)
        for number in range(RACES):
            # In each race there is room for one more.
            room = Decimal("0.40") * (number + 1)
            budget = Budget(per_day_usd=room + 1, per_tag_usd={"launch": room})
            intent = an_intent(prompt=f"{name} {number}", tags=("launch",))
            start.wait()
            try:
                writer.reserve(intent, run, budget)
            except BudgetError:
                lost.append(number)
            else:
                won.append(number)
            start.wait()

    with desk.writer("default") as one, desk.writer("draft") as other:
        threads = [
            threading.Thread(target=race, args=(one, "one")),
            threading.Thread(target=race, args=(other, "other")),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(won) == sorted(lost) == list(range(RACES))
    held = open_reader(desk.url, desk.root, "default").bookings()
    assert sum(booking.usd or 0 for booking in held) == Decimal("0.40") * RACES


def test_bookings_tell_of_each_purchase_once(desk: Desk) -> None:
    with desk.writer() as writer:
        writer.ambiguous(sent(writer, an_intent(prompt="lost", tags=("launch",))), "x", made=False)
        desk.wait(1)
        bought = writer.acknowledged(sent(writer, an_intent(prompt="bought")), a_job("video_2"))
        writer.stored(bought.id, an_asset())
        desk.wait(1)
        failed = a_job("video_3", JobStatus.FAILED)
        writer.acknowledged(sent(writer, an_intent(prompt="failed", cost=None)), failed)
        desk.wait(1)
        writer.rejected(sent(writer, an_intent(prompt="rejected")), "no")
        writer.recover(a_sidecar("video_0", "found"), ("found",))
        told = writer.bookings()
        assert writer.bookings(since=desk.now) == ()
        assert writer.bookings(since=told[2].at) == told[2:]
    assert told == open_reader(desk.url, desk.root, "other").bookings()
    assert [(each.state, each.usd, each.address, each.tags) for each in told] == [
        (BookingState.SPENT, Decimal("1.20"), None, ("found",)),
        (BookingState.HELD, Decimal("0.40"), STREET, ("launch",)),
        (BookingState.SPENT, Decimal("0.40"), STREET, ()),
        (BookingState.WASTED, None, STREET, ()),
    ]
    assert [each.at for each in told] == sorted(each.at for each in told)
    assert {each.model for each in told} == {"sora-2"}
    assert {each.provider for each in told} == {"studio"}


def test_a_second_job_of_one_attempt_is_a_purchase_of_its_own(desk: Desk) -> None:
    with desk.writer() as writer:
        attempt = sent(writer, an_intent(tags=("launch",)))
        writer.acknowledged(attempt, a_job("video_1"))
        writer.twin(attempt, a_job("video_2"), is_ours=True)
        told = writer.bookings()
        assert [(each.state, each.usd, each.tags) for each in told] == [
            (BookingState.SPENT, Decimal("0.40"), ("launch",)),
            (BookingState.WASTED, Decimal("0.40"), ("launch",)),
        ]
        with pytest.raises(BudgetError, match=r"\$0\.80 is held or spent already"):
            writer.reserve(an_intent(prompt="more"), a_big_run(writer), capped(per_day="1.19"))


def test_a_job_that_may_be_anothers_costs_nothing_here(desk: Desk) -> None:
    with desk.writer() as writer:
        writer.recover(a_sidecar(is_ours=False), ("launch",))
        assert writer.bookings() == ()


def test_a_remix_has_the_model_of_what_it_derives_from(desk: Desk) -> None:
    first = a_recipe("first", model="sora-2-pro")
    second = Recipe(
        account="studio",
        prompt="second",
        parent=Parent(derivation="remix", digest=first.digest),
    )
    third = Recipe(
        account="studio",
        prompt="third",
        parent=Parent(derivation="remix", digest=second.digest),
    )
    foreign = Recipe(
        account="studio", prompt="foreign", parent=Parent(derivation="remix", remote_id="video_x")
    )
    with desk.writer() as writer:
        for number, recipe in enumerate((first, second, third, foreign)):
            writer.recover(a_sidecar(f"video_{number}", recipe=recipe, digest=recipe.digest), ())
        models = [each.model for each in writer.bookings()]
    assert models == ["sora-2-pro"] * 3 + [None]


def test_reading_the_ledger_of_no_database_makes_none(desk: Desk) -> None:
    if desk.url.startswith("sqlite"):
        assert open_reader(desk.url, desk.root, "default").bookings() == ()
        assert not list(desk.root.iterdir())


def test_the_sums_of_the_database_are_those_of_its_bookings(desk: Desk) -> None:
    """A cap of just what is counted refuses a micro-dollar more, and one above it does not."""
    with desk.writer() as writer:
        run = a_big_run(writer)
        for number in range(6):
            tags = ("launch",) if number % 2 else ("launch", "teaser")
            attempt = writer.reserve(an_intent(prompt=str(number), tags=tags), run)
            writer.sending(attempt, None)
            if number == 3:
                writer.rejected(attempt, "no")
            if number == 4:
                writer.acknowledged(attempt, a_job("video_4"))
            desk.wait(DAY_S / 2)
        now = counted(writer.bookings(), desk.now)
        assert (now.day_usd, now.month_usd) == (Decimal("0.40"), Decimal("2.00"))
        assert now.tags_usd == {"launch": Decimal("2.00"), "teaser": Decimal("1.20")}
        micro = an_intent(prompt="more", cost="0.000001", tags=("launch", "teaser"))
        for budget, room in (
            (Budget(per_day_usd=now.day_usd), Budget(per_day_usd=now.day_usd + 1)),
            (Budget(per_month_usd=now.month_usd), NO_BUDGET),
            (Budget(per_tag_usd=now.tags_usd), tagged(launch="3", teaser="3")),
        ):
            with pytest.raises(BudgetError):
                writer.reserve(micro, run, budget)
            writer.not_sent(writer.reserve(micro, run, room), "x")


def test_what_some_runs_hold_or_spent_is_told_of_them_alone(desk: Desk) -> None:
    with desk.writer() as writer:
        mine, later, others = a_big_run(writer), a_big_run(writer), a_big_run(writer)
        freed = writer.reserve(an_intent(prompt="one"), mine)
        writer.reserve(an_intent(prompt="two"), later)
        writer.reserve(an_intent(prompt="three"), others)
        assert writer.counted_of([mine, later]) == {mine: Decimal("0.40"), later: Decimal("0.40")}
        writer.not_sent(freed, "no connection")
        assert writer.counted_of([mine, later]) == {mine: 0, later: Decimal("0.40")}
        assert writer.counted_of([RunId("another")]) == {}
        reader = open_reader(desk.url, desk.root, "other")
        assert reader.counted_of([others]) == {others: Decimal("0.40")}


def test_nobody_spent_anything_where_nothing_was_ever_recorded(desk: Desk) -> None:
    assert open_reader(desk.url, desk.root, "default").counted_of([RunId("1")]) == {}
