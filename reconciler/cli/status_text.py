"""How each video stands: as a document, and for people."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from rich.text import Text

from reconciler.cli.documents import (
    FORMAT,
    AssetDocument,
    ErrorDocument,
    StatusDocument,
    VideoDocument,
    money,
)
from reconciler.cli.layout import Hanging, cut_path, folded, padded, unbroken
from reconciler.cli.units import ago, expiring, instant, plural, price, size
from reconciler.domain.durations import roughly
from reconciler.domain.money import dollars
from reconciler.domain.plan import Action, ActionKind, Reason
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import Asset
from reconciler.plan.standing import Standing, Status

_NOTHING = "-"
_GAP = "  "
_COLUMNS = ("video", "state", "when", "provider", "cost", "size", "file")
_BY_IMPORTANCE = ("state", "when", "cost", "size", "file", "provider")
_NUMBERS = frozenset({"cost", "size"})  # to the right of their columns
_VIDEO_PERCENT_MAX = 40  # of the width
_FILE_MIN = 10  # columns
_INDENT, _FIX_INDENT = 4, 7
_IN_THE_WAY = frozenset({ActionKind.BLOCKED, ActionKind.RESOLVE})
LOOKS: Mapping[Status, tuple[str, str]] = {
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
    if action is None or action.kind not in _IN_THE_WAY:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusText:
    """What `status` shows: a row a video, then what is in the way, then all in one line."""

    standings: Sequence[Standing]
    now: datetime
    command: Callable[[str], str]  # what to type next, with what was said for all commands

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out for a width."""
        rows = [_row(each, self.now) for each in self.standings]
        yield from _table(rows, options.max_width)
        troubles = [line for each in self.standings for line in self._trouble(each)]
        troubles += self._not_stored()
        if troubles:
            yield Text()
            yield from troubles
        yield Text()
        yield _summary(self.standings)

    def _trouble(self, standing: Standing) -> Iterator[Hanging]:
        """What is in the way of a video, and the way out."""
        action = standing.action
        if action is None or action.kind not in _IN_THE_WAY:
            return
        symbol, color = LOOKS[standing.status]
        address = (str(standing.declaration.address), Style(bold=True))
        head = Text.assemble((f"{symbol} ", Style(color=color)), address, ": ")
        yield Hanging(head, Text(action.because), _INDENT)
        way_out = _way_out(action, standing, self.command)
        if way_out is not None:
            yield _fix(way_out)

    def _not_stored(self) -> Iterator[Hanging]:
        """How many finished videos are still on their server alone, and for how long."""
        late = [
            each.action
            for each in self.standings
            if each.action is not None and each.action.reason is Reason.NOT_STORED
        ]
        if not late:
            return
        told = "1 finished video is" if len(late) == 1 else f"{len(late)} finished videos are"
        told += " not stored here yet"
        first = min((each.expires_at for each in late if each.expires_at), default=None)
        if first is not None:
            one = "it" if len(late) == 1 else "one"
            told += f", and {one} {expiring(first, self.now)}"
        yield Hanging(Text("! ", Style(color="yellow")), Text(told), _INDENT)
        yield _fix(f"bring what is paid for: {unbroken(self.command('apply --free'))}")


def _fix(told: str) -> Hanging:
    return Hanging(Text("  fix: ", Style(color="green")), Text(told), _FIX_INDENT)


def _way_out(action: Action, standing: Standing, command: Callable[[str], str]) -> str | None:
    """What to do about it, where that is not told by the reason itself."""
    address = shlex.quote(str(action.address))
    again = unbroken(command(f"apply --replace {address}"))
    match action.reason:
        case Reason.JOB_FAILED:
            return f"change its prompt, or buy another: {again}"
        case Reason.VIDEO_LOST:
            return f"buy another: {again}"
        case Reason.UNRESOLVED_ATTEMPT if action.kind is ActionKind.RESOLVE:
            decide = unbroken(command(f"resolve {address}"))
            return f"the next apply looks for its job; or decide: {decide}"
        case Reason.PROTECTED:
            apart = unbroken(command(f"apply --exclude {address}"))
            return f"lift it with protect = false, or go on without it: {apart}"
        case Reason.STUCK if standing.generation is not None:
            job = f"{standing.generation.remote_id} --provider {action.provider}"
            look = unbroken(command(f"remote show {job}"))
            return f"its video is taken once it has finished; see it there: {look}"
        case _:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """The cells of one video."""

    symbol: str
    color: str
    video: str
    state: str
    when: str
    provider: str
    cost: str
    size: str
    file: str


