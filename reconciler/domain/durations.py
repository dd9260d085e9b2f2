"""Lengths of time, as people write them in files and as they read them."""

import re
from dataclasses import dataclass
from decimal import Decimal

_UNITS_S = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}
_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How long something is expected to take, in seconds from its beginning."""

    likely_s: float  # half of its kind take no longer
    usual_s: float  # few of its kind take longer


def seconds_in(text: str) -> float:
    """The seconds of `500ms`, `10s`, `30m` or `2h`."""
    amount, unit = re.split(r"(?<=[0-9])(?=[a-z])", text)
    return float(Decimal(amount) * _UNITS_S[unit])


def as_written(seconds: float) -> str:
    """`30m` for 1800 s: in the largest unit of which it is a whole number."""
    exact = Decimal(str(seconds))
    fits = (unit for unit, one in reversed(_UNITS_S.items()) if exact % one == 0)
    unit = next(fits, "ms")
    return f"{exact / _UNITS_S[unit]:.0f}{unit}"


def duration(seconds: float) -> str:
    """`4 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    whole = max(round(seconds), 0)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{round(seconds / _MINUTE_S)} min"
    if whole < _DAY_S:
        hours, rest = divmod(whole, _HOUR_S)
        minutes = rest // _MINUTE_S
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, rest = divmod(whole, _DAY_S)
    hours = rest // _HOUR_S
    return f"{days} d {hours} h" if hours else f"{days} d"


def roughly(seconds: float) -> str:
    """`4 s`, `12 min`, `3 h`, `2 d`: in the largest unit alone, rounded down."""
    for unit_s, name in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= unit_s:
            return f"{seconds // unit_s:.0f} {name}"
    return f"{max(seconds, 0) // 1:.0f} s"
