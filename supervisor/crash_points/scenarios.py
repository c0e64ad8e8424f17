"""Short scripted days: what is wanted of the house, and what the street does about it. Pure.

The market is still: the best bid is 64,999.5, the best ask 65,000.5. Whatever rests in between has
its price for itself, so the street's script decides when and how much of it is filled.
"""

from decimal import Decimal
from typing import Final

from msgspec import Struct

from adapters.simulated.faults import FaultName, FaultOrder
from state.messages.orders import Ladder
from state.values import Price, Purpose, Quantity, Side, TimeInForce
from supervisor.crash_points.instants import Fate

ATTEMPTS = 6
"""Most proposals that one wish may take."""
CHILDREN = 8
"""Most children that one parent order may take."""


class Fill(Struct, frozen=True):
    """The street trades with what rests."""

    after_s: float
    """Seconds that the order has rested."""
    share: Decimal
    """Of the whole order, as far as so much still rests."""


class Wish(Struct, frozen=True, kw_only=True):
    """One order that the driver wants, after the one before it is over."""

    name: str
    side: Side = Side.BUY
    quantity: Quantity = Quantity(Decimal("0.0015"))
    """Worth about 97 quote units: two of them pass the limit."""
    price: Price = Price(Decimal("64999.8"))
    time_in_force: TimeInForce = TimeInForce.GTC
    purpose: Purpose = Purpose.ENTRY
    fills: tuple[Fill, ...] = ()
    cancel_after_s: float | None = None
    amend_after_s: float | None = None
    amended: Quantity | None = None
    """To what quantity, so many seconds after it was first seen to rest."""
    rival: bool = False
    """Whether a second order of the same size is wanted in the same breath: the limits have room
    for one, and the guard for what is left of it."""
    plan: Ladder | None = None
    """How it is worked, where it is a parent order."""
    crossed: Decimal | None = None
    """Share of the order that is filled while its cancel travels."""


class Scenario(Struct, frozen=True, kw_only=True):
    """One day."""

    name: str
    text: str
    wishes: tuple[Wish, ...]
    misfortune: Fate | None = None
    """What strikes the first placement of the day, crash or no crash."""
    faults: tuple[FaultOrder, ...] = ()
    """How else the exchange misbehaves from that placement on."""
    offer: tuple[Price, Quantity] | None = None
    """What the street offers besides, from the beginning."""
    falls_after_s: float | None = None
    """When the price falls through every stop, seconds after something is held."""
    halt_after_s: float | None = None
    """When an operator stops everything, seconds after the first order rests."""
    idle_s: float = 0.0
    """How long after the start the first proposal is made."""

    def wish(self, name: str) -> Wish | None:
        """Return the wish of this name."""
        return next((wish for wish in self.wishes if wish.name == name), None)


def _share(text: str) -> Decimal:
    return Decimal(text)


_WHOLE = (Fill(0.2, _share("1")),)
_IN_PARTS = (Fill(0.2, _share("0.3")), Fill(0.4, _share("0.3")), Fill(0.6, _share("0.4")))
_ASK, _BID = Price(Decimal("65000.5")), Price(Decimal("65000.2"))

