"""Finding out what a server does: one free request for each question.

Nothing here makes anything, or could: there is no POST. What is deleted is a job of an id that
was made up for it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from reconciler.domain.errors import RejectedError, UnavailableError
from reconciler.domain.observed import JobPage, ObservedJob
from reconciler.domain.probing import Catalogue, Exchange, ListKind, Seen, Told
from reconciler.domain.profile import Variant
from reconciler.remote import answers, sightings
from reconciler.remote.answers import Answer
from reconciler.remote.dialect import Dialect
from reconciler.remote.door import Door
from reconciler.remote.magic import HEAD_BYTES, media_type_in
from reconciler.remote.sightings import Surroundings
from reconciler.remote.transport import Timeouts
from reconciler.remote.wire import UnreadableError

PROBE_TIMEOUTS = Timeouts(read_s=20.0, whole_s=60.0)
"""A list that a gateway asks of elsewhere takes its time; a check shall end all the same."""

_UNANSWERED_MAX = 3
_FEW_JOBS = 20
_KEY_REFUSED = (401, 403)
_THROTTLED = 429
_SERVER_ERRORS = 500
_NOT_IMPLEMENTED = 501
_PICTURES = (Variant.THUMBNAIL, Variant.SPRITESHEET)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLook:
    """One look at a job."""

    job: ObservedJob
    url: str | None  # where it says that its video is
    seen: Seen


class Prober:
    """Looks at one server, each time with a request that costs nothing and is not repeated.

    `exchanges` tells all that was asked so far, and what came.
    """

    def __init__(self, door: Door, dialect: Dialect, *, stranger: str) -> None:
        """Ask nothing yet; `stranger` is an id that no job has."""
        self._door = door
        self._dialect = dialect
        self._stranger = stranger
        self._answers: list[Answer] = []
        self._unanswered: list[UnavailableError] = []
        self._around = Surroundings(stranger=stranger, job=None, nowhere=None)
        self.exchanges: list[Exchange] = []

    async def look(self) -> Seen:
        """All that can be seen for nothing.

        Raises:
            UnavailableError: nobody answers there, or the server is in trouble.
            UnauthorizedError: it refuses the key, or that cannot be had.
        """
        job_path = self._dialect.job_path(self._stranger)
        job = await self._ask("GET", job_path)
        first = await self._ask_page(limit=1, after=None)
        self._see_that_it_serves(job, first)
        nowhere = await self._ask("GET", f"/{self._stranger}")
        around = self._around = Surroundings(stranger=self._stranger, job=job, nowhere=nowhere)
        seen = self._of_key(job or first)
        if job is not None:
            said = f"GET of an unknown job: {sightings.brief(job)}"
            seen = replace(seen, unknown_job=Told(value=job.status, evidence=said))
        listed, newest = await self._look_at_list(first)
        seen = seen.then(listed)
        seen = seen.then(await self._look_at_job(newest, around))
        deleted = await self._delete_nothing()
        remixed = await self._ask("OPTIONS", f"{job_path}/remix")
        models = await self._ask("GET", "/models")
        seen = replace(seen, catalogue=await self._look_at_catalogue())
        return replace(
            seen.then(self._of_headers()),
            is_videos_api=_is_videos_api(seen, around, deleted),
            delete=None if deleted is None else sightings.deleting(deleted, around),
            remix=None if remixed is None else sightings.remixing(remixed, around),
            models=None if models is None else sightings.models_in(models),
        )

    async def _delete_nothing(self) -> Answer | None:
        try:
            path = self._dialect.delete_path(self._stranger)
        except RejectedError:
            return None  # the protocol deletes nothing
        return await self._ask("DELETE", path)

    async def _look_at_catalogue(self) -> Told[Catalogue] | None:
        path = self._dialect.catalogue_path
        answer = None if path is None else await self._ask("GET", path)
        if answer is None or not answer.is_success:
            return None
        try:
            told = self._dialect.catalogue(answer.body)
        except UnreadableError:
            return None
        return Told(value=told, evidence=f"{path}: {len(answer.body)} bytes") if told else None

    async def look_at(self, remote_id: str) -> "JobLook":
        """How one job stands, and what it shows.

        Raises:
            ServerError: as a look at a job does.
        """
        path = self._dialect.job_path(remote_id)
        answer = await self._door.ask("GET", path)
        self._took("GET", path, answer)
        job = answers.seen_job(answer, remote_id)
        seen = Seen(
            statuses=sightings.strange_statuses(answer),
            renames_jobs=sightings.renamed(answer, remote_id),
            lifetime_s=sightings.lifetime_in(answer, [job]),
            url=self._told_url(answer),
        )
        url = self._url_in(answer)
        return JobLook(job=job, url=url, seen=seen.then(self._of_headers()))

    async def newest(self) -> JobPage | None:
        """The first page of the list; None where it cannot be had."""
        answer = await self._ask_page(limit=self._dialect.wire.page_jobs_max, after=None)
        return None if answer is None else sightings.page_in(answer)

    async def look_at_assets(self, remote_id: str, *, url: str | None) -> Seen:
        """What can be had of a finished job, by the first bytes of each asset.

        `url` is where the job says that its video is.
        """
        return await self._assets(remote_id, url, self._around)

    async def _look_at_list(self, first: Answer | None) -> tuple[Seen, ObservedJob | None]:
        """What the list shows, and the newest job that is worth a look."""
        if first is None:
            return Seen(), None
        page = sightings.page_in(first)
        if page is None:
            return Seen(list=sightings.no_list(first)), None
        most = self._dialect.wire.page_jobs_max
        whole = await self._ask_page(limit=most, after=None)
        seen = Seen()
        if whole is not None and whole.status in (400, 422):
            whole = await self._ask_page(limit=_FEW_JOBS, after=None)
            if whole is not None and whole.is_success:
                said = f"it refuses a page of {most} jobs, and gives one of {_FEW_JOBS}"
                seen = Seen(page_jobs_max=Told(value=_FEW_JOBS, evidence=said))
        jobs_page = None if whole is None else sightings.page_in(whole)
        if whole is None or jobs_page is None:
            cut: Told[ListKind] = Told(value="cut", evidence="only a page of 1 job can be read")
            return seen.then(Seen(list=cut)), None
        kind = await self._paging(page, jobs_page)
        jobs = jobs_page.jobs
        finished = (job for job in jobs if sightings.is_finished(job, whole))
        newest = next(finished, jobs[0] if jobs else None)
        return seen.then(
            Seen(
                list=kind,
                echoes=sightings.echoes_in(jobs),
                statuses=sightings.strange_statuses(whole),
                lifetime_s=sightings.lifetime_in(whole, jobs),
            )
        ), newest

    async def _paging(self, first: JobPage, whole: JobPage) -> Told[ListKind]:
        is_asked = len(first.jobs) == 1 and len(whole.jobs) > 1 and first.next_after is not None
        second = None
        if is_asked:
            after = first.next_after
            answer = await self._ask_page(limit=1, after=after)
            second = None if answer is None else sightings.page_in(answer, after=after)
        return sightings.paging(first, whole, second, asked_of_second=is_asked)

    async def _look_at_job(self, job: ObservedJob | None, around: Surroundings) -> Seen:
        if job is None:
            return await self._pictures(self._stranger, of_finished=False)
        answer = await self._ask("GET", self._dialect.job_path(job.remote_id))
        if answer is None:
            return Seen()
        seen = Seen(
            renames_jobs=sightings.renamed(answer, job.remote_id), url=self._told_url(answer)
        )
        if not sightings.is_finished(job, answer):
            return seen.then(await self._pictures(self._stranger, of_finished=False))
        return seen.then(await self._assets(job.remote_id, self._url_in(answer), around))

    async def _assets(self, remote_id: str, url: str | None, around: Surroundings) -> Seen:
        answer = await self._glance_at(remote_id, Variant.VIDEO)
        content = None if answer is None else sightings.video_in(answer, around)
        seen = Seen(content=content)
        if content is not None and content.value:
            seen = replace(seen, media_type=_type_of(answer))
            return seen.then(await self._pictures(remote_id, of_finished=True))
        if url is None:
            return seen
        at_url = await self._glance("GET", "(the job's URL)", self._door.glance_at_result, url)
        found = None if at_url is None else sightings.video_in(at_url, around)
        if found is not None:
            said = f"the job's URL: {found.evidence}"
            seen = replace(seen, url=Told(value=found.value, evidence=said))
        if found is not None and found.value:
            seen = replace(seen, media_type=_type_of(at_url))
        return seen

    async def _pictures(self, remote_id: str, *, of_finished: bool) -> Seen:
        found: dict[Variant, Told[bool]] = {}
        for variant in _PICTURES:
            answer = await self._glance_at(remote_id, variant)
            if answer is not None:
                told = sightings.picture_in(variant, answer, of_finished=of_finished)
                if told is not None:
                    found[variant] = told
        return Seen(variants=found)

    def _told_url(self, answer: Answer) -> Told[bool] | None:
        """A job that is done and tells of no URL has its video elsewhere."""
        url = self._url_in(answer)
        try:
            is_done = sightings.is_finished(answer.job(remote_id="-"), answer)
        except UnreadableError:
            return None
        if not is_done or url is not None:
            return None  # only a look there shows that it leads to a video
        return Told(value=False, evidence="a finished job tells no URL")

    def _url_in(self, answer: Answer) -> str | None:
        try:
            return self._dialect.result_url(answer.body)
        except UnreadableError:
            return None

    def _of_key(self, answer: Answer | None) -> Seen:
        if answer is None or answer.status in _KEY_REFUSED:
            return Seen()
        said = f"HTTP {answer.status} with the key"
        if answer.secret is None:
            said = f"HTTP {answer.status} without a key"
            return Seen(needs_key=Told(value=False, evidence=said))
        return Seen(takes_key=Told(value=True, evidence=said))

    def _of_headers(self) -> Seen:
        return Seen(
            retry_after=sightings.headers_in(self._answers, "retry"),
            poll_after=sightings.headers_in(self._answers, "poll"),
            rates=sightings.rates_in(self._answers),
        )

    def _see_that_it_serves(self, job: Answer | None, first: Answer | None) -> None:
        came = [each for each in (job, first) if each is not None]
        if not came:
            raise self._unanswered[0]
        is_refused = all(each.status in _KEY_REFUSED for each in came)
        is_ill = all(_is_ill(each) for each in came)
        if is_refused or is_ill:
            raise answers.refusal(came[0])

    async def _ask_page(self, *, limit: int, after: str | None) -> Answer | None:
        try:
            path = self._dialect.page_path(limit=limit, order="desc", after=after)
        except RejectedError:
            return None  # the protocol has no list
        return await self._ask("GET", path)

    async def _ask(self, method: str, path: str) -> Answer | None:
        async def asked(path: str) -> Answer:
            return await self._door.ask(method, path)

        return await self._sent(method, path, asked, path, lambda a: a.shown(a.told()))

    async def _glance_at(self, remote_id: str, variant: Variant) -> Answer | None:
        try:
            path = self._dialect.content_path(remote_id, variant)
        except RejectedError:
            return None  # the protocol has none such
        return await self._glance("GET", path, self._door.glance, path)

    async def _glance(
        self, method: str, shown: str, look: Callable[[str], Awaitable[Answer]], at: str
    ) -> Answer | None:
        return await self._sent(method, shown, look, at, sightings.begins_as)

    async def _sent(
        self,
        method: str,
        shown: str,
        send: Callable[[str], Awaitable[Answer]],
        at: str,
        tell: Callable[[Answer], str],
    ) -> Answer | None:
        """The answer to one request; None where none came, or too many did not come before."""
        if len(self._unanswered) >= _UNANSWERED_MAX:
            return None
        try:
            answer = await send(at)
        except UnavailableError as error:
            self._unanswered.append(error)
            self.exchanges.append(Exchange(method=method, path=shown, answer=error.message))
            return None
        except RejectedError as error:  # a URL where nothing may be asked
            self.exchanges.append(Exchange(method=method, path=shown, answer=error.message))
            return None
        self._took(method, shown, answer, tell(answer))
        return answer

    def _took(self, method: str, path: str, answer: Answer, told: str | None = None) -> None:
        self._answers.append(answer)
        said = answer.shown(answer.told()) if told is None else told
        self.exchanges.append(Exchange(method=method, path=answer.shown(path), answer=said))


def _is_ill(answer: Answer) -> bool:
    is_error = answer.status >= _SERVER_ERRORS and answer.status != _NOT_IMPLEMENTED
    return is_error or answer.status == _THROTTLED


def _type_of(answer: Answer | None) -> Told[str] | None:
    if answer is None:
        return None
    found = media_type_in(answer.body[:HEAD_BYTES])
    return None if found is None else Told(value=found, evidence=sightings.begins_as(answer))


def _is_videos_api(seen: Seen, around: Surroundings, deleted: Answer | None) -> Told[bool]:
    """Whether anything there could be told from a server that never heard of videos."""
    if seen.list is not None and seen.list.value != "absent":
        return Told(value=True, evidence=seen.list.evidence)
    if seen.catalogue is not None:
        return Told(value=True, evidence=seen.catalogue.evidence)
    if around.knows_jobs():
        return Told(value=True, evidence="an unknown job is refused as one")
    if deleted is not None and deleted.headers.get("allow") is not None and around.lacks(deleted):
        return Told(value=True, evidence="the path of a job has methods")
    said = sightings.brief(around.job) if around.job is not None else "no answer"
    return Told(
        value=False,
        evidence=f"nothing tells it from a server without videos ({said}): check `base_url`,"
        " with its path prefix such as /v1",
    )
