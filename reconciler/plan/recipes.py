"""Which recipe is wanted of each declared video: what the spec says, with two exceptions.

A person who is not content with a result asks for another one of the same recipe, by
`--replace`. That is a recipe of its own, which differs in its *edition* alone: it is bought once,
as every other, and stays what is wanted from then on. No spec names it. It is told by what the
address holds, and by what was paid for.

What a spec says to *ignore* is no reason to make another video: where nothing else changed, what
is there, or may have been paid for, stays what is wanted.

A take that is picked has two addresses, its own and the one that it is published under. Whatever
is wanted of the one is wanted of the other.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property

from reconciler.domain.address import Address
from reconciler.domain.blocks import NO_BLOCKS, Blocks
from reconciler.domain.desired import Declaration, Desired, Ignorable
from reconciler.domain.observed import Sidecar
from reconciler.domain.recipe import Recipe, RecipeDigest
from reconciler.domain.recorded import Attempt, Generation, JobStatus, Recorded, RecordedState
from reconciler.plan.blocks import after_moves, moved_to
from reconciler.plan.order import in_order
from reconciler.plan.selection import SelectionError

NOBODY: frozenset[Address] = frozenset()


def as_wanted(
    desired: Desired,
    recorded: RecordedState,
    *,
    workspace: str,
    blocks: Blocks = NO_BLOCKS,
    sidecars: Sequence[Sidecar] = (),
    again: Collection[Address] = NOBODY,
) -> Desired:
    """The declarations, each with the recipe that is wanted of it.

    What is derived derives from what is wanted of its parent.

    Args:
        desired: as the specs say, so all of edition 0.
        recorded: what the state holds.
        workspace: whose addresses these are.
        blocks: which move what the state holds.
        sidecars: all of the asset store, where the state is new and knows nothing.
        again: of these another result is asked for.
    """
    videos = after_moves(recorded.videos, blocks)
    known = _Known(desired, recorded, videos, blocks, workspace, sidecars)
    ignores = any(each.ignore_changes for each in desired.values())
    if not again and not ignores and not known.may_have_later_ones:
        return desired
    picked = _picked(desired)
    found: dict[Address, Declaration] = {}
    for declaration in in_order(desired, {}):
        addresses = picked.get(declaration.address, (declaration.address,))
        is_asked_again = any(each in again for each in addresses)
        parent = found.get(declaration.parent) if declaration.parent is not None else None
        recipe = _derived(declaration.recipe, parent)
        if not is_asked_again and declaration.ignore_changes:
            recipe = known.but_for_ignored(recipe, declaration.ignore_changes, addresses)
        recipe = known.wanted(recipe, addresses, is_asked_again=is_asked_again)
        found[declaration.address] = _with_recipe(declaration, recipe, parent)
    return {address: found[address] for address in desired}


def _picked(desired: Desired) -> Mapping[Address, tuple[Address, Address]]:
    """The two addresses of each take that is picked, its own first, by either of them."""
    found: dict[Address, tuple[Address, Address]] = {}
    for address, declaration in desired.items():
        own = replace(address, keys=(*address.keys, str(declaration.recipe.take)))
        if own in desired and desired[own].recipe == declaration.recipe:
            found[own] = found[address] = (own, address)
    return found


def _derived(recipe: Recipe, parent: Declaration | None) -> Recipe:
    if recipe.parent is None or parent is None:
        return recipe
    return replace(recipe, parent=replace(recipe.parent, digest=parent.digest))


def _with_recipe(
    declaration: Declaration, recipe: Recipe, parent: Declaration | None
) -> Declaration:
    """A declaration of a recipe, which has its parent's model, seconds and size if none."""
    shape = declaration if parent is None else parent
    found = replace(
        declaration,
        recipe=recipe,
        digest=recipe.digest,
        model=recipe.model or shape.model,
        seconds=recipe.length_after(shape.seconds)
        if parent is not None
        else recipe.seconds or shape.seconds,
        size=recipe.size or shape.size,
    )
    return declaration if found == declaration else found


