"""Replays: recorded actors live again, from what they heard."""

from supervisor.replay.keeping import recording_of
from supervisor.replay.seen import seen_of
from supervisor.replay.verification import Divergence, Verification, verify
from supervisor.replay.what_if import Comparison, concerns_traders, what_if

__all__ = [
    "Comparison",
    "Divergence",
    "Verification",
    "concerns_traders",
    "recording_of",
    "seen_of",
    "verify",
    "what_if",
]
