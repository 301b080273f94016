"""The booking engine: hold, request, confirm, move, hand over, return, and what the clock does by itself."""
