"""What is done at each address to give it its target: the lower half of the decision table."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration, Lifecycle
from reconciler.domain.plan import (
    Action,
    ActionKind,
    Await,
    Bind,
    BindShared,
    Buy,
    Change,
    DeleteJob,
    Fetch,
    Forget,
    MarkLost,
    Promote,
    Publish,
    Reason,
    Recover,
    Rename,
    Step,
    TakeBack,
    Unpublish,
)
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import RecipeDigest
from reconciler.domain.recorded import (
    Generation,
    GenerationId,
    JobStatus,
    PublishedFile,
    Recorded,
)
from reconciler.plan import changes
from reconciler.plan.index import Index
from reconciler.plan.letting_go import LettingGo, let_go
from reconciler.plan.price import price
from reconciler.plan.targets import (
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


@dataclass(frozen=True)
class Setting:
    """What every action of one plan is decided against."""

    index: Index
    targets: Mapping[Address, Target]
    used_after: Mapping[GenerationId, tuple[Address, ...]]  # who uses what, once all is done
    names: Mapping[RecipeDigest, Address]  # recorded videos by their recipe

    def used_by_others(self, address: Address) -> frozenset[GenerationId]:
        """What other addresses will use once the plan is carried out."""
        return frozenset(
            identity
            for identity, users in self.used_after.items()
            if any(user != address for user in users)
        )


def setting(index: Index, targets: Mapping[Address, Target]) -> Setting:
    """Work out who will use which generation, now that every target is known."""
    used: dict[GenerationId, tuple[Address, ...]] = {}
    for address, target in targets.items():
        for generation in _claims(address, target, index):
            used[generation.id] = (*used.get(generation.id, ()), address)
    _last_holder_deletes(index, targets, used)
    names = {
        generation.digest: address
        for address, recorded in index.world.recorded.videos.items()
        for generation in (recorded.pending, recorded.current)
        if generation is not None
    }
    return Setting(index=index, targets=targets, used_after=used, names=names)


def _claims(address: Address, target: Target, index: Index) -> tuple[Generation, ...]:
    match target:
        case Keep(generation=kept) | Moved(generation=kept) | Known(generation=kept):
            return (kept,)
        case Stuck() | Unresolved():
            recorded = index.recorded(address)
            return recorded.generations if recorded else ()
        case _:
            return ()


def _last_holder_deletes(
    index: Index,
    targets: Mapping[Address, Target],
    used: dict[GenerationId, tuple[Address, ...]],
) -> None:
    """Of several addresses that let go of one generation, the last one deletes its job."""
    for identity, holders in index.holders.items():
        leaving = [holder for holder in holders if not _keeps(holder, identity, targets)]
        if identity not in used and len(leaving) > 1:
            used[identity] = (leaving[-1],)


def _keeps(address: Address, identity: GenerationId, targets: Mapping[Address, Target]) -> bool:
    match targets.get(address):
        case Keep(generation=kept) | Moved(generation=kept) | Known(generation=kept):
            return kept.id == identity
        case Stuck() | Unresolved():
            return True
        case _:
            return False


def declared(declaration: Declaration, facts: Setting) -> Action | None:
    """What to do about one declared video; None where it is converged."""
    target = facts.targets[declaration.address]
    action = _for_target(declaration, target, facts)
    return None if action is None else replace(action, recipe_digest=declaration.digest)


def _for_target(declaration: Declaration, target: Target, facts: Setting) -> Action | None:
    index = facts.index
    held = index.recorded(declaration.address) or Recorded(address=declaration.address)
    match target:
        case Stuck(reason=reason, because=because):
            return _act(declaration, ActionKind.BLOCKED, reason, because)
        case Unresolved(attempt=attempt):
            sent = attempt.sending_at or attempt.reserved_at
            because = f"what became of the paid request of {sent:%Y-%m-%d %H:%M} UTC is unknown"
            return _act(declaration, ActionKind.RESOLVE, Reason.UNRESOLVED_ATTEMPT, because)
        case New():
            return _buy(declaration, target, held, facts)
        case Keep(generation=generation):
            return _converge(declaration, held, generation, facts)
        case Known(generation=generation, shared=shared):
            return _use_known(declaration, held, generation, facts, shared=shared)
        case Moved(source=source, generation=generation):
            return _move(declaration, source, generation, facts)
        case Remembered(sidecar=sidecar):
            stored = tuple(asset.variant for asset in sidecar.assets)
            wanted = tuple(variant for variant in declaration.variants if variant in stored)
            steps = (Recover(sidecar=sidecar), *_fill_and_publish(declaration, held, facts, wanted))
            because = "the asset store has it, paid for before"
            return _act(declaration, ActionKind.RESTORE, Reason.STORED_BEFORE, because, steps)
        case SharedWith(address=address):
            steps = (BindShared(of=address), *_fill_and_publish(declaration, held, facts))
            because = f"{address} has the same recipe: they share one generation"
            action = _act(declaration, ActionKind.PUBLISH, Reason.SHARED, because, steps)
            return replace(action, depends_on=(address,))


def undeclared(recorded: Recorded, facts: Setting, *, destroy: bool) -> Action | None:
    """What to do about one recorded video that is declared no more.

    None where what it held moves to another address.
    """
    taken = {t.source for t in facts.targets.values() if isinstance(t, Moved)}
    if recorded.address in taken:
        return None
    newest = recorded.current or recorded.pending
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
    going = _let_go(recorded, recorded.generations, facts)
    steps: tuple[Step, ...] = (
        *(Unpublish(file=file) for file in recorded.published),
        *going.steps,
        Forget(),
    )
    reason = Reason.DESTROYED if destroy else Reason.UNDECLARED
    because = "everything is to be destroyed" if destroy else "it is no longer declared"
    if going.in_use:
        reason, because = Reason.JOB_IN_USE, f"{because}; its job is in use elsewhere and stays"
    elif going.no_delete:
        reason = Reason.NO_DELETE
    return Action(
        address=recorded.address,
        kind=ActionKind.DELETE,
        reason=reason,
        because=because,
        provider=provider,
        steps=steps,
        recipe_digest=newest.digest if newest else None,
        changes=_removed(newest),
        notes=going.notes,
    )


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


def _let_go(recorded: Recorded, unused: tuple[Generation, ...], facts: Setting) -> LettingGo:
    return let_go(
        unused,
        policy=recorded.lifecycle.remote,
        used_after=facts.used_by_others(recorded.address),
        index=facts.index,
    )


def _promote(declaration: Declaration, held: Recorded) -> Promote:
    return Promote(lifecycle=settled(declaration, held), tags=declaration.tags)


def settled(declaration: Declaration, held: Recorded) -> Lifecycle:
    """The lifecycle to record: what the spec says, and where it is silent, what holds."""
    return replace(declaration.lifecycle, protect=protects(declaration, held))


def _buy(declaration: Declaration, wanted: New, held: Recorded, facts: Setting) -> Action:
    provider = facts.index.world.providers[declaration.provider]
    cost = price(declaration, provider)
    parent = declaration.parent
    old = held.current or held.pending
    replaces = old is not None and wanted.lost is None and old.status is not JobStatus.FAILED
    lost = (MarkLost(generation=wanted.lost.id),) if wanted.lost else ()
    steps: tuple[Step, ...] = (
        *lost,
        Buy(
            declaration=declaration,
            cost_usd=cost,
            parent_generation=_parent_generation(parent, facts) if parent else None,
        ),
        Await(),
        *_fill_and_publish(declaration, held, facts),
    )
    kind = ActionKind.REMIX if parent else ActionKind.CREATE
    action = _act(
        declaration,
        ActionKind.REPLACE if replaces else kind,
        wanted.reason,
        wanted.because,
        steps,
    )
    return replace(
        action,
        cost_usd=cost,
        changes=changes.between(old.recipe if old else None, declaration, facts.names),
        depends_on=(parent,) if parent and _is_made_here(facts.targets.get(parent)) else (),
        notes=_let_go(held, _others(held, None), facts).notes,
    )


def _parent_generation(parent: Address, facts: Setting) -> GenerationId | None:
    match facts.targets.get(parent):
        case Keep(generation=job) | Moved(generation=job) | Known(generation=job):
            return job.id
        case _:
            return None


def _is_made_here(target: Target | None) -> bool:
    """Whether a parent's job is finished or told only in the course of this plan."""
    match target:
        case Keep(generation=job) | Known(generation=job) | Moved(generation=job):
            return job.status.is_running
        case New() | Remembered() | SharedWith():
            return True
        case _:
            return False


