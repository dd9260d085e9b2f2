"""A Videos API in memory: the port `Server`, under simulated time and with faults on demand."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import copy, deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from reconciler.domain.errors import (
    JobGoneError,
    NotReadyError,
    NotSentError,
    RejectedError,
    UnavailableError,
)
from reconciler.domain.observed import JobPage, ObservedJob
from reconciler.domain.ports import CreateRequest, EditUploadRequest, PaidRequest, Server
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import JobStatus
from simulated.clock import SimulatedClock
from simulated.faults import (
    AnotherId,
    Arrivals,
    Call,
    Cut,
    Ends,
    Fault,
    Instead,
    Lagging,
    LostAnswer,
    Operation,
    Rule,
    Short,
    error_of,
)
from simulated.media import asset_bytes
from simulated.workshop import Fate, Job, Workshop

PAGE_JOBS_MAX = 100

Wording = Callable[[ObservedJob], ObservedJob]
"""How a server tells of a job, beside what is true of it."""


def as_it_is(job: ObservedJob) -> ObservedJob:
    """Repeat everything as it was asked for."""
    return job


class SimulatedServer:
    """One server with one account.

    Every request takes `latency_s`, half of it on the way there. A paid one makes its job
    whatever becomes of who sent it. Every chunk of an asset takes `chunk_s`.
    """

    def __init__(
        self,
        clock: SimulatedClock,
        *,
        slots: int = 4,
        latency_s: float = 0.2,
        lifetime_s: float | None = 3600.0,
        list_lag_s: float = 0.0,
        chunk_bytes: int = 600,
        chunk_s: float = 0.5,
        usd_per_second: Decimal = Decimal("0.10"),
        page_jobs: int = PAGE_JOBS_MAX,
        skew_s: float = 0.0,
        wording: Wording = as_it_is,
    ) -> None:
        """Have no jobs yet.

        Args:
            clock: whose time it lives by.
            slots: jobs that it works on at once; the others queue.
            latency_s: of every request, there and back.
            lifetime_s: how long assets can be had after completion; None: for ever.
            list_lag_s: how long a new job is missing from the list.
            chunk_bytes: of an asset, that come together.
            chunk_s: between two chunks.
            usd_per_second: of every video, billed as its job is made.
            page_jobs: on one page of the list.
            skew_s: how far its clock is ahead of ours.
            wording: how it tells of its jobs.
        """
        self.workshop = Workshop(slots=slots, usd_per_second=usd_per_second, lifetime_s=lifetime_s)
        self.calls: list[Call] = []
        self.rules: list[Rule] = []
        self.clock = clock
        self._latency_s = latency_s
        self._list_lag = timedelta(seconds=list_lag_s)
        self._chunk_bytes = chunk_bytes
        self._chunk_s = chunk_s
        self._page_jobs = page_jobs
        self._skew = timedelta(seconds=skew_s)
        self._wording = wording

    def twin(self, clock: SimulatedClock) -> "SimulatedServer":
        """Another server that is just like this one now, and goes its own way."""
        made = copy(self)
        made.workshop = deepcopy(self.workshop)
        made.calls = deepcopy(self.calls)
        made.rules = list(self.rules)
        made.clock = clock
        return made

    def fated(self, prompt: str, fate: Fate) -> None:
        """Say what becomes of the jobs of a prompt."""
        self.workshop.fates[prompt] = fate

    def asked(self, operation: Operation, prompt: str | None = None) -> list[Call]:
        """The requests of one kind, in their order."""
        return [c for c in self.calls if c.operation is operation and prompt in (None, c.prompt)]

    async def prepare(self, request: PaidRequest, *, token: str | None = None) -> "SimulatedCall":
        """Have a request ready that makes one job."""
        del token  # it knows none
        return SimulatedCall(self, request)

    async def submit(self, paid: "SimulatedCall") -> ObservedJob:
        """Make one job, and bill it."""
        request = paid.request
        call = self._called(Operation.SUBMIT, prompt=request.prompt)
        fault = self._fault(call)
        made: Job | None = None
        earlier = list(self.workshop.jobs.values())
        if fault is None or (isinstance(fault, LostAnswer | AnotherId) and fault.made):
            hidden_s = fault.shows_after_s if isinstance(fault, LostAnswer) else 0.0
            made = self._make(request, hidden_s=hidden_s)
            call.remote_id = paid.made = made.remote_id
        await self._half_way()
        await self._half_way()
        self._raise(fault, call)
        if isinstance(fault, AnotherId):
            made = earlier[-1]
        assert made is not None
        call.answer = "made"
        return self._told(made, self.clock.moment())

    async def retrieve(self, remote_id: str) -> ObservedJob:
        """Look at one job."""
        call = self._called(Operation.RETRIEVE, remote_id=remote_id)
        at = self._as_of(await self._there_and_back(call))
        job = self._told(self._known(remote_id, at), at)
        call.answer = str(job.status)
        return job

    async def page(self, *, after: str | None = None) -> JobPage:
        """One page, newest first."""
        call = self._called(Operation.PAGE, remote_id=after)
        fault = await self._there_and_back(call)
        if isinstance(fault, Arrivals):
            self.others_make(fault.prompt, fault.number)
        at = self._as_of(fault)
        shown = [job for job in self.workshop.newest_first() if job.is_seen(at - self._list_lag)]
        if isinstance(fault, Short):
            shown = shown[fault.newest : len(shown) - fault.oldest]
        ids = [job.remote_id for job in shown]
        begin = ids.index(after) + 1 if after in ids else 0
        page = shown[begin : begin + self._page_jobs]
        is_last = begin + self._page_jobs >= len(shown)
        call.answer = f"{len(page)} jobs" + (f", {fault}" if fault else "")
        return JobPage(
            jobs=tuple(self._told(job, at) for job in page),
            next_after=None if is_last else page[-1].remote_id,
        )

    def others_make(self, prompt: str, number: int = 1) -> None:
        """Let another team make jobs of a prompt in this account."""
        request = CreateRequest(prompt=prompt, model="sora-2", seconds=4, size="720x1280")
        for _ in range(number):
            self.workshop.make(request, self.clock.moment(), is_ours=False)

    async def delete(self, remote_id: str) -> None:
        """Delete a finished job."""
        call = self._called(Operation.DELETE, remote_id=remote_id)
        await self._there_and_back(call)
        job = self.workshop.find(remote_id)
        if job is not None and job.status(self.clock.moment()).is_running:
            raise RejectedError("the job still runs", status=409)
        self.workshop.deleted.add(remote_id)
        call.answer = "deleted"

    @asynccontextmanager
    async def content(
        self, remote_id: str, variant: Variant, *, offset: int = 0, etag: str | None = None
    ) -> AsyncIterator["SimulatedContent"]:
        """Open one asset; a resume is honoured under the right tag."""
        call = self._called(Operation.CONTENT, remote_id=remote_id)
        call.variant, call.offset = variant, offset
        fault = self._fault(call)
        await self._half_way()
        await self._half_way()
        self._raise(fault, call)
        body = self._asset(self._known(remote_id, self._as_of(fault)), variant)
        if isinstance(fault, Instead):
            body = fault.body
        tag = f'"{sha256(body).hexdigest()[:16]}"'
        begin = offset if offset <= len(body) and etag == tag else 0
        call.answer = f"{len(body) - begin} bytes from {begin}"
        yield SimulatedContent(
            body=body,
            offset=begin,
            etag=tag,
            fault=fault,
            clock=self.clock,
            chunk_bytes=self._chunk_bytes,
            chunk_s=self._chunk_s,
        )

    def _asset(self, job: Job, variant: Variant) -> bytes:
        now = self.clock.moment()
        if job.status(now) is not JobStatus.COMPLETED:
            raise NotReadyError("not there yet")
        if not job.has_assets(now):
            raise JobGoneError("the asset has expired", expired=True)
        return asset_bytes(variant, job.remote_id, size=job.size, seconds=job.seconds)

    def _make(self, request: PaidRequest, *, hidden_s: float) -> Job:
        now = self.clock.moment()
        if not isinstance(request, CreateRequest | EditUploadRequest):
            parent = self.workshop.find(request.parent)
            if parent is None:
                raise RejectedError("no such parent", status=404)
            if parent.status(now) is not JobStatus.COMPLETED:
                raise RejectedError("its parent is not completed", status=400)
        return self.workshop.make(request, now, hidden_s=hidden_s)

    def _known(self, remote_id: str, at: datetime) -> Job:
        job = self.workshop.find(remote_id)
        if job is None or not job.is_seen(at):
            raise JobGoneError("no such job")
        return job

    def _as_of(self, fault: Fault | None) -> datetime:
        """The moment of which an answer tells."""
        lag_s = fault.seconds if isinstance(fault, Lagging) else 0.0
        return self.clock.moment() - timedelta(seconds=lag_s)

    def _told(self, job: Job, at: datetime) -> ObservedJob:
        """A job in this server's words and by its clock."""
        job_now = job.observed(at)
        by_its_clock = {
            name: moment + self._skew
            for name in ("created_at", "completed_at", "expires_at")
            if (moment := getattr(job_now, name)) is not None
        }
        return self._wording(replace(job_now, **by_its_clock))

    def _called(
        self, operation: Operation, *, prompt: str = "", remote_id: str | None = None
    ) -> Call:
        job = self.workshop.jobs.get(remote_id) if remote_id else None
        call = Call(
            at=self.clock.moment(),
            elapsed_s=self.clock.elapsed_s,
            operation=operation,
            prompt=job.prompt if job else prompt,
            remote_id=remote_id,
        )
        self.calls.append(call)
        return call

    def _fault(self, call: Call) -> Fault | None:
        return next((fault for rule in self.rules if (fault := rule(call)) is not None), None)

    async def _there_and_back(self, call: Call) -> Fault | None:
        fault = self._fault(call)
        await self._half_way()
        await self._half_way()
        self._raise(fault, call)
        return fault

    async def _half_way(self) -> None:
        await self.clock.sleep(self._latency_s / 2)

    def _raise(self, fault: Fault | None, call: Call) -> None:
        error = None if fault is None else error_of(fault)
        if error is not None:
            call.answer = type(fault).__name__
            raise error


