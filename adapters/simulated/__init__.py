"""The simulated Gate spot exchange: one pure core, two faces.

`core` is the venue (accounts, books, matching) and takes time as an argument. `markets` move its
books: synthetic or from a recorded tape. `server` speaks Gate's REST and WebSocket protocol over
sockets; `in_process` serves the ports of `adapters.ports` on a virtual clock. `faults` misbehaves
for either, on command and from a seed.
"""
