"""What the worker does for the simulated gateway: it plays the clock and the post."""

from typing import Any

import httpx

from votremachine.payments.simulated import posting
from votremachine.payments.simulated.gateway import SimulatedGateway


async def play_gateway(ctx: dict[str, Any]) -> int:
    """Let go of holds whose time is over, and post what is due; how many notices arrived."""
    gateway, database, settings = ctx["gateway"], ctx["database"], ctx["settings"]
    if not isinstance(gateway, SimulatedGateway):
        return 0
    await gateway.lapse()
    async with httpx.AsyncClient() as client:
        address = f"{settings.link_base}/v1/webhooks/simulated"
        return await posting.deliver(database, client, address, ctx["simulated_secret"], database.clock)
