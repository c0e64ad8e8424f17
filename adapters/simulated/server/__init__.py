"""The venue over sockets, in Gate's own REST and WebSocket protocol.

Handlers are plain functions of venue and call (`rest_public`, `rest_private`), rows and pushes are
plain values (`rows`, `pushes`); only `application`, `websocket` and `process` touch the loop.
"""
