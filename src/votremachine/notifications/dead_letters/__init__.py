"""What could not be told or sent after many tries, for people to look at and to try again."""
