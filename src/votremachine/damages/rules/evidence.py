"""How large a file of a claim may be, how many there are, and what they are called. Pure."""

from uuid import UUID

from votremachine.kernel.errors import DomainError, Kind
from votremachine.kernel.states import AboutState

LARGEST_BYTES = 15 * 1024 * 1024
MOST_FILES = 30  # of one side


class UnknownEvidence(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_evidence"
    en = "There is no such file."
    fr = "Ce fichier n'existe pas."


class TooMuchEvidence(DomainError):
    kind = Kind.CONFLICT
    code = "too_much_evidence"
    en = "A side shows at most {most} files."
    fr = "Chaque partie montre au plus {most} fichiers."


class ClaimOver(AboutState):
    kind = Kind.CONFLICT
    code = "claim_over"
    en = "This claim is {state}: nothing can be added to it any more."
    fr = "Cette déclaration est « {state} » : plus rien ne peut y être ajouté."


def file_name(evidence_id: UUID) -> str:
    """Where a file is kept; a name is used once."""
    return f"claims/{evidence_id}"
