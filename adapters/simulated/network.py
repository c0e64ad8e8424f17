"""What a simulated network does to what is sent over it, from a seed. Pure.

Deliveries over one line arrive in the order they were sent, as over TCP; requests travel each by
itself, so they may overtake one another.
"""

from random import Random

from msgspec import Struct

from state.values import NS_PER_MS, NS_PER_S


class Network(Struct, frozen=True, kw_only=True):
    """Times of a simulated network and of the clients on it, nanoseconds."""

    latency_min_ns: int = 2 * NS_PER_MS
    latency_max_ns: int = 20 * NS_PER_MS
    """One way."""
    timeout_ns: int = 5 * NS_PER_S
    """How long a request waits for its answer."""
    silence_ns: int = 15 * NS_PER_S
    """A stream without data for so long is given up and connected anew."""
    reconnect_min_ns: int = 200 * NS_PER_MS
    reconnect_max_ns: int = 1500 * NS_PER_MS

    def latency_ns(self, chance: Random) -> int:
        """Return how long one message travels."""
        return chance.randint(self.latency_min_ns, self.latency_max_ns)

    def reconnect_ns(self, chance: Random) -> int:
        """Return how long a lost stream takes to come back."""
        return chance.randint(self.reconnect_min_ns, self.reconnect_max_ns)
