"""The arithmetic of money between renter, owner and platform: shares, refunds, differences. Pure."""
