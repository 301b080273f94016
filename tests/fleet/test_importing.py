"""A fleet from a spreadsheet: read in every dialect that a French office writes, all of it or nothing."""

import asyncio
import contextlib
import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.people import Person, World
from tests.statements import Statements
from votremachine import cli
from votremachine.config import Settings
from votremachine.fleet.categories import categories
from votremachine.fleet.importing.columns import columns, euros, number, template
from votremachine.fleet.importing.rows import read_fleet
from votremachine.fleet.importing.service import BATCH
from votremachine.fleet.importing.spreadsheet import EmptySpreadsheet, NotASpreadsheet
from votremachine.infra.database import Database

NOW = datetime(2026, 7, 1, tzinfo=UTC)
DOCS = Path(__file__).parents[2] / "docs" / "machines.md"
SHEET = """\
catégorie;titre;marque;modèle;numéro de série;commune;caution en euros;puissance ch;attelage trois points;compteurs
Tracteur;Tracteur 120 ch;Valtra;N134;V-1;Mont-de-Marsan;1 500,00;120;2/3;heure moteur
tractor;"Le ""gros"" ; tracteur";Fendt;724;F-1;Dax;2000;240,0;3;-
Charrue;Charrue 4 corps;Lemken;Juwel 7;;Dax;;;;
"""


async def send(who: Person, content: bytes, query: str = "", party: str = "", **headers: str) -> httpx.Response:
    sent = {"Authorization": f"Bearer {who.token}", "Content-Type": "text/csv"}
    path = f"/v1/parties/{party or who.party_id}/machines/import{query}"
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return await who.http.post(path, content=content, headers=sent)


async def fleet_of(who: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await who.get(f"/machines?party_id={who.party_id}&limit=200")).json()["items"]
    return found


async def test_a_fleet_is_listed_as_drafts(owner: Person) -> None:
    would = await send(owner, SHEET.encode(), "?dry_run=true")
    assert (would.status_code, would.json()["machines"], would.json()["errors"]) == (200, 3, [])
    assert would.json()["machine_ids"] == []
    assert await fleet_of(owner) == []
    done = await send(owner, SHEET.encode())
    assert done.status_code == 201, done.text
    machines = await fleet_of(owner)
    assert [one["id"] for one in machines] == done.json()["machine_ids"]
    first, second, third = machines
    assert {one["state"] for one in machines} == {"draft"}
    assert first["attributes"] == {"power_hp": 120, "hitch": ["2", "3"]}
    assert (first["deposit"]["minor"], first["meters"], first["serial"]) == (150_000, ["engine_hour"], "V-1")
    assert (first["titles"], first["position"]["exact"]) == ({"fr": "Tracteur 120 ch", "en": ""}, True)
    assert (second["title"], second["meters"]) == ('Le "gros" ; tracteur', [])
    assert (third["category"], third["attributes"]) == ("plough", {})
    positions = {(one["position"]["latitude"], one["position"]["longitude"]) for one in machines}
    assert len(positions) == 2, "the town halls of the communes"


ERRORS = [
    ("Trasteur;x;;;;Dax;;;;", "catégorie", "unknown_category"),
    (";x;;;;Dax;;;;", "catégorie", "cell_missing"),
    ("Tracteur;;;;;Dax;;;;", "titre", "untitled"),
    ("Tracteur;x;;;;;;;;", "commune", "cell_missing"),
    ("Tracteur;x;;;;Brest;;;;", "commune", "place_unknown"),
    ("Tracteur;x;;;;Dax;beaucoup;;;", "caution en euros", "invalid_input"),
    ("Tracteur;x;;;;Dax;1,005;;;", "caution en euros", "invalid_input"),
    ("Tracteur;x;;;;Dax;-1;;;", "caution en euros", "invalid_input"),
    ("Tracteur;x;;;;Dax;;120,5;;", "puissance ch", "invalid_input"),
    ("Tracteur;x;;;;Dax;;1e3;;", "puissance ch", "invalid_input"),
    ("Charrue;x;;;;Dax;;120;;", "puissance ch", "attribute_does_not_apply"),
    ("Tracteur;x;;;;Dax;;;9;", "attelage trois points", "invalid_input"),
    ("Tracteur;x;;;;Dax;;;;parsec", "compteurs", "invalid_input"),
    ("Tracteur;x;;;;Dax;;;;;;trop", "", "too_many_cells"),
    ("Tracteur;x;Valtra;;v-1;Dax;;;;", "numéro de série", "same_serial"),
    (f"Tracteur;{'x' * 201};;;;Dax;;;;", "titre", "invalid_input"),
    ("Tracteur;x\u202ey;;;;Dax;;;;", "titre", "invalid_input"),
]


