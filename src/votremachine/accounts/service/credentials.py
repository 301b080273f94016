"""The verbs by which a person gets in and stays themselves: register, prove an address, set a password."""

from uuid import UUID

import sqlalchemy as sa

from votremachine.accounts.challenges import Purpose
from votremachine.accounts.credentials import Credentials
from votremachine.accounts.events import AddressChanged, PasswordChanged
from votremachine.accounts.models import people, sessions
from votremachine.accounts.passwords import Passwords
from votremachine.accounts.refusals import PasswordNeeded, ProofFailed, ProveItIsYou
from votremachine.accounts.rules import Actor, require_self
from votremachine.accounts.schemas import Addressed, Asked, ChangePassword, Redeem, Register
from votremachine.accounts.service import audit, challenges
from votremachine.accounts.service.people import add_person, person_at, put_address
from votremachine.accounts.service.sessions import FRESH, Opened, end_sessions, open_session
from votremachine.infra.database import Database, Tx


async def register(database: Database, passwords: Passwords, asked: Register) -> Asked:
    """Ask to become somebody; the account is made when the address is proved. The same answer if it has one already."""
    address = asked.address()
    registration = {
        "name": asked.name,
        "language": asked.language,
        "password_hash": await passwords.hash(asked.password),
    }
    async with database.begin() as tx:
        return await challenges.ask(tx, Purpose.REGISTER, address, registration=registration)


async def redeem(
    database: Database, credentials: Credentials, challenge_id: UUID, asked: Redeem, device: str
) -> Opened:
    """A new session for who proves a challenge. Raises `ProofFailed`, `PasswordNeeded`."""
    hashed = await credentials.passwords.hash(asked.password) if asked.password else None
    async with database.begin() as tx:
        opened = await _redeem(tx, credentials, challenge_id, asked, hashed, device)
    # Only now: the try that failed must be counted.
    if opened is None:
        raise ProofFailed
    return opened


async def _redeem(
    tx: Tx, credentials: Credentials, challenge_id: UUID, asked: Redeem, hashed: str | None, device: str
) -> Opened | None:
    proved = await challenges.prove(tx, credentials.proofs, challenge_id, asked)
    if proved is None:
        return None
    person_id = await person_at(tx, proved.address)
    if person_id is None and proved.purpose == Purpose.REGISTER:
        person_id = await add_person(tx, proved.address, **proved.registration)
    if person_id is None:
        return None
    if proved.purpose == Purpose.RESET:
        if hashed is None:
            raise PasswordNeeded(pointer="/password")
        await _set_password(tx, person_id, hashed)
        await end_sessions(tx, person_id)
    return await open_session(tx, credentials.refreshing, person_id, device, by_code=True)


async def change_password(database: Database, passwords: Passwords, who: Actor, asked: ChangePassword) -> None:
    """Set a new password and sign out every other device. Raises `ProveItIsYou`, `NotInTheirPlace`."""
    await check_it_is_them(database, passwords, who, asked.current)
    hashed = await passwords.hash(asked.password)
    async with database.begin() as tx:
        await _set_password(tx, who.person_id, hashed)
        await end_sessions(tx, who.person_id, but=who.session_id)
        await audit.note(tx, who, "change_password", "person", who.person_id)


async def ask_address(tx: Tx, who: Actor, asked: Addressed) -> Asked:
    """Ask to be reached at another address, in place of the one of that sort. Raises `NotInTheirPlace`."""
    require_self(who)
    return await challenges.ask(tx, Purpose.ADDRESS, asked.address(), person_id=who.person_id)


async def prove_address(tx: Tx, credentials: Credentials, who: Actor, challenge_id: UUID, asked: Redeem) -> bool:
    """Put the address that was proved into the account; False when the proof failed: commit that.

    Raises `AddressTaken`, `NotInTheirPlace`.
    """
    require_self(who)
    proved = await challenges.prove(tx, credentials.proofs, challenge_id, asked, person_id=who.person_id)
    if proved is None:
        return False
    await put_address(tx, who.person_id, proved.address)
    tx.publish(AddressChanged(person_id=who.person_id))
    await audit.note(tx, who, "change_address", "person", who.person_id)
    return True


async def check_it_is_them(database: Database, passwords: Passwords, who: Actor, current: str | None) -> None:
    """Raises `ProveItIsYou` unless the password is right or, without one, the session was opened with a code just now.

    A telephone left on a table must not be enough to take somebody's account away. Raises `NotInTheirPlace`.
    """
    require_self(who)
    known = sa.select(people.c.password_hash, sessions.c.created_at, sessions.c.by_code).join(
        sessions, sessions.c.person_id == people.c.id
    )
    async with database.read() as tx:
        row = (await tx.execute(known.where(sessions.c.id == who.session_id))).one()
        now = tx.now
    if current is None:
        proved = row.by_code and now - row.created_at < FRESH
    else:
        proved = await passwords.verify(row.password_hash, current)
    if not proved:
        raise ProveItIsYou(pointer="/current")


async def _set_password(tx: Tx, person_id: UUID, hashed: str) -> None:
    await tx.execute(people.update().where(people.c.id == person_id).values(password_hash=hashed))
    tx.publish(PasswordChanged(person_id=person_id))
