"""Whether this process lives, and whether it can do its work: database, Redis, migrations."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import msgspec
import sqlalchemy as sa
import structlog
from litestar import MediaType, Response, Router, get
from litestar.di import NamedDependency
from redis.asyncio import Redis

from votremachine.infra import migrate
from votremachine.infra.database import Database
from votremachine.infra.openapi import PUBLIC

PATIENCE_SECONDS = 2

log = structlog.get_logger()


class Live(msgspec.Struct, frozen=True):
    alive: bool = True


class Ready(msgspec.Struct, frozen=True):
    """Each thing this process needs, and whether it is there."""

    database: bool
    migrations: bool
    redis: bool


@get("/health/live", security=PUBLIC, media_type=MediaType.JSON)
async def live() -> Live:
    """The process answers."""
    return Live()


@get("/health/ready", security=PUBLIC, media_type=MediaType.JSON)
async def ready(database: NamedDependency[Database], redis: NamedDependency[Redis]) -> Response[Ready]:
    """The process can do its work; 503 when something is missing."""
    revision, pong = await asyncio.gather(_asked(_revision(database)), _asked(redis.ping()))
    found = Ready(database=revision is not None, migrations=revision == migrate.head(), redis=pong is True)
    all_there = found.database and found.migrations and found.redis
    return Response(found, status_code=200 if all_there else 503)


async def _revision(database: Database) -> str:
    async with database.read() as tx:
        return str((await tx.execute(sa.text("SELECT version_num FROM alembic_version"))).scalar_one())


async def _asked(question: Awaitable[Any]) -> Any:
    """The answer, or None when there is none in time, whatever the reason: it is logged, and the answer is "no"."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await question
    except Exception as error:
        log.warning("health.missing", error=repr(error))
        return None


router = Router(path="/", tags=["health"], route_handlers=[live, ready])
