"""The actor machine beside stock pykka: hops, pipelines, restarts, control under load, memory."""

import gc
import threading
import time
from collections import Counter
from typing import Any

import psutil
import pykka

from actors.kernel import Actor, Birthright, LanePolicy
from actors.kernel.live import LiveRuntime
from actors.kernel.virtual import Policy, VirtualRuntime
from adapters.clock import SystemClock
from scripts.benchmarks.figures import Figure, in_turn, median_of, percentile
from supervisor.child_spec import SupervisorSpec, worker
from supervisor.supervisor import Supervisor

PINGS = 50_000
TELLS = 100_000
EVENTS = 1_500
EVENT_EVERY_S = 0.001
QUEUED = 10_000
HANDLER_S = 20e-6
RESTARTS = 200
CROWD = 5_000
SENDERS = 4
PER_SENDER = 60_000
CRASH_EVERY = 400
_EMPTY = Birthright(make=Actor, snapshot_every_s=None)


def measure() -> list[Figure]:
    """Measure everything; about a minute."""
    return [
        *_ping_pong(),
        _tells(),
        *_pipeline(),
        _restart(),
        _control_behind_updates(),
        *_crowd(),
        *_exactly_once(),
    ]


class _Pinger(Actor):
    def __init__(self, other: str, done: threading.Event) -> None:
        super().__init__()
        self._other = other
        self._done = done

    def on_receive(self, message: int) -> None:
        if message:
            self.tell(self._other, message - 1)
        else:
            self._done.set()


class _StockPinger(pykka.ThreadingActor):
    use_daemon_thread = True
    other: "pykka.ActorRef[_StockPinger]"

    def __init__(self, done: threading.Event) -> None:
        super().__init__()
        self._done = done

    def on_receive(self, message: Any) -> None:
        if isinstance(message, pykka.ActorRef):
            self.other = message
        elif message:
            self.other.tell(message - 1)
        else:
            self._done.set()