PLACE: Final = Scenario(
    name="place",
    text="one order takes what is there, one rests and is filled, what was bought is sold",
    idle_s=19.5,
    wishes=(
        Wish(
            name="take",
            price=_ASK,
            quantity=Quantity(Decimal("0.0006")),
            time_in_force=TimeInForce.IOC,
        ),
        Wish(name="rest", quantity=Quantity(Decimal("0.0008")), fills=_WHOLE),
        Wish(
            name="sell",
            side=Side.SELL,
            price=_BID,
            quantity=Quantity(Decimal("0.001")),
            purpose=Purpose.EXIT,
            fills=_WHOLE,
        ),
    ),
)
CANCEL: Final = Scenario(
    name="cancel",
    text="one order is cancelled untouched, one while a fill crosses the cancel, one too late",
    wishes=(
        Wish(name="untouched", cancel_after_s=0.2),
        Wish(name="crossed", cancel_after_s=0.2, crossed=_share("0.4")),
        Wish(
            name="outrun",
            quantity=Quantity(Decimal("0.0003")),
            cancel_after_s=0.2,
            crossed=_share("1"),
        ),
    ),
)
PARTS: Final = Scenario(
    name="partial-fills",
    text="a buy in three parts, then a sale in two",
    wishes=(
        Wish(name="buy", fills=_IN_PARTS),
        Wish(
            name="sell",
            side=Side.SELL,
            price=_BID,
            quantity=Quantity(Decimal("0.001")),
            purpose=Purpose.EXIT,
            fills=(Fill(0.2, _share("0.5")), Fill(0.4, _share("0.5"))),
        ),
    ),
)
LATE: Final = Scenario(
    name="late",
    text="the first placement arrives when it has been given up and its next attempt is live",
    wishes=(Wish(name="late", fills=(Fill(3.0, _share("1")),)),),
    misfortune=Fate.TOO_LATE,
)
UNANSWERED: Final = Scenario(
    name="unanswered",
    text="the first placement is accepted and filled in parts, its answer is lost",
    wishes=(Wish(name="unanswered", fills=_IN_PARTS),),
    misfortune=Fate.ANSWER_LOST,
)
LOST: Final = Scenario(
    name="lost",
    text="the first placement never arrives, which is only certain when it has expired",
    wishes=(Wish(name="lost", fills=_WHOLE),),
    misfortune=Fate.LOST,
)
FILL_FIRST: Final = Scenario(
    name="fill-first",
    text="a fill is told before anything else of its order",
    wishes=(
        Wish(
            name="first",
            price=_ASK,
            quantity=Quantity(Decimal("0.0006")),
            time_in_force=TimeInForce.IOC,
        ),
    ),
    faults=(
        FaultOrder(fault=FaultName.PUSH_LOST, match="spot.orders", occurrences=(1, 2)),
        FaultOrder(fault=FaultName.ANSWER_LATE, match="POST /spot/orders", occurrences=(1,)),
    ),
)
SILENT: Final = Scenario(
    name="silent",
    text="the private stream tells nothing: everything is known by asking alone",
    wishes=(Wish(name="silent", fills=_IN_PARTS),),
    faults=(FaultOrder(fault=FaultName.PUSH_LOST, match="spot.", probability=1.0),),
)
UNHEARD: Final = Scenario(
    name="unheard",
    text="the first placement is accepted; its answer and every push are lost",
    wishes=(Wish(name="unheard", fills=_WHOLE),),
    faults=(
        FaultOrder(fault=FaultName.PUSH_LOST, match="spot.", probability=1.0),
        FaultOrder(fault=FaultName.ANSWER_LOST, match="POST /spot/orders", occurrences=(1,)),
    ),
)
RUSH: Final = Scenario(
    name="rush",
    text="two orders are wanted in one breath, and the limits have room for one",
    wishes=(Wish(name="rush", fills=_WHOLE, rival=True),),
)
HALT: Final = Scenario(
    name="halt",
    text="everything is stopped while an order rests and another one is wanted",
    wishes=(Wish(name="before"), Wish(name="after")),
    halt_after_s=0.3,
)
LADDER: Final = Scenario(
    name="ladder",
    text="a parent order takes a small offer with its first child, the rest with another",
    wishes=(
        Wish(
            name="ladder",
            price=_ASK,
            time_in_force=TimeInForce.IOC,
            plan=Ladder(rungs_bps=(Decimal(0),)),
        ),
    ),
    offer=(_BID, Quantity(Decimal("0.0003"))),
)
AMEND: Final = Scenario(
    name="amend",
    text="one order is made smaller and one larger while it rests, then each is filled in parts",
    wishes=(
        Wish(
            name="smaller",
            quantity=Quantity(Decimal("0.001")),
            amend_after_s=0.2,
            amended=Quantity(Decimal("0.0006")),
            fills=(Fill(0.25, _share("0.3")), Fill(1.2, _share("1"))),
        ),
        Wish(
            name="larger",
            quantity=Quantity(Decimal("0.0004")),
            amend_after_s=0.2,
            amended=Quantity(Decimal("0.0008")),
            fills=(Fill(0.25, _share("0.5")), Fill(1.2, _share("1"))),
        ),
    ),
)
STOP: Final = Scenario(
    name="stop",
    text="what was bought in parts falls through its stop and is sold, here or at the exchange",
    wishes=(Wish(name="stop", fills=_IN_PARTS),),
    falls_after_s=1.5,
)
_ALL: Final = (
    *(PLACE, CANCEL, PARTS, LATE, UNANSWERED, LOST, FILL_FIRST, SILENT),
    *(UNHEARD, RUSH, HALT, LADDER, AMEND, STOP),
)
SCENARIOS: Final = {one.name: one for one in _ALL}
