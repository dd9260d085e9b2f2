"""Money, times and sizes, written for people."""

from datetime import datetime, timedelta
from decimal import Decimal

from reconciler.domain.durations import duration, roughly
from reconciler.domain.money import dollars

_KIB = 1024
_JUST_NOW_S = 5


def price(amount: Decimal | None) -> str:
    """`$6.00`, `free` or `unknown`."""
    if amount is None:
        return "unknown"
    return f"${dollars(amount)}" if amount else "free"


def until(moment: datetime, now: datetime) -> str:
    """`in 22 min`, or `since 3 h` for what is past."""
    left: timedelta = moment - now
    if left.total_seconds() >= 0:
        return f"in {duration(left.total_seconds())}"
    return f"since {duration(-left.total_seconds())}"


def expiring(moment: datetime, now: datetime) -> str:
    """`expires in 22 min`; where that is past and the server did not say so itself, `was to`."""
    left_s = (moment - now).total_seconds()
    if left_s >= 0:
        return f"expires in {duration(left_s)}"
    return f"was to expire {duration(-left_s)} ago"


def ago(moment: datetime, now: datetime) -> str:
    """`3 min ago`; `just now` for the last seconds, and where clocks differ."""
    past_s = (now - moment).total_seconds()
    return "just now" if past_s < _JUST_NOW_S else f"{roughly(past_s)} ago"


def size(count: int) -> str:
    """`144 kB`, `1.8 MB`, `2.1 GB`."""
    if count < _KIB:
        return f"{count} B"
    if count < _KIB**2:
        return f"{count / _KIB:.0f} kB"
    if count < _KIB**3:
        return f"{count / _KIB**2:.1f} MB"
    return f"{count / _KIB**3:.1f} GB"


def short_digest(digest: str) -> str:
    """A recipe digest by its first digits, as a plan shows it; documents have all of it."""
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm} {digits[:12]}"


def plural(count: int, noun: str) -> str:
    """`1 video`, `3 videos`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def instant(moment: datetime) -> str:
    """A UTC moment for documents: `2026-11-22T12:00:00Z`."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def printable(text: str) -> str:
    """A foreign text on one line, without what would steer a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
