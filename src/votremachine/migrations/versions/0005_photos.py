"""Photos of machines, and the ledger of files that are to be deleted.

Revision 0005, after 0001.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = {
    "doomed_files": """
        CREATE TABLE doomed_files (
            name TEXT NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE NOT NULL,
            taken BOOLEAN DEFAULT false NOT NULL,
            CONSTRAINT doomed_files_pkey PRIMARY KEY (name)
        );
        CREATE INDEX doomed_files_due_at_idx ON doomed_files (due_at);
    """,
    "photos": """
        CREATE TABLE photos (
            id UUID NOT NULL,
            machine_id UUID NOT NULL,
            state TEXT NOT NULL,
            position INTEGER NOT NULL,
            digest BYTEA NOT NULL,
            width INTEGER NOT NULL,
            height INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            due_at TIMESTAMP WITH TIME ZONE NOT NULL,
            making UUID,
            copies JSONB,
            problem TEXT,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT photos_pkey PRIMARY KEY (id),
            CONSTRAINT photos_machine_id_fkey FOREIGN KEY(machine_id) REFERENCES machines (id),
            CONSTRAINT photos_machine_id_digest_key UNIQUE (machine_id, digest),
            CONSTRAINT photos_state_check CHECK (state IN ('pending', 'ready', 'failed')),
            CONSTRAINT photos_copies_check CHECK ((state = 'ready') = (copies IS NOT NULL)),
            CONSTRAINT photos_problem_check CHECK ((state = 'failed') = (problem IS NOT NULL))
        );
        CREATE INDEX photos_pending_idx ON photos (due_at) WHERE state = 'pending';
    """,
}


def upgrade() -> None:
    for definition in TABLES.values():
        for statement in filter(str.strip, definition.split(";")):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
