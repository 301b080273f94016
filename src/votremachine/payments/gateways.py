"""Which gateway there is, and how what it tells us is read: as the settings say."""

from votremachine.accounts.credentials import keys_of
from votremachine.config import Settings
from votremachine.infra.database import Database
from votremachine.payments.gateway import Gateway
from votremachine.payments.notices.rules import NoticeReader
from votremachine.payments.simulated import posting
from votremachine.payments.simulated.gateway import SimulatedGateway
from votremachine.payments.stripe import notices as stripe_notices
from votremachine.payments.stripe.gateway import StripeGateway


def open_gateway(settings: Settings, database: Database) -> Gateway:
    """The gateway that card money goes through; `close_gateway` in the end."""
    if settings.gateway == "stripe":
        return StripeGateway(
            settings.stripe_secret_key,
            api_base=settings.stripe_api_base,
            fee_bp=settings.stripe_fee_bp,
            clock=database.clock,
        )
    return SimulatedGateway(database)


async def close_gateway(gateway: Gateway) -> None:
    """Close its connections, if it has any."""
    if isinstance(gateway, StripeGateway):
        await gateway.close()


def notice_readers(settings: Settings) -> dict[str, NoticeReader]:
    """Who reads what a gateway posts, by its name. One that is not in use has no secrets, and is never believed."""
    stripe = settings.gateway == "stripe"
    return {
        "stripe": stripe_notices.Reader(settings.stripe_webhook_secrets.split() if stripe else []),
        "simulated": posting.Reader([] if stripe else simulated_secrets(settings)),
    }


def simulated_secrets(settings: Settings) -> list[bytes]:
    """What the simulated gateway signs with, newest first."""
    return list(keys_of(settings).derive("simulated webhooks"))
