"""The arq side put together: what runs when, and the one table of which fact is handed to whom.

The database is the truth: every job looks up what is due and may run twice, late, or beside another worker. Redis only
says when to look, so losing it costs a delay and nothing else.
"""

import asyncio
import random
import signal
import time
from contextlib import suppress
from functools import partial
from typing import Any

import structlog
from arq import cron
from arq.connections import RedisSettings
from arq.worker import Worker, func
from redis.exceptions import RedisError

from votremachine.accounts import events as accounts
from votremachine.accounts.credentials import Credentials, keys_of
from votremachine.accounts.jobs import purge_accounts, send_letters
from votremachine.availability import events as calendar
from votremachine.availability.blocks.jobs import roll_forward
from votremachine.availability.feeds.jobs import fetch_feeds, purge_past, take_freed
from votremachine.availability.feeds.service.refills import on_calendar_changed, on_given_back
from votremachine.availability.maintenance.jobs import propose_maintenance
from votremachine.bookings import events
from votremachine.bookings.jobs import complete_returned, expire_provisional, warn_overdue
from votremachine.bookings.overdue.jobs import escalate_overdue
from votremachine.bookings.paying import moving
from votremachine.bookings.paying.following import on_capture_refused, on_confirmed, on_fallen_through, on_returned
from votremachine.bookings.paying.moving import on_difference_refused, on_moved
from votremachine.bookings.paying.owing import on_charge_settled, on_usage_settled
from votremachine.bookings.paying.service import on_settled
from votremachine.bookings.securing import on_over
from votremachine.bookings.waiting import events as waiting
from votremachine.bookings.waiting.jobs import offer_freed
from votremachine.config import Settings
from votremachine.damages import events as damages
from votremachine.damages.jobs import move_claims
from votremachine.damages.service.settling import on_captured, on_charged, on_lapsed
from votremachine.deposits import events as deposits
from votremachine.deposits.jobs import keep_deposits
from votremachine.deposits.service.holding import on_settled as on_deposit_settled
from votremachine.fleet.photos.jobs import make_copies
from votremachine.infra import logs
from votremachine.infra.answers import purge
from votremachine.infra.bell import Bell
from votremachine.infra.database import Database
from votremachine.infra.fetching.fetcher import Fetcher
from votremachine.infra.images.apart import Images
from votremachine.infra.keys import Seal
from votremachine.infra.letters import open_post
from votremachine.infra.outbox import Handlers, drain
from votremachine.infra.storage import ledger
from votremachine.infra.storage.files import Files
from votremachine.inspections import events as inspections
from votremachine.inspections.jobs import purge_waiting_photos
from votremachine.invoicing import events as invoicing
from votremachine.invoicing.service.issuing import on_claim_settled, on_rental_settled
from votremachine.invoicing.service.paying import on_claim_paid, on_difference_paid
from votremachine.notifications.answering import service as answering
from votremachine.notifications.channels.ways import open_ways
from votremachine.notifications.delivering.jobs import follow_up, send_deliveries, sweep_deliveries
from votremachine.notifications.delivering.service.packing import Packer
from votremachine.notifications.delivering.service.sending import Sender
from votremachine.notifications.devices.keys import PushSigner
from votremachine.notifications.devices.service import Devices
from votremachine.notifications.invoices import tell_invoice
from votremachine.notifications.reminders.jobs import plan_again, plan_unseen_calendars, sweep_reminders, tell_reminders
from votremachine.notifications.reminders.rules import Moments
from votremachine.notifications.reminders.service.documents import plan_document
from votremachine.notifications.reminders.service.invoices import plan_invoice
from votremachine.notifications.reminders.service.planning import plan_booking
from votremachine.notifications.service import (
    tell,
    tell_mediators,
    tell_operators,
    tell_overdue,
    tell_owner,
    tell_person,
    tell_staff,
)
from votremachine.payments.gateways import close_gateway, open_gateway, simulated_secrets
from votremachine.payments.ledger.events import LedgerDiffers
from votremachine.payments.ledger.jobs import keep_checkpoints, prove_ledger
from votremachine.payments.notices.events import GatewayNoticed
from votremachine.payments.notices.jobs import purge_notices
from votremachine.payments.orders.events import OrderSettled
from votremachine.payments.orders.jobs import carry_out_orders
from votremachine.payments.orders.settling import look_again
from votremachine.payments.payouts.jobs import prepare_payouts, send_payouts
from votremachine.payments.simulated.jobs import play_gateway
from votremachine.sync.jobs import purge_changes

