"""Images from strangers: how they are held, their colours, and what the process that looks at them is bounded by."""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tests.shots import BLUE, GREEN, RED, alike, at, bomb, field, located, seen, sent
from votremachine.infra.images import apart, child, decode
from votremachine.infra.images.apart import Images
from votremachine.infra.images.errors import (
    REFUSALS,
    AnimatedImage,
    DamagedImage,
    ImagesBusy,
    NotAnImage,
    TooManyPixels,
)
from votremachine.kernel.errors import DomainError

BOX = (800, 3200)
LOOK = """
import contextlib, resource, sys
from votremachine.infra.images import decode, errors
with contextlib.suppress(errors.TooManyPixels):
    decode.inspect(sys.stdin.buffer)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
# How a camera that was held so would have stored it (Exif 2.32, 4.6.4 A): the inverse of what must be done to it.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.fixture
def images() -> Iterator[Images]:
    looking = Images(2)
    yield looking
    looking.close()


def shrunk(content: bytes) -> Image.Image:
    (copy,) = decode.shrink(BytesIO(content), [BOX])
    image = seen(copy.webp)
    assert image.size == copy.size
    return image


@contextmanager
def on_disk(content: bytes) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file


async def inspected(images: Images, content: bytes) -> decode.Size:
    with on_disk(content) as file:
        return await images.inspect(file)


def peak_kib(content: bytes) -> int:
    """The most memory that a fresh process had while it looked at this."""
    with on_disk(content) as file:
        ended = subprocess.run([sys.executable, "-c", LOOK], stdin=file, capture_output=True, check=True)
    return int(ended.stdout)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
@pytest.mark.parametrize("orientation", STORED)
def test_an_image_is_turned_as_it_was_held(orientation: int, kind: str) -> None:
    upright, turn = field(), STORED[orientation]
    image = upright if turn is None else upright.transpose(turn)
    content = sent(image, kind, exif=located(image, orientation))
    assert decode.inspect(BytesIO(content)) == upright.size
    copy = shrunk(content)
    assert copy.size == upright.size
    assert alike(at(copy, 0.25, 0.25), RED)
    assert alike(at(copy, 0.75, 0.25), GREEN)
    assert alike(at(copy, 0.5, 0.9), BLUE)


@pytest.mark.parametrize("wrong", [0, 9, 4711])
def test_an_orientation_that_makes_no_sense_is_none(wrong: int) -> None:
    assert shrunk(sent(field(), exif=located(field(), wrong))).size == (640, 480)


@pytest.mark.parametrize(
    ("ink", "colour"),
    [((0, 255, 255, 0), (255, 0, 0)), ((255, 0, 255, 0), (0, 255, 0)), ((0, 0, 0, 128), (127,) * 3)],
)
def test_printers_colours_are_shown_as_a_screen_has_them(ink: tuple[int, ...], colour: tuple[int, ...]) -> None:
    assert alike(at(shrunk(sent(Image.new("CMYK", (400, 300), ink), quality=95)), 0.5, 0.5), colour)


def test_a_colour_profile_is_applied_before_it_is_taken_away() -> None:
    """A made-up camera that takes red for blue, as the profile it sends along says."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    odd = srgb.replace(b"rXYZ", b"?XYZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"?XYZ", b"bXYZ", 1)
    red = Image.new("RGB", (400, 300), (255, 0, 0))
    for kind in ("JPEG", "PNG", "WEBP"):
        copy = shrunk(sent(red, kind, icc_profile=odd))
        assert alike(at(copy, 0.5, 0.5), (0, 0, 255)), kind
        assert "icc_profile" not in copy.info
    glass = shrunk(sent(red.convert("RGBA"), "PNG", icc_profile=odd))
    assert alike(at(glass, 0.5, 0.5), (0, 0, 255))


def test_a_profile_that_is_none_is_left_out() -> None:
    copy = shrunk(sent(field(), icc_profile=b"no profile at all"))
    assert alike(at(copy, 0.25, 0.25), RED)
    assert not copy.info.get("icc_profile")


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (Image.new("L", (400, 300), 200), (200,) * 3),
        (Image.new("I;16", (400, 300), 40_000), (156,) * 3),
        (Image.new("RGB", (400, 300), RED).quantize(8), RED),
        (Image.new("1", (400, 300), 1), (255,) * 3),
        (Image.new("LA", (400, 300), (90, 255)), (90,) * 3),
        (Image.new("RGBA", (400, 300), (*GREEN, 255)), GREEN),
    ],
    ids=lambda value: getattr(value, "mode", ""),
)
def test_every_mode_of_png_is_shown(image: Image.Image, colour: tuple[int, ...]) -> None:
    assert alike(at(shrunk(sent(image, "PNG")), 0.5, 0.5), colour)


