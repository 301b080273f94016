"""The verbs of deliveries."""