@pytest.mark.parametrize(("line", "column", "code"), ERRORS)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_an_error_names_its_line_and_column(line: str, column: str, code: str, language: Any) -> None:
    fleet = read_fleet(f"{SHEET}\n\n{line}\n".encode(), NOW, language)
    assert [(one.line, one.column, one.code) for one in fleet.errors] == [(7, column, code)]
    assert fleet.errors[0].detail
    assert len(fleet.rows) == 3


async def test_every_error_is_told_and_nothing_is_written(owner: Person, database: Database) -> None:
    sheet = SHEET + "\n".join(line for line, _, _ in ERRORS)
    would = (await send(owner, sheet.encode(), "?dry_run=true", Accept_Language="fr")).json()
    assert would["error_count"] == len(ERRORS)
    assert [(one["column"], one["code"]) for one in would["errors"]] == [(column, code) for _, column, code in ERRORS]
    assert [one["line"] for one in would["errors"]] == list(range(5, 5 + len(ERRORS)))
    refused = await send(owner, sheet.encode(), Accept_Language="fr")
    assert (refused.status_code, refused.json()["code"]) == (422, "import_refused")
    assert refused.json()["error_count"] == len(ERRORS)
    assert [one["detail"] for one in refused.json()["errors"]] == [one["detail"] for one in would["errors"]]
    assert refused.json()["errors"][0]["pointer"] == "/5/catégorie"
    english = (await send(owner, sheet.encode(), "?dry_run=true", Accept_Language="en")).json()
    for french, said in zip(would["errors"], english["errors"], strict=True):
        assert french["detail"] != said["detail"], french
    async with database.read() as tx:
        (row,) = await tx.rows(sa.text("SELECT count(*) AS machines FROM machines"))
    assert row.machines == 0


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_spreadsheet"),
        (b"\n \n", "empty_spreadsheet"),
        (b"\xef\xbb\xbf", "empty_spreadsheet"),
        (b'category;title_fr;commune\ntractor;"never closed;Dax\n', "not_a_spreadsheet"),
        (b"\x81\x8d\x8f", "not_a_spreadsheet"),
        (b"category;title_fr;commune\n" + b"tractor;x;Dax\n" * 5001, "too_many_machines"),
    ],
)
async def test_what_is_no_fleet_is_refused(content: bytes, code: str, owner: Person) -> None:
    for query in ("", "?dry_run=true"):
        answer = await send(owner, content, query)
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert await fleet_of(owner) == []


