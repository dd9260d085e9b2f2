"""Which generation each declared video shall have: the upper half of the decision table.

Rules are tried from the top, and parents are decided before what derives from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration
from reconciler.domain.observed import ObservedJob, Sidecar
from reconciler.domain.plan import Reason
from reconciler.domain.recipe import Recipe, RecipeDigest
from reconciler.domain.recorded import Attempt, AttemptId, Generation, JobStatus, Recorded
from reconciler.plan.adoption import Adoption
from reconciler.plan.derivations import is_out_of_reach, too_long, why_no_upload
from reconciler.plan.external import why_not
from reconciler.plan.importing import Importable, is_to_be_imported, to_import
from reconciler.plan.index import Index
from reconciler.plan.order import in_order
from reconciler.plan.price import price
from reconciler.plan.retries import is_bought_again, reason, verdict
from reconciler.plan.spares import twins


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """The one that the address holds already."""

    generation: Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The one that an address held which is declared no more."""

    source: Address
    generation: Generation
    stuck: "Stuck | None" = None  # what is in the way of all but the move itself


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
class Adoptable:
    """One that its server has, and that nobody here recorded."""

    job: ObservedJob
    given_up: AttemptId | None = None  # the attempt that made it, as it turned out
    named: bool = False  # by an [[import]] of a person


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedWith:
    """The one that another address gets in this plan."""

    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """One that must be bought."""

    reason: Reason
    because: str
    is_again: bool = False  # its recipe was bought before, and came to nothing
    lost: Generation | None = None  # what it stands in for
    offer: ObservedJob | None = None  # a job that a person may know to be the one


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """The one that a paid request made, or else another: its answer was lost."""

    attempt: Attempt
    may_buy: bool  # another, should that have made nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """None: something is in the way."""

    reason: Reason
    because: str
    refuses: bool = False  # the whole apply: nothing at all is done about the address
    generation: Generation | None = None  # the one it is to have, once it is finished


Target = Keep | Moved | Known | Remembered | Adoptable | SharedWith | New | Unresolved | Stuck


def targets(index: Index) -> Mapping[Address, Target]:
    """One target for each declared video, in the order in which they are best gone through.

    Parents come before what derives from them, and who buys a video before who shares it.
    """
    found = _decide(index, {})
    buyers = {
        index.world.desired[address].digest: address
        for address, target in found.items()
        if isinstance(target, New) and target.is_again
    }
    # What one address makes anew comes back for those, too, that would not.
    return _decide(index, buyers) if buyers else found


def _decide(index: Index, buyers: Mapping[RecipeDigest, Address]) -> dict[Address, Target]:
    """The targets, where it is known who makes which lost video anew."""
    found: dict[Address, Target] = {}
    getting: dict[RecipeDigest, Address] = {}
    adoption = Adoption(index, twins=tuple(twins(index)))
    for declaration in in_order(index.world.desired, buyers):
        target = _target(declaration, index, adoption, found, getting)
        stuck = _path_in_the_way(declaration, target, index)
        if stuck is not None:
            target = replace(target, stuck=stuck) if isinstance(target, Moved) else stuck
        found[declaration.address] = target
        if isinstance(target, New | Remembered | Adoptable | Unresolved):
            getting.setdefault(declaration.digest, declaration.address)
    return found


def _target(
    declaration: Declaration,
    index: Index,
    adoption: Adoption,
    found: Mapping[Address, Target],
    getting: Mapping[RecipeDigest, Address],
) -> Target:
    digest, address = declaration.digest, declaration.address
    recorded = index.recorded(address)
    if digest in index.unresolved and not _replaces_a_protected(declaration, recorded):
        return _unresolved(declaration, index, found, getting)
    source = index.moves.get(address, recorded)
    held = _held_of_recipe(source, digest, index) if source else None
    is_made_anew = held is not None and _is_made_anew(declaration, held, index, getting)
    # Then its new address has nothing to take over.
    if address in index.moves and held is not None and not is_made_anew:
        return _moved(index.moves[address].address, declaration, held, index)
    if held is not None and held.status is not JobStatus.FAILED and not index.is_lost(held):
        return _overdue(held, address, index) or Keep(generation=held)
    if held is None and _replaces_a_protected(declaration, recorded):
        because = "it is protected, and its recipe changed"
        if _is_another_edition(declaration, recorded):
            because = "it is protected, and another result is asked for"
        return Stuck(reason=Reason.PROTECTED, because=because, refuses=True)
    imported = to_import(declaration, index, adoption, _parent_job(declaration, found))
    if isinstance(imported, Importable):
        return Adoptable(job=imported.job, given_up=imported.given_up, named=True)
    if imported is not None:
        return Stuck(reason=Reason.NOT_IMPORTABLE, because=imported)
    free = _free(declaration, index, adoption, found, getting)
    if free is not None:
        return free
    wanted = _to_buy(declaration, held, index, found)
    if not isinstance(wanted, New):
        return wanted
    stuck = (
        _parent_in_the_way(declaration, index, found)
        or _extension_in_the_way(declaration, index)
        or _perhaps_bought(digest, index)
        or _price_in_the_way(declaration, index)
    )
    offer = adoption.offered(declaration, _parent_job(declaration, found))
    return stuck or replace(wanted, offer=offer)


