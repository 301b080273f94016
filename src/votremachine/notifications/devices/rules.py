"""Which devices are taken. Pure."""

from enum import StrEnum
from urllib.parse import urlsplit

from votremachine.kernel.errors import DomainError, Kind


class DeviceKind(StrEnum):
    BROWSER = "browser"  # told by Web Push
    APP = "app"  # told through Firebase Cloud Messaging


class UnknownDevice(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_device"
    en = "You have no such device."
    fr = "Vous n'avez pas cet appareil."


class BadSubscription(DomainError):
    code = "bad_subscription"
    en = "This is not a subscription to Web Push: its address begins with https."
    fr = "Ce n'est pas un abonnement Web Push : son adresse commence par https."


class WhichDevice(DomainError):
    code = "which_device"
    en = "Give either a subscription to Web Push (endpoint and keys), or the token of an app (fcm_token)."
    fr = "Donnez soit un abonnement Web Push (endpoint et keys), soit le jeton d'une application (fcm_token)."


class AppsNotReached(DomainError):
    kind = Kind.CONFLICT
    code = "apps_not_reached"
    en = "This service cannot tell apps anything: use a browser, or read your e-mails."
    fr = "Ce service ne peut rien dire aux applications : utilisez un navigateur, ou lisez vos courriels."


def check_endpoint(endpoint: str, *, allow_http: bool) -> None:
    """Raises `BadSubscription`; whether the address is public is looked at when it is dialled."""
    try:
        parts = urlsplit(endpoint)
        there = bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError as error:
        raise BadSubscription(pointer="/endpoint") from error
    if not there or parts.scheme not in ({"https", "http"} if allow_http else {"https"}):
        raise BadSubscription(pointer="/endpoint")
