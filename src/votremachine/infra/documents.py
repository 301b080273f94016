"""Files that people send as evidence: what they are is found out from their content, never from what is said of them.

An image is decoded in a process of its own (infra/images). A PDF is not opened at all, neither here nor by a browser
that we tell how to take it: whatever runs or unpacks inside of it does so nowhere.
"""

import asyncio
from hashlib import sha256
from typing import BinaryIO, NamedTuple
from uuid import UUID

from votremachine.infra.images.apart import Images
from votremachine.infra.images.errors import NotAnImage
from votremachine.infra.links import LIFE
from votremachine.kernel.errors import DomainError

PDF = "application/pdf"
_HEAD_BYTES = 1024
_PIECE_BYTES = 256 * 1024
# What a type is saved as. Anything else is served as nothing in particular.
SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/heic": "heic", PDF: "pdf"}
_IMAGES = SUFFIXES.keys() - {PDF}
# A browser that shows it runs nothing of it and fetches nothing for it.
_KEPT_APART = {
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}


class Stored(NamedTuple):
    """Where a file is kept, and what it is."""

    name: str
    media_type: str


class EmptyFile(DomainError):
    code = "empty_file"
    en = "This file is empty. Send it again."
    fr = "Ce fichier est vide. Envoyez-le de nouveau."


class NotADocument(DomainError):
    code = "not_a_document"
    en = "This is not a PDF, nor a JPEG, PNG, WebP or HEIC image."
    fr = "Ce n'est ni un PDF, ni une image JPEG, PNG, WebP ou HEIC."


class WrongHash(DomainError):
    code = "wrong_hash"
    en = "The SHA-256 of this file is {sha256}, not the one that was announced. Send the file that it belongs to."
    fr = "Le SHA-256 de ce fichier est {sha256}, pas celui qui était annoncé. Envoyez le bon fichier."


class Found(NamedTuple):
    """What a file is: its SHA-256, its type, and its size in bytes."""

    sha256: bytes
    media_type: str
    bytes: int


async def look_at_image(file: BinaryIO, images: Images, *, expected: bytes | None = None) -> Found:
    """What a whole image is. Raises `EmptyFile`, `WrongHash`, and what `Images.inspect` does."""
    digest, size, head = await asyncio.to_thread(_measure, file)
    if not size:
        raise EmptyFile
    if expected is not None and digest != expected:
        raise WrongHash(sha256=digest.hex())
    kind = _image_type(head)
    if kind is None:
        raise NotAnImage
    await images.inspect(file)
    return Found(digest, kind, size)


async def look_at_document(file: BinaryIO, images: Images, *, expected: bytes | None = None) -> Found:
    """What a PDF or an image is.

    Raises `EmptyFile`, `WrongHash`, `NotADocument`, and what `Images.inspect` does of an image.
    """
    digest, size, head = await asyncio.to_thread(_measure, file)
    if size and expected is not None and digest != expected:
        raise WrongHash(sha256=digest.hex())
    if head.startswith(b"%PDF-") and await asyncio.to_thread(_ends_as_pdf, file):
        return Found(digest, PDF, size)
    try:
        return await look_at_image(file, images)
    except NotAnImage as error:
        raise NotADocument from error


def headers(media_type: str, file_id: UUID) -> dict[str, str]:
    """How a file is served just as it was sent: to be saved, and nothing of it is run."""
    return {
        # The route's own type is what OpenAPI says; this one is what the file is, or bytes to be saved.
        "Content-Type": media_type if media_type in _IMAGES else "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{file_id}.{SUFFIXES.get(media_type, "bin")}"',
        "Cache-Control": "private, no-store",
        **_KEPT_APART,
    }


def copy_headers(file_id: UUID) -> dict[str, str]:
    """How a copy is shown: its address lasts no longer than a browser keeps it."""
    return {
        "Content-Type": "image/webp",
        "Content-Disposition": f'inline; filename="{file_id}.webp"',
        "Cache-Control": f"private, max-age={int(LIFE.total_seconds())}, immutable",
        **_KEPT_APART,
    }


def _measure(file: BinaryIO) -> tuple[bytes, int, bytes]:
    file.seek(0)
    digest = sha256()
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
    size = file.tell()
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    return digest.digest(), size, head


def _ends_as_pdf(file: BinaryIO) -> bool:
    size = file.seek(0, 2)
    file.seek(max(0, size - _HEAD_BYTES))
    return b"%%EOF" in file.read()


def _image_type(head: bytes) -> str | None:
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return "image/heic" if head[4:8] == b"ftyp" else None
