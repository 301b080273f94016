"""How many photos, how large, and what their files are called. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from votremachine.kernel.errors import DomainError, Kind

MOST_PHOTOS = 12  # of one machine
LARGEST_BYTES = 15 * 1024 * 1024
# A photo that ended its worker this often is not tried again.
MOST_ATTEMPTS = 5


class State(StrEnum):
    PENDING = "pending"  # copies are being made
    READY = "ready"
    FAILED = "failed"


class UnknownPhoto(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_photo"
    en = "There is no such photo."
    fr = "Cette photo n'existe pas."


class TooManyPhotos(DomainError):
    kind = Kind.CONFLICT
    code = "too_many_photos"
    en = "A machine has {most} photos at most. Delete one first."
    fr = "Un matériel a au plus {most} photos. Supprimez-en une d'abord."


class PhotosDiffer(DomainError):
    kind = Kind.CONFLICT
    code = "photos_differ"
    en = "These are not just the photos that this machine has now. Read the list again, then arrange it."
    fr = "Ce ne sont pas exactement les photos actuelles de ce matériel. Relisez la liste, puis ordonnez-la."


def original_file(photo_id: UUID) -> str:
    """What was sent, until the copies are made; nobody is ever served this."""
    return f"photos/{photo_id}/original"


def copy_file(photo_id: UUID, making: UUID, width: int) -> str:
    """One copy; each making of the copies has names of its own, so that two workers cannot disturb each other."""
    return f"photos/{photo_id}/{making}/{width}.webp"


def copy_files(photo_id: UUID, making: UUID, wanted: Sequence[int]) -> list[str]:
    """The copies of one making."""
    return [copy_file(photo_id, making, width) for width in wanted]


def check_room(there: int) -> None:
    """Raises `TooManyPhotos` when a machine with this many photos takes no more."""
    if there >= MOST_PHOTOS:
        raise TooManyPhotos(most=MOST_PHOTOS)


def check_same(there: Sequence[UUID], named: Sequence[UUID]) -> None:
    """Raises `PhotosDiffer` unless each photo that is there is named, once."""
    if sorted(there) != sorted(named):
        raise PhotosDiffer(pointer="/photo_ids")
