"""The first tables.

Types and rules are spelled out, and nothing is imported from the tables of today: a
migration says for ever what it said when it was released.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables, each after those that it refers to."""
    _make_meta()
    _make_recipes()
    _make_workspaces()
    _make_leases()
    _make_runs()
    _make_attempts()
    _make_generations()
    _make_assets()
    _make_ledger()
    _make_videos()
    _make_deposed()
    _make_published_files()


def _make_meta() -> None:
    op.create_table(
        "meta",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("database_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_meta_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meta")),
    )


def _make_recipes() -> None:
    op.create_table(
        "recipes",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("canonical", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "substr(digest, 1, 7) = 'sha256:' AND length(digest) = 71",
            name=op.f("ck_recipes_digest"),
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_recipes")),
    )


def _make_workspaces() -> None:
    op.create_table(
        "workspaces",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(name) > 0", name=op.f("ck_workspaces_name")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workspaces")),
    )


def _make_leases() -> None:
    op.create_table(
        "leases",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("process_started", sa.Text(), nullable=True),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column("command", sa.Text(), nullable=True),
        sa.Column("acquired_at", sa.BigInteger(), nullable=True),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(host IS NULL) = (pid IS NULL)"
            " AND (host IS NULL) = (process_started IS NULL)"
            " AND (host IS NULL) = (user_name IS NULL)"
            " AND (host IS NULL) = (command IS NULL)"
            " AND (host IS NULL) = (acquired_at IS NULL)"
            " AND (host IS NULL) = (heartbeat_at IS NULL)",
            name=op.f("ck_leases_held"),
        ),
        sa.CheckConstraint("fence > 0", name=op.f("ck_leases_fence")),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.name"], name=op.f("fk_leases_workspace")
        ),
        sa.PrimaryKeyConstraint("workspace", name=op.f("pk_leases")),
    )


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("worst_case_usd", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("git_commit", sa.Text(), nullable=True),
        sa.CheckConstraint("(ended_at IS NULL) = (exit_code IS NULL)", name=op.f("ck_runs_ended")),
        sa.CheckConstraint("worst_case_usd >= 0", name=op.f("ck_runs_worst_case_usd")),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.name"], name=op.f("fk_runs_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )


