"""From specs to declarations: defaults filled in, values checked, derived ones resolved."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration
from reconciler.domain.profile import Profile, Variant, bare_model
from reconciler.domain.provider import Provider
from reconciler.domain.recipe import (
    DERIVED_BY,
    NOUNS,
    Derivation,
    ExtraValue,
    Parent,
    Recipe,
    Reference,
    ReferenceFit,
)
from reconciler.specs.codes import Code
from reconciler.specs.extras import EXTRA_WORDS, SAID_ELSEWHERE, extra_value
from reconciler.specs.findings import Findings, Trouble, listed, nearest, nearest_fix
from reconciler.specs.folder import ProjectFolder
from reconciler.specs.outputs import BadTemplateError, OutputPlaces, OutputTemplate
from reconciler.specs.project import Project, unknown_provider
from reconciler.specs.prompts import prompt_of
from reconciler.specs.references import ReferenceImages
from reconciler.specs.spec import Spec, ignored_over, lifecycle_over

_SLIP_LIKENESS = 0.8  # of 1: `sora-2-prro` is that much like `sora-2-pro`; `veo-3` is like neither
_Value = TypeVar("_Value", str, int)
_Last = TypeVar("_Last", str, int, str | None)
_TAKEN: Mapping[Derivation, tuple[str, ...]] = {
    "remix": ("model", "seconds", "size", "input_reference", "reference_fit", "extra"),
    "edit": ("model", "seconds", "size", "input_reference", "reference_fit", "extra"),
    "extend": ("model", "size", "input_reference", "reference_fit", "extra"),
}
"""What a derived video has from its parent."""

_DERIVATIONS: Mapping[str, Derivation] = {**DERIVED_BY, "remix_of_id": "remix"}


class Declarer:
    """Turns the specs of a whole project into declarations, and tells what is wrong."""

    def __init__(
        self,
        project: Project,
        providers: Mapping[str, Provider],
        *,
        folder: ProjectFolder,
        template: OutputTemplate | None,
        places: OutputPlaces,
        findings: Findings,
        known_models: Collection[str] = (),
    ) -> None:
        """See to it that the specs fit these providers; other servers have `known_models`."""
        self._project = project
        self._providers = providers
        self._known_models = known_models
        self._folder = folder
        self._template = template
        self._places = places
        self._findings = findings
        self._images = ReferenceImages(folder, findings)
        self._variants: dict[tuple[str, ...], tuple[Variant, ...]] = {}
        self._made: dict[Spec, Declaration | None] = {}  # None: something is wrong with it
        self._steps: dict[Address, int] = {}  # how often a video was extended to what it is

    def declare(
        self, specs: Sequence[Spec], may_be_declared: Callable[[str], bool]
    ) -> Iterator[Declaration]:
        """Check every spec, and give the declarations of those with nothing wrong.

        Args:
            specs: in the order of their files and lines.
            may_be_declared: whether a name may stand in a file that could not be read, so that
                its absence says nothing.
        """
        family = _Family(specs)
        derived: dict[Spec, str | None] = {}
        for spec in specs:
            key = _parent_key(spec)
            if key is not None:
                derived[spec] = self._derived_prompt(spec, key)
            elif spec.table.remix_of_id is not None:
                self._made[spec] = self._external(spec)
            else:
                self._made[spec] = self._plain(spec)
        parents = {
            spec: None
            if spec.wrong.intersection(DERIVED_BY)
            else self._parent(spec, family, may_be_declared)
            for spec in derived
        }
        for spec in derived:
            self._chain(spec, parents, derived)
        for spec in family.by_address.values():
            declaration = self._made[spec]
            if declaration is not None and self._may_publish(spec, declaration):
                yield declaration

    def _plain(self, spec: Spec) -> Declaration | None:
        table, defaults = spec.table, spec.defaults
        raised = self._findings.raised
        prompt = prompt_of(spec, self._folder, self._findings)
        provider = self._provider(spec)
        if provider is None:
            return None
        profile = provider.profile
        model = _first(table.model, defaults.model, profile.default_model)
        seconds = _first(table.seconds, defaults.seconds, profile.default_seconds)
        size = _first(table.size, defaults.size, profile.default_size)
        if model is None:
            self._no_model(spec, provider)
            return None
        if not profile.offers_model(model):
            self._not_offered(spec, "model", model, profile.models or ("any name",), provider)
        elif profile.embedded:
            self._check_name(spec, model)
        if not profile.offers_seconds(seconds):
            lengths = profile.seconds or (f"{profile.seconds_min} to {profile.seconds_max}",)
            self._not_offered(spec, "seconds", seconds, lengths, provider)
        if not profile.offers_size(size, model):
            self._not_offered(spec, "size", size, _sizes(profile, model), provider)
        extra = self._extra(spec, provider)
        variants = self._variants_of(spec, provider)
        self._check_length(spec, prompt, provider)
        fit: ReferenceFit = table.reference_fit or defaults.reference_fit or "exact"
        image = None
        if table.input_reference is not None and "reference_fit" not in spec.wrong:
            image = self._images.of(spec, profile, size, fit)
        elif table.reference_fit is not None and "input_reference" not in spec.wrong:
            self._nothing_to_fit(spec)
        if self._findings.raised != raised or prompt is None or spec.wrong:
            return None
        recipe = Recipe(
            account=provider.account,
            prompt=prompt,
            model=model,
            seconds=seconds,
            size=size,
            reference=Reference(sha256=image.sha256, fit=fit) if image is not None else None,
            extra=extra,
            take=spec.take,
        )
        address = spec.address
        return Declaration(
            address=address,
            provider=provider.name,
            recipe=recipe,
            digest=recipe.digest,
            model=model,
            seconds=seconds,
            size=size,
            variants=variants,
            outputs=self._outputs(spec, variants),
            tags=_tags(table.tags if table.tags is not None else defaults.tags),
            lifecycle=lifecycle_over(table.lifecycle, spec.file.lifecycle),
            ignore_changes=ignored_over(table.lifecycle, spec.file.ignore_changes),
            reference=image,
            file=spec.file.document.file,
        )

    def _derived_prompt(self, spec: Spec, by: str) -> str | None:
        """What can be checked of a derived video whatever its parent is.

        `by` is the key that names the parent.
        """
        derivation = _DERIVATIONS[by]
        for key in _TAKEN[derivation]:
            if getattr(spec.table, key) is not None:
                trouble = Trouble(
                    code=Code.REMIX_SETS,
                    summary=f"{NOUNS[derivation]} takes `{key}` from its parent and may not set it",
                    fix="remove it",
                )
                self._findings.add(trouble, spec.file.document.key_span((*spec.path, key)))
        _, *more = _parent_keys(spec) or ("",)
        for key in more:
            trouble = Trouble(
                code=Code.REMIX_SETS,
                summary=f"a video has one parent: `{by}` or `{key}`",
                fix="remove one of them",
            )
            self._findings.add(trouble, spec.file.document.key_span((*spec.path, key)))
        if spec.table.provider is not None and by != "remix_of_id":
            self._provider(spec)
        return prompt_of(spec, self._folder, self._findings)

    def _parent(
        self, spec: Spec, family: "_Family", may_be_declared: Callable[[str], bool]
    ) -> Spec | None:
        """The one that a video derives from; None where there is none, which is told."""
        key = _parent_key(spec) or ""
        written, noun = getattr(spec.table, key) or "", NOUNS[_DERIVATIONS[key]]
        try:
            address = Address.parse(written)
        except ValueError:
            self._tell_parent(
                spec,
                Code.UNKNOWN_PARENT,
                f"`{written}` is no address",
                "write one: NAME, or NAME[KEY]",
            )
            return None
        found = family.by_address.get(address)
        if found is not None or may_be_declared(address.name):
            return found
        kin = family.by_name.get(address.name, ())
        if kin and not address.keys:
            self._tell_parent(
                spec,
                Code.PARENT_IS_MANY,
                f"`{address}` is {len(kin)} videos, and {noun} derives from one",
                f"name one of them, as {kin[0].address}"
                + (", or pick one" if kin[0].table.takes is not None else ""),
            )
            return None
        known = [
            str(other.address) for other in (kin or family.by_address.values()) if other is not spec
        ]
        self._tell_parent(
            spec,
            Code.UNKNOWN_PARENT,
            f"`{spec.address}` is {noun} of `{address}`, which no spec declares",
            nearest_fix(written, known) or f"declare [video.{address.name}]",
        )
        return None

    def _tell_parent(self, spec: Spec, code: Code, summary: str, fix: str) -> None:
        trouble = Trouble(code=code, summary=summary, fix=fix)
        self._findings.add(trouble, spec.value_span(_parent_key(spec) or ""))

    def _chain(
        self,
        spec: Spec,
        parents: Mapping[Spec, Spec | None],
        prompts: Mapping[Spec, str | None],
    ) -> None:
        """Resolve a derived video after its parents; a long chain needs no deep stack."""
        chain: dict[Spec, None] = {}
        while spec not in self._made and spec not in chain:
            chain[spec] = None
            parent = parents[spec]
            if parent is None:
                self._made[spec] = None
            else:
                spec = parent
        if spec in chain and spec not in self._made:
            cycle = list(chain)[list(chain).index(spec) :]
            self._cycle(cycle)
            self._made.update(dict.fromkeys(cycle))
        for derived in reversed(chain):
            origin = parents[derived]
            if derived not in self._made and origin is not None:
                self._made[derived] = self._derived(derived, self._made[origin], prompts[derived])

    def _derived(
        self, spec: Spec, parent: Declaration | None, prompt: str | None
    ) -> Declaration | None:
        if parent is None:
            return None
        table, document = spec.table, spec.file.document
        key = _parent_key(spec) or ""
        derivation = _DERIVATIONS[key]
        raised = self._findings.raised
        provider = self._providers[parent.provider]
        if table.provider is not None and table.provider not in self._providers:
            return None
        if table.provider is not None and table.provider != parent.provider:
            summary = (
                f"`{parent.address}` is made by provider `{parent.provider}`, "
                f"and `{table.provider}` cannot make {NOUNS[derivation]} of it"
            )
            trouble = Trouble(code=Code.REMIX_ACROSS, summary=summary, fix="remove `provider`")
            self._findings.add(trouble, document.value_span((*spec.path, "provider")))
        elif not provider.profile.makes(derivation):
            self._not_made(spec, provider, key)
        seconds: int | None = None
        if derivation == "extend":
            seconds = self._added_seconds(spec, parent, provider)
        variants = self._variants_of(spec, provider)
        self._check_length(spec, prompt, provider)
        sets = any(getattr(table, each) is not None for each in _TAKEN[derivation])
        is_told = sets or len(_parent_keys(spec)) > 1
        if self._findings.raised != raised or prompt is None or spec.wrong or is_told:
            return None
        recipe = Recipe(
            account=provider.account,
            prompt=prompt,
            seconds=seconds,
            parent=Parent(derivation=derivation, digest=parent.digest),
            take=spec.take,
        )
        address, defaults = spec.address, spec.defaults
        self._steps[address] = self._steps.get(parent.address, 0) + recipe.is_extension
        return Declaration(
            address=address,
            provider=provider.name,
            recipe=recipe,
            digest=recipe.digest,
            model=parent.model,
            seconds=recipe.length_after(parent.seconds),
            size=parent.size,
            variants=variants,
            outputs=self._outputs(spec, variants),
            tags=_tags(table.tags if table.tags is not None else defaults.tags),
            lifecycle=lifecycle_over(table.lifecycle, spec.file.lifecycle),
            ignore_changes=ignored_over(table.lifecycle, spec.file.ignore_changes),
            parent=parent.address,
            file=document.file,
        )

    def _external(self, spec: Spec) -> Declaration | None:
        """A remix of a job that sorafile does not manage: what that is like, a plan looks up."""
        raised = self._findings.raised
        prompt = self._derived_prompt(spec, "remix_of_id")
        provider = self._provider(spec)
        if provider is None:
            return None
        if not provider.profile.makes("remix"):
            self._not_made(spec, provider, "remix_of_id")
        variants = self._variants_of(spec, provider)
        self._check_length(spec, prompt, provider)
        if self._findings.raised != raised or prompt is None or spec.wrong:
            return None
        table = spec.table
        parent = Parent(derivation="remix", remote_id=table.remix_of_id)
        recipe = Recipe(account=provider.account, prompt=prompt, parent=parent, take=spec.take)
        return Declaration(
            address=spec.address,
            provider=provider.name,
            recipe=recipe,
            digest=recipe.digest,
            model=None,
            seconds=None,
            size=None,
            variants=variants,
            outputs=self._outputs(spec, variants),
            tags=_tags(table.tags if table.tags is not None else spec.defaults.tags),
            lifecycle=lifecycle_over(table.lifecycle, spec.file.lifecycle),
            ignore_changes=ignored_over(table.lifecycle, spec.file.ignore_changes),
            file=spec.file.document.file,
        )

    def _added_seconds(self, spec: Spec, parent: Declaration, provider: Provider) -> int:
        """What an extension adds; where that, or extending its parent, is not allowed, it is told.

        How long a parent is that only its server knows, is seen in a plan.
        """
        profile = provider.profile
        offered, usual = profile.extend_seconds, profile.default_seconds
        default = usual if usual in offered or not offered else offered[0]
        seconds: int = _first(spec.table.seconds, spec.defaults.seconds, default)
        if not profile.extend:
            return seconds
        if not profile.extends_by(seconds):
            trouble = Trouble(
                code=Code.NOT_OFFERED,
                summary=f"provider `{provider.name}` does not extend a video by {seconds} seconds",
                allowed=listed(offered) or "1 or more",
                fix=_nearest_value(seconds, offered),
            )
            self._findings.add(trouble, spec.value_span("seconds"))
        if parent.recipe.reference is not None:
            self._not_extended(
                spec,
                f"`{parent.address}` begins with an image, and such a video cannot be extended",
                "extend one without `input_reference`",
            )
        steps, most = self._steps.get(parent.address, 0) + 1, profile.extend_steps_max
        if steps > most:
            self._not_extended(
                spec,
                f"`{spec.address}` would be extended {steps} times",
                "extend fewer times, by more `seconds` each",
                allowed=f"at most {most} times",
            )
        longest = profile.extend_total_seconds_max
        if parent.seconds is not None and parent.seconds + seconds > longest:
            self._not_extended(
                spec,
                f"`{spec.address}` would last {parent.seconds + seconds} seconds",
                f"`{parent.address}` has {parent.seconds}: add fewer `seconds`, or none",
                allowed=f"at most {longest}",
            )
        return seconds

    def _not_extended(
        self, spec: Spec, summary: str, fix: str, *, allowed: str | None = None
    ) -> None:
        trouble = Trouble(code=Code.EXTENSION, summary=summary, allowed=allowed, fix=fix)
        self._findings.add(trouble, spec.value_span("extends"))

    def _not_made(self, spec: Spec, provider: Provider, key: str) -> None:
        derivation = _DERIVATIONS[key]
        is_remixed = derivation == "edit" and provider.profile.remix
        trouble = Trouble(
            code=Code.NO_REMIX,
            summary=f"provider `{provider.name}` makes no {_MANY[derivation]}",
            fix=f'write remix_of = "{getattr(spec.table, key)}"'
            if is_remixed
            else "write a prompt of its own instead",
        )
        self._findings.add(trouble, spec.file.document.key_span((*spec.path, key)))

    def _cycle(self, cycle: Sequence[Spec]) -> None:
        names = " -> ".join(str(spec.address) for spec in (*cycle, cycle[0]))
        trouble = Trouble(
            code=Code.REMIX_CYCLE,
            summary=f"these videos derive from each other: {names}",
            fix=f"give one of them no `{_parent_key(cycle[0])}`",
        )
        first = cycle[0]
        span = first.file.document.value_span((*first.path, _parent_key(first) or ""))
        self._findings.add(trouble, span)

    def _provider(self, spec: Spec) -> Provider | None:
        named = spec.table.provider
        if named is None:
            named = spec.defaults.provider
        name = self._project.default_provider if named is None else named
        provider = self._providers.get(name)
        # What is wrong with a provider that the project has was told where it was resolved,
        # and a default that it has not where the project was loaded.
        if provider is None and named is not None and named not in self._project.providers:
            trouble = unknown_provider(named, self._project.providers)
            self._findings.add(trouble, spec.value_span("provider"))
        return provider

    def _check_length(self, spec: Spec, prompt: str | None, provider: Provider) -> None:
        limit = provider.profile.prompt_characters_max
        if prompt is not None and len(prompt) > limit:
            key = "prompt" if spec.table.prompt is not None else "prompt_file"
            trouble = Trouble(
                code=Code.PROMPT_TEXT,
                summary=f"the prompt of `{spec.name}` has {len(prompt)} characters",
                allowed=f"at most {limit}",
                fix="shorten it",
            )
            self._findings.add(trouble, spec.file.document.value_span((*spec.path, key)))

    def _variants_of(self, spec: Spec, provider: Provider) -> tuple[Variant, ...]:
        written = spec.table.variants or spec.defaults.variants or (Variant.VIDEO.value,)
        key = tuple(written)
        variants = self._variants.get(key)
        if variants is None:
            variants = tuple(sorted({Variant(variant) for variant in key}))
            self._variants[key] = variants
        for variant in variants:
            if variant not in provider.profile.variants:
                self._not_offered(
                    spec, "variants", variant.value, provider.profile.variants, provider
                )
        if Variant.VIDEO not in variants:
            trouble = Trouble(
                code=Code.BAD_VALUE,
                summary="`variants` must hold `video`",
                fix=f"write {[Variant.VIDEO.value, *(v.value for v in variants)]}".replace(
                    "'", '"'
                ),
            )
            self._findings.add(trouble, spec.value_span("variants"))
        return variants

    def _check_name(self, spec: Spec, model: str) -> None:
        """Warn of a model that the preview would draw, and no server have: as like as not a slip.

        Of a name that is like no other nothing can be said: the servers have more models than
        anybody lists.
        """
        names = self._bare_models
        bare = bare_model(model)
        if bare in names:
            return
        close = nearest(bare, names, likeness=_SLIP_LIKENESS)
        if close is None:
            return
        trouble = Trouble(
            code=Code.ODD_MODEL,
            summary=f"no profile knows a model `{model}`: the preview draws it like any other",
            fix=f"write `{close}`, if that is meant; else give `{model}` a price under"
            " [providers.NAME] of the one that has it",
        )
        self._findings.add(trouble, spec.value_span("model"), severity="warning")

    @cached_property
    def _bare_models(self) -> frozenset[str]:
        """Every model that somebody has named."""
        of_project = (each.profile.named_models for each in self._providers.values())
        return frozenset(map(bare_model, {*self._known_models}.union(*of_project)))

    def _nothing_to_fit(self, spec: Spec) -> None:
        trouble = Trouble(
            code=Code.NO_KEY,
            summary=f"`{spec.name}` says how its input reference is fitted, and has none",
            fix='add input_reference = "…", or remove `reference_fit`',
        )
        self._findings.add(trouble, spec.file.document.key_span((*spec.path, "reference_fit")))

    def _no_model(self, spec: Spec, provider: Provider) -> None:
        trouble = Trouble(
            code=Code.NO_KEY,
            summary=f"`{spec.name}` names no model, and provider `{provider.name}` has no default",
            fix='write model = "…", here or in [defaults], or default_model under'
            f" [providers.{provider.name}]",
        )
        self._findings.add(trouble, spec.file.document.key_span(spec.path))

    def _extra(self, spec: Spec, provider: Provider) -> tuple[tuple[str, ExtraValue], ...]:
        """What else the server is told, as its profile says that it takes it."""
        taken = provider.profile.extra_fields
        found: dict[str, ExtraValue] = {}
        for name, written in sorted((spec.table.extra or {}).items()):
            if name.casefold() in SAID_ELSEWHERE:
                self._said_elsewhere(spec, name)
                continue
            kind = taken.get(name, taken.get("*"))
            value = None if kind is None else extra_value(written, kind)
            if value is not None:
                found[name] = value
                continue
            trouble = Trouble(
                code=Code.NOT_OFFERED,
                summary=f"provider `{provider.name}` takes no extra field `{name}`"
                if kind is None
                else f"`{name}` must be {EXTRA_WORDS[kind]}",
                allowed=(listed(taken) or "no extra field at all") if kind is None else None,
                fix=f"correct that with extra_fields under [providers.{provider.name}]"
                if kind is None
                else None,
            )
            span = spec.file.document.value_span((*spec.path, "extra", name))
            self._findings.add(trouble, span)
        return tuple(found.items())

    def _said_elsewhere(self, spec: Spec, name: str) -> None:
        trouble = Trouble(
            code=Code.BAD_VALUE,
            summary=f"`{name}` is no extra field: it would make another video than is planned",
            fix="say it with the video's own keys, as model, seconds, size, takes or"
            " input_reference",
        )
        span = spec.file.document.value_span((*spec.path, "extra", name))
        self._findings.add(trouble, span)

    def _not_offered(
        self,
        spec: Spec,
        key: str,
        value: str | int,
        offered: Collection[str | int],
        provider: Provider,
    ) -> None:
        trouble = Trouble(
            code=Code.NOT_OFFERED,
            summary=f"provider `{provider.name}` does not offer {key} `{value}`",
            allowed=listed(offered),
            fix=_nearest_value(value, offered),
        )
        self._findings.add(trouble, spec.value_span(key))

    def _outputs(self, spec: Spec, variants: tuple[Variant, ...]) -> Mapping[Variant, str]:
        if self._template is None or not spec.is_published:
            return {}
        try:
            return self._template.paths(variants, spec.in_path)
        except BadTemplateError as error:
            source, path = self._project.source, ("project", "output")
            span = source.span_inside(path, error.where) if source else None
            self._findings.add(error.trouble, span)
            return {}

    def _may_publish(self, spec: Spec, declaration: Declaration) -> bool:
        raised = self._findings.raised
        for variant, path in declaration.outputs.items():
            trouble = self._places.trouble_with(path)
            if trouble is not None:
                self._findings.add(trouble, self._project.value_span(("project", "output")))
                continue
            owner = self._places.claim(path, declaration.address, variant)
            if owner is not None:
                self._shared(spec, path, owner, (declaration.address, variant))
        return self._findings.raised == raised

    def _shared(
        self,
        spec: Spec,
        path: str,
        owner: tuple[Address, Variant],
        other: tuple[Address, Variant],
    ) -> None:
        if owner[0] == other[0]:
            who = f"the {owner[1].value} and the {other[1].value} of `{owner[0]}`"
            fix = "add {ext} or {variant} to `output` in [project]"
        else:
            who = f"`{owner[0]}` and `{other[0]}`"
            fix = "rename one of them, or add {address} to `output` in [project]"
        trouble = Trouble(
            code=Code.OUTPUT_SHARED, summary=f"{who} would share the path `{path}`", fix=fix
        )
        self._findings.add(trouble, spec.file.document.key_span(spec.path))


class _Family:
    """All videos, by their addresses and by their names."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        self.by_address: dict[Address, Spec] = {}  # the first of each
        self.by_name: dict[str, list[Spec]] = {}
        for spec in specs:
            self.by_address.setdefault(spec.address, spec)
            self.by_name.setdefault(spec.name, []).append(spec)


