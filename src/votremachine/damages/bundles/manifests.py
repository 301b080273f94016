"""What a bundle says of itself to programs and to people who check it without us."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.resources import files
from uuid import UUID

import msgspec

from votremachine.damages.bundles import rules
from votremachine.damages.bundles.dossier import Dossier, Machine, Report
from votremachine.damages.bundles.rules import Entry
from votremachine.kernel.money import Money


class ChainState(msgspec.Struct, frozen=True):
    """Whether every hash of a machine's chain was found right, and where its last report in this bundle stands."""

    machine_id: UUID
    title: str
    serial: str
    through: int
    hash: str
    holds: bool
    broken_at: int | None
    broken_part: str | None


class ReportState(msgspec.Struct, frozen=True):
    """A report: the SHA-256 of the file at `content` is `content_hash`, that of the file at `seal` is `hash`, and
    `previous` is the `hash` of the machine's report before it. `wrong` says what was found not to hold.
    """

    id: UUID
    machine_id: UUID
    kind: str
    sequence: int
    signed_at: datetime
    content: str
    content_hash: str
    seal: str
    hash: str
    previous: str
    wrong: str | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a bundle."""

    form: int = 1
    claim_id: UUID
    reference: str
    booking_id: UUID
    state: str
    asked: Money
    awarded: Money | None
    as_of: datetime
    language: str
    chains: Sequence[ChainState]
    reports: Sequence[ReportState]
    files: Sequence[Entry]
    verify: Sequence[str]


_VERIFY = (
    "sha256sum -c SHA256SUMS: every file of this bundle is as it was exported.",
    "files[].expected is the SHA-256 when the file was sent; status is altered where it is another one now.",
    "sha256sum <content> is content_hash, which stands in <seal> and is what both sides signed.",
    "sha256sum <seal> is hash, which both sides were sent as a receipt on the day of signing.",
    "previous in <seal> is the hash of the machine's report before it, 64 zeros for the first.",
)


def reports(dossier: Dossier) -> Iterator[tuple[str, bytes, str]]:
    """Path, bytes and SHA-256 of the contents and seals of reports, just as they were hashed."""
    for report in dossier.reports:
        yield f"{report.path}.json", report.content, report.content_hash
        yield f"{report.path}.sceau.json", report.seal, report.hash


def manifest(dossier: Dossier, entries: Sequence[Entry]) -> bytes:
    """The manifest, which names every file but itself and the sums; JSON to be read by people, too."""
    claim = dossier.claim
    made = Manifest(
        claim_id=claim.id,
        reference=rules.reference(claim.id),
        booking_id=claim.booking_id,
        state=claim.state.value,
        asked=claim.asked,
        awarded=claim.settlement.awarded if claim.settlement else None,
        as_of=dossier.as_of,
        language=dossier.language,
        chains=[_chain(one) for one in dossier.machines],
        reports=[_report(one) for one in dossier.reports],
        files=sorted(entries, key=lambda one: one.path),
        verify=_VERIFY,
    )
    return msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"


def read_mes(dossier: Dossier) -> dict[str, str]:
    """The text for who opens the zip, in both languages, by path."""
    folder = files("votremachine") / "damages" / "bundles"
    facts = {"reference": rules.reference(dossier.claim.id), "id": dossier.claim.id}
    return {path: (folder / path).read_text("utf-8").format(**facts) for path in rules.READ_ME.values()}


def _chain(machine: Machine) -> ChainState:
    return ChainState(
        machine_id=machine.id,
        title=machine.title,
        serial=machine.serial,
        through=machine.through,
        hash=machine.through_hash,
        holds=machine.holds,
        broken_at=machine.broken,
        broken_part=machine.broken_part,
    )


def _report(report: Report) -> ReportState:
    told = {name: getattr(report, name) for name in ReportState.__struct_fields__ if hasattr(report, name)}
    return ReportState(**told | {"content": f"{report.path}.json", "seal": f"{report.path}.sceau.json"})
