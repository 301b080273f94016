"""What a card may say, and which of several is charged by."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given

from tests.pricing.calendars import seasons
from votremachine.kernel.errors import DomainError
from votremachine.pricing.rules.card import (
    Conditions,
    Fuel,
    FuelPolicy,
    LitreWithoutPrice,
    NotARate,
    Operator,
    Rate,
    RateCard,
    SameUnitTwice,
    Season,
    SeasonEndsFirst,
    SeasonsOverlap,
    Unit,
    WeekendAlone,
    applicable,
    check_card,
)

DAY = (Rate(Unit.DAY, 100),)
JUNE = Season("juin", date(2026, 6, 1), date(2026, 6, 30), 12_000)
CUMA, OTHER = UUID(int=1), UUID(int=2)


def card(number: int, cooperative: UUID | None = None) -> RateCard:
    return RateCard(UUID(int=number), UUID(int=9), DAY, cooperative_id=cooperative)


@pytest.mark.parametrize(
    ("rates", "conditions", "error", "pointer"),
    [
        (DAY * 2, Conditions(), SameUnitTwice, "/rates"),
        ((Rate(Unit.LITRE, 1),), Conditions(), NotARate, "/rates/0/unit"),
        ((*DAY, Rate(Unit.LUMP, 1)), Conditions(), NotARate, "/rates/1/unit"),
        ((Rate(Unit.WEEKEND, 1), Rate(Unit.HECTARE, 1)), Conditions(), WeekendAlone, "/rates"),
        (DAY, Conditions(operator=Operator(DAY * 2)), SameUnitTwice, "/operator/rates"),
        (DAY, Conditions(operator=Operator((Rate(Unit.LUMP, 1),))), NotARate, "/operator/rates/0/unit"),
        (DAY, Conditions(fuel=Fuel(FuelPolicy.PER_LITRE, 0)), LitreWithoutPrice, "/fuel/litre_minor"),
        (DAY, Conditions(fuel=Fuel(FuelPolicy.INCLUDED, 150)), LitreWithoutPrice, "/fuel/litre_minor"),
        (
            DAY,
            Conditions(seasons=(Season("à l'envers", date(2026, 6, 2), date(2026, 6, 1), 1),)),
            SeasonEndsFirst,
            "/seasons/0/last",
        ),
        (
            DAY,
            Conditions(seasons=(JUNE, Season("été", date(2026, 6, 30), date(2026, 9, 1), 1))),
            SeasonsOverlap,
            "/seasons/1",
        ),
        (
            DAY,
            Conditions(seasons=(JUNE, Season("moisson", date(2026, 6, 10), date(2026, 6, 12), 1))),
            SeasonsOverlap,
            "/seasons/1",
        ),
    ],
)
def test_a_card_that_cannot_be(
    rates: tuple[Rate, ...], conditions: Conditions, error: type[DomainError], pointer: str
) -> None:
    with pytest.raises(error) as refused:
        check_card(rates, conditions)
    assert refused.value.pointer == pointer
    assert refused.value.sentence("fr") != refused.value.sentence("en")


@given(seasons())
def test_seasons_may_meet_and_leave_gaps_in_any_order(some: tuple[Season, ...]) -> None:
    check_card(DAY, Conditions(seasons=tuple(reversed(some))))


def test_a_member_is_charged_by_the_members_card_and_nobody_else() -> None:
    public, members, newer = card(1), card(2, CUMA), card(3, OTHER)
    assert applicable([public, members], {CUMA}) == members
    assert applicable([members, public], set()) == public
    assert applicable([public, members, newer], {CUMA, OTHER}) == newer
    assert applicable([members], {OTHER}) is None
    assert applicable([], {CUMA}) is None
