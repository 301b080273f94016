"""Calendars for people's own programs: private links, and what is read from them as iCalendar (RFC 5545)."""
