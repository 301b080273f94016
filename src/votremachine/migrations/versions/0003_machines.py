"""Machines as they really are: attributes, two languages, who sees them, on what terms, and where strangers see them.

What stands is kept: texts are French, everybody sees what everybody saw, and a machine with a card in force is priced.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

COLUMNS = (
    "title_en TEXT DEFAULT '' NOT NULL",
    "description_en TEXT DEFAULT '' NOT NULL",
    "serial TEXT DEFAULT '' NOT NULL",
    "attributes JSONB DEFAULT '{}' NOT NULL",
    "meters TEXT[] DEFAULT '{}' NOT NULL",
    "visibility TEXT DEFAULT 'public' NOT NULL",
    "hand_over JSONB DEFAULT '[]' NOT NULL",
    "pairing JSONB",
    "cancellation TEXT DEFAULT 'flexible' NOT NULL",
    "cleaning TEXT DEFAULT 'as_found' NOT NULL",
    "priced BOOLEAN DEFAULT false NOT NULL",
    "category_number INTEGER",
    "shown_latitude FLOAT",
    "shown_longitude FLOAT",
)
# Filled below, then required.
FILLED = ("category_number", "shown_latitude", "shown_longitude")
CHECKS = {
    "visibility": "visibility IN ('public', 'cooperative', 'named')",
    "cancellation": "cancellation IN ('flexible', 'moderate', 'strict', 'cooperative')",
    "cleaning": "cleaning IN ('as_found', 'swept', 'washed', 'disinfected')",
    "meters": "meters <@ ARRAY['engine_hour', 'hectare', 'bale', 'm3', 'km', 'tonne']",
}
NUMBERS = {
    "tractor": 1,
    "telehandler": 2,
    "combine": 3,
    "forage_harvester": 4,
    "beet_harvester": 5,
    "potato_equipment": 6,
    "grape_harvester": 7,
    "plough": 8,
    "deep_tillage": 9,
    "stubble_cultivator": 10,
    "harrow": 11,
    "roller": 12,
    "drill": 13,
    "precision_planter": 14,
    "mechanical_weeder": 15,
    "sprayer": 16,
    "fertiliser_spreader": 17,
    "slurry_tanker": 18,
    "manure_spreader": 19,
    "mower": 20,
    "tedder_rake": 21,
    "baler": 22,
    "bale_wrapper": 23,
    "feed_mixer": 24,
    "trailer": 25,
    "livestock_trailer": 26,
    "hedge_trimmer": 27,
    "shredder": 28,
    "log_splitter": 29,
    "irrigation": 30,
    "earthmoving": 31,
    "storage_space": 32,
}
# As fleet/positions.py has it: the nearest hundredth of a degree.
BLUR = """
    UPDATE machines SET
        shown_latitude = round(latitude::numeric, 2), shown_longitude = round(longitude::numeric, 2)
"""
NEAREST = """
    CREATE INDEX machines_nearest_idx ON machines
    USING gist (int4range(category_number, category_number, '[]'), point(shown_longitude, shown_latitude))
"""
INVITED = """
    CREATE TABLE invited_parties (
        machine_id UUID NOT NULL,
        party_id UUID NOT NULL,
        CONSTRAINT invited_parties_pkey PRIMARY KEY (machine_id, party_id),
        CONSTRAINT invited_parties_machine_id_fkey FOREIGN KEY(machine_id) REFERENCES machines (id),
        CONSTRAINT invited_parties_party_id_fkey FOREIGN KEY(party_id) REFERENCES parties (id)
    )
"""


def upgrade() -> None:
    op.execute("ALTER TABLE machines RENAME COLUMN title TO title_fr")
    op.execute("ALTER TABLE machines RENAME COLUMN description TO description_fr")
    op.execute(f"ALTER TABLE machines {', '.join(f'ADD COLUMN {one}' for one in COLUMNS)}")
    cases = " ".join(f"WHEN '{code}' THEN {number}" for code, number in NUMBERS.items())
    op.execute(f"UPDATE machines SET category_number = CASE category {cases} ELSE 0 END")  # noqa: S608 -- our own names
    op.execute(
        "UPDATE machines SET priced = true FROM rate_cards WHERE machine_id = machines.id AND replaced_at IS NULL"
    )
    op.execute(BLUR)
    op.execute(f"ALTER TABLE machines {', '.join(f'ALTER COLUMN {one} SET NOT NULL' for one in FILLED)}")
    for name, condition in CHECKS.items():
        op.execute(f"ALTER TABLE machines ADD CONSTRAINT machines_{name}_check CHECK ({condition})")
    op.execute(NEAREST)
    op.execute(INVITED)
    op.execute("CREATE INDEX invited_parties_party_id_idx ON invited_parties (party_id)")


def downgrade() -> None:
    op.drop_table("invited_parties")
    op.execute("DROP INDEX machines_nearest_idx")
    # Where there is only an English text, the one column that is left keeps it.
    op.execute("UPDATE machines SET title_fr = title_en WHERE title_fr = ''")
    op.execute("UPDATE machines SET description_fr = description_en WHERE description_fr = ''")
    dropped = (one.partition(" ")[0] for one in COLUMNS)
    op.execute(f"ALTER TABLE machines {', '.join(f'DROP COLUMN {name}' for name in dropped)}")
    op.execute("ALTER TABLE machines RENAME COLUMN title_fr TO title")
    op.execute("ALTER TABLE machines RENAME COLUMN description_fr TO description")
