"""Finding a machine near a place for a period, among those that a person may see."""
