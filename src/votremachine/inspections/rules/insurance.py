"""Whether a rental is insured as its owner asks: who, under which number, from when until when, and the paper. Pure."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.span import FIRST_YEAR, LAST_YEAR, OutOfTime, Span

MOST_PROOFS = 50  # of one party


class Proof(msgspec.Struct, frozen=True):
    """What an insurer certifies to a party, both days included; `sha256` is that of the document, once it was sent."""

    id: UUID
    party_id: UUID
    insurer: str
    policy_number: str
    valid_from: date
    valid_until: date
    sha256: str | None


class UnknownProof(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_insurance"
    en = "There is no such proof of insurance."
    fr = "Cette attestation d'assurance n'existe pas."


class TooManyProofs(DomainError):
    kind = Kind.CONFLICT
    code = "too_many_insurances"
    en = "A party has at most {most} proofs of insurance."
    fr = "Une exploitation a au plus {most} attestations d'assurance."


class ProofDiffers(DomainError):
    kind = Kind.CONFLICT
    code = "insurance_differs"
    en = "This proof has another document already. Add a new proof."
    fr = "Cette attestation a déjà un autre document. Ajoutez-en une nouvelle."


class ValidityDisagrees(DomainError):
    code = "validity_disagrees"
    en = "The last day must not come before the first one."
    fr = "Le dernier jour ne peut pas précéder le premier."


class InsuranceNeeded(DomainError):
    kind = Kind.CONFLICT
    code = "insurance_needed"
    en = "The owner asks for a proof of insurance, with its document, that is valid from {first} to {last}."
    fr = "Le propriétaire demande une attestation d'assurance, avec son document, valable du {first} au {last}."


def check_validity(first: date, last: date) -> None:
    """Raises `OutOfTime`, `ValidityDisagrees`."""
    for day, pointer in ((first, "/valid_from"), (last, "/valid_until")):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise OutOfTime(pointer=pointer)
    if last < first:
        raise ValidityDisagrees(pointer="/valid_until")


def covering(proofs: Iterable[Proof], during: Span, zone: ZoneInfo) -> Proof | None:
    """The proof, its document sent, that is valid on every local date of a rental; the one that lasts longest."""
    first, last = days(during, zone)
    good = [one for one in proofs if one.sha256 and one.valid_from <= first and last <= one.valid_until]
    return max(good, key=lambda one: (one.valid_until, one.id), default=None)


def days(during: Span, zone: ZoneInfo) -> tuple[date, date]:
    """The first and last local date of a rental."""
    return during.start.astimezone(zone).date(), during.end.astimezone(zone).date()
