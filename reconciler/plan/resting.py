"""Bringing an address to rest that has, or is given, the right generation."""

from dataclasses import replace

from reconciler.domain.desired import Declaration
from reconciler.domain.plan import Action, ActionKind, Change, Reason, Step
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import Generation, Recorded
from reconciler.plan import changes
from reconciler.plan.filling import (
    act,
    awaited,
    hold_and_fill,
    leaving,
    rebind,
    settled,
    steps_to_rest,
    unpublish_unwanted,
)
from reconciler.plan.holding import Files, Holding, missing
from reconciler.plan.index import Index
from reconciler.plan.usage import Setting


def converge(
    declaration: Declaration, held: Holding, generation: Generation, facts: Setting
) -> Action | None:
    """Bring an address whose generation is the right one to rest; None where it is."""
    if generation.status.is_running:
        hold: tuple[Step, ...] = (*rebind(held.recorded, generation), awaited(declaration))
        steps = hold_and_fill(declaration, held, facts, hold, generation=generation)
        status = generation.status.value.replace("_", " ")
        because = f"its job is {status} ({generation.progress} %)"
        return act(declaration, ActionKind.WAIT, Reason.JOB_RUNNING, because, steps)
    files = missing(declaration, held, generation, facts.index)
    going = leaving(declaration, held, held.beside(generation), facts)
    steps = steps_to_rest(declaration, held.recorded, generation, facts, files, going)
    if not steps:
        return None
    kind, reason, because = _why(declaration, held.recorded, generation, files, facts.index)
    return replace(
        act(declaration, kind, reason, because, steps),
        changes=_free_changes(declaration, held.recorded),
        expires_at=facts.index.expiry(generation) if files.fetch else None,
        notes=going.notes,
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
    if unpublish_unwanted(declaration, held):
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
