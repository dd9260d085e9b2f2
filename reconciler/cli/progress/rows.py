"""A board in lines: at most as many as a terminal has room for, none wider than it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text

from reconciler.cli.plan_text import SYMBOLS
from reconciler.cli.progress.board import Board, Doing, Track
from reconciler.cli.units import plural, size
from reconciler.domain.address import Address
from reconciler.domain.durations import duration
from reconciler.domain.events import Waits
from reconciler.domain.money import dollars
from reconciler.domain.plan import Action
from reconciler.domain.recorded import JobStatus

_ROWS_MAX = 16  # more than that nobody follows
_ROOM = 4  # lines of the terminal that are left to what was said before
_NAME_MIN, _NAME_MAX = 8, 40  # columns
_BAR_MIN, _BAR_MAX = 8, 20
_DOING = 11  # columns: `in progress`, `downloading`
_ELAPSED = 6  # `12 min`
_REST_MIN, _REST_MAX = 18, 27  # `longer than usual`, `1.8 of 4.2 MB at 3.1 MB/s`
_NARROW = 64  # columns, below which there is no bar
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_DIM = Style(dim=True)
_SOON_S = 10
_ROUND_S = 10

_WAITS_FOR = {
    Waits.PLACE: "for a place",
    Waits.TURN: "for its turn",
    Waits.LOST_ANSWER: "for a lost answer",
    Waits.RETRY: "to buy it again",
    Waits.DOWNLOAD: "to download",
}


@dataclass(frozen=True, slots=True)
class _Columns:
    name: int
    bar: int  # 0: there is no room for one
    rest: int


def board_lines(board: Board, at: datetime, *, width: int, height: int) -> list[Text]:
    """The rows that move, and the last line, which may take two where the terminal is narrow.

    Args:
        board: what they show.
        at: now, in the time zone in which the end is told.
        width: columns of the terminal; no line fills the last one.
        height: rows of the terminal.
    """
    foot = list(_foot(board, at, width - 1))
    room = min(height - len(foot) - _ROOM, _ROWS_MAX)
    rows = list(_rows(board, at, width - 1, room)) if room > 0 else []
    return [*rows, *foot[: max(height - 1, 1)]]


def _rows(board: Board, at: datetime, width: int, room: int) -> Iterator[Text]:
    columns = _columns(board, width)
    active = list(board.active.items())
    shown = active if len(active) <= room else active[: room - 1]
    for address, track in shown:
        yield _row(address, track, board, at, columns, width)
    hidden = [track for _, track in active[len(shown) :]]
    if hidden:
        yield _line(Text(f"  … and {len(hidden)} more: {_counted(hidden)}", _DIM), width)
    elif len(active) + board.waiting <= room:
        for address, track in board.queued.items():
            yield _row(address, track, board, at, columns, width)
        for action in board.not_begun.values():
            yield _row_to_come(action, columns, width)


def _columns(board: Board, width: int) -> _Columns:
    bar = 0 if width < _NARROW else _BAR_MIN
    fixed = 4 + 2 + _progress_width(bar) + _DOING + 2 + _ELAPSED + 2
    most = max(min(width - fixed - _REST_MIN, _NAME_MAX), _NAME_MIN)
    name = max(min(board.widest, most), _NAME_MIN)
    room = max(width - fixed - name, 0)
    more = max(min(room - _REST_MAX, _BAR_MAX - bar), 0) if bar else 0
    return _Columns(name=name, bar=bar + more, rest=room - more)


def _progress_width(bar: int) -> int:
    """Columns of the bar, the percent and the gap behind them."""
    return (bar + 1 if bar else 0) + 5 + 2


def _row(
    address: Address, track: Track, board: Board, at: datetime, columns: _Columns, width: int
) -> Text:
    symbol, color = SYMBOLS[track.action.kind]
    line = Text.assemble((f"  {symbol} ", Style(color=color, bold=True)))
    line.append(_padded(cut_in_the_middle(str(address), columns.name), columns.name), "bold")
    line.append("  ")
    # Most servers say 0 percent until they say 100: an empty bar would tell less than none.
    percent = track.percent or None
    if columns.bar:
        line.append(_bar(percent, columns.bar), Style(color=color))
        line.append(" ")
    line.append(("" if percent is None else f"{percent} %").rjust(5) + "  ")
    elapsed = _short(track.elapsed_s(at))
    line.append(f"{_doing(track).ljust(_DOING)}  {elapsed.rjust(_ELAPSED)}  ")
    line.append(_rest(track, board, at, columns.rest))
    return _line(line, width)


def _row_to_come(action: Action, columns: _Columns, width: int) -> Text:
    symbol, _ = SYMBOLS[action.kind]
    name = _padded(cut_in_the_middle(str(action.address), columns.name), columns.name)
    others = ", ".join(map(str, action.depends_on))
    waiting = f"{'waiting'.ljust(_DOING)}  {' ' * _ELAPSED}  for {others}"
    return _line(
        Text(f"  {symbol} {name}  {' ' * _progress_width(columns.bar)}{waiting}", _DIM), width
    )


def _line(line: Text, width: int) -> Text:
    line.rstrip()
    line.truncate(width, overflow="ellipsis")
    line.no_wrap = True
    return line


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _bar(percent: int | None, width: int) -> str:
    if percent is None:
        return " " * width
    full = round(width * percent / 100)
    return "█" * full + "░" * (width - full)


def _doing(track: Track) -> str:
    match track.doing:
        case Doing.STEPS:
            return "working"
        case Doing.WAITING:
            return "waiting"
        case Doing.REQUEST:
            return "requesting"
        case Doing.JOB:
            # Not "queued", as its server says: those are the ones that wait here.
            return "submitted" if track.status is JobStatus.QUEUED else "in progress"
        case Doing.DOWNLOAD:
            return "downloading"


def _rest(track: Track, board: Board, at: datetime, room: int) -> str:
    match track.doing:
        case Doing.WAITING:
            return _WAITS_FOR[track.waits_for] if track.waits_for else ""
        case Doing.JOB:
            remaining = track.remaining_s(at, board.pace(track.action.provider))
            return "longer than usual" if remaining is None else _left(remaining)
        case Doing.DOWNLOAD:
            return _amount(track, room)
        case Doing.STEPS | Doing.REQUEST:
            return ""


def _amount(track: Track, room: int) -> str:
    """`1.8 of 4.2 MB at 3.1 MB/s`; where that has no room, what the percents don't tell."""
    speed = track.bytes_per_s
    told = f"{size(round(speed))}/s" if speed is not None else ""
    if track.bytes_total is None:
        return f"{size(track.bytes)}, {told}" if told else size(track.bytes)
    came, whole = size(track.bytes), size(track.bytes_total)
    if came.split(" ")[1] == whole.split(" ")[1]:
        came = came.split(" ")[0]
    full = f"{came} of {whole} at {told}" if told else f"{came} of {whole}"
    return full if not told or cell_len(full) <= room else f"{whole}, {told}"


