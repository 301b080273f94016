"""The yardstick: the least that Litestar, asyncpg and PostgreSQL do for one guarded insert and for one indexed read.

No middleware, no sign-in, no log, no check but the exclusion constraint. Its tables lie in a schema of their own in
the same database, and granian runs it with the same loop and as many processes as the API.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from granian import Granian
from granian.constants import Interfaces, Loops
from litestar import Litestar, Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

POOL = 10  # connections of each process, as the API has by default

# `machines` is a copy of the API's table, so that both read rows of one shape from equally large tables.
TABLES = """
    CREATE SCHEMA bench;
    CREATE TABLE bench.machines (LIKE public.machines INCLUDING ALL);
    INSERT INTO bench.machines SELECT * FROM public.machines;
    CREATE TABLE bench.occupancies (
        id uuid PRIMARY KEY DEFAULT uuidv7(),
        machine_id uuid NOT NULL,
        blocked tstzrange NOT NULL,
        EXCLUDE USING gist (uuid_range(machine_id, machine_id, '[]') WITH &&, blocked WITH &&)
    );
"""
_INSERT = """
    INSERT INTO bench.occupancies (machine_id, blocked) VALUES ($1, tstzrange($2, $3))
    ON CONFLICT DO NOTHING RETURNING id
"""
_READ = """
    SELECT id, party_id, category, title_fr, description_fr, make, model, commune, zone, state, deposit_minor, version
    FROM bench.machines WHERE id = $1
"""


class Wish(msgspec.Struct):
    machine_id: UUID
    start: datetime
    end: datetime


class Taken(msgspec.Struct):
    id: UUID | None


class Machine(msgspec.Struct):
    id: UUID
    party_id: UUID
    category: str
    title: str
    description: str
    make: str
    model: str
    commune: str
    zone: str
    state: str
    deposit_minor: int
    version: int


@post("/insert")
async def insert(data: JSONBody[Wish], state: State) -> Response[Taken]:
    """One guarded insert, committed by itself."""
    taken = await state.pool.fetchval(_INSERT, data.machine_id, data.start, data.end)
    return Response(Taken(taken), status_code=201 if taken else 409)


@get("/read/{machine_id:uuid}")
async def read(machine_id: FromPath[UUID], state: State) -> Response[Machine | None]:
    """One row by its primary key."""
    row = await state.pool.fetchrow(_READ, machine_id)
    return Response(Machine(*row) if row else None, status_code=200 if row else 404)


@asynccontextmanager
async def _connected(app: Litestar) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["BENCH_DATABASE"], min_size=POOL, max_size=POOL) as app.state.pool:
        yield


def create_app() -> Litestar:
    return Litestar([insert, read], lifespan=[_connected], openapi_config=None, logging_config=None)


def serve() -> None:
    """Until SIGTERM, as `votremachine serve` does."""
    Granian(
        "benchmarks.baseline:create_app",
        factory=True,
        interface=Interfaces.ASGI,
        address="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        workers=int(os.environ["BENCH_PROCESSES"]),
        loop=Loops.uvloop,
        workers_kill_timeout=3,
    ).serve()


if __name__ == "__main__":
    serve()
