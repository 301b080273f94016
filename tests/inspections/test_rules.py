"""What reports may say, without a database: meters, signatures drawn by hand, insurance, comparison, addresses."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inspections.test_chain import CHAIN
from votremachine.availability.maintenance.rules.readings import MeterRunsBackwards, NoReading
from votremachine.fleet.categories import categories
from votremachine.fleet.rules import Meter
from votremachine.infra.keys import Keys
from votremachine.infra.links import LIFE, LinkExpired, Links
from votremachine.inspections.checklists import checklist
from votremachine.inspections.rules import meters
from votremachine.inspections.rules.comparison import compare, pairs
from votremachine.inspections.rules.insurance import Proof, covering
from votremachine.inspections.rules.meters import LastReading, MeterJumps
from votremachine.inspections.rules.report import Content, Damage, MeterRead, Occasion
from votremachine.inspections.rules.signing import NoSignature, NotNow, OwnerSignsLast, check_drawing
from votremachine.kernel.span import Span

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
SAID = msgspec.json.decode(CHAIN[0].content, type=Content)


def test_refusals_name_sides_and_states_in_the_readers_words() -> None:
    waiting = OwnerSignsLast(missing="renter, next_renter")
    assert waiting.sentence("fr").endswith(": le locataire, le locataire suivant.")
    assert waiting.sentence("en").endswith(": the renter, the next renter.")
    assert "« confirmée »" in NotNow(state="confirmed").sentence("fr")


def read(value: str, why: str = "") -> tuple[MeterRead, ...]:
    return (MeterRead(Meter.ENGINE_HOUR, Decimal(value), why),)


@given(st.decimals(0, 9_999, places=2), st.decimals(-50, 50, places=2), st.floats(0, 48))
def test_a_meter_neither_runs_backwards_nor_jumps(before: Decimal, grown: Decimal, hours: float) -> None:
    last = {Meter.ENGINE_HOUR: LastReading(before, NOON)}
    value, later = before + grown, NOON + timedelta(hours=hours)
    asked = (MeterRead(Meter.ENGINE_HOUR, value),)
    if value < 0:
        with pytest.raises(NoReading):
            meters.checked(asked, later, last)
    elif grown < 0:
        with pytest.raises(MeterRunsBackwards):
            meters.checked(asked, later, last)
    elif grown > Decimal(str((later - NOON).total_seconds())) / 3600 + 1:
        with pytest.raises(MeterJumps):
            meters.checked(asked, later, last)
    else:
        assert meters.checked(asked, later, last)[0].value == value


def test_a_reason_lets_a_meter_go_anywhere() -> None:
    last = {Meter.ENGINE_HOUR: LastReading(Decimal(1_000), NOON)}
    for value in ("3", "5000"):
        assert meters.checked(read(value, "Compteur changé"), NOON, last)[0].value == Decimal(value)
    assert str(meters.checked(read("3.5"), NOON, {})[0].value) == "3.50", "always with two decimals: it is hashed"
    for wrong in ("-1", "10000000", "1.234", "NaN"):
        with pytest.raises(NoReading):
            meters.checked(read(wrong, "Compteur changé"), NOON, {})


def test_a_dot_is_no_signature() -> None:
    check_drawing((((0, 500), (40, 510)),))
    for drawing in (
        (((500, 500),),),
        (((500, 500), (510, 515)),),
        tuple(((0, 0), (999, 999)) * 100 for _ in range(20)),
    ):
        with pytest.raises(NoSignature):
            check_drawing(drawing)


def test_an_insurance_covers_every_local_date_of_a_rental() -> None:
    def proof(first: date, last: date, sha256: str | None = "ab") -> Proof:
        return Proof(uuid4(), uuid4(), "Groupama", "1", first, last, sha256)

    # Until 23:30 UTC, which is the next day in Paris.
    during = Span(datetime(2026, 6, 1, 8, tzinfo=UTC), datetime(2026, 6, 3, 23, 30, tzinfo=UTC))
    good = proof(date(2026, 6, 1), date(2026, 6, 4))
    assert covering([good], during, PARIS) == good
    for bad in (
        proof(date(2026, 6, 2), date(2026, 6, 4)),
        proof(date(2026, 6, 1), date(2026, 6, 3)),
        proof(date(2026, 6, 1), date(2026, 6, 4), None),
    ):
        assert covering([bad], during, PARIS) is None
    longest = proof(date(2026, 1, 1), date(2026, 12, 31))
    assert covering([good, longest], during, PARIS) == longest


def damage(number: int, what: str = "Rayure") -> Damage:
    return Damage(UUID(int=number), "Capot", what)


def test_new_damage_is_what_was_not_there_when_it_left() -> None:
    out = msgspec.structs.replace(SAID, damage=(damage(1), damage(2), damage(3)))
    back = msgspec.structs.replace(SAID, id=uuid4(), damage=(damage(1), damage(2, "Trou"), damage(4)))
    found = compare(out, back)
    assert found.new_damage == (damage(4),)
    assert found.changed_damage == ((damage(2), damage(2, "Trou")),)
    assert found.gone_damage == (damage(3),)


@given(st.decimals(0, 999, places=2), st.decimals(0, 999, places=2), st.integers(0, 8), st.integers(0, 8))
def test_what_was_used_is_the_difference(before: Decimal, after: Decimal, full: int, left: int) -> None:
    out = msgspec.structs.replace(SAID, meters=(MeterRead(Meter.ENGINE_HOUR, before),), fuel_eighths=full)
    back = msgspec.structs.replace(SAID, meters=(MeterRead(Meter.ENGINE_HOUR, after),), fuel_eighths=left)
    found = compare(out, back)
    assert [one.used for one in found.meters] == [after - before]
    assert found.fuel_eighths == left - full
    assert not compare(out, out).new_damage
    assert {one.used for one in compare(out, out).meters} == {Decimal(0)}


def test_a_pair_is_made_of_the_last_amendments_and_of_relays() -> None:
    booking, following = SAID.booking_id, uuid4()

    def said(kind: Occasion, **more: object) -> Content:
        return msgspec.structs.replace(SAID, id=uuid4(), kind=kind, **more)

    out = said(Occasion.CHECK_OUT)
    amended = said(Occasion.AMENDMENT, amends=out.id, why="Oubli")
    twice = said(Occasion.AMENDMENT, amends=amended.id, why="Encore")
    relay = said(Occasion.RELAY, next_booking_id=following)
    of_first = pairs([out, amended, relay, twice], booking)[SAID.machine_id]
    assert (of_first.check_out, of_first.check_in) == (twice, relay)
    of_second = pairs([relay], following)[SAID.machine_id]
    assert (of_second.check_out, of_second.check_in) == (relay, None)


def test_every_category_has_a_checklist_in_two_languages() -> None:
    for category in categories():
        items = checklist(category)
        assert 2 <= len(items) <= 20, category
        assert len({one.code for one in items}) == len(items)
        assert all(one.fr and one.en for one in items)
    codes = {one.code for one in checklist("mower")}
    assert {"pto_guard", "lights", "hydraulics", "knives"} <= codes
    assert "engine" not in codes
    assert checklist("spaceship") == ()


def test_an_address_is_good_for_a_while_and_for_its_own_path() -> None:
    links = Links(Keys("a secret", ["an older one"]))
    address = links.sign("/v1/x", NOON)
    path, _, query = address.partition("?")
    given_ = dict(one.split("=") for one in query.split("&"))
    expires, signature = int(given_["expires"]), given_["signature"]
    assert links.sign("/v1/x", NOON + timedelta(minutes=1)) == address, "answers repeat"
    links.check(path, expires, signature, NOON + LIFE)
    Links(Keys("a newer one", ["a secret"])).check(path, expires, signature, NOON)
    for wrong in (
        (path, expires, signature, NOON + 2 * LIFE),
        ("/v1/y", expires, signature, NOON),
        (path, expires + 900, signature, NOON),
        (path, expires, signature[:-1] + ("A" if signature[-1] != "A" else "B"), NOON),
        (path, expires, "é", NOON),
        (path, expires, "", NOON),
    ):
        with pytest.raises(LinkExpired):
            links.check(*wrong)
    with pytest.raises(LinkExpired):
        Links(Keys("another")).check(path, expires, signature, NOON)