def _ping_pong() -> list[Figure]:
    def live(dispatcher: str) -> float:
        runtime, done = LiveRuntime(SystemClock()), threading.Event()
        for here, there in (("a", "b"), ("b", "a")):
            birth = Birthright(make=_Pinger, args=(there, done), dispatcher=dispatcher)
            runtime.spawn(here, birth, parent=None)
        began = time.perf_counter()
        runtime.tell("a", PINGS)
        done.wait()
        took = time.perf_counter() - began
        runtime.close()
        return PINGS / took

    def virtual() -> float:
        runtime, done = VirtualRuntime(policy=Policy.FIFO, traced=False), threading.Event()
        for here, there in (("a", "b"), ("b", "a")):
            runtime.spawn(here, Birthright(make=_Pinger, args=(there, done)), parent=None)
        runtime.settle()
        began = time.perf_counter()
        runtime.tell("a", PINGS)
        runtime.settle()
        return PINGS / (time.perf_counter() - began)

    def stock() -> float:
        done = threading.Event()
        first, second = _StockPinger.start(done), _StockPinger.start(done)
        first.tell(second)
        second.tell(first)
        began = time.perf_counter()
        first.tell(PINGS // 4)
        done.wait()
        took = time.perf_counter() - began
        first.stop()
        second.stop()
        return PINGS // 4 / took

    pool, peer = in_turn(5, lambda: live("pool"), stock)
    own, peer_own = in_turn(3, lambda: live("thread"), stock)
    sim, peer_sim = in_turn(5, virtual, stock)
    traced = median_of(3, _traced_messages)
    return [
        Figure("ping-pong, pool", pool, "/s", peer, ">= 4x stock", pool >= 4 * peer),
        Figure("ping-pong, own threads", own, "/s", peer_own),
        Figure("ping-pong, virtual", sim, "/s", peer_sim, ">= 4x stock", sim >= 4 * peer_sim),
        Figure("virtual, random schedule, fingerprint", traced, "messages/s"),
    ]


def _traced_messages() -> float:
    runtime, done = VirtualRuntime(policy=Policy.RANDOM), threading.Event()
    for here, there in (("a", "b"), ("b", "a")):
        runtime.spawn(here, Birthright(make=_Pinger, args=(there, done)), parent=None)
    runtime.tell("a", PINGS)
    began = time.perf_counter()
    runtime.settle()
    return PINGS / (time.perf_counter() - began)


class _Counter(Actor):
    def __init__(self, until: int, done: threading.Event) -> None:
        super().__init__()
        self._left = until
        self._done = done

    def on_receive(self, message: object) -> None:
        self._left -= 1
        if not self._left:
            self._done.set()


class _StockCounter(pykka.ThreadingActor):
    use_daemon_thread = True

    def __init__(self, until: int, done: threading.Event) -> None:
        super().__init__()
        self._left = until
        self._done = done

    def on_receive(self, message: object) -> None:
        self._left -= 1
        if not self._left:
            self._done.set()


def _tells() -> Figure:
    def ours() -> float:
        runtime, done = LiveRuntime(SystemClock()), threading.Event()
        runtime.open("sink", data=LanePolicy(limit=TELLS))
        runtime.spawn("sink", Birthright(make=_Counter, args=(TELLS, done)), parent=None)
        began = time.perf_counter()
        for number in range(TELLS):
            runtime.tell("sink", number)
        done.wait()
        took = time.perf_counter() - began
        runtime.close()
        return TELLS / took

    def stock() -> float:
        done = threading.Event()
        sink = _StockCounter.start(TELLS, done)
        began = time.perf_counter()
        for number in range(TELLS):
            sink.tell(number)
        done.wait()
        took = time.perf_counter() - began
        sink.stop()
        return TELLS / took

    return Figure("tell, one to one", *_spread(in_turn(5, ours, stock)))


def _spread(pair: tuple[float, float]) -> tuple[float, str, float]:
    return pair[0], "/s", pair[1]


class _Stage(Actor):
    def __init__(self, onward: str) -> None:
        super().__init__()
        self._onward = onward

    def on_receive(self, message: float) -> None:
        self.tell(self._onward, message)


class _LastStage(Actor):
    def __init__(self, took: list[float]) -> None:
        super().__init__()
        self._took = took

    def on_receive(self, message: float) -> None:
        self._took.append(time.perf_counter() - message)


class _StockStage(pykka.ThreadingActor):
    use_daemon_thread = True

    def __init__(self, onward: "pykka.ActorRef[Any] | None", took: list[float]) -> None:
        super().__init__()
        self._onward = onward
        self._took = took

    def on_receive(self, message: float) -> None:
        if self._onward is None:
            self._took.append(time.perf_counter() - message)
        else:
            self._onward.tell(message)


def _pipeline() -> list[Figure]:
    def feed(tell: Any, took: list[float]) -> list[float]:
        due = time.perf_counter()
        for _ in range(EVENTS):
            due += EVENT_EVERY_S
            time.sleep(max(0.0, due - time.perf_counter()))
            tell(time.perf_counter())
        while len(took) < EVENTS:
            time.sleep(0.01)
        return took

    def ours() -> list[float]:
        runtime, took = LiveRuntime(SystemClock()), list[float]()
        runtime.spawn("5", Birthright(make=_LastStage, args=(took,)), parent=None)
        for stage in range(4, 0, -1):
            birth = Birthright(make=_Stage, args=(str(stage + 1),))
            runtime.spawn(str(stage), birth, parent=None)
        feed(lambda at: runtime.tell("1", at), took)
        runtime.close()
        return took

    def stock() -> list[float]:
        took: list[float] = []
        onward: pykka.ActorRef[Any] | None = None
        stages = []
        for _ in range(5):
            onward = _StockStage.start(onward, took)
            stages.append(onward)
        assert onward is not None
        feed(onward.tell, took)
        for stage in stages:
            stage.stop()
        return took

    ours_us, stock_us = [], []
    for _ in range(3):
        ours_us += [at * 1e6 for at in ours()]
        stock_us += [at * 1e6 for at in stock()]
    p50, peer50 = percentile(ours_us, 0.5), percentile(stock_us, 0.5)
    p99, peer99 = percentile(ours_us, 0.99), percentile(stock_us, 0.99)
    return [
        Figure("five-stage pipeline p50", p50, "us", peer50, "<= half of stock", p50 <= peer50 / 2),
        Figure("five-stage pipeline p99", p99, "us", peer99),
    ]


class _Fragile(Actor):
    def __init__(self, born: list[float], alive: threading.Event) -> None:
        super().__init__()
        self._born = born
        self._alive = alive

    def on_start(self) -> None:
        self._born.append(time.perf_counter())
        self._alive.set()

    def on_receive(self, message: object) -> None:
        raise ValueError(message)


def _restart() -> Figure:
    runtime, born, alive = LiveRuntime(SystemClock()), list[float](), threading.Event()
    child = worker("fragile", _Fragile, born, alive, snapshot_every_s=None)
    spec = SupervisorSpec(intensity=10 * RESTARTS, period_s=60, children=(child,))
    root = Birthright(make=Supervisor, args=(spec, ""), snapshot_every_s=None)
    runtime.spawn("root", root, parent=None)
    alive.wait()
    took = []
    for number in range(RESTARTS):
        alive.clear()
        time.sleep(0.002)  # Idle: what is measured is a crash in a quiet house.
        began = time.perf_counter()
        runtime.tell("fragile", number)
        alive.wait()
        took.append((born[-1] - began) * 1e3)
    runtime.close()
    p50 = percentile(took, 0.5)
    note = f"p99 {percentile(took, 0.99):.2f} ms over {RESTARTS} restarts by a supervisor"
    return Figure("crash to restart p50", p50, "ms", None, "<= 1 ms", p50 <= 1, note)


class _Busy(Actor):
    def __init__(self, heard: list[float], alarm: threading.Event) -> None:
        super().__init__()
        self._heard = heard
        self._alarm = alarm

    def on_receive(self, message: object) -> None:
        if message == "stop":
            self._heard.append(time.perf_counter())
            self._alarm.set()
            return
        until = time.perf_counter() + HANDLER_S
        while time.perf_counter() < until:
            pass


class _StockBusy(pykka.ThreadingActor):
    use_daemon_thread = True

    def __init__(self, heard: list[float], alarm: threading.Event) -> None:
        super().__init__()
        self._heard = heard
        self._alarm = alarm

    def on_receive(self, message: object) -> None:
        _Busy.on_receive(self, message)  # type: ignore[arg-type]


def _control_behind_updates() -> Figure:
    def ours() -> float:
        runtime, heard, alarm = LiveRuntime(SystemClock()), list[float](), threading.Event()
        runtime.open("busy", data=LanePolicy(limit=2 * QUEUED))
        runtime.spawn("busy", Birthright(make=_Busy, args=(heard, alarm)), parent=None)
        for number in range(QUEUED):
            runtime.tell("busy", number)
        began = time.perf_counter()
        runtime.tell("busy", "stop", control=True)
        alarm.wait()
        runtime.close()
        return (heard[0] - began) * 1e3

    def stock() -> float:
        heard, alarm = list[float](), threading.Event()
        busy = _StockBusy.start(heard, alarm)
        for number in range(QUEUED):
            busy.tell(number)
        began = time.perf_counter()
        busy.tell("stop")
        alarm.wait()
        busy.stop()
        return (heard[0] - began) * 1e3

    took, peer = in_turn(7, ours, stock)
    name = f"control behind {QUEUED:,} updates"
    return Figure(name, took, "ms", peer, "<= 1 ms", took <= 1)


def _crowd() -> list[Figure]:
    gc.collect()
    process = psutil.Process()
    runtime = LiveRuntime(SystemClock())
    runtime.spawn("first", _EMPTY, parent=None)
    before, threads = process.memory_info().rss, process.num_threads()
    began = time.perf_counter()
    for number in range(CROWD):
        runtime.spawn(f"crowd/{number}", _EMPTY, parent=None)
    took_us = (time.perf_counter() - began) / CROWD * 1e6
    used = (process.memory_info().rss - before) / 2**20
    more = process.num_threads() - threads
    runtime.close()
    name = f"{CROWD:,} idle actors"
    return [
        Figure(f"{name}, memory", used, "MB", None, "<= 100 MB", used <= 100),
        Figure(f"{name}, extra threads", more, "", None, "0", more <= 0),
        Figure("start of an actor", took_us, "us"),
    ]


class _Heard(Actor):
    """Remembers outside of itself what it heard, and dies of every so many messages."""

    def __init__(self, heard: list[tuple[int, int]], died: list[tuple[int, int]]) -> None:
        super().__init__()
        self._heard = heard
        self._died = died

    def on_receive(self, message: tuple[int, int]) -> None:
        if message[1] % CRASH_EVERY == CRASH_EVERY - 1:
            self._died.append(message)
            raise ValueError("planned")
        self._heard.append(message)


def _exactly_once() -> list[Figure]:
    heard, died = list[tuple[int, int]](), list[tuple[int, int]]()
    runtime = LiveRuntime(SystemClock())
    child = worker(
        "sink",
        _Heard,
        heard,
        died,
        data=LanePolicy(limit=SENDERS * PER_SENDER),
        snapshot_every_s=None,
    )
    spec = SupervisorSpec(intensity=SENDERS * PER_SENDER, period_s=60, children=(child,))
    root = Birthright(make=Supervisor, args=(spec, ""), snapshot_every_s=None)
    runtime.spawn("root", root, parent=None)
    while "sink" not in runtime.mailboxes:
        time.sleep(0.001)

    def send(sender: int) -> None:
        for number in range(PER_SENDER):
            runtime.tell("sink", (sender, number))

    senders = [threading.Thread(target=send, args=(number,)) for number in range(SENDERS)]
    began = time.perf_counter()
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    total = SENDERS * PER_SENDER
    while len(heard) + len(died) < total and time.perf_counter() - began < 60:
        time.sleep(0.01)
    took = time.perf_counter() - began
    runtime.close()
    counts = Counter(heard + died)
    lost, doubled = total - len(counts), sum(counts.values()) - len(counts)
    reordered = _reordered(heard)
    note = f"{len(died)} crashes among {total:,} messages of {SENDERS} threads"
    wrong = lost + doubled + reordered
    return [
        Figure("lost, doubled or reordered", wrong, "messages", None, "0", wrong == 0, note),
        Figure("throughput with those crashes", total / took, "/s"),
    ]


def _reordered(heard: list[tuple[int, int]]) -> int:
    last: dict[int, int] = {}
    wrong = 0
    for sender, number in heard:
        wrong += number <= last.get(sender, -1)
        last[sender] = number
    return wrong
