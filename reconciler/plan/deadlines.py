"""When a job that runs is waited for no more."""

from datetime import datetime

from reconciler.domain.durations import as_written, duration
from reconciler.domain.recorded import Generation


def is_overdue(generation: Generation, deadline_s: float | None, now: datetime) -> bool:
    """Whether a job still runs after its deadline; None: it has none."""
    if deadline_s is None or not generation.status.is_running:
        return False
    return (now - generation.created_at).total_seconds() > deadline_s


def overdue(generation: Generation, deadline_s: float, now: datetime) -> str:
    """`job video_x has been running for 47 min, and its deadline is 30m`."""
    age_s = (now - generation.created_at).total_seconds()
    return (
        f"job {generation.remote_id} has been running for {duration(age_s)},"
        f" and its deadline is {as_written(deadline_s)}"
    )
