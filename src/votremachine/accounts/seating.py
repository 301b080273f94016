"""Who sits in a party, who may give a seat to whom, and why the last admin stays. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from votremachine.accounts.rules import PERMISSIONS, Relation, Role
from votremachine.kernel.errors import DomainError, Kind

INVITATION_LIFE = timedelta(days=7)


class UnknownColleague(DomainError):
    kind = Kind.NOT_FOUND
    code = "unknown_colleague"
    en = "This person does not act for this party."
    fr = "Cette personne n'agit pas pour cette exploitation, CUMA ou ETA."


class LastAdmin(DomainError):
    kind = Kind.CONFLICT
    code = "last_admin"
    en = "A party keeps at least one admin: name another one first."
    fr = "Il faut au moins un administrateur : nommez-en d'abord un autre."


class RoleTooHigh(DomainError):
    kind = Kind.FORBIDDEN
    code = "role_too_high"
    en = "Nobody gives a role that may do more than their own."
    fr = "On ne donne pas un rôle qui permet plus que le sien."


class InvitationGone(DomainError):
    kind = Kind.NOT_FOUND
    code = "invitation_gone"
    en = "This invitation was used, taken back, or is too old. Ask for another."
    fr = "Cette invitation a été utilisée, retirée, ou elle est trop ancienne. Demandez-en une autre."


def may_grant(granter: Role, role: Role) -> bool:
    """Whether somebody may give a role away: one that permits nothing which their own does not."""
    owners = [sides.get(Relation.OWNER, frozenset()) for sides in PERMISSIONS.values()]
    return all(granter in allowed for allowed in owners if role in allowed)


def check_admin_stays(held: Mapping[UUID, Role], person_id: UUID, becomes: Role | None) -> None:
    """Raises `LastAdmin` when a party of these people would be without admin once one of them `becomes` that.

    `becomes` is None for who leaves. Raises `UnknownColleague` for who is not one of them.
    """
    if person_id not in held:
        raise UnknownColleague
    after = {**held, person_id: becomes}
    if Role.ADMIN not in after.values():
        raise LastAdmin
