"""What is worth looking at before a plan is made.

Looking costs what can have changed, not what exists: running jobs, what is not stored yet,
the parents of what is still to be derived, and files.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from reconciler.domain.blocks import NO_BLOCKS, Blocks
from reconciler.domain.desired import Declaration, Desired
from reconciler.domain.observed import Observed
from reconciler.domain.plan import Plan, Reason
from reconciler.domain.recipe import RecipeDigest
from reconciler.domain.recorded import Asset, Generation, JobStatus, PublishedFile, RecordedState
from reconciler.domain.world import World
from reconciler.plan.external import shaped, to_look_up
from reconciler.plan.importing import named_jobs

# A job that shows later than this after its request has no assets any more.
_LATE = timedelta(hours=24)

Refresh = Literal["auto", "full", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What to ask of servers, of the disk and of the asset store."""

    jobs: tuple[Generation, ...]
    files: tuple[PublishedFile, ...]  # published ones: read where their stat moved
    paths: tuple[str, ...]  # where something would come for the first time, or was about to
    assets: tuple[Asset, ...]
    digests: tuple[RecipeDigest, ...]  # recipes whose video the asset store alone may know of
    lists: tuple[str, ...]  # providers whose jobs may be the result of something wanted
    named: tuple[tuple[str, str], ...] = ()  # jobs to import or remix: provider, remote id
    every_sidecar: bool = False  # the database was lost, and cannot tell whose those jobs are


def looks(
    desired: Desired,
    recorded: RecordedState,
    refresh: Refresh,
    *,
    at: datetime,
    blocks: Blocks = NO_BLOCKS,
) -> Looks:
    """Choose what to look at; `at` is the moment of looking."""
    known = {
        generation.digest
        for generation in recorded.generations.values()
        if not generation.lost and generation.status is not JobStatus.FAILED
    }
    missing = tuple(each for _, each in sorted(desired.items()) if each.digest not in known)
    videos = [video for _, video in sorted(recorded.videos.items())]
    files = tuple(file for video in videos for file in video.published)
    ours = {file.path for file in files}
    wanted = {path for each in desired.values() for path in each.outputs.values()}
    return Looks(
        jobs=tuple(_jobs(desired, recorded, missing, refresh)),
        files=files,
        paths=tuple(sorted((wanted - ours) | {begun.path for begun in recorded.begun})),
        assets=tuple(_assets(desired, recorded)),
        digests=tuple(dict.fromkeys((*(each.digest for each in missing), *_unstored(recorded)))),
        lists=_lists(recorded, missing, at) if refresh != "none" else (),
        named=_named(desired, recorded, missing, refresh, blocks),
        every_sidecar=recorded.is_new and bool(missing),
    )


def _named(
    desired: Desired,
    recorded: RecordedState,
    missing: tuple[Declaration, ...],
    refresh: Refresh,
    blocks: Blocks,
) -> tuple[tuple[str, str], ...]:
    """Jobs that the specs name by their ids, and that something new is to be made of."""
    if refresh == "none":
        return ()
    remixes = desired.values() if refresh == "full" else missing
    imported = named_jobs(blocks, desired, recorded)
    return tuple(dict.fromkeys((*imported, *to_look_up(remixes))))


def looks_again(plan: Plan, world: World) -> Looks | None:
    """What is worth looking at once a first look told what is lost; None: nothing.

    That is what stands in for it: jobs in an account of one's own, where nothing is bought
    unseen, and the external parent of a remix that is to be made anew.
    """
    seen = world.observed
    held_up = (
        world.desired[action.address]
        for action in plan.actions
        if action.reason is Reason.PARENT_UNKNOWN and action.address in world.desired
    )
    named = tuple(
        each
        for each in to_look_up(held_up)
        if each not in seen.named and each not in seen.refused and each[0] not in seen.unreachable
    )
    lists = tuple(sorted(plan.unlisted.keys() - seen.unreachable.keys()))
    if not named and not lists:
        return None
    return Looks(jobs=(), files=(), paths=(), assets=(), digests=(), lists=lists, named=named)


def seen_again(world: World, more: Observed) -> World:
    """The world with what a second look showed."""
    seen = world.observed
    observed = replace(
        seen,
        listed={**seen.listed, **more.listed},
        named={**seen.named, **more.named},
        refused={**seen.refused, **more.refused},
        unreachable={**seen.unreachable, **more.unreachable},
    )
    return replace(
        world, desired=shaped(world.desired, world.recorded, observed), observed=observed
    )


def _lists(
    recorded: RecordedState, missing: tuple[Declaration, ...], at: datetime
) -> tuple[str, ...]:
    """From which something would be bought, and where a job may show that was given up."""
    given_up = {
        each.provider
        for each in recorded.given_up
        if at - (each.sending_at or each.reserved_at) < _LATE
    }
    return tuple(sorted({each.provider for each in missing} | given_up))


def _unstored(recorded: RecordedState) -> Iterator[RecipeDigest]:
    """Those of finished jobs whose video the state does not know to be stored.

    A run that died, or lost its lease, may have stored it without saying so.
    """
    for _, generation in sorted(recorded.generations.items()):
        is_finished = generation.status is JobStatus.COMPLETED and not generation.lost
        if is_finished and not generation.is_stored:
            yield generation.digest


def _jobs(
    desired: Desired,
    recorded: RecordedState,
    missing: tuple[Declaration, ...],
    refresh: Refresh,
) -> Iterator[Generation]:
    if refresh == "none":
        return
    seen = set[str]()
    needed = _of_parents(missing, desired)
    doubted = _of_parents(desired.values(), desired)
    for generation in _worth_asking(desired, recorded):
        is_due = refresh == "full" or not _is_settled(generation)
        # It was missed once, and another look may tell that what derives from it is lost.
        is_doubted = generation.missing_count > 0 and generation.digest in doubted
        is_asked = is_due or is_doubted or generation.digest in needed
        if generation.on_server and generation.id not in seen and is_asked:
            seen.add(generation.id)
            yield generation


def _of_parents(derived: Iterable[Declaration], desired: Desired) -> set[RecipeDigest]:
    """The recipes that some declarations derive from."""
    parents = {each.parent for each in derived if each.parent is not None}
    return {desired[parent].digest for parent in parents if parent in desired}


def _worth_asking(desired: Desired, recorded: RecordedState) -> Iterator[Generation]:
    """What an address holds, what it was to have, and what a declared recipe would take."""
    for _, video in sorted(recorded.videos.items()):
        yield from video.generations
    for identity in sorted(recorded.spares):
        if recorded.generations[identity].status.is_running:
            yield recorded.generations[identity]
    wanted = {each.digest for each in desired.values()}
    for _, generation in sorted(recorded.generations.items()):
        if generation.digest in wanted:
            yield generation


def _is_settled(generation: Generation) -> bool:
    """Whether nothing that its server can say would change what is done."""
    if generation.status.is_running:
        return False
    return generation.status is JobStatus.FAILED or generation.is_stored or generation.lost


def _assets(desired: Desired, recorded: RecordedState) -> Iterator[Asset]:
    """The stored assets that a declared recipe rests on, and those behind published files.

    A published file may be the last copy of what the store lost, and about to be replaced.
    """
    wanted = {each.digest: each for each in desired.values()}
    published = {file.sha256 for each in recorded.videos.values() for file in each.published}
    for _, generation in sorted(recorded.generations.items()):
        declaration = wanted.get(generation.digest)
        variants = declaration.variants if declaration is not None else ()
        for asset in generation.assets:
            if asset.variant in variants or asset.sha256 in published:
                yield asset
