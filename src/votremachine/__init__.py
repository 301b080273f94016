"""Votremachine: farms rent each other's machinery."""

from importlib.metadata import version

__version__ = version("votremachine")
