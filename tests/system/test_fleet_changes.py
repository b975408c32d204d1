"""Changes of a fleet's pool: made by several admins at once, and while the engine has no majority or a node that is stuck."""

import datetime
import itertools
import json
import re
import signal
import subprocess
import threading

import pytest

from forgetful_line import ForgetfulLine
from machine import run, until
from pool import BIN, environment
from test_fleet_membership import NODES, Site, content
from years import HOUR, Clock


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


capacities = (str(number) for number in itertools.count(100))


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


def change(pool, *options):
    """Status and words of a change."""
    done = pool.cli("member", "set", "m0", "--capacity", next(capacities), *options, check=False)
    return done.returncode, done.stderr.removeprefix("ntspool: ").strip()


def states(site):
    done = site.admin.cli("fleet", "edges", "--json", check=False)
    return {machine["name"]: machine for machine in json.loads(done.stdout)["machines"]}


def test_a_command_says_how_many_machines_have_its_change_and_waits_for_them_if_told_to(site):
    edge = site.join("fra1")
    assert change(site.admin) == (0, "")  # nobody answers clients yet
    feed = site.machine.start("feedd-fra1", [BIN / "ntspool-feedd", "-s", edge.state])
    until(lambda: states(site)["fra1"]["state"] == "level", 60, "the edge is there")
    assert change(site.admin, "--wait", "all") == (0, "1 of 1 machine has it")
    assert states(site)["fra1"]["change"] == site.admin.json("fleet", "status")["engine"]["change"]  # by its ack
    status, said = change(site.admin, "--wait", "2", "--timeout", "1")
    assert status == 4 and said.startswith("the change is made, but only 1 machine of the fleet answers")
    feed.child.send_signal(signal.SIGSTOP)
    try:
        assert change(site.admin) == (0, "0 of 1 machine has it; not yet: fra1")
        assert change(site.admin, "--wait", "0") == (0, "")
        assert change(site.admin, "--wait", "all", "--timeout", "1") == (
            4, "the change is made, but after 1 s only 0 of 1 machine has it; not yet: fra1")
        made = site.admin.json("member", "show", "m0")["capacity_mbit"]
    finally:
        feed.child.send_signal(signal.SIGCONT)
    assert change(site.second, "--wait", "1", "--timeout", "60") == (0, "1 of 1 machine has it")
    assert site.second.json("member", "show", "m0")["capacity_mbit"] == made + 1
    feed.kill()
    assert site.admin.cli("fleet", "evict", "fra1").stderr == ""  # who is evicted is not counted


def test_what_to_wait_for_is_checked_before_anything_is_changed(site):
    before = content(site.admin)
    for options in (("--wait", "some"), ("--wait", "-1"), ("--wait", "257"), ("--timeout", "5"), ("--wait", "all", "--timeout", "0")):
        assert change(site.admin, *options)[0] == 2
    assert site.admin.cli("member", "list", "--wait", "all", check=False).returncode == 2
    assert content(site.admin) == before


@pytest.fixture
def lines(site):
    """The second admin's lines to the nodes."""
    [path] = (path for path in (site.second.state / "machine").iterdir() if "@2379" in path.read_text())
    text = path.read_text()
    lines = [ForgetfulLine((address, 3379), (address, 2379)) for address in NODES.values()]
    path.write_text(text.replace("@2379", "@3379"))
    yield lines
    path.write_text(text)
    for line in lines:
        line.close()


def large_import(site, letter):
    """A change that is more than small talk."""
    table = site.machine.directory / f"{letter}.csv"
    rows = [f"{letter}{i},10.9.{i + 100}.{ord(letter)},an operator whose name is long" for i in range(150)]
    table.write_text("\n".join(["name,ipv4,operator", *rows, ""]))
    return "member", "import", table, "--allow-private"


def in_doubt(site, lines, forgets, letter):
    """A change whose outcome the command does not hear. Returns one of its members."""
    for line in lines:
        line.forgets = forgets
    done = site.second.cli(*large_import(site, letter), check=False)
    for line in lines:
        line.forgets = None
    assert done.returncode == 3 and "fleet status" in done.stderr, done.stderr
    return f"{letter}7"


def test_a_change_in_doubt_that_was_made_is_settled_by_a_look(site, lines):
    name = in_doubt(site, lines, "replies", "x")
    level(site)
    assert name in names(site.admin)
    first, second = (site.second.cli("fleet", "status") for _ in range(2))
    assert re.search(r"^change \d+ \(member import .*\) was made$", first.stdout, re.M)
    assert "import" not in second.stdout and site.second.json("fleet", "status")["in_doubt"] == []


def test_a_change_in_doubt_that_was_not_made_is_settled_by_the_next_one_in_its_place(site, lines):
    name = in_doubt(site, lines, "requests", "y")
    [doubt] = site.second.json("fleet", "status")["in_doubt"]
    assert doubt["outcome"] == "open" and doubt["command"].startswith("member import")
    assert change(site.admin, "--wait", "0") == (0, "")
    status, said = change(site.second, "--wait", "0")
    assert status == 0 and "was not made" in said
    assert site.second.json("fleet", "status")["in_doubt"] == []
    level(site)
    assert name not in names(site.admin)


def test_the_next_change_of_the_same_machine_takes_the_place_of_one_in_doubt(site, lines):
    name = in_doubt(site, lines, "requests", "z")
    status, said = change(site.second, "--wait", "0")
    assert status == 0 and "was not made" in said
    level(site)
    assert name not in names(site.admin)


def doubts(pool):
    return json.loads(pool.cli("fleet", "status", "--json", check=False).stdout)["in_doubt"]


