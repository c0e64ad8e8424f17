"""Benchmarks by part, each a list of figures measured in one run beside what they are held to."""