def _others(held: Recorded, keep: Generation | None) -> tuple[Generation, ...]:
    return tuple(each for each in held.generations if keep is None or each.id != keep.id)


def _fill_and_publish(
    declaration: Declaration,
    held: Recorded,
    facts: Setting,
    variants: tuple[Variant, ...] | None = None,
) -> tuple[Step, ...]:
    """All that follows once a generation that is not published yet is held and finished."""
    wanted = declaration.variants if variants is None else variants
    return (
        _fetch(declaration, wanted),
        *(Publish(variant=each, path=declaration.outputs[each]) for each in wanted),
        _promote(declaration, held),
        *_unpublish_unwanted(declaration, held),
        *_let_go(held, _others(held, None), facts).steps,
        *_delete_after_download(declaration, None, facts),
    )


def _fetch(declaration: Declaration, variants: tuple[Variant, ...]) -> Fetch:
    return Fetch(variants=variants, size=declaration.size, seconds=declaration.seconds)


def _unpublish_unwanted(declaration: Declaration, held: Recorded) -> tuple[Unpublish, ...]:
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
    remixes = facts.index.remixes.get(declaration.address, ())
    if any(isinstance(facts.targets[remix.address], Stuck | Unresolved) for remix in remixes):
        return ()  # they are still to be made, and need the job
    if held is None:
        return (DeleteJob(),)
    shared = held.id in facts.index.world.recorded.held_elsewhere
    others = held.id in facts.used_by_others(declaration.address)
    return (DeleteJob(),) if held.on_server and not shared and not others else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """What is missing of a held generation, in the store and at its place."""

    fetch: tuple[Variant, ...]
    take_back: tuple[PublishedFile, ...]
    publish: tuple[Variant, ...]
    given_up: tuple[Variant, ...]  # pictures that the server gives no more


