"""What a run was about to publish when it died."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add a table, empty: older releases did not say."""
    op.create_table(
        "begun_files",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "variant IN ('video', 'thumbnail', 'spritesheet')",
            name=op.f("ck_begun_files_variant"),
        ),
        sa.CheckConstraint("length(path) > 0", name=op.f("ck_begun_files_path")),
        sa.CheckConstraint("length(sha256) = 64", name=op.f("ck_begun_files_sha256")),
        sa.ForeignKeyConstraint(
            ["workspace"],
            ["workspaces.name"],
            name=op.f("fk_begun_files_workspace"),
        ),
        sa.PrimaryKeyConstraint("workspace", "path", name=op.f("pk_begun_files")),
    )
