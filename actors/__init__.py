"""Floor 2: what each concern does.

`kernel` is the actor machine. Elsewhere a module is an actor or is pure, never both; actors see
the outside world only through `adapters.ports`.
"""
