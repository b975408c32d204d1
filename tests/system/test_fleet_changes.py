"""Changes of a fleet's pool: made by several admins at once, and while the engine has no majority or a node that is stuck."""

import json
import signal
import threading

import pytest

from machine import until
from pool import BIN
from test_fleet_membership import Site, content


@pytest.fixture(scope="module")
def site(shared_machine):
    site = Site(shared_machine)
    site.admin.cli(*site.create)
    site.start()
    site.found()
    site.second = site.join("admin2", "--role", "admin")
    yield site
    site.stop()


def names(pool):
    return {member["name"] for member in pool.json("member", "list")}


def level(site):
    """Both admins take what is newer, without a change of their own."""
    for pool in (site.admin, site.second):
        pool.cli("fleet", "accept")
    assert content(site.admin) == content(site.second)


def add(pool, name, address):
    return pool.cli("member", "add", name, "--address", address, "--allow-private", "--force", check=False).returncode


def test_changes_of_two_admins_at_once_are_all_made_once(site):
    done = {}

    def work(pool, letter, net):
        done[letter] = [name for i in range(12) if add(pool, name := f"{letter}{i}", f"10.9.{net}.{i + 1}") == 0]

    threads = [threading.Thread(target=work, args=each) for each in ((site.admin, "a", 1), (site.second, "b", 2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done["a"]) >= 6 and len(done["b"]) >= 6  # one that lost several times in a row is told so
    level(site)
    made = {name for name in names(site.admin) if name[0] in "ab"}
    assert made == set(done["a"]) | set(done["b"])


def test_without_a_majority_a_change_is_refused_and_nothing_is_changed(site):
    before = content(site.admin)
    for name in ("node1", "node2"):
        site.nodes[name].kill()
    said = site.admin.refused("member", "remove", "m1")
    assert "nothing was changed" in said
    assert content(site.admin) == before  # and reading goes on
    site.start()
    until(lambda: site.admin.cli("member", "remove", "m1", check=False).returncode == 0, 60, "the change is made", 0.5)
    assert "m1" not in names(site.admin)


def test_a_stuck_node_makes_no_change_twice_and_loses_none(site):
    leader = site.nodes["node1"]
    leader.child.send_signal(signal.SIGSTOP)
    try:
        results = {f"s{i}": add(site.admin, f"s{i}", f"10.9.3.{i + 1}") for i in range(3)}
    finally:
        leader.child.send_signal(signal.SIGCONT)
    until(lambda: site.second.cli("member", "set", "m0", "--capacity", "7", check=False).returncode == 0, 60, "the engine agrees again", 0.5)
    level(site)
    there = names(site.admin)
    assert all((name in there) == (result == 0) for name, result in results.items() if result != 3), (results, there)
    assert 0 in results.values()


def test_an_edge_follows_and_resumes_where_it_was_killed_also_beyond_compaction(site):
    edge = site.join("ams1")

    def feed():
        return site.machine.start("feedd-ams1", [BIN / "ntspool-feedd", "-s", edge.state])

    child = feed()
    assert add(site.admin, "f1", "10.9.4.1") == 0
    until(lambda: "f1" in names(edge), 30, "the change is at the edge")
    child.child.kill()
    child.child.wait()
    assert add(site.admin, "f2", "10.9.4.2") == 0
    assert site.admin.cli("member", "remove", "f1").returncode == 0
    child = feed()
    until(lambda: content(edge) == content(site.admin), 30, "it has caught up")
    child.child.kill()
    child.child.wait()
    assert add(site.admin, "f3", "10.9.4.3") == 0
    revision = json.loads(site.ctl(site.admin, "get", "x", "-w", "json").stdout)["header"]["revision"]
    site.ctl(site.admin, "compact", revision)
    child = feed()
    until(lambda: content(edge) == content(site.admin), 30, "it has read all anew")
    child.child.kill()
    child.child.wait()
