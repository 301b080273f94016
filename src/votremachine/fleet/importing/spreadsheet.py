"""A CSV file as French spreadsheets write them: its encoding, its separator, its records. Pure.

UTF-8 with or without BOM, UTF-16 with BOM, else Windows-1252; semicolons, commas or tabs; any line ending.
"""

import csv
import io
from typing import NamedTuple

from votremachine.kernel.errors import DomainError

LARGEST_FILE_BYTES = 4 * 1024 * 1024
SEPARATORS = (";", ",", "\t")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class NotASpreadsheet(DomainError):
    code = "not_a_spreadsheet"
    en = "This is not a CSV file that we can read: {why}."
    fr = "Ce fichier n'est pas un CSV que nous sachions lire : {why}."


class EmptySpreadsheet(DomainError):
    code = "empty_spreadsheet"
    en = "There is nothing in this file."
    fr = "Ce fichier est vide."


class Record(NamedTuple):
    """The cells of one record, and the line of the file (from 1) on which it begins."""

    line: int
    cells: list[str]


def decode(content: bytes) -> str:
    """The text of a file; raises `NotASpreadsheet`."""
    try:
        if content.startswith(_UTF_16):
            return content.decode("utf-16")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError as error:
        raise NotASpreadsheet(why="UTF-8, Windows-1252") from error


def records(text: str, most: int) -> list[Record]:
    """The records that hold anything, at most `most` of them; raises `NotASpreadsheet`."""
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=_separator(text), strict=True)
    found: list[Record] = []
    begins = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                found.append(Record(begins, stripped))
            if len(found) >= most:
                break
            begins = reader.line_num + 1
    except csv.Error as error:
        raise NotASpreadsheet(why=f"line {reader.line_num}, {error}") from error
    return found


def _separator(text: str) -> str:
    """The one that the first line that says anything has most of."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(SEPARATORS, key=first.count)
