"""Copies of stored images: how wide they are, made once and only when asked for, never tried twice in vain."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shots import field, located, seen, sent
from votremachine.infra.images import sizes
from votremachine.infra.images.apart import Images, Size
from votremachine.infra.images.copies import Copies, NoCopy, copy_names
from votremachine.infra.images.errors import ImagesBusy
from votremachine.infra.storage.files import FILE_NAME, Files, NoSuchFile

ORIGINAL = "inspections/019b0000-0000-7000-8000-000000000000"


class Counted(Images):
    """The real thing, and how often it was asked; at first it is as busy as a test says."""

    def __init__(self, busy: int = 0) -> None:
        super().__init__(at_once=1)
        self.asked = 0
        self.busy = busy

    async def shrink(self, file: BinaryIO, boxes: Sequence[Size]) -> list[tuple[Size, bytes]]:
        self.asked += 1
        if self.asked <= self.busy:
            raise ImagesBusy
        return await super().shrink(file, boxes)


@pytest.fixture
def images() -> Iterator[Counted]:
    made = Counted()
    yield made
    made.close()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    made = Files("", tmp_path)
    yield made
    made.close()


async def read(copies: Copies, width: int, original: str = ORIGINAL) -> bytes:
    size, chunks = await copies.get(original, width)
    content = b"".join([chunk async for chunk in chunks])
    assert len(content) == size
    return content


@given(st.integers(1, 51_000_000))
def test_the_widths_of_a_photo_hold_all_of_it_and_no_more(width: int) -> None:
    widths = sizes.widths(width)
    assert widths == sorted(set(widths))
    assert set(widths) <= set(sizes.WIDTHS)
    assert all(one < width for one in widths[:-1]), "a copy that another one makes superfluous"
    assert widths[-1] >= width or widths == list(sizes.WIDTHS)


@pytest.mark.parametrize(
    ("width", "widths"),
    [(1, [320]), (320, [320]), (321, [320, 800]), (800, [320, 800]), (801, [320, 800, 1600]), (9000, [320, 800, 1600])],
)
def test_widths_by_hand(width: int, widths: list[int]) -> None:
    assert sizes.widths(width) == widths


def test_copies_have_names_of_their_own() -> None:
    names = [ORIGINAL, *copy_names(ORIGINAL).values()]
    assert len(set(names)) == len(sizes.WIDTHS) + 1
    assert all(FILE_NAME.fullmatch(name) for name in names)


async def test_a_copy_is_small_upright_and_says_nothing(files: Files, images: Counted) -> None:
    photo = field(1200, 900)
    await files.put(ORIGINAL, sent(photo, exif=located(photo, orientation=6)))
    for width in sizes.WIDTHS:
        content = await read(Copies(files, images), width)
        copy = seen(content)
        assert copy.width == min(width, 900)
        assert copy.height > copy.width, "upright"
        assert not copy.getexif()
        assert b"Votrephone" not in content
    assert images.asked == 1, "all of them in one go, for every process that is to come"


async def test_many_who_ask_at_once_wait_for_one_making(files: Files, images: Counted) -> None:
    await files.put(ORIGINAL, sent(field()))
    copies = Copies(files, images)
    found = await asyncio.gather(*(read(copies, width) for width in sizes.WIDTHS * 4))
    assert (len(set(found)), images.asked) == (2, 1), "the image is 640 pixels wide"


async def test_who_hangs_up_does_not_stop_what_others_wait_for(files: Files, images: Counted) -> None:
    await files.put(ORIGINAL, sent(field()))
    copies = Copies(files, images)
    gone, stays = asyncio.create_task(read(copies, 320)), asyncio.create_task(read(copies, 320))
    await asyncio.sleep(0.05)
    gone.cancel()
    assert await stays
    assert (gone.cancelled(), images.asked) == (True, 1)


async def test_what_cannot_be_made_is_tried_once(files: Files, images: Counted) -> None:
    await files.put(ORIGINAL, sent(field())[:900])
    for width in sizes.WIDTHS:
        with pytest.raises(NoCopy):
            await read(Copies(files, images), width)
    assert images.asked == 1


async def test_a_moment_without_room_is_no_verdict(files: Files) -> None:
    busy = Counted(busy=1)
    await files.put(ORIGINAL, sent(field()))
    with pytest.raises(ImagesBusy):
        await read(Copies(files, busy), 320)
    assert await read(Copies(files, busy), 320)
    busy.close()


async def test_there_is_no_copy_of_nothing_nor_of_any_size(files: Files, images: Counted) -> None:
    with pytest.raises(NoSuchFile):
        await read(Copies(files, images), 320)
    await files.put(ORIGINAL, sent(field()))
    with pytest.raises(NoCopy):
        await read(Copies(files, images), 321)
    assert images.asked == 0
