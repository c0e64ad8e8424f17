"""Whatever a server sends, in whatever pieces, is read as the protocol itself reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, State
from websockets.uri import parse_uri

from adapters.gate.deframing import Deframer

MOST = 70_000
DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


def a_protocol():
    """Return the reading side of a connection whose handshake is over."""
    protocol = ClientProtocol(parse_uri("ws://here/"), max_size=MOST, state=State.OPEN)
    protocol.parser = Protocol.parse(protocol)
    next(protocol.parser)
    return protocol


def by_protocol(sent):
    """Return the data that the protocol alone reads, whether it goes on, how much it says."""
    protocol = a_protocol()
    protocol.receive_data(sent)
    told = [bytes(one.data) for one in protocol.events_received() if one.opcode in DATA]
    return told, protocol.state is State.OPEN, len(b"".join(protocol.data_to_send()))


def by_deframer(pieces):
    """Return the same by the deframer, with the protocol behind it."""
    protocol, told = a_protocol(), []

    def other(data):
        protocol.receive_data(data)
        told.extend(bytes(one.data) for one in protocol.events_received() if one.opcode in DATA)
        return protocol.state is State.OPEN

    deframer = Deframer(MOST, told.append, other)
    for piece in pieces:
        deframer.feed(piece)
    return told, protocol.state is State.OPEN, len(b"".join(protocol.data_to_send()))


def framed(opcode, data, *, fin=True, mask=False):
    return Frame(opcode, data, fin).serialize(mask=mask)


SIZES = st.sampled_from([0, 1, 125, 126, 127, 300, 65_535, 65_536, MOST, MOST + 1])
PLAIN = st.builds(lambda size: framed(Opcode.TEXT, b"x" * size), SIZES)
ODD = st.one_of(
    st.just(framed(Opcode.PING, b"well?")),
    st.just(framed(Opcode.PONG, b"")),
    st.just(framed(Opcode.CLOSE, b"\x03\xe9bye")),
    st.just(framed(Opcode.BINARY, b"\x00\xff")),
    st.just(framed(Opcode.TEXT, b"be", fin=False)),
    st.just(framed(Opcode.CONT, b"twe", fin=False)),
    st.just(framed(Opcode.CONT, b"en")),
    st.just(framed(Opcode.TEXT, b"masked", mask=True)),
    st.binary(min_size=1, max_size=12),
)
SENT = st.lists(st.one_of(PLAIN, PLAIN, ODD), max_size=8).map(b"".join)


@given(SENT, st.lists(st.integers(1, 400), max_size=40))
def test_it_reads_what_the_protocol_reads_in_whatever_pieces_it_comes(sent, cuts):
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(sent[at : at + cut])
        at += cut
    pieces.append(sent[at:])
    assert by_deframer([piece for piece in pieces if piece]) == by_protocol(sent)


def test_most_frames_never_trouble_the_protocol():
    told = []
    deframer = Deframer(MOST, told.append, lambda _: pytest.fail("the protocol was asked"))
    sent = b"".join(framed(Opcode.TEXT, b"x" * size) for size in (0, 125, 126, 65_536, 7))
    for at in range(0, len(sent), 1000):
        deframer.feed(sent[at : at + 1000])
    assert [len(one) for one in told] == [0, 125, 126, 65_536, 7]


def test_nothing_more_is_read_once_somebody_wants_nothing_more():
    told = []

    def take(data):
        told.append(data)
        deframer.ended = True

    deframer = Deframer(MOST, take, lambda _: True)
    deframer.feed(framed(Opcode.TEXT, b"one") + framed(Opcode.TEXT, b"two"))
    assert told == [b"one"]
