"""What must hold of a crashed house: at every step, and when the day is over."""

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from actors.execution.client_ids import is_ours
from adapters.simulated.core.orders import Order
from adapters.simulated.core.units import decimal_of
from state.exact import exactly
from state.messages.accounts import EquityMarked
from state.messages.orders import ForeignAmendment, OrderFilled
from state.store import Store, self_check
from state.values import ZERO, Session
from supervisor.crash_points.stage import PAIR
from supervisor.worlds.virtual import ACCOUNT

if TYPE_CHECKING:
    from supervisor.crash_points.house import House


def at_once(house: "House") -> list[str]:
    """Return what does not hold right after the exchange took or filled an order."""
    found, stage = [], house.stage
    ours = stage.ours()
    for name, orders in ours.items():
        if len(orders) > 1 and is_ours(name):
            found.append(f"order doubled: {name} {len(orders)} times")
        # What a trigger order became carries none of our names; the fills tell whether it is known.
        if is_ours(name) and ("OrderIntended", name) not in house.progress.committed:
            found.append(f"order never meant: {name}")
    plans = {wish.name for wish in house.scenario.wishes if wish.plan is not None}
    lived = Counter[str](
        stage.named.get(name, name) for name, orders in ours.items() if _lived(orders)
    )
    found += [
        f"wish doubled: {wish} by {count} orders"
        for wish, count in lived.items()
        if count > 1 and wish not in plans
    ]
    units = stage.host.venue.pairs[PAIR].units
    for wish in house.scenario.wishes:
        orders = [one for name in ours if stage.named.get(name) == wish.name for one in ours[name]]
        lots = sum(one.amount - (0 if one.is_open else one.left) for one in orders)
        if decimal_of(lots, units.amount_decimals) > max(wish.quantity, wish.amended or ZERO):
            found.append(f"wish exceeded: {wish.name} by {len(orders)} orders")
    limit = house.limit
    for pair, worth in stage.exposures().items():
        if worth > limit:
            found.append(f"limit passed: {pair} {worth} of {limit}")
    return found


def at_the_end(house: "House") -> list[str]:
    """Return what does not hold when the day is over and everything has come to rest."""
    store = house.stage.open_store()
    found = [
        *(f"exchange: {one}" for one in house.stage.broken_invariants()),
        *_accounts(house, store),
        *_fills(house, store),
        *_journal(house, store),
        *_accused(store),
    ]
    if not house.is_over:
        return [f"stuck: done {house.diary.done}, session {house.session}", *found]
    return [*found, *_orders(house, store), *_living(house)]


def _lived(orders: list[Order]) -> bool:
    return any(order.is_open or order.filled_quote for order in orders)


def _accounts(house: "House", store: Store) -> list[str]:
    ledger, theirs = store.ledger(house.config.quote), house.stage.balances()
    found = []
    for currency in sorted({*ledger.balances, *theirs}):
        ours, shown = ledger.balance(currency), theirs.get(currency, ZERO)
        if ours != shown:
            found.append(f"balance: {currency} ledger {ours}, exchange {shown}")
    for one in house.heard:
        if isinstance(one, EquityMarked):
            with exactly():
                sum_ = one.start + one.flows + one.realised + one.unrealised - one.fees
            if sum_ != one.equity:
                found.append(f"identity: {sum_} is not {one.equity}")
    return found


def _fills(house: "House", store: Store) -> list[str]:
    events = (one.event for one in store.read(0, 100_000))
    booked = Counter(
        (str(event.trade_id), Decimal(event.quantity))
        for event in events
        if isinstance(event, OrderFilled)
    )
    units = house.stage.host.venue.pairs[PAIR].units
    trades = house.stage.host.venue.index.trades_since(ACCOUNT, PAIR, 0)
    happened = Counter(
        (str(trade.id), decimal_of(trade.lots, units.amount_decimals)) for trade in trades
    )
    lost, invented = happened - booked, booked - happened
    return [
        *(f"fill lost: {trade}" for trade in lost),
        *(f"fill counted twice or invented: {trade}" for trade in invented),
    ]


def _orders(house: "House", store: Store) -> list[str]:
    found = [
        f"unsettled: {order.client_order_id} {order.state} {order.alarms}"
        for order in store.unsettled_orders()
    ]
    units = house.stage.host.venue.pairs[PAIR].units
    filled: Counter[str] = Counter()
    for name, orders in house.stage.ours().items():
        filled[house.stage.named.get(name, name)] += sum(one.amount - one.left for one in orders)
        found += [f"left resting: {name}" for one in orders if one.is_open]
    for wish in house.scenario.wishes:
        done = decimal_of(filled[wish.name], units.amount_decimals)
        # A house that goes down in good order, as when it cannot boot, cancels what rests.
        cancelled = any(
            ("CancelIntended", name) in house.progress.committed
            for name, its_wish in house.stage.named.items()
            if its_wish == wish.name
        )
        partly = cancelled or house.halted
        # The guard may have approved less, and an amendment may be lost: the order itself says
        # how much was to be filled. Of a parent order it is all.
        its = [
            one
            for name, named in house.stage.named.items()
            if named == wish.name
            for one in house.stage.ours().get(name, [])
            if _lived([one])
        ]
        whole = decimal_of(sum(one.amount for one in its), units.amount_decimals)
        if wish.plan is not None:
            whole = wish.quantity
        most = max(wish.quantity, wish.amended or ZERO)
        if done > most or ((done != whole or not done) and not partly):
            found.append(f"wish not met: {wish.name} filled {done} of {wish.quantity}")
    return found


def _journal(house: "House", store: Store) -> list[str]:
    store.verify()  # Every record follows from the one before: seqs are without holes.
    found = [f"projection: {one}" for one in self_check(store).differing]
    epochs = [row[0] for row in store.connection.execute("SELECT epoch FROM events ORDER BY seq")]
    if epochs != sorted(epochs):
        found.append("epoch went back")
    del house
    return found


def _accused(store: Store) -> list[str]:
    """Nobody else is at this account: what an order of ours is, was asked for here."""
    return [
        f"called amended by somebody else: {one.event.client_order_id}"
        for one in store.read(0, 100_000)
        if isinstance(one.event, ForeignAmendment)
    ]


def _living(house: "House") -> list[str]:
    wanted = Session.EMERGENCY if house.halted else Session.READY
    found = [] if house.session is wanted else [f"session: {house.session} and not {wanted}"]
    found += [
        f"not running: {report.address} {report.state}"
        for report in house.runtime.board.values()
        if report.state != "running"
    ]
    return found
