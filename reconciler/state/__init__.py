"""The state database: what is recorded, the journal of paid requests, the ledger, the lease.

Nothing outside this package knows about SQLAlchemy or Alembic.
"""
