"""Files in a folder and in S3 (moto's server, over real HTTP), and the ledger that deletes what nobody keeps."""

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from votremachine.config import BadSetting, read_settings
from votremachine.infra.database import Database
from votremachine.infra.storage import ledger
from votremachine.infra.storage.files import Files, NoSuchFile, StorageAway

LARGE = bytes(range(256)) * 4 * 1024 * 6  # 6 MiB: more than the part of a multipart upload


@pytest.fixture(params=["folder", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Files]:
    url = f"s3://{request.getfixturevalue('s3_variables')}/some/prefix" if request.param == "s3" else ""
    place = Files(url, tmp_path / "files")
    yield place
    place.close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Files]:
    place = Files("", tmp_path / "files")
    yield place
    place.close()


async def read(files: Files, name: str) -> bytes:
    size, chunks = await files.get(name)
    content = b"".join([chunk async for chunk in chunks])
    assert len(content) == size
    return content


async def test_what_is_put_is_got(files: Files) -> None:
    for content in (b"", b"small", LARGE):
        await files.put("a/file.webp", content)
        assert await read(files, "a/file.webp") == content
    with tempfile.TemporaryFile() as file:
        file.write(LARGE)
        await files.put("another", file)
    assert await read(files, "another") == LARGE


async def test_a_large_file_comes_in_pieces(files: Files) -> None:
    await files.put("a", LARGE)
    _, chunks = await files.get("a")
    assert max([len(chunk) async for chunk in chunks]) < len(LARGE)


async def test_what_is_not_there_is_said_to_be_gone(files: Files) -> None:
    with pytest.raises(NoSuchFile) as gone:
        await files.get("nothing")
    assert (gone.value.kind, "n'existe plus" in gone.value.sentence("fr")) == ("not_found", True)


async def test_deleting_is_done_once_and_harmless_twice(files: Files) -> None:
    for name in ("a/b", "a/c"):
        await files.put(name, b"x")
    await files.delete(["a/b", "a/never"])
    await files.delete(["a/b"])
    with pytest.raises(NoSuchFile):
        await files.get("a/b")
    assert await read(files, "a/c") == b"x"


async def test_whoever_reads_while_it_is_written_reads_a_whole_file(files: Files) -> None:
    await files.put("a", b"0" * len(LARGE))

    async def write() -> None:
        for digit in b"123":
            await files.put("a", bytes([digit]) * len(LARGE))

    writing = asyncio.create_task(write())
    while not writing.done():
        assert len(set(await read(files, "a"))) == 1
    await writing
    assert set(await read(files, "a")) == set(b"3")


@pytest.mark.parametrize(
    "name",
    ["", "..", "../x", "a/../../x", "/etc/passwd", "a//b", "a/", ".hidden", "a\0b", "a\\b", "A", "é", "a#1", "%2e"],
)
async def test_a_name_that_could_lead_elsewhere_is_none(name: str, files: Files) -> None:
    for use in (files.put(name, b"x"), files.get(name), files.delete([name])):
        with pytest.raises(ValueError, match="not the name of a file"):
            await use


@given(name=st.text(max_size=20) | st.text("./a0\\%~-_", max_size=12))
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    async def put(files: Files) -> None:
        with suppress(ValueError):
            await files.put(name, b"x")
        files.close()

    with tempfile.TemporaryDirectory() as around:
        inside = Path(around) / "files"
        asyncio.run(put(Files("", inside)))
        written = [one for one in Path(around).rglob("*") if one.is_file()]
        assert written in ([], [inside / name])


async def test_a_folder_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("somebody put a file where the folder should be")
    await away(Files("", tmp_path / "files"))


async def test_a_bucket_that_does_not_exist(s3_variables: str, tmp_path: Path) -> None:
    files = Files("s3://nobodys-bucket", tmp_path)
    with pytest.raises(StorageAway):
        await files.put("a", b"x")
    files.close()


async def test_an_s3_that_does_not_answer(s3_variables: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    await away(Files(f"s3://{s3_variables}", tmp_path))


async def away(files: Files) -> None:
    for use in (files.put("a", b"x"), files.get("a"), files.delete(["a"])):
        with pytest.raises(StorageAway) as said:
            await use
        assert (said.value.kind, "Réessayez" in said.value.sentence("fr")) == ("unavailable", True)
    files.close()


async def test_what_a_killed_process_began_goes_with_the_file(folder: Files, tmp_path: Path) -> None:
    """obstore writes to `name#1` and renames it; killed between the two, it leaves that."""
    await folder.put("a/b", b"x")
    begun = tmp_path / "files" / "a" / "b#1"
    begun.write_bytes(b"half")
    (tmp_path / "files" / "a" / "bc").write_bytes(b"another's")
    await folder.delete(["a/b"])
    assert [file.name for file in begun.parent.iterdir()] == ["bc"]


def test_only_s3_and_a_folder_are_known() -> None:
    assert read_settings({"VOTREMACHINE_STORAGE_URL": "s3://bucket/prefix"}).storage_url == "s3://bucket/prefix"
    for wrong in ("ftp://x", "s3://", "/some/folder"):
        with pytest.raises(BadSetting, match="storage_url"):
            read_settings({"VOTREMACHINE_STORAGE_URL": wrong})


class Hours:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = datetime(2027, 5, 1, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def hours() -> Hours:
    return Hours()


@pytest.fixture
async def later(database: Database, hours: Hours) -> AsyncIterator[Database]:
    """The same database, by that clock."""
    mine = Database(database.engine.url.render_as_string(hide_password=False), clock=hours)
    yield mine
    await mine.close()


async def test_a_file_that_nobody_keeps_is_deleted_in_an_hour(later: Database, hours: Hours, files: Files) -> None:
    for name in ("kept", "forgotten"):
        async with later.begin() as tx:
            await ledger.announce(tx, [name])
        await files.put(name, b"x")
    async with later.begin() as tx:
        await ledger.keep(tx, ["kept"])
    assert await ledger.sweep(later, files) == 0
    hours.now += timedelta(hours=1)
    assert await ledger.sweep(later, files) == 1
    assert await read(files, "kept") == b"x"
    with pytest.raises(NoSuchFile):
        await files.get("forgotten")
    async with later.begin() as tx:
        await ledger.doom(tx, ["kept"])
    assert await ledger.sweep(later, files) == 1
    with pytest.raises(NoSuchFile):
        await files.get("kept")
    assert await ledger.sweep(later, files) == 0


async def test_who_comes_too_late_may_not_keep_what_is_swept(
    later: Database, hours: Hours, folder: Files, tmp_path: Path
) -> None:
    async with later.begin() as tx:
        await ledger.announce(tx, ["late"])
    hours.now += timedelta(hours=2)
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    elsewhere = Files("", blocked)
    # Taken by a sweep that then cannot delete.
    with pytest.raises(StorageAway):
        await ledger.sweep(later, elsewhere)
    elsewhere.close()
    async with later.begin() as tx:
        with pytest.raises(ledger.TookTooLong):
            await ledger.keep(tx, ["late"])
    # Nobody else tries while it may be at it; then another does.
    assert await ledger.sweep(later, folder) == 0
    hours.now += ledger.LEASE
    assert await ledger.sweep(later, folder) == 1


async def test_two_sweeps_share_the_work(later: Database, hours: Hours, folder: Files) -> None:
    async with later.begin() as tx:
        await ledger.doom(tx, [f"a/{number}" for number in range(2 * ledger.BATCH + 7)])
    assert sum(await asyncio.gather(*(ledger.sweep(later, folder) for _ in range(4)))) == 2 * ledger.BATCH + 7
