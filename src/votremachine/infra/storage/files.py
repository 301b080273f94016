"""Files by name, in a folder of this machine or in an S3 bucket. No transaction is open while one is moved."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from votremachine.kernel.errors import DomainError, Kind

Answer = TypeVar("Answer")

# Lower-case ASCII in parts that begin with a letter or digit: nothing of it climbs, hides or means something to a
# file system or a URL.
FILE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}(/[a-z0-9][a-z0-9._-]{0,99}){0,9}")
THREADS = 8
CHUNK_BYTES = 256 * 1024
# A person waits: whoever cannot be reached by then is away.
S3_CLIENT: Any = {"timeout": "20s", "connect_timeout": "3s", "allow_http": True}
S3_RETRY: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}

log = structlog.get_logger()


class StorageAway(DomainError):
    kind = Kind.UNAVAILABLE
    code = "storage_away"
    en = "The place where files are kept does not answer just now. Try again in a moment."
    fr = "L'espace de stockage des fichiers ne répond pas pour l'instant. Réessayez dans un moment."


class NoSuchFile(DomainError):
    kind = Kind.NOT_FOUND
    code = "no_such_file"
    en = "This file is not there any more."
    fr = "Ce fichier n'existe plus."


class Files:
    """One place for files: the S3 bucket and prefix of `url`, or `folder` when `url` is empty.

    S3 reads the usual AWS_* variables (keys, AWS_REGION, AWS_ENDPOINT_URL). Every method may raise `StorageAway`;
    a name that is not one of lower-case letters, digits, `._-` and single slashes is a `ValueError`.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder
        # obstore's own coroutines answer from threads that may outlive the interpreter, and then abort the process.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="files")

    @cached_property
    def _store(self) -> ObjectStore:
        if self._url:
            return S3Store.from_url(self._url, client_options=S3_CLIENT, retry_config=S3_RETRY)
        return LocalStore(self._folder, mkdir=True)

    async def put(self, name: str, content: bytes | BinaryIO) -> None:
        """Keep a file, whole or not at all; one of that name gives way."""

        def put() -> None:
            if not isinstance(content, bytes):
                content.seek(0)
            try:
                # One request: parts of an upload that was broken off would stay in the bucket unseen.
                obstore.put(self._store, _checked(name), content, use_multipart=False)
            except FileNotFoundError as error:  # no such bucket
                raise StorageAway from error

        await self._run(put)

    async def get(self, name: str) -> tuple[int, AsyncIterator[bytes]]:
        """A file's size in bytes and its content, read as it is asked for; raises `NoSuchFile`."""

        def get() -> tuple[int, Iterator[bytes]]:
            try:
                found = obstore.get(self._store, _checked(name))
            except FileNotFoundError as error:
                raise NoSuchFile from error
            return found.meta["size"], iter(found.stream(min_chunk_size=CHUNK_BYTES))

        size, chunks = await self._run(get)
        return size, self._read(chunks)

    async def delete(self, names: Iterable[str]) -> None:
        """Let these files be gone; one that is gone already is what was wanted."""

        def delete() -> None:
            for name in names:
                with suppress(FileNotFoundError):
                    obstore.delete(self._store, _checked(name))
                if not self._url:
                    self._delete_beginnings(name)

        await self._run(delete)

    def _delete_beginnings(self, name: str) -> None:
        """What a process killed while it wrote left beside the file: obstore writes to `name#1` and renames."""
        path = self._folder / name
        for begun in path.parent.glob(f"{path.name}#*"):
            begun.unlink(missing_ok=True)

    async def _read(self, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
        while chunk := await self._run(lambda: next(chunks, b"")):
            yield bytes(chunk)

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        with _away():
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)


@contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        log.error("storage.away", error=str(error).partition("\n")[0])
        raise StorageAway from error


def _checked(name: str) -> str:
    if not FILE_NAME.fullmatch(name):
        raise ValueError(f"not the name of a file: {name!r}")
    return name
