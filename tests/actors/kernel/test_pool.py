"""The promise: whoever has mail gets its turn soon, whoever else is busy."""

import threading

import pytest

from actors.kernel import Actor
from actors.kernel.pool import LATER_EACH, TURN
from tests.actors.kernel.worlds import KINDS, Listener, World

PATIENCE_S = 10


class Chatter(Actor):
    """Answers every message with one to somebody else, or to itself: never idle."""

    def __init__(self, other, count, over):
        super().__init__()
        self._other, self._count, self._over = other, count, over

    def on_receive(self, message):
        self._count.append(message)
        if not self._over.is_set():
            self.tell(self._other, message)


@pytest.fixture(params=KINDS)
def world(request):
    world = World(request.param)
    yield world
    world.close()


@pytest.mark.parametrize("chat", [("a", "b"), ("a", "a")], ids=["pair", "alone"])
def test_actors_that_keep_each_other_busy_starve_nobody(world, chat):
    over, heard = threading.Event(), list[int]()
    counts = {address: list[int]() for address in "ab"}
    for here, there in (chat, chat[::-1]):
        world.spawn(here, Chatter, there, counts[here], over)
    world.spawn("third", Listener, heard)
    world.runtime.tell("a", 0)
    world.until(lambda: len(counts["a"]) > TURN)
    for number in range(3):
        world.runtime.tell("third", number)
        world.until(lambda number=number: heard == [*range(number + 1)], PATIENCE_S)
    busy = len(counts["a"])
    world.until(lambda: len(counts["a"]) > busy, PATIENCE_S)
    over.set()


def test_on_one_worker_a_turn_is_bounded():
    """Who floods itself gets at most a turn's messages between two of somebody else's."""
    world = World("pool", workers=1)
    order, over = list[str](), threading.Event()

    class Noting(Actor):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def on_receive(self, message):
            order.append(self.name)
            if len(order) >= 20 * TURN:
                over.set()
            else:
                self.tell(self.name, message)

    for name in ("loud", "quiet"):
        world.spawn(name, Noting, name)
    for _ in range(5 * TURN):
        world.runtime.tell("loud", "more")
    world.runtime.tell("quiet", "one")
    assert over.wait(PATIENCE_S)
    world.close()
    heard = "".join(name[0] for name in order)
    gaps = heard[heard.index("q") :].split("q")[1:-1]
    assert gaps
    assert max(map(len, gaps)) <= TURN


def test_the_background_gets_one_message_in_some_turns_and_all_of_it_when_others_rest():
    world = World("pool", workers=1)
    order, begin, over = list[str](), threading.Event(), threading.Event()

    class Holding(Actor):
        def on_receive(self, message):
            begin.wait(PATIENCE_S)

    class Noting(Actor):
        def on_receive(self, message):
            order.append(message)
            if message == "busy" and len(order) < 20 * LATER_EACH * TURN:
                self.tell("busy", message)
            elif message == "patient" and order.count(message) == 100:
                over.set()

    world.spawn("holding", Holding)
    world.spawn("busy", Noting)
    world.spawn("patient", Noting, dispatcher="background")
    world.runtime.tell("holding", "until all is there")
    for _ in range(100):
        world.runtime.tell("patient", "patient")
    for _ in range(3 * TURN):
        world.runtime.tell("busy", "busy")
    begin.set()
    assert over.wait(PATIENCE_S)
    world.close()
    heard = "".join(name[0] for name in order)
    while_busy = heard[: heard.rindex("b")]
    first, *gaps = while_busy[while_busy.index("b") :].split("p")
    assert len(gaps) > 10
    assert len(first) <= 2 * LATER_EACH * TURN  # Its start took a turn as well.
    assert {len(gap) for gap in gaps[:-1]} == {(LATER_EACH - 1) * TURN}
    assert heard.endswith("p" * (100 - heard[: len(while_busy)].count("p") - 1))


def test_two_that_wait_for_one_another_are_both_stepped():
    """A pool of two has two at work when there is work for two that gives the interpreter away."""
    world, together, met = World("pool", workers=2), threading.Barrier(2), list[str]()

    class Meeting(Actor):
        def on_receive(self, message):
            together.wait(PATIENCE_S)
            met.append(message)

    for name in "ab":
        world.spawn(name, Meeting)
    for number in range(20):
        for name in "ab":
            world.runtime.tell(name, f"{name}{number}")
    world.until(lambda: len(met) == 40, PATIENCE_S)
    world.close()
    assert sorted(met) == sorted(f"{name}{number}" for name in "ab" for number in range(20))


@pytest.mark.parametrize("senders", [1, 3])
def test_however_sends_and_rests_fall_no_message_is_left_lying(senders):
    """An actor falls asleep just as mail comes: a mailbox it forgets would stay full for ever."""
    world, heard = World("pool"), list[tuple[int, int]]()
    world.spawn("sink", Listener, heard)
    count = 600

    def send(sender):
        for number in range(count):
            world.runtime.tell("sink", (sender, number))
            if number % 3 == 0:
                # Let it empty its mailbox, which is when it may fall asleep.
                while world.runtime.mailboxes["sink"].data:
                    pass

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.until(lambda: len(heard) == senders * count, PATIENCE_S)
    world.close()
    for sender in range(senders):
        assert [number for who, number in heard if who == sender] == list(range(count))
