"""Stopping a run kindly: nothing more is begun, and what is under way is let be."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


class StoppedError(Exception):
    """The run was asked to stop before this could happen."""


class Stop:
    """A wish to stop, by a person or a deadline. It cannot be taken back."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Begin nothing more from now on."""
        self._asked.set()

    @property
    def is_asked(self) -> bool:
        """Whether to begin nothing more."""
        return self._asked.is_set()

    async def or_stop(self, work: Coroutine[object, object, T]) -> T:
        """Wait for `work`, which must be safe to give up at any moment.

        Raises:
            StoppedError: a stop was asked for first; `work` was cancelled.
        """
        doing = asyncio.ensure_future(work)
        if self.is_asked:
            doing.cancel()
            raise StoppedError
        waiting = asyncio.ensure_future(self._asked.wait())
        try:
            await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return doing.result()
            raise StoppedError
        finally:
            waiting.cancel()
            doing.cancel()
