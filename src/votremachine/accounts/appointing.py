"""`votremachine staff`: the only way to become staff is the operator's own command line."""

from votremachine.accounts.addresses import one_address
from votremachine.accounts.rules import StaffRole
from votremachine.accounts.service import staff
from votremachine.config import Settings
from votremachine.infra.database import Database


async def appoint(settings: Settings, address: str, role: str) -> None:
    """Make somebody staff in that role, or with "none" no longer; prints one line.

    Raises `UnknownPerson`, `NotAPhoneNumber`, `DatabaseAway`.
    """
    email, phone = (address, None) if "@" in address else (None, address)
    database = Database(settings.database_url, pool_size=1)
    try:
        async with database.begin() as tx:
            await staff.appoint(tx, one_address(email, phone), None if role == "none" else StaffRole(role))
    finally:
        await database.close()
    print(f"{address}: {role}")  # noqa: T201 -- the one line of this command
