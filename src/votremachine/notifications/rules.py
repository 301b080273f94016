"""Which fact is told to which side, and what each kind of message is: how urgent, and true for how long. Pure."""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

from votremachine.bookings import events
from votremachine.bookings.rules import Booking, State, state_at
from votremachine.bookings.waiting.events import WaitingOffered
from votremachine.damages import events as damages
from votremachine.deposits import events as deposits
from votremachine.inspections.events import InspectionSigned, InspectionToSign

Facts = Mapping[str, Any]


class Side(StrEnum):
    """From where somebody looks at a booking. A mediator is on neither side of it."""

    OWNER = "owner"
    RENTER = "renter"
    MEDIATOR = "mediator"


BOTH = (Side.OWNER, Side.RENTER)


class Page(StrEnum):
    """Where a message leads."""

    BOOKING = "booking"
    CALENDAR = "calendar"
    ACCOUNT = "account"
    CLAIM = "claim"
    INVOICE = "invoice"
    INBOX = "inbox"


class Lack(StrEnum):
    """What a booking may lack."""

    USAGE = "usage"  # what was used, of what is metered
    DEPARTURE_REPORT = "departure_report"  # the condition report, signed by both, that the owner asks for
    RETURN_REPORT = "return_report"
    CLAIM = "claim"  # about damage, as long as one can be made
    ANSWER = "answer"  # to a claim, of the side whose turn it is
    DECISION = "decision"  # of a mediator, about a claim
    DEPOSIT = "deposit"  # which the card refused
    RENEWAL = "renewal"  # of a deposit that lives, which the card refused
    COVER = "cover"  # by a deposit that has lapsed


class Missing(msgspec.Struct, frozen=True):
    """What a booking lacks: the sides that are to see to it, since when, and until when they can. `names` is what words
    about it name besides.
    """

    sides: Collection[Side]
    since: datetime | None = None
    until: datetime | None = None
    names: Facts = {}

    @property
    def facts(self) -> Facts:
        """What words about it name."""
        return self.names if self.until is None else {**self.names, "until": self.until.isoformat()}


Lacks = Mapping[Lack, Missing]
NOTHING: Lacks = {}


class Kind(msgspec.Struct, frozen=True):
    """A kind of message. `urgent` ones pass quiet hours and digests. It goes out only while its booking is in one of
    `states` (any, if there are none); if `timed`, only while the booking has the time that the message names; and
    before its start or end, if `before` says so: it would come too late. If it is about a `lack`, it goes to the sides
    that are to see to it, for as long as they are, and only while the time for it is the one that the message names.
    """

    page: Page = Page.BOOKING
    urgent: bool = False
    states: frozenset[State] = frozenset()
    timed: bool = False
    before: Literal["start", "end", ""] = ""
    lack: Lack | None = None


_ACCOUNT = Kind(Page.ACCOUNT, urgent=True)
_ACCOUNT_LATER = Kind(Page.ACCOUNT)
_CALENDAR = Kind(Page.CALENDAR)
_CLAIM = Kind(Page.CLAIM)
_CLAIM_NOW = Kind(Page.CLAIM, urgent=True)
_INVOICE = Kind(Page.INVOICE)
_STANDING = frozenset({State.CONFIRMED, State.IN_USE})
_BACK = frozenset({State.RETURNED, State.COMPLETED})


def _on(state: State, *, urgent: bool = False, before: Literal["start", "end", ""] = "") -> Kind:
    return Kind(urgent=urgent, states=frozenset({state}), timed=True, before=before)


