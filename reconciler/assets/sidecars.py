"""Sidecars as JSON: what the asset store tells of a paid generation without the database."""

import hashlib
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from reconciler.domain.observed import Sidecar
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import RecipeDigest, Sha256, digest_of, recipe_from
from reconciler.domain.recorded import Asset

# A prompt has some thousand characters; whatever is larger than this is no sidecar.
SIDECAR_BYTES_MAX = 4 << 20


class _AssetForm(BaseModel):
    model_config = ConfigDict(frozen=True)

    variant: Variant
    sha256: Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
    bytes: NonNegativeInt
    media_type: str
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None


class _SidecarForm(BaseModel):
    """The file; a later release may add to it, and may change it under another version."""

    model_config = ConfigDict(frozen=True)

    format_version: Literal[1]
    recipe: str  # the canonical form itself, so that its digest can be checked
    digest: str
    provider: str
    account: str
    remote_id: str
    created_at: AwareDatetime
    completed_at: AwareDatetime | None
    cost_usd: Decimal | None
    assets: tuple[_AssetForm, ...]
    is_ours: bool = True


def sidecar_name(sidecar: Sidecar) -> str:
    """The name of its file among those of the same recipe: one for each generation."""
    generation = f"{sidecar.account}\0{sidecar.remote_id}"
    return hashlib.sha256(generation.encode()).hexdigest() + ".json"


def encode_sidecar(sidecar: Sidecar) -> bytes:
    """The file's bytes."""
    form = _SidecarForm(
        format_version=1,
        recipe=sidecar.recipe.canonical(),
        digest=sidecar.digest,
        provider=sidecar.provider,
        account=sidecar.account,
        remote_id=sidecar.remote_id,
        created_at=sidecar.created_at,
        completed_at=sidecar.completed_at,
        cost_usd=sidecar.cost_usd,
        assets=tuple(
            _AssetForm(
                variant=asset.variant,
                sha256=asset.sha256,
                bytes=asset.bytes,
                media_type=asset.media_type,
                width=asset.width,
                height=asset.height,
                duration_s=asset.duration_s,
            )
            for asset in sidecar.assets
        ),
        is_ours=sidecar.is_ours,
    )
    return form.model_dump_json(indent=2).encode() + b"\n"


def decode_sidecar(data: bytes, digest: RecipeDigest) -> Sidecar:
    """Read a file back that is to tell of the recipe with that digest.

    Raises:
        ValueError: it is damaged, of another format, or of another recipe; the text says why.
    """
    try:
        form = _SidecarForm.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from error
    if not form.digest == digest == digest_of(form.recipe):
        raise ValueError("its recipe has another digest than it says")
    recipe = recipe_from(form.recipe)
    if recipe.digest != digest:
        raise ValueError("its recipe holds what this release does not know")
    completed_at = form.completed_at
    return Sidecar(
        recipe=recipe,
        digest=digest,
        provider=form.provider,
        account=form.account,
        remote_id=form.remote_id,
        created_at=form.created_at.astimezone(UTC),
        completed_at=completed_at.astimezone(UTC) if completed_at is not None else None,
        cost_usd=form.cost_usd,
        assets=tuple(_asset(asset) for asset in form.assets),
        is_ours=form.is_ours,
    )


def completed_sidecar(older: Sidecar, newer: Sidecar) -> Sidecar:
    """`newer`, with what only `older` knows of the same generation."""
    told = {asset.variant: asset for asset in (*older.assets, *newer.assets)}
    return replace(
        newer,
        completed_at=newer.completed_at or older.completed_at,
        cost_usd=older.cost_usd if newer.cost_usd is None else newer.cost_usd,
        assets=tuple(told.values()),
    )


def _asset(form: _AssetForm) -> Asset:
    return Asset(
        variant=form.variant,
        sha256=Sha256(form.sha256),
        bytes=form.bytes,
        media_type=form.media_type,
        width=form.width,
        height=form.height,
        duration_s=form.duration_s,
    )
