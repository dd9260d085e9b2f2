"""All that a plan depends on, frozen."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.domain.desired import Desired
from reconciler.domain.observed import Observed
from reconciler.domain.provider import Provider
from reconciler.domain.recorded import RecordedState


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The three states and the servers: equal worlds give equal plans."""

    workspace: str
    desired: Desired
    recorded: RecordedState
    observed: Observed
    providers: Mapping[str, Provider]
