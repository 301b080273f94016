"""Rate cards and the price of a period."""
