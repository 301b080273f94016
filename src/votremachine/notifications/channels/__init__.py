"""The ways out: one port, and what stands behind it for each channel."""
