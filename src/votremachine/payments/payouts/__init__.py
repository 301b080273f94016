"""What owners are paid: amounts that become due, and payouts made of them."""
