"""Whether a job that failed is bought again, and how that is told.

The first job of a recipe is no retry; each that is bought after one that failed is.
"""

from reconciler.domain.profile import Profile
from reconciler.domain.recorded import JobError


def may_pass(error: JobError | None, profile: Profile) -> bool:
    """Whether another job of the same recipe may well succeed."""
    return error is not None and error.code.casefold() in profile.transient_errors


def is_bought_again(
    error: JobError | None, profile: Profile, *, retries: int, failures: int
) -> bool:
    """Whether one that failed is followed by another.

    Args:
        error: why it failed.
        profile: of the server that would make the next one.
        retries: how many there may be.
        failures: jobs of the recipe that have failed, this one among them.
    """
    return may_pass(error, profile) and failures <= retries


def reason(error: JobError | None) -> str:
    """Why a job failed, for people."""
    return f"{error.code}: {error.message}" if error else "the server gave no reason"


def verdict(error: JobError | None, profile: Profile, *, retries: int, failures: int) -> str:
    """What follows from a failure, as the end of a sentence that tells of it."""
    if not retries:
        return ""
    if not may_pass(error, profile):
        return "; that is no passing trouble, so it is not bought again"
    if failures > retries:
        return f"; {_counted(retries)} came to nothing either"
    return f"; that may pass, so it is bought again: retry {failures} of {retries}"


def _counted(retries: int) -> str:
    return "its one retry" if retries == 1 else f"all {retries} retries"
