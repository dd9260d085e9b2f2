"""Servers, profiles, and what a check of a server found: for people and for scripts."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from rich import box
from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text
from typing_extensions import TypedDict

from reconciler.cli.documents import FORMAT, Money, money
from reconciler.cli.trust import Use
from reconciler.cli.units import price, printable
from reconciler.domain.durations import as_written
from reconciler.domain.errors import SorafileError
from reconciler.domain.probing import (
    Exchange,
    Finding,
    Outcome,
    Scalar,
    Seen,
    Value,
    Verdict,
    corrections,
    findings,
)
from reconciler.domain.profile import Profile, Variant
from reconciler.domain.provider import Provider
from reconciler.specs.corrections import toml_of

_COLUMNS = """\
stills: thumbnail and spritesheet; kept: how long a finished video can be had;
durable: jobs survive a restart; prices: as of when. [providers.NAME] corrects
any of it."""

_SAYS: Mapping[Verdict, tuple[str, str]] = {
    "breaks": ("What its profile promises, and does not hold:", "red"),
    "differs": ("What it does otherwise than its profile says:", "yellow"),
    "agrees": ("What was seen to be so:", "green"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One provider of a project."""

    use: Use
    may_act: bool  # it needs no trust, or has it
    profile: str  # its name


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What one check found."""

    provider: Provider
    profile_name: str = ""
    seen: Seen
    exchanges: tuple[Exchange, ...]
    outcome: Outcome | None = None  # of the video that was bought
    cost_usd: Decimal | None = None  # of that; None: unknown
    failure: SorafileError | None = None  # why none was bought, though it was asked for
    is_written: bool = False  # the corrections are in the project file by now

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What breaks a promise first."""
        return findings(self.provider.profile, self.seen)

    @property
    def corrections(self) -> Mapping[str, Value]:
        """What the provider's table should say, by key."""
        return corrections(self.findings)

    @property
    def toml(self) -> str:
        """The same as TOML; empty where there is nothing to correct."""
        return toml_of(self.provider.name, self.corrections) if self.corrections else ""

    @property
    def is_broken(self) -> bool:
        """Whether a promise does not hold by now, or the video that was bought failed."""
        if self.outcome is not None and not self.outcome.is_made:
            return True
        return any(
            each.verdict == "breaks" and not (self.is_written and each.correction is not None)
            for each in self.findings
        )


class ServerDocument(TypedDict):
    """One provider of the project. The key is told by its source, never as it is."""

    name: str
    profile: str
    base_url: str | None  # null: embedded
    account: str
    key: str | None
    trusted: bool  # it may act: it needs no trust, or a consent is recorded


class ProfileDocument(TypedDict):
    """What a shipped profile says of its kind of server."""

    name: str
    about: str
    list: Literal["complete", "partial", "none"]
    delete: bool
    remix: bool
    variants: Sequence[str]
    result: Literal["content", "url", "either"]
    asset_lifetime: str | None  # as `24h`; null: not known
    jobs_survive_restart: bool
    prices_source: str
    prices_date: str | None


class ListDocument(TypedDict):
    """What `provider list --json` prints."""

    format_version: str
    providers: list[ServerDocument]
    profiles: list[ProfileDocument]


JsonScalar = bool | int | str
JsonValue = JsonScalar | list[str | int] | dict[str, JsonScalar | list[str]] | None


class FindingDocument(TypedDict):
    """One fact: `field` is a key below `[providers.NAME]`, or words where no key says it."""

    field: str
    verdict: Verdict
    profile: JsonValue
    server: JsonValue
    evidence: str
    correction: JsonValue  # null: none


class ExchangeDocument(TypedDict):
    """One request, and what came."""

    method: str
    path: str
    answer: str


class BoughtDocument(TypedDict):
    """The video that was bought."""

    id: str
    status: str | None
    cost_usd: Money
    left_because: str | None  # why its job may still be there; null: it is deleted


class CheckErrorDocument(TypedDict):
    """Why no video was bought, or what became of the request."""

    code: str
    message: str
    fix: str | None


class CheckDocument(TypedDict):
    """What `provider check --json` prints."""

    format_version: str
    provider: str
    profile: str
    findings: list[FindingDocument]
    requests: list[ExchangeDocument]
    bought: BoughtDocument | None
    error: CheckErrorDocument | None
    toml: str  # what corrects the profile; empty where nothing does
    written: bool


def list_document(listed: Iterable[Listed], profiles: Iterable[Profile]) -> ListDocument:
    """Servers and profiles as their document."""
    return ListDocument(
        format_version=FORMAT,
        providers=[
            ServerDocument(
                name=each.use.provider.name,
                profile=each.profile,
                base_url=each.use.provider.base_url,
                account=each.use.provider.account,
                key=each.use.key if each.use.provider.key else None,
                trusted=each.may_act,
            )
            for each in listed
        ],
        profiles=[
            ProfileDocument(
                name=each.name,
                about=each.about,
                list=each.list,
                delete=each.delete,
                remix=each.remix,
                variants=[variant.value for variant in each.variants],
                result=each.wire.result,
                asset_lifetime=_lifetime(each),
                jobs_survive_restart=each.jobs_survive_restart,
                prices_source=each.prices_source,
                prices_date=each.prices_date.isoformat() if each.prices_date else None,
            )
            for each in profiles
        ],
    )


