"""Putting another machine in the place of one that is broken: substitutes, a plan, and the move of its bookings."""
