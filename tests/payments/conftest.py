"""The gateways, each over a server of its own."""

import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.payments.benches import Bench, Hands
from votremachine.infra.database import Database
from votremachine.payments.gateway import NotAtGateway
from votremachine.payments.simulated.cards import CARDS
from votremachine.payments.simulated.gateway import SimulatedGateway
from votremachine.payments.stripe.gateway import StripeGateway


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def simulated_bench(database: Database, hands: Hands) -> Bench:
    gateway = SimulatedGateway(database, hands)

    async def authenticate(client_secret: str, ok: bool) -> None:
        await gateway.authenticate(client_secret, ok=ok)

    cards = {name.removeprefix("tok_"): name for name in CARDS} | {"plain": "tok_visa"}
    return Bench(gateway, cards, authenticate)


@pytest.fixture(scope="session")
def stripe_url() -> Iterator[str]:
    """A local Stripe-compatible server, a process of its own."""
    with stripe_server() as url:
        yield url


@contextmanager
def stripe_server() -> Iterator[str]:
    """A Stripe-compatible server that nobody else speaks to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "tests.payments.stripe_server", str(port)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as server:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


def wait_for(port: int) -> None:
    for _ in range(100):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError("the Stripe-compatible server does not start")


@pytest.fixture
async def stripe_bench(stripe_url: str) -> AsyncIterator[Bench]:
    gateway = StripeGateway("sk_test_tests", api_base=stripe_url)

    async def authenticate(client_secret: str, ok: bool) -> None:
        reference = client_secret.partition("_secret_")[0]
        setup = reference.startswith("seti_")
        path = f"setup_intents/{reference}/confirm" if setup else f"payment_intents/{reference}/_authenticate"
        said = {"client_secret": client_secret} | ({} if setup else {"success": str(ok).lower()})
        async with httpx.AsyncClient() as phone:
            auth = {"Authorization": "Bearer sk_test_phone"}
            answer = await phone.post(f"{stripe_url}/v1/{path}", data=said, headers=auth)
        if answer.is_error:
            raise NotAtGateway(answer.text)

    cards = {
        "plain": "pm_card_visa",
        "mastercard": "pm_card_mastercard",
        "declined": "pm_card_declined",
        "insufficient_funds": "pm_card_insufficient",
        "expired": "pm_card_expired",
        "cannot_be_saved": "pm_card_unsaveable",
        "needs_authentication": "pm_card_authentication",
    }
    yield Bench(gateway, cards, authenticate)
    await gateway.close()
