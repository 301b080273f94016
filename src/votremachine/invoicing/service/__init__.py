"""The verbs of invoices."""
