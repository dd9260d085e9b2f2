"""Where each declared video is published; no two at one path."""

from collections.abc import Mapping

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration
from reconciler.domain.profile import Variant
from reconciler.specs.codes import Code
from reconciler.specs.findings import Findings, Trouble
from reconciler.specs.outputs import BadTemplateError, OutputPlaces, OutputTemplate
from reconciler.specs.project import Project
from reconciler.specs.spec import Spec


class Publishing:
    """The paths of all videos, by the project's template."""

    def __init__(
        self,
        project: Project,
        template: OutputTemplate | None,
        places: OutputPlaces,
        findings: Findings,
    ) -> None:
        """Nothing is published where the template cannot be read, which is told elsewhere."""
        self._project = project
        self._template = template
        self._places = places
        self._findings = findings

    def outputs(self, spec: Spec, variants: tuple[Variant, ...]) -> Mapping[Variant, str]:
        """Where the variants of a video go; nowhere where the template fails, which is told."""
        if self._template is None or not spec.is_published:
            return {}
        try:
            return self._template.paths(variants, spec.in_path)
        except BadTemplateError as error:
            source, path = self._project.source, ("project", "output")
            span = source.span_inside(path, error.where) if source else None
            self._findings.add(error.trouble, span)
            return {}

    def may_publish(self, spec: Spec, declaration: Declaration) -> bool:
        """Take the paths of a video; False where one is not free, which is told."""
        raised = self._findings.raised
        for variant, path in declaration.outputs.items():
            trouble = self._places.trouble_with(path)
            if trouble is not None:
                self._findings.add(trouble, self._project.value_span(("project", "output")))
                continue
            owner = self._places.claim(path, declaration.address, variant)
            if owner is not None:
                trouble = _shared(path, owner, (declaration.address, variant))
                self._findings.add(trouble, spec.file.document.key_span(spec.path))
        return self._findings.raised == raised


def _shared(path: str, owner: tuple[Address, Variant], other: tuple[Address, Variant]) -> Trouble:
    if owner[0] == other[0]:
        who = f"the {owner[1].value} and the {other[1].value} of `{owner[0]}`"
        fix = "add {ext} or {variant} to `output` in [project]"
    else:
        who = f"`{owner[0]}` and `{other[0]}`"
        fix = "rename one of them, or add {address} to `output` in [project]"
    summary = f"{who} would share the path `{path}`"
    return Trouble(code=Code.OUTPUT_SHARED, summary=summary, fix=fix)
