"""What the state database remembers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal, NewType

from reconciler.domain.address import Address
from reconciler.domain.desired import DEFAULT_LIFECYCLE, Lifecycle
from reconciler.domain.echo import Echo
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import Recipe, RecipeDigest, Sha256

GenerationId = NewType("GenerationId", str)
AttemptId = NewType("AttemptId", str)
RunId = NewType("RunId", str)


_ID_CHARACTERS_SHOWN = 48

MISSING_SIGHTINGS = 3
"""How often a server must say that it has something no more, to be believed."""


class JobStatus(StrEnum):
    """A job's life in the protocol's words; whatever else a server says is still queued."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_running(self) -> bool:
        """Whether the job may still change."""
        return self in (JobStatus.QUEUED, JobStatus.IN_PROGRESS)


class AttemptState(StrEnum):
    """Where one paid request stands. The first five forbid another one of its recipe."""

    RESERVED = "reserved"  # on disk, its cost held; nothing sent
    SENDING = "sending"  # the request may be on its way
    AMBIGUOUS = "ambiguous"  # sent, and the outcome is unknown
    ACKNOWLEDGED = "acknowledged"  # the server gave an id
    ADOPTED = "adopted"  # a job that was found, not bought by this attempt's answer
    NOT_SENT = "not_sent"
    REJECTED = "rejected"
    DISPROVED = "disproved"
    WRITTEN_OFF = "written_off"
    FAILED = "failed"  # its job failed
    LOST = "lost"  # its video is nowhere any more

    @property
    def is_live(self) -> bool:
        """Whether it forbids another attempt of the same recipe."""
        return self in LIVE_STATES

    @property
    def is_unresolved(self) -> bool:
        """Whether a job may exist whose id nobody here knows."""
        return self in (AttemptState.SENDING, AttemptState.AMBIGUOUS)


LIVE_STATES = frozenset(
    {
        AttemptState.RESERVED,
        AttemptState.SENDING,
        AttemptState.AMBIGUOUS,
        AttemptState.ACKNOWLEDGED,
        AttemptState.ADOPTED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job failed, in the server's words."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStat:
    """What tells that a file is still the one that was hashed."""

    bytes: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One downloaded variant of a generation, in the asset store."""

    variant: Variant
    sha256: Sha256
    bytes: int
    media_type: str
    width: int | None = None  # pixels
    height: int | None = None
    duration_s: float | None = None  # None for a picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One remote job made from a recipe, as recorded."""

    id: GenerationId
    recipe: Recipe
    digest: RecipeDigest
    provider: str
    account: str
    remote_id: str
    origin: Literal["bought", "restored"]  # restored: found again, not told by an answer
    status: JobStatus
    progress: int  # percent
    created_at: datetime
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    error: JobError | None = None
    cost_usd: Decimal | None = None  # None: unknown
    attempt: AttemptId | None = None  # the paid request that made it; None: not known
    assets: tuple[Asset, ...] = ()
    is_ours: bool = True  # False: it may be another's, so its job is never deleted
    on_server: bool = True  # False: deleted by us, or seen to be gone
    missing_count: int = 0  # how often in a row the server said that it is gone
    missing_since: datetime | None = None
    lost: bool = False

    def asset(self, variant: Variant) -> Asset | None:
        """The stored asset of one variant, if it was ever stored."""
        return next((asset for asset in self.assets if asset.variant is variant), None)

    def is_missed_for_good(self, now: datetime, settle_s: float) -> bool:
        """Whether its server said often enough, over the settle time, that it is gone."""
        if self.missing_count < MISSING_SIGHTINGS or self.missing_since is None:
            return False
        return (now - self.missing_since).total_seconds() >= settle_s

    @property
    def is_stored(self) -> bool:
        """Whether its video was stored here."""
        return self.asset(Variant.VIDEO) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """A file that sorafile put where the user wants it."""

    variant: Variant
    path: str  # relative to the project
    sha256: Sha256
    stat: FileStat


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunFile:
    """A file that a run was about to put at its path; only a look there tells whether it did."""

    address: Address
    variant: Variant
    path: str  # relative to the project
    sha256: Sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What one workspace remembers of one address.

    `current` is what is published. `pending` is in the making and becomes current when its
    video is verified and published; until then the current one stays.
    """

    address: Address
    current: Generation | None = None
    pending: Generation | None = None
    deposed: tuple[Generation, ...] = ()  # replaced, not deleted yet
    published: tuple[PublishedFile, ...] = ()
    lifecycle: Lifecycle = DEFAULT_LIFECYCLE
    tags: tuple[str, ...] = ()

    @property
    def generations(self) -> tuple[Generation, ...]:
        """All that this address holds."""
        held = (self.current, self.pending, *self.deposed)
        return tuple(generation for generation in held if generation is not None)

    def file(self, variant: Variant) -> PublishedFile | None:
        """The published file of one variant."""
        return next((file for file in self.published if file.variant is variant), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One paid request, as journaled."""

    id: AttemptId
    digest: RecipeDigest
    address: Address
    provider: str
    account: str
    state: AttemptState
    reserved_at: datetime
    sending_at: datetime | None = None
    cost_usd: Decimal | None = None
    evidence: str | None = None  # what was seen of the request; for people to read
    workspace: str = "default"
    kin: RecipeDigest | None = None  # None: of a release that did not record it
    echo: Echo | None = None  # likewise
    watermark: tuple[str, ...] | None = None  # newest first; None: there was no list to read
    made: bool = False  # the server answered a success: a job exists for certain
    over_at: datetime | None = None  # since when the request cannot be under way any more
    may_repeat: bool = False  # written off, and a person said to buy again
    tags: tuple[str, ...] = ()  # of the declaration that it was made for
    deadline_s: float | None = None  # likewise

    def is_kin(self, other: "Attempt") -> bool:
        """Whether either may take the other's job: they differ in nothing but the take."""
        return (self.kin or self.digest) == (other.kin or other.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRun:
    """One execution of a plan."""

    id: RunId
    user: str
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedState:
    """All that one workspace needs to know of the database."""

    database_id: str | None = None  # None: there is no database yet
    videos: Mapping[Address, Recorded]
    generations: Mapping[GenerationId, Generation]  # the whole database's
    attempts: tuple[Attempt, ...]  # the live ones, the whole database's
    given_up: tuple[Attempt, ...] = ()
    """Disproved or written off, the whole database's: their jobs may show after all."""

    spares: Mapping[GenerationId, Address] = field(default_factory=dict)
    """Paid generations that nobody holds and that are not stored yet; for whom they were paid."""

    begun: tuple[BegunFile, ...] = ()  # what a run that died, or still runs, was publishing
    held_elsewhere: frozenset[GenerationId] = frozenset()  # in use by other workspaces
    is_new: bool = False  # no run was ever begun: the asset store may tell what this does not


NOTHING_RECORDED = RecordedState(videos={}, generations={}, attempts=(), is_new=True)


def brief_id(remote_id: str) -> str:
    """A remote id for a line of text: gateways make theirs of hundreds of characters."""
    if len(remote_id) <= _ID_CHARACTERS_SHOWN:
        return remote_id
    return f"{remote_id[:24]}…{remote_id[-8:]}"
