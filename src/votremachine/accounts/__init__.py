"""People, the parties they act for (farm, cooperative, contractor), signing in, and who may do what."""
