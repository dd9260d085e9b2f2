"""A server's job, in a line for people."""

from reconciler.cli.units import instant, printable
from reconciler.domain.observed import ObservedJob


def told(job: ObservedJob) -> str:
    """Status, time, model, length and size, as far as the server tells them; then the prompt."""
    made = instant(job.created_at) if job.created_at else None
    seconds = f"{job.seconds} s" if job.seconds else None
    facts = (job.status.value, made, job.model, seconds, job.size)
    shown = ", ".join(printable(fact) for fact in facts if fact)
    prompt = printable(job.prompt or "")
    return f"{shown}  {prompt}" if prompt else shown
