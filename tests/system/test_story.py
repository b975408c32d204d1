"""A pool's main job from end to end with real parts. A member is added, gets its certificate by ACME, passes the NTS probes, is handed
out, fails, returns and is removed. The tests are one story and run in order."""

import time

import pytest

from acme import AcmeTiny, Lego, Pebble
from authority import Authority
from machine import until
from network import Network
from pool import APEX, SRV, Pool
from resolver import Unbound
from timeserver import Chronyd, Ntpsec, client_takes_time

CA = "pebble.example"
ALICE = "127.0.1.1"
ALICE6 = "2001:db8::11"
BOB = "127.0.1.2"


class World:
    def __init__(self, machine):
        self.machine = machine
        machine.add_address(ALICE6)
        self.web_authority = Authority(machine.directory, "web-ca")
        self.network = Network(machine, "ntpsec-net", 1)
        self.pool = Pool(machine).init()
        self.pool.cli("zone", "set", "ca", CA)
        self.anchor = machine.write("anchor", self.pool.cli("key", "ds", "--dnskey").stdout)
        self.pool.serve("--workers", "2")
        self.resolver = Unbound(machine, APEX, self.anchor)
        self.pebble = Pebble(machine, self.web_authority, ["127.0.0.1", self.network.ours])
        self.pool.probe(self.pebble.root)
        self.alice_acme = self.alice = None

    def srv_targets(self):
        """The members in the SRV answer of a validating resolver."""
        return {text.split()[3].removesuffix(f".{APEX}.") for text in self.resolver.secure(SRV, "SRV")} - {"."}

    def enters(self, name):
        """Waits until the member is handed out. From the lowest score that takes 37 good probes, one a second."""
        until(lambda: name in self.srv_targets(), 60, f"{name} is handed out: {self.pool.member(name)}")


@pytest.fixture(scope="module")
def world(shared_machine):
    world = World(shared_machine)
    yield world
    world.pool.stop()


def test_new_member_resolves_within_a_second_and_is_not_handed_out(world):
    world.pool.add("alice", ALICE, ALICE6)
    name = f"alice.{APEX}"
    until(lambda: world.resolver.secure(name, "A") == [ALICE], 20, "alice has its A")
    assert world.resolver.secure(name, "AAAA") == [ALICE6]
    assert world.resolver.secure(name, "CAA") == [f'0 issue "{CA}; validationmethods=http-01,tls-alpn-01"', '0 issuewild ";"']
    assert world.resolver.secure(APEX, "CAA") == ['0 issue ";"', '0 issuewild ";"']
    assert world.srv_targets() == set()
    assert world.pool.member("alice")["state"] == "registered"


def test_member_gets_its_certificate_by_http_01(world):
    world.alice_acme = AcmeTiny(world.machine, world.pebble, f"alice.{APEX}", [ALICE, ALICE6])
    done = world.alice_acme.order()
    assert done.returncode == 0, done.stderr


def test_confirmed_member_is_handed_out(world):
    world.alice = Chronyd(world.machine, "alice", [ALICE, ALICE6], world.alice_acme.certificate, world.alice_acme.key)
    world.enters("alice")
    member = world.pool.member("alice")
    assert (member["state"], member["eligible"]) == ("eligible", True)
    until(lambda: all(row["working"] for row in world.pool.member("alice")["addresses"]), 10, "both families work")


def test_chronyd_client_gets_authenticated_time_from_the_srv_target(world):
    priority, weight, port, target = world.resolver.secure(SRV, "SRV")[0].split()
    assert (priority, port, target) == ("0", "4460", f"alice.{APEX}.") and weight != "0"
    done = client_takes_time(world.machine, target.rstrip("."), port, world.pebble.root)
    assert done.returncode == 0, done.stderr


def test_member_gets_its_certificate_by_tls_alpn_01(world):
    world.pool.add("bob", BOB)
    bob = Lego(world.machine, world.pebble, f"bob.{APEX}", "tls", BOB)
    done = bob.order()
    assert done.returncode == 0, done.stderr
    Chronyd(world.machine, "bob", [BOB], bob.certificate, bob.key)
    world.enters("bob")


def test_ntpsec_is_a_member_too(world):
    network = world.network
    world.pool.add("carol", network.address, network.address6)
    carol = Lego(world.machine, world.pebble, f"carol.{APEX}", "http", "", network)
    done = carol.order()
    assert done.returncode == 0, done.stderr
    Ntpsec(world.machine, "carol", network, carol.certificate, carol.key)
    world.enters("carol")
    assert client_takes_time(world.machine, f"carol.{APEX}", 4460, world.pebble.root).returncode == 0


def test_dead_member_leaves_srv_and_keeps_its_name(world):
    world.alice.kill()
    until(lambda: "alice" not in world.srv_targets(), 30, "alice is out")
    assert world.pool.member("alice")["state"] == "ineligible"
    assert world.resolver.secure(f"alice.{APEX}", "A") == [ALICE]
    assert world.resolver.secure(f"alice.{APEX}", "AAAA") == [ALICE6]
    assert {"bob", "carol"} <= world.srv_targets()


def test_member_that_works_again_returns(world):
    world.alice.start()
    world.enters("alice")


def test_removed_member_is_gone_within_a_second(world):
    world.pool.cli("member", "remove", "alice")
    since = time.monotonic()
    until(lambda: world.resolver.missing(f"alice.{APEX}"), 20, "alice's name is NXDOMAIN, validated")
    until(lambda: "alice" not in world.srv_targets(), max(0.0, since + 1 - time.monotonic()), "no SRV names alice")
    for _ in range(20):
        assert "alice" not in world.srv_targets()


def test_removed_member_gets_no_certificate(world):
    done = world.alice_acme.order()
    assert done.returncode != 0
    assert "could not resolve" in done.stderr, done.stderr


def test_label_of_a_removed_member_is_quarantined_while_its_certificate_lives(world):
    end = time.strftime("%Y-%m-%d", time.gmtime(_not_after(world.alice_acme.certificate)))
    said = world.pool.cli("member", "add", "alice", "--address", "127.0.1.99", "--country", "NL", "--operator", "mallory",
                          "--allow-private", check=False)
    assert said.returncode == 1
    assert end in said.stderr, f"no {end} in: {said.stderr}"
    assert world.resolver.missing(f"alice.{APEX}")


def _not_after(path):
    from cryptography import x509
    import calendar
    return calendar.timegm(x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after.timetuple())
