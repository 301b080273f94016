"""What a claim costs, how it lives, and how it is paid. Pure."""
