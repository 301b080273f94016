"""The verbs of pricing: set a rate card, look cards up, and quote."""
