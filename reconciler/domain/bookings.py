"""The ledger as people read it: one booking for each purchase, and sums of them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal, assert_never

from reconciler.domain.address import Address
from reconciler.domain.budget import Counted, begin_of
from reconciler.domain.observed import Sidecar
from reconciler.domain.recipe import RecipeDigest, model_of
from reconciler.domain.recorded import Generation

GroupedBy = Literal["video", "tag", "model", "month"]


class BookingState(StrEnum):
    """What became of the money of one purchase. What is freed again is no booking."""

    HELD = "held"  # nobody knows yet whether it is billed
    SPENT = "spent"
    WASTED = "wasted"  # spent, and nothing came of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """The money of one paid request, or of a generation that was found."""

    at: datetime  # when it was held; of what was found, when its job was made
    state: BookingState
    usd: Decimal | None  # None: unknown
    provider: str
    model: str | None  # None: of a remix whose parent nobody here knows
    address: Address | None = None  # None: of what was found, and no address asked for
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Dollars by what became of them; what was wasted is part of what was spent."""

    held_usd: Decimal
    spent_usd: Decimal
    wasted_usd: Decimal
    unknown: int  # bookings whose amount nobody knows: in none of the above


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The sums of what has one thing in common."""

    name: str | None  # None: what has none
    sums: Sums


def still_to_book(
    sidecars: Collection[Sidecar],
    recorded: Iterable[Generation],
    tags: Mapping[RecipeDigest, tuple[str, ...]],
) -> tuple[Booking, ...]:
    """What a new database's ledger will say of the sidecars that were there before it.

    Args:
        sidecars: all that the asset store has.
        recorded: the generations that the database knows already, their money booked.
        tags: of the declared recipes, since sidecars have none.
    """
    booked = {(each.account, each.remote_id) for each in recorded}
    recipes = {each.digest: each.recipe for each in sidecars}
    return tuple(
        Booking(
            at=each.created_at,
            state=BookingState.SPENT,
            usd=each.cost_usd,
            provider=each.provider,
            model=model_of(each.recipe, recipes),
            tags=tags.get(each.digest, ()),
        )
        for each in sidecars
        if each.is_ours and (each.account, each.remote_id) not in booked
    )


def counted(bookings: Iterable[Booking], now: datetime) -> Counted:
    """What counts against the day and the month of a moment; a run is yet to begin."""
    day, month = begin_of("day", now), begin_of("month", now)
    of_day, of_month = Decimal(0), Decimal(0)
    of_tags: defaultdict[str, Decimal] = defaultdict(Decimal)
    for booking in bookings:
        if booking.at < month or booking.usd is None:
            continue
        of_month += booking.usd
        of_day += booking.usd if booking.at >= day else Decimal(0)
        for tag in dict.fromkeys(booking.tags):
            of_tags[tag] += booking.usd
    return Counted(day_usd=of_day, month_usd=of_month, tags_usd=dict(of_tags))


def total(bookings: Iterable[Booking]) -> Sums:
    """The sums of all of them."""
    usd: defaultdict[BookingState, Decimal] = defaultdict(Decimal)
    unknown = 0
    for booking in bookings:
        if booking.usd is None:
            unknown += 1
        else:
            usd[booking.state] += booking.usd
    return Sums(
        held_usd=usd[BookingState.HELD],
        spent_usd=usd[BookingState.SPENT] + usd[BookingState.WASTED],
        wasted_usd=usd[BookingState.WASTED],
        unknown=unknown,
    )


def grouped(bookings: Iterable[Booking], by: GroupedBy) -> tuple[Row, ...]:
    """One row for each video, tag, model or month, sorted; what has none comes last.

    What has several tags counts for each of them, so that rows may add up to more than the
    total.
    """
    groups: defaultdict[str | None, list[Booking]] = defaultdict(list)
    for booking in bookings:
        for name in _names(booking, by):
            groups[name].append(booking)
    names = sorted(groups, key=lambda name: (name is None, name or ""))
    return tuple(Row(name=name, sums=total(groups[name])) for name in names)


def _names(booking: Booking, by: GroupedBy) -> Iterable[str | None]:
    match by:
        case "video":
            return (str(booking.address) if booking.address else None,)
        case "tag":
            return tuple(dict.fromkeys(booking.tags)) or (None,)
        case "model":
            return (booking.model,)
        case "month":
            return (f"{booking.at:%Y-%m}",)
        case _:
            assert_never(by)