def _is_made_anew(
    declaration: Declaration,
    held: Generation,
    index: Index,
    getting: Mapping[RecipeDigest, Address],
) -> bool:
    """Whether another takes the place of a generation that came to nothing."""
    is_failed = held.status is JobStatus.FAILED
    if not is_failed and not index.is_lost(held):
        return False
    other = index.of_recipe(declaration.digest)
    if declaration.digest in getting or (other is not None and not index.is_lost(other)):
        return True
    if is_failed:
        return _is_retried(declaration, index)
    return declaration.lifecycle.on_lost == "regenerate"


def _is_retried(declaration: Declaration, index: Index) -> bool:
    """Whether the last job of its recipe failed, and another one is bought."""
    failed = index.last_failure(declaration.digest)
    return failed is not None and is_bought_again(
        failed.error,
        index.world.providers[declaration.provider].profile,
        retries=declaration.lifecycle.retries,
        failures=index.failures(declaration.digest),
    )


def _replaces_a_protected(declaration: Declaration, recorded: Recorded | None) -> bool:
    """Whether what is published is protected, and of another recipe."""
    if recorded is None or recorded.current is None or not protects(declaration, recorded):
        return False
    held = (recorded.current, recorded.pending)
    return all(each is None or each.digest != declaration.digest for each in held)


def _unresolved(
    declaration: Declaration,
    index: Index,
    found: Mapping[Address, Target],
    getting: Mapping[RecipeDigest, Address],
) -> Target:
    """What became of a paid request comes first; the first address that asks finds it out."""
    attempt = index.unresolved[declaration.digest]
    if declaration.digest in getting:
        return SharedWith(address=getting[declaration.digest])
    if attempt.workspace != index.world.workspace:
        because = (
            f"what became of its paid request is unknown: it is workspace {attempt.workspace!r}"
            " that finds out"
        )
        return Stuck(reason=Reason.UNRESOLVED_ATTEMPT, because=because)
    stuck = _parent_in_the_way(declaration, index, found) or _extension_in_the_way(
        declaration, index
    )
    # Whoever names a job to take does not want another bought.
    is_named = is_to_be_imported(declaration, index)
    may_buy = not is_named and (stuck or _perhaps_bought(declaration.digest, index)) is None
    return Unresolved(attempt=attempt, may_buy=may_buy)


def _parent_job(declaration: Declaration, found: Mapping[Address, Target]) -> str | None:
    """The remote id of a parent's job, as far as it is known before the run."""
    if declaration.parent is None:
        return declaration.external_parent
    match found.get(declaration.parent):
        case Keep(generation=job) | Moved(generation=job) | Known(generation=job):
            return job.remote_id
        case Adoptable(job=seen):
            return seen.remote_id
        case Remembered(sidecar=sidecar):
            return sidecar.remote_id
        case _:
            return None


def _free(
    declaration: Declaration,
    index: Index,
    adoption: Adoption,
    found: Mapping[Address, Target],
    getting: Mapping[RecipeDigest, Address],
) -> Target | None:
    """What exists of a recipe already, or will when another address has it."""
    digest = declaration.digest
    existing = index.of_recipe(digest)
    if existing is not None and not index.is_lost(existing):
        late = _overdue(existing, declaration.address, index)
        users = index.users.get(existing.id, ())
        return late or Known(
            generation=existing, shared=any(user != declaration.address for user in users)
        )
    remembered = index.remembered(digest)
    if remembered is not None:
        return Remembered(sidecar=remembered)
    if digest in getting:
        return SharedWith(address=getting[digest])
    twin = adoption.twin(digest)
    if twin is not None:
        return Adoptable(job=twin.job, given_up=twin.attempt)
    parent = _parent_job(declaration, found)
    if declaration.parent is not None and parent is None:
        return None  # what is not made yet has no remixes
    job = adoption.take(declaration, parent)
    return Adoptable(job=job) if job is not None else None


