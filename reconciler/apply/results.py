"""What the actions of one run wait for of each other."""

import asyncio
from collections.abc import Sequence

from reconciler.apply.stop import StoppedError
from reconciler.domain.address import Address
from reconciler.domain.plan import Action, Buy
from reconciler.domain.recorded import Generation, GenerationId


class Results:
    """What the actions of one run owe to each other."""

    def __init__(self, actions: Sequence[Action]) -> None:
        loop = asyncio.get_running_loop()
        self._made: dict[Address, asyncio.Future[Generation | None]] = {
            action.address: loop.create_future() for action in actions if action.steps
        }
        self._submitted: dict[Address, asyncio.Future[bool]] = {
            action.address: loop.create_future() for action in actions if action.purchases
        }
        self._buyers = [(buy, action.address) for action in actions for buy in action.purchases]
        self._left: set[Address] = set()
        self.open = len(self._made)

    def made(self, address: Address, generation: Generation) -> None:
        """Tell that an address holds a finished job now."""
        future = self._made[address]
        if not future.done():
            future.set_result(generation)

    def submitted(self, address: Address) -> None:
        """Tell that the paid request of an address went well."""
        future = self._submitted.get(address)
        if future is not None and not future.done():
            future.set_result(True)

    def left(self, address: Address) -> None:
        """Tell that an action is left to the next run, and with it what waits for it."""
        self._left.add(address)

    def over(self, address: Address) -> None:
        """Tell that an action will owe nothing more."""
        self.open -= 1
        made = self._made[address]
        if not made.done():
            made.set_result(None)
        submitted = self._submitted.get(address)
        if submitted is not None and not submitted.done():
            submitted.set_result(False)

    async def of(self, address: Address) -> Generation | None:
        """The finished job that an address gets in this run; None if it gets none.

        Raises:
            StoppedError: it is left to the next run.
        """
        made = await asyncio.shield(self._made[address])
        if made is None and address in self._left:
            raise StoppedError
        return made

    async def derivations_are_submitted(self, generation: GenerationId) -> bool:
        """Wait until nothing in this run needs a job any more; False if something will."""
        needing = [
            self._submitted[address]
            for step, address in self._buyers
            if self._is_of(step, generation)
        ]
        return all([await asyncio.shield(future) for future in needing])

    def _is_of(self, step: Buy, generation: GenerationId) -> bool:
        """Whether a purchase is made of that job, and not of one that takes its place."""
        parent = step.declaration.parent
        if step.parent_generation is not None or parent is None:
            return step.parent_generation == generation
        made = self._made[parent]
        got = made.result() if made.done() else None
        return got is not None and got.id == generation
