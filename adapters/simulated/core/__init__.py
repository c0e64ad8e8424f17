"""The venue itself. Pure: no clock, no socket, no chance of its own.

Money is integer atoms (10^-18 of a currency), quantities are integer lots and prices integer ticks
of their pair, so every sum is exact; texts and decimals appear only at the edges.
"""
