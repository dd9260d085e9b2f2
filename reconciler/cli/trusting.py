"""The trust command: all that a checkout would do with URLs and keys, and a person's consent."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import TypedDict

from reconciler.cli.asking import consent
from reconciler.cli.consents import Consents
from reconciler.cli.documents import FORMAT
from reconciler.cli.opening import mistakes_told, print_document
from reconciler.cli.options import Options
from reconciler.cli.trust import CONSENT, Need, Use, is_trusted_by_environment, recorded
from reconciler.cli.units import plural
from reconciler.cli.wiring import read_providers
from reconciler.domain.provider import Provider
from reconciler.specs.project import find_project


class UseDocument(TypedDict):
    """What one provider would do."""

    provider: str
    workspaces: list[str]  # in which it is like this
    base_url: str | None  # null: embedded
    key: dict[str, str | list[str]] | None  # as in sorafile.toml; never the key
    account: str
    needs_trust: list[Need]  # for what; empty: it needs none
    trusted: bool  # it may act: it needs no trust, or a consent is recorded


class TrustDocument(TypedDict):
    """What `trust --json` prints."""

    format_version: str
    project: str
    everything_by_environment: bool
    providers: list[UseDocument]


_WORDS: Mapping[Need, str] = {"url": "its URL", "command": "its command"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    use: Use
    digest: str
    workspaces: tuple[str, ...]
    is_in_all: bool
    is_recorded: bool
    doubt: str | None

    @property
    def is_missing(self) -> bool:
        return bool(self.use.needs) and not self.is_recorded

    def standing(self) -> str:
        if not self.use.needs:
            return "not needed"
        if self.is_recorded:
            return "given"
        doubt = f" ({self.doubt})" if self.doubt else ""
        return f"missing{doubt}, for {' and '.join(_WORDS[each] for each in self.use.needs)}"


def show_and_consent(said: Options, *, yes: bool) -> int:
    """Show what every provider would do, and record the consent to what needs one."""
    with mistakes_told(said):
        project, providers = read_providers(said.folder)
    consents = Consents(project)

    def rows() -> list[_Row]:
        return list(_rows(project, providers, consents))

    before = rows()
    missing = [each for each in before if each.is_missing]
    if not said.json:
        _show(said, project, before)
    if missing and yes:
        consents.add(each.digest for each in missing)
    if said.json:
        print_document(said, _document(project, rows()))
    if not missing:
        return 0
    names = ", ".join(dict.fromkeys(each.use.provider.name for each in missing))
    if not yes:
        consent(said, f"Not trusted yet: {names}", "Let this checkout do that, from now on?")
        consents.add(each.digest for each in missing)
    if not said.json:
        said.terminal.talk(f"Trusted: {names}. To take it back: {said.command('trust --revoke')}")
    return 0


def revoke(said: Options) -> int:
    """Take back all that was consented to for this checkout."""
    project = find_project(said.folder)  # whatever its file says by now
    count = Consents(project).drop_all()
    if said.json:
        print_document(said, {"format_version": FORMAT, "project": str(project), "revoked": count})
    else:
        said.terminal.out.print(f"Took back {plural(count, 'consent')}.", soft_wrap=True)
    _tell_of_environment(said)
    return 0


def _rows(
    project: Path, providers: Mapping[str, Mapping[str, Provider]], consents: Consents
) -> Iterator[_Row]:
    """One for each provider, and for each way in which a workspace has it otherwise."""
    uses: dict[object, tuple[Use, list[str]]] = {}
    for workspace, named in providers.items():
        for each in named.values():
            alike = (each.name, each.base_url, each.key, each.account)
            use = Use(provider=each, project=project)
            uses.setdefault(alike, (use, []))[1].append(workspace)
    for use, workspaces in uses.values():
        digest = use.digest()
        is_recorded, doubt = recorded(consents, digest) if use.needs else (False, None)
        yield _Row(
            use=use,
            digest=digest,
            workspaces=tuple(workspaces),
            is_in_all=len(workspaces) == len(providers),
            is_recorded=is_recorded,
            doubt=doubt,
        )


def _show(said: Options, project: Path, rows: Sequence[_Row]) -> None:
    out = said.terminal.out
    out.print(f"What {project} would do:", soft_wrap=True)
    for row in rows:
        where = "" if row.is_in_all else f"  (workspace {', '.join(row.workspaces)})"
        lines = (f"{row.use.provider.name}{where}", *row.use.lines(), f"trust    {row.standing()}")
        out.print("\n  ".join(lines), soft_wrap=True)
    _tell_of_environment(said)


def _tell_of_environment(said: Options) -> None:
    if is_trusted_by_environment():
        said.terminal.talk(f"{CONSENT}=1 is set: all of it acts, whatever is recorded.")


def _document(project: Path, rows: Sequence[_Row]) -> TrustDocument:
    return TrustDocument(
        format_version=FORMAT,
        project=str(project),
        everything_by_environment=is_trusted_by_environment(),
        providers=[_use_document(each) for each in rows],
    )


def _use_document(row: _Row) -> UseDocument:
    provider = row.use.provider
    key = provider.key
    source: dict[str, str | list[str]] | None = None
    if key is not None:
        source = {key.kind: [*key.value] if key.kind == "command" else key.value[0]}
    return UseDocument(
        provider=provider.name,
        workspaces=[*row.workspaces],
        base_url=provider.base_url,
        key=source,
        account=provider.account,
        needs_trust=[*row.use.needs],
        trusted=not row.is_missing,
    )