def test_what_is_seen_through_stays_so() -> None:
    clear = Image.new("RGBA", (400, 300), (*RED, 0))
    assert shrunk(sent(clear, "PNG")).getchannel("A").getextrema() == (0, 0)
    palette = Image.new("P", (400, 300))
    assert shrunk(sent(palette, "PNG", transparency=0)).getchannel("A").getextrema() == (0, 0)


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (bomb(60_000, 60_000), TooManyPixels),
        (bomb(7142, 7142), TooManyPixels),
        (bomb(7141, 7141), DamagedImage),
        (sent(field())[:-200], DamagedImage),
        (sent(field(), "GIF"), NotAnImage),
        (sent(field(), "PNG", save_all=True, append_images=[field().rotate(9)]), AnimatedImage),
        (sent(field(), "WEBP", save_all=True, append_images=[field().rotate(9)]), AnimatedImage),
    ],
)
def test_what_is_refused_is_refused_by_both_questions(content: bytes, refusal: type[DomainError]) -> None:
    """More are in tests/fleet/photos/test_refusals.py, asked over HTTP."""
    with pytest.raises(refusal):
        decode.inspect(BytesIO(content))
    with pytest.raises(refusal):
        decode.shrink(BytesIO(content), [BOX])


@given(st.binary(max_size=400))
def test_any_bytes_are_an_image_or_refused_with_a_reason(content: bytes) -> None:
    for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBPVP8 ", b"\0\0\0\x18ftypheic"):
        with pytest.raises(REFUSALS):
            decode.inspect(BytesIO(start + content))


@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.data())
def test_a_photo_with_a_byte_changed_is_an_image_or_refused(kind: str, data: st.DataObject) -> None:
    content = bytearray(sent(field(64, 48), kind))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(*REFUSALS):
        decode.shrink(BytesIO(bytes(content)), [BOX])


async def test_a_bomb_is_refused_before_it_is_unpacked(images: Images) -> None:
    """60,000 × 60,000 would be 10.8 GB: looking at it takes what looking at a stamp does."""
    wide = bomb(60_000, 60_000)
    with pytest.raises(TooManyPixels):
        await inspected(images, wide)
    webp = bytearray(sent(Image.new("RGB", (16, 16)), "WEBP", lossless=True))
    header = webp.index(b"VP8L") + 9
    webp[header : header + 4] = (16_382 | 16_382 << 14).to_bytes(4, "little")
    with pytest.raises(TooManyPixels):
        await inspected(images, bytes(webp))
    stamp = peak_kib(sent(Image.new("RGB", (16, 16)), "PNG"))
    assert peak_kib(wide) - stamp < 20 * 1024
    assert peak_kib(bytes(webp)) - stamp < 20 * 1024


async def test_the_process_that_looks_knows_no_secret(
    images: Images, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In the place of ours, one that tells what it was given."""
    told = tmp_path / "told"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\nenv > {told}\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("VOTREMACHINE_SECRET", "known to few")
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(ImagesBusy):
        await inspected(images, sent(field()))
    assert "PWD" in told.read_text()
    assert "known to few" not in told.read_text()


@pytest.mark.parametrize(
    ("does", "said"),
    [("kill -SEGV $$", DamagedImage), ("ulimit -t 1; while :; do :; done", DamagedImage), ("exit 1", ImagesBusy)],
)
async def test_a_process_that_dies_takes_nothing_with_it(
    does: str, said: type[DomainError], images: Images, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In the place of ours, one that crashes as a codec does, one that never ends, one that cannot start."""
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{does}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(said):
        await inspected(images, sent(field()))
    monkeypatch.undo()
    assert await inspected(images, sent(field())) == (640, 480)


async def test_where_no_process_can_be_started_one_tries_again(
    images: Images, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    with pytest.raises(ImagesBusy) as busy:
        await inspected(images, sent(field()))
    assert (busy.value.kind, "Réessayez" in busy.value.sentence("fr")) == ("unavailable", True)


async def test_what_takes_too_long_is_stopped(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "SECONDS", 0.001)
    with pytest.raises(DamagedImage):
        await inspected(images, sent(field()))


def test_the_process_bounds_itself() -> None:
    """What it may address and compute, asked of the very program while it waits for its image."""
    words = [sys.executable, "-I", "-m", "votremachine.infra.images.child", "{}"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        limits = Path(f"/proc/{process.pid}/limits")
        deadline = time.monotonic() + 20
        while f"{child.MOST_MEMORY_BYTES}" not in limits.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        found = limits.read_text()
        assert process.stdin is not None
        process.stdin.close()
    assert re.search(rf"Max address space +{child.MOST_MEMORY_BYTES} ", found)


async def test_a_file_that_was_looked_at_is_read_whole_by_who_comes_next(images: Images) -> None:
    """However far somebody had read it before: the process that looks at it shares its place in the file."""
    content = sent(field(2000, 1500))
    for read_before in (0, 1, 1024, len(content)):
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            file.read(read_before)
            file.seek(0)
            assert await images.inspect(file) == (2000, 1500)
            file.seek(0)
            assert file.read() == content, read_before
