"""Messages on their way out: by which channel each goes, tried until it is taken, never twice on purpose."""
