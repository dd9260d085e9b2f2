"""How each video stands: as a document and as a table."""

from collections.abc import Sequence
from datetime import datetime

from rich import box
from rich.style import Style
from rich.table import Table
from rich.text import Text

from reconciler.cli.documents import (
    FORMAT,
    AssetDocument,
    ErrorDocument,
    StatusDocument,
    VideoDocument,
    money,
)
from reconciler.cli.units import expiring, instant, price
from reconciler.domain.plan import ActionKind
from reconciler.domain.recorded import Asset
from reconciler.plan.standing import Standing, Status

_WIDE_COLUMNS = 60
_LOOKS: dict[Status, tuple[str, str]] = {
    "converged": ("✓", "green"),
    "pending": ("…", "blue"),
    "replacing": ("±", "yellow"),
    "failed": ("!", "red"),
    "blocked": ("!", "red"),
    "stuck": ("!", "red"),
    "lost": ("!", "red"),
    "unresolved": ("?", "magenta"),
    "missing": ("·", "dim"),
}


def status_document(standings: Sequence[Standing]) -> StatusDocument:
    """What `status --json` prints."""
    return StatusDocument(format_version=FORMAT, videos=[_video(each) for each in standings])


def _video(standing: Standing) -> VideoDocument:
    generation = standing.generation
    return VideoDocument(
        address=str(standing.declaration.address),
        status=standing.status,
        provider=standing.declaration.provider,
        remote_id=generation.remote_id if generation else None,
        progress=generation.progress if generation else None,
        created_at=instant(generation.created_at) if generation else None,
        completed_at=_instant(generation.completed_at) if generation else None,
        expires_at=_instant(_expiry(standing)),
        cost_usd=money(generation.cost_usd) if generation else None,
        error=_error(standing),
        assets=[_asset(asset, standing) for asset in generation.assets] if generation else [],
    )


def _expiry(standing: Standing) -> datetime | None:
    """When the server's video goes away: its own word, or what is to be expected."""
    generation, action = standing.generation, standing.action
    if generation is not None and generation.expires_at is not None:
        return generation.expires_at
    return action.expires_at if action is not None else None


def _instant(moment: datetime | None) -> str | None:
    return instant(moment) if moment else None


def _error(standing: Standing) -> ErrorDocument | None:
    action, generation = standing.action, standing.generation
    if action is None or action.kind not in (ActionKind.BLOCKED, ActionKind.RESOLVE):
        return None
    failed = generation.error if generation and standing.status == "failed" else None
    if failed is not None:
        return ErrorDocument(code=failed.code, message=failed.message, fix=None)
    return ErrorDocument(code=action.reason.value, message=action.because, fix=None)


def _asset(asset: Asset, standing: Standing) -> AssetDocument:
    file = standing.recorded.file(asset.variant)
    is_published = file is not None and file.sha256 == asset.sha256
    return AssetDocument(
        variant=asset.variant.value,
        path=file.path if file and is_published else None,
        sha256=asset.sha256,
        bytes=asset.bytes,
    )


def status_table(standings: Sequence[Standing], now: datetime, width: int) -> Table:
    """One row a video; without provider and files where a terminal is too narrow for them."""
    is_wide = width >= _WIDE_COLUMNS
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=False)
    table.add_column("video", overflow="fold", min_width=8)
    table.add_column("status", no_wrap=True)
    if is_wide:
        table.add_column("provider", overflow="ellipsis")
        table.add_column("files", overflow="fold")
    table.add_column("cost", justify="right", no_wrap=True)
    for standing in standings:
        symbol, color = _LOOKS[standing.status]
        generation = standing.generation
        state = Text.assemble((f"{symbol} {standing.status}", Style.parse(color)))
        state.append(_detail(standing, now))
        files = "\n".join(file.path for file in standing.recorded.published) or "-"
        table.add_row(
            str(standing.declaration.address),
            state,
            *([standing.declaration.provider, files] if is_wide else []),
            price(generation.cost_usd) if generation else "-",
        )
    return table


def _detail(standing: Standing, now: datetime) -> str:
    generation, action = standing.generation, standing.action
    detail = ""
    if generation is not None and generation.status.is_running:
        detail = f"\n  {generation.status.value.replace('_', ' ')} {generation.progress} %"
    if action is not None and action.expires_at is not None:
        detail += f"\n  {expiring(action.expires_at, now)}"
    return detail


def troubles(standings: Sequence[Standing]) -> list[Text]:
    """A line for each video that something is in the way of."""
    return [
        Text.assemble((str(standing.declaration.address), "bold"), f": {standing.action.because}")
        for standing in standings
        if standing.action is not None
        and standing.action.kind in (ActionKind.BLOCKED, ActionKind.RESOLVE)
    ]
