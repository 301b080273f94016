"""The platform's fee is the operator's to set, and a booking keeps that of its day."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import msgspec
import pytest

from tests.bookings.paying.conftest import Till
from tests.bookings.paying.test_confirming import paid
from tests.bookings.paying.test_following import ledger
from tests.bookings.paying.test_moving import costs, evening, extended, morning
from tests.people import Json, Person, World, at
from votremachine.app import create_app
from votremachine.bookings.waiting.jobs import offer_freed
from votremachine.config import BadSetting, Settings, read_settings
from votremachine.payments.rules.splitting import Fee


@asynccontextmanager
async def dearer(settings: Settings, renter: Person) -> AsyncIterator[Person]:
    """The renter, at a service whose operator takes 12.5 %, with 10 % VAT on it."""
    app = create_app(msgspec.structs.replace(settings, platform_fee_bp=1_250, platform_fee_vat_bp=1_000))
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://dearer") as http:
        yield Person(http, renter.email, renter.token, renter.party_id)


def shared(booking: Json, fee: int, vat: int) -> dict[str, int]:
    """What the ledger says of a rental that was paid, where the platform takes these basis points."""
    total, net = costs(booking)
    of_net = (2 * net * fee + 10_000) // 20_000
    on_it = (2 * of_net * vat + 10_000) // 20_000
    return {"gateway": total, "owner_pending": -(total - of_net - on_it), "fees": -of_net, "vat_collected": -on_it}


async def test_a_booking_keeps_the_fee_of_its_day(till: Till, settings: Settings, renter: Person, tractor: str) -> None:
    async with dearer(settings, renter) as then:
        booking = (await then.book([tractor], morning(3), evening(3))).json()
    # By now the operator takes 8 % again: what is charged, and what it costs later, is as it was booked.
    assert (await renter.act(booking["id"], "confirm", paid(await till.card()))).status_code == 200
    await till.work()
    assert await ledger(till) == shared(booking, 1_250, 1_000)
    assert (await extended(renter, booking, evening(4))).status_code == 200
    await till.work()
    now = (await renter.get(f"/bookings/{booking['id']}")).json()
    assert costs(now)[1] == 24_000
    assert await ledger(till) == shared(now, 1_250, 1_000)
    assert (await renter.act(booking["id"], "cancel", {})).status_code == 200
    await till.work()
    assert await ledger(till) == {}


async def test_who_waited_books_at_the_fee_of_the_day_as_well(
    till: Till, settings: Settings, world: World, renter: Person, tractor: str
) -> None:
    other = await world.farmer("other@ferme.example", "Ferme de la Leyre")
    first = (await other.book([tractor], at(3), at(4))).json()
    waiting = {"start": at(3).isoformat(), "end": at(4).isoformat()}
    await renter.made(f"/machines/{tractor}/waiting", waiting, Idempotency_Key=str(uuid4()))
    assert (await other.act(first["id"], "cancel", {})).status_code == 200
    taken = msgspec.structs.replace(settings, platform_fee_bp=0)
    assert await offer_freed({"database": till.database, "settings": taken}) == 1
    (held,) = (await renter.get("/bookings?state=held")).json()["items"]
    assert (await renter.act(held["id"], "confirm", paid(await till.card()))).status_code == 200
    await till.work()
    total, _ = costs(held)
    assert await ledger(till) == {"gateway": total, "owner_pending": -total}


def test_it_is_read_from_the_environment() -> None:
    set_to = {"VOTREMACHINE_PLATFORM_FEE_BP": "650", "VOTREMACHINE_PLATFORM_FEE_VAT_BP": "0"}
    assert Fee.of(read_settings(set_to)) == Fee(650, 0)
    assert Fee.of(read_settings({})) == Fee(800, 2_000)
    with pytest.raises(BadSetting):
        read_settings({"VOTREMACHINE_PLATFORM_FEE_BP": "5001"})
