"""`ntspool probe --name NAME ADDRESS` probes an address as a member, before the pool or the DNS knows of it."""

import json

import pytest

from authority import Authority
from machine import run
from pool import APEX, BIN, Pool, environment, no_report
from timeserver import Chronyd

ALICE, PORT = "44.0.0.1", "44.0.0.2"


class World:
    """No name server runs. ALICE serves NTS on the default port, PORT on 4461 and names ALICE as its NTP server."""

    def __init__(self, machine):
        self.machine = machine
        run("ip", "route", "replace", "local", "44.0.0.0/24", "dev", "lo")
        machine.add_address(ALICE, PORT)
        authority = Authority(machine.directory)
        self.trust = authority.path
        pair = authority.issue("alice", [f"alice.{APEX}"])
        Chronyd(machine, "alice", [ALICE], *pair)
        Chronyd(machine, "port", [PORT], None, None, nts=["allow", f"ntsservercert {pair[0]}", f"ntsserverkey {pair[1]}", "ntsport 4461",
                                                          f"ntsntpserver {ALICE}"], port=4461)
        self.pool = Pool(machine).init()
        self.pool.cli("member", "add", "own", "--target", f"alice.{APEX}x")

    def probe(self, *args, state=None, status=0):
        done = run(BIN / "ntspool", "-s", state or self.pool.state, "--json", "probe", "--trust", self.trust, *args, check=False,
                   env=environment())
        no_report("probe", done.stderr)
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout) if status < 2 and done.stdout else done.stderr


@pytest.fixture(scope="module")
def world(shared_machine):
    return World(shared_machine)


def failure(shown):
    (row,) = shown["addresses"]
    return row["address"], row["failure"]


def test_a_name_needs_no_pool_and_no_dns(world):
    shown = world.probe("--name", f"alice.{APEX}", ALICE, state=world.machine.directory / "no-pool")
    assert (shown["name"], shown["port"], shown["good"]) == (f"alice.{APEX}", 4460, True)
    assert failure(shown) == (ALICE, "ok")


def test_a_word_is_a_name_in_the_pool_registered_or_not(world):
    assert world.probe("--name", "alice", ALICE)["name"] == f"alice.{APEX}"
    assert failure(world.probe("--name", "bob", ALICE, status=1)) == (ALICE, "cert-name")
    assert world.probe("--name", "own", ALICE, status=1)["name"] == f"alice.{APEX}x"


def test_the_address_is_probed_and_not_those_that_are_registered(world):
    world.pool.cli("member", "add", "alice", "--address", "44.0.0.9", "--port", "4461")
    assert failure(world.probe("--name", "alice", f"{ALICE}:4460")) == (ALICE, "ok")
    shown = world.probe("--name", "alice", PORT, status=1)
    assert shown["port"] == 4461
    # The server names an NTP server that would not be the member's.
    assert failure(shown) == (PORT, "ke-server")
    world.pool.cli("member", "remove", "alice")


@pytest.mark.parametrize("args, said", [
    (("--name", "alice", "time.example.net"), "--name needs the address to probe"),
    (("--name", "alice..test", ALICE), "is no name of a server"),
    (("--name", "192.0.2.1", ALICE), "is no name of a server"),
    (("--name", "a.\x1b[1m", ALICE), "is no name of a server"),
])
def test_what_is_no_name_or_no_address_is_a_usage_error(world, args, said):
    assert said in world.probe(*args, status=2)


def test_a_word_without_a_pool_is_an_error(world):
    said = world.probe("--name", "alice", ALICE, state=world.machine.directory / "no-pool", status=1)
    assert "no-pool" in said
