"""Which browsers are taken as devices, and from whom."""

import pytest

from tests.notifications.browsers import Browser
from tests.people import Person
from votremachine.notifications.devices.service import MOST_DEVICES

THERE = "https://fcm.googleapis.com/fcm/send/one"


async def named(person: Person) -> list[str]:
    return [one["name"] for one in (await person.get("/devices")).json()["items"]]


async def test_a_browser_belongs_to_who_is_signed_in_there_now(owner: Person, renter: Person) -> None:
    """And it is their newest: it does not go for being known for long."""
    shared = Browser(THERE).subscription
    await owner.made("/devices", shared)
    for number in range(MOST_DEVICES):
        await renter.made("/devices", Browser(f"{THERE}/{number}").subscription | {"name": str(number)})
    await renter.made("/devices", shared | {"name": "shared"})
    assert await named(owner) == []
    assert await named(renter) == [*map(str, range(1, MOST_DEVICES)), "shared"]


async def test_an_address_alone_takes_nobody_s_browser(owner: Person, renter: Person) -> None:
    mine = Browser(THERE).subscription
    await owner.made("/devices", mine)
    refused = await renter.post("/devices", Browser(THERE).subscription, Accept_Language="fr")
    assert (refused.status_code, refused.json()["code"]) == (409, "device_of_another")
    assert refused.json()["detail"].startswith("Quelqu'un d'autre")
    assert (await named(owner), await named(renter)) == (["Firefox"], [])
    # One's own may have new keys.
    again = await owner.made("/devices", Browser(THERE).subscription | {"name": "renewed"})
    assert await named(owner) == [again["name"]] == ["renewed"]


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example/x",
        "webcal://push.example/x",
        "https://169.254.169.254/x",
        "https://127.0.0.1/",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://localhost:6379/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://10.0.0.1/",
        "https://fcm.googleapis.com:22/",
        "https://me:secret@push.example/",
    ],
)
async def test_no_push_service_is_there(renter: Person, endpoint: str) -> None:
    refused = await renter.post("/devices", Browser(endpoint).subscription)
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_subscription")
    assert refused.json()["errors"][0]["pointer"] == "/endpoint"
    assert await named(renter) == []


@pytest.mark.parametrize(
    "endpoint", ["https://[2606:4700::1111]/x", "https://1.1.1.1:8443/x", "https://push.example/x"]
)
async def test_here_one_may_be(renter: Person, endpoint: str) -> None:
    await renter.made("/devices", Browser(endpoint).subscription)


@pytest.mark.parametrize(
    ("key", "value"),
    # The last of the points is one, but compressed: what pushes does not take it.
    [
        *(("p256dh", text) for text in ("AAAA", "B" * 87, "B", "A2sX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKW")),
        *(("auth", text) for text in ("A", "AAAA")),
    ],
)
async def test_keys_for_which_nothing_can_be_sealed(renter: Person, key: str, value: str) -> None:
    browser = Browser(THERE)
    refused = await renter.post("/devices", browser.subscription | {"keys": browser.keys | {key: value}})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_subscription")
    assert refused.json()["errors"][0]["pointer"] == f"/keys/{key}"
    assert await named(renter) == []
