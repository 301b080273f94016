"""What an invoice says, what it comes to, and what may be done about it. Pure."""