def _files(
    declaration: Declaration, held: Recorded, generation: Generation, index: Index
) -> _Files:
    fetch: list[Variant] = []
    back: list[PublishedFile] = []
    publish: list[Variant] = []
    given_up: list[Variant] = []
    for variant in declaration.variants:
        asset, file = generation.asset(variant), held.file(variant)
        same = asset is not None and file is not None and file.sha256 == asset.sha256
        intact = same and file is not None and index.is_intact(file)
        if asset is None or not index.asset_is_whole(asset):
            if intact and file is not None:
                back.append(file)
            elif variant is not Variant.VIDEO and index.is_gone(generation):
                given_up.append(variant)
                continue
            else:
                fetch.append(variant)
        if not intact or file is None or file.path != declaration.outputs[variant]:
            publish.append(variant)
    return _Files(
        fetch=tuple(fetch), take_back=tuple(back), publish=tuple(publish), given_up=tuple(given_up)
    )


def _converge(
    declaration: Declaration, held: Recorded, generation: Generation, facts: Setting
) -> Action | None:
    """Bring an address whose generation is the right one to rest; None where it is."""
    if generation.status.is_running:
        steps = (Await(), *_after_wait(declaration, held, generation, facts))
        because = f"its job is {generation.status.value} ({generation.progress} %)"
        return _act(declaration, ActionKind.WAIT, Reason.JOB_RUNNING, because, steps)
    index = facts.index
    files = _files(declaration, held, generation, index)
    going = _let_go(held, _others(held, generation), facts)
    steps = _steps_to_rest(declaration, held, generation, facts, files, going)
    if not steps:
        return None
    kind, reason, because = _why(declaration, held, generation, files, index)
    notes = tuple(f"the server gives its {variant} no more" for variant in files.given_up)
    return replace(
        _act(declaration, kind, reason, because, steps),
        changes=_free_changes(declaration, held),
        expires_at=generation.expires_at if files.fetch else None,
        notes=(*notes, *going.notes),
    )


def _after_wait(
    declaration: Declaration, held: Recorded, generation: Generation, facts: Setting
) -> tuple[Step, ...]:
    return (
        _fetch(declaration, declaration.variants),
        *(Publish(variant=each, path=declaration.outputs[each]) for each in declaration.variants),
        _promote(declaration, held),
        *_unpublish_unwanted(declaration, held),
        *_let_go(held, _others(held, generation), facts).steps,
        *_delete_after_download(declaration, generation, facts),
    )