def _row(standing: Standing, now: datetime) -> _Row:
    symbol, color = LOOKS[standing.status]
    generation = standing.generation
    published = standing.recorded.published
    # The video, where it is one of them.
    file = min(published, key=lambda each: each.variant is not Variant.VIDEO, default=None)
    more = f" +{len(published) - 1}" if len(published) > 1 else ""
    return _Row(
        symbol=symbol,
        color=color,
        video=str(standing.declaration.address),
        state=_state(standing),
        when=_when(standing, now),
        provider=standing.declaration.provider,
        cost=price(generation.cost_usd) if generation else _NOTHING,
        size=size(file.stat.bytes) if file else _NOTHING,
        file=f"{file.path}{more}" if file else _NOTHING,
    )


def _state(standing: Standing) -> str:
    generation = standing.generation
    if generation is None or not generation.status.is_running:
        return standing.status
    return f"{standing.status} {generation.progress} %"


def _when(standing: Standing, now: datetime) -> str:
    """How long it can be had, where that matters; else how old it is."""
    generation, action = standing.generation, standing.action
    if action is not None and action.expires_at is not None and action.expires_at >= now:
        return expiring(action.expires_at, now)
    if generation is None:
        return _NOTHING
    if generation.status.is_running:
        return f"for {roughly((now - generation.created_at).total_seconds())}"
    return ago(generation.completed_at or generation.created_at, now)


def _table(rows: Sequence[_Row], width: int) -> Iterator[Text]:
    """The rows under their headings; an address that is too long has a line of its own."""
    columns = _columns(rows, width)
    video = columns.pop("video")
    heads = [padded(name, each, right=name in _NUMBERS) for name, each in columns.items()]
    head = _GAP.join((padded("  video", video + 2), *heads)).rstrip()
    yield Text(head, Style(bold=True), no_wrap=True, overflow="ellipsis")
    for row in rows:
        mark = Text(f"{row.symbol} ", Style.parse(row.color))
        address = Text(row.video)
        if address.cell_len > video:
            for number, part in enumerate(folded(address, width - 2)):
                yield Text.assemble("  " if number else mark, part)
            mark, address = Text("  "), Text()
        line = Text.assemble(mark, address, " " * (video - address.cell_len))
        for name, each in columns.items():
            cell = getattr(row, name)
            cell = cut_path(cell, each) if name == "file" else cell
            style = Style.parse(row.color) if name == "state" else ""
            line.append(_GAP).append(padded(cell, each, right=name in _NUMBERS), style)
        line.rstrip()
        line.no_wrap, line.overflow = True, "ellipsis"
        yield line


def _columns(rows: Sequence[_Row], width: int) -> dict[str, int]:
    """The cells of each column that there is room for, from left to right."""
    longest = {
        name: max(len(name), *(cell_len(getattr(row, name)) for row in rows)) for name in _COLUMNS
    }
    # A longer address has a line of its own, so it needs no column.
    addresses = [cell_len(row.video) for row in rows]
    most = max(width * _VIDEO_PERCENT_MAX // 100, len("video"))
    widths = {"video": max((len("video"), *(each for each in addresses if each <= most)))}
    room = width - 2 - widths["video"]
    providers = {row.provider for row in rows}
    for name in _BY_IMPORTANCE:
        least = min(longest[name], _FILE_MIN) if name == "file" else longest[name]
        if room < least + len(_GAP) or (name == "provider" and len(providers) == 1):
            continue
        widths[name] = min(longest[name], room - len(_GAP))
        room -= widths[name] + len(_GAP)
    return {name: widths[name] for name in _COLUMNS if name in widths}


def _summary(standings: Sequence[Standing]) -> Hanging:
    """All of them in one line: how many stand how, and what was paid for them."""
    statuses = [each.status for each in standings]
    counts = [
        unbroken(f"{statuses.count(status)} {status}") for status in LOOKS if status in statuses
    ]
    # Two addresses may share one.
    paid = {each.generation.id: each.generation for each in standings if each.generation}
    known = [each.cost_usd for each in paid.values() if each.cost_usd is not None]
    whom = "it" if len(standings) == 1 else "them"
    money = [f"${dollars(sum(known, Decimal(0)))} spent on {whom}"] if paid else []
    if len(known) < len(paid):
        money.append(f"{plural(len(paid) - len(known), 'price')} unknown")
    head = Text(f"{plural(len(standings), 'video')}: ", Style(bold=True))
    told = (", ".join(counts), unbroken(", ".join(money)))
    return Hanging(head, Text(" · ".join(filter(None, told))), _INDENT)


def unasked_text(provider: str, why: str) -> Hanging:
    """That a provider could not be asked, so that what is shown of it is what is recorded."""
    head = Text("warning: ", Style(color="yellow", bold=True))
    return Hanging(head, Text(f"provider {provider} cannot be asked: {why}"), head.cell_len)
