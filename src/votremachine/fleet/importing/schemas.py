"""What travels over the wire about the import of a fleet."""

from uuid import UUID

import msgspec


class CellError(msgspec.Struct, frozen=True):
    """What is wrong in one cell: the line of the file (from 1), the column as the file names it, the code of the
    fact, and what it says in the reader's language. `column` is empty where the whole line is meant.
    """

    line: int
    column: str
    code: str
    detail: str


class ImportReport(msgspec.Struct, frozen=True):
    """What an import did, or would do: machines are listed only where there is no error, and `dry_run` is false.

    `errors` holds the first thousand of `error_count`.
    """

    dry_run: bool
    machines: int
    machine_ids: list[UUID]
    error_count: int
    errors: list[CellError]
