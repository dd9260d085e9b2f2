"""What is done at each address to give it its target: the lower half of the decision table."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration, Lifecycle
from reconciler.domain.money import dollars
from reconciler.domain.observed import ObservedJob, Sidecar
from reconciler.domain.plan import (
    Action,
    ActionKind,
    Adopt,
    Await,
    Bind,
    BindShared,
    Buy,
    Change,
    DeleteJob,
    Derive,
    Fetch,
    Forget,
    MarkLost,
    Promote,
    Publish,
    Reason,
    Recover,
    Rename,
    Resolve,
    Retire,
    Step,
    TakeBack,
    Unpublish,
)
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import (
    Generation,
    JobStatus,
    PublishedFile,
    Recorded,
)
from reconciler.plan import changes
from reconciler.plan.derivations import kind_of, told_of, upload_of
from reconciler.plan.holding import Files, Holding, holding, missing
from reconciler.plan.index import Index
from reconciler.plan.letting_go import LettingGo, let_go
from reconciler.plan.price import price
from reconciler.plan.targets import (
    Adoptable,
    Keep,
    Known,
    Moved,
    New,
    Remembered,
    SharedWith,
    Stuck,
    Target,
    Unresolved,
    protects,
)
from reconciler.plan.usage import Setting, going_anyway


def declared(declaration: Declaration, facts: Setting) -> Action | None:
    """What to do about one declared video; None where it is converged."""
    target = facts.targets[declaration.address]
    action = _for_target(declaration, target, facts)
    if action is None:
        return None
    return _dated(replace(action, recipe_digest=declaration.digest), facts.index)


def _dated(action: Action, index: Index) -> Action:
    """The action with the first moment at which something that it downloads goes away."""
    named = {step.generation for step in action.steps if isinstance(step, Bind | Retire)}
    waiting = (each for each in map(index.generations.__getitem__, named) if index.is_waiting(each))
    moments = (action.expires_at, *map(index.expiry, waiting))
    return replace(action, expires_at=min(filter(None, moments), default=None))


def _for_target(declaration: Declaration, target: Target, facts: Setting) -> Action | None:
    index = facts.index
    recorded = index.recorded(declaration.address) or Recorded(address=declaration.address)
    held = holding(recorded, index)
    match target:
        case Stuck():
            return _blocked(declaration, target, held, facts)
        case Unresolved():
            return _resolve(declaration, target, held, facts)
        case New():
            return _buy(declaration, target, held, facts)
        case Keep(generation=generation):
            return _converge(declaration, held, generation, facts)
        case Known(generation=generation, shared=shared):
            return _use_known(declaration, held, generation, facts, shared=shared)
        case Moved():
            return _move(declaration, target, facts)
        case Remembered(sidecar=sidecar):
            return _recover(declaration, sidecar, held, facts)
        case Adoptable():
            return _adopt(declaration, target, held, facts)
        case SharedWith(address=address):
            steps = _hold_and_fill(declaration, held, facts, (BindShared(of=address),))
            because = f"{address} has the same recipe: they share one generation"
            action = _act(declaration, ActionKind.PUBLISH, Reason.SHARED, because, steps)
            return replace(action, depends_on=(address,))


def _blocked(declaration: Declaration, stuck: Stuck, held: Holding, facts: Setting) -> Action:
    """Nothing but what would expire while the way is blocked."""
    waiting = going_anyway(declaration.address, stuck, facts.index)
    if not waiting:
        return _act(declaration, ActionKind.BLOCKED, stuck.reason, stuck.because)
    going = _let_go(declaration, held, waiting, facts)
    kind, reason = ActionKind.DOWNLOAD, Reason.NOT_STORED
    if any(generation.status.is_running for generation in waiting):
        kind, reason = ActionKind.WAIT, Reason.JOB_RUNNING
    because = "an older job of it was paid for, and its video is not stored yet"
    return replace(
        _act(declaration, kind, reason, because, (*going.first, *going.steps)),
        notes=(f"then it is blocked: {stuck.because}", *going.notes),
    )


def undeclared(recorded: Recorded, facts: Setting, *, destroy: bool) -> Action | None:
    """What to do about one recorded video that is declared no more.

    None where what it held moves to another address.
    """
    if recorded.address in facts.moved:
        return None
    newest = next(iter(recorded.generations), None)
    provider = newest.provider if newest else ""
    if recorded.lifecycle.protect:
        because = "it is protected, and no longer declared"
        return Action(
            address=recorded.address,
            kind=ActionKind.BLOCKED,
            reason=Reason.PROTECTED,
            because=because,
            provider=provider,
        )
    going = let_go(
        recorded.generations,
        held=holding(recorded, facts.index),
        policy=recorded.lifecycle.remote,
        is_used=partial(facts.is_used_by_others, address=recorded.address),
        index=facts.index,
    )
    steps: tuple[Step, ...] = (
        *going.first,
        *(Unpublish(file=file) for file in recorded.published),
        *going.steps,
        *(() if going.overdue else (Forget(),)),
    )
    kind = ActionKind.DELETE if steps else ActionKind.BLOCKED
    reason = Reason.DESTROYED if destroy else Reason.UNDECLARED
    because = "everything is to be destroyed" if destroy else "it is no longer declared"
    notes = going.notes
    if not steps:
        reason, because = Reason.STUCK, f"{because}, but its {going.overdue[0]}"
    else:
        notes = (*(f"then it is blocked: its {each}" for each in going.overdue), *notes)
    if going.in_use:
        reason, because = Reason.JOB_IN_USE, f"{because}; its job is in use elsewhere and stays"
    elif going.no_delete:
        reason = Reason.NO_DELETE
    action = Action(
        address=recorded.address,
        kind=kind,
        reason=reason,
        because=because,
        provider=provider,
        steps=steps,
        recipe_digest=newest.digest if newest else None,
        changes=_removed(newest) if steps else (),
        notes=notes,
    )
    return _dated(action, facts.index)


def _removed(newest: Generation | None) -> tuple[Change, ...]:
    return (changes.free("prompt", newest.recipe.prompt, None),) if newest else ()


def _act(
    declaration: Declaration,
    kind: ActionKind,
    reason: Reason,
    because: str,
    steps: tuple[Step, ...] = (),
) -> Action:
    return Action(
        address=declaration.address,
        kind=kind,
        reason=reason,
        because=because,
        provider=declaration.provider,
        steps=steps,
    )


def _let_go(
    declaration: Declaration, held: Holding, unused: tuple[Generation, ...], facts: Setting
) -> LettingGo:
    return let_go(
        unused,
        held=held,
        # The spec's word, not the recorded one: of a first job nothing is recorded yet.
        policy=declaration.lifecycle.remote,
        is_used=partial(facts.is_used_by_others, address=declaration.address),
        index=facts.index,
    )


def _promote(declaration: Declaration, held: Recorded) -> Promote:
    return Promote(lifecycle=settled(declaration, held), tags=declaration.tags)


def settled(declaration: Declaration, held: Recorded) -> Lifecycle:
    """The lifecycle to record: what the spec says, and where it is silent, what holds."""
    return replace(declaration.lifecycle, protect=protects(declaration, held))


def _buy(declaration: Declaration, wanted: New, held: Holding, facts: Setting) -> Action:
    provider = facts.index.world.providers[declaration.provider]
    cost = price(declaration, provider)
    old = held.recorded.current or held.recorded.pending
    is_failed = old is not None and facts.index.now(old).status is JobStatus.FAILED
    replaces = old is not None and wanted.lost is None and not is_failed
    lost = (MarkLost(generation=wanted.lost.id),) if wanted.lost else ()
    buy = _purchase(declaration, facts)
    steps = _hold_and_fill(declaration, held, facts, (*lost, buy, _await(declaration)))
    compared = changes.between(old.recipe if old else None, declaration, facts.names)
    because = wanted.because
    if wanted.reason is Reason.RECIPE_CHANGED:
        because = f"{_listed([each.field for each in compared])} changed"
    action = _act(
        declaration,
        ActionKind.REPLACE if replaces else kind_of(declaration),
        wanted.reason,
        because,
        steps,
    )
    return replace(
        action,
        cost_usd=cost,
        changes=compared,
        depends_on=_waits_for(declaration, facts),
        notes=(
            *_let_go(declaration, held, held.recorded.generations, facts).notes,
            *_offers(declaration, wanted.offer),
            *told_of(buy, provider),
            *_retries(buy),
        ),
    )


def _purchase(declaration: Declaration, facts: Setting) -> Buy:
    provider = facts.index.world.providers[declaration.provider]
    parent = declaration.parent
    of = _parent_generation(parent, facts) if parent is not None else None
    failures = facts.index.failures(declaration.digest)
    return Buy(
        declaration=declaration,
        cost_usd=price(declaration, provider),
        retries=max(0, declaration.lifecycle.retries - failures),
        failures=failures,
        parent_generation=of.id if of is not None else None,
        upload=upload_of(declaration, of, facts.index),
    )


def _waits_for(declaration: Declaration, facts: Setting) -> tuple[Address, ...]:
    parent = declaration.parent
    if parent is None:
        return ()
    upload = upload_of(declaration, _parent_generation(parent, facts), facts.index)
    # Then its action takes the bytes back into the store, from where they are sent.
    is_taken_back = upload is not None and not facts.index.asset_is_whole(upload)
    return (parent,) if is_taken_back or _is_made_here(facts.targets.get(parent)) else ()


def _offers(declaration: Declaration, job: ObservedJob | None) -> tuple[str, ...]:
    if job is None:
        return ()
    told = (
        f"job {job.remote_id} on {declaration.provider} asked for the same: if it is yours, take"
        f" it for free with sorafile import '{declaration.address}' {job.remote_id}"
    )
    return (told,)


def _retries(buy: Buy | None) -> tuple[str, ...]:
    """What may still be bought after the job that the action is about."""
    if buy is None or not buy.retries:
        return ()
    each = f", ${dollars(buy.cost_usd)} each" if buy.cost_usd else ""
    return (f"up to {buy.retries} more after a transient failure{each}",)


def _resolve(declaration: Declaration, target: Unresolved, held: Holding, facts: Setting) -> Action:
    """Find out what became of a paid request; what it made, or another, takes its place."""
    attempt = target.attempt
    sent = attempt.sending_at or attempt.reserved_at
    because = f"what became of the paid request of {sent:%Y-%m-%d %H:%M} UTC is unknown"
    otherwise = _purchase(declaration, facts) if target.may_buy else None
    resolve = Resolve(attempt=attempt.id, otherwise=otherwise)
    steps = _hold_and_fill(declaration, held, facts, (resolve, _await(declaration)))
    provider = facts.index.world.providers[declaration.provider]
    notes = (*told_of(otherwise, provider), *_retries(otherwise))
    action = _act(declaration, ActionKind.RESOLVE, Reason.UNRESOLVED_ATTEMPT, because, steps)
    return replace(action, depends_on=_waits_for(declaration, facts), notes=notes)


def _recover(declaration: Declaration, sidecar: Sidecar, held: Holding, facts: Setting) -> Action:
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
        steps = _hold_and_fill(declaration, held, facts, hold, derive=others)
        because = "the asset store has it, paid for before"
        if Variant.VIDEO in copied:
            because = "the asset store tells of it, and its published file is whole"
        return _act(declaration, ActionKind.RESTORE, Reason.STORED_BEFORE, because, steps)
    steps = _hold_and_fill(declaration, held, facts, hold)
    because = (
        f"the asset store tells of job {sidecar.remote_id}, paid for before, and has lost its"
        " video: it is downloaded again if its server still has it"
    )
    action = _act(declaration, ActionKind.DOWNLOAD, Reason.ASSET_MISSING, because, steps)
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


def _adopt(declaration: Declaration, target: Adoptable, held: Holding, facts: Setting) -> Action:
    """Take a job that the server has already, instead of paying for a new one."""
    job = target.job
    cost = price(declaration, facts.index.world.providers[declaration.provider])
    if target.named and target.given_up is None:
        return _import(declaration, job, held, facts)
    adopt = Adopt(declaration=declaration, job=job, cost_usd=cost, given_up=target.given_up)
    steps = _hold_and_fill(declaration, held, facts, (adopt, _await(declaration)))
    because = f"job {job.remote_id} on {declaration.provider} is of this recipe, and nobody's yet"
    if target.given_up is not None:
        because = f"job {job.remote_id} showed after its request was given up: it was paid for"
    action = _act(declaration, ActionKind.ADOPT, Reason.FOUND_ON_SERVER, because, steps)
    return replace(action, expires_at=facts.index.expiry_of_job(job, declaration.provider))


def _import(declaration: Declaration, job: ObservedJob, held: Holding, facts: Setting) -> Action:
    """Take a job that a person named; what it cost, and whose it is, nobody here knows."""
    adopt = Adopt(declaration=declaration, job=job, cost_usd=None, named=True)
    steps = _hold_and_fill(declaration, held, facts, (adopt, _await(declaration)))
    because = f"an [[import]] block says that it is job {job.remote_id} on {declaration.provider}"
    action = _act(declaration, ActionKind.ADOPT, Reason.IMPORTED, because, steps)
    going = _let_go(declaration, held, held.recorded.generations, facts)
    expires_at = facts.index.expiry_of_job(job, declaration.provider)
    return replace(action, expires_at=expires_at, notes=going.notes)


def _listed(names: list[str]) -> str:
    """`prompt`, `prompt and size`, `prompt, model and size`."""
    *most, last = names or ["its recipe"]
    return f"{', '.join(most)} and {last}" if most else last


def _parent_generation(parent: Address, facts: Setting) -> Generation | None:
    match facts.targets.get(parent):
        case Keep(generation=job) | Moved(generation=job) | Known(generation=job):
            return job
        case _:
            return None


def _is_made_here(target: Target | None) -> bool:
    """Whether a parent's job is finished or told only in the course of this plan."""
    match target:
        case Keep(generation=job) | Known(generation=job) | Moved(generation=job):
            return job.status.is_running
        case New() | Remembered() | Adoptable() | SharedWith() | Unresolved():
            return True
        case _:
            return False


