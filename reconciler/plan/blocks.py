"""What `[[moved]]`, `[[removed]]` and `[[import]]` make of a world, before all else is decided.

What moves is taken as held at its new address already, and what is forgotten as held by
nobody here; so the decision table sees the world as the blocks leave it. They come before the
renames that it finds by itself.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.domain.address import Address
from reconciler.domain.blocks import Blocks, ImportBlock, destination, speaks_of
from reconciler.domain.desired import Declaration
from reconciler.domain.errors import Diagnostic, SourceSpan
from reconciler.domain.observed import FileFact
from reconciler.domain.plan import Action, ActionKind, Forget, Reason, Rename
from reconciler.domain.recorded import (
    Generation,
    GenerationId,
    JobStatus,
    Recorded,
    RecordedState,
)
from reconciler.domain.world import World
from reconciler.plan import changes
from reconciler.plan.index import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A block that contradicts what the state holds."""

    address: Address  # about which nothing is done
    summary: str
    fix: str
    at: SourceSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A world as the blocks leave it, and what brings that about."""

    world: World
    renames: Mapping[Address, Rename]  # by their new address
    forgotten: tuple[Recorded, ...]
    conflicts: tuple[Conflict, ...]


def settle(world: World) -> Settled:
    """Do in thought what the blocks say of the state."""
    if not world.blocks.moved and not world.blocks.removed:
        return Settled(world=world, renames={}, forgotten=(), conflicts=())
    routes, conflicts = _routes(world)
    in_conflict = {each.address for each in conflicts}
    forgotten = tuple(
        recorded
        for address, recorded in sorted(world.recorded.videos.items())
        if address not in in_conflict and _is_forgotten(address, world)
    )
    gone = in_conflict | {each.address for each in forgotten}
    index = Index(world)
    renames = {
        target: _rename(source, target, index)
        for source, target in routes.items()
        if source not in gone
    }
    if not gone and not renames:
        return Settled(world=world, renames={}, forgotten=(), conflicts=())
    settled = _renamed(_without(world, gone), renames)
    return Settled(world=settled, renames=renames, forgotten=forgotten, conflicts=conflicts)


def conflicts(world: World) -> tuple[Diagnostic, ...]:
    """Where the blocks contradict the state, each at its place."""
    settled = settle(world)
    found = (*settled.conflicts, *_of_imports(settled.world))
    return tuple(
        Diagnostic(
            code="SF0441", severity="error", summary=each.summary, span=each.at, fix=each.fix
        )
        for each in found
    )


def renaming(rename: Rename, action: Action | None, declaration: Declaration) -> Action:
    """What is done at an address that something moves to: the move, then what it leaves to do."""
    moved = (
        changes.free("address", str(rename.source), str(declaration.address)),
        *(changes.free("output", before, after) for before, after in rename.files),
    )
    alone = Action(
        address=declaration.address,
        kind=ActionKind.MOVE,
        reason=Reason.MOVED,
        because=f"a [[moved]] block says that {rename.source} is {declaration.address} now",
        provider=declaration.provider,
        steps=(rename,),
        recipe_digest=declaration.digest,
        changes=moved,
    )
    if action is None:
        return alone
    if action.kind is ActionKind.BLOCKED and action.reason is Reason.PROTECTED:
        return action  # the whole apply is refused
    if action.kind is ActionKind.BLOCKED:
        return replace(alone, notes=(f"then it is blocked: {action.because}", *action.notes))
    if action.kind in _MORE_THAN_A_MOVE:
        note = f"first it is moved: {rename.source} is {declaration.address} now"
        return replace(
            action,
            steps=(rename, *action.steps),
            changes=(*moved, *action.changes),
            notes=(note, *action.notes),
        )
    return replace(
        action,
        kind=alone.kind,
        reason=alone.reason,
        because=alone.because,
        steps=(rename, *action.steps),
        changes=(*moved, *(each for each in action.changes if each not in moved)),
        notes=(f"then: {action.because}", *action.notes),
    )


# What a person must see by its own name: what costs, and what waits for an answer.
_MORE_THAN_A_MOVE = frozenset(
    {
        ActionKind.CREATE,
        ActionKind.REMIX,
        ActionKind.EDIT,
        ActionKind.EXTEND,
        ActionKind.REPLACE,
        ActionKind.RESOLVE,
        ActionKind.ADOPT,
        ActionKind.WAIT,
        ActionKind.DOWNLOAD,
    }
)


def forgetting(recorded: Recorded) -> Action:
    """Drop the record of an address, and nothing else."""
    newest = next(iter(recorded.generations), None)
    job = f"job {newest.remote_id}" if newest and newest.on_server else None
    left = [*([job] if job else []), *(file.path for file in recorded.published)]
    return Action(
        address=recorded.address,
        kind=ActionKind.FORGET,
        reason=Reason.REMOVED,
        because="a [[removed]] block says so; its job and its files are left alone",
        provider=newest.provider if newest else "",
        steps=(Forget(),),
        recipe_digest=newest.digest if newest else None,
        notes=(f"stays: {', '.join(left)}",) if left else (),
    )


def contradicted(conflict: Conflict, recorded: Recorded) -> Action:
    """Nothing is done about an address while a block contradicts the state."""
    newest = next(iter(recorded.generations), None)
    return Action(
        address=recorded.address,
        kind=ActionKind.BLOCKED,
        reason=Reason.BLOCK_CONFLICT,
        because=f"{conflict.summary}: {conflict.fix}",
        provider=newest.provider if newest else "",
    )


def after_moves(videos: Mapping[Address, Recorded], blocks: Blocks) -> Mapping[Address, Recorded]:
    """What each address holds once the `[[moved]]` blocks are done, before all else is asked."""
    if not blocks.moved:
        return videos
    ends = {address: _end(address, blocks)[0] for address in sorted(videos)}
    free = (end for end in ends.values() if end not in videos or _is_empty(videos[end]))
    wanted = set(free)
    return {**videos, **{end: videos[each] for each, end in ends.items() if end in wanted}}


def moved_to(address: Address, blocks: Blocks) -> Address:
    """Where the `[[moved]]` blocks take an address; itself where none speaks of it."""
    return _end(address, blocks)[0]


def _next(address: Address, blocks: Blocks) -> tuple[Address, SourceSpan] | None:
    """Where the first block that speaks of an address takes it; the exact name comes first."""
    found = [
        (block.source != address, target, block.at)
        for block in blocks.moved
        if (target := destination(address, block)) is not None and target != address
    ]
    if not found:
        return None
    _, target, at = min(found, key=lambda each: each[0])
    return target, at


def _end(address: Address, blocks: Blocks) -> tuple[Address, SourceSpan | None]:
    """The last address of a chain of blocks, and the place of the last one."""
    passed, at = {address}, None
    while (step := _next(address, blocks)) is not None and step[0] not in passed:
        address, at = step
        passed.add(address)
    return address, at


def _is_forgotten(address: Address, world: World) -> bool:
    end = _end(address, world.blocks)[0]
    is_said = any(
        speaks_of(block, each) for block in world.blocks.removed for each in {address, end}
    )
    return is_said and address not in world.desired and end not in world.desired


def _routes(world: World) -> tuple[Mapping[Address, Address], tuple[Conflict, ...]]:
    """Each recorded address that moves, with where to; and those that cannot."""
    videos = world.recorded.videos
    routes: dict[Address, Address] = {}
    coming: defaultdict[Address, list[Address]] = defaultdict(list)
    places: dict[Address, SourceSpan] = {}
    for address in sorted(videos):
        end, at = _end(address, world.blocks)
        is_to_move = at is not None and end in world.desired and address not in world.desired
        if at is None or not is_to_move:
            continue  # what is declared nowhere goes under the name that it has
        places[address] = at
        coming[end].append(address)
    found: list[Conflict] = []
    for end, all_sources in coming.items():
        held = videos.get(end)
        sources = [each for each in all_sources if not _is_empty(videos[each])] or all_sources[:1]
        if held is not None and not _is_empty(held):
            sources = [each for each in sources if not _is_empty(videos[each])]
            found += (_onto_another(each, held, places[each]) for each in sources)
        elif len(sources) > 1:
            found += (_together(each, end, sources, places[each]) for each in sources)
        else:
            routes[sources[0]] = end
    return routes, tuple(found)


def _is_empty(recorded: Recorded) -> bool:
    """Whether a retiring left nothing but the name."""
    return not recorded.generations and not recorded.published


def _onto_another(source: Address, held: Recorded, at: SourceSpan) -> Conflict:
    newest = next(iter(held.generations), None)
    what = f"job {newest.remote_id}" if newest else "a published file"
    return Conflict(
        address=source,
        summary=f"{source} cannot move to {held.address}, which holds {what} already",
        fix=f"decide which one is to stay, and forget the other: sorafile state rm '{source}'",
        at=at,
    )


def _together(source: Address, end: Address, sources: list[Address], at: SourceSpan) -> Conflict:
    others = ", ".join(str(each) for each in sources if each != source)
    return Conflict(
        address=source,
        summary=f"{source} cannot move to {end}, where {others} moves too",
        fix=f"decide which one is to stay, and forget the other: sorafile state rm '{source}'",
        at=at,
    )


def _of_imports(world: World) -> Iterator[Conflict]:
    """Imports onto what has its video already, and of jobs that are another's."""
    for address, block in sorted(world.blocks.imports.items()):
        declaration = world.desired.get(address)
        if declaration is None:
            continue
        summary = _contradiction(declaration, block, world.recorded)
        if summary is not None:
            yield Conflict(
                address=address, summary=summary, fix="remove this [[import]]", at=block.at
            )


