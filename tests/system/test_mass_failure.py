"""When many members fail at once, the vantage point suspects itself before it blames the members."""

import pytest

from authority import Authority
from machine import part, run, until
from network import Network
from pool import APEX, Pool

INTERVAL = 8
NAMES = [f"m{number}" for number in range(1, 6)]


class World:
    """Five members on one host. The probe reaches that host over one link."""

    def __init__(self, machine):
        self.machine = machine
        self.network = Network(machine, "servers", 9)
        self.pool = Pool(machine).init()
        self.pool.cli("zone", "set", "srv-count", "8")
        self.pool.cli("zone", "set", "srv-ttl", "1s")
        authority = Authority(machine.directory)
        self.trust = authority.path
        for number, name in enumerate(NAMES):
            address = f"10.77.9.{10 + number}"
            self.network.run("ip", "address", "add", f"{address}/24", "dev", "servers1")
            self.pool.add(name, address)
        certificate, key = authority.issue("all", [f"{name}.{APEX}" for name in NAMES])
        own = machine.directory / "servers"
        own.mkdir()
        self.conf = machine.write("servers/conf", "\n".join([
            "allow", f"ntsservercert {certificate}", f"ntsserverkey {key}", "ntsport 4460", "ntsprocesses 1",
            f"ntsdumpdir {own}", f"pidfile {own}/pid", f"driftfile {own}/drift", "bindcmdaddress /", "cmdport 0",
            "local stratum 8"]) + "\n")
        self.servers = None
        self.start_servers()
        self.pool.serve()
        self.pool.probe(self.trust)
        until(lambda: self.handed_out() == set(NAMES), 30, "all members are handed out")

    def start_servers(self):
        self.servers = self.machine.start("chronyd", self.network.wrap(
            part("usr/sbin/chronyd"), "-d", "-x", "-U", "-u", "root", "-f", self.conf))

    def slow_down(self, *options):
        """Restarts the probe with a longer interval, so that the test has time to check."""
        self.pool.stop(self.pool.probed)
        self.pool.probe(self.trust, "--interval", f"{INTERVAL}s", *options)

    def far_end(self, state):
        """Sets the members' end of the link up or down. The probe's host cannot see this."""
        self.network.run("ip", "link", "set", "servers1", state)

    def near_end(self, state):
        """Sets the probe's end of the link up or down. When it is down, the probe has no route."""
        run("ip", "link", "set", "servers0", state)

    def handed_out(self):
        return self.pool.targets(3)

    def warns(self, name):
        return name in self.pool.warned()

    def member_rows(self):
        return [self.pool.member(name)["addresses"][0] for name in NAMES]


@pytest.fixture(scope="module")
def world(shared_machine):
    world = World(shared_machine)
    yield world
    world.pool.stop()


def test_cut_network_raises_the_alarm_and_changes_no_answer(world):
    world.slow_down()
    until(lambda: not world.warns("vantage-frozen"), 20, "no alarm before")
    world.far_end("down")
    until(lambda: world.warns("vantage-frozen"), 2 * INTERVAL, "the alarm is there within two intervals")
    assert world.handed_out() == set(NAMES)
    until(lambda: all(row["score"] < 1 for row in world.member_rows()), 4 * INTERVAL, "all scores fell under the exit")
    assert world.handed_out() == set(NAMES)
    member = world.pool.member("m1")
    assert (member["state"], member["eligible"], member["hold"]) == ("falling", True, "frozen")
    assert "frozen" in member["reason"]
    status = world.pool.json("status")
    assert status["held"]["frozen"] == len(NAMES)
    until(lambda: [row["down"] for row in world.pool.json("status")["vantages"]] == [len(NAMES)], 20, "all five are counted")
    (vantage,) = world.pool.json("status")["vantages"]
    assert vantage["name"] == "local" and vantage["frozen_since"]


def test_healed_network_ends_the_alarm_and_scores_go_on(world):
    world.far_end("up")
    until(lambda: not world.warns("vantage-frozen"), 8 * INTERVAL, "the alarm is over")
    assert world.handed_out() == set(NAMES)
    before = [row["score"] for row in world.member_rows()]
    until(lambda: all(row["score"] > score for row, score in zip(world.member_rows(), before)), 4 * INTERVAL,
          "scores rise again")
    assert {world.pool.member(name)["hold"] for name in NAMES} <= {None, "waiting"}


def test_probe_without_a_route_sets_itself_aside(world):
    before = [row["score"] for row in world.member_rows()]
    world.near_end("down")
    until(lambda: world.warns("vantage-aside"), 2 * INTERVAL, "the probe sets itself aside")
    scores = [row["score"] for row in world.member_rows()]
    assert all(score >= was - 0.5 for score, was in zip(scores, before)), (before, scores)
    assert world.handed_out() == set(NAMES)
    world.near_end("up")
    until(lambda: not world.warns("vantage-aside"), 3 * INTERVAL, "the probe is back")


def test_operators_word_lets_those_go_that_fell_at_once(world):
    world.pool.stop(world.pool.probed)
    world.pool.probe(world.trust)
    until(lambda: all(world.pool.member(name)["state"] == "eligible" for name in NAMES), 30, "all are eligible again")
    assert "nothing to release" in world.pool.refused("health", "release")
    world.servers.kill()
    until(lambda: world.pool.json("status")["held"]["frozen"] == len(NAMES), 40, "all fall and are held")
    world.pool.cli("health", "release")
    until(lambda: all(world.pool.member(name)["state"] == "ineligible" for name in NAMES), 20, "all are out")


def test_last_known_good_members_answer_when_nobody_is_eligible(world):
    assert world.pool.json("status")["eligible"] == 0
    assert world.warns("last-good-served")
    assert world.handed_out() == set(NAMES)


def test_operators_removal_bypasses_it_all(world):
    world.pool.cli("member", "suspend", "m1")
    world.pool.cli("member", "override", "m2", "ineligible")
    world.pool.cli("member", "remove", "m3")
    until(lambda: world.handed_out() == {"m4", "m5"}, 20, "the operator's word holds")


def test_silent_probe_freezes_the_verdicts(world):
    (world.machine.directory / "servers" / "pid").unlink()
    world.start_servers()
    until(lambda: {world.pool.member(name)["state"] for name in ("m4", "m5")} == {"eligible"}, 60, "both are back")
    world.pool.cli("zone", "set", "verdict-fresh", "5s")
    world.pool.stop(world.pool.probed)
    until(lambda: world.warns("probe-silent"), 15, "the silence is told")
    world.servers.kill()
    member = world.pool.member("m4")
    assert member["eligible"] and member["hold"] == "silent" and "no vantage point reports" in member["reason"]
    assert {"m4", "m5"} <= world.handed_out()
