"""Which provider serves a video."""

from collections.abc import Mapping

from reconciler.domain.provider import Provider
from reconciler.specs.findings import Findings
from reconciler.specs.project import Project, unknown_provider
from reconciler.specs.spec import Spec


class Serving:
    """The providers that can be used, by name, and the one that serves who names none."""

    def __init__(
        self, project: Project, providers: Mapping[str, Provider], findings: Findings
    ) -> None:
        self._project = project
        self._providers = providers
        self._findings = findings

    def __getitem__(self, name: str) -> Provider:
        return self._providers[name]

    def __contains__(self, name: str) -> bool:
        return name in self._providers

    def of(self, spec: Spec) -> Provider | None:
        """The provider of a video; None where it cannot be used, which is told."""
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
