"""What one video costs, by its provider's price list."""

from decimal import Decimal

from reconciler.domain.desired import Declaration
from reconciler.domain.provider import Provider


def price(declaration: Declaration, provider: Provider) -> Decimal | None:
    """Dollars for one generation of this declaration; None where no price is known."""
    per_second = provider.profile.usd_per_second(declaration.model, declaration.size)
    return None if per_second is None else per_second * declaration.seconds
