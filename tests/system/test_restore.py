"""`ntspool restore` restores the whole backup while programs run, or it changes nothing."""

import os
import pwd
import re
import shutil

import pytest

from authority import Authority
from machine import until
from pool import APEX, Pool

STORES = ("registry", "health", "keys", "traffic", "history")


@pytest.fixture
def copied(pool):
    """A pool with the member alice, and its backup."""
    pool.add("alice", "127.0.1.1")
    pool.copy = pool.machine.directory / "copy"
    pool.cli("backup", pool.copy)
    return pool


def serial(pool):
    return pool.ask(APEX, "SOA").answer[0][0].serial


def answered(pool, member):
    return bool(pool.ask(f"{member}.{APEX}", "A").answer)


def names(pool):
    return {row["name"] for row in pool.json("member", "list")}


def contents(pool):
    return {store: (pool.state / store / "data.mdb").read_bytes() for store in STORES}


def test_programs_that_run_see_what_comes_back(copied):
    """The serial goes up although the backup has a lower one. The server serves nothing from the former rows."""
    copied.serve("--workers", "2")
    copied.probe(Authority(copied.machine.directory).path)
    until(lambda: copied.member("alice")["addresses"][0]["failure"] == "connect-refused", 20, "the probe works")
    for number in range(5):
        copied.add(f"m{number}", f"127.0.2.{number + 1}")
    copied.cli("member", "remove", "alice", "--yes")
    until(lambda: answered(copied, "m4") and not answered(copied, "alice"), 20, "changes show")
    before = serial(copied)
    assert "alice" not in copied.cli("restore", copied.copy, "--store", "registry", "--yes").stdout
    until(lambda: answered(copied, "alice") and not answered(copied, "m4"), 20, "the backup's rows are served")
    until(lambda: 0 < (serial(copied) - before) % 2**32 < 2**31, 20, "the serial goes up")
    assert names(copied) == {"alice"}
    copied.add("bob", "127.0.1.3")
    until(lambda: copied.member("bob")["addresses"][0]["failure"] == "connect-refused", 20, "the probe follows")
    assert answered(copied, "bob")
    copied.stop()


def test_ids_are_not_taken_again(copied):
    """Verdicts belong to a member's id. The id of a member added after the backup is never given to another member."""
    copied.add("bob", "127.0.1.2")
    copied.cli("restore", copied.copy, "--store", "registry")
    copied.add("carol", "127.0.1.3")
    whole = (copied.state / "registry" / "data.mdb").read_bytes()
    nexts = [int.from_bytes(match[1], "big") for match in re.finditer(rb"\.next-id(.{8})", whole, re.DOTALL)]
    assert max(nexts) == 4  # pages of earlier commits included


@pytest.mark.parametrize("store", STORES)
def test_store_that_is_missing_is_made_anew(copied, store):
    """Root runs the command. The new files belong to the owner of the state directory, as the server needs."""
    owner = pwd.getpwnam("nobody")
    os.chown(copied.state, owner.pw_uid, owner.pw_gid)
    shutil.rmtree(copied.state / store)
    rows = copied.json("restore", copied.copy)["stores"]
    assert [row["store"] for row in rows if row["made_anew"]] == [store] and {row["store"] for row in rows} == set(STORES)
    for path in (copied.state / store, copied.state / store / "data.mdb", copied.state / store / "lock.mdb"):
        status = path.stat()
        assert (status.st_uid, status.st_gid) == (owner.pw_uid, owner.pw_gid), path
    assert names(copied) == {"alice"}
    copied.serve()
    assert answered(copied, "alice")


@pytest.mark.parametrize("store", STORES)
def test_store_that_is_damaged_is_set_aside(copied, store):
    path = copied.state / store / "data.mdb"
    damaged = path.read_bytes()[:8192] + b"\xa5" * 8192
    path.write_bytes(damaged)
    rows = {row["store"]: row for row in copied.json("restore", copied.copy)["stores"]}
    assert rows[store]["made_anew"] and open(rows[store]["set_aside"], "rb").read() == damaged
    assert names(copied) == {"alice"}


def test_registry_that_was_removed_comes_back_under_a_running_server(copied):
    copied.serve()
    shutil.rmtree(copied.state / "registry")
    copied.cli("restore", copied.copy)
    copied.add("bob", "127.0.1.3")
    until(lambda: answered(copied, "alice") and answered(copied, "bob"), 20, "the server goes on with the new one")
    copied.stop()


def test_dry_run_changes_nothing(copied):
    copied.cli("member", "remove", "alice", "--yes")
    before = contents(copied)
    rows = copied.json("restore", copied.copy, "--dry-run")
    assert rows["dry_run"] and {row["store"] for row in rows["stores"]} == set(STORES)
    assert contents(copied) == before
    shutil.rmtree(copied.state / "health")
    copied.cli("restore", copied.copy, "--dry-run")
    assert not (copied.state / "health").exists()


@pytest.mark.parametrize("damage", ["other pool", "foreign", "newer", "other seal", "itself", "nothing", "cut", "pipe"])
def test_what_is_no_good_changes_nothing(copied, damage):
    said = {"other pool": "other.test", "foreign": "is not this store", "newer": "upgrade", "other seal": "seal", "itself": "itself",
            "nothing": "no backup", "cut": "damaged", "pipe": "is not this store"}[damage]
    source, health = copied.copy, copied.copy / "health" / "data.mdb"
    if damage == "other pool":
        other = Pool(copied.machine, name="other").init(apex="other.test")
        source = copied.machine.directory / "other-copy"
        other.cli("backup", source)
        shutil.rmtree(source / "keys")  # the other pool also has another seal
    elif damage == "foreign":
        health.write_bytes(b"x" * 100000)
    elif damage == "newer":
        health.write_bytes(health.read_bytes().replace(b"ntspool\x00\x01\x00\x00\x00", b"ntspool\x00\x01\x00\x00\x01"))
    elif damage == "other seal":
        (copied.state / "seal.key").write_bytes(bytes(range(32)))
    elif damage == "itself":
        source = copied.state
    elif damage == "nothing":
        source = copied.machine.directory / "nowhere"
    elif damage == "pipe":
        health.unlink()
        os.mkfifo(health)
    elif damage == "cut":
        health.write_bytes(health.read_bytes()[:8292])
    copied.cli("member", "remove", "alice", "--yes")
    before = contents(copied)
    line = copied.refused("restore", source)
    assert said in line, line
    assert contents(copied) == before


def test_older_backup_is_renewed(copied):
    registry = copied.copy / "registry" / "data.mdb"
    whole = registry.read_bytes()
    now = int.from_bytes(whole[whole.index(b"ntspool\x00\x00") + 9:][:4], "big")
    registry.write_bytes(whole.replace(b"ntspool\x00\x00" + now.to_bytes(4, "big"), b"ntspool\x00\x00" + (2).to_bytes(4, "big")))
    copied.cli("restore", copied.copy)
    assert names(copied) == {"alice"}
    assert b"ntspool\x00\x00" + now.to_bytes(4, "big") in (copied.state / "registry" / "data.mdb").read_bytes()


def test_words_are_checked(copied):
    assert copied.cli("restore", copied.copy, "--store", "nonsense", check=False).returncode == 2
    assert "history" in copied.refused("restore", copied.machine.directory, "--store", "history")
