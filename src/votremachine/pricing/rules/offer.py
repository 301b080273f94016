"""What a quote promises: these machines, for this party and time, by these cards and with these extras. Pure."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.span import Span
from votremachine.pricing.rules.price import Extras

STANDS_FOR = timedelta(minutes=30)


class OfferedMachine(msgspec.Struct, frozen=True, array_like=True):
    """A machine, the card it is charged by, in force or not, and what comes with it."""

    machine_id: UUID
    card_id: UUID
    extras: Extras


class Offer(msgspec.Struct, frozen=True, array_like=True):
    """The terms that a quote stands by. The lines are not in it: the same cards and extras make the same lines, and
    `total_minor` says whether they did.
    """

    renter_party_id: UUID
    start: datetime
    end: datetime
    machines: tuple[OfferedMachine, ...]
    deposit_minor: int
    total_minor: int
    until: datetime


class QuoteAltered(DomainError):
    code = "quote_altered"
    en = "This quote is not one that this service gave. Send the token just as you received it."
    fr = "Ce devis ne vient pas de ce service. Envoyez le jeton tel que vous l'avez reçu."


class QuoteExpired(DomainError):
    kind = Kind.CONFLICT
    code = "quote_expired"
    en = "This quote stood for 30 minutes, and they are over. Ask for a new one."
    fr = "Ce devis valait 30 minutes, et elles sont passées. Demandez-en un nouveau."


class QuoteForOther(DomainError):
    code = "quote_for_other"
    en = "This quote was given for another party, machine or period than the one you ask to book."
    fr = "Ce devis vaut pour une autre exploitation, un autre matériel ou une autre période que votre réservation."


QUOTE_ERRORS = (QuoteAltered, QuoteExpired, QuoteForOther)


def check_offer(offer: Offer, renter: UUID, machine_ids: Collection[UUID], span: Span) -> None:
    """Raises `QuoteForOther` when an offer was made to another party, of other machines, or for another time."""
    if offer.renter_party_id != renter:
        raise QuoteForOther(pointer="/quote", differs="renter")
    if {one.machine_id for one in offer.machines} != set(machine_ids):
        raise QuoteForOther(pointer="/quote", differs="machines")
    if (offer.start, offer.end) != (span.start, span.end):
        raise QuoteForOther(pointer="/quote", differs="period")


def check_kept(offer: Offer, total_minor: int) -> None:
    """Raises `QuoteExpired` when the same cards no longer make the same total, as after a change of the service."""
    if offer.total_minor != total_minor:
        raise QuoteExpired(pointer="/quote")
