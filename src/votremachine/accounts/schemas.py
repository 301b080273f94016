"""What travels over the wire about people and parties."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from votremachine.accounts.addresses import one_address
from votremachine.accounts.rules import PartyKind, Role, StaffRole
from votremachine.infra.wire import UNSEEN, Input, Line, OptionalLine

# One @ between two parts that no header or angle bracket can hide in; only a message sent there proves an address.
_PART = rf"[^@\s<>\",;{UNSEEN}]+"
_EMAIL = rf"^{_PART}@{_PART}\.{_PART}$(?!\n)"
Email = Annotated[str, msgspec.Meta(max_length=254, pattern=_EMAIL)]
Phone = Annotated[str, msgspec.Meta(max_length=30, pattern=r"^\+?[0-9 ().-]+$(?!\n)")]
_ANY_BUT_NUL = r"^[^\x00]*\Z"
Password = Annotated[str, msgspec.Meta(min_length=10, max_length=200, pattern=_ANY_BUT_NUL)]
AnyPassword = Annotated[str, msgspec.Meta(max_length=200, pattern=_ANY_BUT_NUL)]
Token = Annotated[str, msgspec.Meta(max_length=200)]
Language = Literal["fr", "en"]
# Groups of letters and digits, as people copy them from paper: the check digits are looked at later.
Number = Annotated[str, msgspec.Meta(max_length=40, pattern=r"^[A-Za-z0-9 .-]*$(?!\n)")]


class Addressed(Input, kw_only=True):
    """An e-mail address or a phone number: one of the two."""

    email: Email | None = None
    phone: Phone | None = None

    def address(self) -> str:
        """As it is kept; raises `OneAddress`, `NotAPhoneNumber`."""
        return one_address(self.email, self.phone)


class Register(Addressed, kw_only=True):
    password: Password
    name: Line
    language: Language = "fr"


class SignIn(Addressed, kw_only=True):
    password: AnyPassword


class Refresh(Input):
    refresh_token: Token


class TokenPair(msgspec.Struct, frozen=True):
    """`access_token` goes into `Authorization: Bearer …` for `expires_in` seconds; `refresh_token` gets the next."""

    access_token: str
    refresh_token: str
    expires_in: int


class Asked(msgspec.Struct, frozen=True):
    """A challenge: if somebody is to be reached there, a code is on its way; it stands until `expires_at`."""

    id: UUID
    expires_at: datetime


class Redeem(Input):
    """The six digits, or the token of the link. `password` is the new one where a password is reset."""

    code: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$(?!\n)")] | None = None
    token: Token | None = None
    password: Password | None = None


class ChangePassword(Input):
    """`current` may be left out by who signed in with a code in the last minutes, or has no password yet."""

    password: Password
    current: AnyPassword | None = None


class EditMe(Input):
    name: Line | None = None
    language: Language | None = None


class CloseAccount(Input):
    """`current` is the password; it may be left out by who signed in with a code in the last minutes."""

    current: AnyPassword | None = None


class CreateParty(Input):
    kind: PartyKind
    name: Line
    commune: Line


class EditParty(Input):
    """What is left out stays; an empty number is taken away.

    `members_give_deposits`: whether members who book on account give a deposit all the same; they do not by default.
    `payment_days`: after how many days its invoices are due (C. com., art. L. 441-10: 60 at most).
    """

    name: Line | None = None
    commune: Line | None = None
    legal_name: OptionalLine | None = None
    siren: Number | None = None
    siret: Number | None = None
    vat_number: Number | None = None
    street: OptionalLine | None = None
    postcode: Annotated[str, msgspec.Meta(max_length=12, pattern=r"^[A-Za-z0-9 -]*$(?!\n)")] | None = None
    language: Language | None = None
    members_give_deposits: bool | None = None
    payment_days: Annotated[int, msgspec.Meta(ge=0, le=60)] | None = None


class SetIban(Input):
    """An empty one takes it away."""

    iban: Number


class PartyView(msgspec.Struct, frozen=True):
    """The public face of a party."""

    id: UUID
    kind: PartyKind
    name: str
    commune: str


class PartyDetails(msgspec.Struct, frozen=True):
    """A party as its own people and staff see it; of the IBAN, the two ends."""

    id: UUID
    kind: PartyKind
    name: str
    commune: str
    legal_name: str
    siren: str | None
    siret: str | None
    vat_number: str | None
    street: str
    postcode: str
    language: str
    iban: str | None
    members_give_deposits: bool
    payment_days: int
    version: int


class SeatView(msgspec.Struct, frozen=True):
    party: PartyView
    role: Role


class ColleagueView(msgspec.Struct, frozen=True):
    """Somebody who acts for a party, as the others who do see them."""

    id: UUID
    name: str
    role: Role


class ChangeRole(Input):
    role: Role


class Invite(Input):
    """`note` reminds the party's people whom the link is for."""

    role: Role = Role.MEMBER
    note: OptionalLine = ""


class InvitationView(msgspec.Struct, frozen=True):
    id: UUID
    role: Role
    note: str
    expires_at: datetime


class NewInvitation(msgspec.Struct, frozen=True):
    """Told once: whoever has the token may take the seat."""

    id: UUID
    role: Role
    note: str
    expires_at: datetime
    token: str
    link: str


class AcceptInvitation(Input):
    token: Token


class Me(msgspec.Struct, frozen=True):
    id: UUID
    email: str | None
    phone: str | None
    name: str
    language: str
    seats: list[SeatView]
    staff: StaffRole | None
    in_their_place: bool


class SessionView(msgspec.Struct, frozen=True):
    """One device that is signed in, or a member of staff in one's place, with the reason."""

    id: UUID
    device: str
    created_at: datetime
    used_at: datetime
    current: bool
    reason: str | None


class AuditView(msgspec.Struct, frozen=True):
    """Something done in a person's name; `by_staff` says that it was not done by themselves."""

    id: UUID
    at: datetime
    verb: str
    object_kind: str
    object_id: UUID
    party_id: UUID | None
    session_id: UUID | None
    by_staff: bool
    facts: dict[str, Any]


class FoundPerson(msgspec.Struct, frozen=True):
    id: UUID
    name: str
    seats: list[SeatView]


class Impersonate(Input):
    """The person is shown the reason, and everything that is done."""

    person_id: UUID
    reason: Annotated[str, msgspec.Meta(min_length=10, max_length=500, pattern=rf"^[^{UNSEEN}]*$(?!\n)")]


class InTheirPlace(msgspec.Struct, frozen=True):
    """An access token that speaks for the person until `expires_at`; it is not renewed."""

    access_token: str
    expires_at: datetime


class Adhesion(msgspec.Struct, frozen=True):
    """A party's membership of a cooperative: asked for, then approved."""

    party: PartyView
    approved: bool


class AskToJoin(Input):
    party_id: UUID
