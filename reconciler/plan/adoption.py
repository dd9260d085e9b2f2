"""Jobs that a server has already, and that nobody here made: which of them may be taken.

A list does not tell everything that was asked for, so a job is taken only where it can be of
no other recipe; and only from an account in which nobody else makes jobs.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from reconciler.domain.desired import Declaration
from reconciler.domain.observed import ObservedJob
from reconciler.domain.recipe import Recipe, RecipeDigest
from reconciler.domain.recorded import JobStatus
from reconciler.plan.index import Index
from reconciler.plan.matching import Match, compare, echo_of


class Adoption:
    """The unmanaged jobs of one world; each is given out once."""

    def __init__(self, index: Index, *, spoken_for: Collection[str]) -> None:
        """Take none yet; `spoken_for` are remote ids that belong to attempts given up."""
        self._index = index
        self._taken = set(spoken_for)

    def take(self, declaration: Declaration, parent: str | None) -> ObservedJob | None:
        """The job to take instead of buying, if there is one; `parent` as in `echo_of`."""
        provider = self._index.world.providers[declaration.provider]
        if provider.account_use != "exclusive" or not self._is_unmistakable(declaration):
            return None
        found = max(self._like(declaration, parent), key=_worth, default=None)
        if found is not None:
            self._taken.add(found.remote_id)
        return found

    def offered(self, declaration: Declaration, parent: str | None) -> ObservedJob | None:
        """A job that a person may know to be the one; nobody else can."""
        return max(self._like(declaration, parent), key=_worth, default=None)

    def _like(self, declaration: Declaration, parent: str | None) -> Iterator[ObservedJob]:
        """The unmanaged jobs whose every field is as asked for, and whose video can be had."""
        provider = self._index.world.providers[declaration.provider]
        echo = echo_of(declaration, parent, provider.profile)
        for job in self._index.unclaimed(declaration.provider):
            is_free = job.remote_id not in self._taken
            is_of_use = job.status is not JobStatus.FAILED and not self._has_expired(job)
            if is_free and is_of_use and compare(echo, job) is Match.SAME:
                yield job

    def _has_expired(self, job: ObservedJob) -> bool:
        return job.expires_at is not None and job.expires_at <= self._index.world.observed.at

    def _is_unmistakable(self, declaration: Declaration) -> bool:
        """Whether every known recipe with the same echo is this one, but for the take."""
        return len(self._kin_of_echo[_echoed(declaration.recipe)]) == 1

    @cached_property
    def _kin_of_echo(self) -> Mapping[Recipe, set[RecipeDigest]]:
        found: defaultdict[Recipe, set[RecipeDigest]] = defaultdict(set)
        declared = (each.recipe for each in self._index.world.desired.values())
        recorded = (each.recipe for each in self._index.world.recorded.generations.values())
        for recipe in (*declared, *recorded):
            found[_echoed(recipe)].add(recipe.kin)
        return found


def _echoed(recipe: Recipe) -> Recipe:
    """A recipe without all that no list repeats."""
    return replace(recipe, reference=None, take=1, edition=0)


def _worth(job: ObservedJob) -> tuple[bool, int]:
    """Finished before running, then by progress; the newest of equals, as it was listed."""
    return job.status is JobStatus.COMPLETED, job.progress
