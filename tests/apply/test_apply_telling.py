"""What a run tells of its queue, its money and its jobs while it works."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

from apply.studio import Studio
from reconciler.domain.address import Address
from reconciler.domain.events import (
    ActionCompleted,
    ActionFailed,
    ActionWaiting,
    DownloadProgress,
    Event,
    Heartbeat,
    JobAwaited,
    JobMade,
    JobProgress,
    MoneyFreed,
    MoneyHeld,
    PlanMade,
    Throughput,
    Waits,
)
from reconciler.domain.recorded import JobError
from simulated.faults import LostAnswer, Operation, Refused, always, times
from simulated.workshop import Fate
from worlds import PROFILE, a_declaration


def told(events: tuple[Event, ...], address: str) -> list[str]:
    """The kinds of events of one address, each once in a row."""
    kinds: list[str] = []
    for event in events:
        if getattr(event, "address", None) == Address.parse(address):
            name = type(event).__name__
            name += f" {event.waits_for}" if isinstance(event, ActionWaiting) else ""
            if not kinds or kinds[-1] != name:
                kinds.append(name)
    return kinds


def test_a_video_tells_its_way_from_the_queue_to_the_disk(studio: Studio) -> None:
    run = studio.apply(a_declaration("street"))

    assert told(run.events, "street") == [
        "ActionStarted",
        "ActionWaiting place",
        "ActionWaiting turn",
        "MoneyHeld",
        "JobMade",
        "JobAwaited",
        "JobProgress",
        "ActionWaiting download",
        "DownloadProgress",
        "ActionCompleted",
    ]
    held, made = (
        next(event for event in run.events if isinstance(event, kind))
        for kind in (MoneyHeld, JobMade)
    )
    assert (held.money.held_usd, held.money.spent_usd) == (Decimal("0.40"), 0)
    assert (made.money.held_usd, made.money.spent_usd) == (0, Decimal("0.40"))
    assert 60 < run.ended.took_s <= run.seconds


def test_money_is_held_and_spent_as_the_ledger_says(studio: Studio) -> None:
    studio.server.fated("b", Fate(error=JobError(code="moderation", message="no")))
    run = studio.apply(*(a_declaration(name) for name in "abc"))

    last = [event for event in run.events if isinstance(event, JobMade)][-1]
    assert last.money.spent_usd == run.ended.cost_usd == studio.server.workshop.billed_usd
    assert run.ended.held_usd == 0


def test_a_refusal_frees_what_was_held(studio: Studio) -> None:
    refused = Refused(status=400, server_code="no")
    studio.server.rules.append(always(refused, on=Operation.SUBMIT, prompt="street"))
    run = studio.apply(a_declaration("street"))

    freed = next(event for event in run.events if isinstance(event, MoneyFreed))
    assert (freed.cost_usd, freed.money.held_usd) == (Decimal("0.40"), 0)
    assert run.ended.cost_usd == 0


def test_heartbeats_say_what_runs_what_is_queued_and_the_money(studio: Studio) -> None:
    many = [a_declaration(f"v{number}") for number in range(10)]
    run = studio.apply(*many)

    first = next(event for event in run.events if isinstance(event, Heartbeat))
    assert (first.running, first.queued) == (PROFILE.max_in_flight, 10 - PROFILE.max_in_flight)
    assert first.money.spent_usd == PROFILE.max_in_flight * Decimal("0.40")


def test_the_plan_comes_with_what_is_expected_of_it(studio: Studio) -> None:
    run = studio.apply(a_declaration("street", seconds=8))
    first = run.events[0]
    assert isinstance(first, PlanMade)
    street = Address.parse("street")
    assert first.expected[street].likely_s == 8 * PROFILE.typical_job_s
    assert first.throughput == {"studio": Throughput(places=4, requests_per_minute=60)}

    took_s = (studio.current("street").completed_at or studio.clock.now()) - studio.current(
        "street"
    ).created_at
    again = studio.apply(a_declaration("street", seconds=8), a_declaration("night", seconds=8))
    assert isinstance(again.events[0], PlanMade)
    expected = again.events[0].expected[Address.parse("night")]
    assert timedelta(seconds=expected.likely_s) == took_s


def test_a_job_taken_over_counts_from_when_it_was_made(studio: Studio) -> None:
    street = a_declaration("street")
    studio.apply(street, stop_at_s=3)
    made_at = studio.recorded().videos[Address.parse("street")].generations[0].created_at
    run = studio.apply(street)

    awaited = next(event for event in run.events if isinstance(event, JobAwaited))
    assert awaited.created_at == made_at < studio.clock.now()
    assert Counter(map(type, run.events))[JobMade] == 0


def test_a_failure_names_its_job(studio: Studio) -> None:
    studio.server.fated("street", Fate(error=JobError(code="moderation", message="no")))
    run = studio.apply(a_declaration("street"))
    failed = next(event for event in run.events if isinstance(event, ActionFailed))
    assert failed.remote_id == "video_1"
    assert "video_1" in failed.message


def test_a_download_tells_its_size(studio: Studio) -> None:
    run = studio.apply(a_declaration("street"))
    came = [event for event in run.events if isinstance(event, DownloadProgress)]
    assert came[-1].bytes == came[-1].bytes_total
    assert any(isinstance(event, JobProgress) for event in run.events)


def test_while_an_answer_is_sought_its_money_is_held(studio: Studio) -> None:
    lost = LostAnswer(made=True)
    studio.server.rules.append(times(1, lost, on=Operation.SUBMIT, prompt="street"))
    run = studio.apply(a_declaration("street"))

    events = iter(run.events)
    sought = ActionWaiting(address=Address.parse("street"), waits_for=Waits.LOST_ANSWER)
    assert sought in events  # and what follows comes after it
    found = next(event for event in events if isinstance(event, JobMade))
    assert (found.money.held_usd, found.money.spent_usd) == (0, Decimal("0.40"))
    assert run.ended.cost_usd == Decimal("0.40")


def test_what_is_bought_twice_with_consent_costs_twice(studio: Studio) -> None:
    """The first is booked as wasted: the server may have billed it."""
    studio.provider(list="none", on_ambiguous="retry")
    lost = LostAnswer(made=True)
    studio.server.rules.append(times(1, lost, on=Operation.SUBMIT, prompt="street"))
    run = studio.apply(a_declaration("street"))
    assert run.ended.cost_usd == Decimal("0.80") == studio.server.workshop.billed_usd


def test_what_an_earlier_run_holds_is_held_until_it_is_settled(studio: Studio) -> None:
    lost = LostAnswer(made=True, shows_after_s=20)
    studio.server.rules.append(times(1, lost, on=Operation.SUBMIT, prompt="street"))
    first = studio.apply(a_declaration("street"), stop_at_s=2)
    assert first.ended.held_usd == Decimal("0.40")

    run = studio.apply(a_declaration("street"))
    beat = next(event for event in run.events if isinstance(event, Heartbeat))
    assert beat.money.held_usd == Decimal("0.40")
    assert (run.ended.held_usd, run.ended.cost_usd) == (0, 0)


def test_how_long_an_action_took_is_told_without_its_time_in_the_queue(studio: Studio) -> None:
    """Else the last of five hundred would have taken as long as the run."""
    studio.provider(max_in_flight=1)
    run = studio.apply(*(a_declaration(f"shot-{number}") for number in range(4)))
    took = [each.seconds for each in run.events if isinstance(each, ActionCompleted)]
    assert len(took) == 4
    assert all(60 <= seconds < 80 for seconds in took)
    assert run.seconds > 240
