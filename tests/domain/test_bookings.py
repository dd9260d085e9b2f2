"""Budgets and ledgers as values: what counts for which period, and sums of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.address import Address
from reconciler.domain.bookings import (
    Booking,
    BookingState,
    GroupedBy,
    counted,
    grouped,
    still_to_book,
    total,
)
from reconciler.domain.budget import NO_BUDGET, Budget, begin_of
from reconciler.domain.money import MICROS_PER_DOLLAR, bookable, micros
from worlds import a_declaration, a_generation, a_sidecar

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


def a_booking(
    usd: str | None = "1.00",
    *,
    at: datetime = NOW,
    state: BookingState = BookingState.SPENT,
    tags: tuple[str, ...] = (),
    address: str | None = "street",
    model: str | None = "sora-2",
) -> Booking:
    return Booking(
        at=at,
        state=state,
        usd=None if usd is None else Decimal(usd),
        provider="studio",
        model=model,
        address=None if address is None else Address.parse(address),
        tags=tags,
    )


def test_the_caps_of_a_budget_are_told_from_the_shortest_period_on() -> None:
    budget = Budget(
        per_month_usd=Decimal(400),
        per_day_usd=Decimal(50),
        per_run_usd=Decimal("25.5"),
        max_cost_usd=Decimal(3),
        per_tag_usd={"launch": Decimal(100), "ads": Decimal(1)},
    )
    assert [str(cap) for cap in budget.caps] == [
        "--max-cost ($3.00 a run)",
        "per_run ($25.50 a run)",
        "per_day ($50.00 a day)",
        "per_month ($400.00 a month)",
        "per_tag.ads ($1.00 a month)",
        "per_tag.launch ($100.00 a month)",
    ]
    assert [cap.name for cap in budget.caps_on(("launch", "x"))][4:] == ["per_tag.launch"]
    assert NO_BUDGET.caps == ()


@pytest.mark.parametrize(
    ("budget", "looks_back"),
    [
        (NO_BUDGET, False),
        (Budget(per_run_usd=Decimal(1), max_cost_usd=Decimal(1)), False),
        (Budget(per_day_usd=Decimal(1)), True),
        (Budget(per_month_usd=Decimal(1)), True),
        (Budget(per_tag_usd={"launch": Decimal(1)}), True),
    ],
)
def test_only_days_and_months_ask_what_was_spent_before(budget: Budget, looks_back: bool) -> None:
    assert budget.looks_back is looks_back


def test_periods_begin_in_utc_whatever_the_moment_says() -> None:
    assert begin_of("day", NOW) == MIDNIGHT
    assert begin_of("month", NOW) == FIRST
    assert begin_of("month", FIRST) == FIRST
    assert NOW.astimezone(timezone(timedelta(hours=9))) == NOW  # equal moments compare equal


def test_each_booking_counts_for_its_day_and_month() -> None:
    now = counted(
        [
            a_booking("1", at=FIRST - INSTANT, tags=("launch",)),
            a_booking("2", at=FIRST, tags=("launch", "ads", "launch")),
            a_booking("4", at=MIDNIGHT - INSTANT, state=BookingState.WASTED),
            a_booking("8", at=MIDNIGHT, state=BookingState.HELD, tags=("ads",)),
            a_booking(None, at=NOW, tags=("ads",)),
        ],
        NOW,
    )
    assert (now.run_usd, now.day_usd, now.month_usd) == (0, 8, 14)
    assert now.tags_usd == {"launch": 2, "ads": 10}


def test_sums_tell_what_is_wasted_as_part_of_what_is_spent_and_unknown_apart() -> None:
    sums = total(
        [
            a_booking("1", state=BookingState.HELD),
            a_booking("2"),
            a_booking("4", state=BookingState.WASTED),
            a_booking(None),
            a_booking(None, state=BookingState.HELD),
        ]
    )
    assert (sums.held_usd, sums.spent_usd, sums.wasted_usd, sums.unknown) == (1, 6, 4, 2)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("video", {"city[Paris]": "2", "street": "1", None: "4"}),
        ("tag", {"ads": "1", "launch": "3", None: "4"}),
        ("model", {"sora-2": "5", None: "2"}),
        ("month", {"2026-10": "1", "2026-11": "6"}),
    ],
)
def test_rows_are_sorted_and_what_has_no_name_comes_last(
    by: GroupedBy, expected: dict[str | None, str]
) -> None:
    rows = grouped(
        [
            a_booking("4", address=None),
            a_booking("1", at=FIRST - INSTANT, tags=("launch", "ads")),
            a_booking("2", address="city[Paris]", tags=("launch", "launch"), model=None),
        ],
        by,
    )
    assert [(row.name, str(row.sums.spent_usd)) for row in rows] == list(expected.items())


@given(
    st.lists(
        st.builds(
            a_booking,
            st.sampled_from([None, "0", "0.40", "1.25"]),
            state=st.sampled_from(BookingState),
            address=st.sampled_from([None, "street", "hero"]),
            model=st.sampled_from([None, "sora-2"]),
        )
    ),
    st.sampled_from(["video", "tag", "model", "month"]),
)
def test_rows_of_what_has_one_name_add_up_to_the_total(
    bookings: list[Booking], by: GroupedBy
) -> None:
    rows, whole = [row.sums for row in grouped(bookings, by)], total(bookings)
    assert sum(row.held_usd for row in rows) == whole.held_usd
    assert sum(row.spent_usd for row in rows) == whole.spent_usd
    assert sum(row.wasted_usd for row in rows) == whole.wasted_usd
    assert sum(row.unknown for row in rows) == whole.unknown


def test_sidecars_are_booked_once_with_the_tags_and_models_that_can_be_told() -> None:
    street = a_declaration("street", model="sora-2-pro")
    rain = a_declaration("rain", "with rain", remix_of=street)
    known = a_declaration("known")
    sidecars = [a_sidecar(street), a_sidecar(rain), a_sidecar(known)]
    recorded = [a_generation(known, "s-known")]
    found = still_to_book(sidecars, recorded, {rain.digest: ("launch",)})
    assert [(each.model, each.tags, each.address) for each in found] == [
        ("sora-2-pro", (), None),
        ("sora-2-pro", ("launch",), None),
    ]
    assert {each.at for each in found} == {sidecars[0].created_at}
    (alone,) = still_to_book([a_sidecar(rain)], [], {})
    assert alone.model is None
    assert still_to_book([replace(sidecars[0], is_ours=False)], [], {}) == ()


@given(st.decimals(min_value=0, max_value=10_000, allow_nan=False, allow_infinity=False))
def test_what_is_booked_is_never_less_and_never_a_micro_dollar_more(usd: Decimal) -> None:
    booked = bookable(usd)
    assert usd <= booked < usd + Decimal(1) / MICROS_PER_DOLLAR
    assert micros(booked) == micros(usd)
    assert bookable(booked) == booked
