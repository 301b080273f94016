"""What lines come to, which number comes when, and why a payment is refused."""

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.accounts.identity import Identity
from votremachine.fleet.rules import Texts
from votremachine.invoicing.rules.invoice import (
    Cause,
    CreditedAlready,
    Invoice,
    InvoiceSettled,
    Means,
    MoreThanDue,
    NotCreditable,
    NotPayable,
    PaidByCard,
    Payment,
    PaymentDateOff,
    PaymentKnown,
    Standing,
    State,
    check_creditable,
    check_payment,
    standing,
    state_after,
)
from votremachine.invoicing.rules.numbering import Kind, day_of, due_on, number_of, series_of
from votremachine.invoicing.rules.sums import Category, Line, SumsDiffer, net_of, totals, vat_groups
from votremachine.invoicing.rules.wording import mentions
from votremachine.kernel.errors import DomainError
from votremachine.kernel.money import share
from votremachine.pricing.rules.card import Unit

TODAY = date(2026, 7, 29)
RATES = (0, 550, 1000, 2000)


def line(unit_minor: int, thousandths: int, rate: int = 2000) -> Line:
    category = Category.STANDARD if rate else Category.EXEMPT
    net = net_of(unit_minor, thousandths)
    return Line(Texts("Location", "Rental"), thousandths, Unit.DAY, unit_minor, net, rate, category)


lines = st.lists(
    st.builds(line, st.integers(0, 10**7), st.integers(0, 10**6), st.sampled_from(RATES)), min_size=1, max_size=12
)


def rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def invoice(**changed: Any) -> Invoice:
    party = Identity("Ferme", "", "", "", "Dax")
    given: dict[str, Any] = {
        "id": UUID(int=1),
        "kind": Kind.INVOICE,
        "series": "VM2026",
        "position": 123,
        "issuer_party_id": UUID(int=2),
        "customer_party_id": UUID(int=3),
        "issuer": party,
        "customer": party,
        "cause": Cause.RENTAL,
        "cause_id": UUID(int=4),
        "booking_id": UUID(int=4),
        "credits_id": None,
        "issued_on": TODAY,
        "due_on": due_on(TODAY, 30),
        "supplied_from": None,
        "supplied_until": None,
        "currency": "EUR",
        "net": 10_000,
        "vat": 2_000,
        "gross": 12_000,
        "rounding": 0,
        "payable": 12_000,
        "lines": 1,
        "reason": "",
        "created_at": datetime(2026, 7, 29, tzinfo=UTC),
        "state": State.ISSUED,
    }
    return Invoice(**(given | changed))


def payment(minor: int = 1_000, received_on: date = TODAY, reference: str = "") -> Payment:
    return Payment(uuid4(), minor, Means.TRANSFER, received_on, reference, UUID(int=9), datetime.now(UTC))


@given(st.integers(0, 10**9), st.integers(0, 10**7))
def test_a_net_is_its_product_to_the_cent_half_up(unit_minor: int, thousandths: int) -> None:
    assert net_of(unit_minor, thousandths) == rounded(Decimal(unit_minor) * thousandths / 1000)


@given(lines)
def test_vat_is_taken_once_for_each_rate_and_sums_are_exact(several: list[Line]) -> None:
    groups, sums = vat_groups(several), totals(several)
    assert len({(one.category, one.rate) for one in groups}) == len(groups)
    for one in groups:
        net = sum(each.net for each in several if (each.category, each.vat) == (one.category, one.rate))
        assert (one.net, one.vat) == (net, rounded(Decimal(net) * one.rate / 10_000))
    assert sums.net == sum(each.net for each in several) == sum(one.net for one in groups)
    assert sums.vat == sum(one.vat for one in groups)
    assert sums.payable == sums.gross == sums.net + sums.vat


@given(lines)
def test_what_a_quote_told_line_by_line_is_what_is_to_be_paid(several: list[Line]) -> None:
    charged = sum(each.net + share(each.net, each.vat) for each in several)
    sums = totals(several, charged)
    assert sums.payable == charged
    assert abs(sums.rounding) <= len(several)


def test_two_halves_of_a_cent_are_one_and_told_as_rounding() -> None:
    several = [line(13, 1000), line(13, 1000)]
    sums = totals(several, 32)
    assert (sums.net, sums.vat, sums.gross, sums.rounding, sums.payable) == (26, 5, 31, 1, 32)


@given(lines, st.integers(100, 10**6))
def test_a_difference_that_is_no_rounding_is_a_fault(several: list[Line], off: int) -> None:
    with pytest.raises(SumsDiffer):
        totals(several, totals(several).gross + off)


@given(st.dates(), st.integers(1, 10**7))
def test_a_number_names_its_kind_year_and_place(day: date, position: int) -> None:
    for kind, prefix in ((Kind.INVOICE, "VM"), (Kind.CREDIT_NOTE, "VMA")):
        number = number_of(series_of(kind, day), position)
        assert number == f"{prefix}{day.year}-{position:06d}"
        assert int(number.rpartition("-")[2]) == position


