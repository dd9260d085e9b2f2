"""The provider commands: what the servers are, and what one of them really does."""

import asyncio
import secrets
import shlex
from dataclasses import dataclass, replace
from decimal import Decimal

from reconciler.cli.asking import consent
from reconciler.cli.consents import Consents
from reconciler.cli.opening import mistakes_told, open_outside, print_document
from reconciler.cli.options import Options
from reconciler.cli.probing_text import Checked, Listed, check_document, check_text, list_document
from reconciler.cli.probing_text import list_text as text_of_list
from reconciler.cli.remote_jobs import declared_provider
from reconciler.cli.trust import Use, is_trusted_by_environment, recorded
from reconciler.cli.units import plural, price, printable
from reconciler.cli.wiring import (
    Declared,
    Outside,
    read_servers,
    rewrite,
    trial_on,
    write_new,
)
from reconciler.domain.bookings import counted
from reconciler.domain.budget import begin_of
from reconciler.domain.errors import (
    AmbiguousError,
    BudgetError,
    ExitCode,
    InvalidSpecError,
    SorafileError,
)
from reconciler.domain.ports import CreateRequest
from reconciler.domain.probing import Seen, corrections, findings
from reconciler.domain.provider import Provider
from reconciler.specs.corrections import CannotCorrectError, corrected
from reconciler.specs.folder import PROJECT_FILE_NAME, UnusablePathError
from reconciler.specs.project import read_project_text

_WORD_CHARACTERS = 8
_PROMPT = "A plain grey card on a table, no movement. sorafile check {word}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What a person said of the video that a check may buy."""

    model: str | None
    yes: bool
    max_cost_usd: Decimal | None


def list_providers(said: Options) -> int:
    """Tell the servers of the project, and the shipped profiles."""
    with mistakes_told(said):
        declared, profiles = read_servers(said.folder, said.workspace)
    consents = Consents(declared.root)
    listed = [
        Listed(
            use=(use := Use(provider=each, project=declared.root)),
            may_act=not use.needs
            or is_trusted_by_environment()
            or recorded(consents, use.digest())[0],
            profile=declared.project.providers[each.name].profile,
        )
        for each in declared.providers.values()
    ]
    if said.json:
        print_document(said, list_document(listed, profiles.values()))
    else:
        said.terminal.out.print(text_of_list(listed, profiles.values()))
    return ExitCode.OK


def check_provider(
    said: Options, name: str | None, purchase: Purchase | None, *, writes: bool
) -> int:
    """Find out what a server does, tell it, and write what corrects its profile."""
    with mistakes_told(said):
        declared, _ = read_servers(said.folder, said.workspace)
    provider = declared_provider(declared, name)
    outside = open_outside(said, declared)
    looked = asyncio.run(_looked(said, declared, outside, provider, purchase))
    profile_name = declared.project.providers[provider.name].profile
    checked = replace(looked, profile_name=profile_name)
    if writes and checked.corrections:
        _write(said, declared, checked)
        checked = replace(checked, is_written=True)
    if said.json:
        print_document(said, check_document(checked))
    else:
        command = said.command(f"provider check {shlex.quote(provider.name)} --write")
        said.terminal.out.print(check_text(checked, command, with_requests=said.verbose))
    if looked.failure is not None:
        raise looked.failure
    return ExitCode.FAILED if checked.is_broken else ExitCode.OK


async def _looked(
    said: Options,
    declared: Declared,
    outside: Outside,
    provider: Provider,
    purchase: Purchase | None,
) -> Checked:
    try:
        prober = outside.prober_of(provider.name)
        seen = await prober.look()
        checked = Checked(provider=provider, seen=seen, exchanges=tuple(prober.exchanges))
        if purchase is None:
            return checked
        try:
            request, usd = _approved(said, declared, outside, provider, purchase)
            trial = trial_on(
                outside,
                prober,
                provider,
                # With -q too: it is paid for, and written down nowhere else.
                made=lambda job: said.terminal.complain(f"Made job {printable(job)}."),
                tell=lambda step: said.terminal.talk(printable(step)),
            )
            outcome = await trial.run(
                request, lists=_has(seen, "list", provider), deletes=_has(seen, "delete", provider)
            )
        except SorafileError as error:
            if isinstance(error, AmbiguousError):
                error.fix = _to_look(said, provider, request.prompt)
            return replace(checked, failure=error, exchanges=tuple(prober.exchanges))
        seen = seen.then(outcome.seen)
        if outcome.is_made:
            seen = replace(seen, is_videos_api=None)
        return replace(
            checked,
            seen=seen,
            exchanges=tuple(prober.exchanges),
            outcome=outcome,
            cost_usd=usd,
        )
    finally:
        await outside.aclose()


