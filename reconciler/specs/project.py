"""The project file: `sorafile.toml` to the settings of a project."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from reconciler.domain.budget import NO_BUDGET, Budget
from reconciler.domain.errors import Diagnostic, SourceSpan
from reconciler.domain.profile import Profile
from reconciler.domain.provider import Provider
from reconciler.specs.codes import Code
from reconciler.specs.document import Document, InvalidTomlError, read_project_toml
from reconciler.specs.findings import Findings, Trouble, listed, nearest_fix
from reconciler.specs.folder import (
    PROJECT_FILE_NAME,
    ProjectFolder,
    UnusablePathError,
    may_be_there,
    read_text,
    trouble_with_place,
)
from reconciler.specs.mistakes import read_tables
from reconciler.specs.places import KeyPath
from reconciler.specs.providers import (
    BadProviderError,
    ProviderSettings,
    provider_from,
    settings_from,
    trouble_with_table,
)
from reconciler.specs.shape import (
    PROJECT_FILE,
    PROVIDER_KEYS,
    BudgetTable,
    DefaultsTable,
    ProjectTable,
    WorkspaceTable,
)
from reconciler.specs.variables import Scalar
from reconciler.specs.workspaces import DEFAULT_WORKSPACE, ProjectSource, of_workspace

PREVIEW = ProviderSettings(name="preview", profile="preview", account="preview")
"""The provider that every project has: free, offline, built in."""

_OUTPUT_OF = {DEFAULT_WORKSPACE: "videos/{address}.{ext}"}
_OUTPUT_OF_OTHERS = "videos/{workspace}/{address}.{ext}"

_BYTES_MAX = 16 * 1024 * 1024
_SQLITE = re.compile(r"sqlite(?:\+\w+)?:///(?P<path>[^?]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project's settings; where its file says nothing, the defaults."""

    root: Path
    specs: tuple[str, ...] = ("specs",)  # folders or globs, relative to the root
    output: str = "videos/{address}.{ext}"  # a template
    state: str = "sqlite:///state/sorafile.db"  # a URL as written, relative to the root
    assets: str = "state/assets"  # relative to the root
    default_provider: str = "preview"
    providers: Mapping[str, ProviderSettings]
    defaults: DefaultsTable
    variables: Mapping[str, Scalar] = field(default_factory=dict)
    budget: Budget = NO_BUDGET
    workspace: str = DEFAULT_WORKSPACE
    workspaces: tuple[str, ...] = ()  # that override something
    source: ProjectSource | None = field(default=None, repr=False, compare=False)  # None: no file

    @property
    def database(self) -> Path | None:
        """The file of a state that is one; None: it is on a server."""
        found = _SQLITE.match(self.state)
        return None if found is None else self.root / found["path"]

    def value_span(self, path: KeyPath) -> SourceSpan | None:
        """Where a value is written in `sorafile.toml`; None: there is no file."""
        return self.source.value_span(path) if self.source is not None else None

    def key_span(self, path: KeyPath) -> SourceSpan | None:
        """Where a key is written in `sorafile.toml`; None: there is no file."""
        return self.source.key_span(path) if self.source is not None else None

    def names(self, key: str) -> bool:
        """Whether `[project]` itself says something of a key."""
        return self.source is not None and self.source.says(("project", key))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedProject:
    """A project with what is wrong with its file; what is wrong is left to the defaults."""

    project: Project
    diagnostics: tuple[Diagnostic, ...]


def find_project(start: Path) -> Path:
    """The nearest folder upward that holds a `sorafile.toml`, else `start` itself."""
    folder = start.resolve()
    for above in (folder, *folder.parents):
        with suppress(OSError):  # nobody may look there
            if (above / PROJECT_FILE_NAME).exists():
                return above
    return folder


def load_project(
    root: Path, workspace: str = DEFAULT_WORKSPACE, *, drafted: str | None = None
) -> LoadedProject:
    """Read `sorafile.toml`, if there is one, as a workspace has it.

    A text that is `drafted` for it counts as if it were written. Raises nothing for what is
    wrong in it.
    """
    findings = Findings()
    document = _read_source(root, drafted, findings)
    if document is None:
        project = _project(root, WorkspaceTable(), None, workspace)
        return LoadedProject(project=project, diagnostics=findings.in_order([PROJECT_FILE_NAME]))
    written, _ = read_tables(PROJECT_FILE, "project", document, findings)
    source, tables = ProjectSource(document, workspace), of_workspace(written, workspace)
    for name, table in tables.providers.items():
        for key, trouble in trouble_with_table(table):
            findings.add(trouble, source.value_span(("providers", name, key)))
    project = _project(root, tables, source, workspace, tuple(written.workspace))
    _check_default_provider(project, findings)
    if "://" in project.assets:
        summary = "an asset store that is no folder is not available in this release"
        trouble = Trouble(code=Code.LATER, summary=summary, fix="name a folder")
        findings.add(trouble, source.value_span(("project", "assets")))
    _check_places(project, findings)
    return LoadedProject(project=project, diagnostics=findings.in_order([PROJECT_FILE_NAME]))


