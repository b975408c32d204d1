"""The probe schedule over hours and weeks of a simulated clock. Members are probed less often after a RATE kiss, at least once a day when
dead, and at once after a change. The tests also cover the history and the host rate when many names point to one host."""

import datetime
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from authority import Authority
from faults import NETWORK, ROWS
from machine import run, until
from nameservice import Names
from pool import APEX, BIN, PRESET, Pool, environment
from years import DAY, HOUR, Clock, lead

led = pytest.mark.skipif(PRESET == "release", reason="a release build's clock can't be led")

MINUTE = 60
DEAD = "44.0.250.1"  # no server listens there


@pytest.fixture
def clock(machine, monkeypatch):
    return Clock(machine.directory, monkeypatch)


@pytest.fixture
def world(machine, clock):
    """A good member, a member that answers each request with RATE, and an address for a dead one."""
    run("ip", "route", "replace", "local", NETWORK, "dev", "lo")
    authority = Authority(machine.directory)
    authority.issue("good", [f"*.{APEX}"])
    pool = Pool(machine).init()
    pool.trust = authority.path
    for name in ("good", "rate"):
        (row,) = [row for row in ROWS if row.name == name]
        pool.add(name, row.address)
    server = machine.start("faultserver", [sys.executable, "-B", Path(__file__).parent / "faultserver.py", machine.directory, "good",
                                           "rate"])
    server.said("ready", 30)
    yield pool
    pool.stop()


def probes(pool, name):
    return pool.member(name)["addresses"][0].get("probes", 0)


def kept(world, clock):
    """Waits until the server has summed up the samples. It does that in real time, not on the simulated clock."""
    def last():
        hours = [hour for row in world.json("history", "good")["history"] for hour in row["hours"]]
        return hours and datetime.datetime.fromisoformat(hours[-1]["at"].replace("Z", "+00:00")).timestamp()
    until(lambda: last() and last() > clock.now() - 6 * HOUR, 20, "the history is summed up")


@led
def test_who_asks_for_less_is_asked_less(world, clock):
    world.probe(world.trust, "--interval", "60s")
    until(lambda: probes(world, "rate") and probes(world, "good"), 10, "the first probe is at once")
    assert world.member("rate")["addresses"][0]["failure"] == "ntp-rate"
    lead(clock, 5 * HOUR, MINUTE, world.probed)
    # The interval grows from 2 over 4 and 8 to 16 minutes.
    assert 12 <= probes(world, "rate") <= 40
    assert probes(world, "good") > 4 * probes(world, "rate")


@led
def test_dead_member_is_probed_once_a_day_and_at_once_when_it_is_changed(world, clock):
    world.add("dead", DEAD)
    world.serve()  # the server writes the history
    world.probe(world.trust, "--interval", "10m")
    until(lambda: probes(world, "dead"), 10, "the first probe is at once")
    for _ in range(2):
        lead(clock, DAY, 20 * MINUTE, world.probed)
        kept(world, clock)
    assert 30 <= probes(world, "dead") <= 120  # a live member gets 288
    for day in range(38):
        before = probes(world, "dead") if day == 30 else None if day < 30 else before
        lead(clock, DAY, 2 * HOUR, world.probed)
        kept(world, clock)
    assert 7 <= probes(world, "dead") - before <= 10

    def probed_at_once(*change):
        time.sleep(1.1)  # a change in the second of a probe, or of another change, is none
        count = probes(world, "dead")
        world.cli("member", *change)
        until(lambda: probes(world, "dead") > count, 20, f"{change} brings a probe")

    probed_at_once("set", "dead", "--capacity", "50")
    probed_at_once("suspend", "dead")
    probed_at_once("resume", "dead")
    look_back(world)


def look_back(world):
    """The history has each probe of two days, and sums by the hour and the day before that. The sparklines show it."""
    until(lambda: world.json("history", "good")["history"][0]["samples"], 10, "samples are written")
    (subject,) = world.json("history", "good")["history"]
    assert 35 <= len(subject["days"]) <= 42, len(subject["days"])
    assert 100 < len(subject["hours"])
    counted = sum(hour["probes"] for hour in subject["hours"]), len(subject["samples"]), probes(world, "good")
    assert 1 < len(subject["samples"]) < counted[0] <= counted[2] <= counted[0] + len(subject["samples"]), counted
    text = world.cli("history", "good").stdout
    assert any(bar in text for bar in "▁▂▃▄▅▆▇█")


