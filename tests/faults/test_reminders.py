"""A thousand reminders are due, and everything fails that can: each arrives, and twice only by a kill."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
import sqlalchemy as sa
from aiosmtpd.smtp import SMTP, Envelope, Session
from redis.asyncio import Redis

from tests.infra.test_letters import Mailbox, mail_server
from tests.notifications.crowd import gather
from tests.servers import short_folder
from votremachine.infra.database import Database, Tx
from votremachine.infra.migrate import upgrade
from votremachine.infra.servers.postgres import THROW_AWAY, EmbeddedPostgres
from votremachine.infra.servers.redis import KEEP_NOTHING, EmbeddedRedis

DUE = 1_000
PATIENCE_SECONDS = 300
SECRET = "a secret for the tests, 32 bytes and more"
LEFT = sa.text(
    "SELECT (SELECT count(*) FROM reminders WHERE state = 'planned') + "
    "(SELECT count(*) FROM deliveries WHERE state = 'waiting')"
)
Incident = Callable[[SMTP, Session], str]
TAKE = "250 OK"


class Faulty(Mailbox):
    """A mail server to whose messages things happen, each at its number."""

    def __init__(self, incidents: dict[int, Incident]) -> None:
        super().__init__()
        self.taken: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        # Of whom it took a message whose sender was killed before it could hear so.
        self.unheard: set[str] = set()
        self._incidents, self._seen = incidents, 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self._seen += 1
        incident = self._incidents.get(self._seen)
        answer = TAKE if incident is None else incident(server, session)
        if answer == "hang":
            await asyncio.sleep(30)
            return "451 too late"
        if answer == TAKE:
            self.taken[envelope.rcpt_tos[0]] += 1
            if incident is not None:
                self.unheard.add(envelope.rcpt_tos[0])
            assert isinstance(envelope.content, bytes)
            head = envelope.content.partition(b"\r\n\r\n")[0].decode()
            self.ids[next(line for line in head.splitlines() if line.startswith("Message-ID"))] += 1
        return answer


def hang_up(server: SMTP, _: Session) -> str:
    assert server.transport is not None
    assert isinstance(server.transport, asyncio.WriteTransport)
    server.transport.abort()
    return "421 gone"


class House:
    """Servers of this test's own, and two workers in a hurry that come back when they die."""

    def __init__(self, folder: Path, mail: int, postgres: EmbeddedPostgres, redis: EmbeddedRedis) -> None:
        self.postgres, self.redis, self.kills = postgres, redis, 0
        self.database = Database(postgres.url, pool_size=4)
        self._environ = os.environ | {
            "VOTREMACHINE_DATABASE_URL": postgres.url,
            "VOTREMACHINE_REDIS_URL": redis.url,
            "VOTREMACHINE_SECRET": SECRET,
            "VOTREMACHINE_VAR_DIR": str(folder),
            "VOTREMACHINE_SMTP_URL": f"smtp://127.0.0.1:{mail}",
            "VOTREMACHINE_LOG_LEVEL": "critical",
        }
        self.workers: list[subprocess.Popen[bytes]] = []

    def hire(self) -> None:
        self.workers.append(subprocess.Popen([sys.executable, "-m", "tests.faults.hurried"], env=self._environ))

    def kill(self, worker: "subprocess.Popen[bytes]") -> None:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        self.workers.remove(worker)
        self.kills += 1
        self.hire()

    def kill_who_speaks(self, _: SMTP, session: Session) -> str:
        """The server takes the message, and the worker never hears of it."""
        assert session.peer is not None
        port = int(session.peer[1])
        for worker in list(self.workers):
            lines = psutil.Process(worker.pid).net_connections("tcp")
            if any(line.laddr and line.laddr.port == port for line in lines):
                self.kill(worker)
        return TAKE

    async def left(self) -> int:
        async def ask(tx: Tx) -> int:
            return int((await tx.execute(LEFT)).scalar_one())

        return await self.database.run(ask)


@pytest.fixture
def servers() -> Iterator[tuple[Path, EmbeddedPostgres, EmbeddedRedis]]:
    with short_folder() as folder, ExitStack() as stack:
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres", THROW_AWAY))
        redis = stack.enter_context(EmbeddedRedis(folder / "redis", KEEP_NOTHING))
        yield folder, postgres, redis


@pytest.fixture
async def house(
    servers: tuple[Path, EmbeddedPostgres, EmbeddedRedis],
) -> AsyncIterator[tuple[House, Faulty]]:
    """Two workers at work on what is due, and a mail server of which one in thirty messages has an adventure."""
    folder, postgres, redis = servers
    await upgrade(postgres.url)
    incidents: dict[int, Incident] = {}
    box = Faulty(incidents)
    async with mail_server(box) as port:
        house = House(folder, port, postgres, redis)
        incidents |= _adventures(house)
        await gather(house.database, DUE)
        for _ in range(2):
            house.hire()
        yield house, box
        for worker in house.workers:
            worker.kill()
            worker.wait()
    await house.database.close()


def _adventures(house: House) -> dict[int, Incident]:
    """Which messages, by a seed that a failure names."""
    seed = int(os.environ.get("REMINDERS_SEED", "8"))
    numbers = random.Random(seed).sample(range(20, DUE), 32)  # noqa: S311 -- no secret
    later: Incident = lambda *_: "451 later"  # noqa: E731
    hang: Incident = lambda *_: "hang"  # noqa: E731
    happens = [house.kill_who_speaks] * 3 + [hang] + [hang_up] * 8 + [later] * 20
    return dict(zip(numbers, happens, strict=True))


@pytest.mark.timeout(900)
async def test_every_reminder_arrives_whatever_happens(house: tuple[House, Faulty]) -> None:
    at_work, box = house
    await _until(at_work, box, 150)
    client: Redis = Redis.from_url(at_work.redis.url)
    await client.flushall()
    await client.aclose()
    await _until(at_work, box, 400)
    await asyncio.to_thread(at_work.postgres.stop, 10)
    await asyncio.to_thread(at_work.postgres.start)
    await _until(at_work, box, 600)
    at_work.kill(at_work.workers[0])
    await _until(at_work, box, DUE)
    for _ in range(PATIENCE_SECONDS):
        if not await at_work.left():
            break
        await asyncio.sleep(1)
    assert await at_work.left() == 0
    assert len(box.taken) == DUE, "everybody was reminded"
    twice = sum(count - 1 for count in box.taken.values())
    print(f"{at_work.kills} kills, {twice} sent twice")  # noqa: T201 -- counted, and said: pytest -rP shows it
    assert at_work.kills >= 2
    assert twice <= at_work.kills, f"{at_work.kills} kills, {twice} sent twice"
    # Those that were killed while the server spoke repeat just that message; another kill, one at most.
    others = [person for person, count in box.taken.items() if count > 1 and person not in box.unheard]
    assert len(others) <= at_work.kills - len(box.unheard), others
    # And a mailbox knows each repetition by its id.
    assert len(box.ids) == DUE


async def _until(house: House, box: Faulty, people: int) -> None:
    for _ in range(PATIENCE_SECONDS * 5):
        if len(box.taken) >= people:
            return
        await asyncio.sleep(0.2)
    pytest.fail(f"only {len(box.taken)} of {people}, {await house.left()} left")
