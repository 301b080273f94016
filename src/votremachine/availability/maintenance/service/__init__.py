"""The verbs of maintenance: read meters, plan, propose, decide."""
