"""A member leaves on the day that it gave: out of the SRV answers before it, its name answered until then, and then removed. A member that
never gets a certificate is removed too, but not because the probe was down. The clock is simulated."""

import sys
from pathlib import Path

import pytest

from authority import Authority
from faults import NETWORK, ROWS
from machine import run, until
from pool import APEX, PRESET, Pool, records
from years import DAY, HOUR, Clock, lead

pytestmark = pytest.mark.skipif(PRESET not in ("dev", "tsan"), reason="a build that can't be led")


@pytest.fixture
def clock(machine, monkeypatch):
    return Clock(machine.directory, monkeypatch)


@pytest.fixture
def pool(machine, clock):
    pool = Pool(machine).init()
    pool.add("alice", "127.0.1.1")
    pool.add("bob", "127.0.1.2")
    pool.cli("member", "override", "--all", "eligible")
    pool.serve("--workers", "1")
    return pool


def answered(pool, name):
    return records(pool.ask(f"{name}.{pool.apex}", "A"), "A")


def test_member_is_out_of_the_answers_before_it_leaves_and_in_again_if_it_stays(pool, clock):
    until(lambda: pool.targets() == {"alice", "bob"}, 20, "both are handed out")
    pool.cli("member", "set", "alice", "--leave", "20d")
    clock.move(5 * DAY)
    assert pool.targets() == {"alice", "bob"}
    assert (pool.member("alice")["state"], pool.member("alice")["eligible"]) == ("eligible", True)
    clock.move(2 * DAY)  # leave-lead is 14d
    until(lambda: (clock.move(1), pool.targets() == {"bob"})[1], 60, "alice is no longer handed out")
    alice = pool.member("alice")
    assert (alice["state"], alice["eligible"]) == ("leaving", False) and "leaves the pool" in alice["reason"]
    assert [member["name"] for member in pool.json("member", "list", "--in-state", "leaving")] == ["alice"]
    assert pool.json("status")["states"] == {"eligible": 1, "leaving": 1}
    [out] = pool.json("explain", "--client", "192.0.2.1")["out"]
    assert (out["name"], out["state"], out["reason"]) == ("alice", "leaving", alice["reason"])
    assert answered(pool, "alice") == ["127.0.1.1"]
    pool.cli("member", "set", "alice", "--no-leave")
    until(lambda: pool.targets() == {"alice", "bob"}, 20, "alice is handed out again")


def test_member_is_removed_when_its_time_has_come(pool, clock):
    pool.cli("member", "set", "alice", "--leave", "20d")
    clock.move(19 * DAY)
    assert pool.cli("member", "expire").stdout == ""
    clock.move(DAY)
    assert "alice would be removed: as planned for " in pool.cli("member", "expire", "--dry-run").stdout
    assert answered(pool, "alice") == ["127.0.1.1"]
    serial = pool.json("zone", "show")["serial"]
    [removed] = pool.json("member", "expire")["removed"]
    assert (removed["name"], removed["why"]) == ("alice", "planned")
    until(lambda: not answered(pool, "alice"), 20, "its name is gone")
    [tombstone] = pool.json("member", "list", "--removed")
    assert (tombstone["name"], tombstone["quarantined_until"]) == ("alice", removed["quarantined_until"])
    assert "as planned for " in pool.cli("log", "alice").stdout
    assert pool.json("zone", "show")["serial"] > serial
    assert pool.cli("member", "expire").stdout == ""
    pool.cli("member", "restore", "alice")
    assert pool.member("alice")["leave_at"] is None  # or it would leave again


def test_what_is_kept_of_a_removed_member_goes_with_its_quarantine(pool, clock):
    pool.cli("zone", "set", "quarantine", "1d")
    pool.cli("member", "set", "alice", "--contact", "a@example.net")
    pool.cli("member", "remove", "alice")
    serial = pool.json("zone", "show")["serial"]
    clock.move(DAY + HOUR)
    pool.cli("member", "expire")
    assert [member["name"] for member in pool.json("member", "list", "--removed")] == ["alice"]
    clock.move(DAY)
    assert pool.cli("member", "expire", "--dry-run").stdout == pool.cli("member", "expire").stdout == ""
    assert pool.json("member", "list", "--removed") == []
    assert pool.json("zone", "show")["serial"] == serial
    assert "no removed member alice" in pool.refused("member", "restore", "alice")


def test_status_warns_of_members_that_nothing_removes(pool, clock):
    pool.cli("member", "set", "alice", "--leave", "2d")
    clock.move(2 * DAY)
    assert "members-overdue" not in pool.warned()
    clock.move(DAY)
    [text] = pool.warned()["members-overdue"]
    assert text.startswith("1 members")
    pool.cli("member", "expire")
    assert "members-overdue" not in pool.warned()


@pytest.fixture
def world(machine, clock):
    """A good member, and one whose certificate nobody trusts, so that it is never certified; and a probe."""
    run("ip", "route", "replace", "local", NETWORK, "dev", "lo")
    authority = Authority(machine.directory)
    authority.issue("good", [f"*.{APEX}"])
    authority.issue("self-signed", [f"*.{APEX}"], self_signed=True)
    pool = Pool(machine).init()
    pool.trust = authority.path
    pool.cli("zone", "set", "registration-expiry", "5d")
    for name in ("good", "self-signed"):
        (row,) = [row for row in ROWS if row.name == name]
        pool.add(name, row.address)
    server = machine.start("faultserver", [sys.executable, "-B", Path(__file__).parent / "faultserver.py", machine.directory, "good",
                                           "self-signed"])
    server.said("ready", 30)
    pool.serve("--workers", "1")
    yield pool
    pool.stop()


def probed_days(pool):
    return {hour["at"][:10] for row in pool.json("history", "self-signed")["history"] for hour in row["hours"]}


def expired(pool):
    return [(row["name"], row["why"]) for row in pool.json("member", "expire", "--dry-run")["removed"]]


def test_member_that_never_gets_a_certificate_is_removed_but_not_because_the_probe_was_down(world, clock):
    probed = world.probe(world.trust, "--interval", "10m")
    until(lambda: world.member("self-signed")["addresses"][0].get("probes"), 20, "the first probe is at once")
    lead(clock, 30 * HOUR, HOUR, probed)
    world.stop(probed)
    until(lambda: len(probed_days(world)) in (2, 3), 20, "the history is summed up")
    clock.move(10 * DAY)  # the probe is down
    assert expired(world) == []
    probed = world.probe(world.trust, "--interval", "10m")
    lead(clock, 2 * HOUR, HOUR / 4, probed)
    until(lambda: len(probed_days(world)) in (3, 4), 20, "it is probed again")
    assert expired(world) == []
    for _ in range(4):
        lead(clock, DAY, 2 * HOUR, probed)
    until(lambda: expired(world) == [("self-signed", "uncertified")], 20, "it was probed on five days")
    said = world.cli("member", "expire").stdout
    assert said == "self-signed is removed: no certificate was seen in 5d\n"
    assert [member["name"] for member in world.json("member", "list")] == ["good"]
    assert "no certificate was seen in 5d" in world.cli("log", "self-signed").stdout
    world.cli("member", "restore", "self-signed")
    assert expired(world) == []  # its time begins anew
