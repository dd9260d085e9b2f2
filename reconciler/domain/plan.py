"""A plan as a value: what would be done, why, and what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration, Lifecycle
from reconciler.domain.errors import Diagnostic
from reconciler.domain.observed import ObservedJob, Sidecar
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import RecipeDigest
from reconciler.domain.recorded import Asset, Attempt, AttemptId, GenerationId, PublishedFile


class ActionKind(StrEnum):
    """What becomes of one address."""

    CREATE = "create"
    REMIX = "remix"
    EDIT = "edit"
    EXTEND = "extend"
    REPLACE = "replace"
    DELETE = "delete"
    DOWNLOAD = "download"
    PUBLISH = "publish"
    RESTORE = "restore"
    ADOPT = "adopt"
    MOVE = "move"
    FORGET = "forget"
    WAIT = "wait"
    RESOLVE = "resolve"
    UPDATE = "update"
    BLOCKED = "blocked"


class Reason(StrEnum):
    """Why, for scripts. For display and tests: nothing branches on it."""

    NOT_RECORDED = "not_recorded"
    RECIPE_CHANGED = "recipe_changed"
    PARENT_WILL_CHANGE = "parent_will_change"
    REPLACE_REQUESTED = "replace_requested"
    VIDEO_LOST = "video_lost"
    JOB_FAILED = "job_failed"
    JOB_RUNNING = "job_running"
    STUCK = "stuck"
    NOT_STORED = "not_stored"
    ASSET_MISSING = "asset_missing"
    FOUND_ON_SERVER = "found_on_server"
    FILE_MISSING = "file_missing"
    FILE_ALTERED = "file_altered"
    STORE_LOST = "store_lost"
    SIDECAR_DAMAGED = "sidecar_damaged"
    OUTPUT_CHANGED = "output_changed"
    VARIANTS_CHANGED = "variants_changed"
    SETTINGS_CHANGED = "settings_changed"
    STORED_BEFORE = "stored_before"
    SHARED = "shared"
    RENAMED = "renamed"
    MOVED = "moved"
    REMOVED = "removed"
    IMPORTED = "imported"
    NOT_IMPORTABLE = "not_importable"
    BLOCK_CONFLICT = "block_conflict"
    UNDECLARED = "undeclared"
    JOB_IN_USE = "job_in_use"
    DEPOSED = "deposed"
    PROTECTED = "protected"
    PARENT_BLOCKED = "parent_blocked"
    PARENT_UNKNOWN = "parent_unknown"
    PARENT_JOB_GONE = "parent_job_gone"
    TOO_LONG = "too_long"
    PATH_OCCUPIED = "path_occupied"
    UNRESOLVED_ATTEMPT = "unresolved_attempt"
    WRITTEN_OFF = "written_off"
    PRICE_UNKNOWN = "price_unknown"
    NO_DELETE = "no_delete"
    DESTROYED = "destroyed"


Effect = Literal["free", "paid", "cascade"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field that differs. `before` is None for what is new, `after` for what goes."""

    field: str
    before: str | None
    after: str | None
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Buy:
    """Make the one paid request, and hold its job as pending. Costs money.

    Where the job fails for a reason that may pass, so often another is made in its place.
    """

    declaration: Declaration
    cost_usd: Decimal | None  # of one job
    retries: int = 0  # that may still follow
    failures: int = 0  # jobs of its recipe that have failed before
    parent_generation: GenerationId | None = None  # None: the parent is made in this run
    upload: Asset | None = None  # the parent's stored video, sent along since its job is gone
    step: Literal["buy"] = "buy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve:
    """Find out what became of a paid request, and hold its job as pending.

    Where it is disproved, `otherwise` is bought in its place.
    """

    attempt: AttemptId
    otherwise: Buy | None
    step: Literal["resolve"] = "resolve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """Record a job of this recipe that the server has already, and hold it as pending."""

    declaration: Declaration
    job: ObservedJob
    cost_usd: Decimal | None
    given_up: AttemptId | None = None  # the attempt that made it, and that nobody waits for
    named: bool = False  # by an [[import]]: it may be another's, so it is never deleted
    step: Literal["adopt"] = "adopt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """Hold a generation that exists as pending."""

    generation: GenerationId
    step: Literal["bind"] = "bind"


@dataclass(frozen=True, slots=True, kw_only=True)
class BindShared:
    """Hold as pending what another address gets in this run."""

    of: Address
    step: Literal["bind_shared"] = "bind_shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recover:
    """Record a generation that only the asset store remembers, and hold it as pending."""

    sidecar: Sidecar
    tags: tuple[str, ...]  # under which its cost is booked
    step: Literal["recover"] = "recover"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkLost:
    """Record that a video is nowhere any more, so that its recipe may be bought again."""

    generation: GenerationId
    step: Literal["mark_lost"] = "mark_lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Await:
    """Let the job that this address holds finish, or come to its deadline."""

    deadline_s: float | None = None  # from when the job was made; None: it has none
    step: Literal["await"] = "await"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Bring variants into the asset store; those already whole there are passed over.

    A video of another size or length than asked is kept, and warned of.
    """

    variants: tuple[Variant, ...]
    size: str | None  # WIDTHxHEIGHT, as asked; None: nobody knows
    seconds: int | None
    step: Literal["fetch"] = "fetch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Derive:
    """Make a picture here, from the stored video: the server has it no more."""

    variant: Variant
    step: Literal["derive"] = "derive"


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack:
    """Fill the asset store again from a published file that is still whole."""

    file: PublishedFile
    step: Literal["take_back"] = "take_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Put one variant where the user wants it; an altered file is kept beside it."""

    variant: Variant
    path: str
    step: Literal["publish"] = "publish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promote:
    """Make the pending generation current and depose the old one; record the settings."""

    lifecycle: Lifecycle
    tags: tuple[str, ...]
    step: Literal["promote"] = "promote"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpublish:
    """Remove a published file; an altered one is kept beside."""

    file: PublishedFile
    step: Literal["unpublish"] = "unpublish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """Give what another address holds to this one, its published files with it."""

    source: Address
    files: tuple[tuple[str, str], ...]  # from, to
    step: Literal["rename"] = "rename"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retire:
    """Let go of a generation: finish and store what was paid for, then delete its job.

    `delete` is False where the job must stay: in use elsewhere, `remote = "never"`, or no
    delete on this server.
    """

    generation: GenerationId
    delete: bool
    deadline_s: float | None = None  # for how long the job is let run, from when it was made
    step: Literal["retire"] = "retire"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteJob:
    """Delete the job of what is current now, its bytes being stored; the record stays."""

    step: Literal["delete_job"] = "delete_job"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """Drop the record of the address."""

    step: Literal["forget"] = "forget"


Step = (
    Buy
    | Resolve
    | Adopt
    | Bind
    | BindShared
    | Recover
    | MarkLost
    | Await
    | Fetch
    | Derive
    | TakeBack
    | Publish
    | Promote
    | Unpublish
    | Rename
    | Retire
    | DeleteJob
    | Forget
)
"""One effect. Every step may be done again after a crash without harm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSpare:
    """Let a job finish that was paid for and that nobody uses, and store its video."""

    generation: GenerationId
    remote_id: str
    address: Address  # for which it was paid
    provider: str
    deadline_s: float | None = None  # for how long the job is let run, from when it was made
    expires_at: datetime | None = None  # when its video goes away


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What would be done at one address, in order."""

    address: Address
    kind: ActionKind
    reason: Reason
    because: str  # one line, for people
    provider: str
    steps: tuple[Step, ...] = ()
    depends_on: tuple[Address, ...] = ()  # addresses whose actions come first
    cost_usd: Decimal | None = Decimal(0)  # None: unknown
    recipe_digest: RecipeDigest | None = None
    changes: tuple[Change, ...] = ()
    expires_at: datetime | None = None  # when what it fetches goes away
    notes: tuple[str, ...] = ()  # more that a person should know, a line each
    brings_in: tuple[StoreSpare, ...] = ()
    """The paid jobs that it lets go and that are not stored yet: they are brought in by it, or
    by themselves where it is not begun, since they would expire meanwhile."""

    @property
    def is_paid(self) -> bool:
        """Whether it makes a paid request, were its price even zero.

        One that stands in for a disproved one spends what was held for that: it counts as free.
        """
        return any(isinstance(step, Buy) for step in self.steps)

    @property
    def purchases(self) -> tuple[Buy, ...]:
        """The paid requests that it makes or, where others are disproved, may make."""
        found: list[Buy] = []
        for step in self.steps:
            if isinstance(step, Buy):
                found.append(step)
            elif isinstance(step, Resolve) and step.otherwise is not None:
                found.append(step.otherwise)
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeekSpare:
    """Find out what became of a paid request for a recipe that nobody declares any more."""

    attempt: AttemptId
    address: Address
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeTwin:
    """Record a job that showed after its attempt was given up; its money is wasted."""

    attempt: AttemptId
    job: ObservedJob
    address: Address
    provider: str


Spare = SeekSpare | TakeTwin | StoreSpare
"""What is done about a paid generation that no address uses; all of it is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Where what is recorded and what is observed differ."""

    address: Address
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a plan may spend, in dollars."""

    usd: Decimal  # the sum of what is known
    worst_case_usd: Decimal  # with retries, and with the money already held
    held_usd: Decimal  # by attempts whose outcome is unknown
    unknown: int  # actions without a known price


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """Where the prices of one provider come from. For display only."""

    provider: str
    source: str
    date: date | None  # as of when; None: it has none, as what the project says itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which addresses a plan is to be about, as `--select` and `--exclude` said."""

    select: tuple[str, ...]  # as said, for people
    exclude: tuple[str, ...]
    chosen: tuple[Address, ...]
    excluded: tuple[Address, ...]  # nothing is done about them, whoever needs it


