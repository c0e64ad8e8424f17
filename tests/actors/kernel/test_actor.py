"""The promise: every way to die is noticed, contained and leaves the mailbox whole."""

import traceback
from typing import ClassVar

import pytest
from msgspec import Struct
from pykka import ActorDeadError

from actors.kernel import Actor, Exited, ExitKind, Shutdown, Started, StartFailed
from actors.kernel.actor import death_told
from actors.kernel.dead_letters import Undelivered
from tests.actors.kernel.worlds import Listener


class Fragile(Actor):
    """Dies of whatever it is handed."""

    def __init__(self, heard, at_start=None):
        super().__init__()
        self.heard = heard
        self.at_start = at_start

    def on_start(self):
        if self.at_start is not None:
            raise self.at_start

    def on_stop(self):
        self.heard.append("stopped")

    def on_receive(self, message):
        if isinstance(message, BaseException):
            raise message
        if message == "stop yourself":
            self.stop()
        self.heard.append(message)
        return message


@pytest.fixture
def notices(world):
    heard = []
    world.spawn("parent", Listener, heard)
    return heard


DEATHS = [ValueError("x"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), RecursionError()]


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: type(death).__name__)
def test_any_exception_ends_one_incarnation_and_nobody_else(world, notices, death):
    heard = []
    world.spawn("bystander", Fragile, heard)
    world.spawn("child", Fragile, heard, parent="parent")
    world.runtime.tell("child", death)
    world.runtime.tell("child", "behind the crash")
    world.until(lambda: len(notices) == 2)
    started, exited = notices
    assert started == Started(child="child", incarnation=1)
    assert (exited.child, exited.kind, exited.started) == ("child", ExitKind.ERROR, True)
    assert type(death).__name__ in exited.reason
    assert "on_receive" in exited.traceback
    [poison] = world.runtime.quarantine.kept()
    assert poison.message is death
    world.spawn("child", Fragile, heard, parent="parent")
    world.runtime.tell("bystander", "hello")
    world.until(lambda: set(heard) == {"behind the crash", "hello"})


def caused():
    try:
        int("nobody")
    except ValueError as error:
        raise TypeError("nobody knows it") from error


def grouped():
    raise ExceptionGroup("two at once", [ValueError("one"), TypeError("two")])


def noted():
    error = ValueError("two\nlines")
    error.add_note("seen before")
    raise error


@pytest.mark.parametrize("dies", [caused, grouped, noted])
def test_a_death_is_told_as_python_tells_it_but_for_the_marks_beneath_the_lines(dies):
    with pytest.raises(Exception) as caught:  # noqa: PT011 (any of them)
        dies()
    death = caught.value
    lines = "".join(traceback.format_exception(death)).splitlines()
    bare = [line for line in lines if set(line.strip(" |+")) - set("^~-")]
    told = death_told(death, death.__traceback__).splitlines()
    assert [line for line in told if set(line.strip(" |+")) - set("^~-")] == bare


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: type(death).__name__)
def test_dying_in_on_start_is_noticed_and_blames_no_message(world, notices, death):
    world.runtime.open("child")
    world.runtime.tell("child", "waits")
    world.spawn("child", Fragile, [], death, parent="parent")
    world.until(lambda: notices)
    assert (notices[0].kind, notices[0].started) == (ExitKind.ERROR, False)
    assert world.runtime.quarantine.kept() == []
    assert len(world.runtime.mailboxes["child"].data) == 1


def test_init_runs_in_the_starter_and_its_failure_is_raised_there(world):
    class Unborn(Actor):
        def __init__(self):
            raise SystemExit("no")

    with pytest.raises(StartFailed, match="SystemExit: no"):
        world.spawn("child", Unborn)
    heard = []
    world.spawn("child", Fragile, heard)
    world.runtime.tell("child", "alive")
    world.until(lambda: heard == ["alive"])


