"""What takes the time of machines, with what their owner noted, for a statement of a slice above."""

import sqlalchemy as sa

from votremachine.availability.blocks.models import blocks
from votremachine.availability.models import occupancies
from votremachine.availability.service.table import COLUMNS, meets_window, on_machine

_asked = (
    sa.func.unnest(sa.bindparam("machines", type_=sa.ARRAY(sa.Uuid)))
    .table_valued(sa.column("id", sa.Uuid), name="asked")
    .render_derived()
)
_now = sa.bindparam("now", type_=sa.DateTime(timezone=True))
# The live occupancies of the bound `machines` in the bound window at the bound `now`; `note` is null for what
# is no block, and `recurs` says whether it is one of a series.
TAKEN = (
    sa.select(*COLUMNS, blocks.c.note, sa.and_(blocks.c.id.is_not(None), blocks.c.during.is_(None)).label("recurs"))
    .select_from(
        _asked.join(occupancies, sa.and_(on_machine(_asked.c.id), meets_window())).outerjoin(
            blocks, blocks.c.id == occupancies.c.ref_id
        )
    )
    .where(sa.or_(occupancies.c.expires_at.is_(None), occupancies.c.expires_at > _now))
)
