"""Opinions and settings that the tests of this folder share."""

from typing import Any

from state.config.decision import DecisionSettings
from state.messages.signals import Opinion, Reason
from state.values import NS_PER_S, TimeNs
from tests.actors.examples import BTC, NOW

SETTINGS = DecisionSettings(enter_at=0.3, exit_at=-0.2, conviction_min=0.3)


def an_opinion(source: str = "technical", **changes: Any) -> Opinion:
    said: dict[str, Any] = {
        "source": source,
        "pair": BTC,
        "direction": 0.5,
        "confidence": 0.8,
        "horizon_s": 60.0,
        "invalidation": None,
        "reasons": (Reason(says="it rises", refers="trend"),),
        "as_of_ns": NOW,
    } | changes
    said.setdefault("expires_at_ns", TimeNs(said["as_of_ns"] + 60 * NS_PER_S))
    return Opinion(**said)