def _hold_and_fill(
    declaration: Declaration,
    held: Holding,
    facts: Setting,
    hold: tuple[Step, ...],
    *,
    derive: tuple[Variant, ...] = (),
    generation: Generation | None = None,
) -> tuple[Step, ...]:
    """Take hold of another generation, fill the store from it, publish it, and let go.

    `generation` is the one that comes to be held; None where it is told only in the run.
    """
    fetch = tuple(variant for variant in declaration.variants if variant not in derive)
    others = _others(held, generation)
    going = _let_go(declaration, held, others, facts)
    return (
        *going.first,
        *hold,
        _fetch(declaration, fetch),
        *(Derive(variant=each) for each in derive),
        *_unpublish_unwanted(declaration, held.recorded),
        *(Publish(variant=each, path=path) for each, path in sorted(declaration.outputs.items())),
        _promote(declaration, held.recorded),
        *(step for step in going.steps if step not in hold),
        *_delete_after_download(declaration, generation, facts),
    )


def _others(held: Holding, keep: Generation | None) -> tuple[Generation, ...]:
    generations = held.recorded.generations
    return tuple(each for each in generations if keep is None or each.id != keep.id)


def _await(declaration: Declaration) -> Await:
    return Await(deadline_s=declaration.lifecycle.deadline_s)


