"""What finding a lost answer takes: what was asked for, and since when it cannot be under way."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns; what an older release wrote leaves them open."""
    op.add_column("attempts", sa.Column("kin", sa.Text()))
    op.add_column("attempts", sa.Column("echo", sa.Text()))
    op.add_column("attempts", sa.Column("lifecycle", sa.Text()))
    op.add_column("attempts", sa.Column("tags", sa.Text()))
    op.add_column("attempts", sa.Column("over_at", sa.BigInteger()))
    op.add_column("attempts", _flag("made", sa.false()))
    op.add_column("attempts", _flag("may_repeat", sa.false()))
    op.add_column("generations", _flag("is_ours", sa.true()))
    # An unresolved attempt of the first release was over when it was given up, at the latest
    # some minutes after it was sent.
    op.execute("UPDATE attempts SET over_at = sending_at + 660000000 WHERE state = 'ambiguous'")


def _flag(name: str, default: sa.ColumnElement[bool]) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=default)
