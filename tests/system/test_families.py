"""What a vantage point finds out about each address family: never seen to work, off, or on.

The members run on another host. The probe reaches it over one link, and our end of the link decides which family works."""

import itertools

import pytest

from authority import Authority
from machine import run, until
from network import Network
from pool import APEX, BIN, Pool, environment, records
from timeserver import Chronyd

V4 = [f"10.77.30.{number}" for number in range(10, 16)]
V6 = [f"fd77:30::{number}" for number in range(10, 16)]
BOTH, SIX = ["amy", "bob", "cat"], "six"
_NUMBERS = itertools.count()  # the kernel removes a network's interfaces some time after the network


class World:
    """Three members with both families and one with IPv6 only. `cut` breaks IPv6 on our side."""

    def __init__(self, machine, cut):
        self.machine = machine
        self.network = Network(machine, f"servers{next(_NUMBERS)}-", 30)
        for address in (*V4[:4], *V6[:4]):
            self.network.add_address(address)
        self.cut = cut
        if cut:
            cut(self)
        self.authority = Authority(machine.directory)
        self.pool = Pool(machine).init()
        self.pool.cli("zone", "set", "srv-ttl", "1s")
        for number, name in enumerate(BOTH):
            self.pool.add(name, V4[number], V6[number])
        self.pool.add(SIX, V6[3])
        certificate = self.authority.issue("all", [f"{name}.{APEX}" for name in (*BOTH, SIX, "two", "mix")])
        self.server = Chronyd(machine, "servers-chronyd", ["0.0.0.0", "::"], *certificate, network=self.network)
        self.pool.serve()

    def probe(self, *options):
        return self.pool.probe(self.authority.path, *options)

    def rows(self, name):
        return {row["address"]: row for row in self.pool.member(name)["addresses"]}

    def served(self, name, rdtype):
        return records(self.pool.ask(f"{name}.{APEX}", rdtype), rdtype)

    def warns(self, name, *texts):
        return any(all(text in warning for text in texts) for warning in self.pool.warned().get(name, ()))

    def eligible(self, *names):
        until(lambda: all(self.pool.member(name)["eligible"] for name in names), 60, f"{names} are eligible")

    def vantage(self):
        (row,) = self.pool.json("status")["vantages"]
        return row


def no_route(world):
    run("ip", "-6", "address", "flush", "dev", world.network.here)


def black_hole(world):
    """Routes IPv6 to a neighbour that does not exist: every packet leaves and none is answered."""
    no_route(world)
    run("ip", "address", "add", "fd99::1/64", "dev", world.network.here, "nodad")
    run("ip", "-6", "neighbour", "add", "fd99::2", "lladdr", "02:00:00:00:00:99", "dev", world.network.here)
    run("ip", "-6", "route", "add", "fd77:30::/64", "via", "fd99::2")


def unreachable(world):
    no_route(world)
    run("ip", "-6", "route", "add", "unreachable", "fd77:30::/64")


@pytest.fixture
def world(machine, request):
    world = World(machine, getattr(request, "param", None))
    yield world
    world.pool.stop()


@pytest.mark.parametrize("world", [no_route, black_hole, unreachable], indirect=True)
def test_a_vantage_point_that_never_had_ipv6_judges_ipv4_and_says_so(world):
    world.probe()
    world.eligible(*BOTH)
    until(lambda: world.warns("vantage-family-unseen", "by IPv6"), 15, "the warning names the family")
    assert world.vantage()["state"] == "well"
    assert (world.vantage()["ipv4_state"], world.vantage()["ipv6_state"]) == ("on", "unseen")
    world.pool.probed.said("nothing was ever reached by IPv6 from here")
    until(lambda: all(world.rows(name)[V6[number]]["failure"] in ("internal", "family-off")
                      for number, name in [*enumerate(BOTH), (3, SIX)]), 20, "nobody is blamed")
    for number, name in enumerate(BOTH):
        assert world.served(name, "AAAA") == [V6[number]] and world.served(name, "A") == [V4[number]]
    six = world.pool.member(SIX)
    assert not six["eligible"] and "firewall" not in six["reason"] and "server" in six["reason"]
    assert six["addresses"][0]["probes"] == 0
    # The vantage point still judges IPv4: a member that stops loses score.
    world.server.kill()
    until(lambda: "amy" not in world.pool.targets(1) or world.warns("vantage-frozen"), 30, "the fall is seen")