def test_numbers_look_as_people_quote_them() -> None:
    assert invoice().number == "VM2026-000123"


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 12, 31, 22, 59, tzinfo=UTC), date(2026, 12, 31)),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), date(2027, 1, 1)),  # it is midnight in France
        (datetime(2026, 7, 31, 22, 0, tzinfo=UTC), date(2026, 8, 1)),  # and in summer an hour earlier
    ],
)
def test_an_invoice_has_the_date_of_france(instant: datetime, day: date) -> None:
    assert day_of(instant) == day


@given(st.dates(max_value=date(2100, 1, 1)), st.integers(0, 60))
def test_an_invoice_is_overdue_the_day_after_it_was_due_and_by_nothing_else(issued: date, days: int) -> None:
    due = due_on(issued, days)
    assert (due - issued).days == days
    one = invoice(issued_on=issued, due_on=due)
    assert standing(one, due) is Standing.ISSUED
    assert standing(one, due + timedelta(days=1)) is Standing.OVERDUE
    for state in (State.PAID, State.CREDITED):
        assert standing(invoice(due_on=due, state=state), due + timedelta(days=900)) == Standing(state)


@given(st.integers(1, 10**9), st.lists(st.integers(1, 10**9), max_size=6), st.booleans())
def test_however_it_is_paid_it_stands_as_what_came_in_says(payable: int, parts: list[int], taken_back: bool) -> None:
    one = invoice(payable=payable)
    paid = 0
    for minor in parts:
        try:
            check_payment(
                invoice(payable=payable, paid=paid, state=state_after(payable, paid, 0)), payment(minor), {}, TODAY
            )
        except (MoreThanDue, InvoiceSettled):
            continue
        paid += minor
    credited = payable if taken_back else 0
    one = invoice(payable=payable, paid=paid, credited=credited, state=state_after(payable, paid, credited))
    assert 0 <= paid <= payable
    assert (one.due == 0) == (paid == payable or taken_back)
    assert one.state is (State.CREDITED if taken_back else State.PAID if paid == payable else State.ISSUED)


KNOWN = payment(reference="N° 17")


@pytest.mark.parametrize(
    ("one", "paid", "why"),
    [
        (invoice(kind=Kind.CREDIT_NOTE, cause=Cause.CREDIT), payment(), NotPayable),
        (invoice(cause=Cause.CARD_RENTAL), payment(), PaidByCard),
        (invoice(paid=12_000, state=State.PAID), payment(), InvoiceSettled),
        (invoice(credited=12_000, state=State.CREDITED), payment(), InvoiceSettled),
        (invoice(paid=11_001), payment(), MoreThanDue),
        (invoice(), payment(received_on=TODAY + timedelta(days=1)), PaymentDateOff),
        (invoice(), payment(received_on=TODAY - timedelta(days=367)), PaymentDateOff),
        (invoice(), payment(reference="N° 17"), PaymentKnown),
        (invoice(paid=11_000), payment(), None),
        (invoice(), payment(reference="N° 18"), None),
        (invoice(cause=Cause.CLAIM), payment(received_on=TODAY - timedelta(days=3)), None),
    ],
)
def test_why_a_payment_is_refused(one: Invoice, paid: Payment, why: type[DomainError] | None) -> None:
    known = {KNOWN.same: KNOWN}
    if why is None:
        check_payment(one, paid, known, TODAY)
        return
    with pytest.raises(why) as refused:
        check_payment(one, paid, known, TODAY)
    assert refused.value.sentence("fr") != refused.value.sentence("en")


def test_only_what_is_on_account_is_taken_back_and_once() -> None:
    check_creditable(invoice())
    for cause in (Cause.CARD_RENTAL, Cause.CLAIM, Cause.CREDIT):
        with pytest.raises(NotCreditable):
            check_creditable(invoice(cause=cause))
    with pytest.raises(CreditedAlready):
        check_creditable(invoice(credited=12_000, state=State.CREDITED))


@pytest.mark.parametrize(
    ("one", "category", "said", "unsaid"),
    [
        (invoice(), Category.STANDARD, ("prestation de services", "441-10", "40 €"), ("293 B", "Indemnité")),
        (invoice(), Category.EXEMPT, ("293 B",), ("Indemnité",)),
        (invoice(cause=Cause.CLAIM), Category.OUTSIDE, ("hors du champ", "441-10"), ("prestation de services",)),
        (
            invoice(kind=Kind.CREDIT_NOTE, cause=Cause.CREDIT),
            Category.STANDARD,
            ("Annule la facture VM2026-000123 du 29/07/2026",),
            ("441-10",),
        ),
    ],
)
def test_what_the_law_wants_is_said(
    one: Invoice, category: Category, said: tuple[str, ...], unsaid: tuple[str, ...]
) -> None:
    rate = 2000 if category is Category.STANDARD else 0
    group = vat_groups([Line(Texts("a", "b"), 1000, Unit.LUMP, 100, 100, rate, category)])
    taken_back = invoice() if one.kind is Kind.CREDIT_NOTE else None
    text = " ".join(each.fr for each in mentions(one, group, taken_back))
    assert [part for part in said if part not in text] == []
    assert [part for part in unsaid if part in text] == []
    assert "au nom et pour le compte de Ferme" in text
