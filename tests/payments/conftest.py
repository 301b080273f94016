"""The gateways, each over a server of its own."""

import pytest

from tests.payments.benches import Bench, Hands
from votremachine.infra.database import Database
from votremachine.payments.simulated.cards import CARDS
from votremachine.payments.simulated.gateway import SimulatedGateway


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