def _fetch(declaration: Declaration, variants: tuple[Variant, ...]) -> Fetch:
    return Fetch(variants=variants, size=declaration.size, seconds=declaration.seconds)


def _unpublish_unwanted(declaration: Declaration, held: Recorded) -> tuple[Unpublish, ...]:
    """Take files from paths that are wanted no more.

    Before publishing: a variant's new path takes the place of its old one in the state, and a
    crash between the two would leave a file there that nobody knows. The bytes are stored.
    """
    return tuple(
        Unpublish(file=file)
        for file in held.published
        if declaration.outputs.get(file.variant) != file.path
    )


def _delete_after_download(
    declaration: Declaration, held: Generation | None, facts: Setting
) -> tuple[DeleteJob, ...]:
    """The end of a job that the spec wants gone once its bytes are here."""
    provider = facts.index.world.providers[declaration.provider]
    if declaration.lifecycle.remote != "delete_after_download" or not provider.profile.delete:
        return ()
    derived = facts.index.derived.get(declaration.address, ())
    if any(isinstance(facts.targets[each.address], Stuck) for each in derived):
        return ()  # they are still to be made, and need the job
    if held is None:
        is_shared = facts.index.askers[declaration.digest] > 1
        return () if is_shared else (DeleteJob(),)
    if not held.is_ours:
        return ()  # it may be another's: it is only ever let be
    is_shared = held.id in facts.index.world.recorded.held_elsewhere
    is_used = facts.is_used_by_others(held, declaration.address)
    return (DeleteJob(),) if held.on_server and not is_shared and not is_used else ()


