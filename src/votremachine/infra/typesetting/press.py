"""Runs `child` for each document: whatever somebody wrote, it costs a process its time and memory and no more.

typst is a program of its own: it keeps what it read for as long as its process lives, and ends it where it panics. What
people wrote reaches a template as data (`json("data.json")`), never as markup, and the template reads no file but those
in its own folder. The same template, data, pictures and time make the same bytes.
"""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from votremachine.infra.typesetting.characters import printable
from votremachine.kernel.errors import DomainError, Kind

SECONDS = 20
TEMPLATE = "main.typ"
DATA = "data.json"
# To be kept for years and read by anybody; `a-3b` may carry files inside of it, as Factur-X does.
Standard = Literal["a-2b", "a-3b"]

log = structlog.get_logger()


class PressBusy(DomainError):
    kind = Kind.UNAVAILABLE
    code = "press_busy"
    en = "This document could not be made just now. Try again in a moment."
    fr = "Ce document n'a pas pu être mis en page pour l'instant. Réessayez dans un moment."


class TypesettingFailed(Exception):
    """A template of ours did not compile, or not within its bounds: a fault of the program."""


class Job(msgspec.Struct):
    """What the process is asked: to compile the template of this folder; `made_at` in seconds since 1970."""

    folder: str
    standard: Standard
    made_at: int
    pictures: list[str] = []


class Press:
    """Makes documents, `at_once` of them at a time; the others wait."""

    def __init__(self, at_once: int) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="press")

    async def typeset(
        self,
        template: str,
        data: object,
        *,
        made_at: datetime,
        files: Mapping[str, bytes] | None = None,
        pictures: Mapping[str, bytes] | None = None,
        standard: Standard = "a-2b",
    ) -> bytes:
        """The PDF that a template makes of `data`, which it reads as `json("data.json")`, and of files by their names.

        `data` is anything that is JSON; characters that no font of ours has are shown as boxes. `pictures` are small
        WebP copies, which the template finds as JPEG: WebP would stand in a PDF pixel by pixel. `made_at` is what the
        PDF says of itself. Raises `PressBusy`, and `TypesettingFailed` for a template that does not compile.
        """
        laid_out = {**(files or {}), TEMPLATE: template.encode(), DATA: printable(msgspec.json.encode(data))}
        job = Job("", standard, int(made_at.timestamp()))
        return await asyncio.get_running_loop().run_in_executor(self._threads, _typeset, job, laid_out, pictures or {})

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)


def _typeset(job: Job, files: Mapping[str, bytes], pictures: Mapping[str, bytes]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="press-") as name:
        for file_name, content in {**files, **pictures}.items():
            (Path(name) / file_name).write_bytes(content)
        return _run(msgspec.structs.replace(job, folder=name, pictures=list(pictures)))


def _run(job: Job) -> bytes:
    words = [sys.executable, "-I", "-m", "votremachine.infra.typesetting.child", msgspec.json.encode(job).decode()]
    try:
        ended = subprocess.run(  # noqa: S603 -- our own program
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, env={}, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TypesettingFailed("it took too long") from error
    except OSError as error:  # no process, no memory
        raise PressBusy from error
    if ended.returncode != 0:
        said = ended.stderr.decode(errors="replace")[-2000:]
        log.error("typesetting.process_died", code=ended.returncode, said=said)
        raise TypesettingFailed(said)
    return ended.stdout
