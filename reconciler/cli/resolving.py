"""Deciding what became of a paid request whose answer was lost."""

import asyncio
from collections.abc import Sequence
from enum import Enum
from typing import NotRequired

from rich.text import Text
from typing_extensions import TypedDict

from reconciler.apply.listing import back_to_watermarks, read_list
from reconciler.cli.asking import answer
from reconciler.cli.documents import FORMAT, money
from reconciler.cli.job_text import told
from reconciler.cli.opening import open_outside, open_project, print_document
from reconciler.cli.options import Options
from reconciler.cli.units import instant, plural, price, printable
from reconciler.cli.wiring import Declared, Outside
from reconciler.domain.errors import (
    ExitCode,
    JobGoneError,
    RefusedError,
    ServerError,
    SorafileError,
)
from reconciler.domain.observed import ObservedJob
from reconciler.domain.ports import StateWriter
from reconciler.domain.provider import Provider, reaching
from reconciler.domain.recorded import Attempt, AttemptState, RecordedState
from reconciler.plan.lost_answers import is_newer, matches
from reconciler.plan.matching import Match, compare


class Decision(Enum):
    """What a person may say of an unresolved attempt."""

    ADOPT = "adopt"
    RETRY = "retry"
    WRITE_OFF = "write off"


class CandidateDocument(TypedDict):
    """A job that an attempt may have made."""

    id: str
    match: str  # "same" or "possible"
    status: str
    created_at: str | None
    prompt: str | None


class AttemptDocument(TypedDict):
    """One paid request whose outcome is open, or that was written off."""

    id: str
    address: str
    workspace: str
    provider: str
    state: str
    sent_at: str | None
    held_usd: str | None
    evidence: str | None
    recipe_digest: str
    candidates: NotRequired[list[CandidateDocument]]


def show_all(said: Options) -> int:
    """List every unresolved attempt; the exit code tells whether there is one."""
    declared = open_project(said)
    recorded = open_outside(said, declared).reader().read()
    attempts = [each for each in recorded.attempts if each.state.is_unresolved]
    if said.json:
        rows = [_document(each) for each in attempts]
        print_document(said, {"format_version": FORMAT, "attempts": rows})
    elif not attempts:
        said.terminal.talk("Nothing is unresolved.")
    for attempt in attempts if not said.json else ():
        said.terminal.out.print(_line(attempt), soft_wrap=True)
    if attempts and not said.json:
        said.terminal.talk("An apply looks for what they made. To see and decide one yourself:")
        said.terminal.talk(f"  {said.command(f'resolve {_quoted(attempts[0])}')}")
    return ExitCode.UNRESOLVED if attempts else ExitCode.OK


def show_one(said: Options, name: str) -> int:
    """Show one attempt with the jobs that it may have made; at a terminal, ask about it."""
    declared = open_project(said)
    outside = open_outside(said, declared)
    recorded = outside.reader().read()
    attempt = _chosen(recorded, name, said)
    candidates = asyncio.run(_candidates(attempt, recorded, declared, outside))
    if said.json:
        document = _document(attempt)
        if candidates is not None:
            document["candidates"] = [_candidate(attempt, job) for job in candidates]
        print_document(said, {"format_version": FORMAT, "attempts": [document]})
        return ExitCode.UNRESOLVED if attempt.state.is_unresolved else ExitCode.OK
    _show(said, attempt, candidates)
    if said.may_ask:
        return _ask(said, declared, attempt)
    return ExitCode.UNRESOLVED if attempt.state.is_unresolved else ExitCode.OK


def decide(said: Options, name: str, decision: Decision, *, job: str | None, yes: bool) -> int:
    """Carry out a decision; `job` is the remote id that is to be adopted."""
    declared = open_project(said)
    recorded = open_outside(said, declared).reader().read()
    attempt = _chosen(recorded, name, said)
    return asyncio.run(_decide(said, declared, attempt, decision, job=job, yes=yes))


