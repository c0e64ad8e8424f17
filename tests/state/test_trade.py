"""Closed trades: worked cases, and profits that add up to what the accounts say."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from state.exact import exactly, total
from state.messages.accounts import TradeClosed
from state.order import Order
from state.position import Position
from state.trade import Trip
from state.values import ClientOrderId, Currency, Pair, Purpose, Quantity, Side, TimeNs, TradeId
from tests.state.examples import a_fill, a_finish, an_intent
from tests.state.strategies import fills

BTC = Pair("BTC_USDT")
USDT = Currency("USDT")


class Tape:
    """One pair's trades, as the projector folds them."""

    def __init__(self) -> None:
        self.position = Position(pair=BTC)
        self.trip = Trip(pair=BTC)
        self.orders: dict[str, Order] = {}
        self.closed: list[TradeClosed] = []

    def order(self, name: str, side: Side, quantity: str, **changes) -> None:
        intent = an_intent(
            client_order_id=ClientOrderId(name),
            side=side,
            quantity=Quantity(Decimal(quantity)),
            **changes,
        )
        self.orders[name] = Order(intent=intent)

    def fill(self, name: str, quantity: str, price: str, at_ns: int, **changes) -> None:
        order = self.orders[name]
        fee = {"fee": Decimal(0)} | changes
        self.tell(
            a_fill(
                client_order_id=ClientOrderId(name),
                trade_id=TradeId(f"{name}-{at_ns}"),
                side=order.intent.side,
                quantity=Quantity(Decimal(quantity)),
                price=Decimal(price),
                at_ns=TimeNs(at_ns),
                **fee,
            )
        )

    def tell(self, fill) -> None:
        order = self.orders[fill.client_order_id].apply(fill)
        self.orders[fill.client_order_id] = order
        before, self.position = self.position, self.position.apply(fill)
        self.trip = self.trip.with_fill(before, self.position, fill, order.intent)
        self._close(order)

    def finish(self, name: str, filled: str) -> None:
        order = self.orders[name].apply(
            a_finish(
                client_order_id=ClientOrderId(name),
                filled_quantity=Quantity(Decimal(filled)),
                reason="cancelled",
            )
        )
        self.orders[name] = order
        self._close(order)

    def _close(self, order: Order) -> None:
        trade = self.trip.closed(self.position, order)
        if trade is not None:
            self.closed.append(trade)
            self.trip = self.trip.next()


def test_a_purchase_and_its_sale_are_one_trade():
    tape = Tape()
    tape.order("in", Side.BUY, "2")
    tape.fill("in", "2", "100", 5, fee=Decimal("0.4"), fee_currency=USDT)
    tape.order("out", Side.SELL, "2", purpose=Purpose.STOP_LOSS)
    tape.fill("out", "2", "90", 9, fee=Decimal("0.3"), fee_currency=USDT)
    [trade] = tape.closed
    assert [trade.opened_at_ns, trade.closed_at_ns, trade.quantity] == [5, 9, 2]
    assert [trade.cost, trade.proceeds, trade.fees] == [200, 180, Decimal("0.7")]
    assert trade.profit == Decimal("-20.7")
    assert trade.profit_ratio == Decimal("-0.1035")
    assert trade.purpose is Purpose.STOP_LOSS
    assert tape.trip == Trip(pair=BTC)


def test_partial_entries_and_exits_are_one_trade_and_the_last_exit_names_it():
    tape = Tape()
    tape.order("a", Side.BUY, "3")
    tape.fill("a", "1", "100", 1)
    tape.fill("a", "2", "130", 2)
    tape.order("b", Side.SELL, "1", purpose=Purpose.TAKE_PROFIT)
    tape.fill("b", "1", "150", 3)
    assert tape.closed == []
    tape.order("c", Side.SELL, "2", purpose=Purpose.STOP_LOSS)
    tape.fill("c", "0.5", "110", 4)
    assert tape.closed == []
    tape.fill("c", "1.5", "100", 5)
    [trade] = tape.closed
    assert (trade.cost, trade.proceeds, trade.purpose) == (
        Decimal(360),
        Decimal(355),
        Purpose.STOP_LOSS,
    )
    assert (trade.opened_at_ns, trade.closed_at_ns) == (1, 5)


def test_what_the_exchange_would_not_take_counts_as_flat():
    """The fee was taken in base and the rest is less than a step: nobody can ever sell it."""
    tape = Tape()
    small = {"smallest": Quantity(Decimal("0.01"))}
    tape.order("in", Side.BUY, "1", **small)
    tape.fill("in", "1", "100", 1, fee=Decimal("0.002"))
    tape.order("out", Side.SELL, "0.99", **small)
    tape.fill("out", "0.99", "110", 2)
    [trade] = tape.closed
    assert tape.position.net == Decimal("0.008")
    assert [trade.quantity, trade.cost] == [Decimal("0.99"), 99]
    assert trade.proceeds == Decimal("108.9")
    assert trade.fees == Decimal("0.2")


