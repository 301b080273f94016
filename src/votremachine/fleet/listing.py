"""What an owner says of a machine: whether it is right, and whether it is enough to publish. Pure."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from uuid import UUID

import msgspec

from votremachine.fleet.attributes import NAMES, Attributes, wrong_attributes
from votremachine.fleet.categories import Category, UnknownCategory, categories
from votremachine.fleet.positions import Position
from votremachine.fleet.rules import LIFE, Cancellation, Cleaning, Meter, State, Texts, Visibility
from votremachine.fleet.terms import DatedHours, Terms
from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.span import FIRST_YEAR, LAST_YEAR, OutOfTime
from votremachine.kernel.states import advance
from votremachine.kernel.zones import known_zones

# A barn has no maker.
UNMADE = frozenset({"storage_space"})


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a machine that its owner may change. `invited` see it when its visibility is `named`."""

    category: str
    titles: Texts
    descriptions: Texts
    make: str
    model: str
    serial: str
    commune: str
    position: Position
    zone: str
    deposit_minor: int
    terms: Terms
    attributes: Attributes
    meters: tuple[Meter, ...]
    visibility: Visibility
    invited: frozenset[UUID]
    cancellation: Cancellation
    cleaning: Cleaning


class UnknownZone(DomainError):
    code = "unknown_zone"
    en = "“{zone}” is not a time zone of the IANA database."
    fr = "« {zone} » n'est pas un fuseau horaire de la base IANA."


class TermsDisagree(DomainError):
    code = "terms_disagree"
    en = "The longest booking must not be shorter than the shortest one."
    fr = "La durée maximale ne peut pas être inférieure à la durée minimale."


class HoursDisagree(DomainError):
    code = "hours_disagree"
    en = "Hand-over hours must open before they close."
    fr = "Les heures de remise doivent ouvrir avant de fermer."


class DatesDisagree(DomainError):
    code = "dates_disagree"
    en = "The last date must not come before the first one."
    fr = "La dernière date ne peut pas précéder la première."


class DatesOverlap(DomainError):
    code = "dates_overlap"
    en = "Two exceptions have a date in common: {date}."
    fr = "Deux exceptions ont une date en commun : {date}."


class Untitled(DomainError):
    code = "untitled"
    en = "A machine has a title in French or in English."
    fr = "Un matériel porte un titre en français ou en anglais."


class NobodyNamed(DomainError):
    code = "nobody_named"
    en = "Name the parties that may see this machine in `visible_to`; only a machine with visibility “named” has them."
    fr = "Nommez dans `visible_to` qui peut voir ce matériel ; seule la visibilité « named » en a besoin."


class Missing(DomainError):
    """One thing that a machine lacks to be published; told in `errors[]` of `NotComplete`."""

    code = "missing"
    en = "Add {en}."
    fr = "Ajoutez {fr}."


class NotComplete(DomainError):
    kind = Kind.CONFLICT
    code = "machine_not_complete"
    en = "This machine cannot be published yet: `errors` says all that is missing."
    fr = "Ce matériel ne peut pas encore être publié : `errors` dit tout ce qui manque."


def wrong(listing: Listing, now: datetime) -> list[DomainError]:
    """Everything that is wrong with what an owner says of a machine, whether it is to be published or not."""
    found: list[DomainError] = []
    category = categories().get(listing.category)
    if category is None:
        found.append(UnknownCategory(pointer="/category", category=listing.category))
    else:
        found += wrong_attributes(listing.attributes, category, now)
    if not (listing.titles.fr or listing.titles.en):
        found.append(Untitled(pointer="/title"))
    if not is_zone(listing.zone):
        found.append(UnknownZone(pointer="/zone", zone=listing.zone))
    if (listing.visibility is Visibility.NAMED) != bool(listing.invited):
        found.append(NobodyNamed(pointer="/visible_to"))
    return found + wrong_terms(listing.terms)


