"""Which generation each declared video shall have: the upper half of the decision table.

Rules are tried from the top, and parents are decided before their remixes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration, Desired
from reconciler.domain.observed import Sidecar
from reconciler.domain.plan import Reason
from reconciler.domain.recipe import RecipeDigest
from reconciler.domain.recorded import Attempt, Generation, JobStatus, Recorded
from reconciler.plan.index import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """The one that the address holds already."""

    generation: Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The one that an address held which is declared no more."""

    source: Address
    generation: Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One that the database knows, and that this address does not hold yet."""

    generation: Generation
    shared: bool  # another declared address has it too


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """One that only the asset store remembers."""

    sidecar: Sidecar


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedWith:
    """The one that another address gets in this plan."""

    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """One that must be bought."""

    reason: Reason
    because: str
    lost: Generation | None = None  # what it stands in for


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """None before it is known what became of a paid request."""

    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """None: something is in the way."""

    reason: Reason
    because: str


Target = Keep | Moved | Known | Remembered | SharedWith | New | Unresolved | Stuck


def targets(index: Index) -> Mapping[Address, Target]:
    """One target for each declared video, parents first."""
    moves = _moves(index)
    found: dict[Address, Target] = {}
    getting: dict[RecipeDigest, Address] = {}
    for declaration in parents_first(index.world.desired):
        target = _target(declaration, index, moves, found, getting)
        target = _path_in_the_way(declaration, target, index) or target
        found[declaration.address] = target
        if isinstance(target, New | Remembered):
            getting.setdefault(declaration.digest, declaration.address)
    return found


def parents_first(desired: Desired) -> Iterator[Declaration]:
    """The declarations by address, each after the one that it derives from."""
    done: set[Address] = set()
    for address in sorted(desired):
        chain: list[Declaration] = []
        here: Address | None = address
        while here is not None and here not in done and here in desired:
            chain.append(desired[here])
            done.add(here)
            here = desired[here].parent
        yield from reversed(chain)


def _moves(index: Index) -> Mapping[Address, Recorded]:
    """The undeclared addresses whose generation a newly declared address asks for."""
    desired = index.world.desired
    leaving: dict[RecipeDigest, list[Recorded]] = {}
    for address, recorded in sorted(index.world.recorded.videos.items()):
        if address not in desired:
            for generation in (recorded.current, recorded.pending):
                if generation is not None and _is_of_use(index.now(generation)):
                    leaving.setdefault(generation.digest, []).append(recorded)
                    break
    found: dict[Address, Recorded] = {}
    for address in sorted(desired):
        sources = leaving.get(desired[address].digest)
        if sources and index.recorded(address) is None:
            found[address] = sources.pop(0)
    return found


def _is_of_use(generation: Generation) -> bool:
    return generation.status is not JobStatus.FAILED and not generation.lost


def _target(
    declaration: Declaration,
    index: Index,
    moves: Mapping[Address, Recorded],
    found: Mapping[Address, Target],
    getting: Mapping[RecipeDigest, Address],
) -> Target:
    digest, address = declaration.digest, declaration.address
    recorded = index.recorded(address)
    if digest in index.unresolved:
        return Unresolved(attempt=index.unresolved[digest])
    if address in moves:
        source = moves[address]
        held = next(each for each in source.generations if each.digest == digest)
        return Moved(source=source.address, generation=index.now(held))
    if recorded is not None:
        held_now = _held_of_recipe(recorded, digest, index)
        if held_now is not None:
            return _same(declaration, held_now, index, found)
        if protects(declaration, recorded) and recorded.current is not None:
            return Stuck(
                reason=Reason.PROTECTED,
                because="it is protected, and its recipe changed",
            )
    existing = index.of_recipe(digest)
    if existing is not None:
        if index.is_whole(existing) or not _is_lost(existing, index):
            shared = any(user != address for user in index.users.get(existing.id, ()))
            return Known(generation=existing, shared=shared)
        why = "the video of this recipe is lost"
        return _new(declaration, found, New(reason=Reason.VIDEO_LOST, because=why, lost=existing))
    if digest in index.world.observed.sidecars:
        return Remembered(sidecar=index.world.observed.sidecars[digest])
    if digest in getting:
        return SharedWith(address=getting[digest])
    return _new(declaration, found, _first_or_again(declaration, recorded, found))


def _held_of_recipe(recorded: Recorded, digest: RecipeDigest, index: Index) -> Generation | None:
    """The current generation of this recipe; a pending one where the current is lost."""
    held = [each for each in (recorded.current, recorded.pending) if each and each.digest == digest]
    now = [index.now(each) for each in held]
    return next((each for each in now if not each.lost), now[0] if now else None)


def protects(declaration: Declaration, recorded: Recorded) -> bool:
    """Whether a video may not be replaced: the spec's word, or else the state's."""
    said = declaration.lifecycle.protect
    return bool(recorded.lifecycle.protect if said is None else said)


def _is_lost(generation: Generation, index: Index) -> bool:
    """Whether no whole bytes of a finished video are in the store or on the server."""
    return (
        generation.status is JobStatus.COMPLETED
        and not index.is_whole(generation)
        and index.is_gone(generation)
    )


def _same(
    declaration: Declaration, held: Generation, index: Index, found: Mapping[Address, Target]
) -> Target:
    if held.status is JobStatus.FAILED:
        error = held.error
        told = f"{error.code}: {error.message}" if error else "the server gave no reason"
        return Stuck(reason=Reason.JOB_FAILED, because=f"its job failed ({told})")
    if not (held.lost or (_is_lost(held, index) and not _is_published(declaration, held, index))):
        return Keep(generation=held)
    if declaration.lifecycle.on_lost == "fail":
        why = "its video is lost: not stored, not published, and gone from the server"
        return Stuck(reason=Reason.VIDEO_LOST, because=why)
    why = "its video is lost, and on_lost says to make it again"
    return _new(declaration, found, New(reason=Reason.VIDEO_LOST, because=why, lost=held))


def _is_published(declaration: Declaration, held: Generation, index: Index) -> bool:
    """Whether whole bytes of the video lie where they were published."""
    recorded = index.recorded(declaration.address)
    files = recorded.published if recorded else ()
    stored = {asset.sha256 for asset in held.assets}
    return any(file.sha256 in stored and index.is_intact(file) for file in files)


def _first_or_again(
    declaration: Declaration, recorded: Recorded | None, found: Mapping[Address, Target]
) -> New:
    old = (recorded.current or recorded.pending) if recorded else None
    if old is None:
        return New(reason=Reason.NOT_RECORDED, because="no generation of this recipe exists")
    parent = declaration.parent
    was_derived = old.recipe.parent is not None
    if parent is not None and was_derived and old.recipe.prompt == declaration.recipe.prompt:
        parent_changes = isinstance(found.get(parent), New)
        verb = "will change" if parent_changes else "changed"
        return New(reason=Reason.PARENT_WILL_CHANGE, because=f"its parent {parent} {verb}")
    return New(reason=Reason.RECIPE_CHANGED, because="its recipe changed")


def _new(declaration: Declaration, found: Mapping[Address, Target], wanted: New) -> Target:
    parent = declaration.parent
    if parent is not None:
        stuck = _parent_in_the_way(parent, found)
        if stuck is not None:
            return stuck
    return wanted


def _parent_in_the_way(parent: Address, found: Mapping[Address, Target]) -> Stuck | None:
    match found.get(parent):
        case Stuck() | Unresolved() | None:
            return Stuck(reason=Reason.PARENT_BLOCKED, because=f"its parent {parent} is blocked")
        case Keep(generation=job) | Moved(generation=job) | Known(generation=job) if (
            not job.on_server or job.missing_count > 0
        ):
            return _parent_gone(parent)
        case Remembered():
            return _parent_gone(parent)
        case _:
            return None


def _parent_gone(parent: Address) -> Stuck:
    return Stuck(
        reason=Reason.PARENT_JOB_GONE,
        because=f"its parent {parent} is stored here, but its job is gone from the server, "
        "so it cannot be remixed any more",
    )


def _path_in_the_way(declaration: Declaration, target: Target, index: Index) -> Stuck | None:
    """Whether a file that sorafile did not write lies where one would be published.

    It never holds up a download: what is paid for comes into the store first.
    """
    match target:
        case Stuck() | Unresolved():
            return None
        case Keep(generation=job) | Moved(generation=job) | Known(generation=job):
            if not index.is_whole(job):
                return None
            assets = job.assets
        case Remembered(sidecar=sidecar):
            assets = sidecar.assets
        case New() | SharedWith():
            assets = ()
    expected = {asset.variant: asset.sha256 for asset in assets}
    for variant, path in sorted(declaration.outputs.items()):
        fact = index.fact(path)
        if fact is None or path in index.ours or fact.sha256 == expected.get(variant, ""):
            continue
        return Stuck(
            reason=Reason.PATH_OCCUPIED,
            because=f"{path} exists, and sorafile did not write it: move or rename it",
        )
    return None
