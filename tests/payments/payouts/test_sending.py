"""Payouts that go to owners' accounts at Stripe: once each, whatever was heard, and nobody else's."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.payments.conftest import stripe_server
from tests.payments.payouts.test_payouts import made, newest, owner, rented, stands, swept
from votremachine.config import BadSetting, Settings, read_settings
from votremachine.infra.database import Database
from votremachine.kernel.money import Money
from votremachine.payments.gateway import OutcomeUnknown
from votremachine.payments.payouts.jobs import REFUSED, send_payouts
from votremachine.payments.payouts.rules import accounts_of
from votremachine.payments.payouts.service import mark_sent
from votremachine.payments.simulated.gateway import SimulatedGateway
from votremachine.payments.stripe.gateway import StripeGateway

__all__ = ["owner"]
# Stripe's client speaks to httpx as older versions of it wanted.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

SECRET = "sk_test_payouts"


class Deaf(StripeGateway):
    """Pays, and does not hear that it did."""

    async def pay_out(self, account: str, amount: Money, key: UUID) -> str:
        await super().pay_out(account, amount, key)
        raise OutcomeUnknown("the line broke")


@pytest.fixture(scope="module")
def url() -> Any:
    with stripe_server() as made_url:
        yield made_url


async def sent(
    database: Database, url: str, owner: UUID, account: str, kind: type[StripeGateway] = StripeGateway
) -> int:
    gateway = kind(SECRET, api_base=url)
    settings = Settings(stripe_accounts=f"{owner}={account}")
    try:
        return await send_payouts({"database": database, "gateway": gateway, "settings": settings})
    finally:
        await gateway.close()


async def turned(url: str, *, days: int) -> None:
    """Stripe's clock goes on."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {SECRET}"}) as stripe:
        assert (await stripe.post(f"{url}/_clock", data={"ahead": str(days * 86_400)})).status_code == 200


async def arrived(url: str, account: str) -> list[int]:
    """What Stripe transferred to an account, in cents."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {SECRET}"}) as stripe:
        listed = (await stripe.get(f"{url}/v1/transfers")).json()["data"]
    return [one["amount"] for one in listed if one["destination"] == account]


async def test_what_is_payable_is_paid_into_the_owners_account(database: Database, owner: UUID, url: str) -> None:
    await rented(database, owner)
    await swept(database)
    assert await sent(database, url, owner, "acct_plain") == 1
    assert await made(database) == [("paid", 10_560, "")]
    assert await stands(database, owner) == (0, 0, 0)
    assert await sent(database, url, owner, "acct_plain") == 0
    assert await arrived(url, "acct_plain") == [10_560]


async def test_what_nobody_heard_of_is_paid_once(database: Database, owner: UUID, url: str) -> None:
    """Not even once its key is forgotten."""
    await rented(database, owner)
    await swept(database)
    for _ in range(2):
        assert await sent(database, url, owner, "acct_deaf", Deaf) == 0
        assert await made(database) == [("sent", 10_560, "stripe")]
    await turned(url, days=2)
    assert await sent(database, url, owner, "acct_deaf") == 1
    assert (await made(database))[0][0] == "paid"
    assert await arrived(url, "acct_deaf") == [10_560]


async def test_several_workers_pay_once(database: Database, owner: UUID, url: str) -> None:
    await rented(database, owner)
    await swept(database)
    tried = await asyncio.gather(*(sent(database, url, owner, "acct_many") for _ in range(4)))
    assert sum(tried) <= 1
    await sent(database, url, owner, "acct_many")
    assert (await made(database))[0][0] == "paid"
    assert await arrived(url, "acct_many") == [10_560]
    assert await stands(database, owner) == (0, 0, 0)


async def test_an_account_that_cannot_be_paid(database: Database, owner: UUID, url: str) -> None:
    await rented(database, owner)
    await swept(database)
    assert await sent(database, url, owner, "acct_closed") == 0
    assert await made(database) == [("failed", 10_560, REFUSED)]
    assert await stands(database, owner) == (0, -10_560, 0)


async def test_what_is_somebody_elses_is_left_alone(database: Database, owner: UUID, url: str) -> None:
    """An operator pays it at the bank; the simulated gateway pays nobody; and of other owners nothing is known."""
    await rented(database, owner)
    await swept(database)
    assert await sent(database, url, UUID(int=7), "acct_other") == 0
    simulated = {"database": database, "gateway": SimulatedGateway(database)}
    settings = Settings(stripe_accounts=f"{owner}=acct_other")
    assert await send_payouts({**simulated, "settings": settings}) == 0
    assert (await made(database))[0][0] == "payable"
    payout = await newest(database)
    async with database.begin() as tx:
        await mark_sent(tx, payout)
    assert await sent(database, url, owner, "acct_other") == 0
    assert await made(database) == [("sent", 10_560, "")]
    assert await arrived(url, "acct_other") == []


def test_accounts_are_a_setting() -> None:
    one, other = UUID(int=1), UUID(int=2)
    setting = {"VOTREMACHINE_STRIPE_ACCOUNTS": f"{one}=acct_1 {other}=acct_2"}
    assert accounts_of(read_settings(setting).stripe_accounts) == {one: "acct_1", other: "acct_2"}
    assert accounts_of("") == {}
    with pytest.raises(BadSetting):
        read_settings({"VOTREMACHINE_STRIPE_ACCOUNTS": "acct_1"})
