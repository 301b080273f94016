"""How the table of machines is asked: who sees what, and rows as values."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from msgspec.structs import asdict

from votremachine.accounts.rules import Actor
from votremachine.fleet.attributes import Attributes
from votremachine.fleet.categories import categories
from votremachine.fleet.listing import Listing
from votremachine.fleet.models import invited_parties, machines
from votremachine.fleet.positions import Position, blurred
from votremachine.fleet.rules import Cancellation, Cleaning, Machine, Meter, State, Texts, Visibility
from votremachine.fleet.terms import Ask, BookingMode, DatedHours, HandOver, Pairing, Terms
from votremachine.fleet.views import MachineView, PositionView
from votremachine.kernel.money import Money

CURRENCY = "EUR"

# Asked only of the machines that have any.
_invited = sa.case(
    (
        machines.c.visibility == Visibility.NAMED,
        sa.select(sa.func.array_agg(invited_parties.c.party_id))
        .where(invited_parties.c.machine_id == machines.c.id)
        .scalar_subquery(),
    )
).label("invited")
_DECIDING = (
    *("id", "party_id", "category", "title_fr", "title_en", "state", "zone", *Terms.__struct_fields__),
    *("deposit_minor", "currency", "version", "visibility", "cancellation", "latitude", "longitude"),
)
# Read as text, which is decoded once, into what it means.
_STRUCTURED = ("hand_over", "pairing", "exceptions")
# What other slices decide on. Attributes stay text: they are decoded when somebody asks for them.
COLUMNS = (
    *(machines.c[name] for name in _DECIDING if name not in _STRUCTURED),
    *(sa.cast(machines.c[name], sa.Text).label(name) for name in _STRUCTURED),
    sa.cast(machines.c.attributes, sa.Text).label("stored_attributes"),
    _invited,
)
# Everything that may be told or changed; a row of it is one of `COLUMNS`, too.
WHOLE = (*(column for column in machines.c if column.name not in (*_DECIDING, "attributes")), *COLUMNS)


def shown_to(who: Actor) -> sa.ColumnElement[bool]:
    """Whether a machine stands in this person's lists: their own in any state, and listed ones that they may see.

    The same as `rules.sees` in SQL, but that a machine which is paused is found by its id only.
    """
    mine = list(who.seats)
    cooperatives = sorted({one for seat in who.seats.values() for one in seat.cooperatives})
    named = sa.exists().where(invited_parties.c.machine_id == machines.c.id, invited_parties.c.party_id.in_(mine))
    seen = sa.or_(
        machines.c.visibility == Visibility.PUBLIC,
        sa.and_(machines.c.visibility == Visibility.COOPERATIVE, machines.c.party_id.in_(cooperatives)),
        sa.and_(machines.c.visibility == Visibility.NAMED, named),
    )
    return sa.or_(sa.and_(machines.c.state == State.LISTED, seen), machines.c.party_id.in_(mine))


def values_of(listing: Listing) -> dict[str, Any]:
    """The columns that hold what an owner says of a machine."""
    shown = blurred(listing.position)
    return {
        "category": listing.category,
        "category_number": categories()[listing.category].number,
        **_by_language("title", listing.titles),
        **_by_language("description", listing.descriptions),
        **{name: getattr(listing, name) for name in _PLAIN},
        "latitude": listing.position.latitude,
        "longitude": listing.position.longitude,
        "shown_latitude": shown.latitude,
        "shown_longitude": shown.longitude,
        **asdict(listing.terms),
        "attributes": listing.attributes,
        "meters": list(listing.meters),
    }


_PLAIN = ("make", "model", "serial", "commune", "zone", "deposit_minor", "visibility", "cancellation", "cleaning")


def from_row(row: sa.Row[Any]) -> Machine:
    """A row of `COLUMNS` as other slices see it."""
    return Machine(
        id=row.id,
        party_id=row.party_id,
        category=row.category,
        titles=Texts(row.title_fr, row.title_en),
        state=State(row.state),
        zone=_zone(row.zone),
        terms=_terms(row),
        deposit=Money(row.deposit_minor, row.currency),
        version=row.version,
        visibility=Visibility(row.visibility),
        invited=frozenset(row.invited or ()),
        cancellation=Cancellation(row.cancellation),
        latitude=row.latitude,
        longitude=row.longitude,
        stored_attributes=row.stored_attributes,
    )


def listing_of(row: sa.Row[Any]) -> Listing:
    """A row of `WHOLE` as what its owner says of it."""
    return Listing(
        category=row.category,
        titles=Texts(row.title_fr, row.title_en),
        descriptions=Texts(row.description_fr, row.description_en),
        make=row.make,
        model=row.model,
        serial=row.serial,
        commune=row.commune,
        position=Position(row.latitude, row.longitude),
        zone=row.zone,
        deposit_minor=row.deposit_minor,
        terms=_terms(row),
        attributes=msgspec.json.decode(row.stored_attributes, type=Attributes),
        meters=tuple(map(Meter, row.meters)),
        visibility=Visibility(row.visibility),
        invited=frozenset(row.invited or ()),
        cancellation=Cancellation(row.cancellation),
        cleaning=Cleaning(row.cleaning),
    )


def view(row: sa.Row[Any], who: Actor, language: str) -> MachineView:
    """A row of `WHOLE` as this person sees it."""
    return MachineView(**members(row, who, language))


def members(row: sa.Row[Any], who: Actor, language: str) -> dict[str, Any]:
    """The members of a view of a row of `WHOLE`."""
    own, said = row.party_id in who.seats, listing_of(row)
    return {
        **{name: getattr(said, name) for name in _TOLD},
        "id": row.id,
        "party_id": row.party_id,
        "title": said.titles.read_in(language),
        "description": said.descriptions.read_in(language),
        "serial": said.serial if own else None,
        "position": _position(row, own),
        "state": State(row.state),
        "deposit": Money(row.deposit_minor, row.currency),
        "visible_to": sorted(said.invited) if own else None,
        "priced": row.priced,
        "version": row.version,
    }


_TOLD = (
    *("category", "titles", "descriptions", "make", "model", "commune", "zone", "terms", "attributes", "meters"),
    *("visibility", "cancellation", "cleaning"),
)


def _position(row: sa.Row[Any], own: bool) -> PositionView:
    if own:
        return PositionView(row.latitude, row.longitude, exact=True)
    return PositionView(row.shown_latitude, row.shown_longitude, exact=False)


def _by_language(column: str, texts: Texts) -> Mapping[str, str]:
    return {f"{column}_{language}": text for language, text in asdict(texts).items()}


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


_NONE = "[]"
_HOURS = msgspec.json.Decoder(tuple[HandOver, ...])
_PAIRING = msgspec.json.Decoder(Pairing)
_EXCEPTIONS = msgspec.json.Decoder(tuple[DatedHours, ...])


def _terms(row: sa.Row[Any]) -> Terms:
    return Terms(
        BookingMode(row.booking_mode),
        row.buffer_before_minutes,
        row.buffer_after_minutes,
        row.min_minutes,
        row.max_minutes,
        row.lead_minutes,
        row.horizon_days,
        () if row.hand_over == _NONE else _HOURS.decode(row.hand_over),
        None if row.pairing is None else _PAIRING.decode(row.pairing),
        () if row.exceptions == _NONE else _EXCEPTIONS.decode(row.exceptions),
        tuple(map(Ask, row.asks)),
        row.weather_hours,
        row.claim_hours,
        row.claim_cap_minor,
        row.short_notice_hours,
    )
