"""The HTTP side put together: the slices' routers, problems, logs, compression, the API reference, the web app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from litestar import Litestar, Router
from litestar.config.compression import CompressionConfig
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from redis.asyncio import Redis

import votremachine
from votremachine.accounts import routes as accounts
from votremachine.accounts.tokens import Tokens
from votremachine.availability import routes as availability
from votremachine.bookings.routes import router as bookings
from votremachine.config import Settings, read_settings
from votremachine.demo import routes as demo
from votremachine.fleet import routes as fleet
from votremachine.infra import health, logs, openapi
from votremachine.infra.bodies import StrictRequest
from votremachine.infra.database import Clock, Database, utc_now
from votremachine.infra.files import serve
from votremachine.infra.pages import Cursors
from votremachine.infra.problems import HANDLERS
from votremachine.notifications import routes as notifications
from votremachine.pricing import routes as pricing
from votremachine.pricing.offers import Offers

LARGEST_BODY_BYTES = 1024 * 1024
WEB = Path(str(files("votremachine"))) / "web"
ROUTERS: tuple[Router | HTTPRouteHandler, ...] = (
    accounts.router,
    fleet.router,
    availability.router,
    pricing.router,
    bookings.router,
    notifications.router,
    demo.router,
    health.router,
    *openapi.assets,
    serve("/", WEB / "index.html"),
    *(serve(f"/{file.name}", file) for file in sorted(WEB.iterdir()) if file.suffix != ".html"),
)


def create_app(settings: Settings | None = None, clock: Clock = utc_now) -> Litestar:
    """The application. An ASGI server calls this without settings: they are read from the environment then."""
    settings = settings or read_settings()
    logs.configure(settings.log_level, settings.log_json)
    database = Database(settings.database_url, settings.database_pool, clock)
    redis: Redis = Redis.from_url(settings.redis_url)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        yield
        await redis.aclose()
        await database.close()

    tokens, offers = Tokens(settings.secret), Offers(settings.secret)
    read_claims = accounts.claims_reader(tokens, clock)
    values = {
        "settings": settings,
        "database": database,
        "redis": redis,
        "tokens": tokens,
        "cursors": Cursors(settings.secret),
        "offers": offers,
    }
    per_request = {"claims": read_claims, "asking": pricing.asking_reader(read_claims, database, offers)}
    app = Litestar(
        route_handlers=ROUTERS,
        dependencies={name: _always(value) for name, value in values.items()}
        | {name: Provide(read, sync_to_thread=False) for name, read in per_request.items()},
        exception_handlers=HANDLERS,
        request_class=StrictRequest,
        compression_config=CompressionConfig(backend="brotli", brotli_quality=4, brotli_gzip_fallback=True),
        openapi_config=openapi.config(votremachine.__version__),
        request_max_body_size=LARGEST_BODY_BYTES,
        lifespan=[lifespan],
        # Ours says it all, in one line per request.
        logging_config=None,
    )
    app.asgi_handler = logs.RequestLog(app.asgi_handler)
    return app


def _always(value: object) -> Provide:
    """A dependency that is made once for the process."""
    return Provide(lambda: value, sync_to_thread=False)
