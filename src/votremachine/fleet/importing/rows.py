"""The records of a spreadsheet as listings, with everything that is wrong, by line and column."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from votremachine.fleet.attributes import Attributes
from votremachine.fleet.communes import fold, town_hall
from votremachine.fleet.importing.columns import ATTRIBUTES, TERMS, Column, by_name
from votremachine.fleet.importing.schemas import CellError
from votremachine.fleet.importing.spreadsheet import EmptySpreadsheet, Record, decode, records
from votremachine.fleet.listing import Listing, wrong
from votremachine.fleet.positions import Position
from votremachine.fleet.rules import Cancellation, Cleaning, Texts, Visibility
from votremachine.fleet.schemas import TermsInput
from votremachine.infra.complaints import say
from votremachine.infra.languages import Language
from votremachine.kernel.errors import DomainError

MOST_MACHINES = 5000
REQUIRED = ("category", "commune")


class UnknownColumn(DomainError):
    code = "unknown_column"
    en = "There is no such column in the template."
    fr = "Le modèle n'a pas de telle colonne."


class ColumnTwice(DomainError):
    code = "column_twice"
    en = "This column is there twice."
    fr = "Cette colonne est présente deux fois."


class CellMissing(DomainError):
    code = "cell_missing"
    en = "This must be filled in."
    fr = "À remplir."


class PlaceUnknown(DomainError):
    code = "place_unknown"
    en = "We do not know where this commune lies: fill in latitude and longitude."
    fr = "Nous ne savons pas où se trouve cette commune : indiquez la latitude et la longitude."


class TooManyCells(DomainError):
    code = "too_many_cells"
    en = "This line has more cells than the first one has columns."
    fr = "Cette ligne a plus de cellules que la première n'a de colonnes."


class TooManyMachines(DomainError):
    code = "too_many_machines"
    en = "One file holds {most} machines at most."
    fr = "Un fichier contient au plus {most} matériels."


class SameSerial(DomainError):
    code = "same_serial"
    en = "Line {first} has a machine of this make with this serial number."
    fr = "La ligne {first} porte déjà un matériel de cette marque avec ce numéro de série."


class Row(NamedTuple):
    """A machine of the file, and the line on which it stands."""

    line: int
    listing: Listing


class Fleet(NamedTuple):
    """What a file says, and what is wrong with it; `names` are the columns as the file calls them, by code."""

    rows: list[Row]
    errors: list[CellError]
    names: Mapping[str, str]


class Header(NamedTuple):
    """The columns of the file in their order, None where there is no such column."""

    columns: list[Column | None]
    names: dict[str, str]


def read_fleet(content: bytes, now: datetime, language: Language) -> Fleet:
    """The machines of a file; raises `NotASpreadsheet`, `EmptySpreadsheet`, `TooManyMachines`."""
    found = records(decode(content), MOST_MACHINES + 2)
    if not found:
        raise EmptySpreadsheet
    if len(found) > MOST_MACHINES + 1:
        raise TooManyMachines(most=MOST_MACHINES)
    header, errors = _read_header(found[0], language)
    reader = _Reader(header, now, language)
    if not errors:
        for record in found[1:]:
            reader.read(record)
    return Fleet(reader.rows, errors + reader.errors, header.names)


def cell_error(line: int, column: str, error: DomainError, language: Language) -> CellError:
    """A fact about a cell, in the reader's language."""
    return CellError(line, column, error.code, error.sentence(language))


def _read_header(first: Record, language: Language) -> tuple[Header, list[CellError]]:
    errors: list[CellError] = []
    header = Header([], {})
    for name in first.cells:
        column = by_name().get(fold(name))
        header.columns.append(column)
        if column is None:
            if name:
                errors.append(cell_error(first.line, name, UnknownColumn(), language))
        elif column.code in header.names:
            errors.append(cell_error(first.line, name, ColumnTwice(), language))
        else:
            header.names[column.code] = name
    missing = [code for code in REQUIRED if code not in header.names]
    if not header.names.keys() & {"title_fr", "title_en"}:
        missing.append("title_fr")
    errors += [cell_error(first.line, code, CellMissing(), language) for code in missing]
    return header, errors