def _converge(
    declaration: Declaration, held: Holding, generation: Generation, facts: Setting
) -> Action | None:
    """Bring an address whose generation is the right one to rest; None where it is."""
    rebind = _rebind(held.recorded, generation)
    if generation.status.is_running:
        steps = _hold_and_fill(
            declaration, held, facts, (*rebind, _await(declaration)), generation=generation
        )
        because = (
            f"its job is {generation.status.value.replace('_', ' ')} ({generation.progress} %)"
        )
        return _act(declaration, ActionKind.WAIT, Reason.JOB_RUNNING, because, steps)
    files = missing(declaration, held, generation, facts.index)
    going = _let_go(declaration, held, _others(held, generation), facts)
    steps = _steps_to_rest(declaration, held.recorded, generation, facts, files, going)
    if not steps:
        return None
    kind, reason, because = _why(declaration, held.recorded, generation, files, facts.index)
    return replace(
        _act(declaration, kind, reason, because, steps),
        changes=_free_changes(declaration, held.recorded),
        expires_at=facts.index.expiry(generation) if files.fetch else None,
        notes=going.notes,
    )


def _rebind(held: Recorded, generation: Generation) -> tuple[Bind, ...]:
    """Promoting takes what is pending: where that is another one, the right one comes first."""
    is_other = held.pending is not None and held.pending.id != generation.id
    return (Bind(generation=generation.id),) if is_other else ()


