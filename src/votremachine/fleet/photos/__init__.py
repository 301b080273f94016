"""Photos of machines: sent as they are, shown as small WebP copies that say nothing of where they were taken."""
