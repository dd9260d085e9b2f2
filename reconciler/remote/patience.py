"""Asking again what costs nothing: how often, and how long is waited in between.

Nothing here knows what is asked. A paid request never comes through this module.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from reconciler.domain.errors import UnavailableError

T = TypeVar("T")

_DOUBLINGS_MAX = 32  # beyond any wait; without it, many tries would overflow


class Pauses(Protocol):
    """Waiting, and the dice that keep many clients from asking again all at once."""

    async def sleep(self, seconds: float) -> None:
        """Let that much time pass."""

    def dice(self) -> float:
        """Anything from 0 up to, but not including, 1."""


class SystemPauses:
    """Real waiting, real dice."""

    async def sleep(self, seconds: float) -> None:
        """Let that much time pass."""
        await asyncio.sleep(seconds)

    def dice(self) -> float:
        """Anything from 0 up to, but not including, 1."""
        return random.random()  # noqa: S311 - it spreads clients apart and keeps no secret


SYSTEM_PAUSES = SystemPauses()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a free request is sent in all, and the bounds of the waits in between."""

    tries: int = 4
    first_s: float = 0.5
    longest_s: float = 30.0

    def wait_s(self, failed: int, error: UnavailableError, pauses: Pauses) -> float:
        """How long to wait after so many failures.

        What the server asks for, within bounds; else twice as long each time, of which the
        dice take up to a half. A server that asks for no wait at all, or for one that was over
        before, gets the usual one: nobody shall hammer on a server that is in trouble.
        """
        if error.retry_after_s:
            return min(error.retry_after_s, self.longest_s)
        doublings = min(failed - 1, _DOUBLINGS_MAX)
        full_s = min(self.first_s * 2.0**doublings, self.longest_s)
        return full_s * (1 - pauses.dice() / 2)

    async def of(
        self,
        ask: Callable[[], Awaitable[T]],
        pauses: Pauses,
        *,
        may_repeat: Callable[[], bool] = lambda: True,
    ) -> T:
        """Ask until there is an answer; only what may pass is asked again.

        Args:
            ask: sends the request once.
            pauses: waits.
            may_repeat: asked after a failure; False ends it at once.

        Raises:
            UnavailableError: as the last try did.
        """
        failed = 0
        while True:
            try:
                return await ask()
            except UnavailableError as error:
                failed += 1
                if failed >= self.tries or not may_repeat():
                    raise
                wait_s = self.wait_s(failed, error, pauses)
            await pauses.sleep(wait_s)


DEFAULT_PATIENCE = Patience()
