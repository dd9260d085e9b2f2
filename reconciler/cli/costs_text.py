"""The ledger for people and scripts: sums by video, tag, model or month, and what is left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from typing_extensions import TypedDict

from reconciler.cli.documents import FORMAT
from reconciler.cli.units import plural
from reconciler.domain.bookings import Booking, GroupedBy, Row, Sums, grouped, total
from reconciler.domain.budget import Budget, Counted
from reconciler.domain.money import dollars

_NAMELESS: dict[GroupedBy, str] = {
    "video": "(found in the asset store)",
    "tag": "(no tag)",
    "model": "(unknown)",
    "month": "",  # every booking has one
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What the ledger says, and the budget beside it."""

    by: GroupedBy
    bookings: Sequence[Booking]
    budget: Budget
    counted: Counted  # against the budget, at this moment


class SumsDocument(TypedDict):
    """Dollars by what became of them; wasted is part of spent.

    `unknown` counts the purchases whose amount nobody knows: they are in none of the sums.
    """

    held_usd: str
    spent_usd: str
    wasted_usd: str
    unknown: int


class RowDocument(SumsDocument):
    """The sums of one video, tag, model or month (`2026-11`); `name` is null for what has none."""

    name: str | None


class CapDocument(TypedDict):
    """One cap of the budget, and what counts against it in its UTC day or month by now.

    A run is yet to begin: nothing counts against its caps. What is left is negative where more
    was spent than the cap allows by now.
    """

    name: str
    period: Literal["run", "day", "month"]
    tag: str | None
    cap_usd: str
    counted_usd: str
    left_usd: str


class CostsDocument(TypedDict):
    """What `costs --json` prints.

    By tag, a purchase with several tags counts in the row of each; the total counts it once.
    """

    format_version: str
    by: Literal["video", "tag", "model", "month"]
    rows: list[RowDocument]
    total: SumsDocument
    budget: list[CapDocument]


def costs_document(costs: Costs) -> CostsDocument:
    """The ledger as its document."""
    return CostsDocument(
        format_version=FORMAT,
        by=costs.by,
        rows=[
            RowDocument(name=row.name, **_sums(row.sums))
            for row in grouped(costs.bookings, costs.by)
        ],
        total=_sums(total(costs.bookings)),
        budget=[
            CapDocument(
                name=cap.name,
                period=cap.period,
                tag=cap.tag,
                cap_usd=dollars(cap.usd),
                counted_usd=dollars(costs.counted.against(cap)),
                left_usd=dollars(cap.usd - costs.counted.against(cap)),
            )
            for cap in costs.budget.caps
        ],
    )


def _sums(sums: Sums) -> SumsDocument:
    return SumsDocument(
        held_usd=dollars(sums.held_usd),
        spent_usd=dollars(sums.spent_usd),
        wasted_usd=dollars(sums.wasted_usd),
        unknown=sums.unknown,
    )


def costs_text(costs: Costs) -> Group:
    """The ledger in words."""
    return Group(*_lines(costs))


def _lines(costs: Costs) -> Iterator[RenderableType]:
    if costs.bookings:
        yield from _ledger(costs)
    else:
        yield Text("Nothing was bought yet.")
    if costs.budget.caps:
        yield Text()
        yield _budget(costs)


def _ledger(costs: Costs) -> Iterator[RenderableType]:
    rows, whole = grouped(costs.bookings, costs.by), total(costs.bookings)
    yield _table(costs.by, rows, whole)
    if whole.unknown:
        count = plural(whole.unknown, "purchase")
        yield Text(f"The amount of {count} is unknown, and in none of the sums.")
    if costs.by == "tag" and any(len(set(each.tags)) > 1 for each in costs.bookings):
        yield Text("What has several tags counts for each of them; the total counts it once.")


def _table(by: GroupedBy, rows: Sequence[Row], whole: Sums) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_footer=True)
    table.add_column(by, footer="total", overflow="fold", min_width=8)
    for name, amount in (
        ("held", whole.held_usd),
        ("spent", whole.spent_usd),
        ("wasted", whole.wasted_usd),
    ):
        table.add_column(name, footer=_money(amount), justify="right", no_wrap=True)
    if whole.unknown:
        table.add_column("unknown", footer=str(whole.unknown), justify="right", no_wrap=True)
    for row in rows:
        sums = row.sums
        table.add_row(
            _NAMELESS[by] if row.name is None else row.name,
            *map(_money, (sums.held_usd, sums.spent_usd, sums.wasted_usd)),
            *([str(sums.unknown) if sums.unknown else "-"] if whole.unknown else []),
        )
    return table


def _budget(costs: Costs) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("budget", overflow="fold", min_width=8)
    for name in ("cap", "held or spent", "left"):
        table.add_column(name, justify="right", no_wrap=True)
    for cap in costs.budget.caps:
        counted = costs.counted.against(cap)
        is_open = cap.period == "run"  # it has yet to begin
        table.add_row(
            cap.name,
            f"${dollars(cap.usd)}",
            "-" if is_open else f"${dollars(counted)}",
            "-" if is_open else _left(cap.usd - counted),
        )
    return table


def _left(usd: Decimal) -> str:
    return f"${dollars(usd)}" if usd >= 0 else f"-${dollars(-usd)}"


def _money(usd: Decimal) -> str:
    return f"${dollars(usd)}" if usd else "-"
