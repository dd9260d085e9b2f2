"""`sorafile remote`."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli.completing import providers
from reconciler.cli.options import global_options, options

if TYPE_CHECKING:
    from reconciler.domain.observed import ObservedJob

F = TypeVar("F", bound=Callable[..., Any])


@click.group(
    "remote",
    epilog="\b\nExamples:\n  sorafile remote list --unmanaged\n"
    "  sorafile remote show video_68d7512d",
    invoke_without_command=True,
)
@click.pass_context
@global_options(hidden=True)
def command(context: click.Context) -> int:
    """Look at the jobs that are on the server, bring their assets, or delete them.

    Without a command they are listed.
    """
    if context.invoked_subcommand is not None:
        return 0
    result: int = context.invoke(list_command, unmanaged=False, provider=None)
    return result


def _provider_option(function: F) -> F:
    option = click.option(
        "--provider",
        metavar="NAME",
        help="Which provider; the project's by default.",
        shell_complete=providers,
    )
    return option(function)


@command.command(
    "list",
    short_help="List the jobs, and which of them are recorded.",
    epilog="\b\nExamples:\n  sorafile remote list\n  sorafile remote list --unmanaged --json",
)
@click.option("--unmanaged", is_flag=True, help="Only jobs that are not recorded here.")
@_provider_option
@global_options(hidden=True)
def list_command(*, unmanaged: bool, provider: str | None) -> int:
    """List the jobs of a provider, newest first, and which of them are recorded here."""
    from reconciler.cli.documents import FORMAT
    from reconciler.cli.job_text import JobsText
    from reconciler.cli.opening import open_outside, open_project, print_document
    from reconciler.cli.remote_jobs import declared_provider, every_job
    from reconciler.cli.units import instant
    from reconciler.domain.errors import SorafileError

    said = options()
    declared = open_project(said)
    name = declared_provider(declared, provider).name
    if declared.providers[name].profile.list == "none":
        raise SorafileError(f"provider {name} has no list of jobs")
    outside = open_outside(said, declared)
    recorded = outside.reader().read()
    account = declared.providers[name].account
    ours = {g.remote_id for g in recorded.generations.values() if g.account == account}

    async def listed() -> "list[ObservedJob]":
        try:
            return await every_job(outside, name)
        finally:
            await outside.aclose()

    jobs = asyncio.run(listed())
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
    else:
        said.terminal.out.print(JobsText(jobs=shown, recorded=ours, now=outside.clock.now()))
    return 0


@command.command(
    "show",
    short_help="All that is known of one job.",
    epilog="\b\nExamples:\n  sorafile remote show video_68d7512d\n"
    "  sorafile remote show video_68d7512d --json",
)
@click.argument("job", metavar="ID")
@_provider_option
@global_options(hidden=True)
def show_command(*, job: str, provider: str | None) -> int:
    """Show all facts of one job, and whether it is recorded here, by which video."""
    from reconciler.cli.remote_jobs import show_job

    return show_job(options(), job, provider)


@command.command(
    "download",
    short_help="Write the video of a job, or a picture of it, to a file.",
    epilog="\b\nExamples:\n  sorafile remote download video_68d7512d\n"
    "  sorafile remote download video_68d7512d --variant thumbnail -o poster.webp",
)
@click.argument("job", metavar="ID")
@click.option(
    "--variant",
    type=click.Choice(["video", "thumbnail", "spritesheet"]),
    default="video",
    help="Which asset; the video by default.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to; named after the job by default.",
)
@click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
@_provider_option
@global_options(hidden=True)
def download_command(
    *, job: str, variant: str, output: Path | None, overwrite: bool, provider: str | None
) -> int:
    """Write one asset of a job to a file, after checking that it is whole.

    A thumbnail or spritesheet that the server does not give is made from the video.
    """
    from reconciler.cli.remote_jobs import download_asset
    from reconciler.domain.profile import Variant

    return download_asset(options(), job, provider, Variant(variant), output, overwrite=overwrite)


@command.command(
    "delete",
    short_help="Delete a job that is not recorded here.",
    epilog="\b\nExamples:\n  sorafile remote delete video_68d7512d\n"
    "  sorafile remote delete video_68d7512d --yes",
)
@click.argument("job", metavar="ID")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@_provider_option
@global_options(hidden=True)
def delete_command(*, job: str, yes: bool, provider: str | None) -> int:
    """Delete one job with its assets. A recorded one is refused: apply deletes those."""
    from reconciler.cli.remote_jobs import delete_job

    return delete_job(options(), job, provider, yes=yes)
