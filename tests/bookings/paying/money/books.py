"""The gateway's own tables held against ours, in plain SQL: for the machine, and for the fault test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from votremachine.infra.database import Tx

# What must be so at any moment; each finds what is not. An order "about" another ends it: captures, refunds, releases.
_NEVER = {
    "the ledger does not come to zero": """
        SELECT sum(minor) AS off FROM ledger_entries GROUP BY currency HAVING sum(minor) <> 0
    """,
    "the gateway has an order that is not ours": """
        SELECT g.key FROM simulated_orders g WHERE NOT EXISTS (SELECT FROM payment_orders p WHERE p.id = g.key)
    """,
    "a card paid twice for one thing": """
        SELECT p.subject_id, p.purpose, array_agg(p.id) AS orders
        FROM payment_orders p JOIN simulated_orders g ON g.key = p.id
        WHERE p.purpose IN ('rental', 'deposit') AND (g.captured > g.refunded OR g.standing = 'held')
            AND NOT EXISTS (SELECT FROM payment_orders e WHERE e.earlier_id = p.id AND e.what IN ('refund', 'release'))
            -- Its cardholder proved who they are just when it was given up: it goes back as soon as that is seen.
            AND NOT (p.given_up AND p.settled_at IS NULL)
            -- A deposit's new card holds before its deposit hears of it, which then lets the old one go.
            AND NOT (p.purpose = 'deposit' AND (p.settled_at IS NULL OR EXISTS (
                SELECT FROM outbox o WHERE o.name = 'OrderSettled' AND o.body ->> 'order_id' = p.id::text)))
        GROUP BY p.subject_id, p.purpose HAVING count(*) > 1
    """,
    "more was taken than was asked for": """
        SELECT p.id FROM payment_orders p JOIN simulated_orders g ON g.key = p.id
        WHERE g.captured > p.minor OR g.minor <> p.minor OR g.captured + g.released > g.minor
    """,
    "more was to be given back than there was": """
        SELECT p.id FROM payment_orders p WHERE p.what = 'refund' AND p.state = 'refused'
    """,
    "it was captured, released or refunded in parallel": """
        SELECT e.earlier_id FROM payment_orders e WHERE e.earlier_id IS NOT NULL AND e.state = 'done'
        GROUP BY e.earlier_id, e.what HAVING count(*) > 1 AND e.what IN ('capture', 'release')
    """,
    "a booking stands by a card that has not paid": """
        SELECT b.id, b.state FROM bookings b
        WHERE b.state IN ('requested', 'confirmed', 'in_use', 'returned', 'completed', 'no_show') AND NOT b.on_account
            AND (b.price -> 'total' ->> 'minor')::bigint > 0
            AND NOT EXISTS (
                SELECT FROM payment_orders p JOIN simulated_orders g ON g.key = p.id
                WHERE p.booking_id = b.id AND p.purpose = 'rental' AND p.state = 'done'
                    AND (g.standing = 'held' OR g.captured > g.refunded
                        -- It ran out at the gateway before anybody took it: the booking is called off for that.
                        OR (g.standing = 'released' AND g.created_at <= CAST(:now AS timestamptz) - interval '5 days')))
    """,
    "the ledger tells another amount than the gateway": """
        SELECT coalesce(g.reference, l.reference) AS reference, g.moved AS theirs, l.moved AS ours
        FROM (
            SELECT reference, captured - refunded AS moved FROM simulated_orders WHERE NOT EXISTS (
                SELECT FROM payment_orders p WHERE p.settled_at IS NULL AND key IN (p.id, p.earlier_id))) AS g
        LEFT JOIN (
            SELECT t.reference, sum(e.minor) AS moved FROM ledger_transactions t
            JOIN ledger_entries e ON e.transaction_id = t.id JOIN ledger_accounts a ON a.id = e.account_id
            WHERE a.code = 'gateway' GROUP BY t.reference) AS l ON l.reference = g.reference
        WHERE coalesce(l.moved, 0) <> g.moved
    """,
}
_NEVER_AT_ALL = sa.text(
    " UNION ALL ".join(
        f"SELECT '{what}' AS what, (SELECT jsonb_agg(to_jsonb(found)) FROM ({question}) AS found)::text AS found"
        for what, question in _NEVER.items()
    )
)
_UNDER_WAY = sa.text(
    "SELECT EXISTS (SELECT FROM outbox) OR EXISTS (SELECT FROM payment_orders WHERE settled_at IS NULL) AS so"
)
_LEFT = sa.text(
    """
    SELECT 'order' AS kind, id::text || ' ' || what || ' ' || state AS what FROM payment_orders WHERE settled_at IS NULL
    UNION ALL SELECT 'fact', name || ' ' || coalesce(last_error, '') FROM outbox
    UNION ALL SELECT 'open at the gateway', reference FROM simulated_orders
        WHERE standing IN ('held', 'requires_action')
    UNION ALL SELECT 'owed on account', b.id::text FROM bookings b
        WHERE b.on_account AND b.state IN ('confirmed', 'in_use', 'returned', 'completed')
            AND (b.price -> 'total' ->> 'minor')::bigint <> (
                SELECT coalesce(sum(e.minor), 0) FROM ledger_transactions t
                JOIN ledger_entries e ON e.transaction_id = t.id JOIN ledger_accounts a ON a.id = e.account_id
                WHERE t.booking_id = b.id AND a.code = 'account_owed')
    UNION ALL SELECT 'deposit', booking_id || ' ' || state FROM deposits
        WHERE state NOT IN ('captured', 'partially_captured', 'released', 'waived')
    """
)
# Not: one that the owner waived; that was taken for a claim; whose loss was told; or of which nobody could know,
# because no worker was alive.
_UNSECURED = sa.text(
    """
    SELECT b.id, d.state, d.next_at, d.capture_before FROM bookings b LEFT JOIN deposits d ON d.booking_id = b.id
    WHERE b.state IN ('in_use', 'returned') AND NOT b.on_account AND b.deposit_minor > 0
        AND NOT coalesce(d.state IN ('waived', 'captured', 'partially_captured') OR d.next_at <= :now, false)
        AND NOT EXISTS (
            SELECT FROM simulated_orders g WHERE g.key = d.order_id AND g.minor = d.minor
                AND (g.capture_before > :now OR (g.standing = 'succeeded' AND g.captured > g.refunded)))
        AND NOT EXISTS (
            SELECT FROM deposit_transitions t
            WHERE t.deposit_id = d.id AND t.to_state = 'lapsed' AND d.state <> 'authorised')
    """
)
_PAID = sa.text(
    """
    SELECT b.id, coalesce(sum(g.captured - g.refunded) FILTER (WHERE p.purpose <> 'deposit'), 0)::bigint AS paid,
        coalesce(sum(g.captured - g.refunded) FILTER (WHERE p.purpose = 'deposit'), 0)::bigint AS deposit,
        coalesce(sum(lost.minor) FILTER (WHERE p.purpose <> 'deposit'), 0)::bigint AS lost,
        coalesce(sum(p.minor) FILTER (WHERE p.purpose = 'difference' AND p.what = 'charge' AND p.state = 'declined'), 0)
            ::bigint AS declined,
        EXISTS (SELECT FROM deposits d WHERE d.booking_id = b.id AND d.state IN ('captured', 'partially_captured'))
            AS captured
    FROM bookings b LEFT JOIN payment_orders p ON p.booking_id = b.id LEFT JOIN simulated_orders g ON g.key = p.id
    LEFT JOIN payment_orders lost ON lost.earlier_id = p.id AND lost.what = 'capture' AND lost.state = 'refused'
    GROUP BY b.id
    """
)
_POSTED = sa.text(
    """
    SELECT t.booking_id, l.code, sum(e.minor)::bigint AS minor FROM ledger_transactions t
    JOIN ledger_entries e ON e.transaction_id = t.id JOIN ledger_accounts a ON a.id = e.account_id,
    -- What is on account is no money, and looked at above.
    LATERAL (SELECT CASE WHEN a.code LIKE 'owner%' THEN 'owner' ELSE a.code END AS code) AS l
    WHERE a.code NOT LIKE 'account%'
    GROUP BY t.booking_id, l.code HAVING sum(e.minor) <> 0
    """
)


# Where something is wrong with somebody's money, or theirs again, they are told.
_UNTOLD = sa.text(
    """
    SELECT 'given back', d.booking_id::text FROM deposits d
    WHERE d.state = 'released' AND d.held > 0
        AND NOT EXISTS (SELECT FROM messages m WHERE m.booking_id = d.booking_id AND m.kind = 'DepositReleased')
    UNION ALL SELECT 'lapsed', d.booking_id::text FROM deposits d
    WHERE EXISTS (SELECT FROM deposit_transitions t WHERE t.deposit_id = d.id AND t.to_state = 'lapsed')
        AND NOT EXISTS (SELECT FROM messages m WHERE m.booking_id = d.booking_id AND m.kind = 'DepositLapsed')
    UNION ALL SELECT 'missing', p.booking_id::text FROM payment_orders p JOIN bookings b ON b.id = p.booking_id
    WHERE (p.what = 'capture' AND p.state = 'refused' AND p.purpose <> 'deposit'
            OR p.what = 'charge' AND p.state = 'declined' AND p.purpose = 'difference' AND p.off_session)
        AND b.state IN ('confirmed', 'in_use', 'returned', 'completed')
        AND NOT EXISTS (SELECT FROM messages m WHERE m.booking_id = p.booking_id AND m.kind = 'PaymentMissing')
    """
)


@dataclass(frozen=True)
class Booked:
    """What became of the money of one booking: at the gateway, and on each kind of account of the ledger; what is the
    owner's counts as one, be it to be paid out yet or not.

    `deposit` is what was taken of the deposit and not given back, which `captured` says was meant; `lost` what was set
    aside and ran out before it was taken, `declined` what a bank did not give afterwards; all in cents.
    """

    paid: int
    deposit: int
    lost: int
    declined: int
    captured: bool
    ledger: dict[str, int]


async def broken(tx: Tx) -> dict[str, str]:
    """What is not as it must be at any moment."""
    return {row.what: row.found for row in await tx.rows(_NEVER_AT_ALL, {"now": tx.now}) if row.found is not None}


async def under_way(tx: Tx) -> bool:
    """Whether any money is just being moved, or is about to be."""
    return bool((await tx.execute(_UNDER_WAY)).scalar_one())


async def left(tx: Tx) -> Sequence[Any]:
    """What has not come to its end."""
    return [tuple(row) for row in await tx.rows(_LEFT)]


async def untold(tx: Tx) -> Sequence[Any]:
    """What nobody was told that somebody must know."""
    return [tuple(row) for row in await tx.rows(_UNTOLD)]


async def unsecured(tx: Tx) -> Sequence[Any]:
    """The bookings whose machine is out, or just back, without a deposit that is live at the gateway."""
    return [tuple(row) for row in await tx.rows(_UNSECURED, {"now": tx.now})]


async def booked(tx: Tx) -> dict[UUID, Booked]:
    """The money of every booking."""
    posted: dict[UUID, dict[str, int]] = {}
    for row in await tx.rows(_POSTED):
        posted.setdefault(row.booking_id, {})[row.code] = row.minor
    return {
        row.id: Booked(row.paid, row.deposit, row.lost, row.declined, row.captured, posted.get(row.id, {}))
        for row in await tx.rows(_PAID)
    }
