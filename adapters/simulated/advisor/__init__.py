"""A stand-in for the language model service: it speaks the interface and knows nothing of markets.

`service` is the whole of it without sockets, `server` puts it on a port, `in_process` behind the
`ChatModel` port on a virtual clock. Same seed and same request, same answer.
"""
