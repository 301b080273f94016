"""What the worker does for the change feed: forget what nobody can go on from any more."""

from typing import Any

from votremachine.infra import changes


async def purge_changes(ctx: dict[str, Any]) -> int:
    """Forget the changes older than 48 hours."""
    async with ctx["database"].begin() as tx:
        return await changes.purge(tx)
