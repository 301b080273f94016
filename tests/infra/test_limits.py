"""How often is too often: counted in a real Redis, by several processes at once, and as the API tells it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv6Address
from uuid import uuid4

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import votremachine.infra.limits as limits_module
from tests.people import PASSWORD, World
from votremachine.accounts.limits import ACCOUNT, ANYBODY, SIGN_IN_TO
from votremachine.app import create_app
from votremachine.config import Settings
from votremachine.infra.limits import HANDFUL, Limit, Limits, Standing, TooManyRequests

PROXY = "198.51.100.1"


@pytest.fixture
async def processes(redis_url: str) -> AsyncIterator[list[Limits]]:
    """Three on one Redis."""
    processes = [Limits(redis_url) for _ in range(3)]
    yield processes
    for limits in processes:
        await limits.close()


def limit(amount: int, seconds: int = 60) -> Limit:
    """One that nobody else counts in."""
    return Limit(f"test-{uuid4().hex}", amount, seconds)


async def allowed(*takings: object) -> int:
    """How many of these were; the others were refused as too many and not otherwise."""
    done = await asyncio.gather(*takings, return_exceptions=True)  # type: ignore[call-overload]
    refused = [one for one in done if isinstance(one, TooManyRequests)]
    taken = [one for one in done if isinstance(one, Standing)]
    assert len(refused) + len(taken) == len(done), done
    return len(taken)


@pytest.mark.parametrize("amount", [1, 2, 10])
async def test_so_many_are_allowed_and_the_next_is_not(amount: int, processes: list[Limits]) -> None:
    one = limit(amount)
    for left in reversed(range(amount)):
        standing = await processes[0].take(one, "claire")
        assert (standing.limit, standing.remaining) == (one, left)
        assert 0 < standing.reset_seconds <= one.seconds
    for limits in processes:
        with pytest.raises(TooManyRequests) as refusal:
            await limits.take(one, "claire")
        assert 0 < refusal.value.facts["retry_after"] <= one.seconds
    assert (await processes[1].take(one, "paul")).remaining == amount - 1, "another's count"
    assert (await processes[1].take(limit(amount), "claire")).remaining == amount - 1, "another limit"


async def test_after_retry_after_it_is_allowed_again(processes: list[Limits]) -> None:
    one = limit(2, seconds=2)
    for _ in range(2):
        await processes[0].take(one, "claire")
    with pytest.raises(TooManyRequests) as refusal:
        await processes[0].take(one, "claire")
    await asyncio.sleep(refusal.value.facts["retry_after"])
    await processes[0].take(one, "claire")


async def test_a_refusal_costs_nothing(processes: list[Limits]) -> None:
    """Who goes on trying waits no longer than who does not."""
    one = limit(1, seconds=2)
    await processes[0].take(one, "claire")
    waits = []
    for _ in range(10):
        with pytest.raises(TooManyRequests) as refusal:
            await processes[0].take(one, "claire")
        waits.append(refusal.value.facts["retry_after"])
    assert waits == sorted(waits, reverse=True)
    await asyncio.sleep(waits[-1])
    await processes[0].take(one, "claire")


@pytest.mark.parametrize("key", ["claire/10/1/second", "{a}", "é 🚜\n\x00", "c" * 5_000, ":", "*", "", "%s"])
async def test_a_key_may_be_any_text(key: str, processes: list[Limits]) -> None:
    one = limit(1)
    await processes[0].take(one, "claire")
    await processes[0].take(one, key)
    with pytest.raises(TooManyRequests):
        await processes[1].take(one, key)


async def test_the_factor_multiplies_every_limit(redis_url: str) -> None:
    one, limits = limit(2), Limits(redis_url, factor=3)
    standing = await limits.take(one, "claire")
    assert (standing.limit.amount, standing.remaining) == (6, 5)
    assert await allowed(*(limits.take(one, "claire") for _ in range(10))) == 5
    await limits.close()


async def test_a_hundred_at_once_are_as_many_as_are_allowed(processes: list[Limits]) -> None:
    one = limit(30)
    assert await allowed(*(processes[number % 2].take(one, "claire") for number in range(100))) == 30


@pytest.mark.parametrize("amount", [1, 24, 25, 26, 30, 60, 99])
async def test_spending_at_once_is_as_many_as_are_allowed(amount: int, processes: list[Limits]) -> None:
    """By one process: nothing is left over, however the handfuls fall."""
    one = limit(amount)
    assert await allowed(*(processes[0].spend(one, "claire") for _ in range(100))) == amount
    assert await allowed(*(limits.spend(one, "claire") for limits in processes)) == 0


async def test_who_asks_often_at_once_is_not_refused_for_handfuls_unused(processes: list[Limits]) -> None:
    one = limit(300)
    assert await allowed(*(processes[0].spend(one, "claire") for _ in range(200))) == 200


@given(amount=st.integers(1, 120), turns=st.lists(st.integers(0, 2), max_size=150))
@hypothesis_settings(max_examples=40)
async def test_no_order_of_spending_gives_more_than_the_limit(redis_url: str, amount: int, turns: list[int]) -> None:
    processes, one, taken, kept = [Limits(redis_url) for _ in range(3)], limit(amount), 0, set[int]()
    for turn in turns:
        try:
            standing = await processes[turn].spend(one, "claire")
        except TooManyRequests:
            # Others may still hold what they took at once: never more than a handful, or all that there is.
            assert taken >= amount - (HANDFUL - 1) * len(kept - {turn})
            continue
        taken += 1
        kept.add(turn)
        assert 0 <= standing.remaining <= amount - 1
    assert taken <= amount
    if len(turns) <= amount and len(set(turns)) <= 1:
        assert taken == len(turns)
    for limits in processes:
        await limits.close()


async def test_a_handful_is_asked_for_once_and_near_the_end_single_ones(
    processes: list[Limits], monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: list[int] = []
    take = Limits.take

    async def noted(self: Limits, limit: Limit, key: str, cost: int = 1) -> Standing:
        costs.append(cost)
        return await take(self, limit, key, cost)

    monkeypatch.setattr(Limits, "take", noted)
    one = limit(2 * HANDFUL + 2)
    left = [(await processes[0].spend(one, "claire")).remaining for _ in range(2 * HANDFUL + 2)]
    assert left == list(reversed(range(2 * HANDFUL + 2)))
    assert costs == [HANDFUL, HANDFUL, HANDFUL, 1, HANDFUL, 1]


async def test_a_handful_is_forgotten_with_its_window(processes: list[Limits]) -> None:
    one = limit(HANDFUL, seconds=1)
    await processes[0].spend(one, "claire")
    await asyncio.sleep(1.1)
    assert (await processes[1].spend(one, "claire")).remaining == HANDFUL - 1
    with pytest.raises(TooManyRequests):
        await processes[0].spend(one, "claire")


async def test_many_callers_do_not_fill_the_memory(processes: list[Limits], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "MOST_HELD", 10)
    one, limits = limit(100), processes[0]
    for number in range(30):
        await limits.spend(one, f"caller {number}")
        assert len(limits._handfuls) <= 10
    assert (await limits.spend(one, "caller 29")).remaining == 98, "the newest are kept"
    assert (await limits.spend(one, "caller 0")).remaining == 100 - HANDFUL - 1, "the first lost a handful, no more"


@pytest.mark.parametrize(
    ("standing", "policy", "left"),
    [
        (Standing(Limit("account", 1200, 60), 1199, 60), '"account";q=1200;w=60', '"account";r=1199;t=60'),
        (Standing(Limit("sign-in-to", 10, 900), 0, 1), '"sign-in-to";q=10;w=900', '"sign-in-to";r=0;t=1'),
    ],
)
def test_the_headers_are_those_of_the_draft(standing: Standing, policy: str, left: str) -> None:
    """draft-ietf-httpapi-ratelimit-headers-10, 3 and 4: structured lists of strings with integers as parameters."""
    assert dict(standing.headers()) == {b"ratelimit-policy": policy.encode(), b"ratelimit": left.encode()}


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[object]:
    """The application with the limits as they are."""
    app = create_app(msgspec.structs.replace(settings, rate_limit_factor=1, trusted_proxies=f"{PROXY}/32"))
    async with app.lifespan():
        yield app


def calling(app: object, address: str, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 4711))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers={"Accept-Language": "en"} | headers)


def somewhere() -> str:
    """An address that nobody else of these tests calls from."""
    return str(IPv6Address(uuid4().int))


async def login(app: object, email: str, password: str, **headers: str) -> httpx.Response:
    async with calling(app, somewhere(), **headers) as http:
        return await http.post("/v1/auth/login", json={"email": email, "password": password})


def told(answer: httpx.Response) -> tuple[int, str, str | None]:
    """What an answer tells: its status, its code, and what is left."""
    return answer.status_code, answer.json().get("code", ""), answer.headers.get("ratelimit", "").partition(";t=")[0]


async def test_an_account_is_guessed_at_ten_times_whether_it_is_one_or_not(settings: Settings, world: World) -> None:
    known, unknown = f"{uuid4().hex}@ferme.example", f"{uuid4().hex}@ferme.example"
    await world.person(known)
    async with served(settings) as app:
        answers = {
            email: [await login(app, email, "not the password") for _ in range(SIGN_IN_TO.amount + 1)]
            for email in (known, unknown)
        }
        right = await login(app, known, PASSWORD)
        french = await login(app, known, PASSWORD, **{"Accept-Language": "fr"})
    assert [told(one) for one in answers[known]] == [told(one) for one in answers[unknown]]
    assert [one.headers.keys() for one in answers[known]] == [one.headers.keys() for one in answers[unknown]]
    assert [told(one) for one in answers[known][:-1]] == [
        (401, "sign_in_failed", f'"{SIGN_IN_TO.name}";r={left}') for left in reversed(range(SIGN_IN_TO.amount))
    ]
    for answer in (answers[known][-1], right, french):
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
        assert answer.headers["content-type"] == "application/problem+json"
        wait = int(answer.headers["retry-after"])
        assert 0 < wait <= SIGN_IN_TO.seconds
        assert answer.json()["retry_after"] == wait
        assert answer.headers["ratelimit"].startswith(f'"{SIGN_IN_TO.name}";r=0;'), "the limit that refused"
        assert str(wait) in answer.json()["detail"]
    assert right.json()["detail"].startswith("That was too often.")
    assert french.json()["detail"].startswith("C'était trop souvent.")
    assert french.headers["content-language"] == "fr"


async def test_an_account_is_one_however_its_address_is_written(settings: Settings, world: World) -> None:
    email = f"{uuid4().hex}@ferme.example"
    await world.person(email)
    async with served(settings) as app:
        written = [email, email.upper(), email.title()]
        done = [await login(app, written[n % 3], "not the password") for n in range(SIGN_IN_TO.amount)]
        assert {one.status_code for one in done} == {401}
        assert {(await login(app, one, PASSWORD)).status_code for one in written} == {429}


def left(answer: httpx.Response) -> int:
    return int(answer.headers["ratelimit"].partition(";r=")[2].partition(";")[0])


async def test_behind_a_proxy_of_ours_everybody_has_a_count_of_their_own(settings: Settings) -> None:
    claire, paul = somewhere(), somewhere()
    async with served(settings) as app, calling(app, PROXY) as http:

        async def ask(forwarded: str) -> int:
            return left(await http.get("/v1/me", headers={"X-Forwarded-For": forwarded}))

        assert [await ask(claire), await ask(claire), await ask(paul)] == [
            ANYBODY.amount - 1,
            ANYBODY.amount - 2,
            ANYBODY.amount - 1,
        ]
        assert await ask(f"{somewhere()}, {claire}") == ANYBODY.amount - 3, "what Claire wrote herself does not count"


async def test_a_stranger_who_writes_a_proxys_header_is_counted_as_themselves(settings: Settings) -> None:
    async with served(settings) as app, calling(app, somewhere()) as http:
        answers = [await http.get("/v1/me", headers={"X-Forwarded-For": somewhere()}) for _ in range(3)]
    assert [left(one) for one in answers] == [ANYBODY.amount - 1, ANYBODY.amount - 2, ANYBODY.amount - 3]


async def test_each_account_has_a_count_of_its_own_wherever_it_is(settings: Settings, world: World) -> None:
    people = [await world.person(f"{uuid4().hex}@ferme.example") for _ in range(2)]
    async with served(settings) as app:

        async def ask(token: str, address: str) -> httpx.Response:
            async with calling(app, address, Authorization=f"Bearer {token}") as http:
                return await http.get("/v1/me")

        together = somewhere()
        answers = [await ask(people[number].token, together) for number in (0, 0, 1)]
        elsewhere = await ask(people[0].token, somewhere())
        forged = await ask("not.a.token", together)
    assert [left(one) for one in (*answers, elsewhere)] == [ACCOUNT.amount - n for n in (1, 2, 1, 3)]
    assert {one.headers["ratelimit-policy"] for one in answers} == {f'"account";q={ACCOUNT.amount};w={ACCOUNT.seconds}'}
    assert (forged.status_code, left(forged)) == (401, ANYBODY.amount - 1)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/me", 401),
        ("GET", "/v1/machines", 401),
        ("POST", "/v1/auth/login", 422),
        ("POST", "/v1/auth/refresh", 422),
        ("POST", "/v1/auth/challenges/018f2e4c-0000-7000-8000-000000000000/redeem", 401),
    ],
)
async def test_every_answer_of_the_api_says_what_is_left(
    method: str, path: str, status: int, settings: Settings
) -> None:
    async with served(settings) as app, calling(app, somewhere()) as http:
        answer = await http.request(method, path, json={} if method == "POST" else None)
    assert answer.status_code == status, answer.text
    name, *parameters = answer.headers["ratelimit"].split(";")
    policy, *more = answer.headers["ratelimit-policy"].split(";")
    assert name == policy
    assert name.strip('"').replace("-", "").isalpha()
    assert [one[:2] for one in (*parameters, *more)] == ["r=", "t=", "q=", "w="]
    assert all(one[2:].isdecimal() for one in (*parameters, *more))


async def test_what_is_not_the_api_is_not_counted(settings: Settings) -> None:
    async with served(settings) as app, calling(app, somewhere()) as http:
        answers = [await http.get(path) for path in ("/health/live", "/health/ready", "/")]
    assert [one.status_code for one in answers] == [200] * 3
    assert not [one for one in answers if "ratelimit" in one.headers or "ratelimit-policy" in one.headers]


async def test_who_asks_too_often_is_told_when_to_come_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = Limit(f"anybody-{uuid4().hex}", 3, 60)
    monkeypatch.setattr("votremachine.accounts.routes.reading.ANYBODY", few)
    async with served(settings) as app, calling(app, somewhere()) as http:
        answers = [await http.get("/v1/machines") for _ in range(5)]
        health = await http.get("/health/live")
    assert [one.status_code for one in answers] == [401, 401, 401, 429, 429]
    assert all(0 < int(one.headers["retry-after"]) <= 60 for one in answers[3:])
    assert health.status_code == 200