def test_a_family_that_goes_off_waits_and_comes_back(world):
    world.probe()
    world.eligible(*BOTH, SIX)
    assert (world.vantage()["ipv4_state"], world.vantage()["ipv6_state"]) == ("on", "on")
    no_route(world)
    until(lambda: world.vantage()["ipv6_state"] == "off", 15, "IPv6 is off")
    assert world.vantage()["state"] == "well" and world.warns("vantage-family-off", "IPv6")
    for number, name in enumerate(BOTH):
        assert world.served(name, "AAAA") == [V6[number]]
    assert world.pool.member(SIX)["eligible"]
    run("ip", "address", "add", f"{world.network.subnet6}:1/64", "dev", world.network.here, "nodad")
    until(lambda: world.vantage()["ipv6_state"] == "on", 15, "IPv6 is on again")
    assert not world.warns("vantage-family-off")


def test_what_is_served_is_what_works(world):
    """Of two IPv4 addresses only the working one is served. A family with no working address keeps all of them."""
    world.pool.add("two", V4[3], V4[4])
    world.pool.add("mix", V4[5], V6[5], "fd77:30::1:1")
    world.probe()
    world.eligible("two", *BOTH)
    until(lambda: world.rows("two")[V4[4]]["left_out"], 15, "the dead one is left out")
    until(lambda: world.served("two", "A") == [V4[3]], 20, "and is not served")
    assert world.rows("two")[V4[4]]["failure"].startswith("connect-")
    answer = world.pool.ask(f"two.{APEX}", "AAAA", dnssec=True)
    (denial,) = [rrset for rrset in answer.authority if rrset.rdtype == 47]
    assert " A " in f"{denial[0].to_text()} " and "AAAA" not in denial[0].to_text()
    until(lambda: "two" in world.pool.targets(4), 10, "it is handed out")
    # If no address of a family works, all are served: the fault may be the vantage point's.
    assert world.served("mix", "A") == [V4[5]] and len(world.served("mix", "AAAA")) == 2


@pytest.mark.parametrize("world", [no_route], indirect=True)
def test_votes_are_per_family(world):
    """One vantage point has both families but trusts no certificate. Two without IPv6 outvote it for IPv4; for IPv6 it votes alone."""
    wrong = world.machine.write("other.pem", Authority(world.machine.directory, "other").path.read_text())
    argv = [BIN / "ntspool-probed", "-s", world.pool.state, "--interval", "1s", "--allow-private"]
    for name in ("one", "two", "three"):
        world.pool.vantage(name)
    world.probe("--id", "one")
    others = [world.machine.start("two", [*argv, "--trust", world.authority.path, "--id", "two"], env=environment()),
              world.machine.start("three", world.network.wrap(*argv, "--trust", wrong, "--id", "three"), env=environment())]
    three = [(3, 2), (1, 0)]  # a vantage point votes after enough probes

    def votes():
        families = world.pool.member("amy")["families"]
        return [(families[name]["votes"], families[name]["votes_in"]) for name in ("ipv4", "ipv6")]

    until(lambda: votes() == three and world.pool.member("amy")["addresses"][1]["probes"] >= 20, 120, "all three vote")
    member = world.pool.member("amy")
    assert member["eligible"] and (member["votes"], member["votes_in"]) == (3, 2)
    assert world.rows("amy")[V6[0]]["left_out"] and world.rows("amy")[V6[0]]["failure"] == "cert-chain"
    until(lambda: world.served("amy", "AAAA") == [], 20, "what nobody confirms is not served")
    six = world.pool.member(SIX)
    assert not six["eligible"] and six["votes"] == 1
    assert not world.warns("vantage-aside")
    assert world.warns("vantage-family-unseen", "vantage point one") and not world.warns("vantage-family-unseen", "vantage point three")
    world.pool.stop(*others)
