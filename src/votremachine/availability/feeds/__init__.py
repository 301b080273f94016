"""Calendars of other programs that take a machine's time: read on a schedule, merged, never dropped."""