async def test_a_file_that_is_too_large_is_not_read(owner: Person) -> None:
    answer = await send(owner, b"x" * (4 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_columns_that_are_unknown_twice_or_missing() -> None:
    fleet = read_fleet(b"marque;MARQUE;couleur\nValtra;Fendt;rouge\n", NOW, "fr")
    assert [(one.line, one.column, one.code) for one in fleet.errors] == [
        (1, "MARQUE", "column_twice"),
        (1, "couleur", "unknown_column"),
        (1, "category", "cell_missing"),
        (1, "commune", "cell_missing"),
        (1, "title_fr", "cell_missing"),
    ]


async def test_a_file_sent_again_finds_its_machines_there(owner: Person) -> None:
    key = str(uuid4())
    first = await send(owner, SHEET.encode(), Idempotency_Key=key)
    again = await send(owner, SHEET.encode(), Idempotency_Key=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    anew = await send(owner, SHEET.encode())
    assert (anew.status_code, anew.json()["error_count"]) == (422, 2)
    assert [one["pointer"] for one in anew.json()["errors"]] == ["/2/numéro de série", "/3/numéro de série"]
    assert len(await fleet_of(owner)) == 3


async def test_two_equal_files_at_once_are_one_fleet(owner: Person) -> None:
    answers = await asyncio.gather(*(send(owner, SHEET.encode()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422]
    assert len(await fleet_of(owner)) == 3


def test_a_line_is_counted_as_an_editor_counts_it() -> None:
    sheet = 'category;title_fr;description_fr;commune\n\ntractor;x;"one\ntwo\nthree";Dax\nboat;x;;Dax\n'
    assert [one.line for one in read_fleet(sheet.encode(), NOW, "fr").errors] == [6]


async def test_a_dry_run_does_not_use_up_its_key(owner: Person) -> None:
    key = str(uuid4())
    await send(owner, SHEET.encode(), "?dry_run=true", Idempotency_Key=key)
    assert (await send(owner, SHEET.encode(), Idempotency_Key=key)).status_code == 201
    assert len(await fleet_of(owner)) == 3


async def test_only_a_cooperative_shows_its_fleet_to_members(world: World, owner: Person) -> None:
    sheet = "category;title_fr;commune;visibility\ntractor;x;Dax;{}\n"
    farm = await send(owner, sheet.format("cooperative").encode())
    assert [one["pointer"] for one in farm.json()["errors"]] == ["/2/visibility"]
    nobody = await send(owner, sheet.format("named").encode())
    assert [one["pointer"] for one in nobody.json()["errors"]] == ["/2/visibility"]
    cuma = await world.farmer("cuma@x.example", "CUMA", kind="cooperative")
    assert (await send(cuma, sheet.format("CUMA").encode())).status_code == 201
    assert (await fleet_of(cuma))[0]["visibility"] == "cooperative"


async def test_nobody_imports_for_others(owner: Person, renter: Person) -> None:
    answer = await send(renter, SHEET.encode(), party=owner.party_id)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_party")
    assert await fleet_of(owner) == []


words = st.text(st.characters(codec="cp1252", exclude_categories=["Cc", "Cf"]), min_size=1, max_size=30).map(str.strip)
sheets = st.lists(
    st.tuples(
        st.sampled_from(["plough", "tractor", "baler"]),
        words.filter(bool),
        words,
        st.floats(-89, 89).map(lambda value: round(value, 4)),
        st.integers(0, 10_000_000),
    ),
    min_size=1,
    max_size=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    sheets,
    st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
    st.sampled_from([";", ",", "\t"]),
    st.sampled_from(["\r\n", "\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["fr", "en"]),
    st.booleans(),
)
def test_what_is_written_is_read_in_every_dialect(
    rows: list[Any], encoding: str, separator: str, ending: str, quoting: Any, language: str, comma: bool
) -> None:
    codes = ("category", "title_fr", "make", "latitude", "longitude", "deposit", "commune")
    names = {one.code: one.fr if language == "fr" else one.code for one in columns()}
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator=ending, quoting=quoting)
    writer.writerow([names[code] for code in codes])
    for category, title, make, degrees, cents in rows:
        name = categories()[category].fr if language == "fr" else category
        latitude, deposit = str(degrees), f"{cents // 100}.{cents % 100:02}"
        if comma:
            latitude = latitude.replace(".", ",")
            deposit = f"{cents // 100:,}".replace(",", " ") + f",{cents % 100:02} €"
        writer.writerow([name, title, make, latitude, "0", deposit, "Ailleurs"])
    # A file without a mark is UTF-8 if it can be: what Windows-1252 wrote is that by chance only, as it is for anybody.
    content = out.getvalue().encode(encoding)
    if encoding == "cp1252" and not content.isascii():
        try:
            content.decode()
        except UnicodeDecodeError:
            pass
        else:
            return
    fleet = read_fleet(content, NOW, "fr")
    assert fleet.errors == []
    read = [
        (
            row.listing.category,
            row.listing.titles.fr,
            row.listing.make,
            row.listing.position.latitude,
            row.listing.deposit_minor,
        )
        for row in fleet.rows
    ]
    assert read == rows


@given(st.binary(max_size=300))
def test_no_file_whatsoever_is_more_than_refused(content: bytes) -> None:
    with contextlib.suppress(NotASpreadsheet, EmptySpreadsheet):
        read_fleet(content, NOW, "fr")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12,5", 12.5),
        ("12.5", 12.5),
        ("1 234,5", 1234.5),
        ("1\u202f234", 1234),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("-0,5", -0.5),
        ("120,0", 120),
        ("1e3", "1e3"),
        ("nan", "nan"),
        ("١٢", "١٢"),
        ("12 ch", "12 ch"),
        ("=1+1", "=1+1"),
    ],
)
def test_numbers_as_french_offices_write_them(cell: str, value: Any) -> None:
    assert number(cell) == value


@pytest.mark.parametrize(
    ("cell", "value"), [("1 500,00 €", 150_000), ("12.5", 1250), ("0,005", "0,005"), ("Infinity", "Infinity")]
)
def test_amounts(cell: str, value: Any) -> None:
    assert euros(cell) == value


async def test_formulas_stay_text(owner: Person) -> None:
    """Nothing here opens a cell as a formula; whoever writes one into a spreadsheet again must escape it."""
    sheet = 'category;title_fr;make;commune\ntractor;=HYPERLINK("x");@SUM(A1);Dax\n'
    assert (await send(owner, sheet.encode())).status_code == 201
    (machine,) = await fleet_of(owner)
    assert (machine["titles"]["fr"], machine["make"]) == ('=HYPERLINK("x")', "@SUM(A1)")


@pytest.mark.parametrize(("language", "separator"), [("fr", ";"), ("en", ",")])
async def test_the_template_is_a_spreadsheet_of_every_column(
    language: str, separator: str, http: httpx.AsyncClient
) -> None:
    answer = await http.get("/v1/machines/import-template", headers={"Accept-Language": language})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    text = answer.content.decode("utf-8-sig")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert text == template(language)
    assert len(text.split(separator)) == len(columns())
    fleet = read_fleet(answer.content, NOW, "fr")
    assert (fleet.rows, fleet.errors) == ([], [])


def test_the_docs_explain_every_column() -> None:
    page = DOCS.read_text("utf-8")
    for column in columns():
        assert f"| `{column.code}` | {column.fr} |" in page


async def test_rows_are_sent_in_batches(owner: Person, statements: Statements) -> None:
    many = 2 * BATCH + 1
    sheet = "category;title_fr;commune\n" + "tractor;x;Dax\n" * many
    with statements.counted() as seen:
        answer = await send(owner, sheet.encode())
    assert len(answer.json()["machine_ids"]) == many
    assert len([one for one in seen if one.startswith("INSERT INTO machines")]) == 3


async def test_the_command_imports_for_the_operator(
    owner: Person, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("VOTREMACHINE_DATABASE_URL", settings.database_url)
    file = tmp_path / "fleet.csv"

    async def command(content: str, *words: str, party: str = owner.party_id) -> tuple[int, str, str]:
        file.write_text(content, "cp1252")
        asked = ["machines", "import", str(file), "--party", party, *words]
        code = await asyncio.to_thread(cli.main, asked)
        told = capsys.readouterr()
        return code, told.out, told.err

    assert await command(SHEET, "--dry-run") == (0, "3 machines would be imported.\n", "")
    assert await fleet_of(owner) == []
    code, out, err = await command(SHEET + "Tracteur;x;;;;Brest;;;;\n")
    assert (code, len(err.splitlines())) == (2, 1)
    assert out.startswith(f"{file}:5:commune: ")
    assert await fleet_of(owner) == []
    code, out, err = await command(SHEET, party=str(uuid4()))
    assert (code, out) == (2, "")
    assert await command(SHEET) == (0, "3 machines imported as drafts.\n", "")
    assert len(await fleet_of(owner)) == 3
    assert (await command(SHEET))[0] == 2
    code, _, err = await command("", "--dry-run")
    assert (code, "nothing in this file" in err) == (2, True)
