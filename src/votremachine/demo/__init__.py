"""The demo world: farms, cooperatives and machines of the Landes, for a first look and for the journeys."""