@led
def test_feed_that_is_gone_is_written_again(world, clock):
    world.serve()
    feed = world.state / "feed/members"
    until(feed.exists, 20, "the feed is written")
    before = feed.read_bytes()
    feed.unlink()
    clock.move(70)
    until(feed.exists, 10, "it is there again")
    assert feed.read_bytes() == before


@led
def test_clock_that_was_ahead_for_a_while_delays_nobody(world, clock):
    """The clock is ten years ahead for some probes. Each member's next probe still comes on time, and no wrong time remains."""
    world.add("dead", DEAD)
    world.serve()
    world.probe(world.trust, "--interval", "1s")
    names = ("good", "rate", "dead")
    until(lambda: all(probes(world, name) for name in names), 20, "all were probed")
    journal = world.state / "probe/local.verdicts"
    clock.set_wrong(3650 * DAY)
    for _ in range(3):  # reports with the wrong time
        size = journal.stat().st_size
        until(lambda: journal.stat().st_size != size, 20, "it reports")
    clock.set_wrong(0)
    before = {name: probes(world, name) for name in names}
    until(lambda: all(probes(world, name) > before[name] + 1 for name in ("good", "dead")), 30, "they are probed again")
    until(lambda: probes(world, "rate") > before["rate"], 60, "also the one that asks for less")
    times = [row[key] for name in names for row in world.member(name)["addresses"] for key in ("first_probe_at", "last_probe_at", "last_good_at") if row.get(key)]
    assert times and all(time < "2030" for time in times), times


@led
def test_vantage_point_that_disagrees_for_long_is_named(world, clock, machine):
    stranger = Authority(machine.directory, "stranger")
    world.probe(world.trust, "--interval", "60s")
    for name in ("second", "blind"):
        world.vantage(name)
    others = [machine.start(f"{name}-probed", [
        BIN / "ntspool-probed", "-s", world.state, "--interval", "60s", "--allow-private", "--id", name, "--trust", trust],
        env=environment()) for name, trust in (("second", world.trust), ("blind", stranger.path))]

    def warned():
        return world.warned().get("vantage-dissents", [])

    lead(clock, 50 * MINUTE, MINUTE / 2, world.probed, *others)
    assert world.member("good")["eligible"] and world.member("good")["votes"] == 3
    assert not warned()
    lead(clock, 80 * MINUTE, MINUTE / 2, world.probed, *others)
    (text,) = warned()
    assert "vantage point blind has disagreed" in text
    world.stop(*others)


class Counter:
    """Accepts NTS-KE connections, closes them, and counts them by address."""

    def __init__(self, addresses):
        self.counts = dict.fromkeys(addresses, 0)
        self._listeners = [socket.create_server((address, 4460), backlog=64) for address in addresses]
        for address, listener in zip(addresses, self._listeners):
            threading.Thread(target=self._take, args=(address, listener), daemon=True).start()

    def _take(self, address, listener):
        while True:
            try:
                listener.accept()[0].close()
            except OSError:  # closed
                return
            self.counts[address] += 1

    def close(self):
        for listener in self._listeners:
            listener.close()


def test_no_host_or_network_is_flooded_through_names_of_members(pool, machine):
    """Twenty names point to one host and forty to hosts in one network. Without a limit each name would be probed once a second."""
    run("ip", "route", "replace", "local", NETWORK, "dev", "lo")
    host, network = "44.0.251.1", [f"44.0.252.{number}" for number in range(1, 41)]
    names = Names(60)
    for number, address in enumerate([host] * 20 + network):
        names.records[f"n{number}.elsewhere.test", "A"] = [address]
        names.records[f"_ntspool.n{number}.elsewhere.test", "TXT"] = [f"pool={APEX}"]
        pool.cli("member", "add", f"n{number}", "--target", f"n{number}.elsewhere.test", "--country", "NL", "--operator", "one", "--force")
    counter = Counter([host, *network])
    try:
        probed = pool.probe(Authority(machine.directory).path)
        until(lambda: counter.counts[host] and sum(counter.counts.values()) > 40, 20, "probes are under way")
        time.sleep(3)  # the initial burst is over
        before, since = dict(counter.counts), time.monotonic()
        time.sleep(8)
        after, seconds = dict(counter.counts), time.monotonic() - since
        to_host = after[host] - before[host]
        to_network = sum(after.values()) - sum(before.values()) - to_host
        assert 1 * seconds < to_host <= 2 * seconds + 2, (to_host, seconds)
        assert 8 * seconds < to_network <= 16 * seconds + 2, (to_network, seconds)
        pool.stop(probed)
    finally:
        counter.close()
        names.close()
