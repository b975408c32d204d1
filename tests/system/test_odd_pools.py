"""Steering with little information about the members or the client gives the answers that the manual describes (ntspool(1), Steering).

With one member an answer and a scale of 1,000 km, the nearest member dominates. A few answers then show where the server placed the
client."""

import collections

import dns.edns
import dns.query
import dns.rcode
import pytest

from machine import ROOT, until
from pool import APEX, SRV, Pool, records

LOCATIONS = ROOT / "tests" / "data" / "places.mmdb"
ROUNDS = 160  # multiple of 8: any 8 sets of a deck in a row hold shares of 1/2, 1/4 and 1/8 exactly

# Members: name, address, country (or none), capacity. The location file has 10.0.0.0/8 in NL, 203.0.113.128/25 in US, 127.0.0.77 in JP.
NL, US, JP = ("10.7.1.0", 24), ("203.0.113.128", 25), ("127.0.0.77", 32)
UNKNOWN = [("192.168.5.0", 24), ("172.16.5.0", 24), ("169.254.1.0", 24), ("100.64.1.0", 24), ("2001:500::", 32), ("fe80::", 64)]


class Odd(Pool):
    """A pool of a few members, served with or without a location file."""

    def make(self, members, locations=LOCATIONS, **settings):
        self.init()
        for name, value in {"srv-count": 1, "scale-km": 1000, "max-overload": 100, **settings}.items():
            self.cli("zone", "set", name.replace("_", "-"), value)
        for name, address, country, capacity in members:
            self.cli("member", "add", name, "--address", address, "--allow-private", "--capacity", capacity, "--operator", name,
                     *(["--country", country] if country else []))
        self.cli("member", "override", "--all", "eligible")
        self.serve("--workers", "1", *(["--locations", locations] if locations else []))
        return self

    def given(self, ecs=None, name=SRV, source=None):
        """How often each member was in ROUNDS answers, and the scope of those answers (None: no subnet in the answer)."""
        counts, scopes = collections.Counter(), set()
        for _ in range(ROUNDS):
            answer = dns.query.udp(self.query(name, "SRV", ecs=ecs), self.address, timeout=3, port=self.port, source=source)
            assert answer.rcode() == dns.rcode.NOERROR and len(answer.answer) == 1
            counts.update(record.target.labels[0].decode() for record in answer.answer[0])
            scopes |= {option.scopelen for option in answer.options if option.otype == dns.edns.ECS} or {None}
        (scope,) = scopes
        return counts, scope


def in_parts(counts, parts):
    """True if each member got its share of the answers. Decks give shares almost exactly."""
    total = sum(parts.values())
    return set(counts) == set(parts) and all(abs(counts[name] - ROUNDS * part / total) < ROUNDS * 0.05
                                             for name, part in parts.items())


@pytest.fixture
def odd(machine):
    pool = Odd(machine)
    yield pool
    pool.stop()


def test_without_a_location_file_capacity_decides_for_everybody(odd):
    odd.make([("amy", "10.0.0.1", "NL", 300), ("jun", "10.0.1.1", "JP", 100)], locations=None)
    for client in (NL, JP, UNKNOWN[0], None):
        counts, scope = odd.given(client)
        assert in_parts(counts, {"amy": 3, "jun": 1}), (client, counts)
        assert scope == (0 if client else None)
    assert odd.given(NL, f"_ntske._tcp.jp.{APEX}") == ({"jun": ROUNDS}, 0), "regions go by --country"


def test_one_member_in_all_is_everybody_s(odd):
    odd.make([("amy", "10.0.0.1", "NL", 10)], srv_count=4)
    for client in (NL, JP, *UNKNOWN):
        assert odd.given(client)[0] == {"amy": ROUNDS}
    for region in ("nl", "europe"):
        assert odd.given(name=f"_ntske._tcp.{region}.{APEX}")[0] == {"amy": ROUNDS}


def test_all_members_in_one_country_serve_all_others_by_capacity(odd):
    odd.make([(f"m{number}", f"10.{number}.0.1", "NL", capacity) for number, capacity in enumerate((100, 100, 200))], max_overload="1.1")
    for client in (NL, US, JP, UNKNOWN[0]):
        counts, _ = odd.given(client)
        assert in_parts(counts, {"m0": 1, "m1": 1, "m2": 2}), (client, counts)
    assert odd.ask(f"_ntske._tcp.us.{APEX}", "SRV").rcode() == dns.rcode.NXDOMAIN