def _to_buy(
    declaration: Declaration,
    held: Generation | None,
    index: Index,
    found: Mapping[Address, Target],
) -> New | Stuck:
    """A purchase, unless this recipe was bought before and came to nothing.

    Where its job failed or its video is lost, that holds for every address that asks for
    it: `held` is this one's own, and others may hold one that they were to share.
    """
    if declaration.digest in index.written_off:
        return _written_off(index.written_off[declaration.digest])
    lost = index.of_recipe(declaration.digest)  # what is not lost was found to be free
    known = held or index.in_use(declaration.digest)
    if known is not None and known.status is JobStatus.FAILED:
        return _after_failure(known, declaration, index)
    if known is not None and declaration.lifecycle.on_lost == "fail":
        return _lost()
    if known is not None:
        why = "its video is lost, and on_lost says to make it again"
        return New(reason=Reason.VIDEO_LOST, because=why, is_again=True, lost=lost or known)
    if lost is not None:
        why = "the video of this recipe is lost"
        return New(reason=Reason.VIDEO_LOST, because=why, is_again=True, lost=lost)
    return _first_or_again(declaration, index.recorded(declaration.address), index, found)


def _perhaps_bought(digest: RecipeDigest, index: Index) -> Stuck | None:
    """Whether a sidecar that cannot be read may tell of a video that was paid for."""
    damaged = index.world.observed.unreadable.get(digest)
    if damaged is None:
        return None
    because = (
        f"{damaged.path} cannot be read ({damaged.why}), and may tell of a video of this recipe"
        " that was paid for: put it back from a backup, or move it away to buy the video"
    )
    return Stuck(reason=Reason.SIDECAR_DAMAGED, because=because)


def _moved(source: Address, declaration: Declaration, held: Generation, index: Index) -> Moved:
    stuck: Stuck | None
    if held.status is JobStatus.FAILED:
        stuck = _failed(held, declaration, index)
    elif index.is_lost(held):
        stuck = _lost()
    else:
        stuck = _overdue(held, declaration.address, index)
    return Moved(source=source, generation=held, stuck=stuck)


def _overdue(held: Generation, address: Address, index: Index) -> Stuck | None:
    """Whether the one to have has not come to an end by its deadline.

    It may yet, so another is not bought, and it is neither let go nor deleted meanwhile.
    """
    late = index.overdue(held, address)
    if late is None:
        return None
    return Stuck(reason=Reason.STUCK, because=f"its {late}", generation=held)


def _held_of_recipe(recorded: Recorded, digest: RecipeDigest, index: Index) -> Generation | None:
    """The current generation of this recipe; a pending one where the current is lost."""
    held = [each for each in (recorded.current, recorded.pending) if each and each.digest == digest]
    now = [index.now(each) for each in held]
    return next((each for each in now if not index.is_lost(each)), now[0] if now else None)


def protects(declaration: Declaration, recorded: Recorded) -> bool:
    """Whether a video may not be replaced: the spec's word, or else the state's."""
    said = declaration.lifecycle.protect
    return bool(recorded.lifecycle.protect if said is None else said)


def _after_failure(known: Generation, declaration: Declaration, index: Index) -> New | Stuck:
    """What follows where a job of a recipe failed: another one, as often as it may be."""
    failed = index.last_failure(declaration.digest) or known
    stuck = _failed(failed, declaration, index)
    recorded = index.recorded(declaration.address)
    if not _is_retried(declaration, index):
        return stuck
    if recorded is not None and _has_a_protected(declaration, recorded):
        because = (
            f"its job failed ({reason(failed.error)}), and what it was to replace is protected"
        )
        return replace(stuck, because=because)
    return New(reason=Reason.JOB_FAILED, because=stuck.because, is_again=True)


def _has_a_protected(declaration: Declaration, recorded: Recorded) -> bool:
    """Whether a protected video of another recipe is published, whatever is in the making."""
    is_other = recorded.current is not None and recorded.current.digest != declaration.digest
    return is_other and protects(declaration, recorded)


def _failed(generation: Generation, declaration: Declaration, index: Index) -> Stuck:
    """That a job failed, whose it was, and what follows from that."""
    users = index.users.get(generation.id, ())
    whose = "its job"
    if users and declaration.address not in users:
        whose = f"the job of {users[0]}, which has the same recipe,"
    follows = verdict(
        generation.error,
        index.world.providers[declaration.provider].profile,
        retries=declaration.lifecycle.retries,
        failures=index.failures(declaration.digest),
    )
    because = f"{whose} failed ({reason(generation.error)}){follows}"
    return Stuck(reason=Reason.JOB_FAILED, because=because)


