"""`sorafile remote`."""

import asyncio
from typing import TYPE_CHECKING

import click

from reconciler.cli.options import Options, global_options, options

if TYPE_CHECKING:
    from reconciler.cli.wiring import Declared
    from reconciler.domain.observed import ObservedJob


@click.group(
    "remote",
    epilog="\b\nExamples:\n  sorafile remote list\n  sorafile remote list --unmanaged",
    no_args_is_help=True,
)
@global_options(hidden=True)
def command() -> None:
    """Look at the jobs that are on the server."""


@command.command(
    "list",
    short_help="List the jobs, and which of them are recorded.",
    epilog="\b\nExamples:\n  sorafile remote list\n  sorafile remote list --unmanaged --json",
)
@click.option("--unmanaged", is_flag=True, help="Only jobs that are not recorded here.")
@click.option("--provider", metavar="NAME", help="Which provider; the project's by default.")
@global_options(hidden=True)
def list_command(*, unmanaged: bool, provider: str | None) -> int:
    """List the jobs of a provider, newest first, and which of them are recorded here."""
    from reconciler.cli.documents import FORMAT
    from reconciler.cli.opening import open_project, print_document
    from reconciler.cli.units import instant, printable
    from reconciler.cli.wiring import Outside
    from reconciler.domain.errors import SorafileError

    said = options()
    declared = open_project(said)
    name = provider or declared.project.default_provider
    if name not in declared.providers:
        known = ", ".join(sorted(declared.providers))
        raise SorafileError(f"no provider {name} is declared", fix=f"name one of: {known}")
    if declared.providers[name].profile.list == "none":
        raise SorafileError(f"provider {name} has no list of jobs")
    recorded = Outside(declared, said.workspace).reader().read()
    account = declared.providers[name].account
    ours = {g.remote_id for g in recorded.generations.values() if g.account == account}
    jobs = asyncio.run(_jobs(said, declared, name))
    shown = [job for job in jobs if not (unmanaged and job.remote_id in ours)]
    if said.json:
        rows = [
            {
                "id": job.remote_id,
                "status": job.status.value,
                "progress": job.progress,
                "created_at": instant(job.created_at) if job.created_at else None,
                "prompt": job.prompt,
                "model": job.model,
                "seconds": job.seconds,
                "size": job.size,
                "recorded": job.remote_id in ours,
            }
            for job in shown
        ]
        print_document(said, {"format_version": FORMAT, "provider": name, "jobs": rows})
        return 0
    if not shown:
        said.terminal.talk(f"No {'unmanaged ' if unmanaged else ''}jobs on {name}.")
    for job in shown:
        mark = "recorded " if job.remote_id in ours else "unmanaged"
        prompt = printable(job.prompt or "")
        line = f"{job.remote_id}  {mark}  {job.status.value:<11}  {prompt}"
        said.terminal.out.print(line, no_wrap=True, overflow="ellipsis", crop=True)
    return 0


async def _jobs(said: Options, declared: "Declared", name: str) -> "list[ObservedJob]":
    from reconciler.cli.wiring import Outside

    outside = Outside(declared, said.workspace)
    jobs: list[ObservedJob] = []
    try:
        server, after = outside.server_of(name), None
        while True:
            page = await server.page(after=after)
            jobs += page.jobs
            after = page.next_after
            if after is None:
                return jobs
    finally:
        await outside.aclose()