# Every kind there is; a slice that has something new to say adds a row here and its words to the catalogues.
KINDS: Mapping[str, Kind] = {
    # what happened
    "BookingRequested": Kind(urgent=True, states=frozenset({State.REQUESTED})),
    "BookingConfirmed": Kind(states=_STANDING),
    "BookingDeclined": Kind(),
    "BookingExpired": Kind(),
    "BookingCancelled": Kind(urgent=True),
    "BookingMoved": Kind(states=frozenset({State.HELD, State.REQUESTED}) | _STANDING),
    "MachineReplaced": Kind(states=frozenset({State.REQUESTED}) | _STANDING),
    "MachineReturned": Kind(),
    "MachineOverdue": Kind(urgent=True, states=frozenset({State.IN_USE})),
    "InspectionToSign": Kind(urgent=True),
    "InspectionSigned": Kind(),
    "RenterAbsent": Kind(),
    "BookingAtRisk": Kind(urgent=True, states=_STANDING),
    "BookingOutOfRisk": Kind(states=_STANDING),
    "WaitingOffered": Kind(urgent=True, states=frozenset({State.HELD})),
    "WaitingLapsed": Kind(Page.INBOX),
    "PaymentMissing": Kind(urgent=True),
    "UsageProposed": Kind(states=frozenset({State.IN_USE, State.RETURNED})),
    "UsageSettled": Kind(),
    "DepositRequired": Kind(urgent=True, states=_STANDING),
    "DepositHeld": Kind(),
    "DepositFailed": Kind(urgent=True, states=_STANDING, lack=Lack.DEPOSIT),
    "DepositLapsing": Kind(urgent=True, lack=Lack.RENEWAL),
    "DepositLapsed": Kind(urgent=True, lack=Lack.COVER),
    "DepositReleased": Kind(),
    "DepositWaived": Kind(),
    "DepositCaptured": Kind(),
    "ClaimOpened": _CLAIM_NOW,
    "ClaimAccepted": _CLAIM,
    "ClaimContested": _CLAIM_NOW,
    "OfferMade": _CLAIM_NOW,
    "ClaimAgreed": _CLAIM,
    "ClaimWithdrawn": _CLAIM,
    "ClaimEscalated": _CLAIM,
    "ClaimStalled": _CLAIM,
    "ClaimUnresolved": _CLAIM_NOW,
    "ClaimDecided": _CLAIM_NOW,
    "ClaimSettled": _CLAIM,
    "ClaimPaid": _CLAIM,
    "InvoiceIssued": _INVOICE,
    "InvoiceIssuedPaid": _INVOICE,
    "InvoicePaid": _INVOICE,
    "InvoiceCredited": _INVOICE,
    "LedgerDiffers": Kind(Page.INBOX, urgent=True),
    "OccurrencesLost": _CALENDAR,
    "MaintenanceDue": _CALENDAR,
    "FeedClashed": _CALENDAR,
    "FeedFails": _CALENDAR,
    "RefreshTokenReused": _ACCOUNT,
    "PasswordChanged": _ACCOUNT,
    "AddressChanged": _ACCOUNT,
    "Impersonated": _ACCOUNT,
    "RoleChanged": _ACCOUNT,
    # what is coming
    "booking_tomorrow": _on(State.CONFIRMED, before="start"),
    "hand_over_soon": _on(State.CONFIRMED, before="start"),
    "return_due": _on(State.IN_USE, before="end"),
    "overdue": _on(State.IN_USE, urgent=True),
    "overdue_escalated": _on(State.IN_USE, urgent=True),
    "request_waiting": _on(State.REQUESTED),
    "request_expiring": _on(State.REQUESTED, urgent=True),
    "hold_expiring": _on(State.HELD, urgent=True),
    "usage_missing": Kind(states=frozenset({State.RETURNED}), lack=Lack.USAGE),
    "departure_report_missing": Kind(states=_STANDING, lack=Lack.DEPARTURE_REPORT),
    "return_report_missing": Kind(states=frozenset({State.IN_USE, State.RETURNED}), lack=Lack.RETURN_REPORT),
    "claim_window_ending": Kind(states=frozenset({State.RETURNED}), lack=Lack.CLAIM),
    "claim_answer_due": Kind(Page.CLAIM, urgent=True, states=_BACK, lack=Lack.ANSWER),
    "claim_undecided": Kind(Page.CLAIM, states=_BACK, lack=Lack.DECISION),
    "deposit_failed": Kind(urgent=True, states=_STANDING, lack=Lack.DEPOSIT),
    "deposit_lapsing": Kind(urgent=True, states=_STANDING | _BACK, lack=Lack.RENEWAL),
    "deposit_lapsed": Kind(urgent=True, states=_STANDING | _BACK, lack=Lack.COVER),
    "document_expiring": _ACCOUNT_LATER,
    "calendar_unseen": _CALENDAR,
    "invoice_due": _INVOICE,
    "invoice_overdue": _INVOICE,
    "digest": Kind(Page.INBOX),
}

