"""The waiting list: who waits for a taken period gets it offered, in order, when it comes free."""