def _make_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cost_usd", sa.BigInteger(), nullable=True),
        sa.Column("reserved_at", sa.BigInteger(), nullable=False),
        sa.Column("sending_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("watermark", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('reserved', 'sending', 'ambiguous')) = (settled_at IS NULL)",
            name=op.f("ck_attempts_settled"),
        ),
        sa.CheckConstraint(
            "state <> 'reserved' OR sending_at IS NULL", name=op.f("ck_attempts_unsent")
        ),
        sa.CheckConstraint(
            "state IN ('adopted', 'failed', 'lost')"
            " OR (address IS NOT NULL AND run_id IS NOT NULL)",
            name=op.f("ck_attempts_bought_by"),
        ),
        sa.CheckConstraint(
            "state IN ('reserved', 'sending', 'ambiguous', 'acknowledged', 'adopted',"
            " 'not_sent', 'rejected', 'disproved', 'written_off', 'failed', 'lost')",
            name=op.f("ck_attempts_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('acknowledged', 'adopted', 'failed', 'lost') OR remote_id IS NOT NULL",
            name=op.f("ck_attempts_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('sending', 'ambiguous', 'acknowledged', 'rejected')"
            " OR sending_at IS NOT NULL",
            name=op.f("ck_attempts_sent"),
        ),
        sa.CheckConstraint("cost_usd >= 0", name=op.f("ck_attempts_cost_usd")),
        sa.ForeignKeyConstraint(["digest"], ["recipes.digest"], name=op.f("fk_attempts_digest")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_attempts_run_id")),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.name"], name=op.f("fk_attempts_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(
        "uq_attempts_live",
        "attempts",
        ["digest"],
        unique=True,
        sqlite_where=sa.text(
            "state IN ('reserved', 'sending', 'ambiguous', 'acknowledged', 'adopted')"
        ),
        postgresql_where=sa.text(
            "state IN ('reserved', 'sending', 'ambiguous', 'acknowledged', 'adopted')"
        ),
    )


def _make_generations() -> None:
    op.create_table(
        "generations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("cost_usd", sa.BigInteger(), nullable=True),
        sa.Column(
            "on_server", sa.Boolean(create_constraint=True, name="on_server"), nullable=False
        ),
        sa.Column("missing_count", sa.Integer(), nullable=False),
        sa.Column("missing_since", sa.BigInteger(), nullable=True),
        sa.Column("lost", sa.Boolean(create_constraint=True, name="lost"), nullable=False),
        sa.CheckConstraint("origin IN ('bought', 'restored')", name=op.f("ck_generations_origin")),
        sa.CheckConstraint(
            "status IN ('queued', 'in_progress', 'completed', 'failed')",
            name=op.f("ck_generations_status"),
        ),
        sa.CheckConstraint(
            "(error_code IS NULL) = (error_message IS NULL)", name=op.f("ck_generations_error")
        ),
        sa.CheckConstraint(
            "(missing_count = 0) = (missing_since IS NULL)", name=op.f("ck_generations_missing")
        ),
        sa.CheckConstraint("cost_usd >= 0", name=op.f("ck_generations_cost_usd")),
        sa.CheckConstraint(
            "length(remote_id) BETWEEN 1 AND 2048", name=op.f("ck_generations_remote_id")
        ),
        sa.CheckConstraint("missing_count >= 0", name=op.f("ck_generations_missing_count")),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_generations_progress")),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempts.id"], name=op.f("fk_generations_attempt_id")
        ),
        sa.ForeignKeyConstraint(["digest"], ["recipes.digest"], name=op.f("fk_generations_digest")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generations")),
        sa.UniqueConstraint("account", "remote_id", name=op.f("uq_generations_account_remote_id")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_generations_attempt_id")),
    )


def _make_assets() -> None:
    op.create_table(
        "assets",
        sa.Column("generation_id", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("duration_s", sa.Float(precision=53), nullable=True),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "variant IN ('video', 'thumbnail', 'spritesheet')", name=op.f("ck_assets_variant")
        ),
        sa.CheckConstraint(
            "(width IS NULL) = (height IS NULL)", name=op.f("ck_assets_picture_whole")
        ),
        sa.CheckConstraint("bytes > 0", name=op.f("ck_assets_bytes")),
        sa.CheckConstraint("duration_s >= 0", name=op.f("ck_assets_duration_s")),
        sa.CheckConstraint("length(sha256) = 64", name=op.f("ck_assets_sha256")),
        sa.CheckConstraint("width > 0 AND height > 0", name=op.f("ck_assets_picture")),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["generations.id"], name=op.f("fk_assets_generation_id")
        ),
        sa.PrimaryKeyConstraint("generation_id", "variant", name=op.f("pk_assets")),
    )


def _make_ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_usd", sa.BigInteger(), nullable=True),
        sa.Column("attempt_id", sa.Text(), nullable=True),
        sa.Column("generation_id", sa.Text(), nullable=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('hold', 'release', 'spend', 'waste')", name=op.f("ck_ledger_kind")
        ),
        sa.CheckConstraint(
            "kind NOT IN ('hold', 'release') OR attempt_id IS NOT NULL",
            name=op.f("ck_ledger_held_for"),
        ),
        sa.CheckConstraint("amount_usd >= 0", name=op.f("ck_ledger_amount_usd")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_ledger_attempt_id")),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["generations.id"], name=op.f("fk_ledger_generation_id")
        ),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.name"], name=op.f("fk_ledger_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint("attempt_id", "kind", name=op.f("uq_ledger_attempt_id_kind")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ledger_at", "ledger", ["at"], unique=False)


def _make_videos() -> None:
    op.create_table(
        "videos",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("current_id", sa.Text(), nullable=True),
        sa.Column("pending_id", sa.Text(), nullable=True),
        sa.Column("protect", sa.Boolean(create_constraint=True, name="protect"), nullable=False),
        sa.Column("on_lost", sa.Text(), nullable=False),
        sa.Column("remote", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.CheckConstraint("on_lost IN ('fail', 'regenerate')", name=op.f("ck_videos_on_lost")),
        sa.CheckConstraint(
            "remote IN ('keep', 'delete_after_download', 'never')", name=op.f("ck_videos_remote")
        ),
        sa.CheckConstraint("length(address) > 0", name=op.f("ck_videos_address")),
        sa.ForeignKeyConstraint(
            ["current_id"], ["generations.id"], name=op.f("fk_videos_current_id")
        ),
        sa.ForeignKeyConstraint(
            ["pending_id"], ["generations.id"], name=op.f("fk_videos_pending_id")
        ),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.name"], name=op.f("fk_videos_workspace")
        ),
        sa.PrimaryKeyConstraint("workspace", "address", name=op.f("pk_videos")),
    )


def _make_deposed() -> None:
    op.create_table(
        "deposed",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("generation_id", sa.Text(), nullable=False),
        sa.Column("deposed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["generations.id"], name=op.f("fk_deposed_generation_id")
        ),
        sa.ForeignKeyConstraint(
            ["workspace", "address"],
            ["videos.workspace", "videos.address"],
            name=op.f("fk_deposed_workspace_address"),
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace", "address", "generation_id", name=op.f("pk_deposed")),
    )


def _make_published_files() -> None:
    op.create_table(
        "published_files",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "variant IN ('video', 'thumbnail', 'spritesheet')",
            name=op.f("ck_published_files_variant"),
        ),
        sa.CheckConstraint("bytes >= 0", name=op.f("ck_published_files_bytes")),
        sa.CheckConstraint("length(path) > 0", name=op.f("ck_published_files_path")),
        sa.CheckConstraint("length(sha256) = 64", name=op.f("ck_published_files_sha256")),
        sa.ForeignKeyConstraint(
            ["workspace", "address"],
            ["videos.workspace", "videos.address"],
            name=op.f("fk_published_files_workspace_address"),
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace", "path", name=op.f("pk_published_files")),
        sa.UniqueConstraint(
            "workspace",
            "address",
            "variant",
            name=op.f("uq_published_files_workspace_address_variant"),
        ),
    )
