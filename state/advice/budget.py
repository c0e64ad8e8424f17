"""What advice may cost in a UTC day. Pure.

The worst case is reserved before a request leaves and journalled with it; it is settled by what the
provider says was used, and stays where the provider does not say: a request that timed out may be
charged all the same. No provider caps spending for us, so this cap is the real one.
"""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from state.messages.advice import Usage
from state.values import NS_PER_S, ZERO, TimeNs

DAY_NS = 86_400 * NS_PER_S
PER_MESSAGE = 32
"""Tokens of a chat template around each message."""
SLOW = 0.7
"""Share of the caps from which questions are asked half as often."""
HELD_ONLY = 0.9
"""Share of the caps from which only pairs with a position are asked about."""


class Caps(Struct, frozen=True, kw_only=True):
    """Most of a UTC day."""

    calls: int
    tokens: int
    usd: Decimal


class Cost(Struct, frozen=True, kw_only=True):
    """Tokens and what they cost, US dollars."""

    tokens: int
    usd: Decimal


class Spent(Struct, frozen=True, kw_only=True):
    """What a UTC day has cost so far."""

    day: int
    calls: int = 0
    tokens: int = 0
    usd: Decimal = ZERO

    def at(self, now_ns: TimeNs) -> "Spent":
        """Return it as of now: a new day begins with nothing. A clock set back changes nothing."""
        day = day_of(now_ns)
        return Spent(day=day) if day > self.day else self

    def reserved(self, cost: Cost) -> "Spent":
        """Return it with one more call at its worst case."""
        return replace(
            self, calls=self.calls + 1, tokens=self.tokens + cost.tokens, usd=self.usd + cost.usd
        )

    def settled(self, day: int, reservation: Cost, used: Cost) -> "Spent":
        """Return it with `used` in the place of a reservation of `day`."""
        if day != self.day:
            return self
        tokens = max(0, self.tokens - reservation.tokens + used.tokens)
        return replace(self, tokens=tokens, usd=max(ZERO, self.usd - reservation.usd + used.usd))

    def share(self, caps: Caps) -> float:
        """Return how much of the tightest cap is used, from 0; 1 is all of it."""
        return max(
            self.calls / caps.calls if caps.calls else 1.0,
            self.tokens / caps.tokens if caps.tokens else 1.0,
            float(self.usd / caps.usd) if caps.usd else 1.0,
        )

    def allows(self, cost: Cost, caps: Caps) -> bool:
        """Whether one more call at its worst case stays within every cap."""
        after = self.reserved(cost)
        return after.calls <= caps.calls and after.tokens <= caps.tokens and after.usd <= caps.usd


def day_of(now_ns: TimeNs) -> int:
    """Return the UTC day, counted from 1970-01-01."""
    return int(now_ns // DAY_NS)


def worst_case(
    texts: tuple[str, ...],
    max_tokens: int,
    price_in: Decimal,
    price_out: Decimal,
    *,
    turns: int = 1,
) -> Cost:
    """Return the most a request can cost.

    A byte of UTF-8 is at least as small as a token, so bytes bound tokens from above.

    Args:
        texts: Of its messages.
        max_tokens: Most that may be answered.
        price_in: US dollars per prompt token.
        price_out: US dollars per completion token.
        turns: How often it may be sent: a repair asks twice.
    """
    tokens_in = sum(len(text.encode()) + PER_MESSAGE for text in texts)
    cost = tokens_in * price_in + max_tokens * price_out
    return Cost(tokens=turns * (tokens_in + max_tokens), usd=turns * cost)


def cost_of(usage: Usage, price_in: Decimal, price_out: Decimal) -> Cost:
    """Return what was used; reasoning is part of the completion and charged as such."""
    return Cost(
        tokens=usage.prompt_tokens + usage.completion_tokens,
        usd=usage.prompt_tokens * price_in + usage.completion_tokens * price_out,
    )
