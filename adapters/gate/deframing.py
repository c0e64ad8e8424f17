"""WebSocket frames out of the bytes of a server, the plain ones at once. Pure but for its memory.

Nine hundred and ninety-nine frames in a thousand are one whole unmasked text, of which nothing but
the length has to be read: that is done here, a sixth of the work of a protocol that knows every
case. Pings and the like are the protocol's, and from the first frame on that is anything else, a
part of a message, one too long or one that is wrong, so is all that follows.
"""

from collections.abc import Callable

_PLAIN = (0x81, 0x82)
"""First byte of a text or binary frame that is whole by itself and carries no extension."""
_CONTROL = (0x88, 0x89, 0x8A)
"""The same of close, ping and pong."""
_LONG, _LONGER = 126, 127
_HEAD = 2


class Deframer:
    """The reading side of one connection, from the end of its handshake on.

    Args:
        frame_bytes_max: Of a payload; the protocol says what is wrong with a longer one.
        receive: Is handed the payload of each plain frame.
        other: Is handed what is not read here: control frames one by one, or all that comes;
            returns whether frames may go on to be read here.
    """

    def __init__(
        self,
        frame_bytes_max: int,
        receive: Callable[[bytes], None],
        other: Callable[[bytes], bool],
    ) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._receive = receive
        self._other = other
        self._parts: list[bytes] = []
        self._have = 0
        self._need = _HEAD
        """Bytes without which nothing can be done: no long frame is looked at with each piece."""
        self._is_others = False
        """What comes is not read here any more."""
        self.ended = False
        """Set by whoever wants nothing more."""

    def feed(self, data: bytes) -> None:
        """Read what came, in order."""
        if self._is_others:
            self._other(data)
            return
        self._parts.append(data)
        self._have += len(data)
        if self._have >= self._need:
            whole = data if len(self._parts) == 1 else b"".join(self._parts)
            at = self._read(whole)
            rest = whole[at:]
            self._parts, self._have = [rest] if rest else [], len(rest)

    def _read(self, whole: bytes) -> int:
        """Read all frames that are whole and return how many bytes that were."""
        at, end, receive, most = 0, len(whole), self._receive, self._frame_bytes_max
        while not self.ended:
            begin = at + _HEAD
            if begin > end:
                self._need = _HEAD
                return at
            head, size = whole[at], whole[at + 1]
            if size >= _LONG:
                if size > _LONGER:
                    return self._leave(whole, at)  # Masked, which no server may.
                begin += 2 if size == _LONG else 8
                if begin > end:
                    self._need = begin - at
                    return at
                size = int.from_bytes(whole[at + _HEAD : begin], "big")
            is_plain = head in _PLAIN
            if size > most or not (is_plain or (head in _CONTROL and size < _LONG)):
                return self._leave(whole, at)
            stop = begin + size
            if stop > end:
                self._need = stop - at
                return at
            if is_plain:
                receive(whole[begin:stop])
            elif not self._other(whole[at:stop]):
                return self._leave(whole, stop)
            at = stop
        return end

    def _leave(self, whole: bytes, at: int) -> int:
        """Leave everything from there on to the protocol."""
        self._is_others = True
        if at < len(whole):
            self._other(whole[at:])
        return len(whole)
