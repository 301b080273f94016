"""What the worker does for notices."""

from typing import Any

from votremachine.infra.database import Database
from votremachine.payments.notices import service


async def purge_notices(ctx: dict[str, Any]) -> int:
    """Forget what gateways told us after 90 days."""
    database: Database = ctx["database"]
    return await database.run(service.purge)