EVERY_SECOND = set(range(60))
EVERY_TEN_SECONDS = set(range(0, 60, 10))
LONGEST_PAUSE_SECONDS = 10

# Which fact is handed to whom. What is not listed interests nobody yet.
HANDLERS: Handlers = {
    events.BookingRequested: (tell,),
    events.BookingConfirmed: (tell, on_confirmed),
    events.BookingDeclined: (tell, on_fallen_through, on_over, on_given_back),
    events.BookingExpired: (tell, on_fallen_through, on_over, on_given_back),
    events.BookingCancelled: (tell, on_fallen_through, on_over, on_given_back),
    events.BookingMoved: (tell, on_moved, on_given_back),
    events.PaymentMissing: (tell,),
    events.DifferencePaid: (on_difference_paid,),
    events.UsageProposed: (tell,),
    events.UsageSettled: (tell, on_usage_settled),
    events.MachineReplaced: (tell, on_given_back),
    events.MachineOverdue: (tell_overdue,),
    events.MachineReturned: (tell, on_returned, on_given_back),
    events.BookingCompleted: (on_over,),
    events.RentalSettled: (on_rental_settled,),
    events.RenterAbsent: (tell, on_fallen_through, on_over, on_given_back),
    events.BookingAtRisk: (tell,),
    events.BookingOutOfRisk: (tell,),
    inspections.InspectionToSign: (tell,),
    inspections.InspectionSigned: (tell,),
    waiting.WaitingOffered: (tell,),
    waiting.WaitingLapsed: (tell_person,),
    calendar.CalendarChanged: (on_calendar_changed,),
    calendar.OccurrencesLost: (tell_owner,),
    calendar.MaintenanceDue: (tell_owner,),
    deposits.DepositRequired: (tell,),
    deposits.DepositHeld: (tell,),
    deposits.DepositFailed: (tell,),
    deposits.DepositLapsing: (tell,),
    deposits.DepositLapsed: (tell, on_lapsed),
    deposits.DepositReleased: (tell,),
    deposits.DepositWaived: (tell,),
    deposits.DepositCaptured: (tell, on_captured),
    damages.ClaimOpened: (tell,),
    damages.ClaimAccepted: (tell,),
    damages.ClaimContested: (tell,),
    damages.OfferMade: (tell,),
    damages.ClaimAgreed: (tell,),
    damages.ClaimWithdrawn: (tell,),
    damages.ClaimEscalated: (tell, tell_mediators),
    damages.ClaimStalled: (tell, tell_staff),
    damages.ClaimUnresolved: (tell,),
    damages.ClaimDecided: (tell,),
    damages.ClaimSettled: (tell, on_claim_settled),
    damages.ClaimPaid: (tell, on_claim_paid),
    OrderSettled: (
        on_deposit_settled,
        on_settled,
        on_capture_refused,
        moving.on_settled,
        on_difference_refused,
        on_charge_settled,
        on_charged,
    ),
    GatewayNoticed: (look_again,),
    calendar.FeedClashed: (tell_owner,),
    calendar.FeedFails: (tell_owner,),
    invoicing.InvoiceIssued: (tell_invoice,),
    invoicing.InvoicePaid: (tell_invoice,),
    invoicing.InvoiceCredited: (tell_invoice,),
    LedgerDiffers: (tell_operators,),
    accounts.RefreshTokenReused: (tell_person,),
    accounts.PasswordChanged: (tell_person,),
    accounts.AddressChanged: (tell_person,),
    accounts.Impersonated: (tell_person,),
    accounts.RoleChanged: (tell_person,),
}

