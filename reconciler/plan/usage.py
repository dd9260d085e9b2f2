"""Who will use which generation once a plan is carried out, so that no job in use is deleted."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.domain.address import Address
from reconciler.domain.recipe import RecipeDigest
from reconciler.domain.recorded import Generation, GenerationId
from reconciler.plan.changes import Names
from reconciler.plan.index import Index
from reconciler.plan.letting_go import not_to_be_held_up
from reconciler.plan.targets import (
    Keep,
    Known,
    Moved,
    New,
    SharedWith,
    Stuck,
    Target,
    Unresolved,
)


@dataclass(frozen=True)
class Setting:
    """What every action of one plan is decided against."""

    index: Index
    targets: Mapping[Address, Target]
    moved: Mapping[Address, Address]  # from, to
    used_after: Mapping[GenerationId, tuple[Address, ...]]  # who uses what, once all is done
    names: Names

    def is_used_by_others(self, generation: Generation, address: Address) -> bool:
        """Whether other addresses will use it once the plan is carried out.

        A job that a spec names as its parent is in use for as long as that stands there.
        """
        return self.index.is_named_parent(generation) or any(
            user != address for user in self.used_after.get(generation.id, ())
        )


def setting(index: Index, targets: Mapping[Address, Target]) -> Setting:
    """Work out who will use which generation, now that every target is known."""
    moved = {t.source: address for address, t in targets.items() if isinstance(t, Moved)}
    used: dict[GenerationId, tuple[Address, ...]] = {}
    for address in sorted({*targets, *index.world.recorded.videos}):
        for generation in _claims(address, targets.get(address), moved, index):
            used[generation.id] = (*used.get(generation.id, ()), address)
    _last_holder_deletes(index, targets, moved, used)
    names: dict[RecipeDigest, tuple[Address, ...]] = {}
    for address, recorded in sorted(index.world.recorded.videos.items()):
        for held in (recorded.current, recorded.pending):
            if held is not None:
                names[held.digest] = (*names.get(held.digest, ()), address)
    return Setting(index=index, targets=targets, moved=moved, used_after=used, names=names)


def _claims(
    address: Address, target: Target | None, moved: Mapping[Address, Address], index: Index
) -> tuple[Generation, ...]:
    """What an address still holds when the plan is done."""
    recorded = index.recorded(address)
    match target:
        case Moved(source=source, stuck=Stuck()):
            return index.world.recorded.videos[source].generations
        case Keep(generation=kept) | Moved(generation=kept) | Known(generation=kept):
            return (kept,)
        case Stuck(generation=awaited):
            going = {each.id for each in going_anyway(address, target, index)}
            held = recorded.generations if recorded is not None else ()
            stays = tuple(each for each in held if each.id not in going)
            if awaited is None or awaited.id in {each.id for each in stays}:
                return stays
            return (*stays, awaited)
        case None if recorded and recorded.lifecycle.protect and address not in moved:
            return recorded.generations
        case _:
            return ()


def going_anyway(address: Address, target: Stuck, index: Index) -> tuple[Generation, ...]:
    """What an address lets go of though nothing else can be done about it."""
    recorded = index.recorded(address)
    if recorded is None or target.refuses:
        return ()
    return not_to_be_held_up(recorded, index.world.desired[address].digest, index)


def _last_holder_deletes(
    index: Index,
    targets: Mapping[Address, Target],
    moved: Mapping[Address, Address],
    used: dict[GenerationId, tuple[Address, ...]],
) -> None:
    """Of several addresses that let go of one generation, the last one deletes its job.

    One that waits for a purchase comes after all others: until that went well, it still
    needs what it holds.
    """

    def lateness(address: Address) -> tuple[bool, Address]:
        return isinstance(targets.get(address), New | SharedWith | Unresolved), address

    for identity, holders in index.holders.items():
        if identity not in used and len(holders) > 1:
            leaving = (moved.get(holder, holder) for holder in holders)
            used[identity] = (max(leaving, key=lateness),)
