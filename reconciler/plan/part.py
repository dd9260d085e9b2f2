"""A part of a plan: what was chosen with what that needs, so that all else stays as it is."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from reconciler.domain.address import Address
from reconciler.domain.plan import (
    Action,
    ActionKind,
    Bind,
    Choice,
    DeleteJob,
    DraggedIn,
    HeldBack,
    Part,
    Plan,
    Publish,
    Rename,
    Retire,
    Spare,
    Step,
)
from reconciler.domain.recipe import RecipeDigest
from reconciler.domain.recorded import GenerationId, Recorded
from reconciler.domain.world import World
from reconciler.plan.selection import Facts
from reconciler.plan.standing import standings


def facts_of(world: World, plan: Plan) -> Iterator[Facts]:
    """What expressions may ask of each address that is declared, recorded, or paid for.

    `plan` is the whole one of that world. An address that moves is in no state of its own.
    """
    costs = {action.address: action.cost_usd for action in plan.actions}
    for each in standings(world, plan):
        declared = each.declaration
        yield Facts(
            address=declared.address,
            tags=declared.tags,
            file=declared.file or None,
            state=each.status,
            cost_usd=costs.get(declared.address, Decimal(0)),
            parents=(declared.parent,) if declared.parent is not None else (),
        )
    moved = _sources(plan.actions)
    holders = _holders_of(world.recorded.videos.values())
    for address, recorded in world.recorded.videos.items():
        if address not in world.desired:
            yield Facts(
                address=address,
                tags=recorded.tags,
                state=None if address in moved else "undeclared",
                parents=tuple(_recorded_parents(recorded, holders)),
            )
    known = world.desired.keys() | world.recorded.videos.keys()
    for address in {spare.address for spare in plan.spares} - known:
        yield Facts(address=address, state="undeclared")


def _holders_of(videos: Iterable[Recorded]) -> Mapping[RecipeDigest, Sequence[Address]]:
    found: dict[RecipeDigest, list[Address]] = {}
    for recorded in videos:
        for generation in recorded.generations:
            found.setdefault(generation.digest, []).append(recorded.address)
    return found


def _recorded_parents(
    recorded: Recorded, holders: Mapping[RecipeDigest, Sequence[Address]]
) -> Iterator[Address]:
    """Who holds what the videos of an address derive from."""
    for generation in recorded.generations:
        parent = generation.recipe.parent
        if parent is not None and parent.digest is not None:
            yield from holders.get(parent.digest, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What is left of a plan's actions and spares, and what is told of that."""

    actions: tuple[Action, ...]
    spares: tuple[Spare, ...]
    part: Part


def cut_to(choice: Choice, actions: Sequence[Action], spares: Sequence[Spare], world: World) -> Cut:
    """The chosen actions with those that they need; none deletes a job that others hold.

    `actions` are the whole plan's, each after what it depends on.
    """
    owners = {
        file.path: recorded.address
        for recorded in world.recorded.videos.values()
        for file in recorded.published
    }
    in_the_way: dict[Address, str] = {}
    while True:
        stopped = _stopped(actions, choice, in_the_way)
        kept = _closed(actions, choice, stopped)
        conflicts = dict(_conflicts(actions, kept, owners))
        if not conflicts:
            break
        in_the_way |= conflicts
    taken = [action for action in actions if action.address in kept]
    others = [action for action in actions if action.address not in kept]
    held_back = tuple(_held_back(choice, stopped, _sources(actions)))
    told = {each.address for each in held_back}
    dragged = ((address, by) for address, by in kept.items() if by is not None)
    part = Part(
        choice=choice,
        dragged_in=tuple(DraggedIn(address=address, by=by) for address, by in sorted(dragged)),
        held_back=held_back,
        left_out=tuple(each.address for each in others if each.address not in told),
    )
    about = part.addresses
    loose = tuple(spare for spare in spares if spare.address in about)
    return Cut(
        actions=sparing_parents(_sparing_holders(taken, world), of=others),
        spares=loose,
        part=replace(part, spares_left_out=len(spares) - len(loose)),
    )


def _stopped(
    actions: Sequence[Action], choice: Choice, in_the_way: Mapping[Address, str]
) -> Mapping[Address, str]:
    """The addresses whose actions cannot be in the part, and why."""
    stopped: dict[Address, str] = {}
    causes: dict[Address, str] = {}  # in the words of who needs it
    excluded = frozenset(choice.excluded)
    for action in actions:
        source = next((each for each in _renamed(action) if each in excluded), None)
        needed = next((each for each in action.depends_on if each in stopped), None)
        if action.address in excluded:
            stopped[action.address] = "it is excluded"
            causes[action.address] = f"it needs {action.address}, which is excluded"
            continue
        if needed is not None:
            stopped[action.address] = causes[action.address] = causes[needed]
            continue
        if source is not None:
            stopped[action.address] = f"it takes over what {source} holds, which is excluded"
        elif action.address in in_the_way:
            stopped[action.address] = in_the_way[action.address]
        else:
            continue
        causes[action.address] = f"it needs {action.address}, and {stopped[action.address]}"
    return stopped


