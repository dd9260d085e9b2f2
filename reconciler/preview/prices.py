"""What each job would have cost on the hosted API, in dollars.

Source: the price list of the hosted Videos API, as last published before it closed on
2026-09-24.
"""

from __future__ import annotations

from decimal import Decimal

_USD_PER_SECOND = {"sora-2": Decimal("0.10"), "sora-2-pro": Decimal("0.30")}
_LARGE_USD_PER_SECOND = Decimal("0.50")  # sora-2-pro
_LARGE = ("1024x1792", "1792x1024")


def price_usd(model: str, size: str, seconds: int) -> Decimal:
    """Return what so many new seconds of a model at a size would have cost.

    A model that is not in the list cost nobody anything there.
    """
    is_large = model == "sora-2-pro" and size in _LARGE
    usual = _USD_PER_SECOND.get(model, Decimal(0))
    return seconds * (_LARGE_USD_PER_SECOND if is_large else usual)
