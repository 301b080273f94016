"""What a fetch comes to, written down together with the times that the feed takes now."""

from msgspec.structs import replace

from votremachine.availability.events import FeedFails
from votremachine.availability.feeds import rules
from votremachine.availability.feeds.reading import Reading
from votremachine.availability.feeds.rules import Feed, InternalError, UnknownFeed
from votremachine.availability.feeds.service import store
from votremachine.availability.feeds.service.filling import apply
from votremachine.availability.rules import Taker
from votremachine.availability.service import look
from votremachine.fleet import service as fleet
from votremachine.infra.database import Tx
from votremachine.infra.fetching.failures import FetchFailed, GoneForGood
from votremachine.infra.fetching.fetcher import Known
from votremachine.kernel.errors import DomainError


async def ours(tx: Tx, feed: Feed) -> frozenset[str]:
    """The ids under which our own calendars publish a machine and what takes its time (see calendars/rules.py)."""
    found = await look.taken(tx, [feed.machine_id], rules.window_at(tx.now))
    booked = (str(one.ref_id) for one in found if one.kind is Taker.BOOKING)
    return frozenset((str(feed.machine_id), *booked))


async def read(tx: Tx, leased: Feed, reading: Reading, known: Known, jitter: float) -> None:
    """A feed was read: its times are taken, and what it says of itself is kept. Nothing if the lease is lost."""
    if (feed := await _still(tx, leased)) is None:
        return
    await apply(tx, feed, reading.spans)
    ignored = {reason.value: count for reason, count in sorted(reading.ignored.items())}
    done = replace(rules.succeeded(feed, tx.now, jitter), events=reading.events, ignored=ignored)
    await store.change(tx, replace(done, etag=known.etag, last_modified=known.last_modified, read_at=tx.now))


async def unchanged(tx: Tx, leased: Feed, jitter: float) -> None:
    """A feed is as it was: what was not free of its times may be by now. Nothing if the lease is lost."""
    if (feed := await _still(tx, leased)) is None:
        return
    await apply(tx, feed, None)
    await store.change(tx, rules.succeeded(feed, tx.now, jitter))


async def failed(tx: Tx, leased: Feed, error: DomainError, jitter: float) -> None:
    """A feed could not be read: it keeps its times. Its owner is told once. Nothing if the lease is lost."""
    if (feed := await _still(tx, leased)) is None:
        return
    await apply(tx, feed, None)
    wait = error.retry_after if isinstance(error, FetchFailed) else None
    gone = isinstance(error, GoneForGood)
    await _failed(tx, feed, rules.failed(feed, error, tx.now, jitter, gone=gone, retry_after=wait))


async def broke(tx: Tx, leased: Feed, jitter: float) -> None:
    """We could not cope with a feed: it fails like any other, and nothing else is tried with it now."""
    if (feed := await _still(tx, leased)) is None:
        return
    await _failed(tx, feed, rules.failed(feed, InternalError(), tx.now, jitter, gone=False, retry_after=None))


async def _failed(tx: Tx, before: Feed, after: Feed) -> None:
    await store.change(tx, after)
    if rules.is_told(before, after):
        machine = await fleet.machine(tx, before.machine_id)
        tx.publish(FeedFails(machine_id=machine.id, owner_party_id=machine.party_id, feed_id=before.id))


async def _still(tx: Tx, leased: Feed) -> Feed | None:
    """The feed as it stands, its machine's lock held; None if it is followed no more, or another worker has it."""
    await fleet.lock(tx, leased.machine_id)
    try:
        feed = await store.load(tx, leased.id)
    except UnknownFeed:
        return None
    return feed if feed.lease == leased.lease else None
