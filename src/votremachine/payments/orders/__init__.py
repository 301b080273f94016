"""What we ask of the gateway, kept in our database before it is asked and until its outcome is known."""
