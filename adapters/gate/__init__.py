"""Gate.io spot behind the ports `Exchange`, `MarketStream` and `AccountStream`.

`signing`, `amounts`, `codec`, `frames`, `outcomes` and `rate_limit` are pure; `sdk`, `lanes` and
`rest` make the calls, `connection` and `stream` hold the sockets. The same code talks to Gate,
to its testnet and to our simulated exchange: only the addresses differ.
"""
