"""Machines that are not back: who is told of it, and when."""
