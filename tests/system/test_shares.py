"""The answers on the wire agree with `explain` and `share`. The server counts them, and no answer has two members of one failure domain.

NTSPOOL_SHARE_QUERIES sets the number of queries (default 20,000; the full acceptance run takes 200,000)."""

import collections
import ipaddress
import os
import random
import socket
import time

import dns.flags
import dns.message
import dns.rdatatype
import pytest

from machine import ROOT, until
from pool import SRV, Pool
from years import Clock

QUERIES = int(os.environ.get("NTSPOOL_SHARE_QUERIES", "20000"))
LOCATIONS = ROOT / "tests" / "data" / "places.mmdb"
WINDOW = 32  # queries under way at once
HALF_LIFE_S, PRIOR = 1200, 2000  # of the demand: zone/steering/traffic.h

# (subnet, prefix length), queries in a hundred, country
CLIENTS = [
    (("10.7.0.0", 24), 24, "NL"),
    (("2001:db8:1::", 48), 8, "NL"),
    (("198.51.100.0", 24), 22, "DE"),
    (("203.0.113.128", 25), 14, "US"),
    (("2001:db8:77::", 48), 8, "US"),
    (("192.0.2.0", 24), 9, "FR"),
    (("fd00:1::", 48), 8, "BR"),
    (("172.16.0.0", 24), 7, None),
]
COUNTRIES = ["NL", "DE", "US", "FR", "JP", "BR", "GB", "DE"]
MEMBERS = 32


def operator_of(number):
    """Every fourth member belongs to one of three operators."""
    return f"group{number // 4 % 3}" if number % 4 == 0 else f"alone{number}"


def addresses_of(number):
    """Members 1 and 2 share a /24, as do 5 and 6; 9 and 10 share a /48. Every third member has IPv6 too."""
    network = {2: 1, 6: 5}.get(number, number)
    addresses = [f"10.{100 + network}.0.{number + 1}"]
    if number % 3 == 0 or number == 10:
        addresses.append(f"2001:db8:{100 + {10: 9}.get(number, number)}::{number + 1}")
    return addresses


def capacity_of(number):
    return (10, 100, 100, 250, 1000)[number % 5]


@pytest.fixture(scope="module")
def shared_pool(shared_machine):
    pool = Pool(shared_machine).init()
    rows = ["name,country,ipv4,ipv6,capacity_mbit,operator,override"]
    for number in range(MEMBERS):
        v4, *v6 = addresses_of(number)
        rows.append(f"m{number},{COUNTRIES[number % len(COUNTRIES)]},{v4},{' '.join(v6)},{capacity_of(number)},"
                    f"{operator_of(number)},eligible")
    table = shared_machine.directory / "members.csv"
    table.write_text("\n".join(rows) + "\n")
    pool.cli("member", "import", table, "--allow-private")
    pool.cli("zone", "set", "max-overload", "1.5")
    pool.cli("zone", "set", "srv-ttl", "1s")  # a deal a second, so that rounding errors even out over the deals
    yield pool
    pool.stop()


class Client:
    """Asks for SRV with each subnet. Counts the members in the answers, and the queries by subnet."""

    def __init__(self, pool, clients=CLIENTS):
        self.pool = pool
        self.weights = [weight for _, weight, _ in clients]
        self.wires = [bytearray(pool.query(SRV, "SRV", ecs=subnet).to_wire()) for subnet, _, _ in clients]
        self.given = collections.Counter()
        self.asked = collections.Counter()
        self.known = {}  # targets by response without its ID, since queries far outnumber the sets

    def targets(self, response):
        found = self.known.get(response[2:])
        if found is None:
            message = dns.message.from_wire(response)
            found = tuple(record.target.labels[0].decode() for rrset in message.answer
                          if rrset.rdtype == dns.rdatatype.SRV for record in rrset)
            self.known[response[2:]] = found
        return found

    def ask(self, count, seed):
        order = random.Random(seed).choices(range(len(self.wires)), self.weights, k=count)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect((self.pool.address, self.pool.port))
            for first in range(0, count, WINDOW):
                batch = order[first:first + WINDOW]
                for ident, client in enumerate(batch):
                    self.wires[client][0:2] = ident.to_bytes(2, "big")
                    sock.send(self.wires[client])
                    self.asked[client] += 1
                for _ in batch:
                    self.given.update(self.targets(sock.recv(4096)))