def test_an_asker_gets_the_error_and_the_actor_dies_all_the_same(world, notices):
    world.spawn("child", Fragile, [], parent="parent")
    assert world.runtime.ask("child", "fine", timeout_s=10) == "fine"
    with pytest.raises(ValueError, match="asked"):
        world.runtime.ask("child", ValueError("asked"), timeout_s=10)
    world.until(lambda: len(notices) == 2)
    assert notices[1].kind is ExitKind.ERROR


def test_a_question_queued_behind_a_crash_is_answered_by_the_next_incarnation(world):
    heard = []
    world.spawn("child", Fragile, heard)
    world.runtime.tell("child", ValueError("x"))
    future = world.runtime.ask_later("child", "still there?")
    world.until(lambda: world.runtime.mailboxes["child"].inbox is None)
    world.spawn("child", Fragile, heard)
    world.until(lambda: heard == ["still there?"])
    assert future.get(timeout=10) == "still there?"


def test_shutdown_overtakes_data_and_leaves_it_for_the_next_incarnation(world, notices):
    heard = []
    world.runtime.open("child")
    world.runtime.tell("child", "data")
    world.runtime.tell("child", Shutdown(), control=True)
    world.spawn("child", Fragile, heard, parent="parent")
    world.until(lambda: len(notices) == 2)
    assert notices[1] == Exited(
        child="child", incarnation=1, kind=ExitKind.SHUTDOWN, reason="", started=True
    )
    assert heard == ["stopped"]
    world.spawn("child", Fragile, heard)
    world.until(lambda: heard == ["stopped", "data"])


def test_an_actor_that_stops_itself_ends_normally(world, notices):
    heard = []
    world.spawn("child", Fragile, heard, parent="parent")
    world.runtime.tell("child", "stop yourself")
    world.until(lambda: len(notices) == 2)
    assert notices[1].kind is ExitKind.NORMAL
    assert heard == ["stop yourself", "stopped"]


def test_an_error_in_on_stop_is_an_error_and_still_the_end(world, notices):
    class Clumsy(Actor):
        def on_stop(self):
            raise SystemExit("in on_stop")

    world.spawn("child", Clumsy, parent="parent")
    world.runtime.tell("child", Shutdown(), control=True)
    world.until(lambda: len(notices) == 2)
    assert notices[1].kind is ExitKind.ERROR


def test_a_child_may_decline_to_run(world, notices):
    class Idle(Actor):
        def on_start(self):
            self.decline("nothing to do")

    world.spawn("child", Idle, parent="parent")
    world.until(lambda: len(notices) == 2)
    assert notices[0] == Started(
        child="child", incarnation=1, disabled=True, reason="nothing to do"
    )
    assert notices[1].kind is ExitKind.NORMAL


def test_what_a_fenced_incarnation_sends_is_refused(world):
    class Slow(Actor):
        def on_receive(self, message):
            self._runtime.fence(self.address)
            assert not self.tell("parent", "from a ghost")

    heard = []
    world.spawn("parent", Listener, heard)
    world.spawn("child", Slow)
    world.runtime.tell("child", "go")
    counts = world.runtime.dead_letters.counts
    world.until(lambda: counts() == {Undelivered.FENCED: 1})
    assert heard == []


def test_fencing_an_address_fences_what_lives_below_and_nobody_beside(world):
    for address in ("a", "a/b", "a/b/c", "ab"):
        world.spawn(address, Fragile, [])
    assert world.runtime.fence("a") == ["a", "a/b", "a/b/c"]
    assert world.runtime.mailboxes["ab"].inbox is not None


def test_mail_to_an_address_nobody_opened_is_counted(world):
    assert not world.runtime.tell("nobody", "hello")
    assert world.runtime.dead_letters.counts() == {Undelivered.ABSENT: 1}


