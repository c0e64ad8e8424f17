"""Crash points with a scene of their own: a failing disk, zombies, clocks, a second process."""

import sqlite3
from random import Random

import pytest

from actors import addresses
from actors.execution.facts import placement
from actors.kernel import Drill, Fault
from state.errors import StoreBusy
from state.messages.venue import PlaceOrder
from state.store import DataLock
from supervisor.crash_points.house import House, undisturbed
from supervisor.crash_points.instants import Blow, Fate, Site
from supervisor.crash_points.platter import Batch
from supervisor.crash_points.scenarios import CANCEL, HALT, LADDER, LATE, PARTS, UNHEARD

NS_PER_S = 1_000_000_000


def disk_error(text: str, code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


def means_an_order(what: object) -> bool:
    return isinstance(what, Batch) and any(fact.type == "OrderIntended" for fact in what.facts)


def placed(house: House) -> int:
    return sum(isinstance(one.request, PlaceOrder) and one.sent for one in house.stage.flights)


# Point 35.


def test_on_a_full_disk_nothing_is_sent_and_nothing_is_lost_when_there_is_room_again():
    full_until_ns: list[int] = []
    sent_while_full: list[str] = []

    def strike(house, site, what):
        now_ns = house.clock.elapsed_ns
        if site is Site.WRITTEN and not full_until_ns and means_an_order(what):
            full_until_ns.append(now_ns + 3 * NS_PER_S)
        is_full = bool(full_until_ns) and now_ns < full_until_ns[0]
        if site is Site.WRITTEN and is_full:
            raise disk_error("database or disk is full", sqlite3.SQLITE_FULL)
        if site is Site.HANDED and is_full and isinstance(what.request, PlaceOrder):
            sent_while_full.append(what.name)

    house = House(PARTS, strike)
    house.finish()

    assert full_until_ns
    assert sent_while_full == []
    assert house.violations == []
    assert house.clock.elapsed_ns > full_until_ns[0]


# Point 36.


def test_after_a_sync_that_failed_the_journal_is_opened_anew_before_anything_else_is_written():
    batches: list[list[str]] = []
    failed_at: list[int] = []

    def strike(house, site, what):
        if site is Site.COMMITTING:
            batches.append([fact.type for fact in what.facts])
            if not failed_at and means_an_order(what):
                failed_at.append(len(batches))
                raise disk_error("disk I/O error", sqlite3.SQLITE_IOERR_FSYNC)

    house = House(PARTS, strike)
    house.finish()

    [number] = failed_at
    assert batches[number] == ["EpochBegan"]
    assert house.violations == []


# Point 38.


def test_a_second_process_gets_no_lock(tmp_path):
    with DataLock(tmp_path), pytest.raises(StoreBusy):
        DataLock(tmp_path)


def test_a_writer_whose_epoch_is_over_writes_nothing_more():
    opened: list[int] = []

    def strike(house, site, what):
        if site is Site.HANDED and not opened and isinstance(what.request, PlaceOrder):
            house.armed = False
            opened.append(house.stage.open_store().epoch)
            house.armed = True

    house = House(PARTS, strike)
    house.finish()

    rows = house.stage.platter.execute("SELECT epoch, type FROM events ORDER BY seq").fetchall()
    epochs = [epoch for epoch, _ in rows]
    assert house.violations == []
    assert epochs == sorted(epochs)
    # The usurper wrote that it began, and nobody of an earlier epoch wrote after it.
    assert epochs[-1] > opened[0]


# Points 39 and 40.


@pytest.mark.parametrize("site", [Site.WRITTEN, Site.COMMITTING, Site.SYNCED])
def test_a_router_cut_off_while_its_intent_is_written_sends_it_once_or_never(site):
    zombies = []

    def strike(house, at, what):
        if at is site and not zombies and means_an_order(what):
            zombies.append(house.runtime.mailboxes[addresses.ORDER_ROUTER].inbox.actor)
            drill = Drill(fault=Fault.HANG)
            house.runtime.tell(addresses.ORDER_ROUTER, drill, control=True)

    house = House(PARTS, strike)
    house.finish()

    [zombie] = zombies
    assert zombie.fenced
    assert house.violations == []


def test_a_router_that_was_cut_off_asks_the_exchange_for_nothing():
    zombies = []

    def strike(house, site, what):
        if site is Site.SENT and not zombies and isinstance(what.request, PlaceOrder):
            zombies.append(house.runtime.mailboxes[addresses.ORDER_ROUTER].inbox.actor)
            drill = Drill(fault=Fault.HANG)
            house.runtime.tell(addresses.ORDER_ROUTER, drill, control=True)

    house = House(PARTS, strike)
    house.finish()
    [zombie] = zombies
    before = placed(house)
    order = next(iter(zombie._orders._orders.values()))
    zombie.request(placement(order.intent))

    assert zombie.fenced
    assert placed(house) == before
    assert house.violations == []


# Point 41.


@pytest.mark.parametrize("jump_s", [-90.0, -1.5, 1.5, 90.0])
@pytest.mark.parametrize("scenario", [PARTS, LATE], ids=lambda one: one.name)
def test_a_clock_that_jumps_across_an_expiry_and_back_doubles_nothing(scenario, jump_s):
    jumped = []

    def jump_back():
        # Until then the house may send nothing: nobody can tell it which of two clocks is right.
        house.clock.wall_offset_ns -= int(jump_s * NS_PER_S)

    def strike(house, site, what):
        if site is Site.SYNCED and not jumped and means_an_order(what):
            jumped.append(jump_s)
            house.clock.wall_offset_ns += int(jump_s * NS_PER_S)
            house.clock.call_later(5 * NS_PER_S, jump_back)

    house = House(scenario, strike)
    house.finish()

    assert jumped
    # What was to expire by the clock that jumped holds the script up; it may not come to its end.
    assert [one for one in house.violations if not one.startswith("stuck")] == []


# Point 42.


@pytest.mark.parametrize(
    "scenario", [PARTS, CANCEL, UNHEARD, LADDER, HALT], ids=lambda one: one.name
)
@pytest.mark.parametrize("seed", range(3))
def test_ten_crashes_in_a_row_at_random_points_lose_nothing(scenario, seed):
    chance = Random(f"{scenario.name}:{seed}")
    house = House(scenario, undisturbed)
    for _ in range(10):
        for _ in range(chance.randrange(1, 400)):
            house.runtime.step()
        unsynced = len(house.stage.platter.unsynced) - 1
        back = chance.randrange(unsynced + 1) if chance.random() < 0.5 else 0
        fate = Fate.POWER if back else Fate.KILL
        house.end_life(Blow(at=0, fate=fate, back=back))
    house.finish()

    assert house.lives == 11
    assert house.violations == []
