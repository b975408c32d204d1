"""Verdicts and traffic through a whole fleet: real members, real probes beside servers and far away, three name servers that agree."""

import pytest

from authority import Authority
from fleet import Fleet
from machine import ROOT, until
from pool import APEX, SRV
from timeserver import Chronyd

LOCATIONS = ROOT / "tests" / "data" / "places.mmdb"
MEMBERS = ("alice", "bob", "carol")
PROBES = {"admin": "local", "fra1": "fra", "tokyo": "tokyo"}  # machine: vantage point
CLIENTS = {"ams1": ("10.7.0.0", 24, "NL", 300), "fra1": ("203.0.113.128", 25, "US", 200)}  # who asks which edge how often


class World:
    def __init__(self, machine):
        self.fleet = Fleet(machine, nodes=1, options=("--locations", LOCATIONS)).found()
        self.admin = self.fleet.admin
        self.edges = [self.admin, *self.fleet.add_all(*CLIENTS, options=("--locations", LOCATIONS))]
        self.tokyo = self.fleet.add("tokyo", role="vantage", serves=False)
        authority = Authority(machine.directory)
        self.hosts = {name: self.fleet.ground.host(name) for name in MEMBERS}
        self.servers = {name: Chronyd(machine, f"{name}-chronyd", [host.address], *authority.issue(name, [f"{name}.{APEX}"]), network=host)
                        for name, host in self.hosts.items()}
        for name, host in self.hosts.items():
            self.admin.add(name, host.address)
        for name, vantage in PROBES.items():
            member = self.fleet.members[name]
            if member is not self.admin:  # which `init` has named
                self.admin.vantage(vantage, member.cli("vantage", "key", "--id", vantage).stdout.strip())
        for name, vantage in PROBES.items():
            self.fleet.members[name].probe(authority.path, "--id", vantage)

    def handed_out(self):
        """What each edge hands out."""
        return [edge.targets(30) for edge in self.edges]

    def agree(self, *names):
        """Waits until all edges hand these members out, and no other."""
        until(lambda: self.handed_out() == [set(names)] * len(self.edges), 90, f"all edges hand out {names}", 0.5)

    def votes(self, member):
        """What each edge knows of each vantage point's verdict."""
        return [{row["name"]: row["stage"] for row in edge.member(member)["vantages"]} for edge in self.edges]


@pytest.fixture(scope="module")
def world(shared_machine):
    world = World(shared_machine)
    yield world
    world.fleet.close()


def test_members_that_all_probes_confirm_are_handed_out_by_all_edges(world):
    until(lambda: world.votes("alice") == [dict.fromkeys(PROBES.values(), "eligible")] * 3, 90, "each edge knows the votes of all", 0.5)
    world.agree(*MEMBERS)


def test_a_member_that_one_probe_of_three_does_not_reach_stays_and_one_that_none_reaches_goes_from_all_edges(world):
    world.fleet.ground.cut([world.hosts["alice"]], [world.tokyo.host])
    world.servers["bob"].kill()
    until(lambda: [votes["tokyo"] for votes in world.votes("alice")] == ["ineligible"] * 3, 90, "each edge knows that tokyo does not reach it", 0.5)
    world.agree("alice", "carol")
    for edge in world.edges:
        assert edge.shows("bob") == {"bob": world.hosts["bob"].address}  # its name stays


def test_what_all_probes_reach_again_comes_back_to_all_edges(world):
    world.fleet.ground.heal()
    world.servers["bob"].start()
    world.agree(*MEMBERS)
    until(lambda: [votes["tokyo"] for votes in world.votes("alice")] == ["eligible"] * 3, 90, "tokyo reaches it again", 0.5)


def test_shares_count_what_all_edges_were_asked_for_or_one_of_them(world):
    for edge in world.edges:
        if edge.host.name in CLIENTS:
            address, length, _, count = CLIENTS[edge.host.name]
            for _ in range(count):
                assert edge.ask(SRV, "SRV", ecs=(address, length)).answer
    for edge in world.edges[1:]:  # what was counted is written at the end, and told at the start
        edge.down()
        edge.up()

    def share(*options):
        return world.admin.json("share", "--locations", LOCATIONS, *options)

    def demand(of, country):
        return sum(row["queries"] for row in of["demand"] if row["country"] == country)

    def told():
        whole, alone = share(), {name: share("--edge", name) for name in ("admin", *CLIENTS)}
        assert whole["machines"] == 3 and [of["machines"] for of in alone.values()] == [1, 1, 1]
        assert whole["measured"] == pytest.approx(sum(of["measured"] for of in alone.values()), rel=0.01)
        for name, (_, _, country, count) in CLIENTS.items():
            of = {other: demand(alone[other], country) for other in alone}
            assert all(of[name] - of[other] >= 0.8 * count for other in of if other != name), (country, of)
            assert demand(whole, country) - of["admin"] >= 0.8 * count
        return True

    until(told, 150, "the admin knows what all were asked for", 1)
    assert "no machine" in world.admin.refused("share", "--edge", "nobody")


def test_an_edge_that_starts_later_knows_all_verdicts_at_once(world):
    """Those of vantage points far away, and of probes beside other servers."""
    late = world.fleet.add("late")
    until(lambda: {row["name"]: row["stage"] for row in late.member("alice")["vantages"]} == dict.fromkeys(PROBES.values(), "eligible"), 90,
          "it knows the votes", 0.5)
    until(lambda: late.targets(30) == set(MEMBERS), 60, "it hands all out", 0.5)
