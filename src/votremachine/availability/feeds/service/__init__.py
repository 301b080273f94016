"""The verbs of feeds: subscribe and forget, lease what is due, and apply what was read."""
