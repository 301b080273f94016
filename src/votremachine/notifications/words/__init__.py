"""What messages say, in French and in English."""
