"""Hashes, signatures, and whether the chain of each machine holds."""

from collections.abc import Sequence
from typing import Any

from votremachine.damages.bundles import rules
from votremachine.damages.bundles.dossier import Dossier, Machine, Report
from votremachine.damages.bundles.pictures import title
from votremachine.damages.bundles.rules import Entry, Status
from votremachine.damages.bundles.words import Tongue
from votremachine.inspections.rules.chain import Signed


def proof(dossier: Dossier, say: Tongue) -> dict[str, Any]:
    """The verdict on each machine's chain, and of each report what it is proved by."""
    return {
        "chains": [
            {"machine": one.title, "holds": one.holds, "verdict": _verdict(one, say)} for one in dossier.machines
        ],
        "reports": [{"title": title(one, say), "rows": _rows(dossier, one, say)} for one in dossier.reports],
    }


def faults(entries: Sequence[Entry], say: Tongue) -> list[list[str]]:
    """The path of each file that is not as it was, what became of it, and what its hash was."""
    names = {Status.MISSING: say("missing"), Status.ALTERED: say("altered")}
    return [[one.path, names[one.status], one.expected or ""] for one in rules.faults(entries)]


def _verdict(machine: Machine, say: Tongue) -> str:
    if not machine.holds:
        return say("broken", n=machine.broken)
    return say("holds") if machine.through else say("no_chain")


def _rows(dossier: Dossier, report: Report, say: Tongue) -> list[list[str]]:
    rows = [[say("signed"), "\n".join(_signature(dossier, one, say) for one in report.signatures)]]
    if report.said is None:
        rows.append([say("wrong"), say("unreadable")])
    elif report.said.why:
        rows.append([say("why"), report.said.why])
    if report.said and report.said.driver:
        driver = report.said.driver
        rows.append([say("driver"), " – ".join(part for part in (driver.name, driver.licence) if part)])
    if report.wrong is not None:
        rows.append([say("wrong"), report.wrong.value])
    return [
        *rows,
        [say("content_hash"), report.content_hash],
        [say("seal"), report.hash],
        [say("previous"), report.previous],
    ]


def _signature(dossier: Dossier, one: Signed, say: Tongue) -> str:
    if one.method == "absent":
        return say("absent", side=say(one.side), why=one.why)
    at = say.moment(one.signed_at, dossier.clock)
    return say("signature", side=say(one.side), name=one.name, how=say(one.method), at=at)
