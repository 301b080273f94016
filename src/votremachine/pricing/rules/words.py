"""A quote in words, French and English: what cancelling costs, who pays the fuel, what is settled after use. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from votremachine.fleet.rules import Cancellation
from votremachine.pricing.rules.card import Conditions, FuelPolicy, RateCard
from votremachine.pricing.rules.lines import Line

Said = tuple[str, str]  # French, English

CANCELLATION: Mapping[Cancellation, Said] = {
    Cancellation.FLEXIBLE: (
        "Annulation gratuite jusqu'à 24 heures avant le début ; ensuite, la moitié du prix est due.",
        "Cancelling is free until 24 hours before the start; after that half of the price is due.",
    ),
    Cancellation.MODERATE: (
        "Annulation gratuite jusqu'à 5 jours avant le début, puis la moitié du prix ; la totalité dans les 24 dernières"
        " heures.",
        "Cancelling is free until 5 days before the start, then half of the price; all of it within the last 24 hours.",
    ),
    Cancellation.STRICT: (
        "Annulation gratuite jusqu'à 14 jours avant le début, puis la moitié du prix ; la totalité dans les 48"
        " dernières heures.",
        "Cancelling is free until 14 days before the start, then half of the price; all of it within the last 48"
        " hours.",
    ),
}
# A cooperative's: until when it is free, and what is due after that.
SHORT_NOTICE: Said = (
    "Annulation gratuite jusqu'à {hours} heures avant le début ; ensuite, ou si personne ne vient, {charge}.",
    "Cancelling is free until {hours} hours before the start; after that, or if nobody comes, {charge}.",
)
UNTIL_THE_START: Said = (
    "Annulation gratuite jusqu'au début ; si personne ne vient, {charge}.",
    "Cancelling is free until the start; if nobody comes, {charge}.",
)
MINIMUM: Said = ("le minimum de facturation est dû ({net} HT)", "the minimum charge is due ({net} before VAT)")
FIFTH: Said = ("un cinquième du prix est dû", "a fifth of the price is due")
WEATHER: Said = (
    "Report pour cause de météo au prix payé, dans les {hours} heures avant le début ; une période plus chère coûte la"
    " différence.",
    "The weather moves it at the price that was paid, within {hours} hours before the start; a dearer time costs the"
    " difference.",
)
FUEL: Mapping[FuelPolicy, Said] = {
    FuelPolicy.INCLUDED: ("Carburant compris.", "Fuel is included."),
    FuelPolicy.RETURNED_FULL: (
        "Carburant non compris : le matériel part et revient le plein fait.",
        "Fuel is not included: the machine leaves and comes back with a full tank.",
    ),
    FuelPolicy.PER_LITRE: (
        "Carburant non compris : le propriétaire refait le plein et facture les litres.",
        "Fuel is not included: the owner fills the tank and charges the litres.",
    ),
}
MEMBERS: Said = ("Prix adhérents de la CUMA.", "Members' price of the cooperative.")
ESTIMATED: Said = (
    "Les lignes « estimées » sont réglées après usage, d'après les quantités réelles.",
    "Lines marked as estimated are settled after use, by what was really used.",
)
ROAD: Said = (
    "Livraison : {straight} km à vol d'oiseau × 1,3 (détours de la route) = {road} km, comptés une fois.",
    "Delivery: {straight} km as the crow flies × 1.3 (roads bend) = {road} km, counted one way.",
)


def terms(
    card: RateCard,
    cancellation: Cancellation,
    lines: Sequence[Line],
    language: str,
    *,
    short_notice_hours: int,
    weather_hours: int | None = None,
) -> list[str]:
    """The sentences that go with one machine's lines, in the reader's language ("fr" or "en")."""
    english = language == "en"
    return [said[english] for said in _said(card, cancellation, lines, short_notice_hours, weather_hours)]


def _said(
    card: RateCard,
    cancellation: Cancellation,
    lines: Sequence[Line],
    short_notice_hours: int,
    weather_hours: int | None,
) -> Iterator[Said]:
    conditions: Conditions = card.conditions
    if cancellation is Cancellation.COOPERATIVE:
        yield _short_notice(card, short_notice_hours)
    else:
        yield CANCELLATION[cancellation]
    if weather_hours is not None:
        french, english = WEATHER
        yield french.format(hours=weather_hours), english.format(hours=weather_hours)
    yield FUEL[conditions.fuel.policy]
    if card.cooperative_id is not None:
        yield MEMBERS
    if any(line.estimated for line in lines):
        yield ESTIMATED
    for line in lines:
        if line.road is not None:
            straight, road = line.road.straight_m / 1000, line.road.road_m / 1000
            french = ROAD[0].format(straight=f"{straight:.1f}".replace(".", ","), road=f"{road:.1f}".replace(".", ","))
            yield french, ROAD[1].format(straight=f"{straight:.1f}", road=f"{road:.1f}")


def _short_notice(card: RateCard, hours: int) -> Said:
    minimum = card.conditions.minimum_minor
    charge = MINIMUM if minimum else FIFTH
    french, english = SHORT_NOTICE if hours else UNTIL_THE_START
    euros, cents = divmod(minimum, 100)
    said_in_french = charge[0].format(net=f"{euros},{cents:02d} {card.currency}")
    said_in_english = charge[1].format(net=f"{card.currency} {euros}.{cents:02d}")
    return french.format(hours=hours, charge=said_in_french), english.format(hours=hours, charge=said_in_english)
