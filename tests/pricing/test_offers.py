"""The token of a quote: ours, alive, and for just what is booked."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.infra.keys import Keys
from votremachine.infra.pages import Cursors
from votremachine.kernel.span import Span
from votremachine.pricing.offers import LONGEST_TOKEN, Offers
from votremachine.pricing.rules.card import Unit
from votremachine.pricing.rules.delivery import Road
from votremachine.pricing.rules.offer import (
    Offer,
    OfferedMachine,
    QuoteAltered,
    QuoteExpired,
    QuoteForOther,
    check_kept,
    check_offer,
)
from votremachine.pricing.rules.price import Extras

SECRET = "a secret for the tests, 32 bytes and more"
KEYS = Keys(SECRET)
OFFERS = Offers(KEYS)
NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
SPAN = Span(NOW + timedelta(days=1), NOW + timedelta(days=2))
RENTER, ONE, OTHER = (UUID(int=number) for number in (1, 2, 3))
EXTRAS = Extras(operator=True, road=Road(10_000, 13_000), use={Unit.HECTARE: 12_500})
OFFER = Offer(
    RENTER,
    SPAN.start,
    SPAN.end,
    (OfferedMachine(ONE, UUID(int=9), EXTRAS), OfferedMachine(OTHER, UUID(int=8), Extras())),
    100_000,
    123_456,
    NOW + timedelta(minutes=30),
)


def test_what_is_written_is_read_until_it_is_over() -> None:
    token = OFFERS.write(OFFER)
    assert OFFERS.read(token, NOW) == OFFER
    assert OFFERS.read(token, OFFER.until - timedelta(microseconds=1)) == OFFER
    with pytest.raises(QuoteExpired):
        OFFERS.read(token, OFFER.until)


def test_the_longest_token_is_accepted() -> None:
    full = Extras(operator=True, road=Road(500_000, 650_000), use=dict.fromkeys(Unit, 10**9))
    ten = tuple(OfferedMachine(UUID(int=2**127 + n), UUID(int=2**127 + n), full) for n in range(10))
    assert len(OFFERS.write(msgspec.structs.replace(OFFER, machines=ten))) < LONGEST_TOKEN
    assert len(OFFERS.write(msgspec.structs.replace(OFFER, machines=OFFER.machines[1:]))) < 256


@given(st.data())
def test_one_altered_character_is_noticed(data: st.DataObject) -> None:
    token = OFFERS.write(OFFER)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/. é"))
    if other != token[place]:
        with pytest.raises(QuoteAltered):
            OFFERS.read(token[:place] + other + token[place + 1 :], NOW)


@given(st.text(max_size=300))
def test_nonsense_is_not_ours(text: str) -> None:
    with pytest.raises(QuoteAltered):
        OFFERS.read(text, NOW)


@pytest.mark.parametrize("more", ["A", "=", "==", "\n", " "])
def test_nor_is_a_token_with_something_after_it(more: str) -> None:
    with pytest.raises(QuoteAltered):
        OFFERS.read(OFFERS.write(OFFER) + more, NOW)


def test_another_secret_and_another_use_of_ours_do_not_sign_quotes() -> None:
    with pytest.raises(QuoteAltered):
        OFFERS.read(Offers(Keys(SECRET.upper())).write(OFFER), NOW)
    body = urlsafe_b64decode(OFFERS.write(OFFER) + "==")[16:]
    cursor = urlsafe_b64decode(Cursors(KEYS).write("votremachine offer", [1]) + "==")[:12]
    with pytest.raises(QuoteAltered):
        OFFERS.read(urlsafe_b64encode(cursor + bytes(4) + body).decode().rstrip("="), NOW)


@pytest.mark.parametrize(
    ("renter", "machines", "span", "differs"),
    [
        (ONE, [ONE, OTHER], SPAN, "renter"),
        (RENTER, [ONE], SPAN, "machines"),
        (RENTER, [ONE, OTHER, RENTER], SPAN, "machines"),
        (RENTER, [ONE, OTHER], SPAN.widened(timedelta(0), timedelta(seconds=1)), "period"),
        (RENTER, [ONE, OTHER], SPAN.widened(timedelta(seconds=1), timedelta(0)), "period"),
    ],
)
def test_an_offer_is_for_one_party_its_machines_and_its_time(
    renter: UUID, machines: list[UUID], span: Span, differs: str
) -> None:
    with pytest.raises(QuoteForOther) as refused:
        check_offer(OFFER, renter, machines, span)
    assert refused.value.facts == {"differs": differs}
    check_offer(OFFER, RENTER, [OTHER, ONE], SPAN)


def test_a_total_that_the_cards_no_longer_make_is_not_kept() -> None:
    check_kept(OFFER, 123_456)
    with pytest.raises(QuoteExpired):
        check_kept(OFFER, 123_457)