def test_a_rest_that_its_own_order_still_sells_is_no_dust():
    tape = Tape()
    small = {"smallest": Quantity(Decimal("0.1"))}
    tape.order("in", Side.BUY, "1", **small)
    tape.fill("in", "1", "100", 1)
    tape.order("out", Side.SELL, "1", **small)
    tape.fill("out", "0.95", "110", 2)
    assert tape.closed == []
    tape.fill("out", "0.05", "120", 3)
    [trade] = tape.closed
    assert [trade.quantity, trade.proceeds] == [1, Decimal("110.5")]


def test_a_rest_is_dust_once_its_order_was_cancelled():
    tape = Tape()
    small = {"smallest": Quantity(Decimal("0.1"))}
    tape.order("in", Side.BUY, "1", **small)
    tape.fill("in", "1", "100", 1)
    tape.order("out", Side.SELL, "1", **small)
    tape.fill("out", "0.95", "110", 2)
    tape.finish("out", "0.95")
    [trade] = tape.closed
    assert (trade.quantity, trade.closed_at_ns) == (Decimal("0.95"), 2)


def test_dust_goes_with_the_trade_that_follows():
    tape = Tape()
    small = {"smallest": Quantity(Decimal("0.1"))}
    for name, at_ns in (("one", 1), ("two", 11)):
        tape.order(f"{name}-in", Side.BUY, "1", **small)
        tape.fill(f"{name}-in", "1", "100", at_ns)
        tape.order(f"{name}-out", Side.SELL, "0.95", **small)
        tape.fill(f"{name}-out", "0.95", "110", at_ns + 1)
    tape.order("rest", Side.SELL, "0.05", **small)
    tape.fill("rest", "0.05", "110", 20)
    # The second trip held 0.05 of old and 1 of new, and sold 1 of them.
    assert [trade.quantity for trade in tape.closed] == [Decimal("0.95"), 1]
    assert [trade.opened_at_ns for trade in tape.closed] == [1, 11]
    assert tape.position.net == Decimal("0.05")


def test_a_purchase_too_small_to_sell_is_no_trade_yet():
    tape = Tape()
    small = {"smallest": Quantity(Decimal("0.1"))}
    tape.order("in", Side.BUY, "1", **small)
    tape.fill("in", "0.05", "100", 1)
    tape.finish("in", "0.05")
    tape.order("more", Side.BUY, "1", **small)
    tape.fill("more", "1", "100", 3)
    assert tape.closed == []
    assert tape.trip.opened_at_ns == 1


def test_a_sale_told_before_its_purchase_makes_the_same_trade():
    told = []
    for order in (("in", "out"), ("out", "in")):
        tape = Tape()
        tape.order("in", Side.BUY, "2")
        tape.order("out", Side.SELL, "2", purpose=Purpose.EXIT)
        for name in order:
            if name == "in":
                tape.fill("in", "2", "100", 5)
            else:
                tape.fill("out", "2", "110", 6)
        [trade] = tape.closed
        told.append([trade.quantity, trade.cost, trade.proceeds, trade.opened_at_ns, trade.profit])
    assert told[0] == told[1] == [2, 200, 220, 5, 20]


@given(
    story=st.lists(fills((BTC,)), max_size=30),
    smallest=st.sampled_from([Decimal(0), Decimal("0.001"), Decimal(3)]),
    finishes=st.sets(st.integers(0, 29)),
)
def test_profits_add_up_to_what_the_accounts_say(story, smallest, finishes):
    tape = Tape()
    for number, fill in enumerate(story):
        name = f"t-{number}"
        tape.order(
            name,
            fill.side,
            str(fill.quantity + (1 if number in finishes else 0)),
            smallest=Quantity(smallest),
        )
        tape.tell(
            a_fill(
                **{field: getattr(fill, field) for field in fill.__struct_fields__}
                | {"client_order_id": name}
            )
        )
        if number in finishes:
            tape.finish(name, str(fill.quantity))
    with exactly():
        earned = total(trade.proceeds - trade.cost for trade in tape.closed)
        assert earned + tape.trip.proceeds - tape.trip.cost == tape.position.realised
        fees = total(trade.fees for trade in tape.closed)
        assert fees + tape.trip.fees == tape.position.fees
    assert all(trade.quantity > 0 for trade in tape.closed)
