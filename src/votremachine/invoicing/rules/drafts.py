"""What an invoice is to say before it has a number: of a rental, of a claim, of what is taken back. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

import msgspec

from votremachine.bookings.paying.rules import Kept
from votremachine.bookings.rules import Booking, State
from votremachine.damages.rules.claim import Claim
from votremachine.fleet.rules import Machine, Texts
from votremachine.invoicing.rules.invoice import Cause, Invoice
from votremachine.invoicing.rules.numbering import Kind
from votremachine.invoicing.rules.sums import Category, Line, Totals, totals
from votremachine.invoicing.rules.wording import claim_line, kept_line, rental_line
from votremachine.pricing.rules import lines as prices
from votremachine.pricing.rules.card import Unit
from votremachine.pricing.rules.lines import WHOLE


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice without its number, its date, and the parties as they are."""

    kind: Kind = Kind.INVOICE
    issuer_party_id: UUID
    customer_party_id: UUID
    cause: Cause
    cause_id: UUID
    booking_id: UUID | None
    credits_id: UUID | None = None
    supplied_from: date | None = None
    supplied_until: date | None = None
    currency: str
    lines: tuple[Line, ...]
    totals: Totals
    reason: str = ""


def of_rental(booking: Booking, machines: Mapping[UUID, Machine]) -> Draft:
    """The rental of a completed booking, as it was priced and settled; VAT as its quote told it.

    `machines` are those of the booking, and those that were agreed on. Raises `SumsDiffer`.
    """
    came = _came(booking)
    # What was measured and not used is priced, so that its price is seen; it is not invoiced.
    used = [line for line in booking.price.lines if line.quantity]
    lines = tuple(_rental_line(line, machines[came.get(line.machine_id, line.machine_id)]) for line in used)
    since, until = _days(booking, machines)
    return Draft(
        issuer_party_id=booking.owner_party_id,
        customer_party_id=booking.renter_party_id,
        cause=Cause.RENTAL if booking.on_account else Cause.CARD_RENTAL,
        cause_id=booking.id,
        booking_id=booking.id,
        supplied_from=since,
        supplied_until=until,
        currency=booking.price.total.currency,
        lines=lines,
        totals=totals(lines, booking.price.total.minor),
    )


def of_kept(booking: Booking, kept: Sequence[Kept], charged: int, machines: Mapping[UUID, Machine]) -> Draft:
    """What is kept of a rental that came to nothing, with the VAT of its lines, as the ledger has it
    (docs/adr/0016-what-is-kept-has-vat.md).

    `charged` is what the ledger has of it, `machines` as for `of_rental`. It was never supplied, so it has no days.
    Raises `SumsDiffer`.
    """
    came = _came(booking)
    lines = tuple(_kept_line(one, booking.state, machines[came.get(one.machine_id, one.machine_id)]) for one in kept)
    # The VAT of each line of the price, and what goes back of its net and its VAT.
    rounded = len(booking.price.lines) + 2 * len(lines)
    return Draft(
        issuer_party_id=booking.owner_party_id,
        customer_party_id=booking.renter_party_id,
        cause=Cause.RENTAL if booking.on_account else Cause.CARD_RENTAL,
        cause_id=booking.id,
        booking_id=booking.id,
        currency=booking.price.total.currency,
        lines=lines,
        totals=totals(lines, charged, rounded=rounded),
    )


def of_claim(claim: Claim, booking: Booking, machines: Mapping[UUID, Machine]) -> Draft:
    """What a settled claim awarded beyond the deposit: compensation, so there is no VAT on it.

    `machines` are those that came back broken.
    """
    titles = [machines[machine_id].titles for machine_id in claim.machine_ids]
    named = Texts(*(", ".join(title.read_in(language) for title in titles) for language in ("fr", "en")))
    minor = claim.from_renter or 0
    line = Line(claim_line(named), WHOLE, Unit.LUMP, minor, minor, 0, Category.OUTSIDE)
    return Draft(
        issuer_party_id=claim.owner_party_id,
        customer_party_id=claim.renter_party_id,
        cause=Cause.CLAIM,
        cause_id=claim.id,
        booking_id=booking.id,
        currency=claim.currency,
        lines=(line,),
        totals=totals([line]),
    )


def of_credit(invoice: Invoice, lines: Sequence[Line], reason: str) -> Draft:
    """A credit note that takes a whole invoice back, line by line."""
    return Draft(
        kind=Kind.CREDIT_NOTE,
        issuer_party_id=invoice.issuer_party_id,
        customer_party_id=invoice.customer_party_id,
        cause=Cause.CREDIT,
        cause_id=invoice.id,
        booking_id=invoice.booking_id,
        credits_id=invoice.id,
        supplied_from=invoice.supplied_from,
        supplied_until=invoice.supplied_until,
        currency=invoice.currency,
        lines=tuple(lines),
        totals=Totals(invoice.net, invoice.vat, invoice.rounding),
        reason=reason,
    )


def _came(booking: Booking) -> Mapping[UUID, UUID]:
    """The lines of the price go on naming the machine that was agreed on; an invoice names the one that came."""
    return {booking.stands_for.get(machine_id, machine_id): machine_id for machine_id in booking.machine_ids}


def _kept_line(one: Kept, end: State, machine: Machine) -> Line:
    category = Category.STANDARD if one.rate else Category.EXEMPT
    return Line(kept_line(end, machine.titles), WHOLE, Unit.LUMP, one.net, one.net, one.rate, category)


def _rental_line(line: prices.Line, machine: Machine) -> Line:
    return Line(
        text=rental_line(line.kind, machine.titles),
        thousandths=round(line.quantity * WHOLE),
        unit=line.unit,
        unit_minor=line.unit_price.minor,
        net=line.net.minor,
        vat=line.vat,
        # Pricing knows no other reason for a line without VAT.
        category=Category.STANDARD if line.vat else Category.EXEMPT,
    )


def _days(booking: Booking, machines: Mapping[UUID, Machine]) -> tuple[date, date]:
    """The first and the last day of a rental, where its machine stands."""
    zone = machines[min(booking.machine_ids)].zone
    return booking.during.start.astimezone(zone).date(), booking.during.end.astimezone(zone).date()