# After these the reminders of their booking are planned anew.
PLANNED_BY: tuple[type[events.BookingEvent | deposits.DepositEvent | damages.ClaimEvent], ...] = (
    events.BookingHeld,
    events.BookingRequested,
    events.BookingConfirmed,
    events.BookingDeclined,
    events.BookingExpired,
    events.BookingCancelled,
    events.BookingMoved,
    events.MachineReplaced,
    events.MachineOut,
    events.MachineReturned,
    events.RenterAbsent,
    events.UsageProposed,
    events.UsageSettled,
    inspections.InspectionToSign,
    inspections.InspectionSigned,
    waiting.WaitingOffered,
    deposits.DepositHeld,
    deposits.DepositFailed,
    deposits.DepositLapsing,
    deposits.DepositLapsed,
    deposits.DepositReleased,
    deposits.DepositWaived,
    deposits.DepositCaptured,
    damages.ClaimOpened,
    damages.ClaimAccepted,
    damages.ClaimContested,
    damages.OfferMade,
    damages.ClaimAgreed,
    damages.ClaimUnresolved,
    damages.ClaimWithdrawn,
    damages.ClaimEscalated,
    damages.ClaimDecided,
)

# After these, those of their invoice.
OWED_BY: tuple[type[invoicing.InvoiceEvent], ...] = (
    invoicing.InvoiceIssued,
    invoicing.InvoicePaid,
    invoicing.InvoiceCredited,
)

log = structlog.get_logger()


def handlers(moments: Moments) -> Handlers:
    """`HANDLERS`, and the planning of reminders at the moments that the operator set."""
    plan, plan_due = partial(plan_booking, moments=moments), partial(plan_invoice, moments=moments)
    return {
        **HANDLERS,
        **{event: (*HANDLERS.get(event, ()), plan) for event in PLANNED_BY},
        **{event: (*HANDLERS[event], plan_due) for event in OWED_BY},
        inspections.InsuranceAdded: (partial(plan_document, moments=moments),),
    }


async def drain_outbox(ctx: dict[str, Any]) -> int:
    """Hand on the facts that were committed."""
    return await drain(ctx["database"], ctx["handlers"])


async def purge_answers(ctx: dict[str, Any]) -> int:
    """Forget the answers kept for retries after 7 days."""
    async with ctx["database"].begin() as tx:
        return await purge(tx)


async def purge_codes(ctx: dict[str, Any]) -> int:
    """Forget the codes of SMS that ran out."""
    async with ctx["database"].begin() as tx:
        return await answering.purge(tx)


async def sweep_files(ctx: dict[str, Any]) -> int:
    """Delete the files that nothing speaks of any more."""
    return await ledger.sweep(ctx["database"], ctx["files"])


