"""What is in a bundle, taken out of it and checked without us."""

import subprocess
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
from pypdf import PdfReader

from tests.damages.bundles.conftest import QUOTE, Case, Exported, digest
from tests.people import Person

BELONGS = {"resume.pdf", "manifest.json", "SHA256SUMS", "LISEZMOI.txt", "README.txt"}


def written(bundle: Exported, folder: Path) -> None:
    for path, content in bundle.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def checked(folder: Path) -> int:
    """How many files the program that everybody has found right."""
    check = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    return len(subprocess.run(check, cwd=folder, capture_output=True, check=True).stdout.splitlines())


async def test_every_hash_is_computed_again_from_the_files_alone(
    case: Case, renter: Person, owner: Person, tmp_path: Path
) -> None:
    await case.claimed()
    await case.shows(owner, QUOTE)
    await case.shows(renter, case.photos[3])
    bundle = await case.exported()
    files = bundle.files

    written(bundle, tmp_path)
    assert checked(tmp_path) == len(files) - 1, "all but itself"
    listed = {one["path"]: one for one in bundle.manifest["files"]}
    assert listed.keys() == files.keys() - {"manifest.json", "SHA256SUMS"}
    for path, one in listed.items():
        assert (one["status"], one["bytes"], one["sha256"]) == ("intact", len(files[path]), digest(files[path])), path

    before = "0" * 64
    for view, path in ((case.out, "rapports/m1-0001-depart"), (case.back, "rapports/m1-0002-retour")):
        content, seal = files[f"{path}.json"], files[f"{path}.sceau.json"]
        said, sealed = msgspec.json.decode(content), msgspec.json.decode(seal)
        assert digest(content) == view["content_hash"] == sealed["content_hash"]
        assert {one["content_hash"] for one in sealed["signatures"]} == {digest(content)}
        receipt = (await renter.get(f"/inspections/{view['id']}/receipt")).json()
        assert digest(seal) == receipt["hash"]
        assert sealed["previous"] == before
        before = digest(seal)
        shots = [files[name] for name in bundle.named(f"photos/{path.removeprefix('rapports/')}/")]
        assert [one["sha256"] for one in said["photos"]] == [digest(shot) for shot in shots]
        assert [one["sha256"] for one in sealed["photos"]] == [digest(shot) for shot in shots]
        assert all(shot in case.photos for shot in shots), "just as they were sent"
    (chain,) = bundle.manifest["chains"]
    assert (chain["holds"], chain["through"], chain["hash"]) == (True, 2, before)
    sealed = msgspec.json.decode(files["rapports/m1-0001-depart.sceau.json"])
    (insurance,) = bundle.named("assurance/")
    assert sealed["insurance"].split()[1] == digest(files[insurance])
    owners, renters = bundle.named("pieces/")[::-1]
    assert (files[owners], files[renters]) == (QUOTE, case.photos[3])
    assert files.keys() >= BELONGS


async def test_the_summary_tells_all_of_it_in_both_languages(
    case: Case, renter: Person, owner: Person, mediator: Person
) -> None:
    tag = (await owner.get(f"/machines/{case.machine}")).headers["ETag"]
    named = await owner.ask("PATCH", f"/machines/{case.machine}", {"serial": "YK5N134-0417"}, If_Match=tag)
    assert named.status_code == 200
    await case.claimed()
    await case.shows(owner, QUOTE)
    await case.decided(mediator)
    french, english = [await case.exported(renter, Accept_Language=one) for one in ("fr-FR,fr;q=0.9", "en")]
    both = (
        *("Ferme du Marsan", "Ferme de la Chalosse", "Tracteur 120 ch", "Valtra N134", "YK5N134-0417"),
        *("Assurances des Landes", "AL-2026-00417", "Enfoncement, tôle déchirée sur 15 cm", "Rayure de 20 cm"),
        *("L'aile est enfoncée.", "Aile arrière droite, pièce d'origine", "L'aile était déjà abîmée."),
        *("Je renonce à la pose.", "La photo du départ montre une aile intacte.", case.claim["id"], case.phone.booking),
        *(case.out["hash"], case.back["hash"], case.out["content_hash"], "6/8", "3/8", "Vue 1"),
    )
    for bundle in (french, english):
        for said in both:
            assert said in bundle.text, said
        for number, page in enumerate(PdfReader(BytesIO(bundle.files["resume.pdf"])).pages, 1):
            foot = " ".join(page.extract_text().split())
            assert reference_of(case) in foot
            assert any(f"Page {number} {of}" in foot for of in ("sur", "of"))
        assert b"<pdfaid:part>2</pdfaid:part>" in bundle.files["resume.pdf"]
    told = (
        (french, ("705,60 €", "450,00 €", "1 008,00 €", "− 30 %", "pièce de 40 mois", "plus sale", "Réglé")),
        (english, ("€705.60", "€450.00", "€1,008.00", "−30%", "part 40 months old", "dirtier", "Settled")),
    )
    for bundle, words in told:
        plain = bundle.text.replace("\u202f", " ").replace("\xa0", " ")
        for said in (*words, "Nouveau au retour" if bundle is french else "New at check-in"):
            assert said in plain, said
    texts = french.text, english.text
    assert ["Prélevé sur la caution" in text for text in texts] == [True, False]
    same = french.files.keys() & english.files.keys() - {"resume.pdf", "manifest.json", "SHA256SUMS"}
    assert all(french.files[path] == english.files[path] for path in same)


