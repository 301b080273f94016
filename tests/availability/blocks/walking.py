"""The oracle of recurrence: one day after another, asked by hand whether the rule names it.

It knows nothing of `dateutil` and builds nothing from the rule but plain questions about a date.
"""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass
class Plan:
    """What a rule says, as it was drawn; `weekdays` are (nth or 0, weekday)."""

    frequency: str
    interval: int = 1
    weekdays: list[tuple[int, int]] = field(default_factory=list)
    monthdays: list[int] = field(default_factory=list)
    months: list[int] = field(default_factory=list)
    count: int | None = None
    until: date | None = None

    @property
    def written(self) -> str:
        parts = [f"FREQ={self.frequency}", f"INTERVAL={self.interval}"]
        if self.weekdays:
            parts.append("BYDAY=" + ",".join(f"{nth or ''}{DAYS[day]}" for nth, day in self.weekdays))
        if self.monthdays:
            parts.append("BYMONTHDAY=" + ",".join(map(str, self.monthdays)))
        if self.months:
            parts.append("BYMONTH=" + ",".join(map(str, self.months)))
        if self.count is not None:
            parts.append(f"COUNT={self.count}")
        if self.until is not None:
            parts.append(f"UNTIL={self.until:%Y%m%d}")
        return ";".join(parts)

    def names(self, day: date, first: date) -> bool:
        """Whether a rule that began on `first` names this day, its end left aside."""
        return (
            self._in_step(day, first)
            and (not self.months or day.month in self.months)
            and self._of_month(day, first)
            and self._of_week(day, first)
        )

    def _in_step(self, day: date, first: date) -> bool:
        if self.frequency == "DAILY":
            steps = (day - first).days
        elif self.frequency == "WEEKLY":
            steps = (monday(day) - monday(first)).days // 7
        elif self.frequency == "MONTHLY":
            steps = (day.year - first.year) * 12 + day.month - first.month
        else:
            steps = day.year - first.year
        if self.frequency == "YEARLY" and not (self.months or self.monthdays or self.weekdays):
            return steps % self.interval == 0 and day.month == first.month
        return steps % self.interval == 0

    def _of_month(self, day: date, first: date) -> bool:
        last = monthrange(day.year, day.month)[1]
        if self.monthdays:
            return day.day in self.monthdays or day.day - last - 1 in self.monthdays
        if self.weekdays or self.frequency in {"DAILY", "WEEKLY"}:
            return True
        return day.day == first.day

    def _of_week(self, day: date, first: date) -> bool:
        if not self.weekdays:
            return self.frequency != "WEEKLY" or day.weekday() == first.weekday()
        return any(nth in {0, *nths(day)} and weekday == day.weekday() for nth, weekday in self.weekdays)


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def nths(day: date) -> tuple[int, int]:
    """Which weekday of its month it is, counted from the front and from the back."""
    last = monthrange(day.year, day.month)[1]
    return (day.day - 1) // 7 + 1, -((last - day.day) // 7 + 1)


def walked(
    plan: Plan, start: datetime, until: datetime, rdates: list[datetime], exdates: list[datetime]
) -> list[datetime]:
    """Every local start up to `until`."""
    day, found = start.date(), set[datetime]()
    while datetime.combine(day, time()) <= until:
        ended = (plan.count is not None and len(found) >= plan.count) or (plan.until is not None and day > plan.until)
        if ended:
            break
        if plan.names(day, start.date()):
            found.add(datetime.combine(day, start.time()))
        day += timedelta(days=1)
    return sorted(one for one in found | set(rdates) if one <= until and one not in exdates)
