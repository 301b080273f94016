"""Damage claims: both sides heard, every deadline kept, and the money that follows."""
