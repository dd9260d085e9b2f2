"""What Alembic runs: the migrations, on the connection that `schema` gives it.

The transaction is the caller's: what fails half-way is taken back with all the rest.
"""

from alembic import context

from reconciler.state import tables
from reconciler.state.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
