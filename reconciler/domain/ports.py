"""The doors to the world outside: what `apply` may ask of it, and what may go wrong.

Every implementer keeps these promises. The program runs as well against a real server and
disk as against simulated ones under a simulated clock.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from reconciler.domain.address import Address
from reconciler.domain.bookings import Booking
from reconciler.domain.budget import NO_BUDGET, Budget
from reconciler.domain.desired import Lifecycle, ReferenceFile
from reconciler.domain.echo import Echo
from reconciler.domain.errors import ExitCode
from reconciler.domain.observed import FileFact, JobPage, ObservedJob, Sidecar, SidecarReading
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import ExtraValue, Recipe, RecipeDigest, ReferenceFit, Sha256
from reconciler.domain.recorded import (
    Asset,
    AttemptId,
    BegunFile,
    Generation,
    GenerationId,
    PublishedFile,
    RecordedRun,
    RecordedState,
    RunId,
)


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """The moment, in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Let that much time pass."""

    def uptime_s(self) -> float:
        """Seconds by a clock that never jumps, and that goes on while the machine sleeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """One new video, ready for the wire."""

    prompt: str
    model: str
    seconds: int
    size: str
    reference: ReferenceFile | None = None  # of the type that the bytes have
    reference_bytes: bytes | None = None  # read, checked and fitted before anything is recorded
    extra: Mapping[str, ExtraValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemixRequest:
    """One new video made from a finished job."""

    parent: str  # remote id
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRequest:
    """One new video that is a finished job's, changed."""

    parent: str  # remote id
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditUploadRequest:
    """One new video that is the one sent along, changed."""

    prompt: str
    model: str | None  # None: nobody knows what made the video, so the server chooses
    video: bytes = field(repr=False)  # an mp4, whole: read and checked before anything is recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendRequest:
    """One new video that begins with a finished job's, and goes on."""

    parent: str  # remote id
    prompt: str
    seconds: int  # that it adds


PaidRequest = CreateRequest | RemixRequest | EditRequest | EditUploadRequest | ExtendRequest


class PaidCall(Protocol):
    """One paid request, built whole: nothing on this machine can fail it any more."""

    async def send(self, *, begin_by_s: float) -> ObservedJob:
        """Send it exactly once, and return the job that the server made.

        Args:
            begin_by_s: of `Clock.uptime_s`; where its first byte would leave later, it never
                leaves.

        Raises:
            NotSentError: no byte left; nothing was made.
            RejectedError: the server refused; nothing was made.
            UnauthorizedError: the key was refused; nothing was made.
            AmbiguousError: whatever else; a job may exist.
        """


class ContentStream(Protocol):
    """An asset on its way."""

    offset: int  # where in the asset its first byte lies; 0 where a resume was not honoured
    bytes_total: int | None  # of the whole asset; None: the server did not say
    etag: str | None

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes from `offset` on.

        Raises:
            UnavailableError: the connection broke; what came is good for a resume.
        """


class Server(Protocol):
    """One provider's Videos API.

    Requests that cost nothing raise `UnavailableError` where asking again later may help,
    `UnauthorizedError` where the key is refused, `RejectedError` where asking again is
    useless, and are never repeated here.
    """

    async def prepare(self, request: PaidRequest, *, token: str | None = None) -> PaidCall:
        """Build a paid request whole: address, key and body. Sends nothing.

        `token` names it, where the server has a way to be told: no other request ever has it.

        Raises:
            NotSentError: it cannot be built.
            RejectedError: the server could only refuse it.
            UnauthorizedError: the key cannot be had.
        """

    async def retrieve(self, remote_id: str) -> ObservedJob:
        """Look at one job.

        Raises:
            JobGoneError: the server knows no such job.
        """

    async def page(self, *, after: str | None = None) -> JobPage:
        """One page of up to 100 jobs, newest first."""

    async def delete(self, remote_id: str) -> None:
        """Delete a finished job; one that is gone already is no error.

        Raises:
            AbsentError: the server deletes none.
            RejectedError: the server refuses, for one because the job still runs.
        """

    def content(
        self, remote_id: str, variant: Variant, *, offset: int = 0, etag: str | None = None
    ) -> AbstractAsyncContextManager[ContentStream]:
        """Open one asset for reading, from `offset` on where the server can.

        Raises:
            JobGoneError: the asset is gone, or was never there.
            NotReadyError: the asset is not there yet.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a workspace."""

    host: str
    pid: int
    process_started: str  # tells a process from a later one with its pid
    user: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A workspace that is held: by whom, since when, and when he was heard of last."""

    workspace: str
    holder: Holder
    fence: int  # grows with every holder
    acquired_at: datetime
    heartbeat_at: datetime

    def quiet_s(self, now: datetime) -> float:
        """How long ago the holder's last sign of life was."""
        return max((now - self.heartbeat_at).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A paid request about to be made."""

    address: Address
    recipe: Recipe
    digest: RecipeDigest
    provider: str
    cost_usd: Decimal | None
    echo: Echo
    lifecycle: Lifecycle
    tags: tuple[str, ...]
    failures: int | None = None  # jobs of its recipe that had failed as it was planned; None: any


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A job that a server has already, about to be held as the result of a recipe."""

    address: Address
    recipe: Recipe
    digest: RecipeDigest
    provider: str
    job: ObservedJob
    cost_usd: Decimal | None
    is_ours: bool  # False: it may be another's, so its job is never deleted
    lifecycle: Lifecycle
    tags: tuple[str, ...]


class StateReader(Protocol):
    """The state database, for reading. Creates nothing, blocks nobody."""

    def read(self) -> RecordedState:
        """All that this workspace needs to know, at one moment."""

    def run_of(self, plan_id: str) -> RecordedRun | None:
        """The first run of a plan, in whatever workspace; None where it was never begun."""

    def bookings(self, since: datetime | None = None) -> tuple[Booking, ...]:
        """The whole database's ledger, a booking for each purchase, the oldest first.

        Args:
            since: leaves out the money that was held before; None: nothing.
        """

    def counted_of(self, runs: Collection[RunId]) -> Mapping[RunId, Decimal]:
        """Dollars that each of some runs holds or spent, as far as they are recorded here."""


class StateWriter(StateReader, Protocol):
    """The state database, held under a lease. Each method is one durable transaction.

    Every method raises `LeaseLostError` once the lease is another's, and then has written
    nothing.
    """

    def heartbeat(self) -> None:
        """Say that this run is alive; to be called well within 30 s of the last time."""

    def begin_run(self, *, plan_id: str, worst_case_usd: Decimal, git_commit: str | None) -> RunId:
        """Record that a plan is carried out from now on."""

    def end_run(self, run: RunId, exit_code: ExitCode) -> None:
        """Record how it ended."""

    def reserve(self, intent: Intent, run: RunId, budget: Budget = NO_BUDGET) -> AttemptId:
        """Journal a paid request and hold its cost.

        Raises:
            AlreadyBoughtError: a live attempt of this recipe exists.
            BudgetError: its cost breaks a cap, whoever of this database spent the rest, or goes
                beyond what was approved for the run.
            StalePlanError: more jobs of its recipe have failed than it was planned with.
        """

    def sending(self, attempt: AttemptId, watermark: tuple[str, ...] | None) -> None:
        """Journal that the request may be on its way from now on.

        Args:
            attempt: a reserved one.
            watermark: the ids that the server listed just before, newest first; None where
                there is no list.

        Raises:
            IndistinctError: there is a list, and a request of unknown outcome, made by whomever,
                that it could not tell from this one; nothing was journaled.
        """

    def acknowledged(self, attempt: AttemptId, job: ObservedJob) -> Generation:
        """Journal the id, book the cost, and hold the job as the address's pending one.

        It is taken even when the lease is lost, and when another run has given the attempt up
        meanwhile: then nobody holds it, and it is a spare, or found by its recipe.
        """

    def not_sent(self, attempt: AttemptId, evidence: str) -> None:
        """Journal that nothing left, and free the money."""

    def rejected(self, attempt: AttemptId, evidence: str) -> None:
        """Journal a certain refusal, and free the money."""

    def ambiguous(self, attempt: AttemptId, evidence: str, *, made: bool) -> None:
        """Journal that a job may exist, or, with `made`, that it does; the money stays held."""

    def adopted(self, attempt: AttemptId, job: ObservedJob, *, is_ours: bool) -> Generation | None:
        """Journal that a listed job is what an unresolved attempt made, and book its cost.

        Nobody holds it yet. None where it cannot be: the job is recorded by now, or a request
        that it could as well be the answer to is being sent just now.
        """

    def disproved(self, attempt: AttemptId, evidence: str) -> None:
        """Journal that an unresolved attempt made nothing, and free the money."""

    def written_off(self, attempt: AttemptId, evidence: str, *, may_repeat: bool) -> None:
        """Journal that nobody will know what an attempt made; its money is spent and wasted."""

    def twin(self, attempt: AttemptId, job: ObservedJob, *, is_ours: bool) -> Generation:
        """Record the job of an attempt that was given up; nobody holds it.

        Its money is wasted where its recipe was bought again.

        A job that is recorded already is returned as it is.
        """

    def found(self, found: Found) -> Generation:
        """Record a job that the server has already, and hold it as the address's pending one.

        Its cost is booked where it is ours.

        Raises:
            StateError: it is recorded already.
        """

    def void_reserved(self) -> None:
        """Settle what dead runs of this workspace left in the journal.

        What was reserved was never sent; what was being sent is ambiguous.
        """

    def saw(self, generation: GenerationId, job: ObservedJob) -> None:
        """Record how a job stands; a failed one fails its attempt and books waste."""

    def saw_missing(self, generation: GenerationId) -> Generation:
        """Record that the server knew no such job or asset, and return the count so far."""

    def deleted(self, generation: GenerationId) -> None:
        """Record that the job is on its server no more."""

    def lost(self, generation: GenerationId) -> None:
        """Record that the video is nowhere any more, so that it may be bought again."""

    def stored(self, generation: GenerationId, asset: Asset) -> None:
        """Record an asset that lies whole in the store."""

    def recover(self, sidecar: Sidecar, tags: tuple[str, ...] = ()) -> GenerationId:
        """Record a generation that only its sidecar remembers; known ones are returned.

        Its cost is booked under these tags. One without its video is recorded as lost.
        """

    def recover_all(
        self, sidecars: Collection[Sidecar], tags: Mapping[RecipeDigest, tuple[str, ...]]
    ) -> None:
        """Recover many at once; `tags` are those of the recipes that are declared."""

    def bind(self, address: Address, generation: GenerationId) -> None:
        """Hold a generation as the address's pending one; a former pending is deposed."""

    def promote(self, address: Address, lifecycle: Lifecycle, tags: tuple[str, ...]) -> None:
        """Make the pending generation current, depose the old one, record the settings.

        Without a pending one only the settings are recorded.
        """

    def publishing(self, file: BegunFile) -> None:
        """Record that a file is about to come to its path, before it does."""

    def published(self, address: Address, file: PublishedFile) -> None:
        """Record a published file; the path belongs to this address and variant now."""

    def not_published(self, path: str) -> None:
        """Record that what was begun for a path did not come there."""

    def unpublished(self, address: Address, path: str) -> None:
        """Record that a published file is sorafile's no more."""

    def rename(self, source: Address, target: Address) -> None:
        """Give all that `source` holds to `target`, which holds nothing yet."""

    def rename_all(self, moves: Mapping[Address, Address]) -> None:
        """Rename several addresses, all or none; they may change places."""

    def retired(self, address: Address, generation: GenerationId) -> None:
        """Drop a generation from what the address holds; its history stays."""

    def forget(self, address: Address) -> None:
        """Drop the record of an address; the history of its generations stays."""

    def forget_all(self, addresses: Collection[Address]) -> None:
        """Forget several addresses, all or none."""


class Partial(Protocol):
    """An asset that is being downloaded into the store; what came survives a crash."""

    offset: int  # bytes that are here already
    etag: str | None  # of those bytes

    def restart(self) -> None:
        """Begin again from the first byte."""

    def begin(self, *, offset: int, etag: str | None) -> None:
        """Be told what the next bytes belong to; an `offset` of 0 begins again."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""

    def finish(self, *, bytes_total: int | None) -> Asset:
        """Check that this is the whole asset, and that its bytes outlast a power cut.

        Raises:
            BadAssetError: it is not; the bytes are thrown away.
        """

    def move_in(self, asset: Asset) -> None:
        """Put what was finished where its content says; the store had it before, too."""

    def close(self) -> None:
        """Let go of the file; what came stays for a resume."""


class AssetStore(Protocol):
    """Assets by content, and the sidecars that tell of them without the database.

    Raises `StateError` where the disk is full or refuses.
    """

    def check_writable(self) -> None:
        """See that something can be stored, so that nothing is bought that could not be."""

    def is_whole(self, asset: Asset) -> bool:
        """Whether the bytes are there, by their length."""

    def is_intact(self, asset: Asset) -> bool:
        """Whether the bytes are there, by reading them all."""

    def move_in(self, asset: Asset) -> None:
        """Put an asset that a killed run finished, and did not move in, where it belongs."""

    def path(self, sha256: Sha256) -> Path:
        """Where the bytes lie."""

    def read(self, asset: Asset) -> bytes:
        """All bytes of an asset, in memory at once.

        Raises:
            BadAssetError: it is not whole in the store.
        """

    def partial(self, generation: Generation, variant: Variant) -> Partial:
        """Begin or go on with one download."""

    def take_back(self, file: Path, asset: Asset) -> None:
        """Copy a whole published file into the store.

        Raises:
            BadAssetError: its bytes are not those of the asset.
        """

    def derive(self, video: Asset, variant: Variant) -> Asset:
        """Make a picture from a stored video, and store it.

        Raises:
            BadAssetError: the stored video is damaged, or cannot be decoded.
        """

    def write_sidecar(self, sidecar: Sidecar) -> None:
        """Write or complete the sidecar of one generation, durably."""

    def read_sidecars(self, digests: Collection[RecipeDigest]) -> SidecarReading:
        """Every sidecar of these recipes, whether its bytes are here or not, and what is none."""

    def every_sidecar(self) -> tuple[Sidecar, ...]:
        """All paid generations that the store tells of, sorted.

        The assets of each are those that lie whole in the store: none may be left.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedImage:
    """An input reference as it is sent."""

    data: bytes
    media_type: str


class ImageFitter(Protocol):
    """Makes input references fit their videos."""

    async def fitted(
        self, image: bytes, *, size: str, fit: ReferenceFit, types: Sequence[str]
    ) -> FittedImage:
        """An image of exactly a video's size.

        Args:
            image: the bytes of a jpeg, png or webp.
            size: WIDTHxHEIGHT in pixels.
            fit: which is not "exact": that is sent as it is.
            types: the media types that the server takes, at least one of these three.

        Raises:
            SorafileError: no image can be made of these bytes.
        """


class Files(Protocol):
    """The published files. Paths are relative to the project.

    Raises `StateError` where the disk is full or refuses.
    """

    def locate(self, path: str) -> Path:
        """Where a path of the project lies on this disk."""

    def look(self, path: str) -> FileFact | None:
        """What lies there, unread; None for nothing."""

    def read(self, path: str) -> FileFact | None:
        """What lies there, read and hashed; None for nothing."""

    def read_bytes(self, path: str) -> bytes:
        """The bytes of a reference image."""

    def publish(self, source: Path, path: str, *, sha256: Sha256) -> FileFact:
        """Put a copy of a stored asset there, atomically, replacing what lies there.

        Raises:
            BadAssetError: the stored bytes have another digest; what lay there is untouched.
        """

    def clear_up(self, path: str) -> None:
        """Remove what a dead run had written, so far, of a file that was to come there."""

    def set_aside(self, path: str) -> str:
        """Rename an altered file to `NAME.local-<sha8>.EXT`, and return its new path."""

    def move(self, source: str, target: str) -> None:
        """Rename a published file; its old folder goes when it is empty."""

    def remove(self, path: str) -> None:
        """Remove a published file; its folder goes when it is empty."""
