"""The photos of the demo: drawn, small, and real files, as a phone would send them."""

from hashlib import sha256
from io import BytesIO
from typing import NamedTuple
from uuid import UUID

from PIL import Image, ImageDraw

from votremachine.demo.world import world
from votremachine.infra.database import Database
from votremachine.infra.documents import Found
from votremachine.infra.storage.files import Files
from votremachine.inspections.service import photos

WIDTH, HEIGHT = 1280, 960
SKY, GROUND, BODY, CAB, TYRE, RIM = "#b9d7ee", "#9a8f5e", "#3f7d3a", "#dfe9ee", "#26251f", "#c9b458"
SCAR, GLASS = "#7a2e1d", "#8aa0ad"


class Kept(NamedTuple):
    """A picture that was put: the id of its file, and what it is."""

    file_id: UUID
    found: Found


async def put(database: Database, files: Files) -> dict[str, Kept]:
    """Put every picture of the demo, which are to be kept within the hour; by their names."""
    kept = {}
    for name in sorted({one for report in world().reports for one in report.pictures}):
        content = draw(name)
        async with database.begin() as tx:
            file_id, where = await photos.announce(tx)
        await files.put(where, content)
        kept[name] = Kept(file_id, Found(sha256(content).digest(), "image/jpeg", len(content)))
    return kept


def draw(name: str) -> bytes:
    """A tractor from its left; one whose name says so is dented, and another shows how much fuel it has."""
    image = Image.new("RGB", (WIDTH, HEIGHT), SKY)
    pen = ImageDraw.Draw(image)
    if "fuel" in name:
        _gauge(pen, eighths=int(name[-1]))
    else:
        _tractor(pen, dented="dented" in name)
    file = BytesIO()
    image.save(file, "JPEG", quality=80)
    return file.getvalue()


def _tractor(pen: ImageDraw.ImageDraw, *, dented: bool) -> None:
    pen.rectangle((0, 700, WIDTH, HEIGHT), GROUND)
    pen.polygon([(160, 470), (560, 440), (560, 640), (160, 640)], BODY)
    pen.polygon([(560, 200), (900, 200), (960, 640), (560, 640)], BODY)
    pen.polygon([(600, 240), (860, 240), (890, 450), (600, 450)], CAB)
    pen.rectangle((250, 300, 275, 470), TYRE)
    for x, radius in ((300, 130), (870, 220)):
        middle = 780 - radius
        pen.ellipse((x - radius, middle - radius, x + radius, middle + radius), TYRE)
        pen.ellipse((x - radius // 2, middle - radius // 2, x + radius // 2, middle + radius // 2), RIM)
    if dented:
        pen.polygon([(360, 470), (520, 462), (500, 545), (420, 560), (370, 520)], SCAR)
        pen.line([(380, 480), (450, 530), (505, 470)], TYRE, width=6)


def _gauge(pen: ImageDraw.ImageDraw, *, eighths: int) -> None:
    pen.rectangle((0, 0, WIDTH, HEIGHT), TYRE)
    for step in range(8):
        left = 200 + step * 112
        pen.rectangle((left, 380, left + 88, 580), RIM if step < eighths else GLASS)
