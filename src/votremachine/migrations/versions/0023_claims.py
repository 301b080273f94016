"""Claims: their lines, offers, evidence and steps; for how long, and how much, an owner may claim.

Revision 0023, after 0022.
"""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute("ALTER TABLE machines ADD COLUMN claim_hours INTEGER DEFAULT '48' NOT NULL")
    op.execute("COMMENT ON COLUMN machines.claim_hours IS 'after the return'")
    op.execute("ALTER TABLE machines ADD CONSTRAINT machines_claim_hours_check CHECK (claim_hours BETWEEN 48 AND 120)")
    op.execute("ALTER TABLE machines ADD COLUMN claim_cap_minor BIGINT")
    op.execute("COMMENT ON COLUMN machines.claim_cap_minor IS 'the most that a claim asks'")
    op.execute("ALTER TABLE machines ADD CONSTRAINT machines_claim_cap_minor_check CHECK (claim_cap_minor > 0)")
    op.execute(
        """
        CREATE TABLE claims (
            id UUID NOT NULL,
            booking_id UUID NOT NULL,
            owner_party_id UUID NOT NULL,
            renter_party_id UUID NOT NULL,
            machine_ids UUID[] NOT NULL,
            state TEXT NOT NULL,
            reason TEXT NOT NULL,
            currency TEXT NOT NULL,
            total BIGINT NOT NULL,
            cap BIGINT,
            asked BIGINT NOT NULL,
            turn TEXT,
            due_at TIMESTAMP WITH TIME ZONE,
            next_at TIMESTAMP WITH TIME ZONE,
            awarded BIGINT,
            from_deposit BIGINT,
            released BIGINT,
            from_renter BIGINT,
            paid BIGINT NOT NULL,
            version INTEGER NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT claims_pkey PRIMARY KEY (id),
            CONSTRAINT claims_state_check CHECK (state IN ('accepted', 'agreed', 'contested', 'decided', 'mediation',
                'open', 'settled', 'withdrawn')),
            CONSTRAINT claims_turn_check CHECK (turn IN ('owner', 'renter')),
            CONSTRAINT claims_asked_check CHECK (asked > 0 AND asked = least(total, cap)),
            CONSTRAINT claims_due_check CHECK ((state IN ('open', 'contested')) = (num_nonnulls(turn, due_at) = 2)),
            CONSTRAINT claims_awarded_check CHECK (awarded BETWEEN 0 AND asked),
            CONSTRAINT claims_awarded_state_check CHECK ((state IN ('accepted', 'agreed', 'decided', 'settled')) =
                (awarded IS NOT NULL)),
            CONSTRAINT claims_settlement_check CHECK (num_nonnulls(from_deposit, released, from_renter) IN (0, 3)),
            CONSTRAINT claims_conserved_check CHECK (from_deposit + from_renter = awarded),
            CONSTRAINT claims_amounts_check CHECK (from_deposit >= 0 AND released >= 0 AND from_renter >= 0),
            CONSTRAINT claims_paid_check CHECK (paid BETWEEN 0 AND coalesce(from_renter, 0)),
            CONSTRAINT claims_settled_check CHECK (state <> 'settled' OR from_deposit IS NOT NULL)
        )
        """
    )
    op.execute("CREATE INDEX claims_owner_party_id_id_idx ON claims (owner_party_id, id)")
    op.execute("CREATE INDEX claims_renter_party_id_id_idx ON claims (renter_party_id, id)")
    op.execute("CREATE INDEX claims_booking_id_id_idx ON claims (booking_id, id)")
    op.execute("CREATE INDEX claims_due_idx ON claims (next_at) WHERE next_at IS NOT NULL")
    op.execute(
        "CREATE UNIQUE INDEX claims_unfinished_idx ON claims (booking_id) WHERE state NOT IN ('settled', 'withdrawn')"
    )
    for column, said in {
        "id": "its owner's phone may choose it",
        "reason": "what happened, as the owner has it",
        "total": "minor units, what its lines come to",
        "cap": "the most that may be asked",
        "turn": "the side that is to answer",
        "due_at": "until when",
        "next_at": "when the sweep looks at it",
        "from_deposit": "what was taken of it, once that is known",
        "released": "what went back of it then",
        "from_renter": "what the renter pays besides",
        "paid": "what came in of that",
    }.items():
        op.execute(f"COMMENT ON COLUMN claims.{column} IS '{said.replace(chr(39), chr(39) * 2)}'")
    op.execute(
        """
        CREATE TABLE claim_lines (
            claim_id UUID NOT NULL,
            place SMALLINT NOT NULL,
            machine_id UUID NOT NULL,
            kind TEXT NOT NULL,
            what TEXT NOT NULL,
            item TEXT NOT NULL,
            net BIGINT NOT NULL,
            vat BIGINT NOT NULL,
            kept INTEGER NOT NULL,
            asked BIGINT NOT NULL,
            age_months INTEGER,
            age_hours INTEGER,
            inspection_ids UUID[] NOT NULL,
            CONSTRAINT claim_lines_pkey PRIMARY KEY (claim_id, place),
            CONSTRAINT claim_lines_claim_id_fkey FOREIGN KEY (claim_id) REFERENCES claims (id),
            CONSTRAINT claim_lines_kind_check CHECK (kind IN ('cleaning', 'fuel', 'late_return', 'missing', 'part',
                'repair')),
            CONSTRAINT claim_lines_amounts_check CHECK (net > 0 AND vat >= 0 AND asked BETWEEN 1 AND net + vat),
            CONSTRAINT claim_lines_kept_check CHECK (kept BETWEEN 1 AND 10000)
        )
        """
    )
    op.execute("COMMENT ON COLUMN claim_lines.item IS 'of the parts that wear out, if it is one'")
    op.execute("COMMENT ON COLUMN claim_lines.kept IS 'basis points that are left after wear and age'")
    op.execute("COMMENT ON COLUMN claim_lines.inspection_ids IS 'the condition reports that show it'")
    op.execute(
        """
        CREATE TABLE claim_offers (
            id UUID NOT NULL,
            claim_id UUID NOT NULL,
            side TEXT NOT NULL,
            minor BIGINT NOT NULL,
            note TEXT NOT NULL,
            by UUID NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT claim_offers_pkey PRIMARY KEY (id),
            CONSTRAINT claim_offers_claim_id_fkey FOREIGN KEY (claim_id) REFERENCES claims (id),
            CONSTRAINT claim_offers_side_check CHECK (side IN ('owner', 'renter')),
            CONSTRAINT claim_offers_minor_check CHECK (minor > 0)
        )
        """
    )
    op.execute("CREATE INDEX claim_offers_claim_id_id_idx ON claim_offers (claim_id, id)")
    op.execute(
        """
        CREATE TABLE claim_evidence (
            id UUID NOT NULL,
            claim_id UUID NOT NULL,
            side TEXT NOT NULL,
            sha256 BYTEA NOT NULL,
            media_type TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            by UUID NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT claim_evidence_pkey PRIMARY KEY (id),
            CONSTRAINT claim_evidence_claim_id_fkey FOREIGN KEY (claim_id) REFERENCES claims (id),
            CONSTRAINT claim_evidence_claim_id_sha256_side_key UNIQUE (claim_id, sha256, side),
            CONSTRAINT claim_evidence_side_check CHECK (side IN ('owner', 'renter'))
        )
        """
    )
    op.execute(
        """
        CREATE TABLE claim_transitions (
            id UUID NOT NULL,
            claim_id UUID NOT NULL,
            from_state TEXT,
            to_state TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            by UUID,
            why TEXT NOT NULL,
            CONSTRAINT claim_transitions_pkey PRIMARY KEY (id),
            CONSTRAINT claim_transitions_claim_id_fkey FOREIGN KEY (claim_id) REFERENCES claims (id)
        )
        """
    )
    op.execute("CREATE INDEX claim_transitions_claim_id_id_idx ON claim_transitions (claim_id, id)")
    op.execute("COMMENT ON COLUMN claim_transitions.by IS 'null when the clock did it'")


def downgrade() -> None:
    for table in ("claim_transitions", "claim_evidence", "claim_offers", "claim_lines", "claims"):
        op.drop_table(table)
    op.execute("ALTER TABLE machines DROP COLUMN claim_cap_minor")
    op.execute("ALTER TABLE machines DROP COLUMN claim_hours")
