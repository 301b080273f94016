"""A fleet with a full month, planted by SQL: what takes minutes over HTTP takes a second so."""

from datetime import datetime

import sqlalchemy as sa

from votremachine.infra.database import Database

RENTERS = 40
_PLANTED = (
    """
    INSERT INTO parties SELECT (jsonb_populate_record(p, jsonb_build_object(
        'id', uuidv7(-n * interval '9 days'),
        'name', (ARRAY['GAEC ', 'EARL ', 'Ferme ', 'SCEA '])[1 + n % 4] || (ARRAY['de la Chalosse', 'du Marsan',
            'des Barthes', 'du Tursan', 'de Hontanx', 'de l’Adour', 'du Luy'])[1 + n % 7] || ' ' || n))).*
    FROM parties p, generate_series(1, :renters) n WHERE p.id = :renter
    """,
    """
    INSERT INTO machines SELECT (jsonb_populate_record(m, jsonb_build_object(
        'id', uuidv7(-n * interval '11 days'),
        'title_fr', (ARRAY['Tracteur ', 'Presse ', 'Semoir ', 'Benne '])[1 + n % 4] || n
            || (ARRAY[' 120 ch', ' 3 m', ' 14 t'])[1 + n % 3]))).*
    FROM machines m, generate_series(2, :machines) n WHERE m.id = :machine
    """,
    """
    CREATE TEMPORARY TABLE planted ON COMMIT DROP AS
    SELECT m.id AS machine_id, n, uuidv7(-(random() * 90) * interval '1 day') AS ref_id,
        CAST(:month AS timestamptz) + n * interval '36 hours' + floor(random() * 10) * interval '1 hour' AS starts,
        (3 + floor(random() * 44) / 2) * interval '1 hour' AS length,
        (SELECT id FROM parties WHERE id <> :owner AND m.id IS NOT NULL AND n >= 0 ORDER BY random() LIMIT 1) AS renter
    FROM machines m, generate_series(0, :entries - 1) n
    """,
    """
    INSERT INTO occupancies (id, machine_id, kind, ref_id, during, blocked)
    SELECT uuidv7(), machine_id,
        CASE WHEN n % 10 = 3 THEN 'block' WHEN n % 10 = 6 THEN 'maintenance' WHEN n % 10 = 9 THEN 'external'
        ELSE 'booking' END, ref_id, tstzrange(starts, starts + length),
        CASE WHEN n % 10 IN (3, 6, 9) THEN tstzrange(starts, starts + length)
        ELSE tstzrange(starts - interval '30 minutes', starts + length + interval '1 hour') END
    FROM planted
    """,
    """
    INSERT INTO bookings SELECT (jsonb_populate_record(b, jsonb_build_object(
        'id', p.ref_id, 'renter_party_id', p.renter, 'starts', p.starts, 'ends', p.starts + p.length,
        'at_risk', p.n % 10 = 5))).*
    FROM planted p, bookings b WHERE b.id = :booking AND p.n % 10 NOT IN (3, 6, 9)
    """,
    "INSERT INTO booking_machines SELECT ref_id, machine_id FROM planted WHERE n % 10 NOT IN (3, 6, 9)",
    """
    INSERT INTO blocks (id, machine_id, kind, note, created_by, created_at, series_id, version, during)
    SELECT ref_id, machine_id, CASE WHEN n % 10 = 3 THEN 'block' ELSE 'maintenance' END,
        (ARRAY['Foins', 'Chantier chez Dupouy', 'Vidange', 'Contrôle technique', 'Pneus'])[1 + n % 5],
        (SELECT id FROM people LIMIT 1), now(), ref_id, 1, tstzrange(starts, starts + length)
    FROM planted WHERE n % 10 IN (3, 6)
    """,
    """
    INSERT INTO calendar_feeds (id, machine_id, name, url_sealed, url_shown, created_by, created_at, state,
        last_error_facts, failures, events, ignored, due_at)
    SELECT uuidv7(-(random() * 300) * interval '1 day'), m.id, 'Planning de la CUMA', '', '',
        (SELECT id FROM people LIMIT 1), now(), 'ok', '{}', 0, 2, '{}', now()
    FROM machines m
    """,
    """
    INSERT INTO feed_events (id, feed_id, during)
    SELECT p.ref_id, f.id, tstzrange(p.starts, p.starts + p.length)
    FROM planted p JOIN calendar_feeds f USING (machine_id) WHERE p.n % 10 = 9
    """,
)


async def plant_fleet(
    database: Database,
    *,
    owner: str,
    renter: str,
    machine: str,
    booking: str,
    month: datetime,
    machines: int,
    entries: int,
) -> None:
    """So many machines like this one, each with so many entries from that month's beginning on, 36 hours apart: two in
    ten are blocks, one comes from a followed calendar, the rest are bookings of many parties, with buffers.
    """
    values = {
        "owner": owner,
        "renter": renter,
        "machine": machine,
        "booking": booking,
        "month": month,
        "machines": machines,
        "entries": entries,
        "renters": RENTERS,
    }
    async with database.begin() as tx:
        for statement in _PLANTED:
            await tx.execute(sa.text(statement), {name: values[name] for name in sa.text(statement)._bindparams})
