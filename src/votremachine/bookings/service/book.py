"""Taking the time of machines: a hold, or on account straight to a confirmed or requested booking."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from votremachine.accounts.refusals import NotAllowed
from votremachine.accounts.rules import Actor, Relation, Seat, Verb, acting_seat, on_account, permits
from votremachine.availability.rules import SEARCH_RADIUS, Claim, SpanTaken, Taker, alternatives
from votremachine.availability.service import claims, look
from votremachine.bookings.events import BookingConfirmed, BookingHeld, BookingRequested
from votremachine.bookings.refusals import OwnMachine, PaymentRequired
from votremachine.bookings.rules import (
    AT_RISK_AHEAD,
    Booking,
    State,
    after_payment,
    agreed_terms,
    hold_expiry,
    request_expiry,
)
from votremachine.bookings.schemas import Book, BookingView
from votremachine.bookings.securing import secure
from votremachine.bookings.service import reading, store
from votremachine.fleet.bookable import check_bookable, check_pairing, somebody_there
from votremachine.fleet.rules import Machine, check_open
from votremachine.infra.database import Tx
from votremachine.infra.wire import SpanView
from votremachine.kernel.money import Money, total
from votremachine.kernel.span import Span
from votremachine.payments.rules.splitting import STANDARD_FEE, Fee
from votremachine.pricing.rules.offer import Offer, check_kept, check_offer
from votremachine.pricing.rules.price import Extras, price
from votremachine.pricing.service import hires as pricing

FACTS = {State.HELD: BookingHeld, State.REQUESTED: BookingRequested, State.CONFIRMED: BookingConfirmed}


async def book(
    tx: Tx,
    who: Actor,
    asked: Book,
    offer: Offer | None = None,
    *,
    fee: Fee = STANDARD_FEE,
    hold_until: datetime | None = None,
) -> BookingView:
    """Take these machines for this span, all or none; at the price of an offer, if there is one. A hold stands for 15
    minutes, or until `hold_until`. `fee` is what the platform takes of it, for good.

    Raises `UnknownParty`, `WhichParty`, `NotAllowed`, `UnknownMachine`, `SeveralOwners`, `OwnMachine`, `NoPrice`,
    `PaymentRequired`, `EstimateNeeded`, `QuoteForOther`, `QuoteExpired`, `SpanTaken` with the nearest alternatives,
    and what `check_bookable` does.
    """
    span = Span(asked.start, asked.end)
    seat = renting_seat(who, asked.renter_party_id)
    if offer is not None:
        check_offer(offer, seat.party_id, asked.machine_ids, span)
    machines, hires = await pricing.to_book(tx, who, asked.machine_ids, seat.cooperatives, offer)
    owner = machines[0].party_id
    check_wish(machines, span, seat, tx.now)
    path = _path(machines, seat, asked)
    pricing.check_priced(machines, hires)
    charged = [hires[machine.id] for machine in machines]
    whole, deposit = price(span, charged), total(machine.deposit for machine in machines)
    if offer is not None:
        check_kept(offer, whole.total.minor)
        deposit = Money(offer.deposit_minor, deposit.currency)
    booking = Booking(
        id=tx.new_id(),
        owner_party_id=owner,
        renter_party_id=seat.party_id,
        machine_ids=tuple(machine.id for machine in machines),
        card_ids=tuple(hire.card.id for hire in charged),
        state=path[-1],
        during=span,
        expires_at=_expiry(path[-1], span, tx.now, hold_until),
        extras={hire.card.machine_id: hire.extras for hire in charged if hire.extras != Extras()},
        price=whole,
        deposit=deposit,
        on_account=asked.payment == "on_account",
        on_request=after_payment(machines) is State.REQUESTED,
        at_risk=await near_and_out(tx, span, machines),
        out_at=None,
        returned_at=None,
        note=asked.note,
        version=1,
        created_at=tx.now,
        terms=agreed_terms(machines, {hire.card.machine_id: hire.card for hire in charged}),
        fee=fee,
    )
    await claim(tx, booking, machines)
    await store.add(tx, booking, path, who)
    if booking.on_account:
        await secure(tx, booking, who, card=None)
    tx.publish(store.fact(FACTS[booking.state], booking, who))
    return (await reading.views_of(tx, [booking], {machine.id: machine for machine in machines}))[0]


async def claim(tx: Tx, booking: Booking, machines: Sequence[Machine]) -> None:
    """Claim a new booking's time; raises `SpanTaken` that names what is free instead."""
    try:
        await claims.claim(
            tx, Taker.BOOKING, booking.id, wishes(machines, booking.during), expires_at=booking.expires_at
        )
    except SpanTaken:
        raise await with_alternatives(tx, booking.id, machines, booking.during) from None


def wishes(machines: Sequence[Machine], span: Span) -> list[Claim]:
    """What a booking wants of each of its machines."""
    return [Claim(machine.id, span, machine.terms.buffers) for machine in machines]


async def near_and_out(tx: Tx, span: Span, machines: Sequence[Machine]) -> bool:
    """Whether a booking that begins soon is at risk from its first moment: one of its machines is overdue."""
    if span.start > tx.now + AT_RISK_AHEAD:
        return False
    return await reading.any_out(tx, [machine.id for machine in machines], overdue=True)


async def with_alternatives(tx: Tx, booking_id: UUID, machines: Sequence[Machine], wanted: Span) -> SpanTaken:
    """The refusal, with the nearest spans at which all these machines are free and bookable.

    What the booking itself holds, or claimed before it was refused, is not in its own way.
    """
    busy = await look.busy(tx, machines, wanted.widened(SEARCH_RADIUS, SEARCH_RADIUS), but=booking_id)
    earliest = tx.now + timedelta(minutes=max(machine.terms.lead_minutes for machine in machines))
    latest = tx.now + timedelta(days=min(machine.terms.horizon_days for machine in machines))
    free = alternatives(wanted, busy, _next_quarter(earliest), latest, lambda span: somebody_there(machines, span))
    return SpanTaken(alternatives=[SpanView.of(span, machines[0].zone) for span in free])


def _next_quarter(instant: datetime) -> datetime:
    # People hand machines over on the quarter of an hour, not at 10:03:27.
    quarter = timedelta(minutes=15)
    start = instant.replace(minute=0, second=0, microsecond=0)
    return start + -(-(instant - start) // quarter) * quarter


def renting_seat(who: Actor, party_id: UUID | None) -> Seat:
    """The seat from which a person books. Raises `UnknownParty`, `WhichParty`, `NotAllowed`."""
    seat = acting_seat(who, party_id)
    if not permits(Verb.BOOK, {Relation.RENTER: seat.role}):
        raise NotAllowed
    return seat


def check_wish(machines: Sequence[Machine], span: Span, seat: Seat, now: datetime) -> None:
    """Raises why this party may not have these machines for this span, be it free: `OwnMachine`, `BOOKABLE_ERRORS`."""
    for machine in machines:
        if machine.party_id == seat.party_id:
            raise OwnMachine(machine_id=str(machine.id))
        check_open(machine, seat)
        check_bookable(machine, span, now)
    check_pairing(machines, seat.cooperatives)


def _path(machines: Sequence[Machine], seat: Seat, asked: Book) -> list[State]:
    if asked.payment is None:
        return [State.HELD]
    if not on_account(seat, machines[0].party_id):
        raise PaymentRequired
    return [State.HELD, after_payment(machines)]


def _expiry(state: State, span: Span, now: datetime, hold_until: datetime | None) -> datetime | None:
    if state is State.HELD:
        return hold_until or hold_expiry(now)
    return request_expiry(now, span.start) if state is State.REQUESTED else None
