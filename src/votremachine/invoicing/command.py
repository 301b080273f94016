"""`votremachine catch-up`: what older versions left out of the books, and did not invoice.

Each booking is a transaction of its own, and what is done already is left alone: it may be stopped and run again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial
from uuid import UUID

from votremachine.bookings.paying import catching_up
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.outbox import NotYet
from votremachine.infra.servers.process import CannotStart
from votremachine.invoicing.rules.numbering import start_of
from votremachine.invoicing.service.issuing import invoice_late
from votremachine.kernel.errors import DomainError

_FIRST = UUID(int=0)

Next = Callable[..., Awaitable[list[UUID]]]  # of a transaction, after a booking
Do = Callable[..., Awaitable[bool]]  # of a transaction, to a booking


def run(settings: Settings, invoices_since: date | None) -> None:
    """Enter what is on account into the ledger; with a day, invoice what came to its end since, too. Prints how many.

    Raises `CannotStart` if some could not be done.
    """
    failed = asyncio.run(_run(settings, invoices_since))
    if failed:
        raise CannotStart(f"{failed} bookings could not be caught up with (see above); run it again")


async def _run(settings: Settings, invoices_since: date | None) -> int:
    database = Database(settings.database_url, pool_size=1)
    try:
        entered, failed = await catch_up(database, catching_up.on_account, catching_up.enter)
        print(f"{entered} bookings on account entered into the ledger.")  # noqa: T201
        if invoices_since is not None:
            over = partial(catching_up.over, since=start_of(invoices_since))
            issued, more = await catch_up(database, over, invoice_late)
            failed += more
            print(f"{issued} invoices issued.")  # noqa: T201
    finally:
        await database.close()
    return failed


async def catch_up(database: Database, following: Next, do: Do) -> tuple[int, int]:
    """Do this to each booking, one after the other: for how many something was done, and how many could not be."""
    done = failed = 0
    after = _FIRST
    while found := await database.run(partial(following, after=after)):
        for booking_id in found:
            try:
                done += await database.run(partial(do, booking_id=booking_id))
            except (DomainError, NotYet) as error:
                failed += 1
                print(f"booking {booking_id}: {error!r}")  # noqa: T201
        after = found[-1]
    return done, failed
