"""What was asked on one connection and what Gate said to it. All of it runs on the socket loop."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from adapters.gate.frames import Acknowledged, encode_request
from adapters.gate.signing import Credentials

Group = TypeVar("Group")
"""Subscriptions that count as one: a pair's channels, or the account's."""

Channel = tuple[str, tuple[str, ...]]
"""A channel's name and its payload."""


class Answered(Generic[Group]):
    """What one acknowledgement means for the group it belongs to."""

    def __init__(self, group: Group, *, complete: bool, error: str | None) -> None:
        self.group = group
        self.complete = complete
        """Every subscription of the group has been accepted."""
        self.error = error


class Subscriptions(Generic[Group]):
    """Sends subscriptions and matches the acknowledgements."""

    def __init__(
        self,
        send: Callable[[bytes], object],
        venue_time_s: Callable[[], int],
        credentials: Credentials | None = None,
    ) -> None:
        """Remember how to send; nothing is asked yet.

        Args:
            send: Sends a frame on the present connection.
            venue_time_s: Unix seconds by the exchange's clock; Gate refuses a minute's difference.
            credentials: Sign the private channels.
        """
        self._send = send
        self._venue_time_s = venue_time_s
        self._credentials = credentials
        self._next_id = 1
        self._waiting: dict[int, tuple[Group, str]] = {}

    def reset(self) -> None:
        """Forget everything: the connection is a new one."""
        self._waiting.clear()

    def subscribe(self, group: Group, channels: Iterable[Channel], *, private: bool) -> set[int]:
        """Ask for `channels` and return the ids of the requests.

        The group is complete when all that was asked for it is acknowledged.
        """
        asked = set()
        for channel, payload in channels:
            request_id = self._ask(channel, "subscribe", payload, private=private)
            self._waiting[request_id] = (group, channel)
            asked.add(request_id)
        return asked

    def unsubscribe(self, group: Group, channels: Iterable[Channel], *, private: bool) -> None:
        """Ask for no more of `channels`, and wait for nothing of the group."""
        self.forget(group)
        for channel, payload in channels:
            self._ask(channel, "unsubscribe", payload, private=private)

    def forget(self, group: Group) -> None:
        """Wait no longer for acknowledgements of `group`."""
        self._waiting = {i: waiting for i, waiting in self._waiting.items() if waiting[0] != group}

    def unanswered(self, asked: set[int]) -> bool:
        """Return whether some of these requests still wait for their answer."""
        return not asked.isdisjoint(self._waiting)

    def answered(self, ack: Acknowledged) -> Answered[Group] | None:
        """Return what `ack` means, or None where nobody waits for it."""
        if ack.event != "subscribe":
            return None
        request_id = self._oldest(ack.channel) if ack.request_id is None else ack.request_id
        group, _ = self._waiting.pop(request_id, (None, ""))
        if group is None:
            return None
        if ack.error is not None:
            self.forget(group)
        complete = ack.error is None and all(group != other for other, _ in self._waiting.values())
        return Answered(group, complete=complete, error=ack.error)

    def _oldest(self, channel: str) -> int:
        """Servers that echo no id still answer in order."""
        return next((i for i, waiting in self._waiting.items() if waiting[1] == channel), 0)

    def _ask(self, channel: str, event: str, payload: tuple[str, ...], *, private: bool) -> int:
        request_id = self._next_id
        # Some clients of Gate say that an id has to fit 32 bits.
        self._next_id = request_id % (2**31 - 1) + 1
        self._send(
            encode_request(
                channel=channel,
                event=event,
                time_s=self._venue_time_s(),
                request_id=request_id,
                payload=payload,
                credentials=self._credentials if private else None,
            )
        )
        return request_id
