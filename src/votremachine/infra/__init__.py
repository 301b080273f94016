"""What every slice stands on and no farmer has a word for: database, outbox, idempotency, problems, pages, logs."""