def _closed(
    actions: Sequence[Action], choice: Choice, stopped: Mapping[Address, str]
) -> Mapping[Address, Address | None]:
    """The addresses of the part, each with the one that dragged it in; None: it was chosen."""
    sources = _sources(actions)
    roots: dict[Address, Address | None] = {}
    for address in choice.chosen:
        target = sources.get(address, address)
        if target == address:
            roots[target] = None
        else:
            roots.setdefault(target, address)
    kept: dict[Address, Address | None] = {}
    needed = dict(roots)
    for action in reversed(actions):
        if action.address in needed and action.address not in stopped:
            kept[action.address] = needed[action.address]
            for each in action.depends_on:
                needed.setdefault(each, action.address)
    return kept


def _conflicts(
    actions: Sequence[Action],
    kept: Collection[Address],
    owners: Mapping[str, Address],
) -> Iterator[tuple[Address, str]]:
    """Whose file would be written over, though nothing may be done about its owner."""
    touched = {
        address
        for action in actions
        if action.address in kept
        for address in (action.address, *_renamed(action))
    }
    for action in actions:
        if action.address not in kept:
            continue
        for path in _paths(action.steps):
            owner = owners.get(path)
            if owner is not None and owner not in touched:
                yield action.address, f"{path} is still the file of {owner}, which is not selected"
                break


def _paths(steps: Iterable[Step]) -> Iterator[str]:
    """Where files would be put."""
    for step in steps:
        if isinstance(step, Publish):
            yield step.path
        elif isinstance(step, Rename):
            yield from (to for _, to in step.files)


def _held_back(
    choice: Choice, stopped: Mapping[Address, str], sources: Mapping[Address, Address]
) -> Iterator[HeldBack]:
    for address in choice.chosen:
        target = sources.get(address, address)
        if target not in stopped:
            continue
        because = stopped[target]
        if target != address:
            because = f"what it holds moves to {target}, and {because}"
        yield HeldBack(address=address, because=because)


def _sources(actions: Iterable[Action]) -> Mapping[Address, Address]:
    """Addresses that move, and the ones that they move to."""
    return {source: action.address for action in actions for source in _renamed(action)}


def _renamed(action: Action) -> Iterator[Address]:
    return (step.source for step in action.steps if isinstance(step, Rename))


def _sparing_holders(actions: Sequence[Action], world: World) -> Iterator[Action]:
    """The actions without deleting a job that an address still holds which they leave alone.

    In the whole plan, that address lets go of it too.
    """
    touched = {each for action in actions for each in (action.address, *_renamed(action))}
    holders = {
        generation.id: recorded.address
        for recorded in world.recorded.videos.values()
        if recorded.address not in touched
        for generation in recorded.generations
    }
    for action in actions:
        own = _held_by(action, world)
        steps: list[Step] = []
        spared: dict[GenerationId, None] = {}
        for step in action.steps:
            if isinstance(step, Retire) and step.delete and step.generation in holders:
                spared[step.generation] = None
                steps.append(replace(step, delete=False))
            elif isinstance(step, DeleteJob) and own & holders.keys():
                spared |= dict.fromkeys(sorted(own & holders.keys()))
            else:
                steps.append(step)
        notes = (
            f"job {world.recorded.generations[each].remote_id} stays: {holders[each]} has it too,"
            " and is not selected"
            for each in spared
        )
        yield replace(action, steps=tuple(steps), notes=(*action.notes, *notes))


def _held_by(action: Action, world: World) -> set[GenerationId]:
    """What an action's address may hold in the course of it, as far as that is known."""
    records = map(world.recorded.videos.get, (action.address, *_renamed(action)))
    held = {one.id for each in records if each is not None for one in each.generations}
    return held | {step.generation for step in action.steps if isinstance(step, Bind)}


def sparing_parents(kept: Iterable[Action], *, of: Iterable[Action]) -> tuple[Action, ...]:
    """What is left of actions that delete no job which purchases still to come need."""
    needed = {buy.declaration.parent for action in of for buy in action.purchases}
    sparing = (_without_deleting(each) if each.address in needed else each for each in kept)
    return tuple(each for each in sparing if _does_or_tells(each))


def _without_deleting(action: Action) -> Action:
    steps = tuple(step for step in action.steps if not isinstance(step, DeleteJob))
    return replace(action, steps=steps)


def _does_or_tells(action: Action) -> bool:
    """Whether something is left of it; a block and an unresolved attempt have no steps."""
    return bool(action.steps) or action.kind in (ActionKind.BLOCKED, ActionKind.RESOLVE)