def reference_of(case: Case) -> str:
    return str(case.claim["id"])[-8:].upper()


async def test_the_same_claim_makes_the_same_bytes_and_another_state_others(
    case: Case, renter: Person, owner: Person, monkeypatch: Any
) -> None:
    await case.claimed()
    first = await case.asked(owner)
    monkeypatch.setattr("votremachine.damages.bundles.building.Bundles.built", None)
    unchanged = await case.asked(owner, If_None_Match=first.headers["ETag"])
    monkeypatch.undo()
    assert (unchanged.status_code, unchanged.content) == (304, b""), "nothing is built"
    again = await case.asked(owner)
    assert (again.content, again.headers["ETag"]) == (first.content, first.headers["ETag"])
    with zipfile.ZipFile(BytesIO(first.content)) as archive:
        assert len({one.date_time for one in archive.infolist()}) == 1
    tags = {first.headers["ETag"], (await case.asked(owner, Accept_Language="fr")).headers["ETag"]}
    await case.says(renter, "contest", {"reason": "Non.", "minor": 1})
    contested = await case.asked(owner, If_None_Match=first.headers["ETag"])
    assert contested.status_code == 200
    assert len(tags | {contested.headers["ETag"]}) == 3


async def test_it_is_saved_under_a_telling_name_and_never_shown(case: Case, owner: Person) -> None:
    await case.claimed()
    headers = (await case.asked(owner)).headers
    name = f"claim-{reference_of(case)}-tracteur-120-ch.zip"
    assert headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert headers["Content-Type"] == "application/zip"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Encoding" not in headers
    assert {"Authorization", "Accept-Language"} == set(headers["Vary"].split(", "))
    assert (await owner.ask("PATCH", "/me", {"language": "fr"})).status_code == 200
    path, token = f"/v1/claims/{case.claim['id']}/bundle", {"Authorization": f"Bearer {owner.token}"}
    for language, told in (("fr", "sinistre-"), ("en", "claim-"), (None, "sinistre-")):
        request = owner.http.build_request("GET", path, headers=token | {"Accept-Language": language or "x"})
        if language is None:
            del request.headers["Accept-Language"]
        named = (await owner.http.send(request)).headers["Content-Disposition"]
        assert f'filename="{told}' in named, "what the phone reads, or else the person"


async def test_a_claim_is_exported_in_each_of_its_states(case: Case, renter: Person, mediator: Person) -> None:
    await case.claimed({"kind": "cleaning", "what": "Lavage", "gross": 9_000})
    states = [(await case.exported()).manifest["state"]]
    await case.says(case.owner, "withdraw", {"reason": "Nettoyé."})
    withdrawn = await case.exported()
    assert "nothing is due" in withdrawn.text
    states.append(withdrawn.manifest["state"])
    case.claim = await case.yard.claim({"id": case.phone.booking}, 60_000)
    for who, verb, body in (
        (renter, "contest", {"reason": "Non.", "minor": 100}),
        (renter, "escalate", {}),
        (mediator, "decide", {"minor": 30_000, "reason": "Partagé."}),
    ):
        await case.says(who, verb, body)
        states.append((await case.exported()).manifest["state"])
    assert "under way" in (await case.exported()).text, "the deposit has not answered yet"
    await case.yard.work()
    settled = await case.exported()
    states.append(settled.manifest["state"])
    assert states == ["open", "withdrawn", "contested", "mediation", "decided", "settled"]
    assert (settled.manifest["asked"]["minor"], settled.manifest["awarded"]["minor"]) == (60_000, 30_000)
    for amount in ("€300.00", "€700.00", "€1,000.00"):
        assert amount in settled.text, amount


async def test_a_rental_without_reports_or_insurance_is_exported_too(case: Case) -> None:
    case.claim = await case.yard.claim(await case.yard.back(case.machine))
    bundle = await case.exported()
    assert bundle.files.keys() == BELONGS
    assert "There is no signed condition report" in bundle.text
    assert "No proof of insurance" in bundle.text
    assert "No sealed condition report." in bundle.text
