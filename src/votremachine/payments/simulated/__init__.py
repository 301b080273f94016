"""A gateway that only plays: with test cards, in our own database, and honest about time. The default."""
