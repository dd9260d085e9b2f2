"""In which order work is best begun, and how long it may take."""

from collections.abc import Mapping, Sequence

from reconciler.domain.address import Address
from reconciler.domain.plan import Action, Await, Resolve
from reconciler.plan.forecast import Forecast

_DOWNLOAD_S = 0.5


def urgency(actions: Sequence[Action], forecast: Forecast) -> Mapping[Address, float]:
    """For each action, the seconds of the longest chain that begins with it."""
    followers: dict[Address, list[Action]] = {}
    for action in actions:
        for parent in action.depends_on:
            followers.setdefault(parent, []).append(action)
    found: dict[Address, float] = {}
    for action in reversed(actions):  # parents come first in a plan
        longest = max(
            (found[each.address] for each in followers.get(action.address, ())), default=0
        )
        found[action.address] = duration_s(action, forecast) + longest
    return found


def duration_s(action: Action, forecast: Forecast) -> float:
    """How long one action may take by itself."""
    provider = forecast.providers.get(action.provider)
    if action.purchases:
        settles = any(isinstance(step, Resolve) for step in action.steps)
        settle_s = provider.profile.settle_s if provider and settles else 0.0
        job = forecast.of_purchase(action.purchases[0].declaration)
        return settle_s + job.likely_s + _DOWNLOAD_S
    waits = any(isinstance(step, Await) for step in action.steps)
    return (provider.profile.poll_interval_s if waits and provider else 0.0) + _DOWNLOAD_S


def makespan_s(actions: Sequence[Action], forecast: Forecast) -> float:
    """How long the plan may take: its longest chain, or its fullest provider's work."""
    longest = max(urgency(actions, forecast).values(), default=0.0)
    work: dict[str, float] = {}
    for action in actions:
        if action.is_paid:
            work[action.provider] = work.get(action.provider, 0.0) + duration_s(action, forecast)
    shared = (
        seconds / forecast.providers[name].profile.max_in_flight for name, seconds in work.items()
    )
    return max(longest, *shared, 0.0)