def _steps_to_rest(
    declaration: Declaration,
    held: Recorded,
    generation: Generation,
    facts: Setting,
    files: Files,
    going: LettingGo,
) -> tuple[Step, ...]:
    fetch = (_fetch(declaration, files.fetch),) if files.fetch else ()
    is_pending = held.current is None or held.current.id != generation.id
    settings = changes.settings(declaration, held, settled(declaration, held))
    promotes = is_pending or bool(settings)
    publish = (Publish(variant=each, path=declaration.outputs[each]) for each in files.publish)
    return (
        *going.first,
        *(_rebind(held, generation) if promotes else ()),
        *fetch,
        *(TakeBack(file=file) for file in files.take_back),
        *(Derive(variant=each) for each in files.derive),
        *_unpublish_unwanted(declaration, held),
        *publish,
        *((_promote(declaration, held),) if promotes else ()),
        *going.steps,
        *_delete_after_download(declaration, generation, facts),
    )


def _free_changes(declaration: Declaration, held: Recorded) -> tuple[Change, ...]:
    """Settings and paths that differ from what is recorded."""
    now = settled(declaration, held)
    found = list(changes.settings(declaration, held, now))
    for variant in Variant:
        file, path = held.file(variant), declaration.outputs.get(variant)
        if file is not None and file.path != path:
            found.append(changes.free(f"output.{variant}", file.path, path))
    return tuple(found)


def _why(
    declaration: Declaration,
    held: Recorded,
    generation: Generation,
    files: Files,
    index: Index,
) -> tuple[ActionKind, Reason, str]:
    """The first reason that holds, from what could be lost to what is only untidy."""
    if Variant.VIDEO in files.fetch:
        if not generation.is_stored:
            return ActionKind.DOWNLOAD, Reason.NOT_STORED, "its video is finished, not stored yet"
        return ActionKind.DOWNLOAD, Reason.ASSET_MISSING, "its video is missing from the store"
    if files.fetch:
        names = " and ".join(files.fetch)
        return ActionKind.DOWNLOAD, Reason.VARIANTS_CHANGED, f"its {names} is not stored"
    if files.take_back:
        because = "the store lost it, and the published file is whole: taken back from there"
        return ActionKind.UPDATE, Reason.STORE_LOST, because
    if files.derive:
        because = f"its {' and '.join(files.derive)} is made here: its server gives it no more"
        return ActionKind.UPDATE, Reason.ASSET_MISSING, because
    if held.pending is not None and held.pending.id == generation.id:
        return ActionKind.UPDATE, Reason.NOT_STORED, "its finished video becomes the current one"
    if files.publish:
        return ActionKind.PUBLISH, *_why_publish(declaration, held, files, index)
    if _unpublish_unwanted(declaration, held):
        return ActionKind.UPDATE, Reason.VARIANTS_CHANGED, "a variant is no longer asked for"
    if changes.settings(declaration, held, settled(declaration, held)):
        return ActionKind.UPDATE, Reason.SETTINGS_CHANGED, "its settings changed"
    return ActionKind.UPDATE, Reason.DEPOSED, "a job that it no longer needs is let go"


