"""Taking what was paid for already, here or elsewhere, in place of buying anew."""

from collections.abc import Iterator
from dataclasses import replace

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration
from reconciler.domain.observed import ObservedJob, Sidecar
from reconciler.domain.plan import (
    Action,
    ActionKind,
    Adopt,
    Bind,
    BindShared,
    Change,
    Reason,
    Recover,
    Step,
    TakeBack,
)
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import PublishedFile
from reconciler.plan import changes
from reconciler.plan.filling import act, awaited, hold_and_fill, leaving
from reconciler.plan.holding import Holding, missing
from reconciler.plan.index import Index
from reconciler.plan.price import price
from reconciler.plan.targets import Adoptable, Known
from reconciler.plan.usage import Setting


def share(declaration: Declaration, address: Address, held: Holding, facts: Setting) -> Action:
    """Hold what another address comes to hold in this plan."""
    steps = hold_and_fill(declaration, held, facts, (BindShared(of=address),))
    because = f"{address} has the same recipe: they share one generation"
    action = act(declaration, ActionKind.PUBLISH, Reason.SHARED, because, steps)
    return replace(action, depends_on=(address,))


def take_known(declaration: Declaration, target: Known, held: Holding, facts: Setting) -> Action:
    """Hold a generation that the database knows, at no cost."""
    generation = target.generation
    bind = Bind(generation=generation.id)
    if generation.status.is_running:
        because = f"a job of this recipe is {generation.status.value.replace('_', ' ')} already"
        hold = (bind, awaited(declaration))
        steps = hold_and_fill(declaration, held, facts, hold, generation=generation)
        return act(declaration, ActionKind.WAIT, Reason.JOB_RUNNING, because, steps)
    files = missing(declaration, held, generation, facts.index)
    back = (TakeBack(file=file) for file in files.take_back)
    steps = hold_and_fill(
        declaration, held, facts, (bind, *back), derive=files.derive, generation=generation
    )
    if Variant.VIDEO in files.fetch:
        because = "a finished video of this recipe waits on the server"
        return act(declaration, ActionKind.DOWNLOAD, Reason.NOT_STORED, because, steps)
    if target.shared:
        users = facts.index.users.get(generation.id, ())
        other = next(user for user in users if user != declaration.address)
        because = f"{other} has the same recipe: they share one generation"
        return act(declaration, ActionKind.PUBLISH, Reason.SHARED, because, steps)
    because = "a stored generation has this recipe"
    action = act(declaration, ActionKind.RESTORE, Reason.STORED_BEFORE, because, steps)
    return replace(action, changes=_undone(declaration, held, facts))


def _undone(declaration: Declaration, held: Holding, facts: Setting) -> tuple[Change, ...]:
    old = held.recorded.current or held.recorded.pending
    compared = changes.between(old.recipe, declaration, facts.names) if old else ()
    return tuple(replace(each, effect="free") for each in compared)


def recover(declaration: Declaration, sidecar: Sidecar, held: Holding, facts: Setting) -> Action:
    """Take what only the asset store tells of, and its bytes from wherever they are."""
    index = facts.index
    copies = tuple(_unrecorded_copies(declaration, sidecar, index))
    copied = {file.variant for file in copies}
    here = tuple(
        asset for asset in sidecar.assets if asset.variant in copied or index.asset_is_whole(asset)
    )
    hold: tuple[Step, ...] = (
        Recover(sidecar=replace(sidecar, assets=here), tags=declaration.tags),
        *(TakeBack(file=file) for file in copies),
    )
    variants = {asset.variant for asset in here}
    if Variant.VIDEO in variants:
        others = tuple(variant for variant in declaration.variants if variant not in variants)
        steps = hold_and_fill(declaration, held, facts, hold, derive=others)
        because = "the asset store has it, paid for before"
        if Variant.VIDEO in copied:
            because = "the asset store tells of it, and its published file is whole"
        return act(declaration, ActionKind.RESTORE, Reason.STORED_BEFORE, because, steps)
    steps = hold_and_fill(declaration, held, facts, hold)
    because = (
        f"the asset store tells of job {sidecar.remote_id}, paid for before, and has lost its"
        " video: it is downloaded again if its server still has it"
    )
    action = act(declaration, ActionKind.DOWNLOAD, Reason.ASSET_MISSING, because, steps)
    return replace(action, expires_at=index.expiry_of_sidecar(sidecar))


def _unrecorded_copies(
    declaration: Declaration, sidecar: Sidecar, index: Index
) -> Iterator[PublishedFile]:
    """The files that hold what the store has lost, where they would be published."""
    for asset in sidecar.assets:
        path = declaration.outputs.get(asset.variant)
        fact = index.fact(path) if path is not None else None
        is_copy = fact is not None and fact.sha256 == asset.sha256
        if path is not None and fact is not None and is_copy and not index.asset_is_whole(asset):
            yield PublishedFile(
                variant=asset.variant, path=path, sha256=asset.sha256, stat=fact.stat
            )


def adopt(declaration: Declaration, target: Adoptable, held: Holding, facts: Setting) -> Action:
    """Take a job that the server has already, instead of paying for a new one."""
    job = target.job
    if target.named and target.given_up is None:
        return _import(declaration, job, held, facts)
    cost = price(declaration, facts.index.world.providers[declaration.provider])
    taken = Adopt(declaration=declaration, job=job, cost_usd=cost, given_up=target.given_up)
    because = f"job {job.remote_id} on {declaration.provider} is of this recipe, and nobody's yet"
    if target.given_up is not None:
        because = f"job {job.remote_id} showed after its request was given up: it was paid for"
    return _adopted(taken, Reason.FOUND_ON_SERVER, because, held, facts)


def _import(declaration: Declaration, job: ObservedJob, held: Holding, facts: Setting) -> Action:
    """Take a job that a person named; what it cost, and whose it is, nobody here knows."""
    taken = Adopt(declaration=declaration, job=job, cost_usd=None, named=True)
    because = f"an [[import]] block says that it is job {job.remote_id} on {declaration.provider}"
    going = leaving(declaration, held, held.recorded.generations, facts)
    return replace(_adopted(taken, Reason.IMPORTED, because, held, facts), notes=going.notes)


def _adopted(taken: Adopt, reason: Reason, because: str, held: Holding, facts: Setting) -> Action:
    declaration = taken.declaration
    steps = hold_and_fill(declaration, held, facts, (taken, awaited(declaration)))
    action = act(declaration, ActionKind.ADOPT, reason, because, steps)
    expires_at = facts.index.expiry_of_job(taken.job, declaration.provider)
    return replace(action, expires_at=expires_at)
