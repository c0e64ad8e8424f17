"""Floor 1: the outside world behind ports.

Each module speaks one protocol and decides nothing. Imports only `state`; knows no actor.
"""
