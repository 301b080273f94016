"""Pages of other sites may call only where the operator says so."""

import httpx
import msgspec
import pytest

from votremachine.app import create_app
from votremachine.config import Settings

OURS, OTHERS = "https://app.votremachine.example", "https://elsewhere.example"


async def asked(settings: Settings, origin: str) -> httpx.Response:
    """A browser's question before it lets a page of `origin` send a token."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        return await http.options("/v1/me", headers=headers)


@pytest.mark.parametrize(("allowed", "origin", "told"), [("", OURS, None), (OURS, OURS, OURS), (OURS, OTHERS, None)])
async def test_only_the_origins_of_the_setting_are_let_in(
    allowed: str, origin: str, told: str | None, settings: Settings
) -> None:
    answer = await asked(msgspec.structs.replace(settings, cors_origins=allowed), origin)
    assert answer.headers.get("access-control-allow-origin") == told
    assert "access-control-allow-credentials" not in answer.headers
