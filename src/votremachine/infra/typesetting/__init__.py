"""Paper made of data: a template of ours and data of anybody's become a PDF, in a process of its own."""
