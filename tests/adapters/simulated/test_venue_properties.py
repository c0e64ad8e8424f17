"""Whatever is asked in whatever order: no unit is made or lost, and the book never crosses."""

from collections import defaultdict
from decimal import Decimal
from itertools import product

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from adapters.simulated.core.events import BookPublished, TradeDone
from adapters.simulated.core.fees import FeeMode
from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.core.orders import AmendRequest, OrderRequest, SelfTradeAct
from adapters.simulated.core.price_orders import PriceOrderRequest, Rule
from adapters.simulated.core.switches import Switches
from state.errors import VenueRefused
from state.values import NS_PER_S, OrderType, Side, TimeInForce
from tests.adapters.simulated.venues import GT_RULES, NOON, PAIR, a_venue, deposit, the_market

WHO = st.sampled_from(["alice", "bob", "carol"])
SIDES = st.sampled_from(list(Side))
TICKS = st.integers(min_value=9_900, max_value=10_100)
LOTS = st.integers(min_value=1, max_value=40_000)


class TradingAtTheVenue(RuleBasedStateMachine):
    """Two accounts and the street do anything; a reader follows the book."""

    def __init__(self):
        super().__init__()
        self.venue = a_venue(
            owners=("alice", "bob", "carol"),
            switches=Switches(price_orders_lock_funds=True),
            others=(GT_RULES,),
        )
        gt = self.venue.pairs[GT_RULES.pair]
        self.venue.street_quote(gt, Side.BUY, 799, 1000, NOON)
        self.venue.street_quote(gt, Side.SELL, 801, 1000, NOON)
        for who, currency in product(("alice", "bob"), ("GT", "POINT")):
            deposit(self.venue, self.venue.ledger.accounts[who], currency, "0.5")
        self.venue.ledger.accounts["bob"].stp_group = 1
        self.venue.ledger.accounts["carol"].stp_group = 1
        self.market = the_market(self.venue)
        self.channel = self.market.channel("100ms", removed_reported=False)
        self.now_ns = NOON
        self.fills = defaultdict(set)
        """Who met in each public trade."""
        self.followed = {Side.BUY: {}, Side.SELL: {}}
        self.last_id = self.market.book.update_id

    @rule(
        who=WHO,
        side=SIDES,
        ticks=TICKS,
        lots=LOTS,
        tif=st.sampled_from(list(TimeInForce)),
        slices=st.sampled_from([1, 1, 2, 5]),
        act=st.sampled_from([None, *SelfTradeAct]),
    )
    def place_limit(self, who, side, ticks, lots, tif, slices, act):
        request = OrderRequest(
            pair=PAIR,
            side=side,
            amount=Decimal(lots) / 1000,
            price=Decimal(ticks) / 100,
            time_in_force=tif,
            iceberg=Decimal(-(-lots // slices)) / 1000,
            stp_act=act if who != "alice" else None,
        )
        self.placed(who, request)

    @rule(who=WHO, side=SIDES, amount=st.integers(min_value=1, max_value=3_000_000))
    def place_at_market(self, who, side, amount):
        request = OrderRequest(
            pair=PAIR, side=side, amount=Decimal(amount) / 1000, type=OrderType.MARKET
        )
        self.placed(who, request)

    def placed(self, who, request):
        try:
            order = self.venue.place(self.venue.ledger.accounts[who], request, self.now_ns)
        except VenueRefused:
            return
        assert 0 <= order.left <= order.amount
        if not order.is_open:
            assert order.locked == 0

    @rule(side=SIDES, ticks=TICKS, lots=st.integers(min_value=0, max_value=20_000))
    def street_quotes(self, side, ticks, lots):
        self.venue.street_quote(self.market, side, ticks, lots, self.now_ns)

    @rule(side=SIDES, lots=LOTS)
    def street_takes(self, side, lots):
        self.venue.street_take(self.market, side, lots, None, self.now_ns)

    @rule(side=SIDES, ticks=TICKS, lots=LOTS)
    def tape_prints(self, side, ticks, lots):
        self.venue.street_print(self.market, side, ticks, lots, 1, self.now_ns)

    @rule(who=WHO)
    def cancel_all(self, who):
        self.venue.cancel_all(self.venue.ledger.accounts[who], self.now_ns)

    @precondition(lambda self: any(self.venue.index.every_open()))
    @rule(data=st.data())
    def cancel_one(self, data):
        order = data.draw(st.sampled_from(list(self.venue.index.every_open())))
        owner = self.venue.ledger.accounts[order.owner]
        self.venue.cancel(owner, str(order.id), PAIR, self.now_ns)

    @precondition(lambda self: any(self.venue.index.every_open()))
    @rule(
        data=st.data(),
        ticks=st.none() | TICKS,
        lots=st.none() | st.integers(min_value=1, max_value=40_000),
    )
    def amend_one(self, data, ticks, lots):
        order = data.draw(st.sampled_from(list(self.venue.index.every_open())))
        request = AmendRequest(
            price=None if ticks is None else Decimal(ticks) / 100,
            amount=None if lots is None else Decimal(lots) / 1000,
        )
        owner = self.venue.ledger.accounts[order.owner]
        try:
            self.venue.amend(owner, str(order.id), PAIR, request, self.now_ns)
        except VenueRefused:
            return

    @rule(
        who=WHO,
        side=SIDES,
        rule_=st.sampled_from(list(Rule)),
        trigger=TICKS,
        ticks=st.none() | TICKS,
        lots=LOTS,
    )
    def arm_price_order(self, who, side, rule_, trigger, ticks, lots):
        request = PriceOrderRequest(
            pair=PAIR,
            trigger_price=Decimal(trigger) / 100,
            rule=rule_,
            expiration_s=10,
            side=side,
            amount=Decimal(lots) / 1000,
            price=None if ticks is None else Decimal(ticks) / 100,
            type=OrderType.MARKET if ticks is None else OrderType.LIMIT,
        )
        try:
            self.venue.triggers.arm(self.venue.ledger.accounts[who], request, self.now_ns)
        except VenueRefused:
            return

    @rule(who=WHO)
    def take_price_orders_back(self, who):
        self.venue.triggers.cancel_all(who, None, self.now_ns)

    @rule(who=WHO, mode=st.sampled_from(list(FeeMode)))
    def pay_fees_in(self, who, mode):
        self.venue.ledger.accounts[who].fee_mode = mode

    @rule(who=WHO, timeout=st.sampled_from([0, 5, 9]))
    def arm(self, who, timeout):
        account = self.venue.ledger.accounts[who]
        self.venue.arm_countdown(account, timeout, None, self.now_ns)

    @rule(seconds=st.integers(min_value=0, max_value=8))
    def time_passes(self, seconds):
        self.now_ns += seconds * NS_PER_S
        self.venue.advance(self.now_ns)

    def follow(self, told):
        assert told.first_id == self.last_id + 1
        self.last_id = told.last_id
        for side, levels in ((Side.BUY, told.bids), (Side.SELL, told.asks)):
            for ticks, lots in levels:
                self.followed[side].pop(ticks, None)
                if lots:
                    self.followed[side][ticks] = lots
        book = self.market.book
        for side in Side:
            truth = dict(book.side(side).top(10_000))
            assert self.followed[side] == truth

    @invariant()
    def nothing_is_broken(self):
        for event in self.venue.drain():
            if isinstance(event, BookPublished):
                self.follow(event)
            if isinstance(event, TradeDone):
                self.fills[event.trade.market_id].add(event.trade.owner)
        assert {"bob", "carol"} not in self.fills.values(), "one group does not trade with itself"
        assert broken_invariants(self.venue) == []


TradingAtTheVenue.TestCase.settings = settings(
    max_examples=60, stateful_step_count=60, deadline=None
)
test_any_trading_keeps_every_invariant = TradingAtTheVenue.TestCase
