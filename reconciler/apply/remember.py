"""Writing down what was seen, so that the next look has less to ask."""

from reconciler.domain.observed import Observed, ObservedJob
from reconciler.domain.ports import StateWriter
from reconciler.domain.recorded import RecordedState


def record_observed(observed: Observed, recorded: RecordedState, state: StateWriter) -> None:
    """Bring the state up to what was seen of the jobs."""
    for identity, seen in observed.jobs.items():
        generation = recorded.generations[identity]
        if not isinstance(seen, ObservedJob):
            state.saw_missing(identity)
        elif generation.status.is_running or generation.missing_count:
            state.saw(identity, seen)