class SimulatedCall:
    """One paid request, ready to be sent: the port `PaidCall`."""

    def __init__(self, server: SimulatedServer, request: PaidRequest) -> None:
        self._server = server
        self.request = request
        self.made: str | None = None  # the remote id of the job that it made, told or not
        self.sent_at: datetime | None = None

    async def send(self, *, begin_by_s: float) -> ObservedJob:
        """Send it, if it is not too late."""
        if self._server.clock.uptime_s() > begin_by_s:
            raise NotSentError("the request could not begin in time")
        self.sent_at = self._server.clock.moment()
        return await self._server.submit(self)


class SimulatedContent:
    """One asset on its way: the port `ContentStream`."""

    def __init__(
        self,
        *,
        body: bytes,
        offset: int,
        etag: str,
        fault: Fault | None,
        clock: SimulatedClock,
        chunk_bytes: int,
        chunk_s: float,
    ) -> None:
        self.offset = offset
        self.bytes_total: int | None = len(body)
        self.etag: str | None = etag
        self._body = body
        self._fault = fault
        self._clock = clock
        self._chunk_bytes = chunk_bytes
        self._chunk_s = chunk_s

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes from `offset` on, or as many as the fault lets through."""
        end = len(self._body)
        if isinstance(self._fault, Cut | Ends):
            end = min(end, self._fault.after_bytes)
        for begin in range(self.offset, end, self._chunk_bytes):
            await self._clock.sleep(self._chunk_s)
            yield self._body[begin : min(begin + self._chunk_bytes, end)]
        if isinstance(self._fault, Cut):
            raise UnavailableError("the connection broke")


IMPLEMENTS: type[Server] = SimulatedServer  # the type checker's proof