@dataclass(frozen=True)
class _Known:
    """What exists, existed or may exist of each recipe."""

    desired: Desired
    recorded: RecordedState
    videos: Mapping[Address, Recorded]  # once the blocks have moved them
    blocks: Blocks
    workspace: str
    sidecars: Sequence[Sidecar]

    def but_for_ignored(
        self, recipe: Recipe, ignored: Collection[Ignorable], addresses: Collection[Address]
    ) -> Recipe:
        """The recipe that was paid for at these addresses, if but for what is ignored it is this.

        What was asked for last comes first. One that was lost is made again as the spec says now.
        """
        for attempt in reversed(self._open_at(addresses)):
            for asked in (recipe, _as_asked(recipe, ignored, attempt)):
                if attempt.digest in {edition.digest for edition in self._editions(asked)}:
                    return asked
        videos = [self.videos[each] for each in addresses if each in self.videos]
        for held in (held for video in videos for held in (video.pending, video.current)):
            if held is None or held.status is JobStatus.FAILED or held.lost:
                continue
            kept = replace(recipe, **{field: getattr(held.recipe, field) for field in ignored})
            if kept == replace(held.recipe, edition=0):
                return kept
        return recipe

    def wanted(
        self, recipe: Recipe, addresses: Collection[Address], *, is_asked_again: bool
    ) -> Recipe:
        """The edition of a recipe that these addresses shall have."""
        editions = self._editions(recipe)
        digests = {each.digest for each in editions}
        own = self._digests_of(addresses) & digests
        newest = self._newest(editions, own)
        if is_asked_again:
            if newest is None and not any(map(self._was_asked_for, digests)):
                return recipe  # its first result is to be made anyway
            if newest is not None and self._is_in_the_making(newest.digest, digests, addresses):
                return newest  # that is the one that was asked for before
            return replace(recipe, edition=len(editions))
        return (
            newest
            or self._newest(editions, self._of_undeclared & digests)
            or self._newest(editions, digests)
            or editions[-1]
        )

    def _editions(self, recipe: Recipe) -> list[Recipe]:
        """All editions of a recipe that were ever asked for, the first one in any case."""
        found = [recipe]
        last = self._last.get(recipe.digest, 0)
        while True:
            following = replace(recipe, edition=len(found))
            if following.edition > last and not self._was_asked_for(following.digest):
                return found
            found.append(following)

    def _newest(self, editions: Iterable[Recipe], among: Collection[RecipeDigest]) -> Recipe | None:
        live = (each for each in editions if each.digest in among and self._is_live(each.digest))
        return max(live, key=lambda each: each.edition, default=None)

    @cached_property
    def may_have_later_ones(self) -> bool:
        """Whether any recipe but the first of its editions was perhaps asked for.

        An attempt tells no more of its recipe than the digest.
        """
        generations = self._generations
        return bool(self._last) or any(digest not in generations for digest in self._attempts)

    @cached_property
    def _last(self) -> Mapping[RecipeDigest, int]:
        """The last known edition of each recipe that has more than one, by its first one."""
        found: dict[RecipeDigest, int] = {}
        recipes = [each.recipe for each in self.recorded.generations.values()]
        recipes += [each.recipe for each in self.sidecars]
        for recipe in recipes:
            if recipe.edition:
                first = replace(recipe, edition=0).digest
                found[first] = max(found.get(first, 0), recipe.edition)
        return found

    @cached_property
    def _generations(self) -> Mapping[RecipeDigest, list[Generation]]:
        found: defaultdict[RecipeDigest, list[Generation]] = defaultdict(list)
        for each in self.recorded.generations.values():
            found[each.digest].append(each)
        return found

    @cached_property
    def _attempts(self) -> Mapping[RecipeDigest, list[Attempt]]:
        found: defaultdict[RecipeDigest, list[Attempt]] = defaultdict(list)
        for each in (*self.recorded.attempts, *self.recorded.given_up):
            found[each.digest].append(each)
        return found

    @cached_property
    def _told(self) -> frozenset[RecipeDigest]:
        return frozenset(each.digest for each in self.sidecars)

    def _was_asked_for(self, digest: RecipeDigest) -> bool:
        return digest in self._generations or digest in self._attempts or digest in self._told

    def _is_live(self, digest: RecipeDigest) -> bool:
        """Whether there is a result, or may be one still; a lost one is to be told of."""
        return (
            digest in self._told
            or any(
                each.status is not JobStatus.FAILED for each in self._generations.get(digest, ())
            )
            or any(each.digest == digest for each in self._open)
        )

    def _is_in_the_making(
        self,
        newest: RecipeDigest,
        editions: Collection[RecipeDigest],
        addresses: Collection[Address],
    ) -> bool:
        """Whether what was asked for is not published yet, wherever an older edition is."""
        videos = [self.videos[each] for each in addresses if each in self.videos]
        current = {video.current.digest for video in videos if video.current is not None}
        return newest not in current or not current.isdisjoint({*editions} - {newest})

    def _digests_of(self, addresses: Collection[Address]) -> set[RecipeDigest]:
        """What addresses hold, and what their open paid requests are for."""
        videos = [self.videos[each] for each in addresses if each in self.videos]
        held = {digest for video in videos for digest in _held(video)}
        return held | {each.digest for each in self._open_at(addresses)}

    def _open_at(self, addresses: Collection[Address]) -> list[Attempt]:
        """The open paid requests of addresses, once the blocks have moved them; in order."""
        return [
            each
            for each in self._open
            if each.workspace == self.workspace
            and (each.address in addresses or moved_to(each.address, self.blocks) in addresses)
        ]

    @cached_property
    def _open(self) -> tuple[Attempt, ...]:
        """The paid requests that may have made something, or that a person said to repeat."""
        repeated = (
            each
            for each in self.recorded.given_up
            if each.may_repeat and each.digest not in self._generations
        )
        unresolved = (each for each in self.recorded.attempts if each.state.is_unresolved)
        return tuple(sorted((*unresolved, *repeated), key=lambda each: each.reserved_at))

    @cached_property
    def _of_undeclared(self) -> set[RecipeDigest]:
        """What is held where nothing is declared any more, so may move."""
        left = (video for each, video in self.videos.items() if each not in self.desired)
        return {digest for video in left for digest in _held(video)}


