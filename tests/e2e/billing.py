"""An account at a Videos API server that bills: its jobs, its books, and where it breaks off.

The books are the truth that tests compare with: every job that was ever made, and what it
cost, whatever became of the answer.
"""

import asyncio
import struct
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256

from reconciler.domain.profile import Variant
from simulated.media import asset_bytes

PAGE_JOBS_MAX = 100
USD_PER_SECOND = Decimal("0.10")
LIFETIME_S = 3600
LOOKS = 2
"""How often a job must be looked at until it is completed: it waits for no clock."""

_LONG_S = 12
_LONG_PADDING = 2_500_000  # bytes: of a long video half is more than is kept in memory


class Kind(StrEnum):
    """The requests of the Videos API."""

    CREATE = "create"
    REMIX = "remix"
    RETRIEVE = "retrieve"
    PAGE = "page"
    DELETE = "delete"
    CONTENT = "content"


class Moment(StrEnum):
    """How far a request got."""

    ARRIVED = "arrived"  # whole, and nothing came of it yet
    DONE = "done"  # a job is made or deleted, and nobody was told
    HALFWAY = "halfway"  # half of the answer has left
    ANSWERED = "answered"  # all of it


class Then(StrEnum):
    """What becomes of a request that was broken off."""

    GO_ON = "go on"
    LOSE = "lose"  # nothing more is done, and the connection is closed
    LATE = "late"  # it goes on, but only after the next list was answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """Where to break off: at a moment of the nth request of a kind that comes from now on."""

    kind: Kind | None  # None: whichever
    nth: int
    moment: Moment
    then: Then | None = None  # None: hold the request, until somebody says what then


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a job was asked for: equal for two jobs, if one of them was bought in vain."""

    prompt: str
    seconds: int
    reference: str | None  # sha256
    of: "Asked | None" = None  # what it remixes


@dataclass(slots=True, kw_only=True)
class Job:
    """One job, billed as it is made."""

    remote_id: str
    asked: Asked
    model: str
    size: str
    parent: str | None  # remote id
    made_at: float  # seconds of the epoch
    looks: int = 0
    is_deleted: bool = False

    @property
    def usd(self) -> Decimal:
        """Its price."""
        return USD_PER_SECOND * self.asked.seconds

    @property
    def status(self) -> str:
        """In the words of the protocol."""
        if self.looks >= LOOKS:
            return "completed"
        return "in_progress" if self.looks else "queued"

    def bytes_of(self, variant: Variant) -> bytes:
        """One of its assets, which no other job has."""
        made = asset_bytes(variant, self.remote_id, size=self.size, seconds=self.asked.seconds)
        if variant is not Variant.VIDEO or self.asked.seconds < _LONG_S:
            return made
        return made + struct.pack(">I4s", _LONG_PADDING + 8, b"free") + bytes(_LONG_PADDING)

    def told(self) -> dict[str, object]:
        """The video object that a list or an answer holds."""
        done = self.status == "completed"
        return {
            "id": self.remote_id,
            "object": "video",
            "model": self.model,
            "status": self.status,
            "progress": 100 * min(self.looks, LOOKS) // LOOKS,
            "created_at": int(self.made_at),
            "completed_at": int(self.made_at) if done else None,
            "expires_at": int(self.made_at) + LIFETIME_S if done else None,
            "prompt": self.asked.prompt,
            "seconds": str(self.asked.seconds),
            "size": self.size,
            "remixed_from_video_id": self.parent,
        }


@dataclass(frozen=True, slots=True)
class Call:
    """One request under way, and its number among all, and among those of its kind."""

    account: "Account"
    kind: Kind
    numbers: Mapping[Kind | None, int]

    async def may_go_on(self, moment: Moment) -> bool:
        """Whether to do more than what is done at this moment; where it is held, in the end."""
        for number, wanted in self.account.breaks:
            if wanted.moment is moment and self.numbers.get(wanted.kind) == number:
                then = wanted.then or await self.account.hold()
                if then is Then.LATE:
                    await self.account.next_list()
                return then is not Then.LOSE
        return True


@dataclass(slots=True, kw_only=True)
class Account:
    """Jobs by their ids, oldest first, and what a test has in mind for the next requests."""

    list_lag_s: float = 0.0  # how long a new job is missing from the list
    jobs: dict[str, Job] = field(default_factory=dict)
    breaks: list[tuple[int, Break]] = field(default_factory=list)  # each with its request's number
    _calls: Counter[Kind | None] = field(default_factory=Counter)  # None: of all kinds
    _held: asyncio.Future[Then] | None = None
    _lists: int = 0  # that were answered
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def call(self, kind: Kind) -> Call:
        """Count a request."""
        self._calls.update((kind, None))
        return Call(self, kind, {each: self._calls[each] for each in (kind, None)})

    def break_off_at(self, wanted: Break) -> None:
        """Wait for one more request."""
        self.breaks.append((self._calls[wanted.kind] + wanted.nth, wanted))

    def forget_breaks(self) -> None:
        """Wait for none any more."""
        self.breaks.clear()

    async def hold(self) -> Then:
        """Hold a request until somebody says what then; no other is broken off meanwhile."""
        self.forget_breaks()
        self._held = asyncio.get_running_loop().create_future()
        await self._tell()
        return await self._held

    async def held(self) -> None:
        """Wait until a request is held."""
        async with self._news:
            await self._news.wait_for(lambda: self._held is not None)

    def release(self, then: Then) -> None:
        """Say what becomes of the request that is held."""
        assert self._held is not None
        self._held.set_result(then)
        self._held = None

    async def next_list(self) -> None:
        """Wait until one more list was answered."""
        before = self._lists
        async with self._news:
            await self._news.wait_for(lambda: self._lists > before)

    async def listed(self) -> None:
        """Take note that a list was answered."""
        self._lists += 1
        await self._tell()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    def make(self, asked: Asked, *, model: str, size: str, parent: str | None) -> Job:
        """Make a job, and bill it."""
        # Ids in no order, as real ones.
        identity = f"video_{sha256(f'{len(self.jobs)} {asked}'.encode()).hexdigest()[:24]}"
        job = Job(
            remote_id=identity,
            asked=asked,
            model=model,
            size=size,
            parent=parent,
            made_at=time.time(),
        )
        self.jobs[identity] = job
        return job

    def find(self, remote_id: str) -> Job | None:
        """A job that is there."""
        job = self.jobs.get(remote_id)
        return None if job is None or job.is_deleted else job

    def listed_after(self, after: str | None) -> tuple[list[Job], bool]:
        """One page, newest first, and whether there is another."""
        shown = list(self._shown())
        ids = [job.remote_id for job in shown]
        begin = ids.index(after) + 1 if after in ids else 0
        page = shown[begin : begin + PAGE_JOBS_MAX]
        return page, begin + PAGE_JOBS_MAX < len(shown)

    def _shown(self) -> Iterator[Job]:
        until = time.time() - self.list_lag_s
        for job in reversed(self.jobs.values()):
            if not job.is_deleted and job.made_at <= until:
                yield job
