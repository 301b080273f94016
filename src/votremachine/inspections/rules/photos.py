"""How large a photo of a report may be, how long it waits for its report, and what its file is called. Pure."""

import re
from datetime import timedelta
from uuid import UUID

from votremachine.kernel.errors import DomainError, Kind

_SHA256 = re.compile(r"[0-9a-f]{64}")
LARGEST_BYTES = 15 * 1024 * 1024
# A phone that is offline for a week still has its reports.
WAITS_FOR = timedelta(days=30)
# Of one person: ten whole reports.
MOST_WAITING = 300


class TooManyWaiting(DomainError):
    kind = Kind.CONFLICT
    code = "too_many_waiting"
    en = "{most} photos of yours wait for their condition reports. Send those first."
    fr = "{most} de vos photos attendent leurs états des lieux. Envoyez d'abord ceux-ci."


class NotASha256(DomainError):
    code = "not_a_sha256"
    en = "A file is named by its SHA-256: 64 hexadecimal digits, lower case."
    fr = "Un fichier est désigné par son SHA-256 : 64 chiffres hexadécimaux, en minuscules."


class UnknownInspectionPhoto(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_inspection_photo"
    en = "There is no such photo."
    fr = "Cette photo n'existe pas."


def digest(sha256: str) -> bytes:
    """The digest that somebody names. Raises `NotASha256`."""
    if not _SHA256.fullmatch(sha256):
        raise NotASha256(pointer="sha256")
    return bytes.fromhex(sha256)


def check_waiting(there: int) -> None:
    """Raises `TooManyWaiting`."""
    if there >= MOST_WAITING:
        raise TooManyWaiting(most=MOST_WAITING)


def file_name(file_id: UUID) -> str:
    """Where a file is kept; a name is used once."""
    return f"inspections/{file_id}"
