"""Language models behind the `ChatModel` port, by Nebius's OpenAI-compatible interface.

Pure modules say what is sent and what an answer means; `tokens` and `chat` are asynchronous and get
time, chance and transport as arguments; `client` binds them to a socket loop. A credential is a
`Secret` until the header is written, and no text made here holds one.
"""
