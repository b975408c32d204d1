"""A probe that gets no CPU time for a while blames no member for the replies that it misses. chronyd waits two seconds for a client."""

import os
import signal
import time

import pytest

from authority import Authority
from machine import until
from pool import APEX, BIN, Pool, environment
from timeserver import Chronyd

NAMES = ("alice", "bob", "carol", "dave")
ROUNDS = 4


@pytest.fixture
def world(machine):
    authority = Authority(machine.directory)
    certificate, key = authority.issue("all", [f"*.{APEX}"])
    pool = Pool(machine).init()
    pool.servers = {}
    for number, name in enumerate(NAMES):
        pool.add(name, f"127.0.1.{number + 1}")
        pool.servers[name] = Chronyd(machine, name, [f"127.0.1.{number + 1}"], certificate, key)
    pool.trust = authority.path
    pool.probe(pool.trust)
    until(lambda: all(pool.member(name)["eligible"] for name in NAMES), 30, "all are eligible")
    yield pool
    pool.stop()


def failures(pool, name):
    return {sample["failure"] for sample in pool.json("history", name)["history"][0]["samples"]}


def stop_servers(world, number=signal.SIGSTOP):
    for server in world.servers.values():
        os.killpg(server.process.pid, number)


def test_hold_up_amid_a_key_establishment_is_nobodys_failure(world):
    held_up = 0
    for _ in range(ROUNDS):
        stop_servers(world)
        os.kill(world.probed.pid, signal.SIGHUP)  # the probe drops its NTS keys and needs new ones from each server
        time.sleep(1.3)
        os.kill(world.probed.pid, signal.SIGSTOP)
        stop_servers(world, signal.SIGCONT)
        time.sleep(2.6)  # the servers send their TLS messages, time out and close
        os.kill(world.probed.pid, signal.SIGCONT)
        time.sleep(0.5)
        held_up += sum(world.member(name)["addresses"][0]["failure"] == "internal" for name in NAMES)
    assert held_up > 0  # otherwise the stalls hit no handshake and the test proves nothing
    for name in NAMES:
        assert failures(world, name) == {"ok"}
        assert world.member(name)["eligible"]
    until(lambda: all(world.member(name)["addresses"][0]["failure"] == "ok" for name in NAMES), 20, "probes go on")
    until(lambda: world.json("status")["vantages"][0]["state"] == "well", 20, "the probe trusts itself")


def test_dead_member_is_found_between_hold_ups(world):
    world.servers["dave"].kill()
    for _ in range(8):
        os.kill(world.probed.pid, signal.SIGSTOP)
        time.sleep(1)
        os.kill(world.probed.pid, signal.SIGCONT)
        time.sleep(1)
    until(lambda: not world.member("dave")["eligible"], 20, "dave is out")
    for name in NAMES[:-1]:
        assert failures(world, name) == {"ok"} and world.member(name)["eligible"]


def test_one_round_of_all_is_made_again_where_it_was_held_up(world):
    world.stop(world.probed)
    stop_servers(world)
    once = world.machine.start("once", [BIN / "ntspool-probed", "-s", world.state, "--once", "--allow-private", "--trust", world.trust],
                               env=environment())
    time.sleep(1.3)
    os.kill(once.pid, signal.SIGSTOP)
    stop_servers(world, signal.SIGCONT)
    time.sleep(2.6)
    os.kill(once.pid, signal.SIGCONT)
    assert once.child.wait(30) == 0
    lines = [line for line in once.output().splitlines() if "score" in line]
    assert sorted(line.split()[2] for line in lines) == ["ok"] * len(NAMES), once.output()
    world.probed = None