class _Reader:
    """Reads one record after the other, and keeps what it found."""

    def __init__(self, header: Header, now: datetime, language: Language) -> None:
        self._header = header
        self._now = now
        self._language = language
        self._serials: dict[tuple[str, str], int] = {}
        self.rows: list[Row] = []
        self.errors: list[CellError] = []

    def read(self, record: Record) -> None:
        before = len(self.errors)
        values = self._values(record)
        for code in REQUIRED:
            if code not in values and not self._complained(before, code):
                self._complain(record.line, code, CellMissing())
        listing = self._listing(record.line, values, before)
        if listing is not None:
            for error in wrong(listing, self._now):
                column = _column_at(error.pointer or "")
                if not self._complained(before, column):
                    self._complain(record.line, column, error)
            self._check_serial(record.line, listing)
        if listing is not None and len(self.errors) == before:
            self.rows.append(Row(record.line, listing))

    def _values(self, record: Record) -> dict[str, Any]:
        if any(record.cells[len(self._header.columns) :]):
            self._complain(record.line, "", TooManyCells())
        values = {}
        for column, cell in zip(self._header.columns, record.cells, strict=False):
            if column is None or not cell:
                continue
            try:
                values[column.code] = msgspec.convert(column.read(cell), column.kind)
            except msgspec.ValidationError as error:
                detail = say(str(error).partition(" - at ")[0], self._language)
                self.errors.append(CellError(record.line, self._named(column.code), "invalid_input", detail))
        return values

    def _listing(self, line: int, values: dict[str, Any], before: int) -> Listing | None:
        """The listing of these values; None when the place or the category that it needs is not there."""
        position = None
        if "latitude" in values and "longitude" in values:
            position = Position(values["latitude"], values["longitude"])
        elif not (self._complained(before, "latitude") or self._complained(before, "longitude")):
            position = town_hall(values.get("commune", ""))
            if position is None and "commune" in values:
                self._complain(line, "commune", PlaceUnknown())
        if position is None or not values.keys() >= set(REQUIRED):
            return None
        return _listing(values, position)

    def _check_serial(self, line: int, listing: Listing) -> None:
        if listing.serial:
            first = self._serials.setdefault(serial_of(listing), line)
            if first != line:
                self._complain(line, "serial", SameSerial(first=first))

    def _complain(self, line: int, code: str, error: DomainError) -> None:
        self.errors.append(cell_error(line, self._named(code), error, self._language))

    def _complained(self, before: int, code: str) -> bool:
        return any(error.column == self._named(code) for error in self.errors[before:])

    def _named(self, code: str) -> str:
        return self._header.names.get(code, code)


def serial_of(listing: Listing) -> tuple[str, str]:
    """What tells one machine from all others of its owner."""
    return fold(listing.make), listing.serial.casefold()


def _listing(values: Mapping[str, Any], position: Position) -> Listing:
    return Listing(
        category=values["category"],
        titles=Texts(values.get("title_fr", ""), values.get("title_en", "")),
        descriptions=Texts(values.get("description_fr", ""), values.get("description_en", "")),
        make=values.get("make", ""),
        model=values.get("model", ""),
        serial=values.get("serial", ""),
        commune=values["commune"],
        position=position,
        zone=values.get("zone", "Europe/Paris"),
        deposit_minor=values.get("deposit", 0),
        terms=TermsInput(**_some(values, TERMS)).terms(),
        attributes=Attributes(**_some(values, ATTRIBUTES)),
        meters=tuple(dict.fromkeys(values.get("meters", ()))),
        visibility=values.get("visibility", Visibility.PUBLIC),
        invited=frozenset(),
        cancellation=values.get("cancellation", Cancellation.FLEXIBLE),
        cleaning=values.get("cleaning", Cleaning.AS_FOUND),
    )


def _some(values: Mapping[str, Any], codes: frozenset[str]) -> dict[str, Any]:
    return {code: value for code, value in values.items() if code in codes}


def _column_at(pointer: str) -> str:
    """The column in which what stands at a pointer of the API is filled in."""
    steps = pointer.strip("/").split("/")
    last = next((step for step in steps if step in TERMS or step in ATTRIBUTES), steps[0])
    return {"title": "title_fr", "visible_to": "visibility"}.get(last, last)


def errors_shown(errors: Sequence[CellError], most: int) -> list[CellError]:
    """The first of them, in the order of the file."""
    return sorted(errors, key=lambda error: error.line)[:most]
