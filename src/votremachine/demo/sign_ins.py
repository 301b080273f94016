"""The few people of the demo world that a visitor is offered to sign in as."""

import msgspec

from votremachine.demo.world import world


class SignIn(msgspec.Struct, frozen=True):
    email: str
    password: str
    who: str


# A farmer who rents, one who owns, and the two who run a cooperative's fleet and a contractor's.
_OFFERED = ("airial", "cuma-garluche", "cuma-tuc", "eta-bergantas")


def _offer(key: str) -> SignIn:
    party = next(one for one in world().parties if one.key == key)
    person = next(one for one in world().people if one.key == party.admin)
    return SignIn(person.email, world().password, f"{person.name}, {party.name}")


SIGN_INS = tuple(_offer(key) for key in _OFFERED)
