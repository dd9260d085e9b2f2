"""Slots for jobs and downloads, and the pace of paid requests."""

import asyncio
import heapq
from datetime import datetime, timedelta
from itertools import count

from reconciler.apply.stop import StoppedError
from reconciler.domain.ports import Clock

RETRY_AFTER_S_MAX = 3600.0
"""Of a server that asks for a longer wait, this much is granted: it may have told nonsense."""

_BACK_OFF_FIRST_S = 2.0
_BACK_OFF_MAX_S = 120.0

# Whoever asks within this time of each other is taken to have asked together. It is long
# enough for a derived video to ask for the place that its parent's job leaves.
_TOGETHER_S = 0.02


class Slots:
    """A number of places, given to the most urgent of those who wait."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._free = places
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()
        self._is_handing_out = False

    async def take(self, rank: float) -> None:
        """Wait for a place; the lowest `rank` comes first, then the longest wait.

        No place is given at once, so that a more urgent one that asks a moment later is first.

        Raises:
            StoppedError: every place is taken for good.
        """
        if self._places <= 0:
            raise StoppedError
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, next(self._order), turn))
        self._hand_out_soon()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give_back()
            raise

    def occupy(self) -> None:
        """Take a place for what runs already, even where none is free."""
        self._free -= 1

    def leave_taken(self) -> None:
        """Leave a place to a job that will outlive the run."""
        self._places -= 1
        if self._places <= 0:
            while self._waiting:
                _, _, turn = heapq.heappop(self._waiting)
                if not turn.done():
                    turn.set_exception(StoppedError())

    def give_back(self) -> None:
        """Let the next one in."""
        self._free += 1
        self._hand_out_soon()

    def _hand_out_soon(self) -> None:
        if self._free > 0 and self._waiting and not self._is_handing_out:
            self._is_handing_out = True
            asyncio.get_running_loop().call_later(_TOGETHER_S, self._hand_out)

    def _hand_out(self) -> None:
        self._is_handing_out = False
        while self._free > 0 and self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._free -= 1
                turn.set_result(None)


class Pace:
    """The rate of one provider's paid requests; all of them back off together."""

    def __init__(self, requests_per_minute: int, clock: Clock) -> None:
        self._gap = timedelta(seconds=60 / requests_per_minute)
        self._clock = clock
        self._next = clock.now()
        self._refusals = 0
        self._door = Slots(1)  # one waits for the time to come, all others for that one

    async def turn(self, rank: float) -> None:
        """Wait until one more request may be sent; the lowest `rank` comes first."""
        await self._door.take(rank)
        try:
            while (now := self._clock.now()) < self._next:
                await self._clock.sleep((self._next - now).total_seconds())
            self._next = now + self._gap
        finally:
            self._door.give_back()

    def went_well(self) -> None:
        """The server took a request: its patience is back."""
        self._refusals = 0

    def back_off(self, retry_after_s: float | None) -> None:
        """The server asked for less: nobody asks again before its time is over."""
        own = min(_BACK_OFF_FIRST_S * 2**self._refusals, _BACK_OFF_MAX_S)
        self._refusals += 1
        wait_s = own if retry_after_s is None else min(retry_after_s, RETRY_AFTER_S_MAX)
        until: datetime = self._clock.now() + timedelta(seconds=wait_s)
        self._next = max(self._next, until)
