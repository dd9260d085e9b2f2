"""The ledger as a table: aligned, within 80 columns, and nothing unknown told as zero."""

from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console

from reconciler.cli.costs_text import Costs, costs_document, costs_text
from reconciler.domain.address import Address
from reconciler.domain.bookings import Booking, BookingState, GroupedBy, counted
from reconciler.domain.budget import NO_BUDGET, Budget

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def a_booking(
    address: str | None,
    usd: str | None,
    state: BookingState = BookingState.SPENT,
    *,
    tags: tuple[str, ...] = (),
) -> Booking:
    return Booking(
        at=NOW,
        state=state,
        usd=None if usd is None else Decimal(usd),
        provider="studio",
        model="sora-2",
        address=None if address is None else Address.parse(address),
        tags=tags,
    )


BOOKINGS = (
    a_booking("street", "1234.40", tags=("launch", "ads")),
    a_booking("street", "0.40", BookingState.WASTED),
    a_booking("hero", "6.00", BookingState.HELD, tags=("launch",)),
    a_booking("hero", None),
    a_booking(None, "0.000001"),
)
BUDGET = Budget(
    per_run_usd=Decimal(25), per_day_usd=Decimal(1000), per_tag_usd={"launch": Decimal(2000)}
)


def told(
    by: GroupedBy = "video", bookings: tuple[Booking, ...] = BOOKINGS, budget: Budget = BUDGET
) -> Costs:
    return Costs(by=by, bookings=bookings, budget=budget, counted=counted(bookings, NOW))


def shown(costs: Costs, width: int = 80) -> list[str]:
    console = Console(width=width, no_color=True)
    with console.capture() as capture:
        console.print(costs_text(costs))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_ledger_by_video() -> None:
    assert shown(told()) == [
        "video                         held          spent   wasted   unknown",
        "────────────────────────────────────────────────────────────────────",
        "hero                         $6.00              -        -         1",
        "street                           -       $1234.80    $0.40         -",
        "(found in the asset store)       -      $0.000001        -         -",
        "",
        "total                        $6.00   $1234.800001    $0.40         1",
        "The amount of 1 purchase is unknown, and in none of the sums.",
        "",
        "budget                cap   held or spent           left",
        "────────────────────────────────────────────────────────",
        "per_run            $25.00               -              -",
        "per_day          $1000.00    $1240.800001   -$240.800001",
        "per_tag.launch   $2000.00        $1240.40        $759.60",
    ]


def test_the_ledger_by_tag_says_that_tags_overlap() -> None:
    lines = shown(told("tag", budget=NO_BUDGET))
    assert [line.split()[0] for line in lines if "$" in line] == ["ads", "launch", "(no", "total"]
    assert lines[-1] == "What has several tags counts for each of them; the total counts it once."


def test_a_long_name_breaks_and_the_figures_stay() -> None:
    width = 60
    long = f"city[{','.join(['Neustadt an der Weinstraße'] * 4)}]"
    lines = shown(told(bookings=(a_booking(long, "6.00"),), budget=NO_BUDGET), width)
    assert all(len(line) <= width for line in lines)
    assert sum("$6.00" in line for line in lines) == 2


def test_nothing_bought_is_told_beside_the_budget() -> None:
    lines = shown(told(bookings=()))
    assert lines[0] == "Nothing was bought yet."
    assert any(line.startswith("per_day") and line.endswith("$1000.00") for line in lines)


def test_the_document_has_money_as_decimal_strings() -> None:
    document = costs_document(told())
    assert document["total"] == {
        "held_usd": "6.00",
        "spent_usd": "1234.800001",
        "wasted_usd": "0.40",
        "unknown": 1,
    }
    assert [row["name"] for row in document["rows"]] == ["hero", "street", None]
    assert document["budget"][1] == {
        "name": "per_day",
        "period": "day",
        "tag": None,
        "cap_usd": "1000.00",
        "counted_usd": "1240.800001",
        "left_usd": "-240.800001",
    }
    assert document["budget"][2]["tag"] == "launch"
