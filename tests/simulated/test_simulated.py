"""The simulation itself: a test that rests on it must be able to fail."""

import asyncio
from pathlib import Path

import pytest

from apply.studio import Studio
from simulated.clock import LeftBehindError, SimulatedClock, StandstillError, TooLateError
from simulated.faults import Away, NotSent, Operation, Refused, out_of_reach, times
from worlds import a_declaration


def test_hours_pass_in_no_time_and_in_order() -> None:
    clock = SimulatedClock()
    woke: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woke.append((name, clock.elapsed_s))

    async def all_sleep() -> None:
        await asyncio.gather(sleeper("late", 7200), sleeper("soon", 1.5), sleeper("now", 0))

    clock.run(all_sleep())

    assert woke == [("now", 0), ("soon", 1.5), ("late", 7200)]


def test_a_timeout_runs_by_the_same_time() -> None:
    clock = SimulatedClock()

    async def waits() -> None:
        async with asyncio.timeout(30):
            await clock.sleep(60)

    with pytest.raises(TimeoutError):
        clock.run(waits())
    assert clock.elapsed_s == 30


def test_a_deadlock_is_told_instead_of_waited_for() -> None:
    async def waits() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(StandstillError, match="test_simulated"):
        SimulatedClock().run(waits())


def test_a_run_without_end_is_told() -> None:
    clock = SimulatedClock()

    async def turns() -> None:
        while True:
            await clock.sleep(60)

    with pytest.raises(TooLateError):
        clock.run(turns(), longest_s=600)


def test_a_task_that_outlives_its_run_is_told() -> None:
    clock = SimulatedClock()
    started: list[asyncio.Task[None]] = []

    async def leaves() -> None:
        started.append(asyncio.create_task(clock.sleep(1000)))

    with pytest.raises(LeftBehindError):
        clock.run(leaves())


def test_an_error_that_nobody_looked_at_is_told() -> None:
    clock = SimulatedClock()

    async def fails() -> None:
        asyncio.get_running_loop().create_future().set_exception(ValueError("unseen"))

    with pytest.raises(LeftBehindError, match="unseen"):
        clock.run(fails())


def test_the_same_story_leaves_the_same_trace(tmp_path: Path) -> None:
    def trace(root: Path) -> list[str]:
        root.mkdir()
        studio = Studio(root=root)
        studio.server.rules += [
            times(2, NotSent(), on=Operation.SUBMIT, prompt="night"),
            times(1, Refused(status=429), on=Operation.SUBMIT),
            times(3, Away(), on=Operation.CONTENT),
            out_of_reach(since_s=20, until_s=50),
        ]
        street = a_declaration("street")
        studio.apply(street, a_declaration("night"), a_declaration("rain", remix_of=street))
        return [str(call) for call in studio.server.calls]

    assert trace(tmp_path / "one") == trace(tmp_path / "two")
