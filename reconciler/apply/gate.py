"""Keeping apart what a server's list could not tell apart."""

import asyncio
from collections import deque

from reconciler.domain.echo import Echo
from reconciler.domain.recipe import RecipeDigest


class Gate:
    """Lets through together only requests whose lost answers a list could tell apart.

    Takes of one asking may pass together: any of them may have any of their jobs. The state
    database forbids what passes here wrongly, for all runs; this only waits for one's own.
    """

    def __init__(self) -> None:
        # By what is the same for all that could be confused, so that hundreds are few to compare.
        self._inside: dict[str | None, list[tuple[Echo, RecipeDigest]]] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()

    def occupy(self, echo: Echo, kin: RecipeDigest) -> None:
        """Count a request that was sent earlier, and whose outcome is being looked for."""
        self._inside.setdefault(echo.prompt, []).append((echo, kin))

    async def enter(self, echo: Echo, kin: RecipeDigest) -> None:
        """Come in once nothing is inside that could be taken for this one."""
        while any(
            other != kin and inside.may_be_confused_with(echo)
            for inside, other in self._inside.get(echo.prompt, ())
        ):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self.occupy(echo, kin)

    def leave(self, echo: Echo, kin: RecipeDigest) -> None:
        """Go: the outcome is known, or nobody looks for it any more."""
        self._inside[echo.prompt].remove((echo, kin))
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
