"""The verbs of accounts: people, their sessions, the parties they act for."""
