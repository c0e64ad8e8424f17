"""Opinions, floor 2: what independent sources expect of each pair. None of them sizes or orders."""
