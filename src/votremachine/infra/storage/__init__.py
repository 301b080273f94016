"""Files of any kind, in a folder or in S3, and the ledger that lets none of them be forgotten."""