def _left(seconds: float) -> str:
    return "any moment" if seconds <= 0 else f"{_about(seconds)} left"


def _about(seconds: float) -> str:
    """`about 40 s`: no more exact than it can be known."""
    if seconds < _SOON_S:
        return "some seconds"
    if seconds < _MINUTE_S:
        seconds = _ROUND_S * round(seconds / _ROUND_S)
    return f"about {_short(seconds)}"


def _short(seconds: float) -> str:
    """`40 s`, `12 min`, `3.3 h`: in a column of its own."""
    if round(seconds) < _HOUR_S:
        return duration(seconds)
    if seconds < 4 * _DAY_S:
        return f"{seconds / _HOUR_S:.1f} h"
    return f"{seconds / _DAY_S:.0f} d"


def _counted(tracks: list[Track]) -> str:
    return ", ".join(f"{count} {what}" for what, count in Counter(map(_doing, tracks)).items())


def _foot(board: Board, at: datetime, width: int) -> Iterator[Text]:
    """What is done, the money, the time; in as many lines as they need."""
    line = Text("  ")
    others = filter(None, (_money(board), _time(board, at)))
    for part in (*_counts(board), *(Text("   ").append_text(each) for each in others)):
        begins = not line.plain.strip()
        if not begins and line.cell_len + part.cell_len > width:
            yield _line(line, width)
            line, begins = Text("  "), True
        line.append_text(_without_gap(part) if begins else part)
    yield _line(line, width)


def _without_gap(part: Text) -> Text:
    """What stands first in a line needs nothing between it and another."""
    return part[len(part.plain) - len(part.plain.lstrip(", ")) :]


def standing(board: Board, at: datetime) -> str:
    """How the whole run stands, in one line of a log."""
    counts = "".join(part.plain for part in _counts(board))
    others = (part.plain for part in (_money(board), _time(board, at)) if part is not None)
    return "; ".join((counts, *others))


def _counts(board: Board) -> Iterator[Text]:
    if not board.total and board.spares:
        yield Text(f"looking after {plural(board.spares, 'spare')}", "bold")
        return
    yield Text(f"{board.done} of {board.total} done", "bold")
    if board.failed:
        yield Text.assemble(", ", (f"{board.failed} failed", Style(color="red", bold=True)))
    for count, what in (
        (board.skipped, "skipped"),
        (board.left, "left"),
        (len(board.active), "running"),
        (board.waiting, "queued"),
    ):
        if count:
            yield Text(f", {count} {what}")


def _money(board: Board) -> Text | None:
    money, most = board.money, board.worst_case_usd
    if not (most or money.held_usd or money.spent_usd or board.unknown):
        return None
    unknown = f" and {plural(board.unknown, 'unknown price')}" if board.unknown else ""
    held = f", ${dollars(money.held_usd)} held" if money.held_usd else ""
    return Text(f"${dollars(money.spent_usd)} spent{held}, of at most ${dollars(most)}{unknown}")


def _time(board: Board, at: datetime) -> Text:
    elapsed_s = max((at - board.began_at).total_seconds(), 0.0)
    remaining = board.remaining_s(at)
    told = duration(elapsed_s)
    if remaining is None:
        return Text(f"{told}, longer than usual")
    if remaining <= 0:
        return Text(told)
    end = f" (until {at + timedelta(seconds=remaining):%H:%M})" if remaining >= _MINUTE_S else ""
    return Text(f"{told}, {_about(remaining)} left{end}")


def cut_in_the_middle(text: str, width: int) -> str:
    """At most so many columns of a name, whose end often tells it from others."""
    if cell_len(text) <= width:
        return text
    tail = text[-((width - 1) // 2) :]
    while cell_len(tail) > (width - 1) // 2:
        tail = tail[1:]
    head = set_cell_size(text, max(width - 1 - cell_len(tail), 0)).rstrip()
    return f"{head}…{tail}"
