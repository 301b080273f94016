"""What the signed reports of a booking prove, as it is stored: for slices above, which ask for nobody in particular.

Somebody may have altered what is stored. It is told then as it is, with what is wrong with it, and never refused.
"""

from uuid import UUID

import msgspec

from votremachine.infra.database import Tx
from votremachine.inspections.rules.chain import Link, Part, canonical, seal_of, wrong_link
from votremachine.inspections.rules.report import Content, State
from votremachine.inspections.service import reading, rows

_CONTENT = msgspec.json.Decoder(Content)


class Sealed(msgspec.Struct, frozen=True):
    """A signed report: the link of its chain, what it says unless that cannot be read, the bytes whose hash is its
    seal, and what of it does not hold.
    """

    link: Link
    said: Content | None
    seal: bytes
    wrong: Part | None


async def sealed(tx: Tx, booking_id: UUID) -> list[Sealed]:
    """The signed reports of a booking, in the order in which they were; three statements."""
    found = [row for row in await reading.rows_of(tx, booking_id) if row.state == State.SIGNED]
    in_order = sorted(found, key=lambda row: (row.signed_at, row.sequence))
    return [_sealed(link) for link in await rows.links(tx, in_order)]


def _sealed(link: Link) -> Sealed:
    try:
        said = _CONTENT.decode(link.content)
    except msgspec.MsgspecError:
        said = None
    seal = seal_of(link)
    return Sealed(link, said, b"" if seal is None else canonical(seal), wrong_link(link))
