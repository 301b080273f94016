"""The settings, read once at the edge from VOTREMACHINE_* variables and passed down as arguments."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

# 32 bytes, the least that RFC 7518, 3.2, allows as a key of HS256.
SHORTEST_SECRET = 32
Hour = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Minutes = Annotated[int, msgspec.Meta(ge=0, le=60 * 24 * 28)]
SeveralMinutes = Annotated[str, msgspec.Meta(pattern="^([0-9]{1,5} ?)*$")]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an operator may set. A field `foo` is read from the variable VOTREMACHINE_FOO.

    An empty `database_url` or `redis_url` means "embedded": `votremachine up` starts real servers in `var_dir`.
    """

    var_dir: Path = Path("var")
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8000
    api_processes: Annotated[int, msgspec.Meta(ge=1)] = 1
    database_url: str = ""
    database_pool: Annotated[int, msgspec.Meta(ge=1)] = 10
    redis_url: str = ""
    # s3://bucket/prefix keeps files in S3, with the usual AWS_* variables; empty: in the folder `files` of var_dir.
    storage_url: Annotated[str, msgspec.Meta(pattern="^(s3://[^/]+.*)?$")] = ""
    # Signs tokens and cursors, encrypts what is kept encrypted. Empty in development: `up` makes one, kept in var_dir.
    secret: str = ""
    # The secrets before it, separated by spaces: what they signed or encrypted is still read, nothing new is made.
    old_secrets: str = ""
    # Demo parties book on account and the demo sign-ins are shown to everyone: never on a real service.
    demo: bool = False
    # Where links in letters lead: the address by which people reach this service; empty: where it listens.
    public_url: str = ""
    # smtp://user:password@host:587 or smtps://…:465; empty: letters are files in var_dir/letters.
    smtp_url: str = ""
    mail_from: str = "Votremachine <ne-pas-repondre@votremachine.example>"
    # A gateway that takes {"to", "text"} as a JSON POST, with this bearer token; empty: files as well.
    sms_url: str = ""
    sms_token: str = ""
    # The body for another gateway, as JSON: {to}, {text} and {id} in its texts stand for what is sent.
    sms_template: str = '{"to": "{to}", "text": "{text}"}'
    # Whether renters may pay by card; the deposit is arranged with it.
    card_payments: bool = True
    # What the platform keeps of a rental, in basis points of its net, and the VAT on that. A booking keeps those of its
    # day.
    platform_fee_bp: Annotated[int, msgspec.Meta(ge=0, le=5_000)] = 800
    platform_fee_vat_bp: Annotated[int, msgspec.Meta(ge=0, le=5_000)] = 2_000
    # A deposit's hold is renewed this many hours before it ends; earlier in its life for a hold that is short.
    deposit_margin_hours: Annotated[int, msgspec.Meta(ge=1, le=96)] = 24
    # Who moves card money. The simulated one moves none: it is for looking around and for tests.
    gateway: Literal["simulated", "stripe"] = "simulated"
    stripe_secret_key: str = ""
    # What webhooks are signed with (whsec_…), separated by spaces: two, while one follows the other.
    stripe_webhook_secrets: str = ""
    # Another address of the same interface, for tests; empty: Stripe's own.
    stripe_api_base: str = ""
    # Owners whose payouts go to their connected accounts at Stripe: party=acct_…, separated by spaces.
    stripe_accounts: Annotated[str, msgspec.Meta(pattern="^([0-9a-f-]{36}=acct_[A-Za-z0-9]+ ?)*$")] = ""
    # What the platform keeps of what goes to an owner's connected account, in basis points.
    stripe_fee_bp: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    # Networks (CIDR, separated by spaces) of the proxies whose X-Forwarded-For is believed.
    trusted_proxies: str = ""
    # Origins, separated by spaces, whose pages may call the API from a browser.
    cors_origins: str = ""
    # Multiplies every rate limit: a cooperative's office may be many people behind one address.
    rate_limit_factor: Annotated[int, msgspec.Meta(ge=1)] = 1
    # argon2id; OWASP's floor. A hash made with other parameters is made anew when its person signs in.
    argon2_passes: Annotated[int, msgspec.Meta(ge=1)] = 2
    argon2_memory_kib: Annotated[int, msgspec.Meta(ge=8 * 1024)] = 19 * 1024
    argon2_lanes: Annotated[int, msgspec.Meta(ge=1)] = 1
    # Calendars are read from private and loopback addresses too: for tests, never on a service that others reach.
    fetch_private_addresses: bool = False
    # When people are reminded, on the clocks of the machine: an hour, or minutes before or after what it is about.
    remind_tomorrow_at: Hour = "18:00"
    remind_hand_over_minutes: Minutes = 120
    remind_return_minutes: Minutes = 120
    remind_overdue_minutes: SeveralMinutes = "30 240"
    remind_escalate_minutes: Minutes = 24 * 60
    # Beyond the two of them, their cooperative and then all staff are told that a machine is not back.
    overdue_cooperative_minutes: Minutes = 24 * 60
    overdue_staff_minutes: Minutes = 48 * 60
    remind_request_minutes: SeveralMinutes = "120 720"
    remind_request_before_minutes: Minutes = 60
    remind_hold_before_minutes: Minutes = 5
    remind_usage_at: Hour = "18:00"
    remind_usage_before_minutes: Minutes = 12 * 60
    remind_report_minutes: Minutes = 60
    # Before the time in which damage may be claimed ends, and before an answer to a claim is due; days without a
    # mediator's decision.
    remind_claim_window_minutes: Minutes = 12 * 60
    remind_claim_answer_minutes: SeveralMinutes = "1440 240"
    remind_undecided_days: SeveralMinutes = "3 6 9 12 15 20 25 30 45 60 90"
    # Before a machine leaves, or a deposit lapses, whose card refuses; and after one has lapsed.
    remind_deposit_before_minutes: SeveralMinutes = "720 180"
    remind_deposit_after_minutes: SeveralMinutes = "240 1440"
    # About no machine in particular: days before a document ends, and the hour, on the clocks of Paris.
    remind_document_days: SeveralMinutes = "30 7"
    # Before and after the day on which an invoice is due, to its customer; and after it, to its issuer.
    remind_invoice_before_days: SeveralMinutes = "3"
    remind_invoice_after_days: SeveralMinutes = "1 8 15"
    remind_invoice_issuer_days: SeveralMinutes = "22"
    remind_unseen_days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 30
    remind_office_at: Hour = "09:00"
    # Nobody is reminded then, but of what is urgent.
    night_begins: Hour = "22:00"
    night_ends: Hour = "07:00"
    # What a gateway that hands in answers by SMS must show as its bearer token; empty: none are taken.
    sms_inbound_token: str = ""
    # Web Push services may write to this address about us (RFC 8292, 2.1).
    push_contact: str = "mailto:ne-pas-repondre@votremachine.example"
    # Native apps are told through Firebase Cloud Messaging by this service account: its JSON, or the file that has it.
    fcm_account: str = ""
    # Other addresses of the same interfaces, for tests; empty: those that the account names, and Google's own.
    fcm_token_url: str = ""
    fcm_url: str = "https://fcm.googleapis.com"
    # What must be shown as bearer token to read /metrics; empty: nothing.
    metrics_token: str = ""
    # Messages go nowhere but into inboxes: for measuring.
    deliver_to_nobody: bool = False
    log_level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    log_json: bool = True

    def __repr__(self) -> str:
        # Half of them are secrets, or addresses with a password in them.
        return f"Settings(var_dir={self.var_dir!r}, …)"

    @property
    def link_base(self) -> str:
        """What links begin with, without a slash at its end."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"


class BadSetting(Exception):
    """A VOTREMACHINE_* variable cannot be read; the message says which and why."""


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment, an empty variable being none; raises `BadSetting` for a wrong name or value."""
    prefix = "VOTREMACHINE_"
    given = {
        name.removeprefix(prefix).lower(): value for name, value in environ.items() if name.startswith(prefix) and value
    }
    try:
        return msgspec.convert(given, Settings, strict=False, dec_hook=_read_path)
    except msgspec.ValidationError as error:
        raise BadSetting(f"{prefix}*: {error}") from error


def check_secrets(settings: Settings) -> None:
    """Raises `BadSetting` for a secret that could be guessed: whoever has it signs in as anybody."""
    if any(len(secret) < SHORTEST_SECRET for secret in (settings.secret, *settings.old_secrets.split())):
        raise BadSetting(f"VOTREMACHINE_SECRET and each of OLD_SECRETS must have {SHORTEST_SECRET} characters or more")


def check_gateway(settings: Settings) -> None:
    """Raises `BadSetting` when the gateway that is chosen cannot be spoken to, or not believed."""
    if settings.gateway == "stripe" and not (settings.stripe_secret_key and settings.stripe_webhook_secrets.split()):
        raise BadSetting("VOTREMACHINE_GATEWAY=stripe needs STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRETS")


def _read_path(kind: type, value: object) -> Path:
    if kind is not Path:
        raise NotImplementedError(kind)
    return Path(str(value))
