"""Declared videos in an order in which they can be decided."""

from collections.abc import Iterator, Mapping

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration, Desired
from reconciler.domain.recipe import RecipeDigest


def in_order(desired: Desired, buyers: Mapping[RecipeDigest, Address]) -> Iterator[Declaration]:
    """The declarations by address, each after its parent, and after the buyer of its recipe.

    A long chain of remixes needs no deep stack.
    """
    entered: set[Address] = set()
    for address in sorted(desired):
        chain = [address] if address not in entered else []
        while chain:
            declaration = desired[chain[-1]]
            entered.add(declaration.address)
            first = (declaration.parent, buyers.get(declaration.digest))
            waits_for = (each for each in first if each in desired and each not in entered)
            next_one = next(waits_for, None)
            if next_one is not None:
                chain.append(next_one)
            else:
                chain.pop()
                yield declaration
