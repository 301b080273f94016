"""The verbs of pricing: set a rate card, and quote a period."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.rules import Actor, Verb
from votremachine.availability.service import look
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine, check_bookable
from votremachine.infra.database import Tx
from votremachine.infra.wire import SpanView
from votremachine.kernel.money import total
from votremachine.kernel.span import Span
from votremachine.pricing.models import rate_cards
from votremachine.pricing.rules import STANDARD_VAT, NoPrice, Rate, RateCard, check_rates, price
from votremachine.pricing.schemas import AskQuote, Quote, RateCardView, SetRates

_BY_ID = sa.select(rate_cards).where(rate_cards.c.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid))))


_machines = fleet.BY_IDS.subquery("machine")
_MACHINES_AND_CARDS = sa.select(
    _machines, *(column.label(f"card_{column.name}") for column in rate_cards.c)
).select_from(
    _machines.outerjoin(
        rate_cards, sa.and_(rate_cards.c.machine_id == _machines.c.id, rate_cards.c.replaced_at.is_(None))
    )
)


async def set_rates(tx: Tx, who: Actor, machine_id: UUID, asked: SetRates) -> RateCardView:
    """Put a new card in force. Raises `UnknownMachine`, `NotAllowed`, `SameUnitTwice`."""
    await fleet.owned(tx, who, Verb.EDIT_MACHINE, machine_id)
    rates = check_rates([one.rate() for one in asked.rates])
    await fleet.lock(tx, machine_id)
    await tx.execute(
        rate_cards.update()
        .where(rate_cards.c.machine_id == machine_id, rate_cards.c.replaced_at.is_(None))
        .values(replaced_at=tx.now)
    )
    card = RateCard(tx.new_id(), machine_id, rates, STANDARD_VAT, fleet.CURRENCY)
    values = {**msgspec.structs.asdict(card), "created_at": tx.now}
    await tx.execute(rate_cards.insert(), values)
    await fleet.note_price(tx, machine_id, priced=True)
    return _view(card)


async def show_rates(tx: Tx, who: Actor, machine_id: UUID) -> RateCardView:
    """The card in force. Raises `UnknownMachine`, `NoPrice`."""
    machines, cards = await machines_and_cards(tx, who, [machine_id])
    check_priced(machines, cards)
    return _view(cards[machine_id])


async def machines_and_cards(tx: Tx, who: Actor, ids: Sequence[UUID]) -> tuple[list[Machine], Mapping[UUID, RateCard]]:
    """Machines of one owner, in order of id, and the cards that those which have a price are booked by; one statement.

    Raises `UnknownMachine`, `SeveralOwners`.
    """
    rows = await tx.rows(_MACHINES_AND_CARDS, {"ids": list(ids)})
    found = fleet.check_found({row.id: fleet.from_row(row) for row in rows}, ids)
    cards = {row.id: _joined_card(row) for row in rows if row.card_id is not None}
    return fleet.check_visible(who, found), cards


def check_priced(machines: Sequence[Machine], cards: Mapping[UUID, RateCard]) -> None:
    """Raises `NoPrice` when one of the machines has no card."""
    if missing := [machine.id for machine in machines if machine.id not in cards]:
        raise NoPrice(machine_id=str(missing[0]))


async def cards_by_id(tx: Tx, card_ids: Collection[UUID]) -> Mapping[UUID, RateCard]:
    """These cards by their machine, in force or not, in one statement."""
    return {row.machine_id: _card(row) for row in await tx.rows(_BY_ID, {"ids": list(card_ids)})}


async def quote(tx: Tx, who: Actor, asked: AskQuote) -> Quote:
    """The price of a span, and whether it is free now.

    Raises `UnknownMachine`, `SeveralOwners`, `NoPrice`, and what `check_bookable` does.
    """
    span = Span(asked.start, asked.end)
    known, cards = await machines_and_cards(tx, who, asked.machine_ids)
    for machine in known:
        check_bookable(machine, span, tx.now)
    check_priced(known, cards)
    busy = await look.busy(tx, known, span)
    return Quote(
        machine_ids=[machine.id for machine in known],
        during=SpanView.of(span, known[0].zone),
        price=price(span, with_zones(known, cards)),
        deposit=total(machine.deposit for machine in known),
        bookable=not any(span.overlaps(taken) for taken in busy),
    )


def with_zones(known: Sequence[Machine], cards: Mapping[UUID, RateCard]) -> list[tuple[RateCard, Any]]:
    """Each machine's card beside its time zone, as `rules.price` takes them."""
    return [(cards[machine.id], machine.zone) for machine in known]


def _card(row: sa.Row[Any]) -> RateCard:
    rates = msgspec.convert(row.rates, tuple[Rate, ...])
    return RateCard(row.id, row.machine_id, rates, row.vat, row.currency)


def _joined_card(row: sa.Row[Any]) -> RateCard:
    rates = msgspec.convert(row.card_rates, tuple[Rate, ...])
    return RateCard(row.card_id, row.id, rates, row.card_vat, row.card_currency)


def _view(card: RateCard) -> RateCardView:
    return RateCardView(card.id, card.machine_id, list(card.rates), card.vat, card.currency)
