"""Machines beside the cards that a renter is charged by, read in one statement: what every price begins with."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.refusals import UnknownParty
from votremachine.accounts.rules import Actor, Seat, acting_seat
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx
from votremachine.infra.statements import Prepared
from votremachine.pricing.models import rate_cards
from votremachine.pricing.rules.card import Conditions, NoPrice, Rate, RateCard, applicable
from votremachine.pricing.rules.offer import Offer
from votremachine.pricing.rules.price import Extras, Hire

# JSON as text: decoded once, straight into what it means.
CARD = (
    rate_cards.c.id.label("card_id"),
    rate_cards.c.machine_id.label("card_machine_id"),
    sa.cast(rate_cards.c.rates, sa.Text).label("card_rates"),
    rate_cards.c.vat.label("card_vat"),
    rate_cards.c.currency.label("card_currency"),
    rate_cards.c.cooperative_id.label("card_cooperative_id"),
    sa.cast(rate_cards.c.conditions, sa.Text).label("card_conditions"),
)
MACHINE = fleet.BY_IDS.subquery("machine")
_rates = msgspec.json.Decoder(tuple[Rate, ...])
_conditions = msgspec.json.Decoder(Conditions)
_CARD_IDS = sa.any_(sa.bindparam("card_ids", type_=sa.ARRAY(sa.Uuid)))
_BY_CARD_ID = Prepared(sa.select(*CARD).where(rate_cards.c.id == _CARD_IDS))


def with_cards(*more: sa.ColumnElement[Any], offered: bool = False) -> sa.Select[Any]:
    """The machines of `ids`, each row with one of its cards: those in force, or those of `card_ids`."""
    wanted = rate_cards.c.id == _CARD_IDS if offered else rate_cards.c.replaced_at.is_(None)
    joined = MACHINE.outerjoin(rate_cards, sa.and_(rate_cards.c.machine_id == MACHINE.c.id, wanted))
    return sa.select(MACHINE, *CARD, *more).select_from(joined)


_IN_FORCE = Prepared(with_cards())
_OFFERED = Prepared(with_cards(offered=True))


def asking_seat(who: Actor, party_id: UUID | None) -> Seat | None:
    """The seat from which a price is asked: the one named, or the only one; none of several. Raises `UnknownParty`."""
    if party_id is not None and party_id not in who.seats:
        raise UnknownParty
    if party_id is None and len(who.seats) != 1:
        return None
    return acting_seat(who, party_id)


def machines_and_cards(
    who: Actor, rows: Sequence[Any], ids: Sequence[UUID], cooperatives: Collection[UUID]
) -> tuple[list[Machine], Mapping[UUID, RateCard]]:
    """Rows of `with_cards` as machines of one owner, in order of id, and the card that each is charged by, if any.

    Raises `UnknownMachine`, `SeveralOwners`.
    """
    known = fleet.check_found({row.id: fleet.from_row(row) for row in rows}, ids)
    cards: dict[UUID, list[RateCard]] = {}
    for row in rows:
        if row.card_id is not None:
            cards.setdefault(row.id, []).append(card_of(row))
    charged = {machine_id: card for machine_id, some in cards.items() if (card := applicable(some, cooperatives))}
    return fleet.check_visible(who, known), charged


async def to_book(
    tx: Tx, who: Actor, ids: Sequence[UUID], cooperatives: Collection[UUID], offer: Offer | None
) -> tuple[list[Machine], Mapping[UUID, Hire]]:
    """Machines of one owner, in order of id, and how each of those that have a price is charged: by the card in force,
    or as the offer says. One statement.

    Raises `UnknownMachine`, `SeveralOwners`.
    """
    if offer is None:
        machines, cards = machines_and_cards(who, await tx.rows(_IN_FORCE, {"ids": list(ids)}), ids, cooperatives)
        return machines, {one.id: Hire(cards[one.id], one.zone) for one in machines if one.id in cards}
    card_ids = [one.card_id for one in offer.machines]
    rows = await tx.rows(_OFFERED, {"ids": list(ids), "card_ids": card_ids})
    # An offered card stays the right one for who is no member any more, or not yet.
    any_of = {row.card_cooperative_id for row in rows}
    machines, cards = machines_and_cards(who, rows, ids, any_of)
    extras = {one.machine_id: one.extras for one in offer.machines}
    return machines, {one.id: Hire(cards[one.id], one.zone, extras[one.id]) for one in machines if one.id in cards}


async def booked(
    tx: Tx, machines: Sequence[Machine], card_ids: Collection[UUID], extras: Mapping[UUID, Extras]
) -> list[Hire]:
    """How the machines of a booking are charged: by its own cards, in force or not. One statement."""
    cards = {card.machine_id: card for card in map(card_of, await tx.rows(_BY_CARD_ID, {"card_ids": list(card_ids)}))}
    return [Hire(cards[one.id], one.zone, extras.get(one.id, Extras())) for one in machines]


def check_priced(machines: Sequence[Machine], hires: Mapping[UUID, object]) -> None:
    """Raises `NoPrice` when one of the machines has no card."""
    if missing := [machine.id for machine in machines if machine.id not in hires]:
        raise NoPrice(machine_id=str(missing[0]))


def card_of(row: Any) -> RateCard:
    """The card of a row that has the columns `CARD`."""
    return RateCard(
        row.card_id,
        row.card_machine_id,
        _rates.decode(row.card_rates),
        row.card_vat,
        row.card_currency,
        row.card_cooperative_id,
        _conditions.decode(row.card_conditions),
    )