# Whom each fact concerns. The person who did it is not told what they just did.
TOLD: dict[type[events.BookingEvent] | type[deposits.DepositEvent] | type[damages.ClaimEvent], tuple[Side, ...]] = {
    events.BookingRequested: (Side.OWNER,),
    events.BookingConfirmed: (Side.OWNER, Side.RENTER),
    events.BookingDeclined: (Side.RENTER,),
    events.BookingExpired: (Side.RENTER,),
    events.BookingCancelled: (Side.OWNER, Side.RENTER),
    events.BookingMoved: (Side.OWNER, Side.RENTER),
    events.PaymentMissing: (Side.OWNER, Side.RENTER),
    events.UsageProposed: (Side.OWNER, Side.RENTER),
    events.UsageSettled: (Side.OWNER, Side.RENTER),
    events.MachineReplaced: (Side.OWNER, Side.RENTER),
    events.MachineReturned: (Side.RENTER,),
    events.RenterAbsent: (Side.RENTER,),
    events.BookingAtRisk: (Side.OWNER, Side.RENTER),
    events.BookingOutOfRisk: (Side.OWNER, Side.RENTER),
    WaitingOffered: (Side.RENTER,),
    InspectionToSign: (Side.OWNER, Side.RENTER),
    InspectionSigned: (Side.OWNER, Side.RENTER),
    deposits.DepositRequired: (Side.RENTER,),
    deposits.DepositHeld: (Side.OWNER, Side.RENTER),
    deposits.DepositFailed: (Side.OWNER, Side.RENTER),
    deposits.DepositLapsing: (Side.OWNER, Side.RENTER),
    deposits.DepositLapsed: (Side.OWNER, Side.RENTER),
    deposits.DepositReleased: (Side.RENTER,),
    deposits.DepositWaived: (Side.OWNER, Side.RENTER),
    deposits.DepositCaptured: (Side.OWNER, Side.RENTER),
    damages.ClaimOpened: (Side.RENTER,),
    damages.ClaimAccepted: (Side.OWNER, Side.RENTER),
    damages.ClaimContested: (Side.OWNER,),
    damages.OfferMade: (Side.OWNER, Side.RENTER),
    damages.ClaimAgreed: (Side.OWNER, Side.RENTER),
    damages.ClaimWithdrawn: (Side.RENTER,),
    damages.ClaimEscalated: (Side.OWNER, Side.RENTER),
    damages.ClaimStalled: (Side.OWNER, Side.RENTER),
    damages.ClaimUnresolved: (Side.OWNER, Side.RENTER),
    damages.ClaimDecided: (Side.OWNER, Side.RENTER),
    damages.ClaimSettled: (Side.OWNER, Side.RENTER),
    damages.ClaimPaid: (Side.OWNER, Side.RENTER),
}


def still_true(kind: str, facts: Facts, booking: Booking | None, now: datetime, lacks: Lacks = NOTHING) -> bool:
    """Whether a message may still go out: what it says of its booking, if it is about one, holds at `now`. `lacks` is
    what the booking lacks then.
    """
    known = KINDS[kind]
    if not known.states and known.lack is None:
        return True
    if booking is None or (known.states and state_at(booking, now) not in known.states):
        return False
    if known.before and getattr(booking.during, known.before) <= now:
        return False
    if known.lack and not _still_lacks(lacks.get(known.lack), facts, now):
        return False
    return not known.timed or (_said(facts, "start"), _said(facts, "end")) == (booking.during.start, booking.during.end)


def _still_lacks(missing: Missing | None, facts: Facts, now: datetime) -> bool:
    if missing is None or facts.get("side") not in missing.sides:
        return False
    return missing.until is None or (now < missing.until and _said(facts, "until") in {None, missing.until})


def _said(facts: Facts, name: str) -> datetime | None:
    return datetime.fromisoformat(facts[name]) if name in facts else None
