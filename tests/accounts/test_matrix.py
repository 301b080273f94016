"""Who may do what, on every route of the OpenAPI document, with real tokens against real rows.

A route that is not in the table fails the suite. Those who may least ask first, so that nobody finds the row changed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar

from tests.inspections.phone import reported, unsigned
from tests.invoicing.test_numbers import draft
from tests.notifications.browsers import Browser
from tests.people import PASSWORD, Json, Person, World, at
from tests.shots import shown
from votremachine.accounts.credentials import Credentials
from votremachine.accounts.rules import Role, StaffRole
from votremachine.accounts.service import absent
from votremachine.accounts.service.parties import give_seat
from votremachine.accounts.service.people import add_person
from votremachine.accounts.service.sessions import open_session
from votremachine.accounts.service.staff import appoint
from votremachine.config import Settings
from votremachine.damages.rules.claim import Claim, Side
from votremachine.damages.rules.claim import State as ClaimState
from votremachine.damages.rules.costs import Asked, Kind, Worth, line
from votremachine.damages.service import store as claims
from votremachine.deposits.rules import Deposit, State
from votremachine.deposits.service.store import arrange
from votremachine.infra.database import Database
from votremachine.invoicing.service.issuing import issue
from votremachine.kernel.money import Money

# The personas, in the order in which they ask: the columns of the table. Anonymous always asks first and gets 401, but
# for the public routes. Of two farms: four people who act for the owner of the machine besides its admin, two for the
# renter of the booking, a member of staff, and the admin of a third farm.
ASKING = (
    "stranger",
    "support",
    "renter_viewer",
    "renter",
    "owner_viewer",
    "owner_member",
    "owner_treasurer",
    "owner_manager",
    "owner",
)
PUBLIC = {
    ("POST", "/v1/auth/register"),
    ("POST", "/v1/auth/login"),
    ("POST", "/v1/auth/refresh"),
    ("POST", "/v1/auth/codes"),
    ("POST", "/v1/auth/resets"),
    ("POST", "/v1/auth/challenges/{challenge_id}/redeem"),
    ("GET", "/v1/categories"),
    ("GET", "/v1/machines/import-template"),
    ("GET", "/v1/demo"),
    ("GET", "/v1/demo/letters"),
    # The signature is the permission: tests/payments.
    ("POST", "/v1/webhooks/stripe"),
    ("POST", "/v1/webhooks/simulated"),
    # The signed address is the permission: tests/damages.
    ("GET", "/v1/claim-evidence/{file_id}"),
    ("GET", "/v1/claim-evidence/{file_id}/{file}"),
    # So is the gateway's token; and of a letter, the link: tests/notifications.
    ("POST", "/v1/webhooks/sms"),
    ("GET", "/v1/unsubscribe/{token}"),
    ("POST", "/v1/unsubscribe/{token}"),
    ("GET", "/v1/checklists/{category}"),
    # The signed address is the permission: tests/inspections.
    ("GET", "/v1/inspection-photos/{file_id}"),
    ("GET", "/v1/inspection-photos/{file_id}/{file}"),
    ("GET", "/v1/insurance-documents/{file_id}"),
    ("GET", "/v1/insurance-documents/{file_id}/{file}"),
    # The address is the permission: tests/calendars.
    ("GET", "/v1/calendars/{file}"),
    ("HEAD", "/v1/calendars/{file}"),
}
EVERYBODY = (200,) * 9
RUNNERS = (403, 403, 403, 403, 403, 403, 403, 200, 200)
# Where a stranger, and the other side, are not even told that there is such a thing.
RUNNERS_OF_A_HIDDEN_THING = (404, 403, 404, 404, 403, 403, 403, 200, 200)
BANKERS_AND_STAFF = (404, 200, 404, 404, 403, 403, 200, 403, 200)
STAFF = (403, 200, 403, 403, 403, 403, 403, 403, 403)
NOBODY_HERE = (403,) * 9
OWN_PEOPLE_AND_STAFF = (404, 200, 404, 404, 200, 200, 200, 200, 200)
BOTH_SIDES_AND_STAFF = (404, *(200,) * 8)
BOTH_SIDES_BUT_NOT_NOW = (404, 403, 403, 409, 403, 409, 409, 409, 409)
# The booking is not yet confirmed, so it is too early for those who may.
WORKERS_OF_THE_OWNER = (404, 403, 403, 403, 403, 409, 409, 409, 409)

TABLE: dict[tuple[str, str], tuple[int, ...]] = {
    ("POST", "/v1/auth/logout"): (204,) * 9,
    ("GET", "/v1/me"): EVERYBODY,
    ("PATCH", "/v1/me"): EVERYBODY,
    ("PUT", "/v1/me/password"): (204,) * 9,
    ("POST", "/v1/me/addresses"): (202,) * 9,
    ("POST", "/v1/me/addresses/{challenge_id}/redeem"): (401,) * 9,
    ("GET", "/v1/me/sessions"): EVERYBODY,
    ("DELETE", "/v1/me/sessions"): (204,) * 9,
    ("DELETE", "/v1/me/sessions/{session_id}"): (404,) * 9,
    ("GET", "/v1/me/audit"): EVERYBODY,
    ("GET", "/v1/me/export"): EVERYBODY,
    # A booking stands between the farms, so the last of each cannot leave.
    ("POST", "/v1/me/close"): (204, 204, 204, 409, 204, 204, 204, 204, 409),
    ("POST", "/v1/parties"): (201,) * 9,
    ("GET", "/v1/parties/{party_id}"): EVERYBODY,
    ("GET", "/v1/parties/{party_id}/details"): OWN_PEOPLE_AND_STAFF,
    ("PATCH", "/v1/parties/{party_id}"): RUNNERS_OF_A_HIDDEN_THING,
    ("PUT", "/v1/parties/{party_id}/iban"): (404, 403, 404, 404, 403, 403, 200, 403, 200),
    ("GET", "/v1/parties/{party_id}/people"): OWN_PEOPLE_AND_STAFF,
    # The owner is the last admin of the farm.
    ("PATCH", "/v1/parties/{party_id}/people/{person_id}"): (404, 403, 404, 404, 403, 403, 403, 403, 409),
    ("DELETE", "/v1/parties/{party_id}/people/{person_id}"): (404, 403, 404, 404, 403, 403, 403, 403, 409),
    ("GET", "/v1/parties/{party_id}/invitations"): RUNNERS_OF_A_HIDDEN_THING,
    ("POST", "/v1/parties/{party_id}/invitations"): (404, 403, 404, 404, 403, 403, 403, 201, 201),
    ("DELETE", "/v1/parties/{party_id}/invitations/{invitation_id}"): (404, 403, 404, 404, 403, 403, 403, 404, 404),
    ("POST", "/v1/invitations/accept"): (404,) * 9,
    ("GET", "/v1/parties/{party_id}/members"): OWN_PEOPLE_AND_STAFF,
    ("DELETE", "/v1/parties/{party_id}/members/{member_id}"): (404, 403, 403, 404, 403, 403, 403, 404, 404),
    ("GET", "/v1/staff/people"): (403, 200, 403, 403, 403, 403, 403, 403, 403),
    ("POST", "/v1/staff/impersonations"): (403, 201, 403, 403, 403, 403, 403, 403, 403),
    # Only who runs the farm that is to join may ask: in this world the renter's.
    ("POST", "/v1/parties/{party_id}/members"): (404, 403, 403, 422, 404, 404, 404, 404, 404),
    ("POST", "/v1/parties/{party_id}/members/{member_id}/approve"): (404, 403, 404, 404, 403, 403, 403, 404, 404),
    ("GET", "/v1/parties/{party_id}/balances"): BANKERS_AND_STAFF,
    ("GET", "/v1/parties/{party_id}/statement"): BANKERS_AND_STAFF,
    ("GET", "/v1/parties/{party_id}/payouts"): BANKERS_AND_STAFF,
    ("GET", "/v1/payouts/{payout_id}"): BANKERS_AND_STAFF,
    ("GET", "/v1/payouts"): STAFF,
    ("GET", "/v1/ledger/proofs"): STAFF,
    # There was none yet.
    ("GET", "/v1/ledger/proofs/{proof_id}"): (403, 404, 403, 403, 403, 403, 403, 403, 403),
    # Support reads the books, an operator keeps them.
    ("POST", "/v1/payouts/{payout_id}/sent"): NOBODY_HERE,
    ("POST", "/v1/payouts/{payout_id}/paid"): NOBODY_HERE,
    ("POST", "/v1/payouts/{payout_id}/failed"): NOBODY_HERE,
    ("POST", "/v1/machines"): (404, 403, 404, 404, 403, 403, 403, 201, 201),
    ("GET", "/v1/machines"): EVERYBODY,
    # A body of JSON is no spreadsheet; who may not import gets no further than that.
    ("POST", "/v1/parties/{party_id}/machines/import"): (404, 403, 404, 404, 403, 403, 403, 422, 422),
    ("GET", "/v1/machines/{machine_id}"): EVERYBODY,
    ("PATCH", "/v1/machines/{machine_id}"): RUNNERS,
    # What stands there is a tractor itself: everybody may ask.
    ("GET", "/v1/machines/{machine_id}/tractors"): (422,) * 9,
    ("POST", "/v1/machines/{machine_id}/publish"): RUNNERS,
    ("POST", "/v1/machines/{machine_id}/pause"): RUNNERS,
    # The owner's admin sends no image here: it is looked at last.
    ("POST", "/v1/machines/{machine_id}/photos"): (403, 403, 403, 403, 403, 403, 403, 422, 422),
    ("GET", "/v1/machines/{machine_id}/photos"): EVERYBODY,
    ("POST", "/v1/machines/{machine_id}/photos/arrange"): RUNNERS,
    ("DELETE", "/v1/photos/{photo_id}"): (403, 403, 403, 403, 403, 403, 403, 204, 404),
    ("GET", "/v1/photos/{photo_id}/{file}"): EVERYBODY,
    ("POST", "/v1/machines/{machine_id}/retire"): RUNNERS,
    ("POST", "/v1/machines/{machine_id}/rates"): (403, 403, 403, 403, 403, 403, 403, 201, 201),
    ("GET", "/v1/machines/{machine_id}/rates"): EVERYBODY,
    ("GET", "/v1/machines/{machine_id}/rates/history"): (403, 200, 403, 403, 200, 200, 200, 200, 200),
    ("GET", "/v1/machines/{machine_id}/availability"): EVERYBODY,
    # Blocks may meet: the second one takes what the first leaves.
    ("POST", "/v1/machines/{machine_id}/blocks"): (403, 403, 403, 403, 403, 403, 403, 201, 201),
    ("GET", "/v1/machines/{machine_id}/blocks"): (403, 200, 403, 403, 200, 200, 200, 200, 200),
    ("GET", "/v1/machines/{machine_id}/substitutes"): (403, 200, 403, 403, 200, 200, 200, 200, 200),
    ("POST", "/v1/machines/{machine_id}/replacement-plan"): RUNNERS,
    # What stands there is only held, and none of that is moved.
    ("POST", "/v1/machines/{machine_id}/replace"): (403, 403, 403, 403, 403, 403, 403, 409, 409),
    ("GET", "/v1/machines/{machine_id}/agenda"): (403, 200, 403, 403, 200, 200, 200, 200, 200),
    ("GET", "/v1/parties/{party_id}/agenda"): OWN_PEOPLE_AND_STAFF,
    ("POST", "/v1/parties/{party_id}/instruments"): (404, 403, 404, 404, 403, 403, 201, 201, 201),
    ("GET", "/v1/parties/{party_id}/instruments"): (404, 200, 404, 404, 403, 200, 200, 200, 200),
    ("POST", "/v1/instruments/{instrument_id}/prove"): (404, 403, 404, 404, 403, 403, 200, 200, 200),
    ("DELETE", "/v1/instruments/{instrument_id}"): (404, 403, 404, 404, 403, 403, 204, 404, 404),
    ("POST", "/v1/machines/{machine_id}/feeds"): (403, 403, 403, 403, 403, 403, 403, 201, 201),
    ("GET", "/v1/machines/{machine_id}/feeds"): (403, 200, 403, 403, 200, 200, 200, 200, 200),
    ("GET", "/v1/feeds/{feed_id}"): OWN_PEOPLE_AND_STAFF,
    ("POST", "/v1/feeds/{feed_id}/fetch"): (404, 403, 404, 404, 403, 403, 403, 202, 409),
    ("DELETE", "/v1/feeds/{feed_id}"): (404, 403, 404, 404, 403, 403, 403, 204, 404),
    ("GET", "/v1/blocks/{block_id}"): OWN_PEOPLE_AND_STAFF,
    ("PATCH", "/v1/blocks/{block_id}"): RUNNERS_OF_A_HIDDEN_THING,
    # The manager's was the last chance to delete it.
    ("DELETE", "/v1/blocks/{block_id}"): (404, 403, 404, 404, 403, 403, 403, 204, 404),
    ("POST", "/v1/machines/{machine_id}/readings"): (403, 403, 403, 403, 403, 201, 201, 201, 201),
    ("GET", "/v1/machines/{machine_id}/readings"): (403, 200, 403, 403, 200, 200, 200, 200, 200),
    ("POST", "/v1/machines/{machine_id}/maintenance-plans"): (403, 403, 403, 403, 403, 403, 403, 201, 201),
    ("GET", "/v1/machines/{machine_id}/maintenance-plans"): (403, 200, 403, 403, 200, 200, 200, 200, 200),
    ("DELETE", "/v1/maintenance-plans/{plan_id}"): (404, 403, 404, 404, 403, 403, 403, 204, 404),
    ("POST", "/v1/maintenance-plans/{plan_id}/done"): RUNNERS_OF_A_HIDDEN_THING,
    ("GET", "/v1/machines/{machine_id}/maintenance-proposals"): (403, 200, 403, 403, 200, 200, 200, 200, 200),
    ("POST", "/v1/maintenance-proposals/{proposal_id}/accept"): (404, 403, 404, 404, 403, 403, 403, 200, 409),
    ("POST", "/v1/maintenance-proposals/{proposal_id}/dismiss"): (404, 403, 404, 404, 403, 403, 403, 200, 409),
    ("POST", "/v1/quotes"): EVERYBODY,
    ("POST", "/v1/bookings"): (201, 422, 403, 409, 403, 422, 422, 422, 422),
    ("GET", "/v1/bookings"): EVERYBODY,
    ("GET", "/v1/bookings/{booking_id}"): (404, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "/v1/bookings/{booking_id}/history"): (404, 200, 200, 200, 200, 200, 200, 200, 200),
    ("POST", "/v1/bookings/{booking_id}/confirm"): (404, 403, 403, 200, 403, 403, 403, 403, 403),
    ("POST", "/v1/bookings/{booking_id}/accept"): (404, 403, 403, 403, 403, 403, 403, 409, 409),
    ("POST", "/v1/bookings/{booking_id}/decline"): (404, 403, 403, 403, 403, 403, 403, 409, 409),
    ("POST", "/v1/bookings/{booking_id}/cancel"): (404, 403, 403, 200, 403, 403, 403, 409, 409),
    ("POST", "/v1/bookings/{booking_id}/reschedule"): (404, 403, 403, 200, 403, 403, 403, 403, 403),
    ("POST", "/v1/bookings/{booking_id}/extend"): (404, 403, 403, 409, 403, 403, 403, 403, 403),
    ("POST", "/v1/bookings/{booking_id}/check_out"): WORKERS_OF_THE_OWNER,
    ("POST", "/v1/bookings/{booking_id}/check_in"): WORKERS_OF_THE_OWNER,
    ("POST", "/v1/bookings/{booking_id}/no_show"): WORKERS_OF_THE_OWNER,
    # The booking is only held: nothing is handed over, and no report made.
    ("POST", "/v1/bookings/{booking_id}/inspections"): BOTH_SIDES_BUT_NOT_NOW,
    ("GET", "/v1/bookings/{booking_id}/inspections"): BOTH_SIDES_AND_STAFF,
    ("GET", "/v1/bookings/{booking_id}/inspections/comparison"): BOTH_SIDES_AND_STAFF,
    ("POST", "/v1/bookings/{booking_id}/inspections/codes"): BOTH_SIDES_BUT_NOT_NOW,
    ("GET", "/v1/bookings/{booking_id}/insurance"): BOTH_SIDES_AND_STAFF,
    ("GET", "/v1/inspections/{inspection_id}"): BOTH_SIDES_AND_STAFF,
    # It is not signed; what is to be signed is not what they say; and it announced no photo.
    ("GET", "/v1/inspections/{inspection_id}/receipt"): (404, *(409,) * 8),
    ("POST", "/v1/inspections/{inspection_id}/signatures"): BOTH_SIDES_BUT_NOT_NOW,
    ("PUT", "/v1/inspections/{inspection_id}/photos/{sha256}"): (404, 403, 403, 422, 403, 422, 422, 422, 422),
    ("GET", "/v1/machines/{machine_id}/inspections/verification"): (403, 200, 403, 403, 200, 200, 200, 200, 200),
    ("POST", "/v1/parties/{party_id}/insurances"): (404, 403, 404, 404, 403, 201, 201, 201, 201),
    ("GET", "/v1/parties/{party_id}/insurances"): OWN_PEOPLE_AND_STAFF,
    # An empty file is no document; who may not send one gets no further than that.
    ("PUT", "/v1/insurances/{insurance_id}/document"): (404, 403, 404, 404, 403, 422, 422, 422, 422),
    ("GET", "/v1/parties/{party_id}/insurance-rule"): OWN_PEOPLE_AND_STAFF,
    ("PUT", "/v1/parties/{party_id}/insurance-rule"): RUNNERS_OF_A_HIDDEN_THING,
    ("GET", "/v1/bookings/{booking_id}/payments"): (404, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "/v1/bookings/{booking_id}/deposit"): (404, 200, 200, 200, 200, 200, 200, 200, 200),
    # The card is not the renter's.
    ("POST", "/v1/bookings/{booking_id}/deposit"): (404, 403, 403, 404, 403, 403, 403, 403, 403),
    # What the manager waived is over.
    ("POST", "/v1/bookings/{booking_id}/deposit/waive"): (404, 403, 403, 403, 403, 403, 403, 200, 409),
    ("GET", "/v1/parties/{party_id}/deposits"): OWN_PEOPLE_AND_STAFF,
    # Nothing of it is metered, nobody has said anything, and no card has paid.
    ("POST", "/v1/bookings/{booking_id}/usage"): (404, 403, 403, 409, 403, 409, 409, 409, 409),
    ("GET", "/v1/bookings/{booking_id}/usage"): (404, 200, 200, 200, 200, 200, 200, 200, 200),
    ("POST", "/v1/bookings/{booking_id}/usage/agree"): (404, 403, 403, 404, 403, 404, 404, 404, 404),
    ("POST", "/v1/bookings/{booking_id}/pay"): (404, 403, 403, 409, 403, 403, 403, 403, 403),
    # What stands there is only held: nothing of it came back.
    ("POST", "/v1/bookings/{booking_id}/claims"): (404, 403, 403, 403, 403, 403, 403, 409, 409),
    ("GET", "/v1/bookings/{booking_id}/claim-suggestions"): (404, 403, 403, 403, 403, 403, 403, 200, 200),
    ("GET", "/v1/parties/{party_id}/claims"): OWN_PEOPLE_AND_STAFF,
    # To whom none is shown, an empty list: tests/damages/test_listing.py.
    ("GET", "/v1/claims"): EVERYBODY,
    ("GET", "/v1/claims/{claim_id}"): (404, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "/v1/claims/{claim_id}/comparison"): (404, 200, 200, 200, 200, 200, 200, 200, 200),
    ("GET", "/v1/claims/{claim_id}/bundle"): (404, 200, 200, 200, 200, 200, 200, 200, 200),
    ("POST", "/v1/claims/{claim_id}/accept"): (404, 403, 403, 200, 403, 403, 403, 403, 403),
    ("POST", "/v1/claims/{claim_id}/contest"): (404, 403, 403, 200, 403, 403, 403, 403, 403),
    # Nobody has contested it.
    ("POST", "/v1/claims/{claim_id}/offer"): (404, 403, 403, 409, 403, 403, 403, 409, 409),
    ("POST", "/v1/claims/{claim_id}/agree"): (404, 403, 403, 409, 403, 403, 403, 409, 409),
    # Whoever comes next has read it before.
    ("POST", "/v1/claims/{claim_id}/withdraw"): (404, 403, 403, 403, 403, 403, 403, 200, 412),
    ("POST", "/v1/claims/{claim_id}/escalate"): (404, 403, 403, 200, 403, 403, 403, 412, 412),
    # No mediator is here, and support is none: tests/damages.
    ("POST", "/v1/claims/{claim_id}/decide"): (404, *(403,) * 8),
    ("POST", "/v1/claims/{claim_id}/pay"): (404, 403, 403, 409, 403, 403, 403, 403, 403),
    # An empty file is no document; who may not send one gets no further than that.
    ("POST", "/v1/claims/{claim_id}/evidence"): (404, 403, 403, 422, 403, 422, 422, 422, 422),
    ("GET", "/v1/parties/{party_id}/invoices"): OWN_PEOPLE_AND_STAFF,
    ("GET", "/v1/invoices/{invoice_id}"): BOTH_SIDES_AND_STAFF,
    ("POST", "/v1/invoices/{invoice_id}/payments"): (404, 403, 403, 403, 403, 403, 201, 403, 201),
    # What the treasurer took back is taken back.
    ("POST", "/v1/invoices/{invoice_id}/credit-note"): (404, 403, 403, 403, 403, 403, 201, 403, 409),
    # Nobody waits for their own machine; support waits for nobody.
    ("POST", "/v1/machines/{machine_id}/waiting"): (201, 422, 403, 201, 403, 422, 422, 422, 422),
    ("GET", "/v1/machines/{machine_id}/waiting"): (403, 200, 403, 403, 200, 200, 200, 200, 200),
    ("GET", "/v1/waiting"): EVERYBODY,
    ("DELETE", "/v1/waiting/{entry_id}"): (404, 403, 403, 204, 403, 403, 403, 403, 403),
    ("GET", "/v1/inbox"): EVERYBODY,
    ("POST", "/v1/inbox/read"): (204,) * 9,
    ("GET", "/v1/preferences"): EVERYBODY,
    ("PUT", "/v1/preferences"): EVERYBODY,
    ("GET", "/v1/devices"): EVERYBODY,
    ("POST", "/v1/devices"): (201,) * 9,
    # Nobody has this device.
    ("DELETE", "/v1/devices/{device_id}"): (404,) * 9,
    ("GET", "/v1/staff/dead-letters"): (403, 200, 403, 403, 403, 403, 403, 403, 403),
    ("POST", "/v1/staff/dead-letters/{letter_id}/retry"): (403, 404, 403, 403, 403, 403, 403, 403, 403),
    # Everybody follows their own parties, and nobody else's: tests/sync.
    ("GET", "/v1/events"): EVERYBODY,
    # Whoever may read the calendar, but staff: a link goes on when nobody looks.
    ("POST", "/v1/calendar-links"): (403, 403, 403, 403, 201, 201, 201, 201, 201),
    ("GET", "/v1/calendar-links"): EVERYBODY,
    # The link is the owner's own; who runs the farm may revoke it as well, and did.
    ("DELETE", "/v1/calendar-links/{link_id}"): (404, 403, 404, 404, 403, 403, 403, 204, 404),
}

SPAN = {"start": at(10).isoformat(), "end": at(11).isoformat()}


# A note of the owner's alone, one that both sides of the booking read, and where the machine really stands.
SECRET_NOTE, SHARED_NOTE, YARD = "Révision chez Marcel", "Après la pluie", "43.8911"
# What a renter says of a wish, until there is a booking.
WISH_NOTE = "Avant les foins"
VERSIONED = {("PATCH", f"/v1/{path}") for path in ("machines/{machine_id}", "parties/{party_id}", "blocks/{block_id}")}
# Everybody's own, in the version that the owner, who asks last, still has.
VERSIONED |= {("PUT", "/v1/preferences")}
# Questions that are asked with POST, and letters that are asked for: nothing is changed by them.
NOT_NOTED = {
    ("POST", "/v1/quotes"),
    ("POST", "/v1/me/addresses"),
    ("POST", "/v1/machines/{machine_id}/replacement-plan"),
    ("POST", "/v1/inbox/read"),
}
# A machine may be in that state already: then nothing is changed.
MAYBE_NOTED = {("POST", f"/v1/machines/{{machine_id}}/{state}") for state in ("publish", "pause", "retire")}


PAYABLE = sa.text(
    "INSERT INTO payouts (id, party_id, currency, minor, state, reason, made_at, changed_at)"
    " VALUES (:id, :party, 'EUR', 1, 'payable', '', now(), now())"
)


@dataclass
class Scene:
    """A machine, a block and a held booking between two farms, a draft, and everybody who might ask about them."""

    people: dict[str, Person]
    machine: str
    block: str
    booking: str
    person: str  # the owner
    photo: str
    link: str  # the owner's, to the machine's calendar
    plan: str
    proposal: str
    entry: str  # the renter's, who waits for what the block takes
    spare: str
    feed: str
    card: str
    inspection: str  # of the booking, without a photo, signed by nobody
    proof: str  # of the owner's insurance
    payout: str
    claim: str  # about the booking, just opened
    invoice: str  # of another one, on account

    def body(self, method: str, path: str, who: str) -> Json:
        """A body that is right for the route, sent by this persona."""
        own = self.people[who].party_id
        owner = self.people["owner"].party_id
        last = path.rsplit("/", 1)[1]
        bodies: dict[str, Any] = {
            "register": {"email": f"{uuid4().hex}@x.example", "password": PASSWORD, "name": "X"},
            "login": {"email": self.people["owner"].email, "password": PASSWORD},
            "refresh": {"refresh_token": "nonsense"},
            "codes": {} if "inspections" in path else {"email": "x@x.example"},
            "resets": {"email": "x@x.example"},
            "redeem": {"code": "000000"},
            "me": {"name": "X"},
            "password": {"password": PASSWORD},
            "addresses": {"email": f"{uuid4().hex}@x.example"},
            "close": {},
            "{party_id}": {"name": "X"},
            "iban": {"iban": "FR7630006000011234567890189"},
            "{person_id}": {"role": "viewer"},
            "invitations": {"role": "member"},
            "accept": {"token": "nonsense"} if "invitations" in path else None,
            "impersonations": {"person_id": self.person, "reason": "Asked by telephone."},
            "parties": {"kind": "farm", "name": "X", "commune": "Dax"},
            "members": {"party_id": self.people["renter"].party_id},
            "machines": {
                "party_id": owner,
                "category": "tractor",
                "title": "X",
                "place": {"commune": "Dax", "latitude": 43.7, "longitude": -1.0},
            },
            "{machine_id}": {"title": "X"},
            "{block_id}": {"note": "X"},
            "rates": {"rates": [{"unit": "day", "minor": 1}]},
            "arrange": {"photo_ids": [self.photo]},
            "blocks": {"start": at(20).isoformat(), "end": at(21).isoformat()},
            "replacement-plan": {},
            "replace": {"moves": [{"booking_id": self.booking, "version": 1, "to_machine_id": self.spare}]},
            "instruments": {"token": "tok_visa"},
            "inspections": reported(self.machine) if "bookings" in path else None,
            "signatures": {"side": "owner", "content_hash": "0" * 64},
            "insurances": {
                "insurer": "X",
                "policy_number": "1",
                "valid_from": f"{at(0):%F}",
                "valid_until": f"{at(300):%F}",
            },
            "insurance-rule": {"required": False},
            "deposit": {"instrument_id": self.card},
            "waive": {"reason": "X"},
            "feeds": {"name": "X", "url": "https://calendar.example/x.ics"},
            "readings": {"meter": "engine_hour", "value": "1200"},
            "maintenance-plans": {"title": "X", "minutes": 60, "every_days": 30, "last_on": f"{at(-1):%F}"},
            "done": {},
            "calendar-links": {"machine_id": self.machine},
            "quotes": {"machine_ids": [self.machine], **SPAN},
            "waiting": {"party_id": own, "start": at(2).isoformat(), "end": at(3).isoformat()},
            "bookings": {"machine_ids": [self.machine], "renter_party_id": own, **SPAN},
            "confirm": {"payment": "on_account"},
            "decline": {},
            "cancel": {},
            "check_in": {},
            "no_show": {},
            "failed": {"reason": "X"},
            "reschedule": {"start": at(15).isoformat(), "end": at(16).isoformat()},
            "extend": {"end": at(4).isoformat()},
            "read": {"ids": [str(uuid4())]},
            "preferences": {},
            "devices": {"endpoint": f"https://push.example/{uuid4()}", "keys": Browser("").keys},
            "usage": {"used": {}},
            "agree": {"usage_id": str(uuid4())} if "usage" in path else None,
            "claims": {"reason": "X", "lines": [{"kind": "cleaning", "what": "X", "net": 1}]},
            "contest": {"reason": "X"},
            "offer": {"minor": 1},
            "withdraw": {},
            "escalate": {},
            "decide": {"minor": 1, "reason": "X"},
            "pay": {"instrument_id": self.card},
            "payments": {
                "minor": 100,
                "means": "transfer",
                "received_on": f"{datetime.now(UTC):%F}",
                "reference": uuid4().hex,
            },
            "credit-note": {"reason": SHARED_NOTE},
        }
        return bodies.get(last) if method in {"POST", "PATCH", "PUT"} else None

    async def tag(self, path: str) -> str:
        """The newest ETag of what is to be changed."""
        details = "/details" if "party_id" in path else ""
        return (await self.people["owner"].get(self.path(path) + details)).headers["ETag"]

    def path(self, path: str) -> str:
        filled = path.removeprefix("/v1").format(
            machine_id=self.machine,
            block_id=self.block,
            booking_id=self.booking,
            photo_id=self.photo,
            file="320.webp",
            party_id=self.people["owner"].party_id,
            member_id=self.people["renter"].party_id,
            person_id=self.person,
            challenge_id=uuid4(),
            session_id=uuid4(),
            invitation_id=uuid4(),
            link_id=self.link,
            plan_id=self.plan,
            proposal_id=self.proposal,
            entry_id=self.entry,
            feed_id=self.feed,
            instrument_id=self.card,
            device_id=uuid4(),
            letter_id=uuid4(),
            token="nonsense",
            inspection_id=self.inspection,
            sha256="0" * 64,
            insurance_id=self.proof,
            file_id=uuid4(),
            category="tractor",
            payout_id=self.payout,
            proof_id=uuid4(),
            claim_id=self.claim,
            invoice_id=self.invoice,
            evidence_id=uuid4(),
        )
        questions = {
            "availability": f"?from={at(0):%FT%TZ}&to={at(30):%FT%TZ}",
            "statement": f"?account=owner_payable&from={at(-30):%FT%TZ}&to={at(1):%FT%TZ}",
            "agenda": f"?from={at(0):%FT%TZ}&to={at(30):%FT%TZ}",
            "substitutes": f"?from={at(12):%FT%TZ}&to={at(13):%FT%TZ}",
            "letters": "?to=x@x.example",
            "events": "?follow=false",
            "payouts": "" if "party_id" in path else "?state=payable",
            "people": f"?email={self.people['owner'].email}" if "staff" in path else "",
        }
        return filled + questions.get(path.rsplit("/", 1)[1], "")


@pytest.fixture
async def scene(world: World, owner: Person, renter: Person, database: Database, settings: Settings) -> Scene:
    people = {"owner": owner, "renter": renter, "stranger": await world.farmer("stranger@x.example", "Ailleurs")}
    made = partial(somebody, world, database, Credentials.of(settings))
    people["support"] = await made("support", None)
    async with database.begin() as tx:
        await appoint(tx, people["support"].email, StaffRole.SUPPORT)
    people["renter_viewer"] = await made("renter_viewer", renter, Role.VIEWER)
    for role in (Role.VIEWER, Role.MEMBER, Role.TREASURER, Role.MANAGER):
        people[f"owner_{role}"] = await made(f"owner_{role}", owner, role)
    machine = await world.machine(owner)
    block = await owner.made(
        f"/machines/{machine}/blocks", {"start": at(6).isoformat(), "end": at(7).isoformat(), "note": SECRET_NOTE}
    )
    booking = (await renter.book([machine], at(2), at(3), note=SHARED_NOTE)).json()
    person = (await owner.get("/me")).json()["id"]
    photo = await shown(database, settings, machine)
    link = await owner.made("/calendar-links", {"machine_id": machine})
    path = f"/machines/{machine}"
    tag = (await owner.get(path)).headers["ETag"]
    assert (await owner.ask("PATCH", path, {"meters": ["engine_hour"]}, If_Match=tag)).status_code == 200
    due = {"title": SECRET_NOTE, "minutes": 60, "every_days": 30, "last_on": f"{at(-40):%F}"}
    plan = await owner.made(f"{path}/maintenance-plans", due)
    spare = await world.machine(owner)
    proposal = (await owner.get(f"{path}/maintenance-proposals")).json()["items"][0]
    wish = {"start": at(6).isoformat(), "end": at(7).isoformat(), "note": WISH_NOTE}
    entry = await renter.made(f"{path}/waiting", wish, Idempotency_Key="wish")
    card = await owner.made(f"/parties/{owner.party_id}/instruments", {"token": "tok_visa"})
    insured = {"insurer": SECRET_NOTE, "policy_number": "1", "valid_from": f"{at(0):%F}", "valid_until": f"{at(9):%F}"}
    proof = await owner.made(f"/parties/{owner.party_id}/insurances", insured)
    feed = await owner.made(f"{path}/feeds", {"name": SECRET_NOTE, "url": "https://calendar.example/secret.ics"})
    async with database.begin() as tx:
        payout = tx.new_id()
        await tx.execute(PAYABLE, {"id": payout, "party": UUID(owner.party_id)})
    await with_deposit(database, booking)
    return Scene(
        people,
        machine,
        block["id"],
        booking["id"],
        person,
        photo,
        link["id"],
        plan["id"],
        proposal["id"],
        entry["id"],
        spare,
        feed["id"],
        card["id"],
        await unsigned(database, machine, booking["id"], person),
        proof["id"],
        str(payout),
        await with_claim(database, booking, UUID(person), UUID(machine)),
        await with_invoice(database, await renter.booked([spare], at(40), at(41)), owner, renter),
    )


async def with_deposit(database: Database, booking: Json) -> None:
    """A deposit for which no card was given yet."""
    async with database.begin() as tx:
        deposit = Deposit(
            id=tx.new_id(),
            booking_id=UUID(booking["id"]),
            owner_party_id=UUID(booking["owner"]["id"]),
            renter_party_id=UUID(booking["renter"]["id"]),
            amount=Money(100_000),
            state=State.REQUIRED,
            starts=at(2),
            keep_until=at(5),
            created_at=tx.now,
        )
        await arrange(tx, deposit, None, on_account=False)


async def with_claim(database: Database, booking: Json, person: UUID, machine: UUID) -> str:
    """A claim that was just opened."""
    async with database.begin() as tx:
        claim = Claim(
            id=tx.new_id(),
            booking_id=UUID(booking["id"]),
            owner_party_id=UUID(booking["owner"]["id"]),
            renter_party_id=UUID(booking["renter"]["id"]),
            machine_ids=(machine,),
            state=ClaimState.OPEN,
            reason=SHARED_NOTE,
            currency="EUR",
            total=1_000,
            cap=None,
            asked=1_000,
            turn=Side.RENTER,
            due_at=at(3),
            created_at=tx.now,
        )
        who = await absent.person(tx, person)
        assert who is not None
        cleaning = Asked(machine_id=machine, kind=Kind.CLEANING, what=SHARED_NOTE, net=1_000)
        await claims.add(tx, claim, [line(cleaning, Worth())], who)
    return str(claim.id)


async def with_invoice(database: Database, booking: Json, owner: Person, renter: Person) -> str:
    """An invoice that was just issued."""
    async with database.begin() as tx:
        made = await issue(tx, draft(owner, renter, cause_id=UUID(booking["id"])))
    return str(made.id)


async def somebody(
    world: World, database: Database, known_by: Credentials, name: str, of: Person | None, role: Role = Role.VIEWER
) -> Person:
    """Somebody signed in, with a seat beside another person if one is named."""
    email = f"{name}@x.example"
    async with database.begin() as tx:
        person_id = await add_person(tx, email, name, "fr", "")
        if of is not None:
            await give_seat(tx, person_id, UUID(of.party_id), role)
        opened = await open_session(tx, known_by.refreshing, person_id, "", by_code=True)
        token = known_by.tokens.sign(opened.claims, tx.now)
    return Person(world.http, email, token, of.party_id if of else "")


def routes(app: Litestar) -> set[tuple[str, str]]:
    return {
        (method.upper(), path)
        for path, item in app.openapi_schema.to_schema()["paths"].items()
        for method in item
        if path.startswith("/v1/")
    }


def test_every_route_stands_in_the_table(app: Litestar) -> None:
    assert routes(app) == set(TABLE) | PUBLIC


async def test_anonymous_gets_nowhere_but_to_what_is_public(
    app: Litestar, http: httpx.AsyncClient, scene: Scene
) -> None:
    for method, path in sorted(routes(app)):
        body = scene.body(method, path, "stranger")
        answer = await http.request(method, f"/v1{scene.path(path)}", json=body, headers={"If-Match": '"1.x"'})
        public = (method, path) in PUBLIC
        assert (answer.status_code == 401) == (not public or path.endswith(("refresh", "redeem"))), f"{method} {path}"


@pytest.mark.parametrize(("method", "path"), sorted(TABLE))
async def test_everybody_gets_just_what_the_table_says(
    method: str, path: str, scene: Scene, database: Database
) -> None:
    got = []
    for who in ASKING:
        body = scene.body(method, path, who)
        headers = {"Idempotency_Key": str(uuid4()), "If_Match": '"1.x"'}
        if (method, path) in VERSIONED:
            headers["If_Match"] = await scene.tag(path)
        before = await noted(database)
        answer = await scene.people[who].ask(method, scene.path(path), body, **headers)
        got.append(answer.status_code)
        check_no_leak(scene, who, path, answer)
        changed = answer.is_success and (method, path) not in NOT_NOTED
        if method != "GET" and (method, path) not in MAYBE_NOTED:
            assert (await noted(database) > before) == changed, f"{who}: the audit log"
    assert tuple(got) == TABLE[method, path], dict(zip(ASKING, got, strict=True))


async def noted(database: Database) -> int:
    """How much stands in the audit log."""
    async with database.read() as tx:
        return int((await tx.execute(sa.text("SELECT count(*) FROM audit_log"))).scalar_one())


def check_no_leak(scene: Scene, who: str, path: str, answer: httpx.Response) -> None:
    """Whatever was asked, and whatever the status: what is not theirs stands nowhere in the answer."""
    ours = "owner" if who.startswith("owner") else "renter" if who.startswith("renter") else who
    hidden = {
        scene.people["owner"].email: {"owner", "support"},
        scene.people["renter"].email: {"renter", "support"},
        SECRET_NOTE: {"owner", "support"},
        SHARED_NOTE: {"owner", "renter", "support"},
        WISH_NOTE: {"renter"},
        YARD: {"owner", "support"},
    }
    told = answer.text if "json" in answer.headers.get("content-type", "") else ""
    for secret, readers in hidden.items():
        assert ours in readers or secret not in told, f"{who} {path}: {secret}"


async def test_a_draft_is_nobody_elses_business(world: World, scene: Scene) -> None:
    draft = await world.machine(scene.people["owner"], listed=False)
    window = f"from={at(0):%FT%TZ}&to={at(30):%FT%TZ}"
    stranger = scene.people["stranger"]
    for path in ("", "/photos", "/rates", "/rates/history", f"/availability?{window}", f"/agenda?{window}"):
        assert (await stranger.get(f"/machines/{draft}{path}")).status_code == 404
    for verb, body in (
        ("publish", None),
        ("pause", None),
        ("photos", None),
        ("photos/arrange", {"photo_ids": []}),
        ("rates", {"rates": [{"unit": "day", "minor": 1}]}),
        ("blocks", SPAN),
    ):
        assert (await stranger.post(f"/machines/{draft}/{verb}", body)).status_code == 404
    for path in ("/quotes", "/bookings"):
        answer = await stranger.post(path, {"machine_ids": [draft], **SPAN}, Idempotency_Key="1")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_machine")
    assert draft not in (await stranger.get("/machines")).text
    assert draft in (await scene.people["owner"].get("/machines")).text
