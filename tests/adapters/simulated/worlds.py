"""A venue in process with one client, all of whose answers and messages are kept."""

from decimal import Decimal
from random import Random

from adapters.simulated.building import build_venue
from adapters.simulated.faults import FaultPlan
from adapters.simulated.in_process import InProcessVenue
from adapters.simulated.network import Network
from adapters.simulated.options import ExchangeOptions
from state.messages.venue import CancelPlaced, PlaceOrder
from state.values import (
    NS_PER_MS,
    NS_PER_S,
    ClientOrderId,
    OrderType,
    Pair,
    Price,
    Quantity,
    Side,
    TimeInForce,
    TimeNs,
)
from tests.adapters.simulated.virtual_clock import VirtualClock

BTC = Pair("BTC_USDT")
TIMEOUT_NS = 5 * NS_PER_S


class World:
    """A venue in process, one client of it, and all that the client heard."""

    def __init__(self, *faults, seed=1, limits=None, network=None):
        self.clock = VirtualClock()
        options = ExchangeOptions(pairs=("BTC_USDT", "ETH_USDT"), seed=seed)
        self.venue = build_venue(options, self.clock.at_ns, step_ns=200 * NS_PER_MS)
        self.host = InProcessVenue(
            self.venue,
            now_ns=self.clock.now_ns,
            schedule=self.clock.schedule,
            chance=Random(seed),
            network=network or Network(timeout_ns=TIMEOUT_NS),
            faults=FaultPlan(faults, Random(seed + 1)),
            limits=limits,
        )
        self.client = self.host.connect()
        self.answers = []
        self.heard = []

    def ask(self, request):
        self.client.exchange.request(request, self.answers.append)

    def asked(self, request, seconds=TIMEOUT_NS // NS_PER_S):
        """Ask and return the outcome of the one answer."""
        before = len(self.answers)
        self.ask(request)
        assert len(self.answers) == before, "an answer is never given within the call"
        self.run(seconds)
        [answer] = self.answers[before:]
        assert answer.request is request
        return answer.outcome

    def run(self, seconds):
        self.clock.run(int(seconds * NS_PER_S))

    def follow(self, pair=BTC):
        self.client.market.subscribe(pair, self.heard.append)

    def play(self, *orders):
        self.host.stage.replace(orders, self.clock.at_ns)
        self.host.turn()

    def cancelled(self, text, seconds=1):
        return self.asked(CancelPlaced(**by_text(text)), seconds)

    def of(self, *kinds):
        return [message for message in self.heard if isinstance(message, kinds)]

    def order(self, text="t-1", *, side=Side.BUY, price="60000", tif=TimeInForce.GTC, valid_s=2):
        return PlaceOrder(
            client_order_id=ClientOrderId(text),
            pair=BTC,
            side=side,
            order_type=OrderType.LIMIT,
            quantity=Quantity(Decimal("0.001")),
            price=Price(Decimal(price)),
            time_in_force=tif,
            expires_at_ns=TimeNs(self.clock.at_ns + valid_s * NS_PER_S),
        )

    def open_texts(self):
        return [order.text for order in self.venue.index.open_orders("demo")]


def by_text(text="t-1"):
    """Return the members that name an order by its client id."""
    return {"pair": BTC, "client_order_id": ClientOrderId(text), "venue_order_id": None}
