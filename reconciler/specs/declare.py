"""From specs to declarations: what each asks for, parents first, and where it is published."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from reconciler.domain.desired import Declaration
from reconciler.domain.provider import Provider
from reconciler.specs.asked import Asked
from reconciler.specs.codes import Code
from reconciler.specs.deriving import DerivedVideos
from reconciler.specs.findings import Findings, Trouble
from reconciler.specs.folder import ProjectFolder
from reconciler.specs.offered import ModelNames
from reconciler.specs.outputs import OutputPlaces, OutputTemplate
from reconciler.specs.parents import Family, parent_key, parents_first
from reconciler.specs.plain import PlainVideos
from reconciler.specs.project import Project
from reconciler.specs.publishing import Publishing
from reconciler.specs.serving import Serving
from reconciler.specs.spec import Spec, ignored_over, lifecycle_over

_Made = dict[Spec, Declaration | None]  # None: something is wrong with it


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
        named = (provider.profile.named_models for provider in providers.values())
        models = ModelNames({*known_models}.union(*named))
        serving = Serving(project, providers, findings)
        self._plain = PlainVideos(serving, models, folder, findings)
        self._derived = DerivedVideos(serving, folder, findings)
        self._publishing = Publishing(project, template, places, findings)
        self._findings = findings

    def declare(
        self, specs: Sequence[Spec], may_be_declared: Callable[[str], bool]
    ) -> Iterator[Declaration]:
        """Check every spec, and give the declarations of those with nothing wrong.

        Args:
            specs: in the order of their files and lines.
            may_be_declared: whether a name may stand in a file that could not be read, so that
                its absence says nothing.
        """
        made: _Made = {}
        prompts: dict[Spec, str | None] = {}
        for spec in specs:
            if parent_key(spec) is not None:
                prompts[spec] = self._derived.prompt(spec)
            elif spec.table.remix_of_id is not None:
                made[spec] = self._declared(spec, self._derived.asked_of_external(spec))
            else:
                made[spec] = self._declared(spec, self._plain.asked(spec))
        family = Family(specs)
        parents = {
            spec: family.parent_of(spec, may_be_declared, self._findings) for spec in prompts
        }
        for spec in parents_first(parents, self._findings):
            made[spec] = self._derive(spec, parents[spec], prompts[spec], made)
        for spec in family.by_address.values():
            declaration = made[spec]
            if declaration is not None and self._publishing.may_publish(spec, declaration):
                yield declaration

    def _derive(
        self, spec: Spec, parent: Spec | None, prompt: str | None, made: _Made
    ) -> Declaration | None:
        of = made.get(parent) if parent is not None else None
        return None if of is None else self._declared(spec, self._derived.asked(spec, of, prompt))

    def _declared(self, spec: Spec, asked: Asked | None) -> Declaration | None:
        if asked is None:
            return None
        table = spec.table
        tags = table.tags if table.tags is not None else spec.defaults.tags
        return Declaration(
            address=spec.address,
            provider=asked.provider.name,
            recipe=asked.recipe,
            digest=asked.recipe.digest,
            model=asked.model,
            seconds=asked.seconds,
            size=asked.size,
            variants=asked.variants,
            outputs=self._publishing.outputs(spec, asked.variants),
            tags=tuple(sorted(set(tags))) if tags else (),
            lifecycle=lifecycle_over(table.lifecycle, spec.file.lifecycle),
            ignore_changes=ignored_over(table.lifecycle, spec.file.ignore_changes),
            parent=asked.parent,
            reference=asked.reference,
            file=spec.file.document.file,
        )


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
