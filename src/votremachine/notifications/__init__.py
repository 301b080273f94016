"""What people are told: for now the inbox in the app, filled from the outbox."""
