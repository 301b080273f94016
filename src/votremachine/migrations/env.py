"""What alembic runs around the migrations. The connection and its transaction are the caller's: infra/migrate.py."""

from alembic import context

from votremachine.infra.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
