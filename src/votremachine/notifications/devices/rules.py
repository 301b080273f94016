"""Which devices are taken. Pure."""

from enum import StrEnum

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
    en = "This is not a subscription to Web Push: a public address with https, and the keys as the browser has them."
    fr = "Ce n'est pas un abonnement Web Push : une adresse publique en https, et les clés données par le navigateur."


class DeviceOfAnother(DomainError):
    kind = Kind.CONFLICT
    code = "device_of_another"
    en = "Somebody else is told there. Let the browser unsubscribe, and subscribe again."
    fr = "Quelqu'un d'autre y est prévenu. Faites désabonner le navigateur, puis abonner de nouveau."


class WhichDevice(DomainError):
    code = "which_device"
    en = "Give either a subscription to Web Push (endpoint and keys), or the token of an app (fcm_token)."
    fr = "Donnez soit un abonnement Web Push (endpoint et keys), soit le jeton d'une application (fcm_token)."


class AppsNotReached(DomainError):
    kind = Kind.CONFLICT
    code = "apps_not_reached"
    en = "This service cannot tell apps anything: use a browser, or read your e-mails."
    fr = "Ce service ne peut rien dire aux applications : utilisez un navigateur, ou lisez vos courriels."