def _steps_to_rest(
    declaration: Declaration,
    held: Recorded,
    generation: Generation,
    facts: Setting,
    files: _Files,
    going: LettingGo,
) -> tuple[Step, ...]:
    fetch = (_fetch(declaration, files.fetch),) if files.fetch else ()
    is_pending = held.current is None or held.current.id != generation.id
    settings = changes.settings(declaration, held, settled(declaration, held))
    promote = (_promote(declaration, held),) if is_pending or settings else ()
    publish = (Publish(variant=each, path=declaration.outputs[each]) for each in files.publish)
    return (
        *fetch,
        *(TakeBack(file=file) for file in files.take_back),
        *publish,
        *promote,
        *_unpublish_unwanted(declaration, held),
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
    files: _Files,
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
    if files.publish:
        return ActionKind.PUBLISH, *_why_publish(declaration, held, files, index)
    if _unpublish_unwanted(declaration, held):
        return ActionKind.UPDATE, Reason.VARIANTS_CHANGED, "a variant is no longer asked for"
    if held.pending is not None and held.pending.id == generation.id:
        return ActionKind.UPDATE, Reason.NOT_STORED, "its finished video becomes the current one"
    if changes.settings(declaration, held, settled(declaration, held)):
        return ActionKind.UPDATE, Reason.SETTINGS_CHANGED, "its settings changed"
    return ActionKind.UPDATE, Reason.DEPOSED, "a job that it no longer needs is let go"


def _why_publish(
    declaration: Declaration, held: Recorded, files: _Files, index: Index
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
    held: Recorded,
    generation: Generation,
    facts: Setting,
    *,
    shared: bool,
) -> Action:
    """Hold a generation that the database knows, at no cost."""
    bind = Bind(generation=generation.id)
    after = _after_wait(declaration, held, generation, facts)
    if generation.status.is_running:
        because = f"a job of this recipe is {generation.status.value} already"
        steps = (bind, Await(), *after)
        return _act(declaration, ActionKind.WAIT, Reason.JOB_RUNNING, because, steps)
    if not facts.index.is_whole(generation):
        because = "a finished video of this recipe waits on the server"
        action = _act(declaration, ActionKind.DOWNLOAD, Reason.NOT_STORED, because, (bind, *after))
        return replace(action, expires_at=generation.expires_at)
    if shared:
        users = facts.index.users.get(generation.id, ())
        other = next(user for user in users if user != declaration.address)
        because = f"{other} has the same recipe: they share one generation"
        return _act(declaration, ActionKind.PUBLISH, Reason.SHARED, because, (bind, *after))
    because = "a stored generation has this recipe"
    action = _act(declaration, ActionKind.RESTORE, Reason.STORED_BEFORE, because, (bind, *after))
    old = held.current or held.pending
    compared = changes.between(old.recipe, declaration, facts.names) if old else ()
    return replace(action, changes=tuple(replace(each, effect="free") for each in compared))


def _move(
    declaration: Declaration, source: Address, generation: Generation, facts: Setting
) -> Action:
    """Rename what an undeclared address holds, then bring it to rest at the new one."""
    index = facts.index
    old = index.world.recorded.videos[source]
    renamed = tuple(
        (file.path, declaration.outputs[file.variant])
        for file in old.published
        if file.variant in declaration.outputs
        and declaration.outputs[file.variant] != file.path
        and index.is_intact(file)
        and index.fact(declaration.outputs[file.variant]) is None
    )
    paths = dict(renamed)
    here = replace(
        old,
        address=declaration.address,
        published=tuple(
            replace(file, path=paths.get(file.path, file.path)) for file in old.published
        ),
    )
    rest = _converge(declaration, here, generation, facts)
    action = _act(
        declaration,
        ActionKind.MOVE,
        Reason.RENAMED,
        f"{source} is declared no more, and has this recipe",
        (Rename(source=source, files=renamed), *(rest.steps if rest else ())),
    )
    moved_files = tuple(changes.free("output", before, after) for before, after in renamed)
    return replace(
        action,
        changes=(changes.free("address", str(source), str(declaration.address)), *moved_files),
        expires_at=rest.expires_at if rest else None,
        notes=rest.notes if rest else (),
    )
