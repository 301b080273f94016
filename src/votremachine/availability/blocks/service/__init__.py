"""The verbs of blocks: make, change and delete them, and take the time that they want."""
