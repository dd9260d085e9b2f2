"""What the specs ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reconciler.domain.address import Address
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import Recipe, RecipeDigest, Sha256

OnLost = Literal["fail", "regenerate"]
RemotePolicy = Literal["keep", "delete_after_download", "never"]
Ignorable = Literal["prompt", "model", "seconds", "size"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """How careful to be with one video.

    The first three are kept in the state, so they outlive their block.
    """

    protect: bool | None = None  # None: not said, so what the state remembers holds
    on_lost: OnLost = "fail"
    remote: RemotePolicy = "keep"
    deadline_s: float | None = None  # for how long a job is waited for; None: to its end
    retries: int = 0  # how often its recipe is bought again after a transient failure


DEFAULT_LIFECYCLE = Lifecycle()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceFile:
    """The image that a create uploads."""

    path: str  # relative to the project
    sha256: Sha256
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One declared video, resolved: nothing is left to a default."""

    address: Address
    provider: str
    recipe: Recipe
    digest: RecipeDigest  # of `recipe`
    # What is derived has its parent's; they are None while nobody has looked at one of another.
    model: str | None
    seconds: int | None  # of the whole video: an extension's are its parent's and those it adds
    size: str | None
    variants: tuple[Variant, ...]  # sorted, unique
    outputs: Mapping[Variant, str]  # where each variant is published, relative to the project
    tags: tuple[str, ...] = ()
    lifecycle: Lifecycle = DEFAULT_LIFECYCLE
    ignore_changes: tuple[Ignorable, ...] = ()  # no reason to make another one
    parent: Address | None = None
    reference: ReferenceFile | None = None
    # The spec file, relative to the project. For display only: in another file, it is the same.
    file: str = field(default="", compare=False)

    @property
    def made_seconds(self) -> int | None:
        """The seconds that its job makes, and that are paid for: of an extension the new ones."""
        return self.recipe.seconds if self.recipe.is_extension else self.seconds

    @property
    def external_parent(self) -> str | None:
        """The remote id of the job that it is a remix of, where sorafile does not manage that."""
        return self.recipe.parent.remote_id if self.recipe.parent is not None else None


Desired = Mapping[Address, Declaration]
"""Every declared video, in the order of its address."""


def tags_by_recipe(*desired: Desired) -> Mapping[RecipeDigest, tuple[str, ...]]:
    """The tags under which each declared recipe is wanted, by whichever videos.

    Of several desired states: as the specs have it, and as it is wanted, in later editions.
    """
    found: dict[RecipeDigest, tuple[str, ...]] = {}
    for declaration in (each for one in desired for _, each in sorted(one.items())):
        tags = (*found.get(declaration.digest, ()), *declaration.tags)
        found[declaration.digest] = tuple(dict.fromkeys(tags))
    return found
