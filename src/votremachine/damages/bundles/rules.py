"""What the files of a bundle are called, and what is said of each. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

import msgspec

SUMMARY = "resume.pdf"
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
READ_ME = {"fr": "LISEZMOI.txt", "en": "README.txt"}
# French, whoever reads: the same file has the same name in both languages.
OCCASIONS = {"check_out": "depart", "check_in": "retour", "relay": "relais", "amendment": "avenant"}
SIDES = {"owner": "proprietaire", "renter": "locataire"}
SUFFIXES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "application/pdf": "pdf",
}
# Beyond this many the summary names photos, and their files are in the zip like all others.
MOST_PICTURES = 90
_LONGEST_NAME = 40


class Status(StrEnum):
    """What became of a file since it was signed or sent."""

    INTACT = "intact"
    ALTERED = "altered"  # its bytes are others
    MISSING = "missing"
    COPY = "copy"  # a smaller one, without metadata: the file itself is for the sides of the claim


class Source(msgspec.Struct, frozen=True):
    """A stored file that is to be in a bundle: its path there, where it is kept, and what it was when it was sent."""

    path: str
    stored: str
    sha256: str
    bytes: int
    media_type: str

    @property
    def is_image(self) -> bool:
        return self.media_type.startswith("image/")


class Entry(msgspec.Struct, frozen=True):
    """A file as a bundle has it: what it is now and, of what was signed or sent, what it was (`expected`)."""

    path: str
    status: Status
    bytes: int
    sha256: str
    expected: str | None = None


def reference(claim_id: UUID) -> str:
    """What people call a claim: the end of its id, which is unlike that of others made in the same hour."""
    return claim_id.hex[-8:].upper()


def report_path(machine: int, sequence: int, occasion: str) -> str:
    """Where the content of a report is, without suffix; `machine` counts those of the booking from 1."""
    return f"rapports/m{machine}-{sequence:04}-{OCCASIONS[occasion]}"


def photo_path(report: str, place: int, sha256: str, media_type: str) -> str:
    """Where a photo of the report at `report_path` is."""
    return f"photos/{report.removeprefix('rapports/')}/{place:02}-{_named(sha256, media_type)}"


def evidence_path(side: str, place: int, sha256: str, media_type: str) -> str:
    """Where what a side showed is."""
    return f"pieces/{SIDES[side]}-{place:02}-{_named(sha256, media_type)}"


def insurance_path(place: int, sha256: str, media_type: str) -> str:
    """Where the document of a proof of insurance is."""
    return f"assurance/{place:02}-{_named(sha256, media_type)}"


def copy_path(path: str) -> str:
    """Where the copy of an image is that itself would be at `path`."""
    return f"{path.rpartition('.')[0]}.copie.webp"


def picture_name(source: Source) -> str:
    """What the summary calls the small picture of an image."""
    return source.path.replace("/", "_").rpartition(".")[0] + ".jpg"


def archive_name(claim_id: UUID, title: str, language: str) -> str:
    """What a bundle is saved as: ASCII, whatever its machine is called."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_NAME].strip("-")
    kind = "sinistre" if language == "fr" else "claim"
    return "-".join(part for part in (kind, reference(claim_id), words) if part) + ".zip"


def sums(entries: Sequence[Entry]) -> str:
    """What `sha256sum -c` reads: each file that is there, as it is."""
    there = [one for one in entries if one.status is not Status.MISSING]
    return "".join(f"{one.sha256}  {one.path}\n" for one in sorted(there, key=lambda one: one.path))


def faults(entries: Sequence[Entry]) -> list[Entry]:
    """What is not as it was signed or sent."""
    return [one for one in entries if one.status in {Status.ALTERED, Status.MISSING}]


def _named(sha256: str, media_type: str) -> str:
    return f"{sha256[:12]}.{SUFFIXES.get(media_type, 'bin')}"