@pytest.mark.parametrize("forgets", ("replies", "requests"))
def test_a_change_whose_command_was_killed_is_settled_like_one_in_doubt(site, lines, forgets):
    letter = {"replies": "u", "requests": "v"}[forgets]
    for line in lines:
        line.forgets = forgets
    command = subprocess.Popen([str(word) for word in site.second.command(*large_import(site, letter))], env=environment())
    until(lambda: any(line.forgot.is_set() for line in lines), 30, "the engine is asked")
    assert doubts(site.second) == []  # its command still asks
    command.kill()
    command.wait()
    for line in lines:
        line.forgets = None
    [doubt] = doubts(site.second)
    assert doubt["command"].startswith("member import") and doubt["outcome"] == {"replies": "made", "requests": "open"}[forgets]
    status, said = change(site.second, "--wait", "0")
    assert status == 0 and ("was not made" in said) == (forgets == "requests")
    assert doubts(site.second) == []
    level(site)
    assert (f"{letter}7" in names(site.admin)) == (forgets == "replies")


def test_an_edge_follows_and_resumes_where_it_was_killed_also_beyond_compaction(site):
    edge = site.join("ams1")

    def feed():
        return site.machine.start("feedd-ams1", [BIN / "ntspool-feedd", "-s", edge.state])

    child = feed()
    assert add(site.admin, "f1", "10.9.4.1") == 0
    until(lambda: "f1" in names(edge), 60, "the change is at the edge")
    child.child.kill()
    child.child.wait()
    assert add(site.admin, "f2", "10.9.4.2") == 0
    assert site.admin.cli("member", "remove", "f1").returncode == 0
    child = feed()
    until(lambda: content(edge) == content(site.admin), 60, "it has caught up")
    child.child.kill()
    child.child.wait()
    assert add(site.admin, "f3", "10.9.4.3") == 0
    revision = json.loads(site.ctl(site.admin, "get", "x", "-w", "json").stdout)["header"]["revision"]
    site.ctl(site.admin, "compact", revision)
    child = feed()
    until(lambda: content(edge) == content(site.admin), 60, "it has read all anew")
    child.child.kill()
    child.child.wait()


def test_what_is_too_large_for_one_change_is_made_in_several(site, monkeypatch):
    table = site.machine.directory / "large.csv"
    leaving = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    table.write_text("name,ipv4,leave\n" + "".join(f"p{i},10.20.{i >> 8}.{i & 255},{leaving:%Y-%m-%dT%H:%M:%SZ}\n" for i in range(8200)))
    zone = site.machine.directory / "large.zone"
    zone.write_text("$TTL 300\n" + "".join(f"r{i} A 192.0.2.{i % 250}\n" for i in range(8200)) + f"large TXT {' '.join(['x' * 250] * 200)}\n")
    before = site.admin.json("fleet", "status")["engine"]["change"]
    done = site.admin.cli("member", "import", table, "--allow-private", "--wait", "0")
    assert "8200 members imported, in 5 changes" in done.stdout
    site.admin.cli("member", "override", "--all", "ineligible", "--yes", "--wait", "0")
    assert site.admin.json("fleet", "status")["engine"]["change"] == before + 10
    assert "large.csv:2:" in site.admin.refused("member", "import", table, "--allow-private")
    there = len(site.admin.json("record", "list"))
    done = site.admin.cli("record", "load", zone, "--wait", "0")
    assert "8201 record sets loaded, in 5 changes" in done.stdout
    assert site.admin.json("fleet", "status")["engine"]["change"] == before + 15
    site.second.cli("fleet", "accept")
    assert len(site.second.json("record", "list")) == there + 8201
    assert {member["override"] for member in site.second.json("member", "list")} == {"ineligible"}
    Clock(site.machine.directory, monkeypatch).move(2 * HOUR)
    assert len(site.admin.json("member", "expire", "--wait", "0")["removed"]) == 8200
    assert site.admin.json("fleet", "status")["engine"]["change"] == before + 20
    site.second.cli("fleet", "accept")
    assert content(site.second) == content(site.admin) and not any(name[0] == "p" for name in names(site.second))


def newer(site, *words):
    """A newer ntspool makes a change of one row; the first admin has all that was before."""
    site.admin.cli("fleet", "accept")
    run(BIN / "newertalk", site.admin.state, *words)


def warnings(pool):
    return {warning["id"]: warning for warning in json.loads(pool.cli("status", "--json", check=False).stdout)["warnings"]}


def test_an_older_version_goes_on_without_a_setting_that_it_does_not_know_and_takes_no_row_that_it_can_not_read(site):
    """The last test: this fleet has no machine that understands its pool any more."""
    edge = site.join("old1")

    def feed():
        return site.machine.start("feedd-old1", [BIN / "ntspool-feedd", "-s", edge.state])

    child = feed()
    newer(site, "setting", "of-tomorrow", "7 ways")
    assert add(site.admin, "g1", "10.9.5.1") == 0
    until(lambda: "g1" in names(edge), 60, "the edge follows")
    assert warnings(edge)["setting-unknown"]["subject"] == "of-tomorrow"
    child.child.kill()
    child.child.wait()
    assert add(site.admin, "g2", "10.9.5.2") == 0  # ... which the edge sees together with what follows
    newer(site, "member", "g3", "\x7flayout of tomorrow")
    child = feed()
    until(lambda: "fleet-newer" in warnings(edge), 60, "the edge says that it does not follow")
    until(lambda: "g2" in names(edge), 60, "it has taken what it understands")
    assert "g3" not in names(edge)
    before = content(edge)
    assert "newer ntspool" in site.admin.refused("member", "remove", "g1")
    assert content(edge) == before
    child.kill()
