"""What one spec asks for, once nothing is found wrong with it."""

from dataclasses import dataclass

from reconciler.domain.address import Address
from reconciler.domain.desired import ReferenceFile
from reconciler.domain.profile import Variant
from reconciler.domain.provider import Provider
from reconciler.domain.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A recipe, who makes it, and what the video will be like: None where its server knows."""

    provider: Provider
    recipe: Recipe
    variants: tuple[Variant, ...]
    model: str | None = None
    seconds: int | None = None
    size: str | None = None
    parent: Address | None = None
    reference: ReferenceFile | None = None
