"""In which order work is best begun, and how long it may take."""

from collections.abc import Mapping, Sequence

from reconciler.domain.address import Address
from reconciler.domain.plan import Action, Await, Resolve
from reconciler.domain.provider import Provider

_UNKNOWN_JOB_S = 1.0
_UNKNOWN_LENGTH_S = 4
_DOWNLOAD_S = 0.5


def urgency(
    actions: Sequence[Action], providers: Mapping[str, Provider]
) -> Mapping[Address, float]:
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
        found[action.address] = duration_s(action, providers) + longest
    return found


def duration_s(action: Action, providers: Mapping[str, Provider]) -> float:
    """How long one action may take by itself."""
    provider = providers.get(action.provider)
    if action.purchases:
        per_second = provider.profile.typical_job_s if provider else _UNKNOWN_JOB_S
        settles = any(isinstance(step, Resolve) for step in action.steps)
        settle_s = provider.profile.settle_s if provider and settles else 0.0
        seconds = action.purchases[0].declaration.made_seconds or _UNKNOWN_LENGTH_S
        return settle_s + per_second * seconds + _DOWNLOAD_S
    waits = any(isinstance(step, Await) for step in action.steps)
    return (provider.profile.poll_interval_s if waits and provider else 0.0) + _DOWNLOAD_S


def makespan_s(actions: Sequence[Action], providers: Mapping[str, Provider]) -> float:
    """How long the plan may take: its longest chain, or its fullest provider's work."""
    longest = max(urgency(actions, providers).values(), default=0.0)
    work: dict[str, float] = {}
    for action in actions:
        if action.is_paid:
            work[action.provider] = work.get(action.provider, 0.0) + duration_s(action, providers)
    shared = (seconds / providers[name].profile.max_in_flight for name, seconds in work.items())
    return max(longest, *shared, 0.0)
