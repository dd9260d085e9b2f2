"""What a person asked for, and the digest that tells two askings apart.

The canonical form is versioned and in the spec's words. Its digests name paid results on
people's disks, so no release may change one: `tests/domain/test_recipe.py` pins them.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NewType, get_args

RecipeDigest = NewType("RecipeDigest", str)
"""`sha256:` and 64 hex digits."""

Sha256 = NewType("Sha256", str)
"""64 hex digits, bare."""

Derivation = Literal["remix", "edit", "extend"]
"""How a video derives from its parent: made anew after it, changed, or gone on with."""

DERIVED_BY: Mapping[str, Derivation] = {
    "remix_of": "remix",
    "edit_of": "edit",
    "extends": "extend",
}
"""The keys of a spec that name a declared parent."""

NOUNS: Mapping[Derivation, str] = {"remix": "a remix", "edit": "an edit", "extend": "an extension"}
"""What a derived video is called."""

ReferenceFit = Literal["exact", "cover", "contain"]
"""How an input reference comes to the video's size: it has it, or is scaled to cover the video
and cropped, or is scaled to fit in, on black."""

ExtraValue = str | int | float | bool

NOT_IN_PROMPTS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""The control characters: all but newline and tab."""

_FORM = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An input reference by its own bytes, whatever file holds them.

    What a fit makes of them is none of it: another way to scale shall buy nothing again.
    """

    sha256: Sha256
    fit: ReferenceFit = "exact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """What a derived video derives from; exactly one of `digest` and `remote_id` is set."""

    derivation: Derivation
    digest: RecipeDigest | None = None
    remote_id: str | None = None  # a job that sorafile does not manage

    @property
    def key(self) -> str:
        """The key of a spec that says so of a declared parent."""
        return next(key for key, derivation in DERIVED_BY.items() if derivation == self.derivation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One video, as asked for. Equal recipes share one paid generation.

    A derived recipe leaves `model`, `seconds` and `size` to its parent: they are None. An
    extension alone has `seconds`: those that it adds.
    """

    account: str
    prompt: str  # LF line ends, no final newline
    model: str | None = None
    seconds: int | None = None
    size: str | None = None  # WIDTHxHEIGHT in pixels
    reference: Reference | None = None
    parent: Parent | None = None
    extra: tuple[tuple[str, ExtraValue], ...] = ()  # what else its server is told, by name
    take: int = 1
    edition: int = 0  # how often another result of the same recipe was asked for

    def canonical(self) -> str:
        """The recipe as JSON with sorted keys; what was not asked for is left out."""
        form: dict[str, object] = {"v": _FORM, "account": self.account, "prompt": self.prompt}
        asked = {"model": self.model, "seconds": self.seconds, "size": self.size}
        form |= {key: value for key, value in asked.items() if value is not None}
        if self.reference is not None:
            form["reference"] = _form_of(self.reference)
        if self.parent is not None:
            source = {"recipe": self.parent.digest, "id": self.parent.remote_id}
            named = {key: value for key, value in source.items() if value is not None}
            form["parent"] = {"derivation": self.parent.derivation, **named}
        if self.extra:
            form["extra"] = dict(self.extra)
        if self.take != 1:
            form["take"] = self.take
        if self.edition != 0:
            form["edition"] = self.edition
        return json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def is_extension(self) -> bool:
        """Whether its video holds its parent's whole, and goes on after it."""
        return self.parent is not None and self.parent.derivation == "extend"

    def length_after(self, parent_seconds: int | None) -> int | None:
        """Seconds of the whole video, by those of its parent; None where nobody knows them."""
        if not self.is_extension:
            return self.seconds or parent_seconds
        return None if parent_seconds is None else parent_seconds + (self.seconds or 0)

    @property
    def digest(self) -> RecipeDigest:
        """The recipe's name for ever."""
        return digest_of(self.canonical())

    @property
    def kin(self) -> RecipeDigest:
        """The digest of its first take: what all takes and editions of one asking share.

        Their results are interchangeable, so any of them may take any job of theirs.
        """
        return replace(self, take=1, edition=0).digest


def digest_of(canonical: str) -> RecipeDigest:
    """The digest of a recipe's canonical form."""
    return RecipeDigest("sha256:" + hashlib.sha256(canonical.encode()).hexdigest())


def recipe_from(canonical: str) -> Recipe:
    """Read a canonical form back, from the state or from a sidecar.

    Raises:
        ValueError: the text is no canonical form that this release knows.
    """
    try:
        form = json.loads(canonical)
        if form.pop("v") != _FORM:
            raise ValueError("a recipe of another version of sorafile")
        reference, parent = form.pop("reference", None), form.pop("parent", None)
        extra = form.pop("extra", {})
        recipe = Recipe(
            reference=_reference_from(reference) if reference else None,
            parent=_parent_from(parent) if parent else None,
            extra=tuple(sorted(extra.items())),
            **form,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a recipe: {canonical[:80]!r}") from error
    if recipe.is_extension and recipe.seconds is None:
        raise ValueError(f"an extension by nothing: {canonical[:80]!r}")
    return recipe


def _form_of(reference: Reference) -> dict[str, str]:
    fitted = {"fit": reference.fit} if reference.fit != "exact" else {}
    return {"sha256": reference.sha256, **fitted}


def _reference_from(form: Mapping[str, str]) -> Reference:
    fits = {fit: fit for fit in get_args(ReferenceFit)}
    found = Reference(sha256=Sha256(form["sha256"]), fit=fits[form.get("fit", "exact")])
    if _form_of(found) != form:
        raise ValueError(f"unknown reference {form!r}")
    return found


def _parent_from(form: Mapping[str, str]) -> Parent:
    derivation = next((each for each in get_args(Derivation) if each == form["derivation"]), None)
    if derivation is None:
        raise ValueError(f"unknown derivation {form['derivation']!r}")
    digest = form.get("recipe")
    return Parent(
        derivation=derivation,
        digest=RecipeDigest(digest) if digest else None,
        remote_id=form.get("id"),
    )


def model_of(recipe: Recipe, known: Mapping[RecipeDigest, Recipe]) -> str | None:
    """The model that makes its video: what is derived has its parent's.

    None where an ancestor is not among the known recipes.
    """
    while recipe.model is None:
        parent = recipe.parent.digest if recipe.parent else None
        if parent is None or parent not in known:
            return None
        recipe = known[parent]
    return recipe.model


def normal_prompt(text: str) -> str:
    """A prompt as recipes hold it: LF line ends, no final newline."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
