"""Floor 4: thin commands for people."""
