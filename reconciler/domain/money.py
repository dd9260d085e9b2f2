"""Money is Decimal dollars, of which the smallest part that is ever booked is a millionth."""

from decimal import ROUND_CEILING, Decimal

MICROS_PER_DOLLAR = 1_000_000


def micros(usd: Decimal) -> int:
    """Whole micro-dollars, rounded up: no book may lie below what the server bills."""
    return int((usd * MICROS_PER_DOLLAR).to_integral_value(ROUND_CEILING))


def from_micros(count: int | Decimal) -> Decimal:
    """Dollars; a database that sums whole numbers may give a decimal one."""
    return Decimal(count) / MICROS_PER_DOLLAR


def bookable(usd: Decimal) -> Decimal:
    """The amount that a book holds of this one: itself, or whole micro-dollars, rounded up."""
    rounded = from_micros(micros(usd))
    return usd if usd == rounded else rounded


def dollars(usd: Decimal) -> str:
    """`6.00`: at least two places, and no more than the amount has."""
    exact = usd.normalize()
    exponent = exact.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return f"{usd:.{max(places, 2)}f}"
