"""Taking a job that a server has already, instead of buying another."""

import asyncio
import shlex

from reconciler.cli.asking import answer
from reconciler.cli.job_text import told
from reconciler.cli.opening import open_outside, open_project
from reconciler.cli.options import Options
from reconciler.cli.wiring import Declared, Outside
from reconciler.domain.desired import Declaration
from reconciler.domain.errors import ExitCode, JobGoneError, RefusedError, SorafileError
from reconciler.domain.observed import ObservedJob
from reconciler.domain.ports import Found
from reconciler.domain.recorded import JobStatus, RecordedState
from reconciler.plan.lost_answers import awaiting
from reconciler.plan.matching import Match, compare, echo_of


def import_job(said: Options, name: str, job: str, *, yes: bool) -> int:
    """Hold a job at a declared address from now on."""
    declared = open_project(said)
    declaration = next((d for a, d in declared.desired.items() if str(a) == name), None)
    if declaration is None:
        write = said.command(f"import {shlex.quote(name)} {shlex.quote(job)} --write")
        raise SorafileError(f"not declared: {name}", fix=f"to declare it just so: {write}")
    asyncio.run(_import(said, declared, declaration, job, yes=yes))
    said.terminal.talk(f"{name} has job {job} now. Bring it home with: {said.command('apply')}")
    return ExitCode.OK


async def _import(
    said: Options, declared: Declared, declaration: Declaration, job: str, *, yes: bool
) -> None:
    outside = open_outside(said, declared)
    try:
        recorded = outside.reader().read()
        _refuse_what_is_known(recorded, declaration, job)
        seen = await _retrieved(declaration, job, outside)
        _see_that_it_fits(said, declared, declaration, recorded, seen, yes=yes)
        with outside.writer("import") as state:
            state.void_reserved()
            now = state.read()
            _refuse_what_is_known(now, declaration, job)
            _refuse_what_is_awaited(now, declaration, seen)
            state.found(
                Found(
                    address=declaration.address,
                    recipe=declaration.recipe,
                    digest=declaration.digest,
                    provider=declaration.provider,
                    job=seen,
                    cost_usd=None,
                    is_ours=False,
                    lifecycle=declaration.lifecycle,
                    tags=declaration.tags,
                )
            )
    finally:
        await outside.aclose()


def _refuse_what_is_known(recorded: RecordedState, declaration: Declaration, job: str) -> None:
    """A job is held once, and a recipe that has its video needs no other."""
    account = declaration.recipe.account
    for generation in recorded.generations.values():
        if (generation.account, generation.remote_id) == (account, job):
            raise SorafileError(f"job {job} is recorded already", fix="see: sorafile remote list")
        is_live = generation.status is not JobStatus.FAILED and not generation.lost
        if generation.digest == declaration.digest and is_live:
            raise SorafileError(
                f"the recipe of {declaration.address} has job {generation.remote_id} already",
                fix="apply publishes it: sorafile apply",
            )
    for attempt in recorded.attempts:
        if attempt.digest == declaration.digest and attempt.state.is_unresolved:
            raise SorafileError(
                f"what became of a paid request for {declaration.address} is unknown",
                fix=f"decide that first: sorafile resolve {declaration.address} --adopt {job}",
            )


def _refuse_what_is_awaited(
    recorded: RecordedState, declaration: Declaration, job: ObservedJob
) -> None:
    """See that no other paid request waits for this job as its lost answer."""
    attempt = awaiting(recorded.attempts, declaration.recipe.account, job)
    if attempt is not None:
        raise SorafileError(
            f"job {job.remote_id} may be what the paid request for {attempt.address} made,"
            " whose answer was lost",
            fix=f"decide that first: sorafile resolve '{attempt.address}'",
        )


async def _retrieved(declaration: Declaration, job: str, outside: Outside) -> ObservedJob:
    try:
        seen = await outside.server_of(declaration.provider).retrieve(job)
    except JobGoneError as error:
        raise SorafileError(
            f"{declaration.provider} knows no job {job}",
            fix="see its jobs: sorafile remote list --unmanaged",
        ) from error
    if seen.status is JobStatus.FAILED:
        raise SorafileError(f"job {job} failed, so it has no video")
    return seen


def _see_that_it_fits(
    said: Options,
    declared: Declared,
    declaration: Declaration,
    recorded: RecordedState,
    job: ObservedJob,
    *,
    yes: bool,
) -> None:
    """Let a person insist on a job that differs from the declaration.

    Raises:
        RefusedError: nobody insists.
    """
    profile = declared.providers[declaration.provider].profile
    parent = recorded.videos.get(declaration.parent) if declaration.parent else None
    source = parent.current or parent.pending if parent else None
    echo = echo_of(declaration, source.remote_id if source else None, profile)
    if compare(echo, job) is not Match.DIFFERENT or yes:
        return
    differs = f"job {job.remote_id} differs from the declaration: {told(job)}"
    if not said.may_ask:
        raise RefusedError(differs, fix="if you want it all the same, say so with --yes")
    if answer(said, f"{differs}\nTake it all the same? Only 'yes' is taken: ").lower() != "yes":
        raise RefusedError("not confirmed; nothing was done")
