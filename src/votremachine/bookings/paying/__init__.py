"""Paying for a booking by card: the charge that confirms it, and what is given back when it does not stand."""