def _as_asked(recipe: Recipe, ignored: Iterable[Ignorable], attempt: Attempt) -> Recipe:
    """A recipe with what a request said of the fields that are ignored, as far as known.

    What a person said to buy again is bought as the spec says now.
    """
    if attempt.echo is None or not attempt.state.is_unresolved:
        return recipe
    said = {field: getattr(attempt.echo, field) for field in ignored}
    known = {
        field: value
        for field, value in said.items()
        if value is not None and getattr(recipe, field) is not None
    }
    return replace(recipe, **known)


def _held(video: Recorded) -> set[RecipeDigest]:
    return {each.digest for each in (video.current, video.pending) if each is not None}


def named(desired: Desired, texts: Iterable[str]) -> frozenset[Address]:
    """The declared videos that `--replace` named; a name without keys means all of its kin.

    Raises:
        SelectionError: nothing of that name is declared; with the nearest that is.
    """
    found: set[Address] = set()
    for text in texts:
        exact = {each for each in desired if str(each) == text}
        meant = exact or {each for each in desired if each.name == text}
        if not meant:
            names = sorted({str(each) for each in desired} | {each.name for each in desired})
            near = get_close_matches(text, names, n=1)
            raise SelectionError(
                f"--replace {text!r}: no video of that name is declared",
                fix=f"did you mean {near[0]}?" if near else "see the names: sorafile status",
            )
        found |= meant
    return frozenset(found)
