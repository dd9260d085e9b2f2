"""All that a plan depends on, frozen."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.domain.blocks import NO_BLOCKS, Blocks
from reconciler.domain.budget import NO_BUDGET, NOTHING_COUNTED, Budget, Counted
from reconciler.domain.desired import Desired
from reconciler.domain.observed import Observed
from reconciler.domain.provider import Provider
from reconciler.domain.recorded import RecordedState


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The three states, the servers and the money: equal worlds give equal plans."""

    workspace: str
    desired: Desired
    recorded: RecordedState
    observed: Observed
    providers: Mapping[str, Provider]
    blocks: Blocks = NO_BLOCKS
    budget: Budget = NO_BUDGET
    counted: Counted = NOTHING_COUNTED  # against the budget, before this plan