def _why_publish(
    declaration: Declaration, held: Recorded, files: Files, index: Index
) -> tuple[Reason, str]:
    for variant in files.publish:
        file, path = held.file(variant), declaration.outputs[variant]
        if file is None:
            return Reason.VARIANTS_CHANGED, f"{path} is not published yet"
        if file.path != path:
            return Reason.OUTPUT_CHANGED, f"{file.path} goes to {path}"
        if index.was_seen(path) and index.fact(path) is None:
            return Reason.FILE_MISSING, f"{path} is missing"
    altered = declaration.outputs[files.publish[0]]
    return Reason.FILE_ALTERED, f"{altered} was altered: it is kept beside"


def _use_known(
    declaration: Declaration,
    held: Holding,
    generation: Generation,
    facts: Setting,
    *,
    shared: bool,
) -> Action:
    """Hold a generation that the database knows, at no cost."""
    index = facts.index
    bind = Bind(generation=generation.id)
    if generation.status.is_running:
        because = f"a job of this recipe is {generation.status.value.replace('_', ' ')} already"
        steps = _hold_and_fill(
            declaration, held, facts, (bind, _await(declaration)), generation=generation
        )
        return _act(declaration, ActionKind.WAIT, Reason.JOB_RUNNING, because, steps)
    files = missing(declaration, held, generation, index)
    hold: tuple[Step, ...] = (bind, *(TakeBack(file=file) for file in files.take_back))
    steps = _hold_and_fill(
        declaration, held, facts, hold, derive=files.derive, generation=generation
    )
    if Variant.VIDEO in files.fetch:
        because = "a finished video of this recipe waits on the server"
        return _act(declaration, ActionKind.DOWNLOAD, Reason.NOT_STORED, because, steps)
    if shared:
        users = index.users.get(generation.id, ())
        other = next(user for user in users if user != declaration.address)
        because = f"{other} has the same recipe: they share one generation"
        return _act(declaration, ActionKind.PUBLISH, Reason.SHARED, because, steps)
    because = "a stored generation has this recipe"
    action = _act(declaration, ActionKind.RESTORE, Reason.STORED_BEFORE, because, steps)
    old = held.recorded.current or held.recorded.pending
    compared = changes.between(old.recipe, declaration, facts.names) if old else ()
    return replace(action, changes=tuple(replace(each, effect="free") for each in compared))


def _move(declaration: Declaration, target: Moved, facts: Setting) -> Action:
    """Rename what an undeclared address holds, then bring it to rest at the new one."""
    index = facts.index
    old = holding(index.world.recorded.videos[target.source], index)
    renamed = tuple(
        (file.path, declaration.outputs[file.variant])
        for file in old.recorded.published
        if file.variant in declaration.outputs
        and declaration.outputs[file.variant] != file.path
        and file.path in old.intact
        and index.fact(declaration.outputs[file.variant]) is None
    )
    rename = Rename(source=target.source, files=renamed)
    because = f"{target.source} is declared no more, and has this recipe"
    action = _act(declaration, ActionKind.MOVE, Reason.RENAMED, because, (rename,))
    moved_files = tuple(changes.free("output", before, after) for before, after in renamed)
    action = replace(
        action,
        changes=(
            changes.free("address", str(target.source), str(declaration.address)),
            *moved_files,
        ),
    )
    if target.stuck is not None:
        return replace(action, notes=(f"then it is blocked: {target.stuck.because}",))
    here = _renamed(old, declaration.address, dict(renamed))
    rest = _converge(declaration, here, target.generation, facts)
    if rest is None:
        return action
    steps = (rename, *rest.steps)
    return replace(action, steps=steps, expires_at=rest.expires_at, notes=rest.notes)


def _renamed(old: Holding, address: Address, paths: Mapping[str, str]) -> Holding:
    published = tuple(
        replace(file, path=paths.get(file.path, file.path)) for file in old.recorded.published
    )
    return Holding(
        recorded=replace(old.recorded, address=address, published=published),
        intact=frozenset(paths.get(path, path) for path in old.intact),
    )
