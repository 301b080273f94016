"""The bundle of a claim: all that an insurer asks for, in one zip whose every file can be checked without us."""
