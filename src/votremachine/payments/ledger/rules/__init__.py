"""The ledger's arithmetic: its chart of accounts, what a posting must be, and which events post what. Pure."""
