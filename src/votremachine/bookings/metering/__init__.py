"""Metered work: how much was really used, told by one side and agreed by the other, and the price that follows."""
