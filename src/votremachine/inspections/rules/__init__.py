"""What a report must say, who signs it, how it is sealed, and what two of them differ in. Pure."""
