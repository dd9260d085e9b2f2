"""Reading a server's list, as far back as a question needs."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from reconciler.domain.observed import JobPage, Listing, ObservedJob
from reconciler.domain.ports import Server

PAGES_MAX = 20
"""Of 100 jobs each: who has more new ones than that is told so."""

Enough = Callable[[JobPage], bool]


async def read_list(server: Server, *, enough: Enough, pages_max: int = PAGES_MAX) -> Listing:
    """The jobs from the newest on, up to the first page after which nothing more is needed."""
    jobs: dict[str, ObservedJob] = {}
    after: str | None = None
    for _ in range(pages_max):
        page = await server.page(after=after)
        for job in page.jobs:
            jobs.setdefault(job.remote_id, job)
        after = page.next_after
        if after is None or enough(page):
            return Listing(jobs=tuple(jobs.values()))
    return Listing(jobs=tuple(jobs.values()), is_cut=True)


def back_to(moment: datetime | None) -> Enough:
    """Enough once the jobs are older than a moment; None: never."""

    def enough(page: JobPage) -> bool:
        made = [job.created_at for job in page.jobs if job.created_at is not None]
        return moment is not None and bool(made) and max(made) < moment

    return enough


def back_to_watermarks(watermarks: Sequence[Sequence[str]], known: Collection[str]) -> Enough:
    """Enough once nothing that comes can be newer than any of these watermarks.

    That is so at its oldest id and, since that job may be deleted by now, after a page on
    which all is of the watermark or among the `known`. An empty one is older than everything.
    """
    to_reach = {tuple(marks) for marks in watermarks}

    def enough(page: JobPage) -> bool:
        ids = {job.remote_id for job in page.jobs}
        for marks in tuple(to_reach):
            is_old = bool(ids.intersection(marks)) and ids <= {*marks, *known}
            if is_old or (marks and marks[-1] in ids):
                to_reach.discard(marks)
        return not to_reach

    return enough


async def find_in_list(server: Server, remote_ids: Iterable[str]) -> tuple[ObservedJob, ...]:
    """The jobs of these ids, as far as the newest pages of the list hold them.

    Reads one page for each 100 ids, and one more: what is not found is asked for by its id.
    """
    wanted = frozenset(remote_ids)
    missing = set(wanted)

    def enough(page: JobPage) -> bool:
        missing.difference_update(job.remote_id for job in page.jobs)
        return not missing

    listing = await read_list(server, enough=enough, pages_max=len(wanted) // 100 + 2)
    return tuple(job for job in listing.jobs if job.remote_id in wanted)