def critical(freedom):
    """The value that chi-square exceeds by chance in one case of a hundred (Wilson and Hilferty 1931)."""
    part = 2 / (9 * freedom)
    return freedom * (1 - part + 2.3263 * part ** 0.5) ** 3


def chi_square(given, expected):
    """The chi-square statistic of the counts against the expected shares."""
    total, sum_expected = sum(given.values()), sum(expected.values())
    assert set(given) <= set(expected)
    return sum((given[name] - total * part / sum_expected) ** 2 / (total * part / sum_expected)
               for name, part in expected.items())


def fits(given, expected):
    """True if chance alone can explain the counts. pytest -s shows the figures."""
    value, limit = chi_square(given, expected), critical(len(expected) - 1)
    print(f"chi-square of {sum(given.values())} over {len(expected)} members: {value:.1f}, rejected from {limit:.1f}")
    return value < limit


def explained(pool, client):
    (address, _), _, _ = CLIENTS[client]
    return pool.json("explain", "--client", address, "--locations", LOCATIONS)


@pytest.fixture(scope="module")
def asked(shared_pool):
    """The client after two runs of the server. The first run measures the demand. The second knows it from the start."""
    pool = shared_pool
    client = Client(pool)
    begin = time.monotonic()
    pool.serve("--locations", LOCATIONS, "--workers", "2")
    client.ask(QUERIES, seed=1)
    pool.stop()
    client.first = pool.json("share", "--locations", LOCATIONS)
    client.first_given, client.given = client.given, collections.Counter()
    client.first_asked, client.asked = client.asked, collections.Counter()
    pool.serve("--locations", LOCATIONS, "--workers", "2")
    client.ask(QUERIES, seed=2)
    pool.stop()
    client.share = pool.json("share", "--locations", LOCATIONS)
    client.faded = 2 ** -((time.monotonic() - begin + 1) / HALF_LIFE_S)  # the demand fades at most to this fraction
    return client


def test_explain_names_cell_candidates_and_who_is_out(asked, shared_pool):
    for client, ((address, length), _, country) in enumerate(CLIENTS):
        told = explained(shared_pool, client)
        assert told["client"] == address and told["located"]
        assert told["cell"]["country"] == country
        assert told["area"] == ("cell" if country else "world")
        assert told["cell"]["scope"] <= length
        assert abs(sum(row["expected"] for row in told["candidates"]) - told["members_an_answer"]) < 1e-6
        assert [row["expected"] for row in told["candidates"]] == sorted(
            (row["expected"] for row in told["candidates"]), reverse=True)
        if country:
            nearest = min(told["candidates"], key=lambda row: row["km"])
            assert COUNTRIES[int(nearest["name"][1:]) % len(COUNTRIES)] == country
        assert told["out"] == []


def test_counts_are_what_explain_expects(asked, shared_pool):
    expected = collections.Counter()
    for client, queries in asked.asked.items():
        for row in explained(shared_pool, client)["candidates"]:
            expected[row["name"]] += queries * row["expected"]
    assert fits(asked.given, expected)


def test_counts_are_what_share_expects(asked):
    expected = {row["name"]: row["expected"] for row in asked.share["members"]}
    assert abs(sum(expected.values()) - 1) < 1e-6
    assert fits(asked.given, expected)
    assert max(row["expected_ratio"] for row in asked.share["members"]) < 1.5 * 1.02


def test_chi_square_would_notice_a_member_with_a_tenth_too_much(asked):
    """The test of the test: with a tenth less expected for the busiest member, the counts do not fit."""
    expected = {row["name"]: row["expected"] for row in asked.share["members"]}
    name = max(expected, key=expected.get)
    expected[name] /= 1.1
    assert not fits(asked.given, expected)


def test_no_set_holds_kin(asked):
    for targets in asked.known.values():
        numbers = [int(name[1:]) for name in targets]
        assert len(numbers) == 4
        ties = [operator_of(number) for number in numbers]
        for number in numbers:
            ties += {ipaddress.ip_network((address, 48 if ":" in address else 24), strict=False)
                     for address in addresses_of(number)}
        assert len(ties) == len(set(ties)), targets


