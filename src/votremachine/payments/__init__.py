"""Money that moves: the port to who moves it, what was ordered of them, and the double-entry ledger of it all."""
