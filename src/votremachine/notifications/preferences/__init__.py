"""How each person wants to be told: by which channels, in which hours, one by one or once a day."""
