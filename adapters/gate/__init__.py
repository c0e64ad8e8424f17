"""Gate.io spot behind the ports `Exchange`, `MarketStream` and `AccountStream`.

`signing`, `amounts`, `orders`, `codec`, `frames`, `api_frames`, `entering`, `outcomes`, `cadence`
and `rate_limit` are pure. `wire` and `connection` hold the sockets, on which `session` serves the
streams and `order_entry` the orders; `sdk`, `lanes` and `rest_calls` make calls over REST, and
`rest` chooses between the two ways. `venue_clock` knows what time it is there. The same code talks
to Gate, to its testnet and to our simulated exchange: only the addresses differ.
"""
