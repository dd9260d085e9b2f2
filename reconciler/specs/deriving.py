"""Videos that derive from another: remixes, edits and extensions, of declared parents or others."""

from collections.abc import Mapping

from reconciler.domain.desired import Declaration
from reconciler.domain.provider import Provider
from reconciler.domain.recipe import NOUNS, Derivation, Parent, Recipe
from reconciler.specs.asked import Asked
from reconciler.specs.codes import Code
from reconciler.specs.extensions import Extensions
from reconciler.specs.findings import Findings, Trouble
from reconciler.specs.folder import ProjectFolder
from reconciler.specs.offered import Offer
from reconciler.specs.parents import DERIVATIONS, parent_key, parent_keys
from reconciler.specs.prompts import prompt_of
from reconciler.specs.serving import Serving
from reconciler.specs.spec import Spec

_TAKEN: Mapping[Derivation, tuple[str, ...]] = {
    "remix": ("model", "seconds", "size", "input_reference", "reference_fit", "extra"),
    "edit": ("model", "seconds", "size", "input_reference", "reference_fit", "extra"),
    "extend": ("model", "size", "input_reference", "reference_fit", "extra"),
}
"""What a derived video has from its parent."""

_MANY: Mapping[Derivation, str] = {"remix": "remixes", "edit": "edits", "extend": "extensions"}


class DerivedVideos:
    """The videos that have from a parent what they are like."""

    def __init__(self, serving: Serving, folder: ProjectFolder, findings: Findings) -> None:
        self._serving = serving
        self._folder = folder
        self._findings = findings
        self._extensions = Extensions(findings)

    def prompt(self, spec: Spec) -> str | None:
        """The prompt of a video, once all is checked that can be, whatever its parent is."""
        self._check_keys(spec)
        if spec.table.provider is not None and parent_key(spec) is not None:
            self._serving.of(spec)
        return prompt_of(spec, self._folder, self._findings)

    def asked(self, spec: Spec, parent: Declaration, prompt: str | None) -> Asked | None:
        """What a video asks for of a declared parent; None where something is wrong, and told."""
        key = parent_key(spec) or ""
        derivation, named = DERIVATIONS[key], spec.table.provider
        raised = self._findings.raised
        provider = self._serving[parent.provider]
        if named is not None and named not in self._serving:
            return None  # told with its prompt
        if named is not None and named != provider.name:
            span = spec.file.document.value_span((*spec.path, "provider"))
            self._findings.add(_across(parent, named, derivation), span)
        else:
            self._check_made(spec, provider, key)
        is_extension = derivation == "extend"
        seconds = self._extensions.seconds_of(spec, parent, provider) if is_extension else None
        offer = Offer(spec, provider, self._findings)
        variants = offer.variants()
        offer.check_prompt(prompt)
        if self._findings.raised != raised or prompt is None or spec.wrong or _is_told(spec):
            return None
        recipe = Recipe(
            account=provider.account,
            prompt=prompt,
            seconds=seconds,
            parent=Parent(derivation=derivation, digest=parent.digest),
            take=spec.take,
        )
        self._extensions.count(spec.address, parent.address, added=int(is_extension))
        return Asked(
            provider=provider,
            recipe=recipe,
            variants=variants,
            model=parent.model,
            seconds=recipe.length_after(parent.seconds),
            size=parent.size,
            parent=parent.address,
        )

    def asked_of_external(self, spec: Spec) -> Asked | None:
        """What a remix asks for of a job that sorafile does not manage; a plan looks it up."""
        raised = self._findings.raised
        prompt = self.prompt(spec)
        provider = self._serving.of(spec)
        if provider is None:
            return None
        self._check_made(spec, provider, "remix_of_id")
        offer = Offer(spec, provider, self._findings)
        variants = offer.variants()
        offer.check_prompt(prompt)
        if self._findings.raised != raised or prompt is None or spec.wrong:
            return None
        parent = Parent(derivation="remix", remote_id=spec.table.remix_of_id)
        recipe = Recipe(account=provider.account, prompt=prompt, parent=parent, take=spec.take)
        return Asked(provider=provider, recipe=recipe, variants=variants)

    def _check_keys(self, spec: Spec) -> None:
        by, *more = parent_keys(spec)
        for key in _set_keys(spec):
            noun = NOUNS[DERIVATIONS[by]]
            summary = f"{noun} takes `{key}` from its parent and may not set it"
            self._tell_key(spec, key, summary, "remove it")
        for key in more:
            summary = f"a video has one parent: `{by}` or `{key}`"
            self._tell_key(spec, key, summary, "remove one of them")

    def _tell_key(self, spec: Spec, key: str, summary: str, fix: str) -> None:
        trouble = Trouble(code=Code.REMIX_SETS, summary=summary, fix=fix)
        self._findings.add(trouble, spec.file.document.key_span((*spec.path, key)))

    def _check_made(self, spec: Spec, provider: Provider, key: str) -> None:
        derivation = DERIVATIONS[key]
        if provider.profile.makes(derivation):
            return
        is_remixed = derivation == "edit" and provider.profile.remix
        trouble = Trouble(
            code=Code.NO_REMIX,
            summary=f"provider `{provider.name}` makes no {_MANY[derivation]}",
            fix=f'write remix_of = "{getattr(spec.table, key)}"'
            if is_remixed
            else "write a prompt of its own instead",
        )
        self._findings.add(trouble, spec.file.document.key_span((*spec.path, key)))


def _set_keys(spec: Spec) -> tuple[str, ...]:
    """What a derived video sets, and has from its parent."""
    taken = _TAKEN[DERIVATIONS[parent_keys(spec)[0]]]
    return tuple(key for key in taken if getattr(spec.table, key) is not None)


def _is_told(spec: Spec) -> bool:
    """Whether a mistake was told of it before its parent was known."""
    return bool(_set_keys(spec)) or len(parent_keys(spec)) > 1


def _across(parent: Declaration, provider: str, derivation: Derivation) -> Trouble:
    summary = (
        f"`{parent.address}` is made by provider `{parent.provider}`, "
        f"and `{provider}` cannot make {NOUNS[derivation]} of it"
    )
    return Trouble(code=Code.REMIX_ACROSS, summary=summary, fix="remove `provider`")