def test_capacity_0_is_never_handed_out_and_keeps_its_name(odd):
    odd.make([("amy", "10.0.0.1", "NL", 100), ("watch", "10.0.1.1", "NL", 0), ("alone", "10.0.2.1", "JP", 0)])
    for client in (NL, JP, UNKNOWN[0]):
        assert odd.given(client)[0] == {"amy": ROUNDS}
    assert odd.given(name=f"_ntske._tcp.europe.{APEX}")[0] == {"amy": ROUNDS}
    assert records(odd.ask(f"_ntske._tcp.jp.{APEX}", "SRV"), "SRV") == ["0 0 0 ."], "a name, and nobody to hand out"
    assert records(odd.ask(f"watch.{APEX}", "A"), "A") == ["10.0.1.1"]


def test_nobody_but_capacity_0_is_no_service(odd):
    odd.make([("watch", "10.0.1.1", "NL", 0)])
    for client in (NL, UNKNOWN[0], None):
        assert records(odd.ask(SRV, "SRV", ecs=client), "SRV") == ["0 0 0 ."]


def test_a_member_without_place_counts_as_one_at_an_average_distance(odd):
    odd.make([("amy", "10.0.0.1", "NL", 100), ("jun", "10.9.0.1", "JP", 100), ("lost", "172.16.0.1", None, 100),
              ("gone", "172.17.0.1", None, 100)], scale_km=3000)
    for client, near, far in ((NL, "amy", "jun"), (JP, "jun", "amy")):
        counts, _ = odd.given(client)
        assert counts[near] > counts["lost"] > counts[far] and counts[near] > counts["gone"] > counts[far], (client, counts)
    counts, _ = odd.given(UNKNOWN[0])
    assert in_parts(counts, {"amy": 1, "jun": 1, "lost": 1, "gone": 1}), counts
    for region, expected in (("nl", "amy"), ("europe", "amy"), ("asia", "jun")):
        assert odd.given(name=f"_ntske._tcp.{region}.{APEX}")[0] == {expected: ROUNDS}, "it is in no region"


def test_a_member_that_moves_is_in_its_new_region_at_once(odd):
    odd.make([("amy", "10.0.0.1", "NL", 100), ("bob", "10.0.1.1", "DE", 100)])
    odd.cli("member", "set", "bob", "--country", "US", "--allow-private")
    until(lambda: records(odd.ask(f"_ntske._tcp.us.{APEX}", "SRV"), "SRV") == [f"0 1 4460 bob.{APEX}."], 20, "bob is in its region")
    assert odd.ask(f"_ntske._tcp.de.{APEX}", "SRV").rcode() == dns.rcode.NXDOMAIN
    assert records(odd.ask(f"_ntske._tcp.europe.{APEX}", "SRV"), "SRV") == [f"0 1 4460 amy.{APEX}."]


@pytest.fixture(scope="module")
def near(shared_machine):
    """One member in each of three countries. At this scale a client in a country gets that country's member only."""
    pool = Odd(shared_machine).make([("amy", "10.0.0.1", "NL", 100), ("bob", "10.8.0.1", "US", 100), ("jun", "10.9.0.1", "JP", 200)],
                                    scale_km=100)
    yield pool
    pool.stop()


@pytest.mark.parametrize("client, member, scope", [
    (("10.7.1.0", 24), "amy", 14),
    (("10.7.1.77", 32), "amy", 14),              # longer than the prefix in the file: the scope is the file's
    (("2001:db8:1:2:3:4:5:6", 128), "amy", 48),
    (("::ffff:10.7.1.0", 120), "amy", 96 + 14),  # IPv4-mapped IPv6
    (("203.0.113.129", 32), "bob", 25),
    (("127.0.0.77", 32), "jun", 32),
    (("10.0.0.0", 7), "amy", 16),                # shorter: the first address decides
])
def test_clients_with_a_place_get_whom_is_near(near, client, member, scope):
    counts, told = near.given(client)
    assert counts[member] > 0.95 * ROUNDS, counts
    assert told == scope


@pytest.mark.parametrize("client", UNKNOWN)
def test_private_and_unknown_clients_get_everybody_by_capacity(near, client):
    counts, scope = near.given(client)
    assert in_parts(counts, {"amy": 1, "bob": 1, "jun": 2}), counts
    assert 0 < scope <= client[1], "as far as the file knows nothing"


@pytest.mark.parametrize("ecs", [("0.0.0.0", 0), ("::", 0), None])
def test_without_a_subnet_the_resolver_s_own_address_decides(near, ecs):
    """RFC 7871 7.1.2: with source prefix length 0 the resolver withholds the client's address."""
    for source, expected in (("127.0.0.77", "jun"), ("127.0.1.5", "amy"), ("127.0.3.5", "bob")):
        counts, scope = near.given(ecs, source=source)
        assert counts[expected] > 0.95 * ROUNDS, (source, counts)
        assert scope == (0 if ecs else None)
    counts, _ = near.given(ecs, source="127.0.9.9")
    assert in_parts(counts, {"amy": 1, "bob": 1, "jun": 2}), "a resolver from nowhere"
