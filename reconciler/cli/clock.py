"""The real clock."""

import asyncio
import time
from datetime import UTC, datetime

# On macOS the monotonic clock counts sleep, and there is no other.
_SLEEP_COUNTING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """Time as the machine tells it."""

    def now(self) -> datetime:
        """The moment, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Let that much time pass."""
        await asyncio.sleep(max(seconds, 0.0))

    def uptime_s(self) -> float:
        """Seconds since the machine was started, those that it slept among them."""
        return time.clock_gettime(_SLEEP_COUNTING)
