"""Several vantage points: each has its say, the median counts, and a remote one reports by export and import."""

import re
import shutil

import pytest

from authority import Authority
from machine import run, until
from pool import APEX, BIN, Pool, environment, no_report
from timeserver import Chronyd


@pytest.fixture(scope="module")
def world(shared_machine):
    machine = shared_machine
    authority = Authority(machine.directory)
    pool = Pool(machine).init()
    pool.cli("zone", "set", "srv-ttl", "1s")
    pool.add("alice", "127.0.1.1")
    pool.trust = authority.path
    pool.alice = Chronyd(machine, "alice", ["127.0.1.1"], *authority.issue("alice", [f"alice.{APEX}"]))
    pool.serve()
    pool.probe(authority.path)
    until(lambda: pool.targets(1) == {"alice"}, 30, "alice is handed out")
    yield pool
    pool.stop()


def once(pool, name, *options):
    """One round of another vantage point, with its own trust: with none, it believes no certificate."""
    done = run(BIN / "ntspool-probed", "-s", pool.state, "--once", "--allow-private", "--id", name, *options,
               check=False, env=environment())
    no_report(name, done.stderr)
    assert done.returncode == 0, done.stderr


def vantage_names(pool):
    return [row["name"] for row in pool.json("status")["vantages"]]


def test_new_vantage_point_takes_nobody_out(world):
    once(world, "blind", "--trust", world.machine.write("other.pem", Authority(world.machine.directory, "other").path.read_text()))
    assert vantage_names(world) == ["blind", "local"]
    member = world.member("alice")
    assert [row["stage"] for row in member["vantages"]] == ["registered", "eligible"]
    assert member["eligible"] and member["votes"] == 1


def test_export_comes_back_by_import(world):
    until(lambda: world.json("status")["vantages"][0]["name"] == "blind", 5, "blind is listed")
    text = world.cli("health", "export", "--id", "blind").stdout
    assert re.fullmatch(r"ntspool-health 3\nvantage blind [0-9a-f]+\nrow [0-9a-f]+\nend 1\n", text)
    path = world.machine.write("blind.export", text)
    assert "called blind, too" in world.refused("health", "import", path)
    world.cli("health", "forget", "blind")
    assert vantage_names(world) == ["local"]
    assert world.json("health", "import", path) == {"vantage": "blind", "rows": 1, "skipped": 0}
    world.cli("health", "import", path)  # again is fine
    assert [row["imported"] for row in world.json("status")["vantages"]] == [True, False]
    assert [row["name"] for row in world.member("alice")["vantages"]] == ["blind", "local"]


@pytest.mark.parametrize("edit", [
    lambda text: text[:-len("end 1\n")], lambda text: text.replace("end 1", "end 2"), lambda text: text + "more\n",
    lambda text: text.replace("row ", "row 00"), lambda text: text.replace("ntspool-health 3", "ntspool-health 9"),
    lambda text: text.replace("vantage blind", "vantage Bl%nd"), lambda text: "", lambda text: text.replace("\n", " "),
    lambda text: text.replace("row ", "row x"), lambda text: text + "vantage two 00\n", lambda text: text[:200],
])
def test_broken_export_is_refused_and_changes_nothing(world, edit):
    text = world.cli("health", "export", "--id", "blind").stdout

    def imported():
        return [row for row in world.member("alice")["vantages"] if row["name"] != "local"]  # that one goes on probing
    before = imported()
    assert "nothing was imported" in world.refused("health", "import", world.machine.write("broken.export", edit(text)))
    assert imported() == before


def test_probe_does_not_take_the_name_of_an_imported_one(world):
    done = run(BIN / "ntspool-probed", "-s", world.state, "--once", "--id", "blind", check=False, env=environment())
    assert done.returncode == 1 and "another name" in done.stderr
    done = run(BIN / "ntspool-probed", "-s", world.state, "--once", "--id", "Not Fine", check=False, env=environment())
    assert done.returncode == 2 and "--id" in done.stderr


def test_forgotten_vantage_point_is_gone(world):
    world.cli("health", "forget", "blind")
    assert "no vantage point" in world.refused("health", "forget", "blind")
    assert "no vantage point" in world.refused("health", "forget", "../x")
    assert [row["name"] for row in world.member("alice")["vantages"]] == ["local"]


def test_of_two_that_know_the_member_the_worse_counts(world):
    """A second probe that believes no certificate; 20 probes make it fit to judge."""
    other = world.machine.start("blind-probed", [
        BIN / "ntspool-probed", "-s", world.state, "--interval", "1s", "--allow-private", "--id", "blind", "--trust",
        world.machine.directory / "other.pem"], env=environment())
    until(lambda: world.member("alice")["votes"] == 2, 60, "both vote")
    member = world.member("alice")
    assert member["votes_in"] == 1 and not member["eligible"]
    assert member["addresses"][0]["failure"] == "cert-chain"
    world.stop(other)
    world.cli("health", "forget", "blind")
    assert world.member("alice")["eligible"]


def copied(pool, name):
    """A copy of the pool's stores."""
    pool.cli("backup", pool.machine.directory / name)
    return pool.machine.directory / name


def test_remote_probe_follows_newer_copies_of_the_registry(world):
    """A copy is renamed into the place of the registry under the running probe, then a broken one, then a good one."""
    state = copied(world, "remote.state")
    remote = world.machine.start("remote-probed", [
        BIN / "ntspool-probed", "-s", state, "--interval", "1s", "--allow-private", "--id", "remote", "--trust", world.trust],
        env=environment())
    remote.said("member alice: 127.0.1.1: ok")
    world.add("bob", "127.0.1.2")
    (copied(world, "with-bob") / "registry/data.mdb").rename(state / "registry/data.mdb")
    remote.said("member bob: 127.0.1.2: connect-refused")
    world.machine.write("broken", "no store").rename(state / "registry/data.mdb")
    remote.said("the registry can't be read")
    world.add("carol", "127.0.1.3")
    world.cli("member", "remove", "bob")
    (copied(world, "with-carol") / "registry/data.mdb").rename(state / "registry/data.mdb")
    remote.said("the registry is read again")
    remote.said("member carol: 127.0.1.3: connect-refused")

    def exported():
        return run(BIN / "ntspool", "-s", state, "health", "export", "--id", "remote", env=environment()).stdout

    until(lambda: exported().endswith("end 2\n"), 10, "alice and carol are left")
    world.stop(remote)
    world.cli("member", "remove", "carol")
    shutil.rmtree(state)
