"""Photos of all kinds, honest and not, made by Pillow when a test asks for them."""

import struct
import zlib
from io import BytesIO
from typing import Any
from uuid import UUID

import pillow_heif
import sqlalchemy as sa
from PIL import Image, ImageDraw

from votremachine.config import Settings
from votremachine.fleet.photos.rules import copy_file
from votremachine.infra.database import Database

pillow_heif.register_heif_opener()

RED, GREEN, BLUE = (200, 30, 30), (30, 160, 40), (40, 60, 190)
MONT_DE_MARSAN = {1: "N", 2: (43.0, 53.0, 28.0), 3: "W", 4: (0.0, 30.0, 3.0)}
READY = sa.text(
    """
    INSERT INTO photos (id, machine_id, state, position, digest, width, height, attempts, due_at, making, copies,
    created_at) VALUES (:photo, :machine, 'ready', 1, '', 320, 240, 1, now(), :making, '[[320, 320, 240]]', now())
    """
)
ORIENTATION, MAKER, GPS = 0x0112, 0x010F, 0x8825


def field(width: int = 640, height: int = 480) -> Image.Image:
    """Red on the left, green on the right, blue along the bottom: how it is held can be told."""
    image = Image.new("RGB", (width, height), RED)
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 2, 0, width, height), GREEN)
    draw.rectangle((0, height * 3 // 4, width, height), BLUE)
    return image


def sent(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    """The image as a file of this kind."""
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def different(number: int) -> bytes:
    """A small photo unlike those of other numbers."""
    return sent(Image.new("RGB", (40, 30), (number, 0, 0)), "PNG")


def located(image: Image.Image, orientation: int = 1) -> bytes:
    """What a phone notes beside a photo: where, with what, and how it was held."""
    exif = image.getexif()
    exif[ORIENTATION], exif[MAKER] = orientation, "Votrephone"
    exif[GPS] = MONT_DE_MARSAN
    return exif.tobytes()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has this many pixels."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(100_000))),
        (b"IEND", b""),
    )
    written = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + written


def seen(webp: bytes) -> Image.Image:
    """What was served, decoded."""
    image = Image.open(BytesIO(webp), formats=("WEBP",))
    image.load()
    return image


def at(image: Image.Image, x: float, y: float) -> tuple[int, int, int]:
    """The colour at this part of the width and height."""
    found = image.convert("RGB").getpixel((int(x * (image.width - 1)), int(y * (image.height - 1))))
    assert isinstance(found, tuple)
    return found[0], found[1], found[2]


def alike(one: tuple[int, ...], other: tuple[int, ...], tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


async def shown(database: Database, settings: Settings, machine: str) -> str:
    """The id of a photo of this machine that is ready, its one copy in the folder, without a worker."""
    async with database.begin() as tx:
        photo, making = tx.new_id(), tx.new_id()
        values = {"photo": photo, "machine": UUID(machine), "making": making}
        await tx.execute(READY, values)
    copy = settings.var_dir / "files" / copy_file(photo, making, 320)
    copy.parent.mkdir(parents=True)
    copy.write_bytes(sent(field(320, 240), "WEBP"))
    return str(photo)