def _contradiction(
    declaration: Declaration, block: ImportBlock, recorded: RecordedState
) -> str | None:
    address, account = declaration.address, declaration.recipe.account
    generations = recorded.generations.values()
    known = next(
        (g for g in generations if (g.account, g.remote_id) == (account, block.remote_id)), None
    )
    if known is None:
        live = _live(declaration, recorded)
        if live is None:
            return None
        return f"job {block.remote_id} cannot be taken: {address} has job {live.remote_id} already"
    video = recorded.videos.get(address)
    if known.digest == declaration.digest or (video and known in video.generations):
        return None
    holder = next((a for a, v in sorted(recorded.videos.items()) if known in v.generations), None)
    if holder is not None:
        return f"job {block.remote_id} is recorded already, for {holder}"
    if known.is_ours or known.cost_usd is not None:
        return f"job {block.remote_id} is recorded already, for a video that nobody holds"
    return None  # it was imported, and has been replaced since


def _live(declaration: Declaration, recorded: RecordedState) -> Generation | None:
    return next(
        (
            each
            for _, each in sorted(recorded.generations.items())
            if each.digest == declaration.digest
            and each.status is not JobStatus.FAILED
            and not each.lost
        ),
        None,
    )


def _rename(source: Address, target: Address, index: Index) -> Rename:
    """The move of one record; files go along where nothing lies in their new place.

    Those of another recipe do not: they go away once their successor is published. Moved, and
    the power out before the state tells of it, they would be taken for somebody else's.
    """
    declaration, old = index.world.desired[target], index.world.recorded.videos[source]
    outputs = declaration.outputs
    is_same = old.current is not None and old.current.digest == declaration.digest
    files = tuple(
        (file.path, outputs[file.variant])
        for file in old.published
        if is_same
        and file.variant in outputs
        and outputs[file.variant] != file.path
        and index.is_intact(file)
        and index.fact(outputs[file.variant]) is None
    )
    return Rename(source=source, files=files)


