"""What some faults make of an answer that is right: something is missing from it. Pure."""

from collections.abc import Callable
from typing import Any

from adapters.simulated.core.refusals import refusal
from adapters.simulated.faults import FaultName, FaultOrder
from state.errors import VenueRefused
from state.messages.venue import FetchOrder, Outcome, Refused, Succeeded, VenueRequest
from state.values import NS_PER_MS, VenueOrderId

CreatedAt = Callable[[VenueOrderId], int]


def distorted_rows(fault: FaultOrder, value: Any, now_ns: int) -> Any:
    """Return what `fault` leaves of an answer of the server.

    Raises:
        VenueRefused: `ORDER_NOT_FOUND`, when what was asked for is hidden.
    """
    if fault.fault is FaultName.BALANCE_MISSING and isinstance(value, list):
        return value[:-1]
    if fault.fault is FaultName.ORDER_HIDDEN:
        latest_ms = (now_ns - fault.delay_ns) // NS_PER_MS
        return _without_young(value, lambda row: int(row["create_time_ms"]) > latest_ms)
    return value


def _without_young(value: Any, young: Callable[[dict[str, Any]], bool]) -> Any:
    if isinstance(value, dict):
        if young(value):
            raise _not_found()
        return value
    if value and "orders" in value[0]:  # grouped by pair
        shown = [_group_without_young(group, young) for group in value]
        return [group for group in shown if group["orders"]]
    return [row for row in value if not young(row)]


def _group_without_young(
    group: dict[str, Any], young: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    shown = [row for row in group["orders"] if not young(row)]
    hidden = len(group["orders"]) - len(shown)
    return {**group, "total": group["total"] - hidden, "orders": shown}


def distorted_outcome(
    fault: FaultOrder, request: VenueRequest, outcome: Outcome, created_ns: CreatedAt, now_ns: int
) -> Outcome:
    """Return what `fault` leaves of an answer in process; `created_ns` says how old orders are."""
    if not isinstance(outcome, Succeeded):
        return outcome
    if fault.fault is FaultName.BALANCE_MISSING:
        return Succeeded(balances=outcome.balances[:-1])
    if fault.fault is FaultName.ORDER_HIDDEN:
        latest_ns = now_ns - fault.delay_ns
        shown = tuple(
            report for report in outcome.orders if created_ns(report.venue_order_id) <= latest_ns
        )
        if isinstance(request, FetchOrder) and not shown:
            hidden = _not_found()
            return Refused(label=hidden.label, message=hidden.message, status=hidden.status)
        return Succeeded(orders=shown)
    return outcome


def _not_found() -> VenueRefused:
    return refusal("ORDER_NOT_FOUND", "Order not found")
