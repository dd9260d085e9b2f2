"""Parents that sorafile does not manage: jobs of a server that a spec names by their ids.

Nobody here knows their model, length and size: they are looked up when a remix of one is to be
bought.
"""

from collections.abc import Iterable
from dataclasses import replace

from reconciler.domain.desired import Declaration, Desired
from reconciler.domain.observed import Observed, ObservedJob, not_told
from reconciler.domain.plan import Reason
from reconciler.domain.recorded import JobStatus, RecordedState
from reconciler.domain.world import World


def to_look_up(declarations: Iterable[Declaration]) -> tuple[tuple[str, str], ...]:
    """The providers and ids of the external parents of some declarations, each once."""
    named = [
        (each.provider, each.external_parent)
        for each in declarations
        if each.external_parent is not None
    ]
    return tuple(dict.fromkeys(named))


def shaped(desired: Desired, recorded: RecordedState, observed: Observed) -> Desired:
    """The declarations, those of external parents with the shape of what was looked up.

    That is the parent, or what was made of it before. What derives from those has it from them.
    What a server does not tell stays unknown.
    """
    made = {
        recorded.generations[identity].digest: job
        for identity, job in observed.jobs.items()
        if isinstance(job, ObservedJob) and identity in recorded.generations
    }
    found = dict(desired)
    for address, declaration in desired.items():
        if declaration.external_parent is None:
            continue
        job = _parent_of(declaration, observed) or made.get(declaration.digest)
        if isinstance(job, ObservedJob):
            found[address] = replace(
                declaration, model=job.model, seconds=_whole(job.seconds), size=job.size
            )
    for address, declaration in found.items():
        chain = [declaration]
        while (parent := chain[-1].parent) is not None and parent in found:
            chain.append(found[parent])
        origin = chain.pop()
        if chain and origin.external_parent is not None:
            seconds = origin.seconds
            for each in reversed(chain):
                seconds = each.recipe.length_after(seconds)
            found[address] = replace(
                declaration, model=origin.model, seconds=seconds, size=origin.size
            )
    return found


def why_not(declaration: Declaration, remote_id: str, world: World) -> tuple[Reason, str] | None:
    """Why its external parent cannot be remixed, the text for people; None where it can."""
    provider = declaration.provider
    job = _parent_of(declaration, world.observed)
    whose = f"job {remote_id}, which it is to be a remix of,"
    if job is None:
        why = not_told(world.observed, provider, remote_id)
        return Reason.PARENT_UNKNOWN, f"how {whose} stands is unknown: {why}"
    if not isinstance(job, ObservedJob):
        return (
            Reason.PARENT_JOB_GONE,
            f"{provider} has no job {remote_id} (any more), which it is to be a remix of",
        )
    if job.status is JobStatus.FAILED:
        return Reason.PARENT_BLOCKED, f"{whose} failed"
    if job.status.is_running:
        return Reason.PARENT_BLOCKED, f"{whose} is not finished yet"
    if job.expires_at is not None and job.expires_at <= world.observed.at:
        return Reason.PARENT_JOB_GONE, f"{whose} has expired"
    return None


def _parent_of(declaration: Declaration, observed: Observed) -> ObservedJob | str | None:
    remote_id = declaration.external_parent
    return observed.named.get((declaration.provider, remote_id)) if remote_id is not None else None


def _whole(seconds: str | None) -> int | None:
    try:
        return int(float(seconds)) if seconds is not None else None
    except (ValueError, OverflowError):
        return None
