"""A whole house in virtual time, advised by a stub: advice comes, is kept, and moves nothing."""

from msgspec.structs import replace

from actors.kernel import Birthright
from actors.kernel.virtual import Policy, VirtualClock, VirtualRuntime
from adapters.simulated.advisor.failures import TRICKS
from state.config import AdvisorSettings
from state.store import advice_books, advice_tallies, self_check
from supervisor.simulation.edge import Door
from supervisor.simulation.profiles import HOUSE
from supervisor.tree import ROOT, root
from supervisor.worlds.virtual import Scene, VirtualOutside

SCRIPT = ("good", "malformed", "timeout", "contradiction", "good", "rate_limit")


class House:
    """Lives of one house, one after the other, in one world."""

    def __init__(self, advised):
        self.clock = VirtualClock()
        pairs = HOUSE.config.pairs[:1]
        scene = Scene(pairs=pairs, seed=3, step_s=0.25, advised=advised)
        self.outside = VirtualOutside(scene, self.clock)
        advisor = AdvisorSettings(every_s=5.0, begin_after_s=1.0, within_s=3.0)
        self.config = replace(HOUSE.config, pairs=pairs, advisor=advisor)

    def live(self, seconds):
        runtime = VirtualRuntime(seed=self.outside._lives, policy=Policy.FIFO, clock=self.clock)
        runtime.spawn("door", Birthright(make=Door, args=(lambda _: None,)), parent=None)
        runtime.settle()
        world = self.outside.new_world()
        runtime.spawn(ROOT, root(self.config, world), parent="door")
        until_ns = self.clock.elapsed_ns + int(seconds * 1e9)
        while runtime.step(until_ns):
            pass
        self.clock.elapsed_ns = max(self.clock.elapsed_ns, until_ns)

    @property
    def store(self):
        assert self.outside.store is not None
        return self.outside.store

    def count(self, question):
        return self.store.connection.execute(question).fetchone()[0]


def test_a_house_is_advised_over_its_lives_and_its_books_stay_whole():
    house = House(SCRIPT)
    house.live(30)
    asked = house.count("SELECT count(*) FROM advice_asked")
    assert asked >= 4
    house.live(20)
    store = house.store
    assert house.count("SELECT count(*) FROM advice_asked") > asked
    codes = {code for tally in advice_tallies(store.connection) for code in tally.codes}
    assert codes <= {TRICKS[name].ends_in for name in SCRIPT}
    assert {"OK", "CONTRADICTION"} <= codes
    books = advice_books(store.connection, house.clock.now_ns())
    assert books.calls == house.count("SELECT count(*) FROM advice_asked")
    assert books.spent_usd > 0
    assert self_check(store).differing == []


def test_in_shadow_a_house_trades_as_if_nobody_advised_also_when_the_advisor_hangs():
    alone, advised, hanging = House(()), House(("good",)), House(("timeout",))
    for house in (alone, advised, hanging):
        house.live(20)
    assert advised.count("SELECT count(*) FROM advice_given WHERE code = 'OK'") > 0
    assert hanging.count("SELECT count(*) FROM advice_given WHERE code = 'TIMEOUT'") > 0
    assert alone.count("SELECT count(*) FROM advice_asked") == 0
    question = "SELECT group_concat(at_ns || side || quantity || price || verdict) FROM decisions"
    assert alone.count(question)
    assert advised.count(question) == alone.count(question)
    assert hanging.count(question) == alone.count(question)
