"""The verbs of bookings, a module for each part of their life."""
