"""A claim with all that may belong to one: reports with photos, an insurance, quotes, an exchange, a deposit."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from PIL import Image, ImageDraw
from pypdf import PdfReader

from tests.damages.conftest import Yard
from tests.inspections.phone import Yard as Phone
from tests.people import Json, Person, World, at
from tests.shots import sent

QUOTE = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
SCRATCH = {"id": "00000000-0000-7000-8000-000000000001", "where": "Capot", "what": "Rayure de 20 cm"}
DENT = {
    "id": "00000000-0000-7000-8000-000000000002",
    "where": "Aile arrière droite",
    "what": "Enfoncement, tôle déchirée sur 15 cm",
    "severity": "functional",
}
PART = {"kind": "part", "what": "Aile arrière droite, pièce d'origine", "net": 84_000, "vat_rate": 2_000}


def scene(number: int, width: int = 640, height: int = 480) -> bytes:
    """A photo unlike those of other numbers, in which something is to be seen."""
    image = Image.new("RGB", (width, height), (196, 218, 238))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height * 2 // 3, width, height), (126, 138, 82))
    draw.rectangle((width // 4, height // 3, width * 3 // 4, height * 3 // 4), (190, 40 + number * 5 % 90, 34))
    for x in (width * 3 // 8, width * 5 // 8):
        draw.ellipse((x - height // 7, height * 3 // 5, x + height // 7, height * 8 // 9), (34, 34, 34))
    draw.text((20, 20), f"photo {number}", fill=(20, 20, 20), font_size=36)
    return sent(image, quality=85)


@dataclass
class Exported:
    """A bundle that was downloaded."""

    answer: httpx.Response

    def __post_init__(self) -> None:
        assert self.answer.status_code == 200, self.answer.text
        with zipfile.ZipFile(BytesIO(self.answer.content)) as archive:
            assert archive.testzip() is None
            self.files: Mapping[str, bytes] = {one.filename: archive.read(one) for one in archive.infolist()}

    @property
    def manifest(self) -> Json:
        return msgspec.json.decode(self.files["manifest.json"])

    @property
    def statuses(self) -> dict[str, str]:
        return {one["path"]: one["status"] for one in self.manifest["files"]}

    @property
    def lines(self) -> list[str]:
        """What the summary says, line by line, without the marks at which a long word may break."""
        pages = PdfReader(BytesIO(self.files["resume.pdf"])).pages
        return [line.replace("\u200b", "") for page in pages for line in page.extract_text().splitlines()]

    @property
    def text(self) -> str:
        """What the summary says, its lines joined."""
        return " ".join(" ".join(self.lines).split())

    def named(self, start: str) -> list[str]:
        return sorted(path for path in self.files if path.startswith(start))


class Case:
    """A rental that came back broken, step by step."""

    def __init__(self, yard: Yard, world: World, machine: str) -> None:
        self.yard, self.world, self.machine = yard, world, machine
        self.owner, self.renter = yard.owner, yard.renter
        self.photos = [scene(number) for number in range(4)]
        self.claim: Json = None

    async def rented(self) -> Phone:
        """A booking with a live deposit that begins now."""
        booking = await self.yard.confirmed(self.machine)
        await self.yard.work(at(2, 1))
        await self.yard.shifted(booking, timedelta(days=-3))
        self.yard.clock.ahead = timedelta(0)
        self.phone = Phone(self.owner, self.renter, self.machine, booking["id"])
        return self.phone

    async def insured(self) -> Json:
        days = {"valid_from": f"{at(-30):%Y-%m-%d}", "valid_until": f"{at(300):%Y-%m-%d}"}
        asked = {"insurer": "Assurances des Landes", "policy_number": "AL-2026-00417", **days}
        proof = await self.renter.made(f"/parties/{self.renter.party_id}/insurances", asked)
        await self._put(self.renter, f"/v1/insurances/{proof['id']}/document", QUOTE)
        return proof

    async def reported(self, kind: str, shots: list[bytes], captions: str = "Vue", **more: Any) -> Json:
        """A report with its photos, signed by both sides."""
        report = self.phone.report(kind, photos=shots, **more)
        for number, shot in enumerate(report["photos"]):
            shot["caption"] = f"{captions} {number + 1}"
        view = await self.phone.sent(report)
        for content in shots:
            assert (await self.phone.put(view["id"], content)).status_code == 200
        for side, who in (("renter", self.renter), ("owner", self.owner)):
            answer = await self.phone.sign(view, side, who)
            assert answer.is_success, answer.text
        return answer.json()

    async def claimed(self, *lines: Json, reason: str = "L'aile est enfoncée.", **report: Any) -> Json:
        """Out, back with a dent, and claimed."""
        await self.rented()
        await self.insured()
        self.out = await self.reported("check_out", self.photos[:2], damage=[SCRATCH])
        body = {"fuel_eighths": 3, "cleanliness": "dirty", "damage": [SCRATCH, DENT], **report}
        self.back = await self.reported("check_in", self.photos[2:], **body)
        line = PART | {"age_months": 40, "inspection_ids": [self.back["id"]]}
        asked = {"reason": reason, "lines": list(lines) or [line]}
        answer = await self.owner.act(self.phone.booking, "claims", asked)
        assert answer.status_code == 201, answer.text
        self.claim = answer.json()
        return self.claim

    async def shows(self, who: Person, content: bytes) -> Json:
        return (await self._post(who, f"/v1/claims/{self.claim['id']}/evidence", content)).json()

    async def says(self, who: Person, verb: str, body: Json = None) -> Json:
        return await self.yard.said(who, self.claim, verb, body)

    async def asked(self, who: Person, **headers: str) -> httpx.Response:
        return await who.get(f"/claims/{self.claim['id']}/bundle", **headers)

    async def exported(self, who: Person | None = None, **headers: str) -> Exported:
        return Exported(await self.asked(who or self.owner, **headers))

    async def decided(self, mediator: Person) -> None:
        """Contested, bargained over, and settled by a mediator."""
        await self.says(self.renter, "contest", {"reason": "L'aile était déjà abîmée.", "minor": 20_000})
        await self.says(self.owner, "offer", {"minor": 60_000, "note": "Je renonce à la pose."})
        await self.says(self.renter, "escalate", {"reason": "Nous ne nous entendons pas."})
        await self.says(mediator, "decide", {"minor": 45_000, "reason": "La photo du départ montre une aile intacte."})
        await self.yard.work()

    async def _put(self, who: Person, path: str, content: bytes) -> None:
        answer = await who.http.put(path, content=content, headers={"Authorization": f"Bearer {who.token}"})
        assert answer.is_success, answer.text

    async def _post(self, who: Person, path: str, content: bytes) -> httpx.Response:
        answer = await who.http.post(path, content=content, headers={"Authorization": f"Bearer {who.token}"})
        assert answer.is_success, answer.text
        return answer


@pytest.fixture
async def case(yard: Yard, world: World, owner: Person) -> Case:
    return Case(yard, world, await world.machine(owner))


def provided(app: Litestar, name: str) -> Any:
    """What the application gives its routes under this name."""
    known: Any = app.dependencies[name]
    return known.dependency()


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()
