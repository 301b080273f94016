"""What the fleet answers over the wire."""

from uuid import UUID

import msgspec

from votremachine.fleet.attributes import Attributes
from votremachine.fleet.compatibility import Aspect, Verdict
from votremachine.fleet.rules import Cancellation, Cleaning, Meter, State, Texts, Visibility
from votremachine.fleet.terms import Terms
from votremachine.kernel.money import Money


class PositionView(msgspec.Struct, frozen=True):
    """WGS 84 degrees; `exact` for the owner's own people, about a kilometre off for everybody else."""

    latitude: float
    longitude: float
    exact: bool


class MachineView(msgspec.Struct, frozen=True, kw_only=True):
    """A machine as anybody who may see it does: its commune, not its yard.

    `title` and `description` are in the reader's language where there is a text in it; `serial` and `visible_to` are
    null but for the owner's own people.
    """

    id: UUID
    party_id: UUID
    category: str
    title: str
    description: str
    titles: Texts
    descriptions: Texts
    make: str
    model: str
    serial: str | None
    commune: str
    position: PositionView
    zone: str
    state: State
    terms: Terms
    deposit: Money
    attributes: Attributes
    meters: tuple[Meter, ...]
    visibility: Visibility
    visible_to: list[UUID] | None
    cancellation: Cancellation
    cleaning: Cleaning
    priced: bool
    version: int


class FoundMachine(MachineView, frozen=True, kw_only=True):
    """A machine in a list; `distance_m` from the place that was asked for to the place that strangers are told."""

    distance_m: int | None


class CategoryView(msgspec.Struct, frozen=True):
    """`attributes` are those that apply, `needed` those of them without which a machine is not published."""

    code: str
    name: str
    typical_units: list[str]
    attributes: list[str]
    needed: list[str]


class ReasonView(msgspec.Struct, frozen=True):
    """One aspect of a fit: `needs` and `has` are null where nobody said; `text` says it in the reader's language."""

    aspect: Aspect
    verdict: Verdict
    needs: int | tuple[str | int, ...] | None
    has: int | tuple[str | int, ...] | None
    text: str


class TractorView(msgspec.Struct, frozen=True):
    """A tractor that may or may not pull an implement, and why."""

    machine: MachineView
    verdict: Verdict
    reasons: list[ReasonView]


class Tractors(msgspec.Struct, frozen=True):
    """The tractors of the caller's parties and their cooperatives, those that fit first."""

    machine_id: UUID
    tractors: list[TractorView]
