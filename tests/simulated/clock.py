"""Time that passes only while everybody sleeps.

An event loop jumps to its next timer whenever nothing is ready, so `asyncio.sleep`, timeouts
and every port's clock share one simulated time, hours pass in milliseconds, and the same
program does the same things at the same moments on any machine.
"""

import asyncio
import inspect
import selectors
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR_S = 3600.0
_TURNS_TO_END = 20  # of the loop: what was cancelled needs a few to be done


class StandstillError(AssertionError):
    """Everybody waits, and nothing is left that could wake anybody: a deadlock."""


class TooLateError(AssertionError):
    """One run took more simulated time than anything should: it may never end."""


class LeftBehindError(AssertionError):
    """A run ended and left tasks running, or errors that nobody looked at."""


class SimulatedClock:
    """The port `Clock`. It outlives the loops that run by it, as time outlives a process."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        self.set_by = timedelta()  # how wrong the clock is that people see, and set
        self._latest_s = 0.0

    def now(self) -> datetime:
        """What the clock of this machine shows, in UTC."""
        return self.moment() + self.set_by

    def moment(self) -> datetime:
        """The simulated moment, in UTC, as everybody else knows it."""
        return START + timedelta(seconds=self.elapsed_s)

    async def sleep(self, seconds: float) -> None:
        """Let that much simulated time pass."""
        await asyncio.sleep(max(seconds, 0.0))

    def uptime_s(self) -> float:
        """Simulated seconds: they count whatever the machine does."""
        return self.elapsed_s

    def pass_by(self, seconds: float) -> None:
        """Let time pass while nothing runs."""
        self.elapsed_s += seconds

    def leap(self, seconds: float) -> None:
        """Go on to the next timer; for the loop.

        Raises:
            TooLateError: the run has taken too long.
        """
        self.elapsed_s += seconds
        if self.elapsed_s > self._latest_s:
            raise TooLateError(f"the run goes on and on, now at {self.elapsed_s:.0f} s")

    def run(self, main: Coroutine[Any, Any, T], *, longest_s: float = 24 * HOUR_S) -> T:
        """Run to the end in simulated time.

        Raises:
            StandstillError: it waits for something that never comes.
            TooLateError: it takes longer than `longest_s`.
            LeftBehindError: it ended, and left something behind.
        """
        complaints: list[str] = []

        def complain(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            complaints.append(f"{context['message']}: {context.get('exception')!r}")

        async def alone() -> T:
            asyncio.get_running_loop().set_exception_handler(complain)
            result = await main
            left = await _left_running()
            if left or complaints:
                raise LeftBehindError(f"tasks: {left}; complaints: {complaints}")
            return result

        self._latest_s = self.elapsed_s + longest_s
        with asyncio.Runner(loop_factory=lambda: SimulatedLoop(self)) as runner:
            return runner.run(alone())


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is a simulated clock's."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._simulated = clock
        super().__init__(_Leaper(clock))

    def time(self) -> float:
        """Seconds of simulated time."""
        return self._simulated.elapsed_s


class _Leaper(selectors.SelectSelector):
    """Instead of waiting for the timeout, makes it pass."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise StandstillError("\n".join(_waiting()))
        self._clock.leap(timeout)
        return []


def _waiting() -> list[str]:
    tasks = asyncio.all_tasks()
    told = (f"  {task.get_name()} {' > '.join(_places(task.get_coro()))}" for task in tasks)
    return ["everybody waits, for ever:", *told]


def _places(waiting: object) -> Iterator[str]:
    """Where each function of a chain of awaits stands, from the outermost in."""
    while inspect.iscoroutine(waiting) and waiting.cr_frame is not None:
        yield f"{waiting.cr_code.co_filename}:{waiting.cr_frame.f_lineno}"
        waiting = waiting.cr_await


async def _left_running() -> list[str]:
    for _ in range(_TURNS_TO_END):
        await asyncio.sleep(0)
    me = asyncio.current_task()
    return [repr(task) for task in asyncio.all_tasks() if task is not me]
