"""The money of one run: what its paid requests hold, and what its jobs cost."""

from collections.abc import Iterable
from decimal import Decimal

from reconciler.domain.events import Money
from reconciler.domain.recorded import Attempt, AttemptId


class Purse:
    """Counts along with the journal, so that a view need not ask the state.

    What earlier runs hold is held here too, and is not this run's spending once it is settled.
    """

    def __init__(self, unresolved: Iterable[Attempt]) -> None:
        self._held = {each.id: each.cost_usd or Decimal(0) for each in unresolved}
        self._ours: set[AttemptId] = set()
        self.spent_usd = Decimal(0)

    @property
    def money(self) -> Money:
        """How it stands now."""
        return Money(held_usd=sum(self._held.values(), Decimal(0)), spent_usd=self.spent_usd)

    def hold(self, attempt: AttemptId, cost_usd: Decimal | None) -> None:
        """A paid request of this run is about to go out; an unknown price counts as nothing."""
        self._held[attempt] = cost_usd or Decimal(0)
        self._ours.add(attempt)

    def free(self, attempt: AttemptId) -> None:
        """It certainly made nothing."""
        self._held.pop(attempt, None)

    def spend(self, attempt: AttemptId) -> None:
        """It made a job, or nobody will ever know whether it did."""
        cost_usd = self._held.pop(attempt, Decimal(0))
        if attempt in self._ours:
            self.spent_usd += cost_usd
