"""What one video costs, by its provider's price list."""

from collections.abc import Mapping
from decimal import Decimal

from reconciler.domain.desired import Declaration
from reconciler.domain.money import bookable
from reconciler.domain.plan import Action
from reconciler.domain.provider import Provider


def price(declaration: Declaration, provider: Provider) -> Decimal | None:
    """Dollars for one generation of this declaration; None where no price is known.

    As the ledger books it: else a run of many would book more than was approved for it.
    """
    model, size, seconds = declaration.model, declaration.size, declaration.made_seconds
    if model is None or size is None or seconds is None:
        return None
    per_second = provider.profile.usd_per_second(model, size)
    return None if per_second is None else bookable(per_second * seconds)


def worst_case_usd(action: Action, providers: Mapping[str, Provider]) -> Decimal:
    """Dollars that an action may add, as far as prices are known.

    Where every job fails that may be bought again, each retry costs as much as the first one.
    Where an answer is lost and the project says to buy again, it buys once more, once in a run.
    """
    worst_usd = action.cost_usd or Decimal(0)
    for buy in action.purchases:
        is_sent_again = providers[buy.declaration.provider].on_ambiguous == "retry"
        worst_usd += (buy.cost_usd or Decimal(0)) * (buy.retries + is_sent_again)
    return worst_usd
