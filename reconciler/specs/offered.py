"""What a provider offers, and what a video asks of it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache

from reconciler.domain.profile import Profile, Variant, bare_model
from reconciler.domain.provider import Provider
from reconciler.specs.codes import Code
from reconciler.specs.findings import Findings, Trouble, listed, nearest, nearest_fix
from reconciler.specs.spec import Spec

_SLIP_LIKENESS = 0.8  # of 1: `sora-2-prro` is that much like `sora-2-pro`; `veo-3` is like neither


@dataclass(frozen=True, slots=True)
class Offer:
    """What a provider offers to one video; what it does not offer is a finding."""

    spec: Spec
    provider: Provider
    findings: Findings

    def check_model(self, model: str) -> None:
        """See to it that the provider has such a model."""
        profile = self.provider.profile
        if not profile.offers_model(model):
            self._not_offered("model", model, profile.models or ("any name",))

    def check_seconds(self, seconds: int) -> None:
        """See to it that the provider makes videos of that length."""
        profile = self.provider.profile
        if not profile.offers_seconds(seconds):
            lengths = profile.seconds or (f"{profile.seconds_min} to {profile.seconds_max}",)
            self._not_offered("seconds", seconds, lengths)

    def check_size(self, size: str, model: str) -> None:
        """See to it that the model makes videos of that size."""
        profile = self.provider.profile
        if not profile.offers_size(size, model):
            self._not_offered("size", size, _sizes(profile, model))

    def check_prompt(self, prompt: str | None) -> None:
        """See to it that the provider takes a prompt of that length."""
        spec, limit = self.spec, self.provider.profile.prompt_characters_max
        if prompt is not None and len(prompt) > limit:
            key = "prompt" if spec.table.prompt is not None else "prompt_file"
            trouble = Trouble(
                code=Code.PROMPT_TEXT,
                summary=f"the prompt of `{spec.name}` has {len(prompt)} characters",
                allowed=f"at most {limit}",
                fix="shorten it",
            )
            self.findings.add(trouble, spec.file.document.value_span((*spec.path, key)))

    def variants(self) -> tuple[Variant, ...]:
        """The variants that the video asks for, each once."""
        spec, offered = self.spec, self.provider.profile.variants
        written = spec.table.variants or spec.defaults.variants or (Variant.VIDEO.value,)
        variants = _variants(tuple(written))
        for variant in variants:
            if variant not in offered:
                self._not_offered("variants", variant.value, offered)
        if Variant.VIDEO not in variants:
            self.findings.add(_no_video(variants), spec.value_span("variants"))
        return variants

    def _not_offered(self, key: str, value: str | int, offered: Collection[str | int]) -> None:
        trouble = Trouble(
            code=Code.NOT_OFFERED,
            summary=f"provider `{self.provider.name}` does not offer {key} `{value}`",
            allowed=listed(offered),
            fix=nearest_offer(value, offered),
        )
        self.findings.add(trouble, self.spec.value_span(key))


class ModelNames:
    """Every model that somebody has named."""

    def __init__(self, named: Iterable[str]) -> None:
        self._named = frozenset(map(bare_model, named))

    def trouble_with(self, model: str) -> Trouble | None:
        """Why a model that the preview would draw, and no server have, is as like as not a slip.

        Of a name that is like no other nothing can be said: the servers have more models than
        anybody lists.
        """
        bare = bare_model(model)
        if bare in self._named:
            return None
        close = nearest(bare, self._named, likeness=_SLIP_LIKENESS)
        if close is None:
            return None
        return Trouble(
            code=Code.ODD_MODEL,
            summary=f"no profile knows a model `{model}`: the preview draws it like any other",
            fix=f"write `{close}`, if that is meant; else give `{model}` a price under"
            " [providers.NAME] of the one that has it",
        )


def nearest_offer(value: str | int, offered: Collection[str | int]) -> str | None:
    """The offered value that is most like what was written, as a fix."""
    numbers = [other for other in offered if isinstance(other, int)]
    if isinstance(value, int) and numbers:
        return f"write {min(numbers, key=lambda other: (abs(other - value), other))}"
    return nearest_fix(str(value), map(str, offered))


@cache
def _variants(written: tuple[str, ...]) -> tuple[Variant, ...]:
    return tuple(sorted({Variant(variant) for variant in written}))


def _no_video(variants: Iterable[Variant]) -> Trouble:
    meant = [Variant.VIDEO.value, *(variant.value for variant in variants)]
    return Trouble(
        code=Code.BAD_VALUE,
        summary="`variants` must hold `video`",
        fix=f"write {meant}".replace("'", '"'),
    )


def _sizes(profile: Profile, model: str) -> tuple[str, ...]:
    if sizes := profile.sizes_of(model):
        return sizes
    step = f", in steps of {profile.size_step}" if profile.size_step > 1 else ""
    return (f"WIDTHxHEIGHT, each up to {profile.size_pixels_max} pixels{step}",)
