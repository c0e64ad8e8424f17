"""Floor 3: who lives.

Child specs, supervisors, the tree on one page, the worlds it can live in, and the command line.
Only `worlds` names concrete adapters.
"""
