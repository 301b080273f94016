"""What people are reminded of, and when: planned from facts, checked again when it is due."""