@dataclass(frozen=True, slots=True, kw_only=True)
class DraggedIn:
    """An address that was not chosen, and whose action one in the plan needs."""

    address: Address
    by: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """An address that would be in the plan, and cannot be without what is not."""

    address: Address
    because: str  # for people


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a plan is of the whole one: all else stays as it is."""

    choice: Choice
    dragged_in: tuple[DraggedIn, ...] = ()
    held_back: tuple[HeldBack, ...] = ()
    left_out: tuple[Address, ...] = ()  # where the whole plan would do something too
    spares_left_out: int = 0

    @property
    def addresses(self) -> frozenset[Address]:
        """Those that something may be done about."""
        return frozenset((*self.choice.chosen, *(each.address for each in self.dragged_in)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that would be done, ordered so that nothing comes before what it waits for."""

    plan_id: str
    workspace: str
    created_at: datetime
    actions: tuple[Action, ...]
    unchanged: tuple[Address, ...]
    cost: Cost
    expected_s: float  # how long it may take
    spares: tuple[Spare, ...] = ()
    prices: tuple[PriceList, ...] = ()  # of what it buys
    drift: tuple[Drift, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    unreachable: Mapping[str, str] = field(default_factory=dict)  # provider -> why
    unlisted: Mapping[str, str] = field(default_factory=dict)
    """Providers whose jobs are all one's own and were not seen, and why: what would be bought there
    may be among them, so nothing is."""

    part: Part | None = None  # None: it is the whole plan

    def count(self, kind: ActionKind) -> int:
        """How many addresses get this kind of action."""
        return sum(action.kind is kind for action in self.actions)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to say: no action, and nothing blocked."""
        return not self.actions and not self.spares

    @property
    def is_to_do(self) -> bool:
        """Whether there is a step to take; what is only told has none."""
        return bool(self.spares) or any(action.steps for action in self.actions)

    @property
    def has_changes(self) -> bool:
        """Whether an apply would do anything; what is only blocked is no change."""
        changes = any(action.kind is not ActionKind.BLOCKED for action in self.actions)
        return changes or bool(self.spares)

    def concerns(self, attempt: Attempt) -> bool:
        """Whether a paid request belongs to what this plan is about."""
        if self.part is None or attempt.address in self.part.addresses:
            return True
        return any(action.recipe_digest == attempt.digest for action in self.actions)
