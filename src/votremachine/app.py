"""The HTTP side put together: the slices' routers, problems, logs, compression, the API reference, the web app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from litestar import Litestar, Router
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from redis.asyncio import Redis

import votremachine
from votremachine.accounts.credentials import Credentials, keys_of
from votremachine.accounts.routes.reading import Turnstile, claims_reader
from votremachine.accounts.routes.router import router as accounts
from votremachine.availability import routes as availability
from votremachine.availability.blocks import routes as blocks
from votremachine.availability.feeds import routes as feeds
from votremachine.availability.feeds.privacy import FEEDS
from votremachine.availability.maintenance import routes as maintenance
from votremachine.bookings.privacy import BOOKINGS
from votremachine.bookings.replacing import routes as replacing
from votremachine.bookings.routes import router as bookings
from votremachine.bookings.waiting import routes as waiting
from votremachine.bookings.waiting.privacy import WAITING
from votremachine.calendars import routes as calendars
from votremachine.calendars.privacy import LINKS
from votremachine.config import Settings, read_settings
from votremachine.damages.bundles.building import Bundles
from votremachine.damages.privacy import CLAIMS
from votremachine.damages.routes import router as damages
from votremachine.demo import routes as demo
from votremachine.deposits import routes as deposits
from votremachine.deposits.privacy import DEPOSITS
from votremachine.discovery import routes as discovery
from votremachine.fleet import routes as fleet
from votremachine.fleet.importing import routes as importing
from votremachine.fleet.photos import routes as photos
from votremachine.fleet.privacy import MACHINES
from votremachine.infra import health, logs, openapi
from votremachine.infra.bell import Bell
from votremachine.infra.bodies import StrictRequest
from votremachine.infra.callers import networks
from votremachine.infra.database import Clock, Database, utc_now
from votremachine.infra.farewell import on_farewell
from votremachine.infra.files import serve
from votremachine.infra.images.apart import Images
from votremachine.infra.images.copies import Copies
from votremachine.infra.keys import Seal
from votremachine.infra.limits import Limits
from votremachine.infra.links import Links
from votremachine.infra.pages import Cursors
from votremachine.infra.problems import HANDLERS
from votremachine.infra.storage.files import Files
from votremachine.infra.typesetting.press import Press
from votremachine.inspections.privacy import INSPECTIONS
from votremachine.inspections.routes import router as inspections
from votremachine.invoicing import routes as invoicing
from votremachine.invoicing.privacy import INVOICES
from votremachine.notifications import metrics
from votremachine.notifications import routes as notifications
from votremachine.notifications.answering import routes as answering
from votremachine.notifications.channels.unsubscribing import Unsubscribing
from votremachine.notifications.dead_letters import routes as dead_letters
from votremachine.notifications.devices import routes as devices
from votremachine.notifications.devices.keys import PushSigner
from votremachine.notifications.devices.service import Devices
from votremachine.notifications.preferences import routes as preferences
from votremachine.notifications.privacy import DELIVERIES, INBOX
from votremachine.payments.gateways import close_gateway, notice_readers, open_gateway
from votremachine.payments.instruments import routes as instruments
from votremachine.payments.instruments.privacy import CARDS
from votremachine.payments.ledger import routes as ledger
from votremachine.payments.notices import routes as notices
from votremachine.payments.payouts import routes as payouts
from votremachine.pricing import routes as pricing
from votremachine.pricing.offers import Offers
from votremachine.sync import routes as sync
from votremachine.sync.live import Live

LARGEST_BODY_BYTES = 1024 * 1024
# In one process: the largest takes 0.9 GB for a second.
IMAGES_AT_ONCE = 2
DOCUMENTS_AT_ONCE = 2
# Each is read from storage to disk and packed there.
BUNDLES_AT_ONCE = 2
WEB = Path(str(files("votremachine"))) / "web"
ROUTERS: tuple[Router | HTTPRouteHandler, ...] = (
    accounts,
    fleet.router,
    photos.router,
    importing.router,
    availability.router,
    blocks.router,
    feeds.router,
    maintenance.router,
    pricing.router,
    ledger.router,
    payouts.router,
    discovery.find,
    bookings.router,
    waiting.router,
    replacing.router,
    inspections.router,
    deposits.router,
    damages.router,
    invoicing.router,
    calendars.router,
    notifications.router,
    preferences.router,
    devices.router,
    dead_letters.router,
    answering.router,
    metrics.router,
    instruments.router,
    notices.router,
    sync.router,
    demo.router,
    health.router,
    *openapi.assets,
    serve("/", WEB / "index.html"),
    serve("/calendar", WEB / "calendar.html"),
    *(serve(f"/{file.name}", file) for file in sorted(WEB.iterdir()) if file.suffix != ".html"),
)


def create_app(settings: Settings | None = None, clock: Clock = utc_now) -> Litestar:
    """The application. An ASGI server calls this without settings: they are read from the environment then."""
    settings = settings or read_settings()
    logs.configure(settings.log_level, settings.log_json)
    bell = Bell(settings.redis_url)
    database = Database(settings.database_url, settings.database_pool, clock, bell.ring)
    live = Live(database, bell)
    gateway = open_gateway(settings, database)
    redis: Redis = Redis.from_url(settings.redis_url)
    limits = Limits(settings.redis_url, settings.rate_limit_factor)
    known_by = Credentials.of(settings)
    read_claims = claims_reader(known_by.tokens, clock)
    turnstile = Turnstile(limits, networks(settings.trusted_proxies), read_claims)
    files, images = Files(settings.storage_url, settings.var_dir / "files"), Images(IMAGES_AT_ONCE)
    copies, press = Copies(files, images), Press(DOCUMENTS_AT_ONCE)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with live.at_work():
            with on_farewell(live.leave):
                yield
        await bell.close()
        await limits.close()
        await redis.aclose()
        await close_gateway(gateway)
        await database.close()
        files.close()
        images.close()
        press.close()

    offers = Offers(keys_of(settings))
    values = {
        "settings": settings,
        "database": database,
        "redis": redis,
        "live": live,
        "files": files,
        "images": images,
        "copies": copies,
        "press": press,
        "bundles": Bundles(files, copies, press, BUNDLES_AT_ONCE),
        "known_by": known_by,
        "turnstile": turnstile,
        "cursors": Cursors(keys_of(settings)),
        "links": Links(keys_of(settings)),
        "offers": offers,
        "gateway": gateway,
        "notice_readers": notice_readers(settings),
        "feed_seal": Seal(keys_of(settings), "calendar feeds"),
        "unsubscribing": Unsubscribing(keys_of(settings)),
        "devices": Devices(Seal(keys_of(settings), "push subscriptions")),
        "push_signer": PushSigner(database, Seal(keys_of(settings), "push keys")),
        # What each slice knows of a person; those below know nothing of those above.
        "parts": (
            MACHINES,
            FEEDS,
            CARDS,
            BOOKINGS,
            DEPOSITS,
            WAITING,
            INSPECTIONS,
            CLAIMS,
            INVOICES,
            LINKS,
            INBOX,
            DELIVERIES,
        ),
    }
    per_request = {
        "claims": read_claims,
        "asking": pricing.asking_reader(read_claims, database, offers),
        "looking": availability.looking_reader(read_claims, database),
    }
    app = Litestar(
        route_handlers=ROUTERS,
        dependencies={name: _always(value) for name, value in values.items()}
        | {name: Provide(read, sync_to_thread=False) for name, read in per_request.items()},
        exception_handlers=HANDLERS,
        before_request=turnstile.count,
        cors_config=_cors(settings),
        request_class=StrictRequest,
        compression_config=CompressionConfig(
            backend="brotli", brotli_quality=4, brotli_gzip_fallback=True, exclude_opt_key="compressed"
        ),
        openapi_config=openapi.config(votremachine.__version__),
        request_max_body_size=LARGEST_BODY_BYTES,
        lifespan=[lifespan],
        # Ours says it all, in one line per request.
        logging_config=None,
    )
    _depend_in_turn(app)
    app.asgi_handler = logs.RequestLog(app.asgi_handler, [calendars.PRIVATE_BELOW, preferences.PRIVATE_BELOW])
    return app


def _depend_in_turn(app: Litestar) -> None:
    """Find what a handler depends on one after the other: none of it waits for anything, and the task group in which
    Litestar finds several things at once costs every request 0.1 ms of CPU.
    """
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for _, model in route.route_handler_map.values():
                model.dependency_batches = [{one} for batch in model.dependency_batches for one in batch]


def _cors(settings: Settings) -> CORSConfig | None:
    """Which other sites' pages may call; without cookies there is nothing they could misuse unseen."""
    origins = settings.cors_origins.split()
    if not origins:
        return None
    return CORSConfig(
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-Match",
            "If-None-Match",
            "Last-Event-ID",
        ],
        expose_headers=["ETag", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"],
    )


def _always(value: object) -> Provide:
    """A dependency that is made once for the process."""
    return Provide(lambda: value, sync_to_thread=False)
