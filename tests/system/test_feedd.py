"""ntspool-feedd on machines of a fleet with real etcd: what it takes, says and writes, whatever happens to it and to the engine."""

import json
import re
from pathlib import Path

import pytest

from fleet import Fleet
from machine import ROOT, run, until
from pool import BIN


@pytest.fixture(scope="module")
def fleet(shared_machine):
    """One node of the engine, an admin that answers, an edge that answers, and a vantage point."""
    fleet = Fleet(shared_machine, nodes=1).found()
    fleet.add("ams1")
    fleet.add("tokyo", role="vantage", serves=False)
    yield fleet
    fleet.close()


def warnings(member):
    return {row["id"] for row in json.loads(member.cli("status", "--json", check=False).stdout)["warnings"]}


def metrics(member):
    """The samples of the fleet, by name and labels."""
    text = member.cli("metrics", check=False).stdout
    return {name: float(value) for name, value in re.findall(r"^(ntspool_fleet_\S+) (\S+)$", text, re.M)}


def test_a_change_reaches_each_machine_and_each_says_that_it_has_it(fleet):
    ams1 = fleet.members["ams1"]
    fleet.admin.add("alice", "192.0.2.1")
    fleet.level()
    until(lambda: ams1.shows("alice") == {"alice": "192.0.2.1"}, 60, "the edge answers", 0.2)
    assert fleet.members["tokyo"].members() == {"alice": "192.0.2.1"}
    change = fleet.admin.position()

    def told():
        seen = metrics(fleet.admin)
        return seen.get("ntspool_fleet_change") == change and all(
            seen.get(f'ntspool_fleet_machine_lag_changes{{machine="{name}"}}') == 0 for name in ("admin", "ams1", "tokyo"))

    until(told, 60, "all machines are known to have the change", 0.5)
    keys = {key.split("/", 3)[3] for key in fleet.ctl("get", "/ntspool/", "--prefix", "--keys-only").stdout.split()}
    assert {f"a/{name}" for name in fleet.members} | {f"e/{name}/hello" for name in fleet.members} <= keys
    page = (ROOT / "tools/man/ntspool-metrics.7").read_text()
    assert {name.partition("{")[0] for name in metrics(fleet.admin)} == set(re.findall(r"^\.It Li (ntspool_fleet_\S+)", page, re.M))
    assert metrics(ams1)['ntspool_fleet_feed_state{state="fine"}'] == 1
    assert not {name for name in warnings(ams1) if name.startswith(("fleet-", "feed-", "machine-"))}


def test_a_vantage_point_gets_the_list_of_members(fleet):
    tokyo = fleet.members["tokyo"]
    path = tokyo.state / "feed" / "members"
    until(path.exists, 60, "the list of members is there", 0.2)
    before = path.read_bytes()
    fleet.admin.add("bob", "192.0.2.2")
    until(lambda: path.read_bytes() != before, 60, "it is written anew", 0.2)
    status = json.loads(tokyo.cli("status", "--json", check=False).stdout)
    assert status["vantage_only"] and not {"server-down", "store-unreadable", "feed-down"} & warnings(tokyo)
    assert metrics(tokyo)["ntspool_fleet_change"] == fleet.admin.position()
    assert "vantage point" in tokyo.refused("fleet", "edges")
    checked = tokyo.run(BIN / "ntspool-probed", "-s", tokyo.state, "--check", check=False)
    assert "it is damaged" not in checked.stderr and "list of members" not in checked.stderr, checked.stderr


def test_a_feed_that_is_killed_at_any_moment_loses_nothing(fleet):
    ams1 = fleet.members["ams1"]
    for i in range(5):
        fleet.admin.add(f"kill{i}", f"198.51.100.{i + 1}")
        ams1.feed.kill()
        if i == 2:
            assert "feed-down" in warnings(ams1)
        fleet.admin.cli("member", "remove", f"kill{i}")
        ams1.up()
    fleet.level()
    assert ams1.members() == fleet.admin.members()
    assert ams1.shows("kill4") == {"kill4": None}
    assert "feed-down" not in warnings(ams1)


def test_without_the_engine_machines_answer_with_what_they_have_and_say_so(fleet):
    ams1 = fleet.members["ams1"]
    fleet.nodes[0].child.kill()
    fleet.nodes[0].child.wait()
    until(lambda: "fleet-away" in warnings(ams1), 60, "the edge says that it is cut off", 0.5)
    assert metrics(ams1)['ntspool_fleet_feed_state{state="away"}'] == 1
    assert ams1.shows("alice") == {"alice": "192.0.2.1"}
    fleet.nodes[0].up()
    until(lambda: "fleet-away" not in warnings(ams1), 60, "it follows again", 0.5)
    fleet.admin.add("carol", "192.0.2.3")
    fleet.level()
    assert ams1.members() == fleet.admin.members()


def test_a_machine_whose_disk_is_full_goes_on_when_there_is_room(fleet):
    small = fleet.machine.directory / "small.state"
    small.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=16m", "none", small)
    member = fleet.add("small", role="vantage", serves=False)
    fleet.level(member)
    with (small / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):
        while True:
            filler.write(bytes(4096))
    table = fleet.machine.directory / "members.csv"
    table.write_text("name,ipv4\n" + "".join(f"many{i},198.18.{i >> 8}.{i & 255}\n" for i in range(4000)))
    fleet.admin.cli("member", "import", table, "--allow-private")
    member.feed.said("the fleet is not followed: cannot write", 60)
    (small / "filler").unlink()
    fleet.level()
    assert member.members() == fleet.admin.members()
    member.feed.said("follows the fleet again", 60)


def test_a_feed_ends_to_start_anew_when_the_engine_has_other_nodes(fleet):
    tokyo = fleet.members["tokyo"]
    tokyo.cli("fleet", "nodes", fleet.nodes[0].address)
    until(lambda: not tokyo.feed.running, 60, "the feed ends", 0.5)
    assert "the engine has other nodes now: start again" in tokyo.feed.output()
    tokyo.up()
    fleet.level(tokyo)


def test_the_running_feed_has_given_up_what_it_does_not_need(fleet):
    status = Path(f"/proc/{fleet.members['ams1'].feed.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Seccomp"] == "2" and fields["NoNewPrivs"] == "1"


def test_a_machine_in_no_fleet_is_told_how_it_comes_into_one(pool):
    for words in ((), ("--check",)):
        done = run(BIN / "ntspool-feedd", "-s", pool.state, *words, check=False)
        assert done.returncode == 1 and "this machine is in no fleet: `ntspool fleet join` takes it into one" in done.stderr
    assert not (pool.state / "fleet").exists()


def test_a_second_feed_is_refused_and_the_check_finds_no_problem(fleet):
    ams1 = fleet.members["ams1"]
    done = ams1.run(BIN / "ntspool-feedd", "-s", ams1.state, check=False)
    assert done.returncode == 1 and "ntspool-feedd" in done.stderr and ams1.feed.running
    assert ams1.run(BIN / "ntspool-feedd", "-s", ams1.state, "--check", check=False).returncode == 0
