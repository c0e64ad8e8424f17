"""The house and its exchange as processes, started, hurt and examined from outside.

The system tests, the kill test and the benchmark of the footprint stand on this.
"""
