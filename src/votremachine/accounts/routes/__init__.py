"""HTTP of accounts: getting in, oneself, parties and their people, staff."""
