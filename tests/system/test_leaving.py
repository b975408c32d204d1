"""A member leaves on the day that it gave: out of the SRV answers before it, its name answered until then, and then removed. The clock is
simulated, and no store changes meanwhile."""

import pytest

from machine import until
from pool import PRESET, Pool, records
from years import DAY, Clock

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
