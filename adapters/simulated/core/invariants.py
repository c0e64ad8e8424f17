"""What must always hold at the venue: tests and the control endpoint ask. Pure."""

from collections import defaultdict
from hashlib import sha256

from adapters.simulated.core.clearing import lock_of
from adapters.simulated.core.units import text_of
from adapters.simulated.core.venue import Venue
from state.values import Currency, Side


def broken_invariants(venue: Venue) -> list[str]:
    """Return one sentence for each invariant that does not hold; empty when all is well."""
    return [*_unbalanced(venue), *_mislocked(venue), *_crossed(venue), *_misqueued(venue)]


def checksum(venue: Venue) -> str:
    """Return a digest of all that accounts own and have asked for: equal states, equal digests."""
    told: list[tuple[object, ...]] = []
    for name, account in sorted(venue.ledger.accounts.items()):
        for currency, balance in sorted(account.balances.items()):
            if balance.total:
                told.append((name, currency, balance.available, balance.locked))
        orders = [*venue.index.finished_since(name, 0), *venue.index.open_orders(name)]
        told += [
            (order.id, order.status, order.finish_as, order.left, order.filled_quote)
            for order in sorted(orders, key=lambda order: order.id)
        ]
        armed = [*venue.triggers.ended(name), *venue.triggers.of(name)]
        told += [
            (each.id, each.status, each.fired_order_id)
            for each in sorted(armed, key=lambda each: each.id)
        ]
    return sha256(repr(told).encode()).hexdigest()


def _unbalanced(venue: Venue) -> list[str]:
    held: defaultdict[Currency, int] = defaultdict(int)
    for account in venue.ledger.accounts.values():
        for currency, balance in account.balances.items():
            held[currency] += balance.total
    return [
        f"{currency}: {text_of(total)} held, "
        f"{text_of(venue.ledger.deposited.get(currency, 0))} deposited"
        for currency, total in held.items()
        if total != venue.ledger.deposited.get(currency, 0)
    ]


def _mislocked(venue: Venue) -> list[str]:
    needed: defaultdict[tuple[str, Currency], int] = defaultdict(int)
    for order in venue.index.every_open():
        rules = venue.pairs[order.pair].rules
        needed[order.owner, rules.quote if order.side is Side.BUY else rules.base] += order.locked
    for armed in venue.triggers.open.values():
        needed[armed.owner, venue.triggers.pays_in(armed)] += armed.locked
    return [
        f"{account.name}: {text_of(balance.locked)} {currency} locked, "
        f"orders need {text_of(needed[account.name, currency])}"
        for account in venue.ledger.accounts.values()
        for currency, balance in account.balances.items()
        if balance.locked != needed[account.name, currency]
    ]


def _crossed(venue: Venue) -> list[str]:
    return [
        f"{name}: bid {bid} is not below ask {ask}"
        for name, market in venue.pairs.items()
        if (bid := market.book.bids.best()) is not None
        and (ask := market.book.asks.best()) is not None
        and bid >= ask
    ]


def _misqueued(venue: Venue) -> list[str]:
    problems = []
    queued = {
        resting.order.id
        for market in venue.pairs.values()
        for side in (market.book.bids, market.book.asks)
        for level in side.levels.values()
        for resting in level.queue
    }
    for order in venue.index.every_open():
        market = venue.pairs[order.pair]
        if order.locked != lock_of(order, market):
            problems.append(f"order {order.id} locks {order.locked}, not what it may still cost")
        if order.id not in queued:
            problems.append(f"order {order.id} is open but in no book")
        queued.discard(order.id)
        if order.filled_lots + order.left != order.amount:
            problems.append(f"order {order.id}: filled and left are not its amount")
        if not 0 < order.visible <= order.left:
            problems.append(f"order {order.id} shows {order.visible} of {order.left}")
    return problems + [f"order {number} is in a book but not open" for number in queued]
