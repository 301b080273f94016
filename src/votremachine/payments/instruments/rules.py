"""What a kept card is and when it may pay. Pure."""

from enum import StrEnum
from uuid import UUID

import msgspec

from votremachine.kernel.errors import DomainError, Kind

MOST_INSTRUMENTS = 10


class State(StrEnum):
    REQUIRES_ACTION = "requires_action"  # the cardholder must prove who they are
    READY = "ready"
    DECLINED = "declined"
    REMOVED = "removed"


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """A card of a party; `reference` and `customer` are the gateway's own names of it and of who pays."""

    id: UUID
    party_id: UUID
    state: State
    reference: str
    customer: str
    brand: str
    last4: str
    expires: str


class UnknownInstrument(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_instrument"
    en = "There is no such card."
    fr = "Cette carte n'existe pas."


class UnknownToken(DomainError):
    code = "unknown_token"
    en = "The gateway does not know this token: make another one in its form."
    fr = "L'organisme de paiement ne connaît pas ce jeton : refaites-en un dans son formulaire."


class InstrumentNotReady(DomainError):
    kind = Kind.CONFLICT
    code = "instrument_not_ready"
    en = "This card cannot pay: it was removed, declined, or its holder has not confirmed it yet."
    fr = "Cette carte ne peut pas payer : elle a été retirée, refusée, ou son titulaire ne l'a pas encore confirmée."


class TooManyInstruments(DomainError):
    kind = Kind.CONFLICT
    code = "too_many_instruments"
    en = "A party keeps at most {most} cards. Remove one first."
    fr = "Une exploitation garde au plus {most} cartes. Retirez-en une d'abord."


def check_ready(instrument: Instrument) -> Instrument:
    """The card, if it may pay; raises `InstrumentNotReady`."""
    if instrument.state is not State.READY:
        raise InstrumentNotReady
    return instrument