def _written_off(attempt: Attempt) -> Stuck:
    sent = attempt.sending_at or attempt.reserved_at
    because = (
        f"its paid request of {sent:%Y-%m-%d %H:%M} UTC was written off: another recipe, or "
        f"sorafile resolve {attempt.address} --retry, buys it"
    )
    return Stuck(reason=Reason.WRITTEN_OFF, because=because)


def _lost() -> Stuck:
    why = "its video is lost: not stored, not published, and gone from the server"
    return Stuck(reason=Reason.VIDEO_LOST, because=why)


def _first_or_again(
    declaration: Declaration,
    recorded: Recorded | None,
    index: Index,
    found: Mapping[Address, Target],
) -> New:
    old = (recorded.current or recorded.pending) if recorded else None
    is_first = declaration.recipe.edition == 0
    if old is None and is_first:
        return New(reason=Reason.NOT_RECORDED, because="no generation of this recipe exists")
    if old is None or _is_another_edition(declaration, recorded):
        because = "another result of its recipe is asked for"
        return New(reason=Reason.REPLACE_REQUESTED, because=because)
    parent, old_parent = declaration.parent, old.recipe.parent
    is_cascade = (
        parent is not None
        and old_parent is not None
        and _is_of_the_same_words(old.recipe, declaration.recipe)
        and not index.is_of_another(old_parent.digest, parent)
    )
    if is_cascade and parent is not None:
        parent_changes = isinstance(found.get(parent), New)
        verb = "will change" if parent_changes else "changed"
        return New(reason=Reason.PARENT_WILL_CHANGE, because=f"its parent {parent} {verb}")
    return New(reason=Reason.RECIPE_CHANGED, because="its recipe changed")


def _is_of_the_same_words(old: Recipe, new: Recipe) -> bool:
    """Whether two derived recipes differ in nothing but the parent, the take and the edition."""
    parent, take, edition = new.parent, new.take, new.edition
    if old.parent is None or parent is None or old.parent.derivation != parent.derivation:
        return False
    return replace(old, parent=parent, take=take, edition=edition) == new


def _is_another_edition(declaration: Declaration, recorded: Recorded | None) -> bool:
    """Whether what is held differs from what is asked for in nothing but the edition."""
    old = (recorded.current or recorded.pending) if recorded else None
    if old is None or old.recipe.edition == declaration.recipe.edition:
        return False
    return replace(old.recipe, edition=declaration.recipe.edition) == declaration.recipe


def _parent_in_the_way(
    declaration: Declaration, index: Index, found: Mapping[Address, Target]
) -> Stuck | None:
    parent = declaration.parent
    if parent is None and declaration.external_parent is not None:
        why = why_not(declaration, declaration.external_parent, index.world)
        return None if why is None else Stuck(reason=why[0], because=why[1])
    if parent is None:
        return None
    match found.get(parent):
        case Stuck() | Moved(stuck=Stuck()) | None:
            return Stuck(reason=Reason.PARENT_BLOCKED, because=f"its parent {parent} is blocked")
        case Keep(generation=job) | Moved(generation=job) | Known(generation=job) if (
            is_out_of_reach(job)
        ):
            return _parent_gone(declaration, parent, job, index)
        case _:
            return None


def _parent_gone(
    declaration: Declaration, parent: Address, job: Generation, index: Index
) -> Stuck | None:
    """That nothing can be made of a parent any more, unless its stored video is sent along."""
    profile = index.world.providers[declaration.provider].profile
    why = why_no_upload(declaration, job, profile, index)
    if why is None:
        return None
    return Stuck(
        reason=Reason.PARENT_JOB_GONE,
        because=f"its parent {parent} is stored here, but its job is gone from the server, and"
        f" {why}: --replace '{parent}' makes another, which is paid for",
    )


def _extension_in_the_way(declaration: Declaration, index: Index) -> Stuck | None:
    why = too_long(declaration, index.world.providers[declaration.provider].profile)
    return None if why is None else Stuck(reason=Reason.TOO_LONG, because=why)


def _price_in_the_way(declaration: Declaration, index: Index) -> Stuck | None:
    """Whether nobody knows what it would cost, and somebody said what it may cost."""
    caps = index.world.budget.caps_on(declaration.tags)
    provider = index.world.providers[declaration.provider]
    if not caps or price(declaration, provider) is not None:
        return None
    return Stuck(
        reason=Reason.PRICE_UNKNOWN,
        because=f"no price of {declaration.model} at {declaration.size} is known, and "
        f'{caps[0]} limits what it may be: set prices = {{ "{declaration.model}" = … }}, '
        f"in dollars a second, under [providers.{provider.name}]",
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
        case New() | Adoptable() | SharedWith():
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
