"""The few people of the demo world that a visitor is offered to sign in as."""

import msgspec

from votremachine.demo.world import world


class SignIn(msgspec.Struct, frozen=True):
    """`who` is a name and a party; `fr` and `en` say what a visitor does as this person."""

    email: str
    password: str
    who: str
    fr: str
    en: str


def _offer(party_key: str, fr: str, en: str) -> SignIn:
    party = next(one for one in world().parties if one.key == party_key)
    person = next(one for one in world().people if one.key == party.admin)
    return SignIn(person.email, world().password, f"{person.name}, {party.name}", fr, en)


SIGN_INS = (
    _offer(
        "airial",
        "Agricultrice\N{NO-BREAK SPACE}: loue, prête, et tient le planning de sa CUMA.",
        "A farmer: rents, lends, and keeps her cooperative’s calendar.",
    ),
    _offer(
        "whitcombe",
        "Agriculteur\N{NO-BREAK SPACE}: valide chaque demande pour son tracteur.",
        "A farmer: approves each request for his tractor.",
    ),
    _offer(
        "cuma-garluche",
        "Président de CUMA\N{NO-BREAK SPACE}: le parc, les adhérents, les réservations.",
        "Runs a cooperative: its fleet, its members, their bookings.",
    ),
    _offer(
        "bruyere",
        "Agricultrice\N{NO-BREAK SPACE}: son tracteur est revenu abîmé, états des lieux et déclaration à l’appui.",
        "A farmer: her tractor came back dented; the condition reports and her claim say so.",
    ),
    _offer(
        "eta-bergantas",
        "Entrepreneur de travaux agricoles\N{NO-BREAK SPACE}: ses machines sur demande.",
        "An agricultural contractor: his machines on request.",
    ),
)
