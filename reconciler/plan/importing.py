"""Jobs that `[[import]]` blocks name: which of them may be taken, and why another may not.

The rules are those of the command `import`; where that lets a person insist, a block is
refused, and says how.
"""

from dataclasses import dataclass

from reconciler.domain.blocks import Blocks, ImportBlock
from reconciler.domain.desired import Declaration, Desired
from reconciler.domain.observed import ObservedJob, not_told
from reconciler.domain.recorded import AttemptId, JobStatus, RecordedState
from reconciler.plan.adoption import Adoption
from reconciler.plan.index import Index
from reconciler.plan.lost_answers import awaiting
from reconciler.plan.matching import Match, compare, echo_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Importable:
    """A job that may be taken."""

    job: ObservedJob
    given_up: AttemptId | None = None  # the attempt that made it, as it turned out


def named_jobs(
    blocks: Blocks, desired: Desired, recorded: RecordedState
) -> tuple[tuple[str, str], ...]:
    """The providers and ids of jobs that are to be imported and that nobody recorded yet."""
    known = {(each.account, each.remote_id) for each in recorded.generations.values()}
    return tuple(
        (desired[address].provider, block.remote_id)
        for address, block in sorted(blocks.imports.items())
        if address in desired and (desired[address].recipe.account, block.remote_id) not in known
    )


def is_to_be_imported(declaration: Declaration, index: Index) -> bool:
    """Whether a block names a job for it that nobody recorded yet."""
    return _block(declaration, index) is not None


def to_import(
    declaration: Declaration, index: Index, adoption: Adoption, parent: str | None
) -> Importable | str | None:
    """The job that a block names; a text where it cannot be taken; None where nothing is to be.

    Args:
        declaration: what the job is to be.
        index: the world.
        adoption: which jobs are given out.
        parent: as in `echo_of`.
    """
    block = _block(declaration, index)
    if block is None:
        return None
    name, account = declaration.provider, declaration.recipe.account
    told = index.world.observed.sidecars.get(declaration.digest, ())
    if any((each.account, each.remote_id) == (account, block.remote_id) for each in told):
        return None  # the asset store remembers it, and gives it back
    twin = adoption.twin_named(account, block.remote_id)
    if twin is not None:
        is_its = adoption.twin(declaration.digest) == twin
        if is_its:
            return Importable(job=twin.job, given_up=twin.attempt)
        return (
            f"job {block.remote_id} is what a paid request for {twin.address} made, which was"
            " given up: an apply takes note of it"
        )
    seen = index.world.observed.named.get((name, block.remote_id))
    if seen is None:
        why = not_told(index.world.observed, name, block.remote_id)
        return f"how job {block.remote_id} stands is unknown: {why}"
    if not isinstance(seen, ObservedJob):
        return f"{name} knows no job {block.remote_id}"
    return _why_not(declaration, seen, index, parent) or Importable(job=seen)


def _block(declaration: Declaration, index: Index) -> ImportBlock | None:
    """The block that is still to be done, if there is one."""
    block, account = index.world.blocks.imports.get(declaration.address), declaration.recipe.account
    if block is None or (account, block.remote_id) in index.world.observed.told:
        return None
    generations = index.world.recorded.generations.values()
    is_known = any((g.account, g.remote_id) == (account, block.remote_id) for g in generations)
    return None if is_known else block


def _why_not(
    declaration: Declaration, job: ObservedJob, index: Index, parent: str | None
) -> str | None:
    address, recorded = declaration.address, index.world.recorded
    if job.status is JobStatus.FAILED:
        return f"job {job.remote_id} failed, so it has no video"
    if job.expires_at is not None and job.expires_at <= index.world.observed.at:
        return f"the video of job {job.remote_id} has expired"
    attempt = awaiting(recorded.attempts, declaration.recipe.account, job)
    if attempt is not None:
        return (
            f"job {job.remote_id} may be what the paid request for {attempt.address} made, whose"
            f" answer was lost: decide that first, with sorafile resolve '{attempt.address}'"
        )
    profile = index.world.providers[declaration.provider].profile
    if compare(echo_of(declaration, parent, profile), job) is Match.DIFFERENT:
        return (
            f"job {job.remote_id} differs from the declaration: if you want it all the same, take"
            f" it with sorafile import '{address}' {job.remote_id} --yes"
        )
    return None
