"""One video whole: its declaration, its generations and its assets."""

from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.style import Style
from rich.text import Text
from typing_extensions import TypedDict

from reconciler.cli.documents import FORMAT, Money, VideoDocument, money
from reconciler.cli.layout import Hanging
from reconciler.cli.status_text import LOOKS, status_document
from reconciler.cli.units import ago, instant, price, short_digest, size, until
from reconciler.domain.desired import Declaration
from reconciler.domain.recorded import Asset, Generation, PublishedFile, Recorded
from reconciler.plan.standing import Standing

_LABEL = len("spritesheet")


class GenerationDocument(TypedDict):
    """One remote job made from a recipe."""

    remote_id: str
    role: str
    recipe_digest: str
    status: str
    created_at: str
    completed_at: str | None
    expires_at: str | None
    on_server: bool
    cost_usd: Money
    prompt: str
    assets: dict[str, str]


class ShownDocument(TypedDict):
    """What `show ADDR --json` prints."""

    format_version: str
    video: VideoDocument
    recipe_digest: str
    recipe: str
    generations: list[GenerationDocument]


def video_document(standing: Standing) -> ShownDocument:
    """One video as its document."""
    (video,) = status_document([standing])["videos"]
    return ShownDocument(
        format_version=FORMAT,
        video=video,
        recipe_digest=standing.declaration.digest,
        recipe=standing.declaration.recipe.canonical(),
        generations=[_generation(role, each) for role, each in _generations(standing.recorded)],
    )


def _generations(recorded: Recorded) -> Iterator[tuple[str, Generation]]:
    if recorded.current is not None:
        yield "current", recorded.current
    if recorded.pending is not None:
        yield "pending", recorded.pending
    for generation in recorded.deposed:
        yield "deposed", generation


def _generation(role: str, generation: Generation) -> GenerationDocument:
    return GenerationDocument(
        remote_id=generation.remote_id,
        role=role,
        recipe_digest=generation.digest,
        status=generation.status.value,
        created_at=instant(generation.created_at),
        completed_at=instant(generation.completed_at) if generation.completed_at else None,
        expires_at=instant(generation.expires_at) if generation.expires_at else None,
        on_server=generation.on_server,
        cost_usd=money(generation.cost_usd),
        prompt=generation.recipe.prompt,
        assets={asset.variant.value: asset.sha256 for asset in generation.assets},
    )


class RecordedFileDocument(TypedDict):
    """A published file; its path is relative to the project."""

    variant: str
    path: str
    sha256: str
    bytes: int


class RecordDocument(TypedDict):
    """One address as `state show --json` prints it."""

    address: str
    protect: bool
    on_lost: str
    remote: str
    tags: list[str]
    generations: list[GenerationDocument]
    files: list[RecordedFileDocument]


def record_document(recorded: Recorded) -> RecordDocument:
    """What the state remembers of one address, as a document."""
    return RecordDocument(
        address=str(recorded.address),
        protect=bool(recorded.lifecycle.protect),
        on_lost=recorded.lifecycle.on_lost,
        remote=recorded.lifecycle.remote,
        tags=list(recorded.tags),
        generations=[_generation(role, each) for role, each in _generations(recorded)],
        files=[
            RecordedFileDocument(
                variant=file.variant.value,
                path=file.path,
                sha256=file.sha256,
                bytes=file.stat.bytes,
            )
            for file in recorded.published
        ],
    )


def record_text(recorded: Recorded, now: datetime) -> Group:
    """What the state remembers of one address, in words."""
    lifecycle = recorded.lifecycle
    lines: list[RenderableType] = [
        Text(str(recorded.address), Style(bold=True)),
        _row("protect", "yes" if lifecycle.protect else "no"),
        _row("on_lost", lifecycle.on_lost),
        _row("remote", lifecycle.remote),
    ]
    if recorded.tags:
        lines.append(_row("tags", ", ".join(recorded.tags)))
    lines += map(_published, recorded.published)
    for role, generation in _generations(recorded):
        lines += [Text(), *_generation_lines(role, generation, now)]
        lines.append(_row("recipe", short_digest(generation.digest)))
        lines.append(_row("prompt", " ".join(generation.recipe.prompt.split())))
    return Group(*lines)


def video_text(standing: Standing, now: datetime) -> Group:
    """One video in words."""
    declaration = standing.declaration
    lines: list[RenderableType] = [
        _title(standing),
        _row("declared", declaration.file),
        _row("provider", declaration.provider),
        _row("shape", _shape(declaration)),
        _row("prompt", " ".join(declaration.recipe.prompt.split())),
    ]
    parent = declaration.parent or declaration.external_parent
    if parent is not None:
        derived = declaration.recipe.parent
        key = derived.key if derived is not None else ""
        lines.append(_row(key.replace("_", " "), str(parent)))
    if declaration.reference is not None:
        fit = declaration.recipe.reference.fit if declaration.recipe.reference else "exact"
        fitted = f" ({fit})" if fit != "exact" else ""
        lines.append(_row("reference", f"{declaration.reference.path}{fitted}"))
    if declaration.tags:
        lines.append(_row("tags", ", ".join(declaration.tags)))
    lines.append(_row("recipe", short_digest(declaration.digest)))
    if standing.action is not None:
        lines.append(_row("next", f"{standing.action.kind}: {standing.action.because}"))
    lines += map(_published, standing.recorded.published)
    for role, generation in _generations(standing.recorded):
        lines += [Text(), *_generation_lines(role, generation, now)]
    return Group(*lines)


def _title(standing: Standing) -> Text:
    symbol, color = LOOKS[standing.status]
    address = str(standing.declaration.address)
    return Text.assemble(
        (f"{symbol} ", Style(color=color)),
        (address, Style(bold=True)),
        (f"  {standing.status}", Style.parse(color)),
    )


def _row(name: str, value: str) -> Hanging:
    head = Text(f"  {name:<{_LABEL}} ", Style(dim=True))
    return Hanging(head, Text(value), head.cell_len)


def _generation_lines(role: str, generation: Generation, now: datetime) -> Iterator[RenderableType]:
    yield Text.assemble((f"{role} generation", "bold"), f"  {generation.remote_id}")
    status = generation.status.value.replace("_", " ")
    running = f" {generation.progress} %" if generation.status.is_running else ""
    yield _row("status", f"{status}{running}")
    made = generation.created_at
    yield _row("created", f"{made:%Y-%m-%d %H:%M:%S} UTC, {ago(made, now)}")
    if not generation.on_server:
        yield _row("on server", "no more")
    elif generation.expires_at is not None:
        yield _row("expires", until(generation.expires_at, now))
    yield _row("cost", price(generation.cost_usd))
    if generation.error is not None:
        yield _row("error", f"{generation.error.code}: {generation.error.message}")
    for asset in generation.assets:
        yield _row(asset.variant.value, _asset(asset))


def _asset(asset: Asset) -> str:
    shape = f"{asset.width}x{asset.height}" if asset.width else asset.media_type
    length = f", {asset.duration_s:.1f} s" if asset.duration_s else ""
    return f"{shape}{length}, {size(asset.bytes)}, sha256 {asset.sha256[:12]}"


def _published(file: PublishedFile) -> Hanging:
    return _row("published", f"{file.path}, {size(file.stat.bytes)}")


def _shape(declaration: Declaration) -> str:
    if declaration.seconds is None:
        return "as its parent has it"
    shape = f"{declaration.model} {declaration.size} {declaration.seconds} s"
    more = declaration.made_seconds if declaration.recipe.is_extension else None
    return shape if more is None else f"{shape}, {more} s of them new"
