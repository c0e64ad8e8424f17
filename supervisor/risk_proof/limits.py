"""Each approval against every limit: the nearest any came, and whether one was passed."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from actors.trading.risk.codes import Code
from state.messages.orders import ApprovedAmendment, ApprovedOrder, OrderProposed
from state.values import NS_PER_S, ZERO, Pair, Session, Side
from supervisor.risk_proof.truth import Deal, Scenery, Truth

MINUTE_NS = 60 * NS_PER_S
BPS = Decimal(10_000)


class Verdict(StrEnum):
    """What a trial says of a limit."""

    PROVEN = "proven"
    """Reached, and never passed."""
    UNPROVEN = "unproven"
    """Nothing ever came up against it."""
    PASSED = "PASSED"


class LimitProof(Struct, kw_only=True):
    """One limit on trial."""

    code: str
    limit: str = ""
    """As it stood when it was most nearly reached; money in quote units."""
    worst: str = ""
    """The most (or least) that was ever approved under it."""
    margin: str = ""
    """What was left of it then."""
    refused: int = 0
    """How often it refused or shrunk an order."""
    passed: list[str] = []
    """Each approval beyond it, with the schedule that did it."""
    last_real: str = ""
    """The newest event of the journal in which it decided; empty: none there."""

    @property
    def verdict(self) -> Verdict:
        """What the trial says."""
        if self.passed:
            return Verdict.PASSED
        return Verdict.PROVEN if self.refused else Verdict.UNPROVEN


class Limits:
    """Every limit, over as many schedules as there are."""

    def __init__(self) -> None:
        self.proofs = {code: LimitProof(code=code, passed=[]) for code in Code}
        self._nearest: dict[Code, Decimal] = {}
        self._where = ""

    def begin(self, where: str) -> None:
        """Say of which schedule the next approvals are."""
        self._where = where

    def refused(self, code: str) -> None:
        """Count an order that was refused or shrunk."""
        if code in self.proofs:  # That an order cannot be amended is no limit.
            self.proofs[Code(code)].refused += 1

    def approved(
        self, order: ApprovedOrder, proposal: OrderProposed, scenery: Scenery, truth: Truth
    ) -> None:
        """Hold an approval, which `truth` counts already, against every limit."""
        self._size(order, scenery)
        self._holding(order, scenery, truth)
        self._never(order, proposal, scenery, truth)
        if order.side is Side.BUY:
            self._entry(order, proposal, scenery, truth)
            self._rates(order.pair, scenery, truth)

    def amended(
        self, approved: ApprovedAmendment, deal: Deal, scenery: Scenery, truth: Truth
    ) -> None:
        """Hold an approved amendment, which `truth` counts already, against what it may exceed.

        What asks for no more at no worse a price passes whatever is exceeded already; and what
        is held when all is filled is exceeded only by more than would have been held before.
        """
        known, sign = deal.known, deal.order.side.sign
        worse = (approved.price - known.price) * sign > 0
        if not worse and approved.quantity <= known.quantity:
            return
        if deal.order.side is Side.SELL:
            self._most(Code.HOLDING, truth.being_sold(deal.pair), truth.held(deal.pair))
            return
        limits, mids = scenery.limits, _mids(scenery)
        worth = (approved.quantity - deal.filled) * approved.price
        self._most(Code.ORDER_NOTIONAL_MAX, worth, limits.order_notional_max)
        self._most(Code.BALANCE, truth.needed_cash(), max(truth.cash, ZERO))
        mark = mids.get(deal.pair, ZERO)
        if deal.worth(mark) > deal.worth_as_known(mark):
            self._exposures(deal.pair, scenery, truth, mids)
        why = f"amendment of {deal.name} to {approved.quantity} at {approved.price}"
        if scenery.halted:
            self._blame(Code.HALTED, why)
        for code in scenery.forbidden if scenery.is_quiet else ():
            self._blame(Code(code), why)

    # Questions of how much.

    def _size(self, order: ApprovedOrder, scenery: Scenery) -> None:
        limits, rules = scenery.limits, scenery.rules[order.pair]
        worth = order.quantity * order.price
        protects = order.side is Side.SELL and order.purpose.is_protective
        if not protects:
            self._most(Code.ORDER_NOTIONAL_MAX, worth, limits.order_notional_max)
        if rules.quantity_max is not None:
            self._most(Code.PAIR_MAX, order.quantity, rules.quantity_max)
        self._least(Code.ORDER_MIN, worth, rules.notional_min)
        mid = _mids(scenery).get(order.pair)
        if mid is not None:
            band = limits.protective_band_bps if protects else limits.price_band_bps
            self._most(Code.PRICE_BAND, abs(order.price - mid) / mid * BPS, band)

    def _holding(self, order: ApprovedOrder, scenery: Scenery, truth: Truth) -> None:
        if order.side is Side.BUY:
            self._most(Code.BALANCE, truth.needed_cash(), max(truth.cash, ZERO))
            return
        pair, rules = order.pair, scenery.rules[order.pair]
        held = truth.held(pair)
        self._most(Code.HOLDING, truth.being_sold(pair), held)
        is_known = not any(deal.is_doubtful for deal in truth.open(pair))
        if scenery.is_quiet and is_known and not order.purpose.is_protective:
            left = (held - truth.being_sold(pair)) // rules.quantity_step * rules.quantity_step
            trapped = ZERO < left < rules.smallest(order.price)
            self._most(Code.DUST_LEFT, left if trapped else ZERO, ZERO)

    def _entry(
        self, order: ApprovedOrder, proposal: OrderProposed, scenery: Scenery, truth: Truth
    ) -> None:
        limits, mids, pair = scenery.limits, _mids(scenery), order.pair
        self._exposures(pair, scenery, truth, mids)
        stop = proposal.stop
        distance = order.price * limits.stop_distance_bps / BPS
        distance = distance if stop is None else order.price - stop
        if scenery.is_quiet and scenery.equity is not None:
            at_risk = order.quantity * max(distance, ZERO)
            most = limits.risk_per_trade_share * scenery.equity
            self._most(Code.RISK_PER_TRADE, at_risk, most)
        if scenery.is_half:
            self._most(Code.DRAWDOWN_HALF, order.quantity, proposal.quantity / 2)
        rules, fee = scenery.rules[pair], 1 - truth.fee_rate
        if distance < order.price:
            kept = truth.held(pair) + order.quantity * fee
            needed = rules.smallest(order.price - distance)
            if scenery.is_quiet:
                self._least(Code.DUST_TRAP, kept, needed)
        book = scenery.books.get(pair)
        if book is not None:
            depth = Decimal(repr(book.ask_depth)) * limits.depth_share_max
            self._most(Code.THIN_BOOK, order.quantity * order.price, depth)
            self._most(Code.SPREAD_MAX, Decimal(repr(book.spread_bps)), limits.spread_bps_max)
            levels = Decimal(book.levels)
            self._least(Code.UNVERIFIED_BOOK, levels, Decimal(limits.book_levels_min))
        last = scenery.last_trades.get(pair)
        if last is not None:
            far = abs(order.price - last) / last * BPS
            self._most(Code.FAT_FINGER, far, limits.fat_finger_bps)

    def _exposures(
        self, pair: Pair, scenery: Scenery, truth: Truth, mids: dict[Pair, Decimal]
    ) -> None:
        limits, one = scenery.limits, frozenset({pair})
        self._most(Code.POSITION_MAX, truth.exposure(one, mids), limits.position_notional_max)
        everywhere = truth.exposure(frozenset(scenery.rules), mids)
        self._most(Code.EXPOSURE_MAX, everywhere, limits.exposure_notional_max)
        for group in limits.correlated():
            if pair in group.pairs:
                worth = truth.exposure(group.pairs, mids)
                self._most(Code.GROUP_MAX, worth, group.notional_max)

    def _rates(self, pair: Pair, scenery: Scenery, truth: Truth) -> None:
        limits, this = scenery.limits, truth.approvals[-1]
        # What protects passes whatever the counts: judged after this one, it counts for the next.
        later = {
            one.decision_id
            for one in truth.approvals
            if one.is_protective and one.place > this.place
        }
        recent = [
            one.pair
            for one in truth.approvals
            if this.at_ns - one.at_ns <= MINUTE_NS and one.decision_id not in later
        ]
        resting = [one.pair for one in truth.open() if one.order.decision_id not in later]
        counts = (
            (Code.ORDER_RATE, len(recent), limits.orders_per_minute),
            (Code.PAIR_ORDER_RATE, recent.count(pair), limits.pair_orders_per_minute),
            (Code.OPEN_ORDERS_MAX, len(resting), limits.open_orders_max),
            (Code.PAIR_OPEN_ORDERS_MAX, resting.count(pair), limits.pair_open_orders_max),
        )
        for code, count, most in counts:
            self._most(code, Decimal(count), Decimal(most))

    # Questions of yes or no: how many were approved although it was no.

    def _never(
        self, order: ApprovedOrder, proposal: OrderProposed, scenery: Scenery, truth: Truth
    ) -> None:
        pair, session = order.pair, scenery.session
        entry = order.side is Side.BUY
        protects = not entry and order.purpose.is_protective
        rules = scenery.rules.get(pair)
        reducing = (Session.READY, Session.PAUSED, Session.DRAINING)
        allowed: tuple[Session, ...] = (Session.READY,) if entry else reducing
        if protects:
            allowed = (*reducing, Session.STARTING, Session.EMERGENCY)
        wrong: dict[Code, bool] = {
            Code.HALTED: scenery.halted,
            Code.SESSION: session not in allowed,
            Code.EXPIRED: scenery.now_ns > proposal.expires_at_ns,
            Code.REPEATED: truth.deals[order.decision_id].number > 1,
            Code.UNKNOWN_PAIR: rules is None,
            Code.NO_BOOK: not protects and pair in scenery.lost,
            Code.CLOCK_JUMP: entry and not scenery.clock_believed,
            Code.PRICE_STEP: rules is None or bool(order.price % rules.price_step),
            Code.QUANTITY_STEP: rules is None or bool(order.quantity % rules.quantity_step),
        }
        if rules is not None:
            tradable = rules.tradable_at(scenery.now_ns)  # type: ignore[arg-type]
            wrong[Code.PAIR_HALTED] = order.side not in tradable
            wrong[Code.DELISTING] = entry and rules.delisted_at_ns is not None
        if not protects:
            age_ns = scenery.book_age_ns.get(pair, 0)
            wrong[Code.STALE_BOOK] = age_ns > 5 * NS_PER_S
        book = scenery.books.get(pair)
        if entry and book is not None:
            wrong[Code.POLLED_BOOK] = book.polled
        if entry and scenery.is_quiet:
            wrong[Code.EQUITY_UNKNOWN] = scenery.equity is None
            wrong |= {Code(code): True for code in scenery.forbidden}
        for code, is_wrong in wrong.items():
            if is_wrong:
                self._blame(code, f"{order.side} {order.quantity} {pair}")

    # What is remembered of it.

    def _most(self, code: Code, value: Decimal, limit: Decimal) -> None:
        if value > limit:
            self._blame(code, f"{value} of {limit}")
        self._note(code, value, limit, limit - value)

    def _least(self, code: Code, value: Decimal, limit: Decimal) -> None:
        if value < limit:
            self._blame(code, f"{value}, at least {limit}")
        self._note(code, value, limit, value - limit)

    def _note(self, code: Code, value: Decimal, limit: Decimal, margin: Decimal) -> None:
        share = margin / limit if limit else margin
        nearest = self._nearest.get(code)
        if nearest is not None and share >= nearest:
            return
        self._nearest[code] = share
        proof = self.proofs[code]
        proof.limit, proof.worst, proof.margin = (_short(one) for one in (limit, value, margin))

    def _blame(self, code: Code, what: str) -> None:
        self.proofs[code].passed.append(f"{self._where}: {what}")


def _mids(scenery: Scenery) -> dict[Pair, Decimal]:
    return {pair: Decimal(repr(book.mid)) for pair, book in scenery.books.items()}


def _short(value: Decimal) -> str:
    text = f"{value:.8f}"
    return text.rstrip("0").rstrip(".")