def wrong_terms(terms: Terms) -> list[DomainError]:
    """Everything in the terms that does not make sense together."""
    found: list[DomainError] = []
    if terms.max_minutes < terms.min_minutes:
        found.append(TermsDisagree(pointer="/terms/max_minutes"))
    for number, hours in enumerate(terms.hand_over):
        if hours.closes <= hours.opens:
            found.append(HoursDisagree(pointer=f"/terms/hand_over/{number}/closes"))
    found += _wrong_exceptions(terms.exceptions)
    for number, code in enumerate(terms.pairing.categories if terms.pairing else ()):
        if code not in categories():
            found.append(UnknownCategory(pointer=f"/terms/pairing/categories/{number}", category=code))
    return found


def _wrong_exceptions(exceptions: Sequence[DatedHours]) -> list[DomainError]:
    found = [
        error for number, one in enumerate(exceptions) for error in _wrong_dates(one, f"/terms/exceptions/{number}")
    ]
    return found or _shared_dates(exceptions)


def _wrong_dates(one: DatedHours, pointer: str) -> list[DomainError]:
    found: list[DomainError] = []
    for name, day in (("first", one.first), ("last", one.last)):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            found.append(OutOfTime(pointer=f"{pointer}/{name}"))
    if one.last < one.first:
        found.append(DatesDisagree(pointer=f"{pointer}/last"))
    for number, hours in enumerate(one.hours):
        if hours.closes <= hours.opens:
            found.append(HoursDisagree(pointer=f"{pointer}/hours/{number}/closes"))
    return found


def _shared_dates(exceptions: Sequence[DatedHours]) -> list[DomainError]:
    by_date = sorted(range(len(exceptions)), key=lambda number: exceptions[number].first)
    return [
        DatesOverlap(pointer=f"/terms/exceptions/{after}/first", date=exceptions[after].first.isoformat())
        for before, after in pairwise(by_date)
        if exceptions[after].first <= exceptions[before].last
    ]


def check(listing: Listing, now: datetime) -> Listing:
    """The listing, if nothing is wrong with it; raises the first thing that is."""
    for error in wrong(listing, now):
        raise error
    return listing


def missing(listing: Listing, *, priced: bool) -> list[DomainError]:
    """Everything that a machine lacks to be published, each with a pointer to where it belongs."""
    category = categories()[listing.category]
    found: list[DomainError] = []
    for field, fr, en in _TEXTS:
        if not getattr(listing, field) and listing.category not in UNMADE:
            found.append(Missing(pointer=f"/{field}", fr=fr, en=en))
    if not priced:
        found.append(Missing(pointer="/rates", fr="un prix", en="a price"))
    return found + _missing_attributes(listing.attributes, category)


_TEXTS = (("make", "la marque", "the make"), ("model", "le modèle", "the model"))


def _missing_attributes(attributes: Attributes, category: Category) -> list[DomainError]:
    lacking = sorted(category.needed - attributes.known().keys(), key=list(NAMES).index)
    return [Missing(pointer=f"/attributes/{name}", fr=NAMES[name].fr, en=NAMES[name].en) for name in lacking]


def enter(state: State, to: State, listing: Listing, *, priced: bool) -> State:
    """`to`, if a machine may become that; staying what it is changes nothing. Raises `IllegalTransition`,
    `NotComplete` with everything that it lacks to be listed.
    """
    if state is not to:
        advance(LIFE, state, to)
    if to is State.LISTED:
        check_complete(listing, priced=priced)
    return to


def check_complete(listing: Listing, *, priced: bool, before: Listing | None = None) -> None:
    """Raises `NotComplete` when something that a listed machine must have is missing; of a machine that is listed
    already, only when it was not missing `before`: what categories ask for may have grown since.
    """
    known = {one.pointer for one in missing(before, priced=priced)} if before else set()
    if lacking := [one for one in missing(listing, priced=priced) if one.pointer not in known]:
        raise NotComplete(parts=lacking)


def is_zone(name: str) -> bool:
    """Whether the IANA database has a zone of that name."""
    return name in known_zones()
