"""A person's data: all of it in one archive, and their leaving.

Who leaves is anonymised at once; what invoices and the ledger refer to stays for ten years (Code de commerce,
art. L123-22), and then loses its names too.
"""

import io
import zipfile
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.models import audit_log, challenges, parties, people, seats, sessions
from votremachine.accounts.privacy import Parts, PersonalData
from votremachine.accounts.rules import Actor, require_self
from votremachine.accounts.seating import check_admin_stays
from votremachine.accounts.service import audit
from votremachine.accounts.service.colleagues import lock_seats
from votremachine.accounts.service.sessions import end_sessions
from votremachine.infra.database import Tx

KEPT_BY_LAW = timedelta(days=3653)
NOBODY = "—"
# Of no use to anybody else, and not the person's to see: hashes.
_SECRET = frozenset({"password_hash", "refresh_hash", "code_hash", "token_hash", "registration"})


async def export(tx: Tx, who: Actor, parts: Parts) -> bytes:
    """A zip with one JSON file for each slice that knows something of the person. Raises `NotInTheirPlace`."""
    require_self(who)
    await audit.note(tx, who, "export", "person", who.person_id)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        for part in (ACCOUNT, *parts):
            told = msgspec.json.encode(await part.export(tx, who))
            files.writestr(f"{part.name}.json", msgspec.json.format(told))
    return archive.getvalue()


async def close(tx: Tx, who: Actor, parts: Parts) -> None:
    """End a person's account. Parties of theirs alone close with it.

    Raises `LastAdmin` where others would be left without one, `NotInTheirPlace`, and what a part minds.
    """
    require_self(who)
    closing = []
    for party_id in sorted(who.seats):
        held = await lock_seats(tx, party_id)
        if set(held) == {who.person_id}:
            closing.append(party_id)
        else:
            check_admin_stays(held, who.person_id, None)
    for part in parts:
        await part.check_closing(tx, closing)
        await part.forget(tx, who.person_id)
        await part.close_parties(tx, closing)
    await _close_parties(tx, closing)
    await audit.note(tx, who, "close", "person", who.person_id)
    await _anonymise(tx, who.person_id)


async def forget_old_parties(tx: Tx) -> int:
    """Take the names from parties that closed ten years ago; how many there were."""
    old = sa.and_(parties.c.closed_at <= tx.now - KEPT_BY_LAW, parties.c.name != NOBODY)
    nothing = {"siren": None, "siret": None, "vat_number": None, "legal_name": "", "street": "", "postcode": ""}
    return (await tx.execute(parties.update().where(old).values(name=NOBODY, **nothing))).rowcount


async def purge_sessions(tx: Tx) -> int:
    """Forget the sessions that ran out; how many there were."""
    return (await tx.execute(sessions.delete().where(sessions.c.expires_at <= tx.now))).rowcount


async def _close_parties(tx: Tx, closing: list[UUID]) -> None:
    gone = {"closed_at": tx.now, "iban_sealed": None, "iban_masked": None}
    await tx.execute(parties.update().where(parties.c.id.in_(closing)).values(gone))


async def _anonymise(tx: Tx, person_id: UUID) -> None:
    await tx.execute(seats.delete().where(seats.c.person_id == person_id))
    await end_sessions(tx, person_id)
    address = sa.select(people.c.email, people.c.phone).where(people.c.id == person_id)
    theirs = [one for one in (await tx.execute(address)).one() if one]
    await tx.execute(challenges.delete().where(challenges.c.address.in_(theirs)))
    gone = {"email": None, "phone": None, "password_hash": None, "staff": None, "name": NOBODY, "closed_at": tx.now}
    await tx.execute(people.update().where(people.c.id == person_id).values(gone))


async def _export(tx: Tx, who: Actor) -> dict[str, Any]:
    person_id = who.person_id
    tables = {"seats": seats, "sessions": sessions, "challenges": challenges, "audit_log": audit_log}
    person = await tx.rows(sa.select(people).where(people.c.id == person_id))
    told = {
        name: await tx.rows(sa.select(table).where(table.c.person_id == person_id)) for name, table in tables.items()
    }
    return {name: [_plain(row) for row in rows] for name, rows in ({"person": person} | told).items()}


def _plain(row: sa.Row[Any]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in _SECRET}


ACCOUNT = PersonalData("account", _export)