def _cron_jobs() -> list[Any]:
    # A job's result is not kept: while it was, its id would be taken and the next run refused.
    sweep = partial(cron, keep_result=0, max_tries=1, timeout=50)
    return [
        sweep(drain_outbox, second=EVERY_SECOND),
        sweep(send_letters, second=EVERY_SECOND),
        sweep(expire_provisional, second=EVERY_TEN_SECONDS),
        # Mostly before the one below: what an owner does elsewhere comes before what can be offered to others.
        sweep(take_freed, second=EVERY_SECOND),
        # Behind the sweep above, which gives back what offers held.
        sweep(offer_freed, second={2, 12, 22, 32, 42, 52}),
        sweep(warn_overdue, second={5}),
        sweep(escalate_overdue, second={35}),
        sweep(complete_returned, minute={2}, second={0}),
        sweep(make_copies, second=EVERY_SECOND),
        sweep(carry_out_orders, second=EVERY_SECOND),
        sweep(keep_deposits, second={15}),
        sweep(move_claims, second={25}),
        sweep(sweep_files, second={3, 13, 23, 33, 43, 53}),
        sweep(play_gateway, second=EVERY_SECOND),
        sweep(roll_forward, hour={2}, minute={7}, second={0}, timeout=600),
        sweep(propose_maintenance, hour={4}, minute={7}, second={0}, timeout=600),
        sweep(keep_checkpoints, hour={3}, minute={7}, second={0}, timeout=600),
        sweep(prepare_payouts, hour={4}, minute={37}, second={0}, timeout=600),
        sweep(send_payouts, minute={52}, second={0}, timeout=600),
        sweep(prove_ledger, hour={5}, minute={7}, second={0}, timeout=1800),
        sweep(fetch_feeds, second={8}, timeout=280),
        sweep(purge_answers, hour={3}, minute={17}, second={0}),
        sweep(purge_accounts, hour={3}, minute={27}, second={0}),
        sweep(purge_waiting_photos, hour={3}, minute={57}, second={0}),
        sweep(purge_notices, hour={3}, minute={47}, second={0}),
        sweep(purge_past, hour={3}, minute={57}, second={0}),
        sweep(purge_codes, hour={3}, minute={57}, second={0}),
        sweep(purge_changes, minute={37}, second={0}),
        sweep(plan_unseen_calendars, hour={5}, minute={37}, second={0}, timeout=600),
        sweep(plan_again, hour={4}, minute={47}, second={0}, timeout=600),
        sweep(sweep_reminders, second=EVERY_TEN_SECONDS),
        sweep(sweep_deliveries, second={1, 6, 11, 16, 21, 26, 31, 36, 41, 46, 51, 56}),
        sweep(follow_up, second={4}),
    ]


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; jobs under way are finished first."""
    logs.configure(settings.log_level, settings.log_json)
    asyncio.run(work(settings))


async def work(settings: Settings) -> None:
    """One arq worker after another, for as long as nobody asks to stop: a worker ends when it loses Redis."""
    bell = Bell(settings.redis_url)
    database = Database(settings.database_url, settings.database_pool, ring=bell.ring)
    files, images = Files(settings.storage_url, settings.var_dir / "files"), Images(at_once=1)
    gateway, moments = open_gateway(settings, database), Moments.of(settings)
    needed: dict[str, Any] = {
        "database": database,
        "gateway": gateway,
        "simulated_secret": simulated_secrets(settings)[0],
        "settings": settings,
        "post": open_post(settings),
        "proofs": Credentials.of(settings).proofs,
        "files": files,
        "images": images,
        "fetcher": Fetcher(allow_private=settings.fetch_private_addresses),
        "feed_seal": Seal(keys_of(settings), "calendar feeds"),
        "making_copies": asyncio.Lock(),
        "stopping": asyncio.Event(),
        "moments": moments,
        "handlers": handlers(moments),
    }
    needed["sender"] = sender(settings, database, needed["stopping"])
    stop = needed["stopping"]
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    pause = 0.5
    try:
        while not stop.is_set():
            began = time.monotonic()
            await _work_until_broken(settings, needed, stop)
            pause = 0.5 if time.monotonic() - began > LONGEST_PAUSE_SECONDS else min(pause * 2, LONGEST_PAUSE_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
    finally:
        await bell.close()
        await close_gateway(gateway)
        await database.close()
        files.close()
        images.close()


def sender(settings: Settings, database: Database, stopping: asyncio.Event) -> Sender:
    """What sends messages; it stops between two of them when the process is to end."""
    keys = keys_of(settings)
    ways = open_ways(settings, PushSigner(database, Seal(keys, "push keys")))
    devices, proofs = Devices(Seal(keys, "push subscriptions")), Credentials.of(settings).proofs
    packer = Packer(settings.link_base, devices, proofs, Moments.of(settings))
    return Sender(database, ways, packer, random.random, stopping.is_set)


async def _work_until_broken(settings: Settings, needed: dict[str, Any], stop: asyncio.Event) -> None:
    worker = Worker(
        functions=[func(job, keep_result=0, max_tries=1, timeout=120) for job in (tell_reminders, send_deliveries)],
        cron_jobs=_cron_jobs(),
        redis_settings=RedisSettings.from_dsn(settings.redis_url),
        ctx=needed,
        handle_signals=False,
        keep_result=0,
        poll_delay=0.25,
    )
    running, stopping = asyncio.create_task(worker.async_run()), asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    worker.allow_pick_jobs = False
    await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
    for task in (running, stopping):
        task.cancel()
    for failure in await asyncio.gather(running, stopping, return_exceptions=True):
        if isinstance(failure, Exception):
            log.error("worker.lost_redis", error=repr(failure))
    with suppress(RedisError, OSError):
        await worker.close()