def _has(seen: Seen, what: str, provider: Provider) -> bool:
    """Whether a server has a list or a delete: as it was seen, else by its profile."""
    if what == "list":
        listed = seen.list
        return listed.value != "absent" if listed else provider.profile.list != "none"
    return seen.delete.value if seen.delete else provider.profile.delete


def _to_look(said: Options, provider: Provider, prompt: str) -> str:
    word = prompt[-_WORD_CHARACTERS:]
    listing = said.command(f"remote list --unmanaged --provider {provider.name}")
    if provider.profile.list == "none":
        return f"look at what its account was billed for; the prompt ends in: {word}"
    return f"look for a prompt that ends in {word}: {listing}"


def _approved(
    said: Options,
    declared: Declared,
    outside: Outside,
    provider: Provider,
    purchase: Purchase,
) -> tuple[CreateRequest, Decimal | None]:
    """The request that may be sent, and what it costs; None: nobody knows.

    Raises:
        BudgetError: a cap does not allow it.
        RefusedError: nobody consents.
    """
    profile = provider.profile
    model = purchase.model or profile.default_model
    if model is None:
        raise SorafileError(
            f"provider {provider.name} has no model that holds where none is named",
            fix="name one: --model NAME",
        )
    if not profile.offers_model(model):
        raise SorafileError(
            f"provider {provider.name} has no model {model}",
            fix=f"name one of: {', '.join(profile.models)}",
        )
    sizes = profile.sizes_of(model)
    size = profile.default_size if profile.offers_size(profile.default_size, model) else sizes[0]
    request = CreateRequest(
        prompt=_PROMPT.format(word=secrets.token_hex(_WORD_CHARACTERS // 2)),
        model=model,
        seconds=min(profile.seconds) if profile.seconds else profile.default_seconds,
        size=size,
    )
    a_second = profile.usd_per_second(model, size)
    usd = None if a_second is None else a_second * request.seconds
    _see_that_caps_allow(declared, outside, purchase, usd)
    about = (
        f"This buys one video on {provider.name}: {model}, {request.seconds} s, {size}; price:"
        f" {price(usd)}. It is in no state, and its cost not in the ledger. Its prompt ends in"
        f" {request.prompt[-_WORD_CHARACTERS:]}"
    )
    if purchase.yes:
        said.terminal.talk(f"{about}.")
    else:
        consent(said, about, "Buy it?")
    return request, usd


def _see_that_caps_allow(
    declared: Declared, outside: Outside, purchase: Purchase, usd: Decimal | None
) -> None:
    budget = replace(declared.project.budget, max_cost_usd=purchase.max_cost_usd)
    caps = budget.caps_on(())
    if not caps or usd == 0:
        return
    if usd is None:
        raise BudgetError(
            f"the price is unknown, and {caps[0]} allows no more than it says",
            fix="say it in `prices` of the provider",
        )
    now = outside.clock.now()
    booked = outside.reader().bookings(begin_of("month", now)) if budget.looks_back else ()
    spent = counted(booked, now)
    for cap in caps:
        if spent.against(cap) + usd > cap.usd:
            raise BudgetError(f"{price(usd)} more is beyond {cap}; nothing was bought")


def _write(said: Options, declared: Declared, checked: Checked) -> None:
    """Put the corrections into the project file.

    Raises:
        SorafileError: they cannot be put there; nothing was written.
        click.exceptions.Exit: the project would be invalid, and every mistake was told.
    """
    path = declared.root / PROJECT_FILE_NAME
    provider, better = checked.provider, checked.corrections
    by_hand = "write by hand what `provider check` prints"
    try:
        before = read_project_text(declared.root)
        text = corrected(before or "", provider.name, better)
    except UnusablePathError as error:
        raise SorafileError(error.trouble.summary, fix=error.trouble.fix) from error
    except CannotCorrectError as error:
        raise SorafileError(f"{PROJECT_FILE_NAME}: {error}", fix=by_hand) from error
    with mistakes_told(said):
        try:
            after, _ = read_servers(said.folder, said.workspace, drafted=text)
        except InvalidSpecError:
            said.terminal.complain(
                f"Nothing was written: with what would be changed, {PROJECT_FILE_NAME} would be"
                " wrong."
            )
            raise
    if corrections(findings(after.providers[provider.name].profile, checked.seen)):
        raise SorafileError(
            f"nothing was written: workspace {said.workspace} says otherwise of"
            f" {provider.name} than [providers.{provider.name}]",
            fix=f"change [workspace.{said.workspace}.providers.{provider.name}] by hand",
        )
    if before is None:
        write_new(path, text.encode())
    else:
        rewrite(path.resolve(), text.encode())
    said.terminal.talk(
        f"Wrote {plural(len(better), 'key')} of [providers.{provider.name}] to {PROJECT_FILE_NAME}."
    )
