"""What may be done of a proposal: one pure function for every world, and for `why_not`.

First come questions of yes or no, then bounds. The smallest bound decides: the order passes
whole, is shrunk to the bound, or is denied by it. Codes are stable and listed in
docs/risk-codes.md.
"""

from msgspec import Struct
from msgspec.structs import replace

from actors.trading.risk.bounds import bounds, stop_distance
from actors.trading.risk.codes import Code
from actors.trading.risk.questions import QUESTIONS, is_entry, protects, refusal
from actors.trading.risk.view import View
from state.exact import difference, exactly
from state.instrument import TradingRules
from state.messages.orders import OrderProposed, Refusal, Verdict
from state.values import ZERO, Quantity, plain

_NOTHING = Quantity(ZERO)


class Ruling(Struct, frozen=True, kw_only=True):
    """What the rules say."""

    verdict: Verdict
    quantity: Quantity
    """What may be ordered; 0 when denied."""
    refusal: Refusal | None = None
    """Why not all of it."""


def judge(proposal: OrderProposed, view: View) -> Ruling:
    """Return what of `proposal` may be done."""
    for question in QUESTIONS:
        refused = question(proposal, view)
        if refused is not None:
            return _denied(refused)
    rules = view.rules
    assert rules is not None, "the questions let no unknown pair through"
    tightest = min(bounds(proposal, view, rules), key=lambda bound: bound.quantity)
    if proposal.quantity <= tightest.quantity:
        quantity, refused = proposal.quantity, None
    else:
        quantity = rules.quantity_down(max(ZERO, tightest.quantity))
        refused = Refusal(
            code=tightest.code, limit=tightest.limit, value=tightest.value, largest=quantity
        )
    smallest = rules.smallest(proposal.price)
    if quantity < smallest:
        # What is left below the limit is less than the exchange takes, so nothing would pass.
        return _denied(refused or refusal(Code.ORDER_MIN, plain(smallest), plain(quantity)))
    if is_entry(proposal):
        return _unless_trapped(proposal, view, rules, _passed(quantity, refused))
    return _without_dust(proposal, view, rules, _passed(quantity, refused))


def _passed(quantity: Quantity, refused: Refusal | None) -> Ruling:
    verdict = Verdict.ALLOW if refused is None else Verdict.SHRINK
    return Ruling(verdict=verdict, quantity=quantity, refusal=refused)


def _denied(refused: Refusal, largest: Quantity = _NOTHING) -> Ruling:
    return Ruling(
        verdict=Verdict.DENY,
        quantity=_NOTHING,
        refusal=replace(refused, largest=largest),
    )


def _unless_trapped(
    proposal: OrderProposed, view: View, rules: TradingRules, ruling: Ruling
) -> Ruling:
    """Deny what could not be sold again at its stop: less than the exchange takes there."""
    distance = stop_distance(proposal.price, proposal.stop, view.limits.stop_distance_bps)
    stop = difference(proposal.price, distance)
    if stop <= 0:
        return ruling
    needed = rules.smallest(stop)
    with exactly():
        kept = view.held + ruling.quantity * (1 - rules.fee_rate)
    if kept >= needed:
        return ruling
    told = refusal(Code.DUST_TRAP, f"{plain(needed)} to be sold at {plain(stop)}", plain(kept))
    return _denied(ruling.refusal or told)


def _without_dust(
    proposal: OrderProposed, view: View, rules: TradingRules, ruling: Ruling
) -> Ruling:
    """Shrink or deny a sale that would leave what nobody takes; one that protects passes."""
    whole = rules.quantity_down(max(ZERO, view.free_base))
    smallest = rules.smallest(proposal.price)
    left = difference(whole, ruling.quantity)
    if protects(proposal) or not ZERO < left < smallest:
        return ruling
    told = refusal(Code.DUST_LEFT, plain(smallest), plain(left))
    kept = Quantity(difference(whole, smallest))
    if kept < smallest:
        return _denied(told, largest=whole)  # All of it may go, a part of it may not.
    return Ruling(verdict=Verdict.SHRINK, quantity=kept, refusal=replace(told, largest=kept))
