"""The history that operators see: scores over time, and the events of a member with their causes."""

import re

import pytest

from authority import Authority
from machine import until
from pool import APEX, Pool
from timeserver import Chronyd


@pytest.fixture(scope="module")
def world(shared_machine):
    authority = Authority(shared_machine.directory)
    pool = Pool(shared_machine).init()
    pool.add("alice", "127.0.1.1")
    pool.alice = Chronyd(shared_machine, "alice", ["127.0.1.1"], *authority.issue("alice", [f"alice.{APEX}"]))
    pool.probe(authority.path)
    until(lambda: pool.member("alice")["eligible"], 30, "alice is eligible")
    yield pool
    pool.stop()


def history(pool):
    (subject,) = pool.json("history", "alice")["history"]
    return subject


def events(pool, name="alice"):
    return [(event["who"], event["what"]) for event in pool.json("log", name)]


def test_samples_are_there_within_an_interval(world):
    until(lambda: history(world)["samples"], 10, "a sample is written")
    subject = history(world)
    assert (subject["address"], subject["vantage"]) == ("127.0.1.1", "local")
    sample = subject["samples"][-1]
    assert sample["failure"] == "ok" and sample["score"] > 0 and abs(sample["offset_ms"]) < 100 and sample["rtt_ms"] < 1000
    text = world.cli("history", "alice").stdout
    assert "127.0.1.1, seen from local" in text and "% of" in text and any(bar in text for bar in "▁▂▃▄▅▆▇█")


def reach(world):
    """Of alice, as a number."""
    (row,) = world.json("member", "list", "--reach")
    return int(row["reach"], 8)


def test_list_shows_the_outcomes_of_the_last_probes_as_chronyc_does(world):
    until(lambda: reach(world) & 1, 20, "the last probe succeeded")
    heads, row = (line.split() for line in world.cli("member", "list", "--reach").stdout.splitlines())
    assert heads[:5] == ["NAME", "STATE", "SCORE", "REACH", "LAST"]
    assert row[0] == "alice" and re.fullmatch("[1-3]?[0-7]{1,2}", row[3]) and re.fullmatch("[0-9]+s", row[4]), row
    heads, row = (line.split() for line in world.cli("member", "list").stdout.splitlines())
    assert heads[:4] == ["NAME", "STATE", "SCORE", "LAST"] and re.fullmatch("[0-9]+s", row[3]), row
    assert "reach" not in world.json("member", "list")[0]
    assert world.json("member", "list")[0]["last_probe_at"] >= world.member("alice")["state_since"]


def test_log_tells_the_life_of_a_member(world):
    until(lambda: ("local", "eligible") in events(world), 20, "the entry is logged")
    assert events(world)[0][1].startswith("member add: ")
    world.cli("member", "suspend", "alice")
    world.cli("member", "resume", "alice")
    assert [what for _, what in events(world) if what.startswith("member ")][1:] == ["member suspend: suspended - -> yes",
                                                                                     "member resume: suspended yes -> -"]
    world.alice.kill()
    until(lambda: any(what.startswith("ineligible: 127.0.1.1: ") for _, what in events(world)), 30, "the fall is logged")
    until(lambda: reach(world) & 1 == 0, 20, "the last probe has failed")
    assert "ineligible: 127.0.1.1: " in world.cli("log", "alice").stdout


def test_log_outlives_the_member(world):
    world.cli("member", "remove", "alice")
    assert any(what.startswith("member remove: ") for _, what in events(world))
    assert "nothing is known" in world.refused("log", "nobody")
    assert "removed" in world.refused("history", "alice")


def test_history_survives_the_probe(world):
    world.stop(world.probed)
    world.probed = None
    world.cli("member", "add", "bob", "--address", "9.9.9.9", "--operator", "bob")
    assert "not probed" in world.cli("history", "bob").stdout
