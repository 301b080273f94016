"""The verbs of calendar links, and the reading of what stands behind one."""