def resolve_providers(
    project: Project, profiles: Mapping[str, Profile], environ: Mapping[str, str]
) -> tuple[Mapping[str, Provider], tuple[Diagnostic, ...]]:
    """Merge every provider of the project onto its profile.

    Args:
        project: from `load_project`.
        profiles: all that this release has, by name.
        environ: where OPENAI_BASE_URL and OPENAI_API_KEY may stand, for providers that name
            neither a URL nor a key.

    Returns:
        The providers that can be used, by name, and what is wrong with the others.
    """
    findings, providers = Findings(), {}
    for name, settings in project.providers.items():
        try:
            providers[name] = provider_from(settings, profiles, environ)
        except BadProviderError as error:
            for key, trouble in error.troubles:
                findings.add(trouble, project.value_span(("providers", name, key)))
    return providers, findings.in_order([PROJECT_FILE_NAME])


def read_project_text(root: Path) -> str | None:
    """The text of `sorafile.toml`, with its mark and its line ends; None: there is none.

    Raises:
        UnusablePathError: it cannot be read.
    """
    path = root / PROJECT_FILE_NAME
    if not may_be_there(path) and not path.is_symlink():
        return None
    real = ProjectFolder(root).resolve(PROJECT_FILE_NAME, base=PurePosixPath())
    return read_text(real, PROJECT_FILE_NAME, bytes_max=_BYTES_MAX)


def _read_source(root: Path, drafted: str | None, findings: Findings) -> Document | None:
    try:
        text = read_project_text(root) if drafted is None else drafted
        if text is None:
            return None
        return read_project_toml(PROJECT_FILE_NAME, text, plain_keys=PROVIDER_KEYS - {"api_key"})
    except UnusablePathError as error:
        findings.add(error.trouble, SourceSpan(file=PROJECT_FILE_NAME, line=1, column=1))
    except InvalidTomlError as error:
        trouble = Trouble(code=Code.SYNTAX, summary=f"this is not TOML: {error.reason}")
        findings.add(trouble, error.span)
    return None


def _project(
    root: Path,
    tables: WorkspaceTable,
    source: ProjectSource | None,
    workspace: str,
    workspaces: tuple[str, ...] = (),
) -> Project:
    named = tables.project or ProjectTable()
    written = {name: settings_from(name, table) for name, table in tables.providers.items()}
    settings = {
        "output": named.output or _OUTPUT_OF.get(workspace, _OUTPUT_OF_OTHERS),
        "state": named.state,
        "assets": named.assets,
        "default_provider": named.provider,
    }
    return Project(
        root=root,
        specs=tuple(named.specs) if named.specs is not None else ("specs",),
        providers={"preview": PREVIEW} | written,
        defaults=tables.defaults or DefaultsTable(),
        variables=tables.vars,
        budget=_budget(tables.budget or BudgetTable()),
        workspace=workspace,
        workspaces=workspaces,
        source=source,
        **{key: value for key, value in settings.items() if value is not None},
    )


def _budget(table: BudgetTable) -> Budget:
    return Budget(
        per_run_usd=table.per_run,
        per_day_usd=table.per_day,
        per_month_usd=table.per_month,
        per_tag_usd=table.per_tag or {},
    )


def _check_places(project: Project, findings: Findings) -> None:
    """See that the state and the assets can lie where they are said to."""
    places = {"assets": project.root / project.assets, "state": project.database}
    for key, place in places.items():
        written = getattr(project, key)
        trouble = None if place is None else trouble_with_place(place, written)
        if trouble is not None:
            findings.add(trouble, project.value_span(("project", key)))


def _check_default_provider(project: Project, findings: Findings) -> None:
    if project.default_provider not in project.providers:
        trouble = unknown_provider(project.default_provider, project.providers)
        findings.add(trouble, project.value_span(("project", "provider")))


def unknown_provider(name: str, known: Mapping[str, ProviderSettings]) -> Trouble:
    """What to say of a provider that the project does not have."""
    return Trouble(
        code=Code.UNKNOWN_PROVIDER,
        summary=f"there is no provider `{name}`",
        allowed=listed(sorted(known)),
        fix=nearest_fix(name, known) or f"add [providers.{name}] to {PROJECT_FILE_NAME}",
    )
