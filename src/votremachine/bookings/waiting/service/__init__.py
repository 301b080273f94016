"""The verbs of the waiting list: wait, withdraw, and what the sweep does."""
