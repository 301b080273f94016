"""What a payment does to a booking, and what a booking's end does to the payment. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from votremachine.bookings.rules import Booking, State, lapsed, request_expiry
from votremachine.kernel.errors import DomainError, Kind
from votremachine.payments.orders.rules import PaymentOrder, What
from votremachine.payments.rules import refunding
from votremachine.payments.rules.refunding import CalledOffBy, Policy, Refund
from votremachine.payments.rules.splitting import Split, Taxed, split
from votremachine.pricing.rules.lines import Line, Price, vat_by_rate

# In these the rental is due: it is taken, and stands in the ledger.
DUE = frozenset({State.CONFIRMED, State.IN_USE, State.RETURNED, State.COMPLETED})
# In these some of it may be due still: what is kept by the terms.
KEEPS = frozenset({State.CANCELLED, State.NO_SHOW})


class NothingDue(DomainError):
    kind = Kind.CONFLICT
    code = "nothing_due"
    en = "Nothing of this booking is due by card."
    fr = "Rien n'est dû par carte pour cette réservation."


def becomes(order: PaymentOrder) -> State:
    """What a hold of time becomes once this is paid: a charge confirms it, money set aside asks the owner."""
    return State.CONFIRMED if order.what is What.CHARGE else State.REQUESTED


def payable(booking: Booking, wanted: PaymentOrder, now: datetime) -> bool:
    """Whether a booking is a hold that still stands, and would stand once this is paid."""
    in_time = becomes(wanted) is State.CONFIRMED or request_expiry(now, booking.during.start) > now
    return booking.state is State.HELD and not lapsed(booking.state, booking.expires_at, now) and in_time


def waits_for(booking: Booking, order: PaymentOrder, now: datetime) -> bool:
    """Whether the booking is still the one that was paid for: held, in time, and at that price."""
    return (
        not order.given_up
        and booking.state is State.HELD
        and not lapsed(booking.state, booking.expires_at, now)
        and booking.price.total == order.amount
    )


def parts(booking: Booking) -> Split:
    """The owner's and the platform's parts of what a booking costs, by the fee of its day; of nothing, nothing."""
    price = booking.price
    if not price.total.minor:
        return Split(price.total, price.total, price.total)
    return split(_taxed(price.lines), booking.fee.rate, booking.fee.vat_rate)


def back(booking: Booking, at: datetime, by: CalledOffBy) -> Refund:
    """What goes back of a booking that is called off at `at`: of the lines of each machine by its own terms, as they
    were agreed.
    """
    return refunding.cancelled(_hired(booking), parts(booking), booking.notice_start - at, by=by)


def missed(booking: Booking) -> Refund:
    """What goes back to a renter who did not come."""
    return refunding.missed(_hired(booking), parts(booking))


class Kept(msgspec.Struct, frozen=True):
    """What is kept of a machine's lines at one rate of VAT (basis points), net and its VAT in minor units."""

    machine_id: UUID
    rate: int
    net: int
    vat: int


def kept(booking: Booking, at: datetime) -> list[Kept]:
    """What is kept of a booking that its renter called off at `at`, or did not come for; nothing of which is left out.

    `machine_id` is the one that was agreed on. Nothing is kept where somebody else called it off.
    """
    goes = missed(booking) if booking.state is State.NO_SHOW else back(booking, at, CalledOffBy.RENTER)
    lines = _by_machine(booking.price).items()
    groups = [(machine_id, of_rate) for machine_id, of_machine in lines for of_rate in vat_by_rate(of_machine)]
    found = [
        Kept(machine_id, paid.rate, paid.net.minor - given.net.minor, paid.vat.minor - given.vat.minor)
        for (machine_id, paid), given in zip(groups, goes.lines, strict=True)
    ]
    return [one for one in found if one.net or one.vat]


def may_owe(booking: Booking) -> bool:
    """Whether something of its rental may be due: it stands, or what is kept of it is."""
    return booking.state in DUE or booking.state in KEEPS


def _hired(booking: Booking) -> list[tuple[Policy, list[Taxed]]]:
    """What was paid for each machine, and its terms of calling it off."""
    lines = _by_machine(booking.price).items()
    return [(booking.terms[machine_id].policy, _taxed(of_machine)) for machine_id, of_machine in lines]


def _by_machine(price: Price) -> Mapping[UUID, list[Line]]:
    groups: dict[UUID, list[Line]] = {}
    for line in price.lines:
        groups.setdefault(line.machine_id, []).append(line)
    return groups


def _taxed(lines: Iterable[Line]) -> list[Taxed]:
    """Lines of a price as what is paid at each rate of VAT."""
    return [Taxed(one.net, one.vat) for one in vat_by_rate(lines)]
