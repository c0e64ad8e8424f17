"""The venue over sockets, in Gate's own REST and WebSocket protocol.

A call comes in by `application` or, over a socket, by `socket_api`; both doors lead through
`answering` to the handlers, plain functions of venue and call (`rest_public`, `rest_private` and
its kin). What happens is told by `hub` and `periodic` to whoever `subscriptions` knows. Rows and
pushes are plain values (`rows`, `pushes`); only `application`, `answering`, `websocket`,
`exchange` and `process` touch the loop.
"""
