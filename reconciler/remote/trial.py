"""One video, bought to see what a server makes of it.

The request goes out once, as every paid one. Nothing of it is recorded here: whoever watches is
told its id as soon as it is known.
"""

from collections.abc import Callable, Mapping

from reconciler.domain.echo import EchoField
from reconciler.domain.errors import AbsentError, JobGoneError, ServerError
from reconciler.domain.ports import Clock, CreateRequest, Server
from reconciler.domain.probing import Outcome, Seen, Told
from reconciler.domain.profile import Profile
from reconciler.domain.recorded import JobStatus
from reconciler.remote import sightings
from reconciler.remote.probing import JobLook, Prober

_BEGIN_S = 5.0
_LONGEST_S = 1800.0
_FIRST_WAIT_S = 1.0
_FAILURES_MAX = 5


class Trial:
    """One video on one server, from its request to its deletion."""

    def __init__(
        self,
        *,
        server: Server,
        prober: Prober,
        profile: Profile,
        clock: Clock,
        made: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> None:
        """Send nothing yet; `made` is told the job's id at once, and `tell` each later step."""
        self._server = server
        self._prober = prober
        self._profile = profile
        self._clock = clock
        self._made = made
        self._tell = tell

    async def run(self, request: CreateRequest, *, lists: bool, deletes: bool) -> Outcome:
        """Buy it, and watch it to its end.

        Args:
            request: what is asked for.
            lists: the server has a list, so the job should show in it.
            deletes: the server has a delete.

        Raises:
            ServerError: no job was made, or nobody knows (`AmbiguousError`).
        """
        call = await self._server.prepare(request)
        made = await call.send(begin_by_s=self._clock.uptime_s() + _BEGIN_S)
        began_s = self._clock.uptime_s()
        self._made(made.remote_id)
        sent = _sent(request)
        listed = await self._listed(made.remote_id, sent, began_s) if lists else Seen()
        look, seen = await self._watched(made.remote_id)
        job = None if look is None else look.job
        if job is not None:
            seen = seen.then(Seen(echoes=sightings.fidelity(sent, job, "the job that was made")))
        seen = seen.then(listed)
        if look is not None and look.job.status is JobStatus.COMPLETED:
            assets = await self._prober.look_at_assets(made.remote_id, url=look.url)
            seen = seen.then(assets)
        left: str | None = "the server has no delete"
        if job is None or job.status.is_running:
            left = "it still runs, for all that is known"
        elif deletes:
            deleted, left = await self._deleted(made.remote_id)
            seen = seen.then(deleted)
        return Outcome(remote_id=made.remote_id, job=job, seen=seen, left_because=left)

    async def _watched(self, remote_id: str) -> tuple[JobLook | None, Seen]:
        """The last look at the job."""
        until_s = self._clock.uptime_s() + _LONGEST_S
        look: JobLook | None = None
        seen, failures, wait_s = Seen(), 0, _FIRST_WAIT_S
        while failures < _FAILURES_MAX and self._clock.uptime_s() < until_s:
            before = look.job.status if look is not None else None
            try:
                look = await self._prober.look_at(remote_id)
                failures, seen = 0, seen.then(look.seen)
            except ServerError as error:
                failures += 1
                self._tell(error.message)
            if look is not None and look.job.status is not before:
                self._tell(f"job {remote_id}: {look.job.status}")
            if look is not None and not look.job.status.is_running:
                break
            await self._clock.sleep(min(wait_s, self._profile.poll_interval_s))
            wait_s *= 2
        return look, seen

    async def _listed(self, remote_id: str, sent: Mapping[EchoField, str], began_s: float) -> Seen:
        """Whether the list shows the job within its settle time, and what it tells of it."""
        until_s = began_s + self._profile.settle_s
        was_read, wait_s = False, _FIRST_WAIT_S
        while True:
            page = await self._prober.newest()
            found = [each for each in page.jobs if each.remote_id == remote_id] if page else []
            took_s = self._clock.uptime_s() - began_s
            if found:
                return Seen(
                    settle_s=Told(value=took_s, evidence="the job in the list"),
                    echoes=sightings.fidelity(sent, found[0], "the job in the list"),
                )
            was_read = was_read or page is not None
            if self._clock.uptime_s() >= until_s:
                break
            await self._clock.sleep(min(wait_s, until_s - self._clock.uptime_s()))
            wait_s *= 2
        if not was_read:
            return Seen()
        said = f"not on the first page of the list after {took_s:.0f} s"
        return Seen(settle_s=Told(value=None, evidence=said))

    async def _deleted(self, remote_id: str) -> tuple[Seen, str | None]:
        try:
            await self._server.delete(remote_id)
        except AbsentError as error:
            return Seen(delete=Told(value=False, evidence=error.message)), error.message
        except ServerError as error:
            return Seen(), error.message
        try:
            await self._prober.look_at(remote_id)
        except JobGoneError:
            said = "the job is gone after its DELETE"
            return Seen(delete=Told(value=True, evidence=said)), None
        except ServerError as error:
            return Seen(), f"it said yes to a delete, and then: {error.message}"
        said = "the job is still there after its DELETE, which was answered with yes"
        return Seen(delete=Told(value=False, evidence=said)), said


def _sent(request: CreateRequest) -> Mapping[EchoField, str]:
    return {
        "prompt": request.prompt,
        "model": request.model,
        "seconds": str(request.seconds),
        "size": request.size,
    }
