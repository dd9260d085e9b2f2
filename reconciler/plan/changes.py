"""What differs, field by field, for a person to read."""

import json
from collections.abc import Mapping

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration, Lifecycle
from reconciler.domain.plan import Change, Effect
from reconciler.domain.recipe import DERIVED_BY, Recipe, RecipeDigest
from reconciler.domain.recorded import Recorded

Names = Mapping[RecipeDigest, tuple[Address, ...]]
"""Which recorded videos hold a recipe, sorted."""


def asked(declaration: Declaration) -> tuple[Change, ...]:
    """Every field of a recipe that is new."""
    return between(None, declaration, {})


def between(old: Recipe | None, declaration: Declaration, names: Names) -> tuple[Change, ...]:
    """The fields in which two recipes differ; `names` tells parents by their recipe."""
    before = _fields(old) if old is not None else {}
    if old is not None and old.parent is not None and old.parent.digest is not None:
        holders = names.get(old.parent.digest, ())
        # Of several, the parent that is declared now: then it is none that changed.
        known = declaration.parent if declaration.parent in holders else next(iter(holders), None)
        before[old.parent.key] = str(known or old.parent.digest)
    after = _fields(declaration.recipe)
    if declaration.parent is not None:
        after |= dict.fromkeys(_parent_keys(declaration.recipe), str(declaration.parent))
    if {fields.get("reference_fit", "exact") for fields in (before, after)} == {"exact"}:
        # That an image is sent as it is goes without saying.
        for fields in (before, after):
            fields.pop("reference_fit", None)
    return tuple(
        Change(
            field=field,
            before=before.get(field),
            after=after.get(field),
            effect="paid",
        )
        for field in _ORDER
        if before.get(field) != after.get(field)
    ) + _cascade(old, declaration, before, after)


_ORDER = (
    *DERIVED_BY,
    "prompt",
    "model",
    "seconds",
    "size",
    "input_reference",
    "reference_fit",
    "extra",
    "take",
    "edition",
)


def _parent_keys(recipe: Recipe) -> tuple[str, ...]:
    """The key that names its parent, if it has one."""
    return (recipe.parent.key,) if recipe.parent is not None else ()


def _fields(recipe: Recipe) -> dict[str, str]:
    fields: dict[str, object] = {
        "prompt": recipe.prompt,
        "model": recipe.model,
        "seconds": recipe.seconds,
        "size": recipe.size,
        "input_reference": recipe.reference.sha256 if recipe.reference else None,
        "reference_fit": recipe.reference.fit if recipe.reference else None,
        "extra": ", ".join(f"{name} = {json.dumps(value)}" for name, value in recipe.extra) or None,
        "take": recipe.take if recipe.take != 1 else None,
        "edition": recipe.edition or None,
    }
    if recipe.parent is not None:
        fields[recipe.parent.key] = recipe.parent.remote_id or recipe.parent.digest
    return {field: str(value) for field, value in fields.items() if value is not None}


def _cascade(
    old: Recipe | None, declaration: Declaration, before: dict[str, str], after: dict[str, str]
) -> tuple[Change, ...]:
    """The parent's recipe, where the same parent was asked for and it is another now."""
    new = declaration.recipe
    if old is None or old.parent is None or new.parent is None:
        return ()
    key = new.parent.key
    if old.parent == new.parent or before.get(key) != after.get(key):
        return ()
    return (
        Change(
            field="parent",
            before=old.parent.digest,
            after=new.parent.digest,
            effect="cascade",
        ),
    )


def settings(declaration: Declaration, recorded: Recorded, now: Lifecycle) -> tuple[Change, ...]:
    """What differs beside the recipe: tags and lifecycle. All of it is free."""
    before, after = recorded.lifecycle, now
    pairs: tuple[tuple[str, object, object], ...] = (
        ("tags", ", ".join(recorded.tags), ", ".join(declaration.tags)),
        ("protect", bool(before.protect), bool(after.protect)),
        ("on_lost", before.on_lost, after.on_lost),
        ("remote", before.remote, after.remote),
    )
    return tuple(
        free(field, _text(was), _text(shall)) for field, was, shall in pairs if was != shall
    )


def free(field: str, before: str | None, after: str | None) -> Change:
    """A change that costs nothing."""
    effect: Effect = "free"
    return Change(field=field, before=before, after=after, effect=effect)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
