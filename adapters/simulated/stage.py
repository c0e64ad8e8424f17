"""Plays scenarios into a venue: who may trade what, at which fee, in which market. Pure.

A stage is one of the venue's markets, so it acts when the venue's time passes, and before the
others do.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from adapters.simulated.core.conditions import ORDINARY
from adapters.simulated.core.ledger import Account
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.pair_rules import PairRules
from adapters.simulated.core.venue import Venue
from adapters.simulated.scenarios import SCENARIOS, ScenarioOrder, Stretch, refuse_confined
from state.errors import ConfigurationInvalid
from state.values import NS_PER_S, Pair


class _Playing(Struct):
    """A scenario that was asked for, and how far it is."""

    order: ScenarioOrder
    began_ns: int
    entered: int = 0
    """Stretches that have begun."""
    over: bool = False

    def stretch(self) -> Stretch | None:
        """Return what holds now."""
        if self.over or not self.entered:
            return None
        return SCENARIOS[self.order.scenario].stretches[self.entered - 1]

    def due_ns(self) -> int | None:
        """Return when it changes next, None when never."""
        scenario = SCENARIOS[self.order.scenario]
        if self.over:
            return None
        after_s = scenario.ends_after_s
        if self.entered < len(scenario.stretches):
            after_s = scenario.stretches[self.entered].after_s
        return None if after_s is None else self.began_ns + int(after_s * NS_PER_S)

    def concerns(self, pair: Pair) -> bool:
        """Return whether it plays in `pair`."""
        return self.order.pair in (None, pair)


class Stage:
    """What is played at one venue.

    Args:
        venue: Where; the stage becomes the first of its markets.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._playing: list[_Playing] = []
        self._usual: dict[Pair, PairRules] = {}
        """Rules as they are without us, of the pairs whose rules we changed."""
        self._fee_factor = 1
        self.closed = False
        """Whether nobody is served."""
        self.ahead_ns = 0
        """How far the venue's clock is ahead of the true one; whoever tells it the time adds it."""
        venue.markets.insert(0, self)

    def replace(self, orders: Iterable[ScenarioOrder], now_ns: int) -> None:
        """End what is played and begin with these.

        Raises:
            ConfigurationInvalid: If a pair is not listed or cannot be meant; nothing changed.
        """
        orders = tuple(orders)
        for order in orders:
            refuse_confined(order)
            if order.pair is not None and Pair(order.pair) not in self._venue.pairs:
                raise ConfigurationInvalid(f"scenario {order.scenario}: {order.pair} is not listed")
        self._playing = [
            _Playing(order, now_ns + int(order.after_s * NS_PER_S)) for order in orders
        ]
        self._set_up()
        self.advance(now_ns)

    def rows(self) -> list[dict[str, Any]]:
        """Return what was asked for and how far it is."""
        return [
            {
                **msgspec.to_builtins(each.order),
                "state": "over" if each.over else "playing" if each.entered else "waiting",
                "stretch": each.entered,
            }
            for each in self._playing
        ]

    def next_due_ns(self) -> int | None:
        """See `core.venue.Market.next_due_ns`."""
        due = (each.due_ns() for each in self._playing)
        return min((each for each in due if each is not None), default=None)

    def advance(self, now_ns: int) -> None:
        """See `core.venue.Market.advance`."""
        while (due_ns := self.next_due_ns()) is not None and due_ns <= now_ns:
            for each in self._playing:
                if each.due_ns() == due_ns:
                    self._go_on(each, now_ns)
            self._set_up()

    def _go_on(self, playing: _Playing, now_ns: int) -> None:
        if playing.entered == len(SCENARIOS[playing.order.scenario].stretches):
            playing.over = True
            return
        playing.entered += 1
        stretch = playing.stretch()
        assert stretch is not None, "one has just begun"
        self._jump(int(stretch.jumps_s * NS_PER_S))
        if stretch.announces is not None:
            title = f"{playing.order.scenario}: {playing.order.pair or 'every pair'}"
            text = SCENARIOS[playing.order.scenario].text
            self._venue.announce(stretch.announces, title, text, now_ns)
        if stretch.cancels:
            for account in self._customers():
                self._venue.cancel_all(account, now_ns, pair=playing.order.pair)

    def _jump(self, by_ns: int) -> None:
        """Let the venue's clock go ahead; what is played lasts as long as it would have."""
        self.ahead_ns += by_ns
        for each in self._playing:
            each.began_ns += by_ns

    def _customers(self) -> list[Account]:
        return [each for each in self._venue.ledger.accounts.values() if not each.internal]

    def _set_up(self) -> None:
        """Make the venue what all that is played together makes of it."""
        held = [(each, stretch) for each in self._playing if (stretch := each.stretch())]
        self.closed = any(stretch.closed for _, stretch in held)
        factor = 1
        for _, stretch in held:
            factor *= stretch.fee_factor
        for pair, market in self._venue.pairs.items():
            self._set_up_pair(market, [one for one in held if one[0].concerns(pair)], factor)
        self._charge(factor)

    def _set_up_pair(
        self, market: PairMarket, held: list[tuple[_Playing, Stretch]], factor: int
    ) -> None:
        pair = market.rules.pair
        conditions, changes = ORDINARY, dict[str, Any]()
        usual = self._usual.get(pair, market.rules)
        for playing, stretch in held:
            conditions = conditions.and_also(stretch.street)
            if stretch.status is not None:
                changes["status"] = stretch.status
            if stretch.delisted_after_s is not None:
                at_ns = playing.began_ns + int(stretch.delisted_after_s * NS_PER_S)
                changes["delisting_s"] = at_ns // NS_PER_S
        if factor != 1:
            changes["fee_percent"] = usual.fee_percent * factor
        market.conditions = conditions
        if changes:
            self._usual[pair] = usual
            market.rules = replace(usual, **changes)
        elif pair in self._usual:
            market.rules = self._usual.pop(pair)

    def _charge(self, factor: int) -> None:
        """Let every customer pay `factor` times the usual fees."""
        for account in self._customers():
            account.taker_fee_ppm = account.taker_fee_ppm // self._fee_factor * factor
            account.maker_fee_ppm = account.maker_fee_ppm // self._fee_factor * factor
        self._fee_factor = factor
