"""Declarations that nobody has written yet, for jobs that a server has already."""

from dataclasses import dataclass
from functools import cached_property

from reconciler.domain.address import Address
from reconciler.domain.blocks import ImportBlock
from reconciler.domain.observed import ObservedJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What a spec file says of the videos of one provider that say nothing themselves.

    None: that is another thing for each of them.
    """

    provider: str | None
    model: str | None
    seconds: int | None
    size: str | None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """One `[video.NAME]` to be written; a remix has its parent's model, seconds and size."""

    name: str
    provider: str
    prompt: str
    model: str | None
    seconds: int | None
    size: str | None
    remix_of: Address | None
    jobs: tuple[str, ...]  # remote ids: one of each take

    @cached_property
    def imports(self) -> tuple[ImportBlock, ...]:
        """What takes the jobs: the first of several is `name[1]`."""
        if len(self.jobs) == 1:
            return (ImportBlock(target=Address(self.name), remote_id=self.jobs[0]),)
        return tuple(
            ImportBlock(target=Address(self.name, (str(take),)), remote_id=job)
            for take, job in enumerate(self.jobs, start=1)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmanagedJob:
    """A job that nobody here recorded, and the provider that tells of it."""

    provider: str
    job: ObservedJob


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A job for which nothing can be written."""

    provider: str
    remote_id: str
    why: str
    fix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """What is to be written for some jobs; every job is in one of the three."""

    videos: tuple[Draft, ...] = ()  # parents before their remixes
    imports: tuple[ImportBlock, ...] = ()  # into videos that are declared already
    left_out: tuple[LeftOut, ...] = ()

    @property
    def all_imports(self) -> tuple[ImportBlock, ...]:
        """Every job that is taken, and what it is to be."""
        return (*self.imports, *(each for draft in self.videos for each in draft.imports))
