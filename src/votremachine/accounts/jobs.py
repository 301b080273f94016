"""What the worker does for accounts: send letters, forget what has no reason left."""

from typing import Any

from votremachine.accounts.service import challenges, colleagues, privacy


async def send_letters(ctx: dict[str, Any]) -> int:
    """Send the codes and links that people asked for."""
    settings = ctx["settings"]
    return await challenges.send_letters(ctx["database"], ctx["post"], ctx["proofs"], settings.link_base)


async def purge_accounts(ctx: dict[str, Any]) -> int:
    """Forget challenges, invitations and sessions that ran out, and the names of parties that closed long ago."""
    forgotten = 0
    for purge in (challenges.purge, colleagues.purge, privacy.purge_sessions, privacy.forget_old_parties):
        async with ctx["database"].begin() as tx:
            forgotten += await purge(tx)
    return forgotten
