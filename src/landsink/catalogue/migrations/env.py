"""How Alembic reaches the database: by the connection that `landsink database` hands over."""

from alembic import context

from landsink.catalogue.database import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=False
)
# The transaction is begun and ended by who called: all migrations hold together, or none does.
context.run_migrations()
