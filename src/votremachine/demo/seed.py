"""Plants the demo world."""
