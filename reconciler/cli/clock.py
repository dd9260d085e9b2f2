"""The real clock."""

import asyncio
from datetime import UTC, datetime


class SystemClock:
    """Time as the machine tells it."""

    def now(self) -> datetime:
        """The moment, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Let that much time pass."""
        await asyncio.sleep(max(seconds, 0.0))
