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
from reconciler.domain.plan import TakeTwin
from reconciler.domain.recipe import Recipe, RecipeDigest
from reconciler.domain.recorded import JobStatus
from reconciler.plan.index import Index
from reconciler.plan.matching import Match, compare, echo_of


class Adoption:
    """The unmanaged jobs of one world; each is given out once."""

    def __init__(self, index: Index, *, twins: Collection[TakeTwin]) -> None:
        """Take none yet; `twins` belong to attempts that were given up, and to no others."""
        self._index = index
        self._twins = {twin.attempt: twin for twin in twins}
        named = (block.remote_id for block in index.world.blocks.imports.values())
        self._taken = {*(twin.job.remote_id for twin in twins), *named}

    def twin(self, digest: RecipeDigest) -> TakeTwin | None:
        """A job that a request for this recipe made after all, and whose video can be had."""
        for attempt in self._index.world.recorded.given_up:
            twin = self._twins.get(attempt.id)
            if twin is not None and attempt.digest == digest and self._is_of_use(twin.job):
                return twin
        return None

    def twin_named(self, account: str, remote_id: str) -> TakeTwin | None:
        """The job of that id, where a request that was given up has made it."""
        for attempt in self._index.world.recorded.given_up:
            twin = self._twins.get(attempt.id)
            if twin is not None and (attempt.account, twin.job.remote_id) == (account, remote_id):
                return twin
        return None

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
            if is_free and self._is_of_use(job) and compare(echo, job) is Match.SAME:
                yield job

    def _is_of_use(self, job: ObservedJob) -> bool:
        """Whether its video can be had, now or once it is finished."""
        has_expired = job.expires_at is not None and job.expires_at <= self._index.world.observed.at
        return job.status is not JobStatus.FAILED and not has_expired

    def _is_unmistakable(self, declaration: Declaration) -> bool:
        """Whether every known recipe with the same echo is this one, but for the take."""
        recipe = declaration.recipe
        is_alone = len(self._kin_of_echo[_echoed(recipe)]) == 1
        return is_alone and not (recipe.parent is None and self._may_be_derived(declaration))

    def _may_be_derived(self, declaration: Declaration) -> bool:
        """Whether a known recipe derives from another, has its prompt, and may not tell so."""
        profile = self._index.world.providers[declaration.provider].profile
        return any(
            recipe.parent is not None
            and recipe.account == declaration.recipe.account
            and (profile.sends(recipe.parent.derivation) != "remix" or profile.edit_upload)
            for recipe in self._of_prompt[declaration.recipe.prompt]
        )

    @cached_property
    def _of_prompt(self) -> Mapping[str, list[Recipe]]:
        found: defaultdict[str, list[Recipe]] = defaultdict(list)
        for recipe in self._known:
            found[recipe.prompt].append(recipe)
        return found

    @cached_property
    def _known(self) -> tuple[Recipe, ...]:
        declared = (each.recipe for each in self._index.world.desired.values())
        recorded = (each.recipe for each in self._index.world.recorded.generations.values())
        return (*declared, *recorded)

    @cached_property
    def _kin_of_echo(self) -> Mapping[Recipe, set[RecipeDigest]]:
        found: defaultdict[Recipe, set[RecipeDigest]] = defaultdict(set)
        for recipe in self._known:
            found[_echoed(recipe)].add(recipe.kin)
        return found


def _echoed(recipe: Recipe) -> Recipe:
    """A recipe without all that no list repeats: of an edit, that it is no remix."""
    parent = recipe.parent
    if parent is not None and parent.derivation == "edit":
        parent = replace(parent, derivation="remix")
    return replace(recipe, reference=None, extra=(), parent=parent, take=1, edition=0)


def _worth(job: ObservedJob) -> tuple[bool, int]:
    """Finished before running, then by progress; the newest of equals, as it was listed."""
    return job.status is JobStatus.COMPLETED, job.progress
