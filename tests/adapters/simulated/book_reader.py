"""A client that keeps a book from what one stream tells it, and complains of gaps and crossing."""

import json
from decimal import Decimal


class Reader:
    """A client that keeps a book from one stream by the documented procedure."""

    def __init__(self, depth, last_id=None, levels=None):
        self.depth = depth
        self.last_id = last_id
        self.levels = levels or {"b": {}, "a": {}}
        self.heard = 0

    def push(self, subject, message):
        self.heard += 1
        told = json.loads(message)["result"]
        if told.get("full"):
            assert "U" not in told or told["U"] == told["u"]
            self.levels = {"b": {}, "a": {}}
        elif told["u"] <= self.last_id:
            return
        else:
            assert told["U"] == self.last_id + 1 or self.heard == 1
        self.last_id = told["u"]
        for side, levels in self.levels.items():
            for price, amount in told[side]:
                levels.pop(price, None)
                if amount != "0":
                    levels[price] = amount
        bids, asks = (map(Decimal, self.levels[side]) for side in ("b", "a"))
        assert max(bids, default=Decimal(0)) < min(asks, default=Decimal("Infinity")), "crossed"

    def window(self, side):
        levels = [(Decimal(price), Decimal(size)) for price, size in self.levels[side].items()]
        return sorted(levels, reverse=side == "b")[: self.depth]
