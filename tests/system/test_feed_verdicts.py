"""Verdicts of a vantage point far away, and counts of traffic, by the channels of ntspool-feedd and real etcd. etcdctl judges."""

import base64
import json
import os
import shutil
import subprocess

import pytest

from etcdengine import Engine
from machine import part, until
from pool import BIN, Pool, environment
from siteworld import ELIGIBLE, INELIGIBLE, reporter

PREFIX = "/ntspool/test/"


class World:
    """`pool` is an edge's. `far` is the state of a machine with a probe only, which has the same registry."""

    def __init__(self, machine):
        self.machine = machine
        self.engine = Engine(machine, 5, 1)
        self.reporter = reporter(machine)
        self.pool = Pool(machine).init()
        self.far = Pool(machine, "far")
        self.far.state.mkdir()
        self.pool.vantage("tokyo", self.far.cli("vantage", "key", "--id", "tokyo").stdout.strip())
        for name, address in (("alice", "192.0.2.1"), ("bob", "192.0.2.2")):
            self.pool.add(name, address)
        self.copy_registry()
        self.feeds = {}

    def copy_registry(self):
        """As the ledger would bring it."""
        (self.far.state / "registry").mkdir(exist_ok=True)
        shutil.copy(self.pool.state / "registry" / "data.mdb", self.far.state / "registry" / "new")
        (self.far.state / "registry" / "new").rename(self.far.state / "registry" / "data.mdb")

    def feed(self, pool, name):
        nodes = [f"{address}@2379" for address in self.engine.addresses]
        words = [BIN / "channeltalk", self.engine.authority.ca, *self.engine.root, PREFIX, pool.state, name, *nodes]
        self.feeds[name] = self.machine.start(f"feed-{name}", words, env=environment())

    def kill(self, name):
        self.feeds.pop(name).kill()

    def stop(self, name):
        feed = self.feeds.pop(name)
        assert feed.stop() == 0, feed.output()

    def report(self, **stages):
        """The probe writes what it knows of all members."""
        lines = []
        for name, address in (("alice", "192.0.2.1"), ("bob", "192.0.2.2")):
            if name in stages:
                lines += [f"member {name} stage={stages[name]}", f"address {address}"]
        subprocess.run([self.reporter, self.far.state, "tokyo"], input="\n".join([*lines, "self"]), text=True,
                       check=True, env=environment())

    def seen(self, member):
        """What the edge knows of tokyo's verdict."""
        return [row["stage"] for row in self.pool.member(member)["vantages"] if row["name"] == "tokyo"]

    def value(self, key):
        rows = json.loads(self.engine.ctl("get", key, "-w", "json").stdout)
        return base64.b64decode(rows["kvs"][0]["value"])

    def put(self, key, value):
        engine = self.engine
        subprocess.run([str(part("usr/bin/etcdctl")), "--endpoints", f"https://{engine.addresses[0]}:2379", "--cacert", engine.authority.ca,
                        "--cert", engine.root[0], "--key", engine.root[1], "put", key], input=value, check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, ETCDCTL_API="3"))

    def keys(self, prefix):
        return self.engine.ctl("get", "--prefix", PREFIX + prefix, "--keys-only").stdout.split()


@pytest.fixture(scope="module")
def world(shared_machine):
    world = World(shared_machine)
    world.feed(world.pool, "ams1")
    world.feed(world.far, "tokyo1")
    yield world
    for name in list(world.feeds):
        world.stop(name)
    world.engine.stop_all()


def test_a_verdict_made_far_away_reaches_the_edge(world):
    world.report(alice=ELIGIBLE, bob=ELIGIBLE)
    until(lambda: world.seen("alice") == world.seen("bob") == ["eligible"], 60, "the edge has the verdicts", 0.2)
    world.report(alice=INELIGIBLE, bob=ELIGIBLE)
    until(lambda: world.seen("alice") == ["ineligible"], 60, "the edge has the newer verdict", 0.2)
    assert world.seen("bob") == ["eligible"]
    rows = [row for row in world.pool.json("status")["vantages"] if row["name"] == "tokyo"]
    assert len(rows) == 1 and rows[0]["asked"]


def test_only_what_is_still_needed_stays_in_the_engine(world):
    for round in range(6):
        world.report(alice=(ELIGIBLE, INELIGIBLE)[round % 2], bob=ELIGIBLE)
    until(lambda: world.seen("alice") == ["ineligible"] and len(world.keys("v/")) == 1, 60, "older reports are deleted", 0.2)
    assert world.keys("v/")[0].startswith(f"{PREFIX}v/tokyo1/tokyo/")


def test_what_is_reported_while_a_feed_is_dead_arrives_after_its_start(world):
    world.kill("tokyo1")
    world.report(alice=ELIGIBLE, bob=INELIGIBLE)
    world.feed(world.far, "tokyo1")
    until(lambda: world.seen("alice") == ["eligible"] and world.seen("bob") == ["ineligible"], 60, "the edge has both verdicts", 0.2)
    world.kill("ams1")
    world.report(alice=INELIGIBLE, bob=ELIGIBLE)
    before = world.keys("v/")
    until(lambda: world.keys("v/") != before, 60, "the report is in the engine", 0.2)
    assert world.seen("alice") == ["eligible"]
    world.feed(world.pool, "ams1")
    until(lambda: world.seen("alice") == ["ineligible"] and world.seen("bob") == ["eligible"], 60, "the edge has caught up", 0.2)


def test_the_engine_can_neither_forge_nor_change_a_report(world):
    key = world.keys("v/")[-1]
    octets = world.value(key)
    forged = bytearray(octets)
    forged[-70] ^= 1
    later = key[:-1] + ("f" if key[-1] != "f" else "e")
    stray = f"{PREFIX}v/nobody/tokyo/0000000000000001"
    before = world.seen("alice")
    world.put(key, bytes(forged))
    until(lambda: "forged" in world.feeds["ams1"].output(), 60, "the edge refuses the forged report")
    world.put(later, octets)
    world.put(stray, b"no report")
    until(lambda: "can't be read" in world.feeds["ams1"].output(), 60, "the edge refuses reports in other places")
    assert world.seen("alice") == before and any("forged" in row["text"] for row in world.pool.json("status")["refusals"])
    for at in (later, stray):
        world.engine.ctl("del", at)


def test_a_machine_tells_what_was_counted_there(world):
    until(lambda: world.keys("e/ams1/demand") and world.keys("e/ams1/answers/"), 60, "demand and answers are in the engine", 0.2)
    assert world.keys("e/tokyo1/") == []


def test_reports_of_a_vantage_point_that_is_removed_are_taken_back(world):
    world.pool.cli("vantage", "remove", "tokyo")
    world.kill("tokyo1")
    world.copy_registry()
    world.feed(world.far, "tokyo1")
    until(lambda: world.keys("v/tokyo1/") == [], 60, "the engine has none of its reports", 0.2)
