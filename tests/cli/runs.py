"""Runs as they are told, for the tests of what is shown of them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from reconciler.cli.progress.board import Board
from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration
from reconciler.domain.durations import Expected
from reconciler.domain.events import (
    ActionCompleted,
    ActionFailed,
    ActionStarted,
    ActionWaiting,
    DownloadProgress,
    Event,
    JobAwaited,
    JobMade,
    JobProgress,
    Money,
    MoneyHeld,
    PlanMade,
    Throughput,
    Waits,
)
from reconciler.domain.plan import ActionKind, Plan
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import JobStatus, RunId
from worlds import NOW, a_declaration, a_world, the_plan

CLIP_USD = Decimal("0.40")
USUAL = Expected(likely_s=60, usual_s=90)
Told = tuple[datetime, Event]


def at(seconds: float) -> datetime:
    """So long after the begin of a run."""
    return NOW + timedelta(seconds=seconds)


def plan_of(declared: Iterable[Declaration]) -> Plan:
    """What a run of these does where nothing is recorded."""
    return the_plan(a_world(declared))


def begun(plan: Plan, *, places: int = 4, expected: Expected = USUAL) -> PlanMade:
    """The first event."""
    return PlanMade(
        plan=plan,
        run_id=RunId("r-1"),
        expected={each.address: expected for each in plan.actions},
        throughput={"studio": Throughput(places=places, requests_per_minute=600)},
    )


def board_of(events: Iterable[Told]) -> Board:
    """What is known after these."""
    board = Board(began_at=NOW)
    for moment, event in events:
        board.hear(event, moment)
    return board


def waiting(address: Address, second: float, waits_for: Waits = Waits.PLACE) -> Iterator[Told]:
    yield at(second), ActionStarted(address=address, action=ActionKind.CREATE)
    yield at(second), ActionWaiting(address=address, waits_for=waits_for)


def submitted(address: Address, second: float, spent: Decimal) -> Iterator[Told]:
    """From its place in the queue to its job."""
    yield from waiting(address, second)
    yield at(second), ActionWaiting(address=address, waits_for=Waits.TURN)
    held = Money(held_usd=CLIP_USD, spent_usd=spent)
    yield at(second), MoneyHeld(address=address, cost_usd=CLIP_USD, money=held)
    paid = Money(held_usd=Decimal(0), spent_usd=spent + CLIP_USD)
    job = f"video_{address}"
    yield at(second), JobMade(address=address, remote_id=job, cost_usd=CLIP_USD, money=paid)
    yield (
        at(second),
        JobAwaited(address=address, remote_id=job, created_at=at(second), expected=USUAL),
    )


def looked(address: Address, second: float, percent: int) -> Told:
    return (
        at(second),
        JobProgress(address=address, status=JobStatus.IN_PROGRESS, percent=percent),
    )


def finished(address: Address, second: float) -> Told:
    return at(second), JobProgress(address=address, status=JobStatus.COMPLETED, percent=100)


def came(address: Address, second: float, count: int, total: int | None) -> Told:
    return (
        at(second),
        DownloadProgress(address=address, variant=Variant.VIDEO, bytes=count, bytes_total=total),
    )


def completed(address: Address, second: float) -> Told:
    return (
        at(second),
        ActionCompleted(
            address=address,
            action=ActionKind.CREATE,
            remote_id=f"video_{address}",
            seconds=second,
        ),
    )


def failed(address: Address, second: float, message: str, fix: str | None = None) -> Told:
    return (
        at(second),
        ActionFailed(
            address=address,
            action=ActionKind.CREATE,
            code="job_failed",
            message=message,
            fix=fix,
            remote_id=f"video_{address}",
        ),
    )


def six() -> tuple[Plan, list[Told]]:
    """A run of six: one failed, one downloads, two run, one is asked for, one waits for another."""
    street = a_declaration("street", seconds=4)
    rain = a_declaration("street-rain", "rain", remix_of=street)
    long = "a-name-that-is-far-too-long-for-a-row[Tokyo,dawn]"
    declared = [street, rain, *map(a_declaration, ("night", "hero", "refused", long))]
    plan = plan_of(declared)
    names: Mapping[str, Address] = {str(each.address): each.address for each in plan.actions}
    told: list[Told] = [(at(0), begun(plan))]
    for number, name in enumerate(("refused", "hero", "night", "street")):
        told += submitted(names[name], 1 + number, number * CLIP_USD)
    told += [looked(names["street"], second, percent) for second, percent in ((10, 8), (20, 16))]
    told += [looked(names["street"], 30, 25), looked(names["night"], 30, 0)]
    told += [failed(names["refused"], 31, "its job failed"), finished(names["hero"], 40)]
    told += [came(names["hero"], 40 + n, n * 700_000, 4_200_000) for n in range(1, 5)]
    told += waiting(names[long], 42, Waits.TURN)
    held = Money(held_usd=CLIP_USD, spent_usd=4 * CLIP_USD)
    told.append((at(43), MoneyHeld(address=names[long], cost_usd=CLIP_USD, money=held)))
    return plan, told


def five_hundred() -> tuple[Plan, list[Told]]:
    """A run of 500 with 20 places: 41 are done, 2 failed, 20 run."""
    plan = plan_of(a_declaration(f"shot-{number:03}") for number in range(500))
    addresses = [each.address for each in plan.actions]
    told: list[Told] = [(at(0), begun(plan, places=20))]
    for address in addresses:
        told += waiting(address, 0)
    for number, address in enumerate(addresses[:63]):
        began_s = 50 * (number // 20)
        told += submitted(address, began_s, number * CLIP_USD)
        if number < 43:
            told.append(finished(address, began_s + 40))
            fails = number % 20 == 7
            told.append(
                failed(address, began_s + 42, "no") if fails else completed(address, began_s + 45)
            )
    for n, address in enumerate(addresses[43:60]):
        told += [looked(address, 100 + 20 * look, 20 * look + n) for look in (1, 2, 3)]
    told += [came(addresses[60], 160 + n, n * 400_000, 2_000_000) for n in range(1, 4)]
    return plan, sorted(told, key=lambda each: each[0])
