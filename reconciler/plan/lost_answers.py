"""What a server's list proves of paid requests whose answers were lost."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from reconciler.domain.observed import ObservedJob
from reconciler.domain.recorded import Attempt, AttemptId, JobStatus
from reconciler.plan.matching import Match, compare

_WHOLE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Which attempt made which job, and which of the others may have made one."""

    made: Mapping[AttemptId, ObservedJob]
    doubtful: frozenset[AttemptId]  # a job is there that could be theirs, or cannot be told
    """The rest made nothing, as far as the list tells of all jobs."""


def find(
    attempts: Sequence[Attempt], jobs: Sequence[ObservedJob], unmanaged: Collection[str]
) -> Findings:
    """Look for the jobs of unresolved attempts of one account.

    Attempts of one asking are interchangeable: of k of them, each may take any of their jobs.

    Args:
        attempts: all that are unresolved, and no others.
        jobs: what the server lists, newest first.
        unmanaged: the remote ids that no generation has.
    """
    made: dict[AttemptId, ObservedJob] = {}
    doubtful: set[AttemptId] = set()
    taken: set[str] = set()
    new = {
        attempt.id: [job for job in jobs if job.remote_id in unmanaged and is_newer(job, attempt)]
        for attempt in attempts
    }
    same = {
        attempt.id: [job for job in new[attempt.id] if matches(attempt, job) is Match.SAME]
        for attempt in attempts
    }
    # Who has the least to choose from chooses first: so as many as can be find theirs.
    for attempt in sorted(attempts, key=lambda each: (len(same[each.id]), each.reserved_at)):
        left = [job for job in same[attempt.id] if job.remote_id not in taken]
        if left and not _has_rival(attempt, attempts):
            # The first that came after it, unless that came to nothing. What is listed below a
            # job that was there before the request is older; a list that is out of order must
            # not disprove anything, so it only comes last.
            marks = [at for at, job in enumerate(jobs) if not is_newer(job, attempt)]
            best = min(
                left,
                key=lambda job: (
                    bool(marks) and jobs.index(job) > marks[0],
                    seems_older(job, attempt),
                    job.status is JobStatus.FAILED,
                    -jobs.index(job),
                ),
            )
            made[attempt.id] = best
            taken.add(best.remote_id)
    for attempt in attempts:
        others = (job for job in new[attempt.id] if job.remote_id not in taken)
        if attempt.id not in made and any(
            matches(attempt, job) is not Match.DIFFERENT for job in others
        ):
            doubtful.add(attempt.id)
    return Findings(made=made, doubtful=frozenset(doubtful))


def is_newer(job: ObservedJob, attempt: Attempt) -> bool:
    """Whether a job was not in the list yet when the attempt was sent."""
    return job.remote_id not in (attempt.watermark or ())


def seems_older(job: ObservedJob, attempt: Attempt) -> bool:
    """Whether its server says that a job was made before the request was sent.

    Servers tell whole seconds, and no two clocks agree: that proves nothing, but where another
    job may show yet, it is worth waiting for.
    """
    if job.created_at is None or attempt.sending_at is None:
        return False
    return job.created_at + _WHOLE_SECOND <= attempt.sending_at


def may_have_made(attempt: Attempt, job: ObservedJob) -> bool:
    """Whether a job may be what an attempt made, as far as the job itself tells."""
    return is_newer(job, attempt) and matches(attempt, job) is not Match.DIFFERENT


def awaiting(attempts: Iterable[Attempt], account: str, job: ObservedJob) -> Attempt | None:
    """An unresolved attempt whose lost answer a job may be, so that nobody else may take it.

    Taken from it, the attempt would be disproved, its money freed and its video bought again.
    """
    for attempt in attempts:
        is_open = attempt.state.is_unresolved and attempt.account == account
        is_other = attempt.echo is not None and compare(attempt.echo, job) is Match.DIFFERENT
        if is_open and is_newer(job, attempt) and not is_other:
            return attempt
    return None


def matches(attempt: Attempt, job: ObservedJob) -> Match:
    """Whether a job is what an attempt asked for; what did not record that can prove nothing."""
    if attempt.echo is None or attempt.watermark is None:
        return Match.POSSIBLE
    return compare(attempt.echo, job)


def _has_rival(attempt: Attempt, attempts: Sequence[Attempt]) -> bool:
    """Whether the list cannot tell it from an unresolved one that asked for something else."""
    return any(
        attempt.echo is not None
        and other.echo is not None
        and other.echo.may_be_confused_with(attempt.echo)
        and not other.is_kin(attempt)
        for other in attempts
        if other.id != attempt.id
    )
