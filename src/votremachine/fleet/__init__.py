"""Machines: what they are, whose, where, and on what terms they may be booked."""
