"""The verbs of time: claim it, and look at it."""
