"""HTTP of bookings: take a machine's time, decide about it, change it, hand the machine over."""