def test_every_answer_is_counted_and_kept_over_a_restart(asked):
    first = {row["name"]: row["answers_day"] for row in asked.first["members"]}
    both = {row["name"]: row["answers_day"] for row in asked.share["members"]}
    assert first == {name: asked.first_given[name] for name in first}
    assert both == {name: asked.first_given[name] + asked.given[name] for name in both}
    assert asked.share["answers_day"] == 2 * 4 * QUERIES
    ratios = [row["ratio"] for row in asked.share["members"]]
    assert ratios == sorted(ratios, reverse=True)


def test_demand_is_measured_by_cell(asked):
    queries = collections.Counter()
    for client, (_, _, country) in enumerate(CLIENTS):
        queries[country] += asked.first_asked[client] + asked.asked[client]
    assert 2 * QUERIES * asked.faded <= asked.share["measured"] <= 2 * QUERIES
    demand = {row["country"]: row["queries"] for row in asked.share["demand"]}
    for country, count in queries.items():
        assert count * asked.faded <= demand[country] <= count + PRIOR


def test_removal_takes_the_counts_along(asked, shared_pool):
    pool = shared_pool
    pool.cli("member", "remove", "m7")
    pool.serve("--locations", LOCATIONS)
    pool.stop()
    share = pool.json("share", "--locations", LOCATIONS)
    assert "m7" not in {row["name"] for row in share["members"]}
    assert share["answers_day"] == 2 * 4 * QUERIES - asked.first_given["m7"] - asked.given["m7"]


def test_without_a_location_file_it_is_said(asked, shared_pool):
    assert "no location file" in shared_pool.cli("explain", "--client", "10.7.0.1").stdout
    assert "no location file" in shared_pool.cli("share").stdout
    assert shared_pool.json("explain", "--client", "10.7.0.1")["located"] is False


def test_a_pool_with_nobody_in_it_is_explained(machine):
    pool = Pool(machine).init()
    assert "no member is eligible" in pool.cli("explain", "--client", "192.0.2.1").stdout
    assert pool.json("share")["members"] == []
    pool.add("watch", "10.0.0.1", options=("--capacity", "0"))
    told = pool.json("explain", "--client", "192.0.2.1", "--locations", LOCATIONS)
    assert told["candidates"] == [] and told["members_an_answer"] == 0
    assert [row["name"] for row in told["out"]] == ["watch"]
    assert [row["ratio"] for row in pool.json("share")["members"]] == [None]


def test_a_store_for_counts_that_is_missing_is_made_anew(machine):
    pool = Pool(machine).init()
    pool.add("alice", "10.0.0.1")
    pool.cli("member", "override", "alice", "eligible")
    (pool.state / "traffic").rename(pool.state / "away")
    pool.serve()
    assert pool.targets(rounds=3) == {"alice"}
    pool.stop()
    assert pool.json("share")["answers_day"] == 3


def test_without_a_store_for_counts_the_server_answers_and_says_so(machine):
    """A file is in the place of the store's directory."""
    pool = Pool(machine).init()
    pool.add("alice", "10.0.0.1")
    pool.cli("member", "override", "alice", "eligible")
    (pool.state / "traffic").rename(pool.state / "away")
    (pool.state / "traffic").write_text("no directory")
    server = pool.serve()
    assert pool.targets(rounds=2) == {"alice"}
    pool.stop()
    assert "what is counted is not kept" in server.output()
    (pool.state / "traffic").unlink()
    (pool.state / "away").rename(pool.state / "traffic")
    pool.serve()
    assert pool.targets(rounds=3) == {"alice"}
    pool.stop()
    assert pool.json("share")["answers_day"] == 3


def answers_to(pool, query, count):
    """The answers to a burst of one query over UDP."""
    wire = query.to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((pool.address, pool.port))
        for _ in range(count):
            sock.send(wire)
        sock.settimeout(2)
        answers = []
        try:
            while True:
                answers.append(dns.message.from_wire(sock.recv(4096), raise_on_truncation=False))
        except TimeoutError:
            return answers