_MANY: Mapping[Derivation, str] = {"remix": "remixes", "edit": "edits", "extend": "extensions"}


def _parent_keys(spec: Spec) -> tuple[str, ...]:
    """The keys by which a spec names what it derives from: one at most, if it is right."""
    return tuple(
        key for key in _DERIVATIONS if key in spec.wrong or getattr(spec.table, key) is not None
    )


def _parent_key(spec: Spec) -> str | None:
    """The first key by which a spec names a declared parent."""
    return next((key for key in _parent_keys(spec) if key in DERIVED_BY), None)


def tell_duplicates(written: Sequence[Spec], findings: Findings) -> None:
    """Tell of tables that declare a name a second time."""
    by_name: dict[str, Spec] = {}
    for spec in written:
        first = by_name.setdefault(spec.name, spec)
        if first is not spec:
            before = first.file.document.key_span(first.path)
            here = spec.file.document.key_span(spec.path)
            summary = (
                f"video `{spec.name}` is declared twice: {before.file}:{before.line} "
                f"and {here.file}:{here.line}"
            )
            trouble = Trouble(code=Code.DUPLICATE, summary=summary, fix="rename one of them")
            findings.add(trouble, here)


def _first(own: _Value | None, default: _Value | None, last: _Last) -> _Value | _Last:
    if own is not None:
        return own
    return default if default is not None else last


def _sizes(profile: Profile, model: str) -> tuple[str, ...]:
    if sizes := profile.sizes_of(model):
        return sizes
    step = f", in steps of {profile.size_step}" if profile.size_step > 1 else ""
    return (f"WIDTHxHEIGHT, each up to {profile.size_pixels_max} pixels{step}",)


def _nearest_value(value: str | int, offered: Collection[str | int]) -> str | None:
    numbers = [other for other in offered if isinstance(other, int)]
    if isinstance(value, int) and numbers:
        return f"write {min(numbers, key=lambda other: (abs(other - value), other))}"
    return nearest_fix(str(value), map(str, offered))


def _tags(tags: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(sorted(set(tags))) if tags else ()
