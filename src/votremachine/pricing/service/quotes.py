"""Quotes: the whole price before anybody commits, and the token that holds it for half an hour."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from votremachine.accounts.rules import Actor, Seat
from votremachine.availability.service.look import in_the_way
from votremachine.fleet.bookable import check_bookable, check_pairing
from votremachine.fleet.rules import Cancellation, Machine, check_open
from votremachine.infra.database import Database
from votremachine.infra.identify import Identify
from votremachine.infra.questions import ask
from votremachine.infra.wire import SpanView
from votremachine.kernel.money import total
from votremachine.kernel.span import Span
from votremachine.pricing.offers import Offers
from votremachine.pricing.rules import words
from votremachine.pricing.rules.card import RateCard
from votremachine.pricing.rules.delivery import Point, check_delivery, road
from votremachine.pricing.rules.lines import Price, vat_by_rate
from votremachine.pricing.rules.offer import STANDS_FOR, Offer, OfferedMachine
from votremachine.pricing.rules.price import Extras, Hire, NotAmongThem, price
from votremachine.pricing.schemas import AskQuote, MachineWish, Quote, Terms
from votremachine.pricing.service.hires import MACHINE, asking_seat, check_priced, machines_and_cards, with_cards

_QUESTION = with_cards(
    in_the_way(MACHINE.c.id, MACHINE.c.buffer_before_minutes, MACHINE.c.buffer_after_minutes).label("taken")
)


async def quote(database: Database, identify: Identify[Actor], asked: AskQuote, offers: Offers, language: str) -> Quote:
    """The price of a span, whether it is free now, and a token for who may book it.

    Who asks, the machines, their cards and whether they are free come in one statement; the rest is arithmetic.

    Raises `UnknownParty`, `UnknownMachine`, `SeveralOwners`, `NotAmongThem`, and what `check_bookable` and
    `rules.price.price` do.
    """
    span, wishes, now = Span(asked.start, asked.end), _wishes(asked), database.clock()
    values = {"ids": asked.machine_ids, "wanted_from": span.start, "wanted_to": span.end, "now": now}
    who, rows = await ask(database, identify, now, _QUESTION, values)
    seat = asking_seat(who, asked.renter_party_id)
    cooperatives = seat.cooperatives if seat else frozenset()
    machines, cards = machines_and_cards(who, rows, asked.machine_ids, cooperatives)
    for machine in machines:
        if seat and seat.party_id != machine.party_id:
            check_open(machine, seat)
        check_bookable(machine, span, now)
    check_pairing(machines, cooperatives)
    check_priced(machines, cards)
    hires = [_hire(machine, cards[machine.id], wishes.get(machine.id), asked) for machine in machines]
    whole, deposit = price(span, hires), total(machine.deposit for machine in machines)
    offer = _offer(seat, span, hires, whole, deposit.minor, now + STANDS_FOR) if seat else None
    return Quote(
        machine_ids=[machine.id for machine in machines],
        during=SpanView.of(span, machines[0].zone),
        price=whole,
        vat_by_rate=vat_by_rate(whole.lines),
        estimated=total(line.net for line in whole.lines if line.estimated),
        deposit=deposit,
        bookable=not any(row.taken for row in rows),
        terms=[_terms(machine, hire, whole, language) for machine, hire in zip(machines, hires, strict=True)],
        token=offers.write(offer) if offer else None,
        stands_until=offer.until if offer else None,
    )


def _wishes(asked: AskQuote) -> Mapping[UUID, MachineWish]:
    wishes = {one.machine_id: one for one in asked.wishes}
    if len(wishes) < len(asked.wishes) or not wishes.keys() <= set(asked.machine_ids):
        raise NotAmongThem(pointer="/wishes")
    return wishes


def _hire(machine: Machine, card: RateCard, wish: MachineWish | None, asked: AskQuote) -> Hire:
    way = None
    if asked.deliver_to is not None:
        way = road(Point(machine.latitude, machine.longitude), asked.deliver_to.point())
        check_delivery(card.conditions.delivery, way)
    if wish is None:
        return Hire(card, machine.zone, Extras(road=way))
    return Hire(card, machine.zone, Extras(wish.operator, way, wish.thousandths()))


def _offer(seat: Seat, span: Span, hires: Sequence[Hire], whole: Price, deposit_minor: int, until: datetime) -> Offer:
    """What the token promises."""
    return Offer(
        seat.party_id,
        span.start,
        span.end,
        tuple(OfferedMachine(hire.card.machine_id, hire.card.id, hire.extras) for hire in hires),
        deposit_minor,
        whole.total.minor,
        until,
    )


def _terms(machine: Machine, hire: Hire, whole: Price, language: str) -> Terms:
    lines = [line for line in whole.lines if line.machine_id == machine.id]
    return Terms(
        machine.id,
        hire.card.id,
        hire.card.cooperative_id,
        machine.cancellation,
        hire.card.conditions.fuel.policy,
        words.terms(
            hire.card,
            machine.cancellation,
            lines,
            language,
            short_notice_hours=machine.terms.short_notice_hours,
            weather_hours=machine.terms.weather_hours,
        ),
        machine.terms.weather_hours,
        machine.terms.short_notice_hours if machine.cancellation is Cancellation.COOPERATIVE else None,
    )
