"""What travels over the wire about people and parties."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec

from votremachine.accounts.rules import PartyKind, Role
from votremachine.infra.wire import UNSEEN, Input, Line

# One @ between two parts that no header or angle bracket can hide in; only a message sent there proves an address.
_PART = rf"[^@\s<>\",;{UNSEEN}]+"
_EMAIL = rf"^{_PART}@{_PART}\.{_PART}$(?!\n)"
Email = Annotated[str, msgspec.Meta(max_length=254, pattern=_EMAIL)]
Password = Annotated[str, msgspec.Meta(min_length=10, max_length=200)]


class Register(Input):
    email: Email
    password: Password
    name: Line
    language: Literal["fr", "en"] = "fr"


class SignIn(Input):
    email: Email
    password: Annotated[str, msgspec.Meta(max_length=200)]


class Refresh(Input):
    refresh_token: Annotated[str, msgspec.Meta(max_length=200)]


class TokenPair(msgspec.Struct, frozen=True):
    """`access_token` goes into `Authorization: Bearer …` for `expires_in` seconds; `refresh_token` gets the next."""

    access_token: str
    refresh_token: str
    expires_in: int


class CreateParty(Input):
    kind: PartyKind
    name: Line
    commune: Line


class PartyView(msgspec.Struct, frozen=True):
    id: UUID
    kind: PartyKind
    name: str
    commune: str


class SeatView(msgspec.Struct, frozen=True):
    party: PartyView
    role: Role


class Me(msgspec.Struct, frozen=True):
    id: UUID
    email: str
    name: str
    language: str
    seats: list[SeatView]


class Adhesion(msgspec.Struct, frozen=True):
    """A party's membership of a cooperative: asked for, then approved."""

    party: PartyView
    approved: bool


class AskToJoin(Input):
    party_id: UUID
