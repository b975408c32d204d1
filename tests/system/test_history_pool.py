"""The history of the pool: members and addresses by hour and country, queries and answers by hour, a member's answers by day. The judges
are the members that the test registered and the answers that its own client got."""

import datetime

import pytest

from machine import until
from pool import APEX, SRV, Pool
from years import DAY, HOUR, Clock


def override(pool, name, *addresses, country, options=()):
    pool.add(name, *addresses, country=country, options=options)
    pool.cli("member", "override", name, "eligible")


@pytest.fixture
def world(machine, monkeypatch):
    clock = Clock(machine.directory, monkeypatch)
    # noon, so that no midnight comes between
    clock.move(12 * HOUR - clock.now() % DAY)
    pool = Pool(machine).init()
    pool.clock = clock
    override(pool, "alice", "127.0.1.1", "fd00::1", country="NL")
    override(pool, "bob", "127.0.1.2", country="DE")
    pool.add("carol", "127.0.1.3", country="NL")
    pool.add("dave", "127.0.1.4", country="FR")
    pool.cli("member", "suspend", "dave")
    yield pool
    pool.stop()


def day_of(text):
    return datetime.datetime.fromisoformat(text).date()


def hours(pool):
    return pool.json("history")["hours"]


def test_pool_has_a_history_of_members_queries_and_answers(world):
    assert world.json("history") == {"hours": [], "days": [], "traffic": []}
    assert "is ntspoold running?" in world.cli("history").stdout
    world.serve()
    until(lambda: hours(world), 30, "the members are counted")
    [hour] = hours(world)
    assert {state: count for state, count in hour["states"].items() if count} == {"eligible": 2, "registered": 1, "suspended": 1}
    assert hour["eligible"] == 2 and hour["eligible_mbit"] == 200
    assert hour["ipv4"] == {"addresses": 4, "working": 0, "eligible": 2}
    assert hour["ipv6"] == {"addresses": 1, "working": 0, "eligible": 1}
    [day] = world.json("history")["days"]
    assert day["countries"] == [
        {"country": "DE", "members": 1, "eligible": 1, "eligible_ipv4": 1, "eligible_ipv6": 0},
        {"country": "FR", "members": 1, "eligible": 0, "eligible_ipv4": 0, "eligible_ipv6": 0},
        {"country": "NL", "members": 2, "eligible": 1, "eligible_ipv4": 1, "eligible_ipv6": 1},
    ]
    got = [rdata.target.labels[0].decode() for _ in range(7) for rrset in world.ask(SRV, "SRV").answer for rdata in rrset]
    assert sorted(set(got)) == ["alice", "bob"]
    world.ask(f"alice.{APEX}", "A")
    world.stop(world.server)
    traffic = world.json("history")["traffic"]
    assert sum(hour["answers"] for hour in traffic) == 7
    assert sum(hour["queries"] for hour in traffic) >= 8
    answers = world.json("history", "alice")["answers"]
    assert len(answers) == 60 and answers[-1]["answers"] == got.count("alice") and sum(day["answers"] for day in answers) == got.count("alice")
    assert f"  {got.count('alice')} today, 0 yesterday" in world.cli("history", "alice").stdout

    # the next day: the days before stay
    world.clock.move(DAY)
    world.cli("member", "remove", "bob")
    world.serve()
    until(lambda: len(hours(world)) == 2, 30, "the members are counted again")
    first, second = hours(world)
    assert day_of(second["at"]) - day_of(first["at"]) == datetime.timedelta(days=1)
    assert (first["eligible"], second["eligible"]) == (2, 1)
    assert world.json("history", "alice")["answers"][-2]["answers"] == got.count("alice")
    assert [row["eligible"] for row in world.json("history", "--since", "1h")["hours"]] == [1]
    heads, one, two, *_ = (line.split() for line in world.cli("history").stdout.splitlines())
    assert heads == ["DAY", "MEMBERS", "ELIGIBLE", "IPV4", "IPV6", "QUERIES", "ANSWERS"]
    assert (one[:5], one[6]) == ([str(day_of(first["at"])), "4", "2", "2", "1"], "7")
    assert two[:5] == [str(day_of(second["at"])), "3", "1", "1", "1"]
