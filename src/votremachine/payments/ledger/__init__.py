"""The double-entry ledger: what money did, why, and the proof that it is true (docs/ledger.md)."""
