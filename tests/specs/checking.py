"""Loads a project written as files, and shows what came of it in lines that tests compare."""

import io
import zlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import PIL.Image

from reconciler.domain.desired import Desired
from reconciler.domain.errors import Diagnostic
from reconciler.domain.profile import Price, Profile, Variant
from reconciler.specs.load import load_specs
from reconciler.specs.project import load_project, resolve_providers
from reconciler.specs.variables import Given

PREVIEW = Profile(
    name="preview",
    base_url=None,
    embedded=True,
    needs_key=False,
    models=("sora-2", "sora-2-pro"),
    seconds=(4, 8, 12),
    sizes=("720x1280", "1280x720", "1792x1024"),
    default_model="sora-2",
    default_seconds=4,
    default_size="720x1280",
    prompt_characters_max=200,
    reference_types=("image/jpeg", "image/png", "image/webp"),
    reference_matches_size=True,
    list="complete",
    delete=True,
    remix=True,
    variants=tuple(Variant),
    max_in_flight=8,
    requests_per_minute=600,
    poll_interval_s=1.0,
    settle_s=0.0,
    asset_lifetime_s=3600.0,
    typical_job_s=1.0,
    prices=(Price(model="sora-2", usd_per_second=Decimal(0)),),
    prices_source="free",
    prices_date=None,
)
OPENAI = replace(
    PREVIEW,
    name="openai",
    base_url="https://api.openai.com/v1",
    embedded=False,
    needs_key=True,
    prices=(
        Price(model="sora-2", usd_per_second=Decimal("0.10")),
        Price(model="sora-2-pro", usd_per_second=Decimal("0.30")),
        Price(model="sora-2-pro", size="1792x1024", usd_per_second=Decimal("0.50")),
    ),
    prices_source="the price list",
    prices_date=date(2026, 9, 1),
)
BARE = replace(OPENAI, name="bare", base_url=None, remix=False, variants=(Variant.VIDEO,))
PROFILES = {profile.name: profile for profile in (PREVIEW, OPENAI, BARE)}


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def load(
    root: Path,
    environ: Mapping[str, str] | None = None,
    given: Given | None = None,
    workspace: str = "default",
    profiles: Mapping[str, Profile] = PROFILES,
) -> tuple[Desired, tuple[Diagnostic, ...]]:
    """Load a whole project as the program does, with all that is wrong with it."""
    loaded = load_project(root, workspace)
    providers, unresolved = resolve_providers(loaded.project, profiles, environ or {})
    specs = load_specs(loaded.project, providers, given)
    return specs.desired, (*loaded.diagnostics, *unresolved, *specs.diagnostics)


def shown(diagnostic: Diagnostic) -> str:
    """`SF0101 file:line:column underlined | summary | fix`."""
    span, place = diagnostic.span, "-"
    if span is not None:
        underlined = span.text[span.column - 1 : span.column - 1 + span.length]
        place = f"{span.file}:{span.line}:{span.column} {underlined}"
    fix = f" | {diagnostic.fix}" if diagnostic.fix else ""
    return f"{diagnostic.code} {place} | {diagnostic.summary}{fix}"


def check(root: Path, files: Mapping[str, str | bytes], *expected: str) -> None:
    """Every diagnostic of a project, in order, as `shown` shows it."""
    write(root, files)
    _, diagnostics = load(root)
    assert [shown(diagnostic) for diagnostic in diagnostics] == list(expected)


def saved(picture: PIL.Image.Image, kind: str = "PNG", **how: object) -> bytes:
    """A picture as a file."""
    data = io.BytesIO()
    picture.save(data, kind, **how)
    return data.getvalue()


def hollow_png(width: int, height: int) -> bytes:
    """A png that says it has so many pixels, all of its chunks whole, and that has none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    head = width.to_bytes(4) + height.to_bytes(4) + bytes([1, 0, 0, 0, 0])
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def image(media: str, size: tuple[int, int]) -> bytes:
    """A grey picture, the same bytes every time."""
    return saved(PIL.Image.new("L" if media == "PNG" else "RGB", size), media)
