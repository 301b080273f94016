"""Rate cards: putting a new one in force, and showing those that are, or were."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa

from votremachine.accounts.rules import Actor, PartyKind, Verb
from votremachine.accounts.service import audit
from votremachine.accounts.service.parties import party
from votremachine.fleet import service as fleet
from votremachine.fleet.rules import Machine
from votremachine.infra.database import Tx
from votremachine.pricing.models import rate_cards
from votremachine.pricing.rules.card import STANDARD_VAT, NoPrice, NotTheirCooperative, RateCard, applicable, check_card
from votremachine.pricing.schemas import RateCardView, SetRates
from votremachine.pricing.service.hires import CARD, asking_seat, card_of


async def set_rates(tx: Tx, who: Actor, machine_id: UUID, asked: SetRates) -> RateCardView:
    """Put a new card in force, for everybody or for one cooperative's members; the one before it is kept.

    Raises `UnknownMachine`, `NotAllowed`, and any of `CARD_ERRORS`.
    """
    machine = await fleet.owned(tx, who, Verb.EDIT_MACHINE, machine_id)
    rates, conditions = tuple(one.rate() for one in asked.rates), asked.conditions()
    check_card(rates, conditions)
    await _check_cooperative(tx, who, machine, asked.cooperative_id)
    await fleet.lock(tx, machine_id)
    await tx.execute(
        rate_cards.update()
        .where(
            rate_cards.c.machine_id == machine_id,
            rate_cards.c.cooperative_id.is_not_distinct_from(asked.cooperative_id),
            rate_cards.c.replaced_at.is_(None),
        )
        .values(replaced_at=tx.now)
    )
    card = RateCard(tx.new_id(), machine_id, rates, STANDARD_VAT, fleet.CURRENCY, asked.cooperative_id, conditions)
    await tx.execute(rate_cards.insert(), {**msgspec.structs.asdict(card), "created_at": tx.now})
    await fleet.note_price(tx, machine_id, priced=True)
    await audit.note(tx, who, "set_rates", "machine", machine_id, machine.party_id, card_id=str(card.id))
    return _view(card, tx.now, None)


async def show_rates(tx: Tx, who: Actor, machine_id: UUID, party_id: UUID | None = None) -> RateCardView:
    """The card that this party would be charged by; by default the caller's only party, or else anybody.

    Raises `UnknownMachine`, `UnknownParty`, `NoPrice`.
    """
    seat = asking_seat(who, party_id)
    await fleet.visible(tx, who, machine_id)
    rows = await tx.rows(
        sa.select(*CARD, rate_cards.c.created_at, rate_cards.c.replaced_at).where(
            rate_cards.c.machine_id == machine_id, rate_cards.c.replaced_at.is_(None)
        )
    )
    card = applicable(map(card_of, rows), seat.cooperatives if seat else ())
    if card is None:
        raise NoPrice(machine_id=str(machine_id))
    return next(_view(card, row.created_at, row.replaced_at) for row in rows if row.card_id == card.id)


async def history(tx: Tx, who: Actor, machine_id: UUID, *, before: UUID | None, limit: int) -> Sequence[RateCardView]:
    """Every card of a machine, newest first, for its owner; `limit + 1` rows. Raises `UnknownMachine`, `NotAllowed`."""
    await fleet.owned(tx, who, Verb.READ_PRICES, machine_id)
    wanted = sa.select(*CARD, rate_cards.c.created_at, rate_cards.c.replaced_at).where(
        rate_cards.c.machine_id == machine_id
    )
    if before is not None:
        wanted = wanted.where(rate_cards.c.id < before)
    rows = await tx.rows(wanted.order_by(rate_cards.c.id.desc()).limit(limit + 1))
    return [_view(card_of(row), row.created_at, row.replaced_at) for row in rows]


async def _check_cooperative(tx: Tx, who: Actor, machine: Machine, cooperative_id: UUID | None) -> None:
    if cooperative_id is None or cooperative_id in who.seats[machine.party_id].cooperatives:
        return
    if cooperative_id != machine.party_id or (await party(tx, cooperative_id)).kind is not PartyKind.COOPERATIVE:
        raise NotTheirCooperative(pointer="/cooperative_id")


def _view(card: RateCard, created_at: datetime, replaced_at: datetime | None) -> RateCardView:
    return RateCardView(
        id=card.id,
        machine_id=card.machine_id,
        rates=list(card.rates),
        vat=card.vat,
        currency=card.currency,
        cooperative_id=card.cooperative_id,
        conditions=card.conditions,
        created_at=created_at,
        replaced_at=replaced_at,
    )
