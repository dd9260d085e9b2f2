"""Videos that derive from nothing: what each asks for, held against what its provider offers."""

from dataclasses import dataclass
from typing import TypeVar

from reconciler.domain.desired import ReferenceFile
from reconciler.domain.profile import Profile
from reconciler.domain.provider import Provider
from reconciler.domain.recipe import Recipe, Reference, ReferenceFit
from reconciler.specs.asked import Asked
from reconciler.specs.codes import Code
from reconciler.specs.extras import extra_of
from reconciler.specs.findings import Findings, Trouble
from reconciler.specs.folder import ProjectFolder
from reconciler.specs.offered import ModelNames, Offer
from reconciler.specs.prompts import prompt_of
from reconciler.specs.references import ReferenceImages
from reconciler.specs.serving import Serving
from reconciler.specs.spec import Spec

_Value = TypeVar("_Value", str, int)
_Last = TypeVar("_Last", str, int, str | None)


@dataclass(frozen=True, slots=True)
class _Shape:
    model: str
    seconds: int
    size: str


class PlainVideos:
    """The videos that say themselves what they are like."""

    def __init__(
        self, serving: Serving, models: ModelNames, folder: ProjectFolder, findings: Findings
    ) -> None:
        self._serving = serving
        self._models = models
        self._folder = folder
        self._findings = findings
        self._images = ReferenceImages(folder, findings)

    def asked(self, spec: Spec) -> Asked | None:
        """What a video asks for; None where something is wrong with it, which is told."""
        raised = self._findings.raised
        prompt = prompt_of(spec, self._folder, self._findings)
        provider = self._serving.of(spec)
        shape = None if provider is None else self._shape(spec, provider)
        if provider is None or shape is None:
            return None
        offer = Offer(spec, provider, self._findings)
        self._check_shape(shape, offer)
        extra = extra_of(spec, provider, self._findings)
        variants = offer.variants()
        offer.check_prompt(prompt)
        fit: ReferenceFit = spec.table.reference_fit or spec.defaults.reference_fit or "exact"
        image = self._image(spec, provider.profile, shape.size, fit)
        if self._findings.raised != raised or prompt is None or spec.wrong:
            return None
        recipe = Recipe(
            account=provider.account,
            prompt=prompt,
            model=shape.model,
            seconds=shape.seconds,
            size=shape.size,
            reference=Reference(sha256=image.sha256, fit=fit) if image is not None else None,
            extra=extra,
            take=spec.take,
        )
        return Asked(
            provider=provider,
            recipe=recipe,
            variants=variants,
            model=shape.model,
            seconds=shape.seconds,
            size=shape.size,
            reference=image,
        )

    def _shape(self, spec: Spec, provider: Provider) -> _Shape | None:
        own, defaults, profile = spec.table, spec.defaults, provider.profile
        model = _first(own.model, defaults.model, profile.default_model)
        if model is None:
            trouble = _no_model(spec, provider)
            self._findings.add(trouble, spec.file.document.key_span(spec.path))
            return None
        return _Shape(
            model,
            seconds=_first(own.seconds, defaults.seconds, profile.default_seconds),
            size=_first(own.size, defaults.size, profile.default_size),
        )

    def _check_shape(self, shape: _Shape, offer: Offer) -> None:
        profile, model = offer.provider.profile, shape.model
        offer.check_model(model)
        if profile.embedded and profile.offers_model(model):
            slip = self._models.trouble_with(model)
            if slip is not None:
                self._findings.add(slip, offer.spec.value_span("model"), severity="warning")
        offer.check_seconds(shape.seconds)
        offer.check_size(shape.size, model)

    def _image(
        self, spec: Spec, profile: Profile, size: str, fit: ReferenceFit
    ) -> ReferenceFile | None:
        table = spec.table
        if table.input_reference is not None and "reference_fit" not in spec.wrong:
            return self._images.of(spec, profile, size, fit)
        if table.reference_fit is not None and "input_reference" not in spec.wrong:
            span = spec.file.document.key_span((*spec.path, "reference_fit"))
            self._findings.add(_nothing_to_fit(spec), span)
        return None


def _first(own: _Value | None, default: _Value | None, last: _Last) -> _Value | _Last:
    if own is not None:
        return own
    return default if default is not None else last


def _no_model(spec: Spec, provider: Provider) -> Trouble:
    return Trouble(
        code=Code.NO_KEY,
        summary=f"`{spec.name}` names no model, and provider `{provider.name}` has no default",
        fix='write model = "…", here or in [defaults], or default_model under'
        f" [providers.{provider.name}]",
    )


def _nothing_to_fit(spec: Spec) -> Trouble:
    return Trouble(
        code=Code.NO_KEY,
        summary=f"`{spec.name}` says how its input reference is fitted, and has none",
        fix='add input_reference = "…", or remove `reference_fit`',
    )