def test_watching_tells_of_restarts_and_of_the_end_in_either_order(world):
    heard = []

    class Watcher(Listener):
        def on_start(self):
            self.watch("child")
            self.watch("closed")

    world.spawn("child", Fragile, [])
    world.runtime.open("closed")
    world.runtime.close("closed")
    world.spawn("watcher", Watcher, heard)
    world.until(lambda: len(heard) == 1)
    world.spawn("child", Fragile, [])
    world.until(lambda: len(heard) == 2)
    world.runtime.close("child")
    world.until(lambda: len(heard) == 3)
    assert [type(one).__name__ for one in heard] == ["Terminated", "Restarted", "Terminated"]
    assert [one.address for one in heard] == ["closed", "child", "child"]


def test_a_timer_dies_with_its_incarnation(world):
    class Sleeper(Listener):
        def on_start(self):
            self.after(0.02, f"from life {self.incarnation}")
            if self.incarnation == 2:
                self.after(0.01, "cancelled").cancel()

    heard = []
    world.spawn("child", Sleeper, heard)
    world.until(lambda: world.runtime.mailboxes["child"].inbox.started)
    world.spawn("child", Sleeper, heard)
    world.until(lambda: heard)
    assert heard == ["from life 2"]


def test_published_messages_reach_who_subscribed_by_type_and_pair(world):
    class Fact(Struct, frozen=True):
        pair: str

    class Subscriber(Listener):
        pairs: ClassVar = {"one": "BTC_USDT", "all": None}

        def on_start(self):
            self.subscribe(Fact, self.pairs[self.address])
            self.subscribe(Fact, self.pairs[self.address])

    one, everything = [], []
    world.spawn("one", Subscriber, one)
    world.spawn("all", Subscriber, everything)
    world.until(lambda: len(world.runtime.bus.listeners(Fact, "BTC_USDT")) == 2)
    world.runtime.publish(Fact("BTC_USDT"))
    world.runtime.publish(Fact("ETH_USDT"))
    world.until(lambda: len(everything) == 2 and one)
    assert one == [Fact("BTC_USDT")]
    world.runtime.close("all")
    assert world.runtime.bus.listeners(Fact, "ETH_USDT") == ()


def test_chance_and_ids_differ_between_incarnations_and_repeat_between_runs(world):
    class Dreamer(Actor):
        def on_receive(self, message):
            return (self.random.random(), self.next_id())

    first = world.spawn("child", Dreamer)
    dream = world.runtime.ask("child", "dream", timeout_s=10)
    world.spawn("child", Dreamer)
    assert world.runtime.ask("child", "dream", timeout_s=10) != dream
    again = type(world)(world.kind)
    assert again.spawn("child", Dreamer) == first
    assert again.runtime.ask("child", "dream", timeout_s=10) == dream
    again.close()


def test_waiting_inside_a_handler_is_refused_and_names_the_actor(world):
    class Impatient(Actor):
        def on_receive(self, message):
            return self._runtime.ask_later("parent", "answer me").get(timeout=1)

    world.spawn("impatient", Impatient)
    with pytest.raises(Exception, match="impatient waits for an answer inside a handler"):
        world.runtime.ask("impatient", "go", timeout_s=10)


def test_an_actor_cannot_be_started_without_a_runtime():
    with pytest.raises((TypeError, AttributeError)):
        Fragile.start([])


def test_nobody_waits_for_ever_for_an_address_that_closes(world):
    world.runtime.open("empty")
    future = world.runtime.ask_later("empty", "anybody?")
    world.runtime.close("empty")
    with pytest.raises(ActorDeadError):
        future.get(timeout=1)


def test_the_census_tells_what_each_address_is_doing(world):
    heard = []
    world.spawn("child", Fragile, heard)
    world.runtime.open("empty")
    world.runtime.tell("empty", "waits")
    world.runtime.tell("child", "hello")
    world.until(lambda: heard)
    counts = {count.address: count for count in world.runtime.census()}
    assert (counts["child"].kind, counts["child"].alive, counts["child"].handled) == (
        "Fragile",
        True,
        1,
    )
    assert (counts["empty"].alive, counts["empty"].data) == (False, 1)
