"""Runs `decode` in a process of its own for each image: it holds no secret, and its memory and time are bounded.

Codecs are large programs in C that read what strangers send. One that crashes, hangs or fills its memory takes
nothing with it but itself.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO

import msgspec
import structlog

from votremachine.infra.images.errors import REFUSALS, DamagedImage, ImagesBusy

SECONDS = 20
_BY_CODE = {error.code: error for error in REFUSALS}

Size = tuple[int, int]  # width and height in pixels, upright


log = structlog.get_logger()


class Question(msgspec.Struct):
    """What the process is asked: to inspect, or, when there are boxes, to shrink into them."""

    boxes: list[Size] = []


class Reply(msgspec.Struct):
    """Sizes and WebP files, or the code of a refusal."""

    sizes: list[Size] = []
    files: list[bytes] = []
    refused: str = ""


class Images:
    """Looks at images, `at_once` of them at a time; the others wait."""

    def __init__(self, at_once: int) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="images")

    async def inspect(self, file: BinaryIO) -> Size:
        """How large a whole image is, upright.

        `file` is a real one, read from its start. Raises `NotAnImage`, `AnimatedImage`, `TooManyPixels`,
        `DamagedImage`, `ImagesBusy`.
        """
        reply = await self._ask(file, Question())
        return reply.sizes[0]

    async def shrink(self, file: BinaryIO, boxes: Sequence[Size]) -> list[tuple[Size, bytes]]:
        """Copies to fit into these boxes, largest last, as upright sRGB WebP without metadata; raises as `inspect`."""
        reply = await self._ask(file, Question(list(boxes)))
        return list(zip(reply.sizes, reply.files, strict=True))

    async def _ask(self, file: BinaryIO, question: Question) -> Reply:
        reply = await asyncio.get_running_loop().run_in_executor(self._threads, _run, file, question)
        if reply.refused:
            raise _BY_CODE[reply.refused]
        return reply

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)


def _run(file: BinaryIO, question: Question) -> Reply:
    with _from_its_start(file):
        ended = _ask_process(file, question)
    if ended.returncode != 0:
        log.error("images.process_died", code=ended.returncode, said=ended.stderr.decode(errors="replace")[-500:])
        # A signal is what a codec that crashed or went past its bounds ends with; else our own program did not start.
        raise DamagedImage if ended.returncode < 0 else ImagesBusy
    return msgspec.msgpack.decode(ended.stdout, type=Reply)


@contextmanager
def _from_its_start(file: BinaryIO) -> Iterator[None]:
    """The process shares our place in the file. What Python has read ahead counts on that place, so it is put back:
    else whoever reads the file next gets what was read ahead, and then nothing.
    """
    file.flush()
    place = os.lseek(file.fileno(), 0, os.SEEK_CUR)
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    try:
        yield
    finally:
        os.lseek(file.fileno(), place, os.SEEK_SET)


def _ask_process(file: BinaryIO, question: Question) -> "subprocess.CompletedProcess[bytes]":
    words = [sys.executable, "-I", "-m", "votremachine.infra.images.child", msgspec.json.encode(question).decode()]
    try:
        return subprocess.run(  # noqa: S603 -- our own program
            words, stdin=file, capture_output=True, timeout=SECONDS, env={}, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DamagedImage from error
    except OSError as error:  # no process, no memory
        raise ImagesBusy from error
