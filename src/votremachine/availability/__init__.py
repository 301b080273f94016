"""Time itself: the one table in which everything that blocks a machine stands, and what is left free."""