def test_what_the_rate_limit_holds_back_is_not_counted(machine):
    pool = Pool(machine).init()
    for name in ("alice", "bob"):
        pool.add(name, f"10.0.{len(name)}.1")
    pool.cli("member", "override", "--all", "eligible")
    pool.cli("zone", "set", "rrl-rate", "20")
    pool.serve("--locations", LOCATIONS, "--workers", "1")
    answers = answers_to(pool, pool.query(SRV, "SRV", ecs=("10.7.0.0", 24)), 200)
    whole = [answer for answer in answers if answer.answer]
    truncated = [answer for answer in answers if answer.flags & dns.flags.TC]
    assert 20 <= len(whole) < 60 and truncated and len(answers) < 150, "some dropped, some truncated"
    pool.stop()
    share = pool.json("share", "--locations", LOCATIONS)
    assert {row["name"]: row["answers_day"] for row in share["members"]} == {"alice": len(whole), "bob": len(whole)}
    assert round(share["measured"]) == len(whole)


def test_what_does_not_fit_is_counted_when_it_comes_by_tcp(machine):
    pool = Pool(machine).init()
    names = [f"{letter * 60}" for letter in "abcdefgh"]
    for number, name in enumerate(names):
        pool.add(name, f"10.{number}.0.1")
    pool.cli("member", "override", "--all", "eligible")
    pool.cli("zone", "set", "srv-count", "8")
    pool.serve("--locations", LOCATIONS)
    for _ in range(5):
        assert pool.ask(SRV, "SRV", edns=False).flags & dns.flags.TC
    for _ in range(3):
        assert len(pool.ask(SRV, "SRV", edns=False, tcp=True).answer[0]) == 8
    pool.stop()
    share = pool.json("share", "--locations", LOCATIONS)
    assert {row["answers_day"] for row in share["members"]} == {3}
    assert round(share["measured"]) == 3


def test_shares_follow_the_demand_within_a_minute(machine, monkeypatch):
    """The only member in a country is in every answer for clients there while they are few. It can't be when they send most queries."""
    clock = Clock(machine.directory, monkeypatch)
    pool = Pool(machine).init()
    for number in range(12):
        pool.add(f"nl{number}", f"10.{number}.0.1", country="NL")
    pool.add("tokyo", "10.99.0.1", country="JP")
    pool.cli("member", "override", "--all", "eligible")
    pool.cli("zone", "set", "max-overload", "1.1")
    pool.cli("zone", "set", "scale-km", "1000")
    pool.serve("--locations", LOCATIONS, "--workers", "1")
    client = Client(pool, [(("127.0.0.77", 32), 1, "JP")])

    def part_of_tokyo():
        client.given.clear()
        client.ask(256, seed=1)
        return client.given["tokyo"] / 256

    # The first deal has no shares yet. The next one has them and comes at once.
    until(lambda: part_of_tokyo() == 1, 10, "the near member is in every set")
    client.ask(6000, seed=2)
    assert part_of_tokyo() == 1, "not before a minute has passed"
    clock.move(61)
    until(lambda: part_of_tokyo() < 0.45, 10, "the near member has 1.1 times its fair part: 4.4 of 13 sets")
    pool.stop()


def test_wrong_usage_is_named(machine):
    pool = Pool(machine).init()
    for arguments in (["explain"], ["explain", "--client", "nowhere"], ["share", "all"],
                      ["share", *["--locations", LOCATIONS] * 5]):
        assert pool.cli(*arguments, check=False).returncode == 2, arguments
    assert "/none.mmdb" in pool.refused("explain", "--client", "::1", "--locations", "/none.mmdb")


def test_who_is_out_has_its_reason(asked, shared_pool):
    pool = shared_pool
    pool.cli("member", "suspend", "m3")
    pool.cli("member", "set", "m4", "--capacity", "0", "--allow-private")
    told = explained(pool, 0)
    assert {row["name"]: row["state"] for row in told["out"]}["m3"] == "suspended"
    assert {row["name"]: row["reason"] for row in told["out"]}["m4"] == "capacity 0: monitored only"
    rows = {row["name"]: row for row in pool.json("share", "--locations", LOCATIONS)["members"]}
    assert rows["m3"]["ratio"] is None and rows["m3"]["expected"] == 0
