"""What goes with a price, in words."""

from uuid import UUID

import pytest

from votremachine.fleet.rules import Cancellation
from votremachine.kernel.money import Money
from votremachine.pricing.rules import words
from votremachine.pricing.rules.card import Conditions, Fuel, FuelPolicy, Rate, RateCard, Unit
from votremachine.pricing.rules.delivery import Road
from votremachine.pricing.rules.lines import Line

ID, RATES = UUID(int=1), (Rate(Unit.DAY, 1),)
LINE = Line(ID, Unit.DAY, 1, Money(1), Money(1), 2000, Money(0))


@pytest.mark.parametrize("policy", Cancellation)
@pytest.mark.parametrize("fuel", FuelPolicy)
def test_every_policy_is_said_in_both_languages(policy: Cancellation, fuel: FuelPolicy) -> None:
    card = RateCard(ID, ID, RATES, conditions=Conditions(fuel=Fuel(fuel)))
    french, english = (words.terms(card, policy, [LINE], language, short_notice_hours=24) for language in ("fr", "en"))
    assert len(french) == len(english) == 2
    assert not set(french) & set(english)


def test_members_estimates_and_roads_are_said_when_there_are_any() -> None:
    road = Line(ID, Unit.KILOMETRE, 13.3, Money(1), Money(1), 2000, Money(0), estimated=True, road=Road(10_200, 13_300))
    card = RateCard(ID, ID, RATES, cooperative_id=ID)
    french = words.terms(card, Cancellation.COOPERATIVE, [LINE, road], "fr", short_notice_hours=24)
    assert french[2:] == [
        "Prix adhérents de la CUMA.",
        "Les lignes « estimées » sont réglées après usage, d'après les quantités réelles.",
        "Livraison : 10,2 km à vol d'oiseau × 1,3 (détours de la route) = 13,3 km, comptés une fois.",
    ]
    assert "10.2 km" in words.terms(card, Cancellation.COOPERATIVE, [LINE, road], "en", short_notice_hours=24)[-1]


@pytest.mark.parametrize(
    ("hours", "minimum", "french", "english"),
    [
        (
            24,
            6_005,
            "Annulation gratuite jusqu'à 24 heures avant le début ; ensuite, ou si personne ne vient, le minimum de"
            " facturation est dû (60,05 EUR HT).",
            "Cancelling is free until 24 hours before the start; after that, or if nobody comes, the minimum charge is"
            " due (EUR 60.05 before VAT).",
        ),
        (
            0,
            0,
            "Annulation gratuite jusqu'au début ; si personne ne vient, un cinquième du prix est dû.",
            "Cancelling is free until the start; if nobody comes, a fifth of the price is due.",
        ),
    ],
)
def test_what_a_cooperative_charges_at_short_notice(hours: int, minimum: int, french: str, english: str) -> None:
    card = RateCard(ID, ID, RATES, conditions=Conditions(minimum_minor=minimum))
    for language, said in (("fr", french), ("en", english)):
        assert words.terms(card, Cancellation.COOPERATIVE, [LINE], language, short_notice_hours=hours)[0] == said
