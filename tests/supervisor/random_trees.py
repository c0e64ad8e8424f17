"""Random trees, random trouble, and what must hold all the same.

A seed makes a tree of two or three levels, then a list of moves: crashes, ends, cut-offs, failing
starts, deaf children, requests, mail, time. `Run.check` says what must hold, and when.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from random import Random
from typing import Any

from msgspec import Struct

from actors.kernel import Actor, Birthright, ChildReport
from actors.kernel.virtual import Policy, VirtualRuntime
from supervisor.backoff import Backoff
from supervisor.child_spec import (
    BRUTAL,
    INFINITY,
    AutoShutdown,
    Boot,
    ChildSpec,
    Restart,
    Strategy,
    SupervisorSpec,
)
from supervisor.management import (
    CycleChild,
    DeleteChild,
    Managed,
    Request,
    RestartChild,
    StartChild,
    TerminateChild,
)
from tests.supervisor.worlds import Recorded, World, virtual_world

UP = {"starting", "running", "stopping"}
MOVES = 30


class Note(Struct, frozen=True):
    """A piece of mail that is followed: the `number`th that this life of `sender` sent to `to`."""

    sender: str
    life: int
    to: str
    number: int


class Gossip(Struct, frozen=True):
    """Send notes to these."""

    to: tuple[str, ...]


class Talker(Recorded):
    """A recorded worker that sends notes, and remembers those it gets in its run."""

    def __init__(self, world: World, id_: str) -> None:
        super().__init__(world, id_)
        self.sent: Counter[str] = Counter()
        self.run: Run = world.run  # type: ignore[attr-defined]
        self.run.lives.append(self)

    def on_receive(self, message: Any) -> Any:
        match message:
            case Note():
                self.run.receive(self, message)
            case Gossip():
                for to in message.to:
                    self.send_note(to)
            case _:
                return super().on_receive(message)
        return None

    def send_note(self, to: str) -> bool:
        self.sent[to] += 1
        note = Note(self.address, self.incarnation, to, self.sent[to])
        self.run.notes_sent.add(note)
        return self.tell(to, note)


class Clerk(Actor):
    """Keeps every report that supervisors publish, in order."""

    def __init__(self, run: "Run") -> None:
        super().__init__()
        self.run = run

    def on_start(self) -> None:
        self.subscribe(ChildReport)

    def on_receive(self, message: Any) -> None:
        self.run.file(message)


@dataclass
class Family:
    """What the reports of one supervisor have told so far."""

    spec: SupervisorSpec
    order: list[str]
    states: dict[str, str]
    restarts: dict[str, int]
    restarted_ns: list[int]


class Run:
    """One seed: its tree, its moves and its checks."""

    def __init__(self, seed: int, policy: Policy) -> None:
        self.chance = Random(f"tree:{policy}:{seed}")
        self.world = virtual_world(seed, policy)
        self.world.run = self  # type: ignore[attr-defined]
        runtime = self.world.runtime
        assert isinstance(runtime, VirtualRuntime)
        self.runtime = runtime
        self.specs: dict[str, SupervisorSpec] = {}
        """Of every static supervisor, by path."""
        self.workers: list[str] = []
        self.lives: list[Talker] = []
        self.notes_sent: set[Note] = set()
        self.notes_got: list[tuple[int, Note]] = []
        self.by_hand: set[str] = set()
        """Addresses about which a request was sent in this run."""
        self.asked: dict[str, Request] = {}
        self.families: dict[str, Family] = {}
        self.trace: list[tuple[str, str, int]] = []
        self.added = 0
        self.crude = False
        """Whether anybody was cut off, whose unanswered requests are lost with him."""

    # The tree.

    def plant(self) -> None:
        """Make a tree and bring it to life."""
        runtime = self.runtime
        runtime.spawn("clerk", Birthright(make=Clerk, args=(self,)), parent=None)
        runtime.settle()
        spec = self._rules("top", depth=self.chance.choice((1, 2)))
        self.world.begin(*spec.children, **_fields(spec))

    def _rules(self, path: str, depth: int) -> SupervisorSpec:
        chance = self.chance
        auto_shutdown = chance.choice((AutoShutdown.NEVER,) * 4 + tuple(AutoShutdown))
        strategy = chance.choice(list(Strategy))
        template = None
        children: tuple[ChildSpec, ...] = ()
        if path != "top" and chance.random() < 0.2:
            auto_shutdown, strategy = AutoShutdown.NEVER, Strategy.ONE_FOR_ONE
            kind, stop_s = chance.choice(list(Restart)), chance.choice((BRUTAL, 0.5))

            def template(id_: str) -> ChildSpec:
                name = f"{path}/{id_}"
                return self.world.child(id_, Talker, name=name, restart=kind, stop_s=stop_s)

        else:
            ids = chance.sample("abcdefgh", chance.randint(1, 4))
            children = tuple(self._child(path, id_, depth, auto_shutdown) for id_ in ids)
            if path == "top":
                children += (self._child(path, "z", 0, auto_shutdown),)
        rules = SupervisorSpec(
            strategy=strategy,
            intensity=20 if path == "top" else chance.choice((0, 1, 3, 3, 10, 10)),
            period_s=chance.choice((0.5, 5.0, 60.0)),
            children=children,
            template=template,
            auto_shutdown=auto_shutdown,
            boot=chance.choice(list(Boot)),
        )
        self.specs[path] = rules
        return rules

    def _child(self, above: str, id_: str, depth: int, auto: AutoShutdown) -> ChildSpec:
        chance, path = self.chance, f"{above}/{id_}"
        restart = chance.choice((Restart.PERMANENT,) * 3 + tuple(Restart))
        settings: dict[str, Any] = {"restart": restart}
        if auto is not AutoShutdown.NEVER and restart is not Restart.PERMANENT:
            settings["significant"] = chance.random() < 0.5
        if chance.random() < 0.3:
            settings["backoff"] = Backoff(min_s=0.05, max_s=0.5)
        if depth and chance.random() < 0.5:
            if chance.random() < 0.2:
                settings["stop_s"] = chance.choice((BRUTAL, 0.3))
                self.crude = True
            rules = self._rules(path, depth - 1)
            return self.world.sub(id_, *rules.children, as_child=settings, **_fields(rules))
        self.workers.append(path)
        settings["stop_s"] = chance.choice((BRUTAL, 0.2, 0.2, INFINITY))
        return self.world.child(id_, Talker, name=path, **settings)

    # The moves.

    def play(self) -> None:
        """Boot, make trouble, stop making it, and see that all is well; then end."""
        for _ in range(self.chance.randint(0, 40)):
            self.runtime.step()
        for _ in range(MOVES):
            self._move()
            if self.chance.random() < 0.5:
                self.runtime.settle()
                self._check_rest()
            else:
                for _ in range(self.chance.randint(0, 12)):
                    self.runtime.step()
        self._calm()

    def _move(self) -> None:
        chance, world = self.chance, self.world
        worker, sup = chance.choice(self.workers), chance.choice([*self.specs])
        below = worker.removeprefix("top/")
        script = world.script(worker)
        match chance.choice(_MOVES):
            case "crash":
                world.crash(*(below,) * chance.randint(1, 2))
            case "crash several":
                for path in chance.sample(self.workers, min(len(self.workers), 3)):
                    world.crash(path.removeprefix("top/"))
            case "leave":
                world.leave(below)
            case "end":
                world.end(below)
            case "cut off":
                path = chance.choice([worker, sup])
                if path != "top" and path in self.runtime.mailboxes:
                    self.crude = True
                    world.kill(path.removeprefix("top/"))
            case "start badly":
                kinds = ("fail", "fail", "unborn", "quit", "decline")
                script.starts.extend(chance.choices(kinds, k=chance.randint(1, 3)))
            case "stop badly":
                # Never deaf without end: whoever may take for ever must come to an end.
                deaf = () if self._patient(worker) else ("deaf",)
                script.when_asked_to_stop = chance.choice(("well", "leave", "spiteful", *deaf))
            case "request":
                self._request(sup)
            case "gossip":
                to = tuple(chance.choices(self.workers, k=chance.randint(1, 5)))
                world.tell(below, Gossip(to))
            case "ghost":
                self._ghost(worker)
            case _:  # time
                self.runtime.run(for_s=chance.choice((0.05, 0.3, 2.0, 10.0)))
                self._check_rest()

    def _patient(self, path: str) -> bool:
        above, _, id_ = path.rpartition("/")
        rules = self.specs.get(above)
        return rules is None or any(
            child.id == id_ and child.stop_s == INFINITY for child in rules.children
        )

    def _request(self, sup: str) -> None:
        chance, rules = self.chance, self.specs[sup]
        request: Request
        if rules.template is not None and chance.random() < 0.6:
            self.added += 1
            request = StartChild(args=(f"n{self.added}",))
            self.workers.append(f"{sup}/n{self.added}")
            self.by_hand.add(f"{sup}/n{self.added}")
        else:
            ids = [child.id for child in rules.children]
            added = [
                path.rpartition("/")[2] for path in self.workers if path.startswith(f"{sup}/n")
            ]
            id_ = chance.choice([*ids, *added, "nobody"])
            kind = chance.choice(
                (
                    TerminateChild,
                    TerminateChild,
                    RestartChild,
                    RestartChild,
                    CycleChild,
                    DeleteChild,
                )
            )
            request = kind(id=id_)
            self.by_hand.add(f"{sup}/{id_}")
        if sup in self.runtime.mailboxes:
            self.asked[self.world.send(request, to=sup)] = request

    def _ghost(self, to: str) -> None:
        """Have a life that was cut off or followed by another try to speak."""
        former = [life for life in self.lives if life.fenced]
        if former:
            ghost = self.chance.choice(former)
            assert not ghost.send_note(to), f"a ghost of {ghost.address} was let through"

    def _calm(self) -> None:
        """Whoever is faulty becomes good; after a while everything has come to rest."""
        for script in self.world.scripts.values():
            script.starts.clear()
            script.then = script.when_asked_to_stop = "well"
        self.runtime.run(for_s=300)
        self._check_rest()
        self._check_calm()
        self.world.shut_down()
        self.runtime.run(for_s=300)
        self._check_rest()
        assert self.world.up() == "", "somebody outlived the top supervisor"
        assert len(self.world.exits()) == 1, "the top supervisor ends once"

    # What must hold at every message and every report.

    def receive(self, by: Talker, note: Note) -> None:
        """Note that a living incarnation, and the newest, got a note meant for its address."""
        assert not by.fenced, f"{by.address} handles mail although it was cut off"
        assert note.to == by.address, "mail went to the wrong address"
        self.notes_got.append((by.incarnation, note))

    def file(self, report: ChildReport) -> None:
        """Check a report against those before it: one start at a time, in order, within limits."""
        sup, _, id_ = report.address.rpartition("/")
        rules = self.specs.get(sup)
        if rules is None:
            return
        family = self.families.setdefault(
            sup, Family(rules, [child.id for child in rules.children], {}, {}, [])
        )
        self.trace.append((report.address, report.state, report.incarnation))
        adopted = report.state == "stopped" and report.restarts == 0 and report.incarnation == 0
        if adopted and id_ in family.states:
            # The supervisor's life has begun anew, and nobody of its old one is left.
            family.states.clear()
            family.restarts.clear()
            family.restarted_ns.clear()
        family.states[id_] = report.state
        if id_ not in family.order:
            family.order.append(id_)
        self._check_order(family, sup, id_, report.state)
        if report.restarts > family.restarts.get(id_, 0):
            self._check_intensity(family, report)
        family.restarts[id_] = report.restarts

    def _check_order(self, family: Family, sup: str, id_: str, now: str) -> None:
        """Check who starts and stops when.

        Of a supervisor's children one at most is starting. Where nobody has asked for anything by
        hand: where the strategy knows an order, a child starts only when every child before it
        runs or rests; and a static child stops only when none behind it is up.
        """
        states = family.states
        if now == "starting":
            starting = [child for child, state in states.items() if state == "starting"]
            assert starting == [id_], f"{sup} starts {starting} at once"
        if self._touched(sup):
            return
        at = family.order.index(id_)
        if now == "starting" and family.spec.strategy is not Strategy.ONE_FOR_ONE:
            earlier = {child: states.get(child, "gone") for child in family.order[:at]}
            bad = {k: v for k, v in earlier.items() if v in {"backoff", "stopping", "starting"}}
            assert not bad, f"{sup} starts {id_} although {bad}"
        if now == "stopping" and family.spec.template is None:
            later = {child: states.get(child, "gone") for child in family.order[at + 1 :]}
            bad = {k: v for k, v in later.items() if v in UP}
            assert not bad, f"{sup} stops {id_} although {bad}"

    def _check_intensity(self, family: Family, report: ChildReport) -> None:
        """Check that no more restarts than allowed lie within any period."""
        period_ns = int(family.spec.period_s * 1e9)
        now_ns = report.since_ns
        family.restarted_ns.append(now_ns)
        within = [at for at in family.restarted_ns if now_ns - at <= period_ns]
        assert len(within) <= family.spec.intensity, f"{report.address}: {len(within)} restarts"

    # What must hold at rest, when nothing is left to do before time passes.

    def _check_rest(self) -> None:
        self._check_families()
        self._check_mail()

    def _check_families(self) -> None:
        """Check that the living are exactly those whom a living supervisor says are up."""
        mailboxes = self.runtime.mailboxes
        expected = set()
        todo = ["top"] if mailboxes["top"].inbox is not None else []
        while todo:
            sup = todo.pop()
            for info in self.world.which(sup).values():
                mailbox = mailboxes[info.address]
                if info.state.value not in UP:
                    assert mailbox.inbox is None, f"{info.address} lives but is {info.state}"
                    continue
                expected.add(info.address)
                assert mailbox.inbox is not None, f"{info.address} is {info.state} but dead"
                assert mailbox.epoch == info.incarnation, f"{info.address} is another life"
                if info.supervises:
                    todo.append(info.address)
        living = {
            address
            for address, mailbox in mailboxes.items()
            if address.startswith("top/") and mailbox.inbox is not None
        }
        assert living == expected, f"orphans: {sorted(living - expected)}"

    def _check_mail(self) -> None:
        """Check that every note is in one place, was handled once, by one life, in order."""
        got = [note for _, note in self.notes_got]
        dead = [
            letter.message
            for letter in self.runtime.dead_letters.newest()
            if isinstance(letter.message, Note)
        ]
        queued = [
            envelope.message
            for mailbox in self.runtime.mailboxes.values()
            for envelope in mailbox.data
            if isinstance(envelope.message, Note)
        ]
        everywhere = [*got, *dead, *queued]
        assert len(everywhere) == len(self.notes_sent), "mail was lost or doubled"
        assert set(everywhere) == self.notes_sent
        newest: dict[tuple[str, int, str], int] = defaultdict(int)
        lives: dict[str, int] = defaultdict(int)
        for life, note in self.notes_got:
            conversation = (note.sender, note.life, note.to)
            assert note.number > newest[conversation], f"{note} was overtaken"
            newest[conversation] = note.number
            assert life >= lives[note.to], f"{note.to}: life {life} went on beside its successor"
            lives[note.to] = life

    # What must hold some time after the trouble has ended.

    def _check_calm(self) -> None:
        """Check that whoever should be up is, has read its mail, and every request was answered."""
        for sup in self.specs:
            mailbox = self.runtime.mailboxes.get(sup)
            if mailbox is None or mailbox.inbox is None:
                continue
            for info in self.world.which(sup).values():
                state, address = info.state.value, info.address
                assert state in {"running", "stopped", "disabled"}, f"{address} is still {state}"
                if state == "running":
                    mail = self.runtime.mailboxes[address]
                    assert not mail.data, f"{address} runs and leaves mail unread"
                    assert not mail.control
                permanent = any(
                    child.id == info.id and child.restart is Restart.PERMANENT
                    for child in self.specs[sup].children
                )
                if state == "stopped" and permanent:
                    assert self._touched(sup), f"{address} is permanent, and down for no reason"
        if not self.world.exits():
            assert self.runtime.mailboxes["top"].inbox is not None
        self._check_answers()

    def _touched(self, sup: str) -> bool:
        return any(path.rpartition("/")[0] == sup for path in self.by_hand)

    def _check_answers(self) -> None:
        """Check that nobody got two answers, and that all got one, unless somebody was cut off."""
        answers = Counter(
            answer.request for answer in self.world.answers if isinstance(answer, Managed)
        )
        assert set(answers.values()) <= {1}, "a request was answered twice"
        if self.crude:
            return
        waiting = {
            envelope.message.request
            for mailbox in self.runtime.mailboxes.values()
            for envelope in mailbox.control
            if isinstance(envelope.message, Request)
        }
        dead = {
            letter.message.request
            for letter in self.runtime.dead_letters.newest()
            if isinstance(letter.message, Request)
        }
        unanswered = set(self.asked) - set(answers) - waiting - dead
        assert not unanswered, f"never answered: {[self.asked[number] for number in unanswered]}"


_MOVES = (
    *("crash",) * 6,
    *("crash several",) * 2,
    *("leave",) * 2,
    *("end",) * 2,
    *("cut off",) * 2,
    *("start badly",) * 4,
    *("stop badly",) * 2,
    *("request",) * 6,
    *("gossip",) * 8,
    *("ghost",) * 2,
    *("time",) * 4,
)


def _fields(rules: SupervisorSpec) -> dict[str, Any]:
    names = ("strategy", "intensity", "period_s", "template", "auto_shutdown", "boot")
    return {name: getattr(rules, name) for name in names}
