"""Whether a meter can have got where a report says it is. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import msgspec

from votremachine.availability.maintenance.rules.readings import MeterRunsBackwards, check_value
from votremachine.fleet.rules import Meter
from votremachine.inspections.rules.report import MeterRead
from votremachine.kernel.errors import DomainError, Kind

# Of an hour: what the fastest machine of the trade does, with room to spare. An engine cannot run 61 minutes of one.
FASTEST: Mapping[Meter, int] = {
    Meter.ENGINE_HOUR: 1,
    Meter.HECTARE: 40,
    Meter.BALE: 200,
    Meter.M3: 500,
    Meter.KM: 80,
    Meter.TONNE: 300,
}
# Meters are read to the tenth, by people in a hurry.
SLACK = Decimal(1)


class MeterJumps(DomainError):
    kind = Kind.CONFLICT
    code = "meter_jumps"
    en = "From {value} no machine gets that far in that time. If the meter was replaced or misread, say so in `why`."
    fr = "Depuis {value}, aucun matériel ne va si loin en si peu de temps. Compteur remplacé ou mal lu ? Voir `why`."


class LastReading(msgspec.Struct, frozen=True):
    """What a meter showed before."""

    value: Decimal
    read_at: datetime


def checked(meters: Sequence[MeterRead], made_at: datetime, last: Mapping[Meter, LastReading]) -> tuple[MeterRead, ...]:
    """The meters, to two decimals, if each can have got there from what it showed last, or somebody says why not.

    Raises `NoReading`, `MeterRunsBackwards`, `MeterJumps`.
    """
    found = []
    for number, one in enumerate(meters):
        pointer = f"/meters/{number}/value"
        read = msgspec.structs.replace(one, value=check_value(one.value, pointer))
        if one.meter in last and not one.why.strip():
            _check_growth(read, made_at, last[one.meter], pointer)
        found.append(read)
    return tuple(found)


def _check_growth(read: MeterRead, made_at: datetime, last: LastReading, pointer: str) -> None:
    grown = read.value - last.value
    if grown < 0:
        raise MeterRunsBackwards(pointer=pointer, value=str(last.value))
    hours = max(Decimal(0), Decimal((made_at - last.read_at).total_seconds()) / 3600)
    if grown > hours * FASTEST[read.meter] + SLACK:
        raise MeterJumps(pointer=pointer, value=str(last.value))