def _without(world: World, gone: set[Address]) -> World:
    """A world in which some addresses hold nothing, and what they held is left alone.

    Others that hold it too must not delete it. What was paid for and is not stored yet has no
    holder any more: it is brought home as a spare.
    """
    recorded = world.recorded
    left = {address: video for address, video in recorded.videos.items() if address not in gone}
    dropped = {
        generation.id: (generation, address)
        for address in sorted(gone)
        for generation in recorded.videos[address].generations
    }
    held = {generation.id for video in left.values() for generation in video.generations}
    own = {a.id for a in recorded.attempts if a.workspace == world.workspace}
    spares: dict[GenerationId, Address] = {
        identity: address
        for identity, (generation, address) in dropped.items()
        if identity not in held | recorded.held_elsewhere
        and generation.attempt in own
        and _is_spare(generation)
    }
    return replace(
        world,
        recorded=replace(
            recorded,
            videos=left,
            spares={**recorded.spares, **spares},
            held_elsewhere=recorded.held_elsewhere | dropped.keys(),
        ),
    )


def _is_spare(generation: Generation) -> bool:
    """Whether it was paid for, and can still be had, and is not here."""
    is_to_come = generation.status is not JobStatus.FAILED and not generation.lost
    return is_to_come and generation.on_server and not generation.is_stored


def _renamed(world: World, renames: Mapping[Address, Rename]) -> World:
    """A world in which each of these has happened."""
    recorded = world.recorded
    targets = {rename.source: target for target, rename in renames.items()}
    videos = {address: v for address, v in recorded.videos.items() if address not in targets}
    facts: dict[str, FileFact | None] = dict(world.observed.files)
    for target, rename in renames.items():
        old, paths = recorded.videos[rename.source], dict(rename.files)
        published = tuple(replace(f, path=paths.get(f.path, f.path)) for f in old.published)
        videos[target] = replace(old, address=target, published=published)
        for before, after in rename.files:
            if before in facts:
                facts[after] = facts[before]
            else:
                facts.pop(after, None)  # as unseen as it was under its old name
            facts[before] = None
    attempts = tuple(
        replace(each, address=targets[each.address])
        if each.workspace == world.workspace and each.address in targets
        else each
        for each in recorded.attempts
    )
    return replace(
        world,
        recorded=replace(recorded, videos=videos, attempts=attempts),
        observed=replace(world.observed, files=facts),
    )
