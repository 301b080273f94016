"""What gateways tell us by themselves: checked for being theirs, kept once, and only ever a reason to look."""
