"""What the summary of a bundle says, as data for its template: every text is a value there, whatever is in it."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from votremachine.damages.bundles import rules
from votremachine.damages.bundles.dossier import Dossier, Insured, Machine, Party
from votremachine.damages.bundles.exchange import exchange
from votremachine.damages.bundles.pictures import evidence, photos, title
from votremachine.damages.bundles.proving import faults, proof
from votremachine.damages.bundles.rules import Entry
from votremachine.damages.bundles.sides import comparisons
from votremachine.damages.bundles.words import WORDS, Tongue
from votremachine.damages.rules.claim import State
from votremachine.damages.schemas import LineView
from votremachine.damages.wear import wear_name
from votremachine.fleet.categories import categories
from votremachine.kernel.money import BASIS_POINTS, Money

Row = list[str]  # a label and what it says


@cache
def template() -> str:
    """The template, typst."""
    return (files("votremachine") / "damages" / "bundles" / "summary.typ").read_text("utf-8")


def data(dossier: Dossier, entries: Sequence[Entry], pictures: Mapping[str, bytes]) -> dict[str, Any]:
    """All that the template shows, in the dossier's language."""
    say = Tongue(dossier.language)
    return {
        "language": dossier.language,
        "words": {name: say(name) for name in WORDS},
        "reference": rules.reference(dossier.claim.id),
        "state": say(f"state.{dossier.claim.state}"),
        "head": _head(dossier, say),
        "owner": _party(dossier.owner),
        "renter": _party(dossier.renter),
        "machines": [[one.title, _machine(one, say)] for one in dossier.machines],
        "rental": _rental(dossier, say),
        "insured": [_insured(one, say) for one in dossier.insured],
        "reason": dossier.claim.reason,
        "lines": [_line(dossier, one, say) for one in dossier.claim.lines],
        "totals": _totals(dossier, say),
        "comparisons": comparisons(dossier, say),
        "exchange": exchange(dossier, say),
        "settlement": _settlement(dossier, say),
        "evidence": evidence(dossier, entries, pictures, say),
        "photos": photos(dossier, entries, pictures, say),
        "proof": proof(dossier, say),
        "faults": faults(entries, say),
        "copies": not dossier.originals,
    }


def _head(dossier: Dossier, say: Tongue) -> list[Row]:
    claim = dossier.claim
    rows = [
        [say("opened"), say.moment(claim.created_at, dossier.clock)],
        [say("as_of"), say.moment(dossier.as_of, dossier.clock)],
        [say("asked"), say.money(claim.asked)],
    ]
    if claim.settlement is not None:
        rows.append([say("awarded"), say.money(claim.settlement.awarded)])
    return [*rows, [say("claim_id"), str(claim.id)], [say("booking_id"), str(claim.booking_id)]]


def _party(party: Party) -> list[str]:
    """The lines of somebody's address, the name first."""
    legal = party.legal_name if party.legal_name != party.name else ""
    number = f"SIRET {party.siret}" if party.siret else f"SIREN {party.siren}" if party.siren else ""
    lines = [party.name, legal, party.street, f"{party.postcode} {party.commune}".strip(), number]
    return [line for line in lines if line]


def _machine(machine: Machine, say: Tongue) -> list[Row]:
    known = categories().get(machine.category)
    return [
        [say("category"), known.name(say.language) if known else machine.category],
        [say("make"), f"{machine.make} {machine.model}".strip() or say("not_given")],
        [say("serial"), machine.serial or say("not_given")],
    ]


def _rental(dossier: Dossier, say: Tongue) -> list[Row]:
    def at(instant: Any) -> str:
        return say.moment(instant, dossier.clock) if instant else "–"

    return [
        [say("from_to"), f"{at(dossier.starts)} → {at(dossier.ends)}"],
        [say("out_at"), at(dossier.out_at)],
        [say("returned_at"), at(dossier.returned_at)],
        [say("clock"), dossier.zone],
    ]


def _insured(one: Insured, say: Tongue) -> dict[str, Any]:
    first, last = say.day(one.proof.valid_from), say.day(one.proof.valid_until)
    rows = [
        [say("insurer"), one.proof.insurer],
        [say("policy"), one.proof.policy_number],
        [say("validity"), say("from_until", first=first, last=last)],
    ]
    if one.document is not None:
        rows.append([say("document"), one.document.path])
    return {"rows": rows, "note": say("proof_sealed" if one.sealed else "proof_unsealed")}


def _line(dossier: Dossier, line: LineView, say: Tongue) -> dict[str, Any]:
    machines = {one.id: one.title for one in dossier.machines}
    titles = {one.id: title(one, say) for one in dossier.reports}
    part = [say(f"kind.{line.kind}")]
    if line.item:
        part.append(wear_name(line.item, say.language))
    if len(machines) > 1:
        part.append(machines.get(line.machine_id, ""))
    reports = [titles[one] for one in line.inspection_ids if one in titles]
    return {
        "what": line.what,
        "part": " · ".join(part),
        "reports": f"{say('shown_by')} {', '.join(reports)}" if reports else "",
        "cost": say.money(line.net + line.vat),
        "vat": say("vat", vat=say.money(line.vat)) if line.vat.minor else "",
        "deduction": _deduction(line, say),
        "asked": say.money(line.asked),
    }


def _deduction(line: LineView, say: Tongue) -> list[str]:
    """What wear or age took off, and for which age."""
    ages = [
        say(name, n=value)
        for name, value in (("age_months", line.age_months), ("age_hours", line.age_hours))
        if value is not None
    ]
    if line.kept == BASIS_POINTS:
        return [say("none"), *ages]
    lost = (BASIS_POINTS - line.kept) / 100
    percent = f"{lost:.2f}".rstrip("0").rstrip(".").replace(".", "," if say.language == "fr" else ".")
    return [f"− {percent} %" if say.language == "fr" else f"−{percent}%", *ages]


def _totals(dossier: Dossier, say: Tongue) -> list[Row]:
    claim = dossier.claim
    rows = [[say("total"), say.money(claim.total)]]
    if claim.asked != claim.total:
        rows.append([f"{say('asked')} ({say('capped')})", say.money(claim.asked)])
    return rows


def _settlement(dossier: Dossier, say: Tongue) -> dict[str, Any]:
    claim, deposit = dossier.claim, dossier.deposit
    rows = []
    if deposit is not None and deposit.held:
        rows.append([say("deposit_held"), say.money(Money(deposit.held, deposit.amount.currency))])
    paid = claim.settlement
    if paid is None:
        return {"note": say("withdrawn" if claim.state is State.WITHDRAWN else "not_settled"), "rows": rows}
    rows += [
        [say("awarded"), say.money(paid.awarded)],
        *([say(name), _known(getattr(paid, name), say)] for name in ("from_deposit", "released", "from_renter")),
    ]
    if paid.from_renter is not None and paid.from_renter.minor:
        rows += [[say("paid"), say.money(paid.from_renter - paid.owed)], [say("owed"), say.money(paid.owed)]]
    return {"note": "", "rows": rows}


def _known(amount: Money | None, say: Tongue) -> str:
    return say("pending") if amount is None else say.money(amount)
