"""Invoices and credit notes: numbered without a gap, never changed, paid or due."""
