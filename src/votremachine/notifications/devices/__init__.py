"""Browsers and phones that take Web Push, and the key by which they know us."""
