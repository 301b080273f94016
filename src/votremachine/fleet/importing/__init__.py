"""A fleet from a spreadsheet: read with every error by line and column, then listed as drafts, all or none."""
