"""Documents made of what anybody may have written: nothing of it is obeyed, all of it can be shown, and it repeats."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from tests.shots import field, sent
from votremachine.infra.typesetting import child, press
from votremachine.infra.typesetting.characters import BOX, printable, ranges
from votremachine.infra.typesetting.press import Press, PressBusy, TypesettingFailed

EVERY = [chr(code) for first, last in ranges() for code in range(first, last + 1)]
SHOWN = set(EVERY) | set("\n\r\t\b\f")
WHEN = datetime(2026, 3, 2, 8, tzinfo=UTC)
SAYS = '#for said in json("data.json") [#said.text\n\n]'
HOSTILE = (
    '#read("/etc/passwd")',
    "#panic()",
    "] #set page(width: 1pt) [",
    '"); #import "@preview/cetz:0.3.0": * //',
    "$ x^2 $ _emphasis_ *strong* `raw` <label> @reference // comment \\ /* */ = Heading",
    "\\u{23} \\# \x00 \x1f \x7f \r\n \t",
    "שלום עולם — مرحبا بالعالم",
    "\u202egnp.exe\u202c and \u2066x\u2069",
    "Tracteur 🚜 日本 👨‍👩‍👧",
    "a\u0301e\u0308\u200d\ufe0f\u00ad",
    "x" * 4000,
    "longs mots " * 400,
)


@pytest.fixture(scope="module")
def printing() -> Iterator[Press]:
    made = Press(2)
    yield made
    made.close()


def words(pdf: bytes) -> str:
    return " ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


async def typeset(printing: Press, data: Any, template: str = SAYS, **more: Any) -> bytes:
    return await printing.typeset(template, data, made_at=WHEN, **more)


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_whatever_somebody_wrote_is_only_ever_shown(printing: Press, hostile: str) -> None:
    pdf = await typeset(printing, [{"text": "before"}, {"text": hostile}, {"text": "after"}])
    shown = words(pdf)
    assert "root:" not in shown
    assert shown.startswith("before")
    assert shown.endswith("after")
    for word in ("#read", "#panic", "@preview", "#import", "#set"):
        assert (word in shown) == (word in hostile), shown


async def test_every_character_that_is_said_to_be_printable_is(printing: Press) -> None:
    """PDF/A refuses what it cannot show, so it would not be made."""
    assert len(EVERY) > 6000
    for known in "aéœŒ€«»’–…àÉЖΩאب²½№":
        assert known in EVERY
    shown = await typeset(printing, EVERY, '#set page(width: 1000cm)\n#json("data.json").join(" ")')
    assert words(shown).count(BOX) == 1


@given(st.text())
def test_a_text_keeps_what_can_be_shown_and_stays_json(text: str) -> None:
    shown = json.loads(printable(json.dumps([text], ensure_ascii=False).encode()))
    assert shown == ["".join(one if one in SHOWN else BOX for one in text)]


@settings(max_examples=6, deadline=None)
@given(st.lists(st.text(st.sampled_from(EVERY), min_size=1, max_size=30), min_size=30, max_size=60))
async def test_they_are_in_any_company(texts: list[str]) -> None:
    printing = Press(1)
    assert await typeset(printing, [{"text": one} for one in texts])
    printing.close()


async def test_the_same_makes_the_same_bytes(printing: Press) -> None:
    first, again = [await typeset(printing, [{"text": "é"}]) for _ in range(2)]
    assert first == again
    assert await printing.typeset(SAYS, [{"text": "é"}], made_at=WHEN.replace(hour=9)) != first


async def test_it_is_for_keeping_and_no_font_of_this_machine_is_in_it(printing: Press) -> None:
    for standard, part in (("a-2b", "2"), ("a-3b", "3")):
        pdf = await typeset(printing, [{"text": "é"}], standard=standard)
        assert f"<pdfaid:part>{part}</pdfaid:part>".encode() in pdf
    pdf = await typeset(printing, [{"text": "é"}], '#set text(font: ("DejaVu Sans", "Liberation Sans"))\n' + SAYS)
    resources: Any = PdfReader(BytesIO(pdf)).pages[0]["/Resources"]
    names = [str(font.get_object()["/BaseFont"]) for font in resources["/Font"].values()]
    assert [name.partition("+")[2] for name in names] == ["LibertinusSerif-Regular-Identity-H"]


async def test_files_are_found_by_their_names_and_no_others(printing: Press, tmp_path: Any) -> None:
    (tmp_path / "secret").write_text("secret")
    assert await typeset(printing, [], '#image("a.jpg")', files={"a.jpg": sent(field())})
    small = await typeset(printing, [], '#image("a.jpg")', pictures={"a.jpg": sent(field(), "WEBP")})
    assert b"/DCTDecode" in small, "as JPEG"
    for path in ("/etc/passwd", "../../etc/passwd", str(tmp_path / "secret")):
        with pytest.raises(TypesettingFailed, match=r"file not found|escape the project root"):
            await typeset(printing, [], f'#read("{path}")')


async def test_a_template_that_never_ends_or_eats_all_memory_ends(
    printing: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(press, "SECONDS", 1)
    with pytest.raises(TypesettingFailed, match="too long"):
        await typeset(printing, [], "#for a in range(100000) { for b in range(100000) { } }")
    hungry = "#{ let x = (0,) * 1000000; let y = (x,) * 100; y = y.map(z => z.map(w => w + 1)) }"
    with pytest.raises(TypesettingFailed):
        await typeset(printing, [], hungry)


async def test_no_process_is_told_as_busy(printing: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(PressBusy):
        await typeset(printing, [])


def test_the_process_can_hold_what_it_must() -> None:
    assert child.MOST_MEMORY_BYTES > 1024**3
