"""What actions share: the steps that hold a generation, store it, publish it, and let go."""

from dataclasses import replace
from functools import partial

from reconciler.domain.desired import Declaration, Lifecycle
from reconciler.domain.plan import (
    Action,
    ActionKind,
    Await,
    Bind,
    DeleteJob,
    Derive,
    Fetch,
    Promote,
    Publish,
    Reason,
    Step,
    TakeBack,
    Unpublish,
)
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import Generation, Recorded
from reconciler.plan import changes
from reconciler.plan.holding import Files, Holding
from reconciler.plan.letting_go import LettingGo, let_go
from reconciler.plan.targets import Stuck, protects
from reconciler.plan.usage import Setting


def act(
    declaration: Declaration,
    kind: ActionKind,
    reason: Reason,
    because: str,
    steps: tuple[Step, ...] = (),
) -> Action:
    """An action at the address of a declaration; what else there is to say of it is added."""
    return Action(
        address=declaration.address,
        kind=kind,
        reason=reason,
        because=because,
        provider=declaration.provider,
        steps=steps,
    )


def hold_and_fill(
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
    going = leaving(declaration, held, held.beside(generation), facts)
    return (
        *going.first,
        *hold,
        _fetch(declaration, fetch),
        *(Derive(variant=each) for each in derive),
        *unpublish_unwanted(declaration, held.recorded),
        *(Publish(variant=each, path=path) for each, path in sorted(declaration.outputs.items())),
        _promote(declaration, held.recorded),
        *(step for step in going.steps if step not in hold),
        *_delete_after_download(declaration, generation, facts),
    )


def steps_to_rest(
    declaration: Declaration,
    held: Recorded,
    generation: Generation,
    facts: Setting,
    files: Files,
    going: LettingGo,
) -> tuple[Step, ...]:
    """What `files` says is missing of a finished generation, and let go of the others.

    There are none where the address is converged.
    """
    fetch = (_fetch(declaration, files.fetch),) if files.fetch else ()
    is_pending = held.current is None or held.current.id != generation.id
    settings = changes.settings(declaration, held, settled(declaration, held))
    promotes = is_pending or bool(settings)
    publish = (Publish(variant=each, path=declaration.outputs[each]) for each in files.publish)
    return (
        *going.first,
        *(rebind(held, generation) if promotes else ()),
        *fetch,
        *(TakeBack(file=file) for file in files.take_back),
        *(Derive(variant=each) for each in files.derive),
        *unpublish_unwanted(declaration, held),
        *publish,
        *((_promote(declaration, held),) if promotes else ()),
        *going.steps,
        *_delete_after_download(declaration, generation, facts),
    )


def rebind(held: Recorded, generation: Generation) -> tuple[Bind, ...]:
    """Promoting takes what is pending: where that is another one, the right one comes first."""
    is_other = held.pending is not None and held.pending.id != generation.id
    return (Bind(generation=generation.id),) if is_other else ()


def leaving(
    declaration: Declaration, held: Holding, unused: tuple[Generation, ...], facts: Setting
) -> LettingGo:
    """What becomes of the generations that a declared video does not use."""
    return let_go(
        unused,
        held=held,
        # The spec's word, not the recorded one: of a first job nothing is recorded yet.
        policy=declaration.lifecycle.remote,
        is_used=partial(facts.is_used_by_others, address=declaration.address),
        index=facts.index,
    )


def awaited(declaration: Declaration) -> Await:
    """Wait for the job that is held, until its deadline."""
    return Await(deadline_s=declaration.lifecycle.deadline_s)


def _fetch(declaration: Declaration, variants: tuple[Variant, ...]) -> Fetch:
    return Fetch(variants=variants, size=declaration.size, seconds=declaration.seconds)


def unpublish_unwanted(declaration: Declaration, held: Recorded) -> tuple[Unpublish, ...]:
    """Take files from paths that are wanted no more.

    Before publishing: a variant's new path takes the place of its old one in the state, and a
    crash between the two would leave a file there that nobody knows. The bytes are stored.
    """
    return tuple(
        Unpublish(file=file)
        for file in held.published
        if declaration.outputs.get(file.variant) != file.path
    )


def _promote(declaration: Declaration, held: Recorded) -> Promote:
    return Promote(lifecycle=settled(declaration, held), tags=declaration.tags)


def settled(declaration: Declaration, held: Recorded) -> Lifecycle:
    """The lifecycle to record: what the spec says, and where it is silent, what holds."""
    return replace(declaration.lifecycle, protect=protects(declaration, held))


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
