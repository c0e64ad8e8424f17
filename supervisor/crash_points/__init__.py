"""The house crashed at every instant of a scripted day, and looked at afterwards.

Read `scenarios` first (what the day is), then `instants` (which moments have a name), `points` (the
42 points of the order protocol), `house` (one run and what must hold), `exploration` (every crash).
"""
