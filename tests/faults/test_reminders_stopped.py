"""A worker that is asked to stop while it sends finishes the message under way, and hands back the rest at once."""

import asyncio
import signal

import pytest
import sqlalchemy as sa
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.faults.test_worker import redis, working
from tests.infra.test_letters import Mailbox, mail_server
from tests.notifications.crowd import gather
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.infra.servers.redis import EmbeddedRedis

__all__ = ["redis"]

DUE, ENOUGH = 60, 5
_STATES = sa.text("SELECT state, lease_until, count(*) AS n FROM deliveries GROUP BY state, lease_until")


class Slow(Mailbox):
    """A mail server that takes its time, and says when it has taken a few."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = asyncio.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(0.3)
        if len(self.envelopes) >= ENOUGH:
            self.busy.set()
        return await super().handle_DATA(server, session, envelope)


@pytest.mark.timeout(120)
async def test_it_finishes_one_and_hands_back_the_others(
    settings: Settings, redis: EmbeddedRedis, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Slow()
    await gather(database, DUE)
    async with mail_server(box) as port:
        monkeypatch.setenv("VOTREMACHINE_SMTP_URL", f"smtp://127.0.0.1:{port}")
        with working(settings, redis.url) as worker:
            await box.busy.wait()
            worker.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(worker.wait, 30) == 0
    async with database.read() as tx:
        found = {(row.state, row.lease_until is None): row.n for row in await tx.rows(_STATES)}
    sent = found.pop(("sent", True))
    assert sent == len(box.envelopes) < DUE, "what was taken is written down"
    assert found == {("waiting", True): DUE - sent}, "nothing waits for a lease to end"