def ask_about_all(said: Options, declared: Declared) -> None:
    """Ask about each unresolved attempt of a provider whose `on_ambiguous` is "ask"."""
    recorded = open_outside(said, declared).reader().read()
    for attempt in recorded.attempts:
        provider = _provider_of(attempt, declared)
        asks = provider is not None and provider.on_ambiguous == "ask"
        if attempt.state.is_unresolved and asks and attempt.workspace == said.workspace:
            outside = open_outside(said, declared)
            candidates = asyncio.run(_candidates(attempt, recorded, declared, outside))
            _show(said, attempt, candidates)
            _ask(said, declared, attempt)


async def _decide(
    said: Options,
    declared: Declared,
    attempt: Attempt,
    decision: Decision,
    *,
    job: str | None,
    yes: bool,
) -> int:
    outside = open_outside(said, declared)
    try:
        if decision is Decision.ADOPT and job is not None:
            seen = await _retrieved(attempt, job, declared, outside)
            _see_that_it_fits(said, attempt, seen, yes=yes)
            with outside.writer("resolve") as state:
                _adopt(attempt, seen, state, declared)
            said.terminal.talk(
                f"Job {job} is the result of {attempt.address} now. Bring it home with: "
                f"{said.command('apply')}"
            )
            return ExitCode.OK
        with outside.writer("resolve") as state:
            state.void_reserved()
            state.written_off(
                attempt.id, "a person gave it up", may_repeat=decision is Decision.RETRY
            )
    finally:
        await outside.aclose()
    lost = f"Its {price(attempt.cost_usd)} is booked as wasted."
    if decision is Decision.RETRY:
        said.terminal.talk(f"{lost} The next apply buys {attempt.address} again.")
    else:
        said.terminal.talk(f"{lost} Nothing is bought for {attempt.address} in its place.")
    return ExitCode.OK


def _adopt(attempt: Attempt, job: ObservedJob, state: StateWriter, declared: Declared) -> None:
    state.void_reserved()
    provider = _provider_of(attempt, declared)
    is_ours = provider is not None and provider.account_use == "exclusive"
    is_known = any(
        (each.account, each.remote_id) == (attempt.account, job.remote_id)
        for each in state.read().generations.values()
    )
    if attempt.state is AttemptState.WRITTEN_OFF and not is_known:
        state.twin(attempt.id, job, is_ours=is_ours)
        return
    if is_known or state.adopted(attempt.id, job, is_ours=is_ours) is None:
        raise SorafileError(
            f"job {job.remote_id} is recorded already, or may be the answer to a request that is"
            " being sent just now",
            fix="see which jobs are nobody's: sorafile remote list --unmanaged",
        )


async def _retrieved(
    attempt: Attempt, job: str, declared: Declared, outside: Outside
) -> ObservedJob:
    provider = _provider_of(attempt, declared)
    if provider is None:
        raise SorafileError(
            f"no provider of account {attempt.account!r} is declared any more",
            fix="declare it again in sorafile.toml",
        )
    try:
        return await outside.server_of(provider.name).retrieve(job)
    except JobGoneError as error:
        raise SorafileError(
            f"{provider.name} knows no job {job}", fix="see its jobs: sorafile remote list"
        ) from error


def _see_that_it_fits(said: Options, attempt: Attempt, job: ObservedJob, *, yes: bool) -> None:
    """Let a person insist on a job that differs from what was asked for, or is older.

    Raises:
        RefusedError: nobody insists.
    """
    is_other = attempt.echo is not None and compare(attempt.echo, job) is Match.DIFFERENT
    if yes or (is_newer(job, attempt) and not is_other):
        return
    differs = f"job {job.remote_id} differs from what was asked for: {told(job)}"
    if not is_other:
        differs = f"job {job.remote_id} was on the server before the request was sent: {told(job)}"
    if not said.may_ask:
        raise RefusedError(differs, fix="if it is the one all the same, say so with --yes")
    if answer(said, f"{differs}\nTake it all the same? Only 'yes' is taken: ").lower() != "yes":
        raise RefusedError("not confirmed; nothing was done")


def _ask(said: Options, declared: Declared, attempt: Attempt) -> int:
    """Ask what to do about one attempt."""
    typed = answer(
        said, "\nType a job's id to adopt it, 'retry', 'write-off', or nothing to leave it open: "
    )
    if not typed:
        return ExitCode.UNRESOLVED
    decision = {"retry": Decision.RETRY, "write-off": Decision.WRITE_OFF}.get(typed, Decision.ADOPT)
    job = typed if decision is Decision.ADOPT else None
    return asyncio.run(_decide(said, declared, attempt, decision, job=job, yes=False))


