"""The verbs of deposits."""
