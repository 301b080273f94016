"""Which ways out there are, as the settings have them."""

from votremachine.accounts.credentials import keys_of
from votremachine.config import Settings
from votremachine.infra.letters import Channel as Letters
from votremachine.infra.letters import Smtp, messages_folder
from votremachine.notifications.channels.email import Email
from votremachine.notifications.channels.fcm import Fcm
from votremachine.notifications.channels.google import Access, read_account
from votremachine.notifications.channels.nowhere import Filed, Nobody
from votremachine.notifications.channels.port import Way, Ways
from votremachine.notifications.channels.push import Push
from votremachine.notifications.channels.sms import Sms
from votremachine.notifications.channels.unsubscribing import Unsubscribing
from votremachine.notifications.channels.web_push import WebPush
from votremachine.notifications.delivering.rules import Channel
from votremachine.notifications.devices.keys import PushSigner


def open_ways(settings: Settings, signer: PushSigner) -> Ways:
    """The way of each channel; files for one that no provider is set for. Raises `BadSetting`."""
    if settings.deliver_to_nobody:
        return dict.fromkeys(Channel, Nobody())
    return {Channel.EMAIL: _mail(settings), Channel.SMS: _sms(settings), Channel.PUSH: _push(settings, signer)}


def _mail(settings: Settings) -> Way:
    if not settings.smtp_url:
        return Filed(messages_folder(settings), Letters.EMAIL, settings.link_base)
    server = Smtp(settings.smtp_url, settings.mail_from)
    return Email(server, Unsubscribing(keys_of(settings)), settings.link_base)


def _sms(settings: Settings) -> Way:
    if not settings.sms_url:
        return Filed(messages_folder(settings), Letters.SMS, settings.link_base)
    return Sms(settings.sms_url, settings.sms_token, settings.sms_template)


def _push(settings: Settings, signer: PushSigner) -> Way:
    fcm = None
    if settings.fcm_account:
        account = read_account(settings.fcm_account)
        fcm = Fcm(Access(account, settings.fcm_token_url), account.project_id, settings.fcm_url)
    return Push(WebPush(signer, settings.push_contact), fcm, allow_private=settings.fetch_private_addresses)