async def _candidates(
    attempt: Attempt, recorded: RecordedState, declared: Declared, outside: Outside
) -> list[ObservedJob] | None:
    """The unmanaged jobs that it may have made, newest first; None where there is no list."""
    provider = _provider_of(attempt, declared)
    if provider is None or provider.profile.list == "none":
        return None
    generations = recorded.generations.values()
    known = {each.remote_id for each in generations if each.account == attempt.account}
    enough = back_to_watermarks([attempt.watermark or ()], known)
    try:
        listing = await read_list(outside.server_of(provider.name), enough=enough)
    except ServerError:
        return None
    finally:
        await outside.aclose()
    return [
        job
        for job in listing.jobs
        if job.remote_id not in known
        and is_newer(job, attempt)
        and matches(attempt, job) is not Match.DIFFERENT
    ]


def _chosen(recorded: RecordedState, name: str, said: Options) -> Attempt:
    """The attempt of an address, or the one of that id."""
    written_off = [each for each in recorded.given_up if each.state is AttemptState.WRITTEN_OFF]
    known = [each for each in recorded.attempts if each.state.is_unresolved]
    found = [each for each in known if name in (str(each.address), each.id)] or [
        each for each in written_off if name in (str(each.address), each.id)
    ]
    mine = [each for each in found if each.workspace == said.workspace]
    if not mine:
        raise SorafileError(
            f"nothing of {name} is unresolved or written off",
            fix=f"see what is: {said.command('resolve')}",
        )
    if len(mine) > 1:
        ids = ", ".join(each.id for each in mine)
        raise SorafileError(f"{name} has several: {ids}", fix="name one of them by its id")
    return mine[0]


def _provider_of(attempt: Attempt, declared: Declared) -> Provider | None:
    return reaching(declared.providers, name=attempt.provider, account=attempt.account)


def _quoted(attempt: Attempt) -> str:
    return f"'{attempt.address}'" if attempt.address.keys else str(attempt.address)


def _line(attempt: Attempt) -> Text:
    sent = attempt.sending_at or attempt.reserved_at
    return Text.assemble(
        ("? ", "magenta"),
        (str(attempt.address), "bold"),
        f"  sent {instant(sent)} to {attempt.provider}, {price(attempt.cost_usd)}",
        f"  {printable(attempt.evidence or 'its run died while sending')}",
    )


def _show(said: Options, attempt: Attempt, candidates: Sequence[ObservedJob] | None) -> None:
    out = said.terminal.out
    out.print(_line(attempt), soft_wrap=True)
    if candidates is None:
        out.print("  The jobs of its provider cannot be listed.")
    elif not candidates:
        out.print("  No job that nobody has recorded could be its own.")
    else:
        out.print(f"  {plural(len(candidates), 'job')} could be its own, newest first:")
    for job in candidates or ():
        out.print(f"  {job.remote_id}  {_match(attempt, job):<8}  {told(job)}", soft_wrap=True)
    if not said.may_ask:
        name = _quoted(attempt)
        said.terminal.talk("Decide with one of:")
        for flag in ("--adopt ID", "--retry", "--write-off"):
            said.terminal.talk(f"  {said.command(f'resolve {name} {flag}')}")


def _match(attempt: Attempt, job: ObservedJob) -> str:
    return matches(attempt, job).name.lower()


def _document(attempt: Attempt) -> AttemptDocument:
    return AttemptDocument(
        id=attempt.id,
        address=str(attempt.address),
        workspace=attempt.workspace,
        provider=attempt.provider,
        state=attempt.state.value,
        sent_at=instant(attempt.sending_at) if attempt.sending_at else None,
        held_usd=money(attempt.cost_usd),
        evidence=attempt.evidence,
        recipe_digest=attempt.digest,
    )


def _candidate(attempt: Attempt, job: ObservedJob) -> CandidateDocument:
    return CandidateDocument(
        id=job.remote_id,
        match=_match(attempt, job),
        status=job.status.value,
        created_at=instant(job.created_at) if job.created_at else None,
        prompt=job.prompt,
    )
