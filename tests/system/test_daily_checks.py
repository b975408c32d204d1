"""The probe's daily checks over several days of a simulated clock, with members from faults.py."""

import re
import sys
from pathlib import Path

import pytest

from faults import NETWORK, ROWS
from machine import run, until
from pool import BIN, PRESET, Pool, environment
from test_faults import issue_all
from years import DAY, HOUR, Clock

pytestmark = pytest.mark.skipif(PRESET == "release", reason="a release build's clock can't be led")

OLD = {
    "old-cookie-taken": [], "old-cookie-refused": ["cookie-refused"], "old-cookie-ignored": ["cookie-ignored"],
    "old-cookie-garbled": ["cookie-ignored"],
}
AEADS = {"aead-17": 17, "aead-30": 30, "good": 15}
NAMES = {**OLD, **AEADS, "many-aead-error": None}


class World:
    def __init__(self, machine, monkeypatch):
        self.machine = machine
        self.clock = Clock(machine.directory, monkeypatch)
        run("ip", "route", "replace", "local", NETWORK, "dev", "lo")
        self.trust = issue_all(machine.directory)
        self.pool = Pool(machine).init()
        for row in ROWS:
            if row.name in NAMES:
                self.pool.cli("member", "add", row.name, "--address", row.address, "--country", "NL", "--operator", row.name)
        self.server = machine.start("faultserver", [sys.executable, "-B", Path(__file__).parent / "faultserver.py",
                                                    machine.directory, *NAMES])
        self.server.said("ready", 30)
        self.start()

    def start(self):
        self.probed = self.machine.start("probed", [BIN / "ntspool-probed", "-s", self.pool.state, "--interval", "1s", "--trust",
                                                    self.trust], env=environment())

    def seen(self, name):
        (row,) = self.pool.member(name)["addresses"]
        return row

    def probed_again(self, times=3):
        before = {name: self.seen(name)["probes"] for name in NAMES}
        until(lambda: all(self.seen(name)["probes"] >= before[name] + times for name in NAMES), 60, "all are probed again")

    def cookies_again(self):
        """How many times each member received a used cookie."""
        said = re.findall(r"(\S+) sees a cookie again", self.server.output())
        return {row.name: said.count(row.address) for row in ROWS if row.name in NAMES}


def test_algorithms_and_old_cookies_are_recorded_once_a_day_and_fail_nobody(machine, monkeypatch):
    world = World(machine, monkeypatch)
    until(lambda: all(world.seen(name).get("aead") == aead for name, aead in AEADS.items()), 30, "the algorithms are known")
    until(lambda: world.seen("many-aead-error")["warnings"] == ["aead"], 30, "who goes wrong is warned")
    world.probed_again()
    assert set(world.cookies_again().values()) == {0}, "no cookie is used twice within a day"
    assert all(world.seen(name)["warnings"] == [] for name in {**OLD, **AEADS})
    # The checks do not run again before a day is over.
    world.clock.move(DAY - HOUR)
    world.probed_again()
    assert set(world.cookies_again().values()) == {0}
    world.clock.move(2 * HOUR)
    until(lambda: {name: world.seen(name)["warnings"] for name in OLD} == OLD, 60, "old cookies are judged")
    until(lambda: all(world.cookies_again().values()), 30, "all were asked")
    assert all(world.seen(name)["failure"] == "ok" and world.pool.member(name)["eligible"] for name in NAMES)
    # The findings survive a restart, and the checks do not run again at once.
    again = world.cookies_again()
    world.pool.stop(world.probed)
    world.start()
    world.probed_again()
    assert world.cookies_again() == again
    assert {name: world.seen(name)["warnings"] for name in OLD} == OLD
    assert {name: world.seen(name)["aead"] for name in AEADS} == AEADS
    shown = world.pool.cli("member", "show", "aead-30").stdout
    assert re.search(r"^  AEAD +30, AES-128-GCM-SIV$", shown, re.MULTILINE), shown
    world.pool.stop(world.probed)
