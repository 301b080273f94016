"""What people wrote to break a document, or what is made of it: shown as they wrote it, and nothing else."""

from tests.damages.bundles.conftest import DENT, Case, scene
from tests.people import Person

READ = '#read("/etc/passwd") #panic()'
CLOSE = '] } ) #set page(width: 1pt) [ #include "main.typ"'
MARKUP = "$x$ *gras* _italique_ `brut` @ref <label> = Titre // ### \\ \" ' {{ }} {0} {amount} %s"
WORLD = "שלום مرحبا Żółć Ελληνικά 🚜 日本 \u202egnp\u202c"
LONG = "mots et " * 499  # 4,000 characters hardly
UNBROKEN = "x" * 500
WIDEST = 200  # characters of a line of the summary


async def test_hostile_texts_are_shown_and_never_obeyed(case: Case, renter: Person, owner: Person) -> None:
    case.photos = [scene(number) for number in range(3)]
    damage = DENT | {"where": CLOSE, "what": READ + MARKUP}
    notes = f"{READ}\n\n{CLOSE}\n{WORLD}\n{UNBROKEN}"
    lines = [
        {"kind": "repair", "what": "#read('/etc/passwd')]\"$" + UNBROKEN[:150], "net": 1},
        {"kind": "cleaning", "what": "<script>alert(1)</script> ../../etc", "net": 99_999_999},
    ]
    found = {"damage": [damage], "notes": notes, "driver": {"name": READ, "licence": CLOSE}}
    await case.claimed(*lines, reason=f"{READ}\n{WORLD}\n{MARKUP}\n{LONG}"[:4000], **found)
    await case.says(renter, "contest", {"reason": UNBROKEN * 7 + CLOSE, "minor": 1})
    await case.says(owner, "offer", {"minor": 2, "note": f"{CLOSE}\r\n\x01{MARKUP}"})
    for language in ("fr", "en"):
        bundle = await case.exported(Accept_Language=language)
        text = bundle.text
        assert "root:" not in text
        assert "daemon" not in text
        shown = text.replace(" ", "")
        for word in (READ, CLOSE, MARKUP, "<script>alert(1)</script> ../../etc", "Żółć", "Ελληνικά"):
            assert word.replace(" ", "") in shown, word
        assert UNBROKEN[:60] in shown
        assert max(len(line) for line in bundle.lines) < WIDEST, "nothing runs off the paper"
        for reference in ("{amount}", "{0}", "%s"):
            assert reference in text, "nobody's words are filled in"


async def test_a_hostile_title_makes_no_hostile_header(case: Case, owner: Person) -> None:
    tag = (await owner.get(f"/machines/{case.machine}")).headers["ETag"]
    title = '"; filename="x.exe" é日本🚜/../' + "long " * 20
    await owner.ask("PATCH", f"/machines/{case.machine}", {"title": title}, If_Match=tag)
    await case.claimed()
    headers = (await case.asked(owner)).headers
    name = headers["Content-Disposition"].removeprefix('attachment; filename="').removesuffix('"')
    assert name.isascii()
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEF0123456789-.")
    assert name.endswith(".zip")
    assert len(name) < 80
