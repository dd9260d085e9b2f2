"""From the spec files of a project to its desired state. Reads files, and nothing else."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from reconciler.domain.address import Address
from reconciler.domain.blocks import Blocks
from reconciler.domain.desired import Declaration, Desired
from reconciler.domain.errors import Diagnostic, SourceSpan
from reconciler.domain.provider import Provider
from reconciler.specs.blocks import FileBlocks, read_blocks
from reconciler.specs.codes import Code
from reconciler.specs.declare import Declarer, tell_duplicates
from reconciler.specs.document import Document, InvalidTomlError, read_spec_toml
from reconciler.specs.expand import expand
from reconciler.specs.findings import Findings, Trouble, listed, nearest_fix
from reconciler.specs.folder import (
    PROJECT_FILE_NAME,
    ProjectFolder,
    UnusablePathError,
    may_be_there,
    read_text,
)
from reconciler.specs.mistakes import read_tables
from reconciler.specs.outputs import (
    BadTemplateError,
    OutputPlaces,
    OutputTemplate,
    fixed_folder,
)
from reconciler.specs.places import KeyPath
from reconciler.specs.project import Project
from reconciler.specs.shape import SPEC_FILE, DefaultsTable
from reconciler.specs.spec import Spec, file_defaults
from reconciler.specs.variables import Cell, Definitions, Given, Variables, check_given

_BYTES_MAX = 512 * 1024 * 1024
_NAMED = re.compile(r"""^\s*\[\s*video\s*\.\s*["']?([A-Za-z0-9_-]+)""", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSpecs:
    """What the specs ask for, sorted by address, and all that is wrong with them.

    A declaration with a mistake, and the remixes of one, are left out.
    """

    desired: Desired
    specs: Mapping[Address, Spec]  # what each address was written as
    blocks: Blocks
    defaults: Mapping[str, DefaultsTable]  # each file's own, of all that could be read
    diagnostics: tuple[Diagnostic, ...]
    inputs: frozenset[Path]  # what was read, or looked for in vain: files and their folders


def load_specs(
    project: Project,
    providers: Mapping[str, Provider],
    given: Given | None = None,
    *,
    drafted: Mapping[str, str] = MappingProxyType({}),
    known_models: Collection[str] = (),
) -> LoadedSpecs:
    """Read every spec file of a project; what is wrong in them is returned, never raised.

    Args:
        project: from `load_project`.
        providers: those of the project that can be used, by name.
        given: variables that no file gives.
        drafted: texts that are to be written, by file: they count, whatever lies there.
        known_models: those of other servers too, so that a misspelled one is noticed in a draft.
    """
    given = given or Given()
    findings, folder = Findings(), _folder(project)
    files = _spec_files(project, folder, drafted, findings)
    written: list[Spec] = []
    blocks: list[FileBlocks] = []
    unread = _UnreadNames()
    for file, real in files.items():
        document = _read(file, real, drafted.get(file), findings, unread)
        if document is not None:
            written += _specs_of(document, project, given, findings, unread, blocks)
    declarer = Declarer(
        project,
        providers,
        folder=folder,
        template=_template(project, findings),
        places=OutputPlaces(folder, _taken_folders(project, folder)),
        findings=findings,
        known_models=known_models,
    )
    specs: list[Spec] = []
    tell_duplicates(written, findings)
    for spec in written:
        videos = list(expand(spec, findings))
        specs += videos
        if not videos:
            unread.add_name(spec.name)
    declared = sorted(
        declarer.declare(specs, unread.may_hold),
        # Addresses compare field by field in Python; their keys do so in C.
        key=lambda declaration: (declaration.address.name, declaration.address.keys),
    )
    known = {
        *project.variables,
        *(name for spec in written for name in spec.file.variables.written()),
    }
    check_given(given, known, findings)
    if findings.raised == 0:  # else the videos that have the tag may be among those left out
        _check_tags_of_budget(project, declared, findings)
    desired = {declaration.address: declaration for declaration in declared}
    names = {spec.name for spec in specs} - {address.name for address in desired}
    return LoadedSpecs(
        desired=desired,
        specs={spec.address: spec for spec in reversed(specs)},
        blocks=read_blocks(
            blocks,
            desired,
            lambda name: name in names or unread.may_hold(name),  # of what has a mistake
            findings,
        ),
        defaults={each.document.file: each.tables.defaults or DefaultsTable() for each in blocks},
        diagnostics=findings.in_order([PROJECT_FILE_NAME, *files]),
        inputs=folder.asked_for,
    )


def _check_tags_of_budget(
    project: Project, declared: Iterable[Declaration], findings: Findings
) -> None:
    """Warn of a misspelled tag, whose cap would never hold anything back."""
    tags = {tag for declaration in declared for tag in declaration.tags}
    for tag in sorted(project.budget.per_tag_usd.keys() - tags):
        trouble = Trouble(
            code=Code.UNUSED_TAG,
            summary=f"no declared video has the tag `{tag}`, so this cap limits nothing",
            allowed=listed(sorted(tags)) or None,
            fix=nearest_fix(tag, tags),
        )
        span = project.key_span(("budget", "per_tag", tag))
        findings.add(trouble, span, severity="warning")


class _UnreadNames:
    """The names that files hold which could not be read."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._may_be_any = False

    def add_text(self, text: str) -> None:
        self._names.update(_NAMED.findall(text))

    def add_name(self, name: str) -> None:
        self._names.add(name)

    def add_left_out(self, path: KeyPath) -> None:
        if path == ("video",):
            self._may_be_any = True
        elif len(path) == 1 or (path[0] == "video" and len(path) == 2):  # noqa: PLR2004 - video.NAME
            self._names.add(str(path[-1]))

    def add_file(self) -> None:
        self._may_be_any = True

    def may_hold(self, name: str) -> bool:
        return self._may_be_any or name in self._names


def _spec_files(
    project: Project, folder: ProjectFolder, drafted: Iterable[str], findings: Findings
) -> dict[str, Path]:
    """Every spec file once, each with its real path, in the order of `project.specs`."""
    files: dict[str, Path] = {}
    seen: set[Path] = set()
    for index, entry in enumerate(project.specs):
        for file, found in folder.spec_files(entry):
            if isinstance(found, Trouble):
                _note_unusable(project, index, file, found, findings)
            elif found not in seen:
                seen.add(found)
                files[file] = found
    for file in drafted:
        files.setdefault(file, project.root / file)
    if not files and not findings.raised:
        trouble = Trouble(
            code=Code.NO_SPECS,
            summary="there is no spec file, so no video is declared",
            fix=f"write one below {project.specs[0]}",
        )
        findings.add(trouble, None, severity="warning")
    return files


def _note_unusable(
    project: Project, index: int, file: str, trouble: Trouble, findings: Findings
) -> None:
    entry = project.specs[index]
    is_entry = file in (entry, PurePosixPath(entry).as_posix())
    is_gone = is_entry and not may_be_there(project.root / entry)
    if is_gone and trouble.code is Code.UNREADABLE:
        if not project.names("specs"):
            return
        trouble = Trouble(
            code=Code.NO_FOLDER,
            summary=f"the specs folder `{entry}` is not there",
            fix="make it, or remove it from `specs`",
        )
    if is_entry:
        findings.add(trouble, project.value_span(("project", "specs", index)))
    else:
        findings.add(trouble, SourceSpan(file=file, line=1, column=1))


def _read(
    file: str, real: Path, drafted: str | None, findings: Findings, unread: _UnreadNames
) -> Document | None:
    try:
        text = drafted if drafted is not None else read_text(real, file, bytes_max=_BYTES_MAX)
    except UnusablePathError as error:
        findings.add(error.trouble, SourceSpan(file=file, line=1, column=1))
        unread.add_file()
        return None
    try:
        return read_spec_toml(file, text)
    except InvalidTomlError as error:
        trouble = Trouble(code=Code.SYNTAX, summary=f"this is not TOML: {error.reason}")
        findings.add(trouble, error.span)
        unread.add_text(text)
        return None


def _specs_of(
    document: Document,
    project: Project,
    given: Given,
    findings: Findings,
    unread: _UnreadNames,
    blocks: list[FileBlocks],
) -> Iterator[Spec]:
    tables, left_out = read_tables(SPEC_FILE, "spec", document, findings)
    defined = (Definitions(document, tables.vars), Definitions(project.source, project.variables))
    variables = Variables(given, defined, findings)
    defaults = file_defaults(
        document,
        tables.defaults or DefaultsTable(),
        project.defaults,
        variables=variables,
        source=project.source,
    )
    plain = Cell({}, variables)
    blocks.append(FileBlocks(document, tables))
    wrong: dict[str, set[str]] = {}
    for path in left_out:
        unread.add_left_out(path)
        if path[0] == "video" and len(path) > 2:  # noqa: PLR2004 - video.NAME.KEY
            wrong.setdefault(str(path[1]), set()).add(str(path[2]))
    nothing: frozenset[str] = frozenset()
    for name, table in tables.video.items():
        found = frozenset(wrong[name]) if name in wrong else nothing
        yield Spec(
            name=name,
            table=table,
            file=defaults,
            wrong=found,
            defaults=defaults.merged,
            variables=plain,
        )


def _template(project: Project, findings: Findings) -> OutputTemplate | None:
    try:
        return OutputTemplate(project.output, project.workspace)
    except BadTemplateError as error:
        path = ("project", "output")
        span = project.source.span_inside(path, error.where) if project.source else None
        findings.add(error.trouble, span)
        return None


def _folder(project: Project) -> ProjectFolder:
    return ProjectFolder(
        project.root, database=project.database, assets=project.root / project.assets
    )


def _taken_folders(project: Project, folder: ProjectFolder) -> Mapping[Path, str]:
    """The folders where no output may lie, each with what it is."""
    taken = {folder.root / fixed_folder(entry): "a specs folder" for entry in project.specs}
    if project.database is not None:
        taken[project.database.parent] = "the state folder"
    taken[folder.root / project.assets] = "the asset store"
    return taken
