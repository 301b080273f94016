"""Facts about accounts that interest the slices above."""

from uuid import UUID

from votremachine.kernel.events import Event


class PersonEvent(Event, frozen=True):
    """Something that a person is told about their own account."""

    person_id: UUID


class RefreshTokenReused(PersonEvent, frozen=True):
    """Somebody used a copy of a refresh token: the session it belongs to was ended."""


class PasswordChanged(PersonEvent, frozen=True):
    pass


class AddressChanged(PersonEvent, frozen=True):
    pass


class Impersonated(PersonEvent, frozen=True):
    """A member of staff acts in the person's place."""


class RoleChanged(PersonEvent, frozen=True):
    """The person's role in a party was changed, or taken away."""
