"""Who wants to be told what: the subscriptions of all connections."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol

Topic = tuple[str, str]
"""(channel, what of it): a pair, or what else the channel tells and the pair, as in
`100ms_BTC_USDT`, `ob.50_BTC_USDT`, `1m_BTC_USDT`; of a private channel `account/pair`, with `!all`
for every pair; of announcements a language."""

EVERY_PAIR = "!all"


class Listener(Protocol):
    """Whoever can be told something."""

    def push(self, subject: str, message: bytes) -> None:
        """Send what happened; faults are matched against `subject`."""
        ...


class Subscriptions:
    """Topics and who wants them. Whoever subscribes twice is told once."""

    def __init__(self) -> None:
        self._topics: defaultdict[Topic, dict[Listener, int]] = defaultdict(dict)

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(len(who) for who in self._topics.values())

    def add(self, listener: Listener, topic: Topic, joined: int = 0) -> None:
        """Let `listener` hear of `topic`; updates up to number `joined` are no news to it."""
        self._topics[topic][listener] = joined

    def remove(self, listener: Listener, topic: Topic) -> bool:
        """Let `listener` hear no more of `topic`; return whether nobody does now."""
        who = self._topics.get(topic, {})
        if who.pop(listener, None) is None or who:
            return False
        del self._topics[topic]
        return True

    def of(self, listener: Listener) -> list[Topic]:
        """Return what `listener` hears of."""
        return [topic for topic, who in self._topics.items() if listener in who]

    def wanted(self, channel: str) -> list[str]:
        """Return what of `channel` anybody wants to hear."""
        return [what for each, what in self._topics if each == channel]

    def wants(self, topic: Topic) -> bool:
        """Return whether anybody hears of `topic`."""
        return topic in self._topics

    def listeners(self, topics: Iterable[Topic]) -> list[Listener]:
        """Return who hears of any of `topics`, each once."""
        return list({who: None for topic in topics for who in self._topics.get(topic, ())})

    def send(self, topic: Topic, subject: str, message: bytes, number: int | None = None) -> None:
        """Tell everybody who hears of `topic`.

        Args:
            topic: What it is about.
            subject: What faults are matched against.
            message: The same bytes for all.
            number: Of an update among those of its topic; None is news to everybody.
        """
        for listener, joined in tuple(self._topics.get(topic, {}).items()):
            if number is None or number > joined:
                listener.push(subject, message)
