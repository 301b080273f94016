"""The verbs of time: claim it, look at it, and the owner's blocks."""