def list_text(listed: Sequence[Listed], profiles: Collection[Profile]) -> Group:
    """Servers and profiles in two tables of 80 columns, and what each profile is for."""
    servers = _table("provider", "profile", "account", "trust", "server")
    for each in listed:
        servers.add_row(
            each.use.provider.name,
            each.profile,
            each.use.provider.account,
            "-" if not each.use.needs else "given" if each.may_act else "missing",
            f"{each.use.url}\nkey: {each.use.key}" if each.use.provider.key else each.use.url,
        )
    kinds = _table(
        "profile", "list", "delete", "remix", "stills", "result", "kept", "durable", "prices"
    )
    for profile in profiles:
        pictures = [v.value for v in profile.variants if v is not Variant.VIDEO]
        kinds.add_row(
            profile.name,
            profile.list,
            _yes(profile.delete),
            _yes(profile.remix),
            ("-", "one", "both")[len(pictures)],
            profile.wire.result,
            _lifetime(profile) or "?",
            _yes(profile.jobs_survive_restart),
            f"{profile.prices_date:%Y-%m}" if profile.prices_date else "-",
        )
    abouts = _table("profile", "what it is of")
    for profile in profiles:
        abouts.add_row(profile.name, profile.about)
    return Group(servers, Text(), kinds, Text(_COLUMNS), Text(), abouts)


def check_document(checked: Checked) -> CheckDocument:
    """What a check found, as its document."""
    outcome, failure = checked.outcome, checked.failure
    bought = None
    if outcome is not None:
        bought = BoughtDocument(
            id=outcome.remote_id,
            status=outcome.job.status.value if outcome.job else None,
            cost_usd=money(checked.cost_usd),
            left_because=outcome.left_because,
        )
    error = None
    if failure is not None:
        error = CheckErrorDocument(code=failure.code, message=failure.message, fix=failure.fix)
    return CheckDocument(
        format_version=FORMAT,
        provider=checked.provider.name,
        profile=checked.profile_name,
        findings=[
            FindingDocument(
                field=each.field,
                verdict=each.verdict,
                profile=_json(each.profile),
                server=_json(each.server),
                evidence=each.evidence,
                correction=_json(each.correction),
            )
            for each in checked.findings
        ],
        requests=[
            ExchangeDocument(method=each.method, path=each.path, answer=each.answer)
            for each in checked.exchanges
        ],
        bought=bought,
        error=error,
        toml=checked.toml,
        written=checked.is_written,
    )


def check_text(checked: Checked, to_write: str, *, with_requests: bool) -> Group:
    """What a check found, in tables of 80 columns; `to_write` is the command that writes it."""
    return Group(*_check(checked, to_write, with_requests=with_requests))


def _check(checked: Checked, to_write: str, *, with_requests: bool) -> Iterator[RenderableType]:
    if with_requests:
        for each in checked.exchanges:
            yield Text(printable(f"{each.method} {each.path}: {each.answer}"))
        yield Text()
    found = checked.findings
    for verdict, (title, color) in _SAYS.items():
        rows = [each for each in found if each.verdict == verdict]
        if rows:
            yield Text(title, Style(color=color, bold=True))
            yield _as_promised(rows) if verdict == "agrees" else _findings(rows)
            yield Text()
    yield from _bought(checked)
    if all(each.verdict == "agrees" for each in found):
        yield Text(
            f"{checked.provider.name} does all that was seen as its profile,"
            f" {checked.profile_name}, says."
        )
    if checked.toml and not checked.is_written:
        yield Text(f"In sorafile.toml this corrects the profile. To write it there: {to_write}")
        yield Text()
        yield Text(checked.toml.rstrip(), no_wrap=True, overflow="fold")


def _findings(rows: Iterable[Finding]) -> Table:
    table = _table("fact", "profile", "server", "as was seen")
    for each in rows:
        table.add_row(
            each.field, _shown(each.profile), _shown(each.server), printable(each.evidence)
        )
    return table


def _as_promised(rows: Iterable[Finding]) -> Table:
    table = _table("fact", "server", "as was seen")
    for each in rows:
        table.add_row(each.field, _shown(each.server), printable(each.evidence))
    return table


def _bought(checked: Checked) -> Iterator[Text]:
    outcome = checked.outcome
    if outcome is None:
        return
    cost = "at an unknown price" if checked.cost_usd is None else f"for {price(checked.cost_usd)}"
    said = f"Bought job {printable(outcome.remote_id)} {cost}: "
    if outcome.job is None:
        said += "it could not be looked at."
    else:
        error = outcome.job.error
        why = printable(f" ({error.code}: {error.message})") if error else ""
        said += f"{outcome.job.status.value}{why}."
    yield Text(f"{said} It is in no state, and its cost not in the ledger.")
    if outcome.left_because is not None:
        yield Text(f"Its job was not deleted: {printable(outcome.left_because)}.")
    yield Text()


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _shown(value: Value) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return _yes(value)
        case Mapping():
            return ", ".join(f"{key} = {means}" for key, means in value.items()) or "-"
        case Sequence() if not isinstance(value, str):
            return ", ".join(printable(str(each)) for each in value) or "none"
        case _:
            return printable(str(value))


def _json(value: Value) -> JsonValue:
    match value:
        case Mapping():
            return {key: _json_scalar(each) for key, each in value.items()}
        case Decimal():
            return str(value)
        case Sequence() if not isinstance(value, str):
            return list(value)
        case _:
            return value


def _json_scalar(value: Scalar | Sequence[str]) -> JsonScalar | list[str]:
    if isinstance(value, Decimal):
        return str(value)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _lifetime(profile: Profile) -> str | None:
    return None if profile.asset_lifetime_s is None else as_written(profile.asset_lifetime_s)
