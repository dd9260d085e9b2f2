"""The tables, and what the database itself forbids.

Attempts, generations, assets and the ledger belong to the database: uniqueness and money
look at all of it. A workspace owns which generation each address has, its published paths,
its runs and its lease. A change here needs a migration beside it; a test compares the two.
"""

from typing import get_args

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from reconciler.domain.desired import OnLost, RemotePolicy
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import LIVE_STATES, AttemptState, JobStatus
from reconciler.state.columns import (
    EchoText,
    ForeignText,
    Inode,
    LifecycleText,
    Moment,
    Money,
    RemoteIds,
    Tags,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _one_of(column: str, allowed: tuple[str, ...]) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({_quoted(allowed)})", name=column)


def _quoted(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _not_negative(column: str) -> CheckConstraint:
    return CheckConstraint(f"{column} >= 0", name=column)


def _together(name: str, *columns: str) -> CheckConstraint:
    """All of these columns are set, or none is."""
    first, *others = columns
    pairs = (f"({first} IS NULL) = ({other} IS NULL)" for other in others)
    return CheckConstraint(" AND ".join(pairs), name=name)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean(create_constraint=True, name=name), nullable=False)


def _flag_of_late(name: str, *, server_default: ColumnElement[bool]) -> Column[bool]:
    """A flag that a later migration added: SQLite takes no rule with a column that it adds."""
    return Column(name, Boolean(), nullable=False, server_default=server_default)


meta = Table(
    "meta",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("database_id", Text, nullable=False),  # tells this database from every other
    Column("created_at", Moment, nullable=False),
    CheckConstraint("id = 1", name="single"),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("name", Text, primary_key=True),
    Column("created_at", Moment, nullable=False),
    CheckConstraint("length(name) > 0", name="name"),
)

recipes = Table(
    "recipes",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("canonical", Text, nullable=False),
    CheckConstraint("substr(digest, 1, 7) = 'sha256:' AND length(digest) = 71", name="digest"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workspace", ForeignKey(workspaces.c.name), nullable=False),
    Column("command", Text, nullable=False),
    Column("plan_id", Text, nullable=False),
    Column("worst_case_usd", Money, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),  # NULL: still running, or it died
    Column("exit_code", Integer),
    Column("user_name", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("git_commit", Text),
    _not_negative("worst_case_usd"),
    _together("ended", "ended_at", "exit_code"),
)

LIVE_INDEX = "uq_attempts_live"
_live = f"state IN ({_quoted(tuple(state for state in AttemptState if state in LIVE_STATES))})"

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", ForeignKey(recipes.c.digest), nullable=False),
    Column("workspace", ForeignKey(workspaces.c.name), nullable=False),
    Column("address", Text),  # NULL: found again, and no address has held it yet
    Column("run_id", ForeignKey(runs.c.id)),
    Column("fence", Integer, nullable=False),  # of the lease under which it was reserved
    Column("provider", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("cost_usd", Money),
    Column("reserved_at", Moment, nullable=False),
    Column("sending_at", Moment),
    Column("settled_at", Moment),  # when its outcome became certain
    Column("remote_id", Text),
    Column("evidence", ForeignText),
    Column("watermark", RemoteIds),  # what the server listed just before it was sent
    _one_of("state", tuple(AttemptState)),
    _not_negative("cost_usd"),
    CheckConstraint(
        "state IN ('adopted', 'failed', 'lost') OR (address IS NOT NULL AND run_id IS NOT NULL)",
        name="bought_by",
    ),
    CheckConstraint(
        "state NOT IN ('sending', 'ambiguous', 'acknowledged', 'rejected')"
        " OR sending_at IS NOT NULL",
        name="sent",
    ),
    CheckConstraint("state <> 'reserved' OR sending_at IS NULL", name="unsent"),
    CheckConstraint(
        "state NOT IN ('acknowledged', 'adopted', 'failed', 'lost') OR remote_id IS NOT NULL",
        name="known",
    ),
    CheckConstraint(
        "(state IN ('reserved', 'sending', 'ambiguous')) = (settled_at IS NULL)", name="settled"
    ),
    # What follows came with the second release, and is NULL in what an older one wrote.
    Column("kin", Text),  # the recipe digest of its first take
    Column("echo", EchoText),  # what a list may repeat of it
    Column("lifecycle", LifecycleText),  # of the declaration, for the address to come
    Column("tags", Tags),
    Column("over_at", Moment),  # since when the request cannot be under way any more
    _flag_of_late("made", server_default=false()),  # a success was answered: a job exists
    _flag_of_late("may_repeat", server_default=false()),  # written off, to be bought again
)
Index(
    # Invariant: one live attempt a recipe, whoever asks and whatever the code above believes
    # (tests/state/test_state_properties.py).
    LIVE_INDEX,
    attempts.c.digest,
    unique=True,
    sqlite_where=text(_live),
    postgresql_where=text(_live),
)

generations = Table(
    "generations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", ForeignKey(recipes.c.digest), nullable=False),
    Column("attempt_id", ForeignKey(attempts.c.id)),  # NULL: a twin of a live attempt's job
    Column("provider", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("remote_id", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("progress", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("completed_at", Moment),
    Column("expires_at", Moment),
    Column("error_code", ForeignText),
    Column("error_message", ForeignText),
    Column("cost_usd", Money),
    _flag("on_server"),
    Column("missing_count", Integer, nullable=False),
    Column("missing_since", Moment),
    _flag("lost"),
    _flag_of_late("is_ours", server_default=true()),  # False: its job is never deleted
    UniqueConstraint("account", "remote_id"),
    UniqueConstraint("attempt_id"),
    _one_of("origin", ("bought", "restored")),
    _one_of("status", tuple(JobStatus)),
    CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
    CheckConstraint("length(remote_id) BETWEEN 1 AND 2048", name="remote_id"),
    _not_negative("cost_usd"),
    _not_negative("missing_count"),
    CheckConstraint("(missing_count = 0) = (missing_since IS NULL)", name="missing"),
    _together("error", "error_code", "error_message"),
)

assets = Table(
    "assets",
    metadata,
    Column("generation_id", ForeignKey(generations.c.id), nullable=False),
    Column("variant", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("duration_s", Float(53)),
    Column("stored_at", Moment, nullable=False),
    PrimaryKeyConstraint("generation_id", "variant"),
    _one_of("variant", tuple(Variant)),
    CheckConstraint("length(sha256) = 64", name="sha256"),
    CheckConstraint("bytes > 0", name="bytes"),
    CheckConstraint("width > 0 AND height > 0", name="picture"),
    _together("picture_whole", "width", "height"),
    _not_negative("duration_s"),
)

videos = Table(
    "videos",
    metadata,
    Column("workspace", ForeignKey(workspaces.c.name), nullable=False),
    Column("address", Text, nullable=False),
    Column("provider", Text, nullable=False),  # of the generation held last
    Column("current_id", ForeignKey(generations.c.id)),
    Column("pending_id", ForeignKey(generations.c.id)),
    _flag("protect"),
    Column("on_lost", Text, nullable=False),
    Column("remote", Text, nullable=False),
    Column("tags", Tags, nullable=False),
    PrimaryKeyConstraint("workspace", "address"),
    CheckConstraint("length(address) > 0", name="address"),
    _one_of("on_lost", get_args(OnLost)),
    _one_of("remote", get_args(RemotePolicy)),
)


def _of_video() -> ForeignKeyConstraint:
    """What belongs to an address follows its renaming, and goes with it when it is forgotten."""
    return ForeignKeyConstraint(
        ["workspace", "address"],
        [videos.c.workspace, videos.c.address],
        onupdate="CASCADE",
        ondelete="CASCADE",
    )


deposed = Table(
    "deposed",
    metadata,
    Column("workspace", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("generation_id", ForeignKey(generations.c.id), nullable=False),
    Column("deposed_at", Moment, nullable=False),
    PrimaryKeyConstraint("workspace", "address", "generation_id"),
    _of_video(),
)

published_files = Table(
    "published_files",
    metadata,
    Column("workspace", Text, nullable=False),
    Column("path", Text, nullable=False),  # relative to the project
    Column("address", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("inode", Inode, nullable=False),
    PrimaryKeyConstraint("workspace", "path"),
    UniqueConstraint("workspace", "address", "variant"),
    _of_video(),
    _one_of("variant", tuple(Variant)),
    CheckConstraint("length(path) > 0", name="path"),
    CheckConstraint("length(sha256) = 64", name="sha256"),
    _not_negative("bytes"),
)

begun_files = Table(  # no reference to a video: a run may have died before it was recorded
    "begun_files",
    metadata,
    Column("workspace", ForeignKey(workspaces.c.name), nullable=False),
    Column("path", Text, nullable=False),  # relative to the project
    Column("address", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    PrimaryKeyConstraint("workspace", "path"),
    _one_of("variant", tuple(Variant)),
    CheckConstraint("length(path) > 0", name="path"),
    CheckConstraint("length(sha256) = 64", name="sha256"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("amount_usd", Money),  # NULL: unknown
    Column("attempt_id", ForeignKey(attempts.c.id)),  # NULL: a twin of a live attempt's job
    Column("generation_id", ForeignKey(generations.c.id)),
    Column("account", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("workspace", ForeignKey(workspaces.c.name), nullable=False),
    Column("address", Text),
    Column("tags", Tags, nullable=False),
    Column("at", Moment, nullable=False),
    # Invariant: nothing is held, freed, spent or wasted twice for one attempt.
    UniqueConstraint("attempt_id", "kind"),
    _one_of("kind", ("hold", "release", "spend", "waste")),
    _not_negative("amount_usd"),
    CheckConstraint("kind NOT IN ('hold', 'release') OR attempt_id IS NOT NULL", name="held_for"),
    Index("ix_ledger_at", "at"),
    sqlite_autoincrement=True,
)

leases = Table(
    "leases",
    metadata,
    Column("workspace", ForeignKey(workspaces.c.name), primary_key=True),
    Column("fence", Integer, nullable=False),  # grows with every acquiring, and never shrinks
    Column("host", Text),  # NULL: nobody holds it
    Column("pid", Integer),
    Column("process_started", Text),
    Column("user_name", Text),
    Column("command", Text),
    Column("acquired_at", Moment),
    Column("heartbeat_at", Moment),
    CheckConstraint("fence > 0", name="fence"),
    _together(
        "held",
        "host",
        "pid",
        "process_started",
        "user_name",
        "command",
        "acquired_at",
        "heartbeat_at",
    ),
)
