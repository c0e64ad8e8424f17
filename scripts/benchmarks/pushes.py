"""Pushes of a book and of a trade, as Gate writes them, to be filled in where they stand.

Names, numbers and times are put in by replacing: that costs far less than writing JSON.
"""

BEST_TICKS = 1_000
MARK = b"1234567890123"
"""Where the time stands, in ms. `@` is the pair, `#` the number of the update or of the trade."""


def _a_push(number: int) -> bytes:
    levels = [
        ",".join(
            f'["{(BEST_TICKS + sign * (1 + (number * 7 + place) % 40)) / 10}","1.{number}"]'
            for place in range(2)
        )
        for sign in (-1, 1)
    ]
    return (
        b'{"time":1234567890,"time_ms":1234567890123,"channel":"spot.order_book_update",'
        b'"event":"update","result":{"t":1234567890123,"e":"depthUpdate","E":1234567890,'
        b'"s":"@","U":#,"u":#,"b":[' + levels[0].encode() + b'],"a":[' + levels[1].encode() + b"]}}"
    )


PUSHES = [_a_push(number) for number in range(97)]
TRADE = (
    b'{"time":1234567890,"time_ms":1234567890123,"channel":"spot.trades","event":"update",'
    b'"result":{"id":#,"create_time":1234567890,"create_time_ms":"1234567890123.0",'
    b'"currency_pair":"@","side":"buy","amount":"0.01","price":"100.1"}}'
)
