"""Store files are replaced under a running server. It takes up the new file, or it keeps the old one and says so."""

import os
import shutil
import threading

import dns.exception
import pytest

from machine import run, until
from pool import APEX, BIN, environment, no_report


def name_of(member):
    return f"{member}.{APEX}"


def put(copy, store):
    """Replaces the file as rsync does: writes the copy beside it, then renames it over the old file."""
    beside = store / "data.mdb.new"
    shutil.copy(copy, beside)
    os.rename(beside, store / "data.mdb")


@pytest.fixture
def served(pool):
    pool.add("alice", "10.0.0.1")
    pool.serve("--workers", "2")
    return pool


def answered(pool, member):
    return bool(pool.ask(name_of(member), "A", timeout=20).answer)


def test_registry_that_was_replaced_is_taken_up(served):
    served.cli("backup", served.machine.directory / "copy")
    served.cli("member", "remove", "alice", "--yes")
    served.add("bob", "10.0.0.2")
    until(lambda: not answered(served, "alice") and answered(served, "bob"), 20, "changes show")
    put(served.machine.directory / "copy" / "registry" / "data.mdb", served.state / "registry")
    until(lambda: answered(served, "alice") and not answered(served, "bob"), 20, "the new file is in use")
    assert "registry was replaced: the new file is in use" in served.server.output()
    served.add("carol", "10.0.0.3")
    until(lambda: answered(served, "carol"), 20, "and its changes show")
    assert {row["name"] for row in served.json("member", "list")} == {"alice", "carol"}
    served.stop()


def test_registry_that_was_written_over_is_taken_up(served):
    """The inode stays the same, as with cp and rsync --inplace. No query comes in the meantime."""
    served.cli("backup", served.machine.directory / "copy")
    served.add("bob", "10.0.0.2")
    until(lambda: answered(served, "bob"), 20, "changes show")
    copy = (served.machine.directory / "copy" / "registry" / "data.mdb").read_bytes()
    with open(served.state / "registry" / "data.mdb", "r+b") as file:
        file.write(copy)
    until(lambda: answered(served, "alice") and not answered(served, "bob"), 20, "what is there now is in use")
    served.add("carol", "10.0.0.3")
    until(lambda: answered(served, "carol"), 20, "and its changes show")
    served.stop()


@pytest.mark.parametrize("commits", range(4))
def test_whatever_number_the_file_has(served, commits):
    """The new file may have any number of commits. With the wrong parity it once looked empty, and `init` emptied it."""
    live, other = served.state / "registry" / "data.mdb", served.machine.directory / "other.mdb"
    if commits % 2:  # a compact copy, so that one of its meta pages is empty
        served.cli("backup", served.machine.directory / "copy")
        shutil.copy(served.machine.directory / "copy" / "registry" / "data.mdb", other)
    else:
        shutil.copy(live, other)
    for number in range(1 + commits // 2):
        served.cli("member", "set", "alice", "--capacity", number + 1)
    put(other, served.state / "registry")
    done = served.cli("init", APEX, "--ns", f"ns1.{APEX}={served.address}", check=False)
    assert done.returncode == 1 and "no store" not in done.stderr, done.stderr
    assert [row["name"] for row in served.json("member", "list")] == ["alice"]
    served.add("bob", "10.0.0.2")
    until(lambda: answered(served, "bob"), 20, "the server sees what the command changes")
    served.stop()


def test_keys_that_were_replaced_are_taken_up(served):
    served.cli("backup", served.machine.directory / "copy")
    before = served.ask(APEX, "DNSKEY").answer[0]
    served.cli("key", "roll", "zsk", "--emergency", "--yes", check=False)
    served.cli("key", "roll", "zsk", "--yes", check=False)
    until(lambda: served.ask(APEX, "DNSKEY").answer[0] != before, 20, "another key is published")
    put(served.machine.directory / "copy" / "keys" / "data.mdb", served.state / "keys")
    until(lambda: served.ask(APEX, "DNSKEY").answer[0] == before, 20, "the old keys are back")
    served.stop()


def test_lock_file_that_was_removed_hides_no_change(served):
    (served.state / "registry" / "lock.mdb").unlink()
    served.add("bob", "10.0.0.2")
    until(lambda: answered(served, "bob"), 20, "the change shows")
    served.stop()


def test_file_that_is_no_good_is_told_and_the_old_one_stays(served):
    bad = served.machine.directory / "bad"
    bad.write_bytes((served.state / "health" / "data.mdb").read_bytes())
    good = served.machine.directory / "good"
    os.link(served.state / "registry" / "data.mdb", good)
    put(bad, served.state / "registry")
    served.server.said("registry was replaced, and the old file stays in use", 20)
    assert answered(served, "alice")
    os.rename(good, served.state / "registry" / "data.mdb")
    served.server.said("registry is as it was", 20)
    served.stop()


def test_no_query_is_lost_meanwhile(served):
    """The file is replaced ten times while two clients query without a pause."""
    served.cli("backup", served.machine.directory / "copy")
    end, failures = threading.Event(), []

    def ask():
        while not end.is_set():
            try:
                if not served.ask(name_of("alice"), "A", timeout=10).answer:
                    failures.append("no answer")
            except dns.exception.Timeout:
                failures.append("timeout")
    clients = [threading.Thread(target=ask) for _ in range(2)]
    for client in clients:
        client.start()
    try:
        for number in range(1, 11):
            put(served.machine.directory / "copy" / "registry" / "data.mdb", served.state / "registry")
            until(lambda: served.server.output().count("registry was replaced: the new") >= number, 20, "it is taken up")
    finally:
        end.set()
        for client in clients:
            client.join()
    assert failures == []
    served.stop()


def test_same_pid_in_another_namespace_is_named(pool):
    """LMDB identifies readers by PID. Here the server is PID 1 of one container and the command is PID 1 of another."""
    pool.add("alice", "10.0.0.1")
    server = pool.machine.start("server", ["unshare", "--pid", "--fork", "--kill-child", BIN / "ntspoold", "-s", pool.state,
                                           "--listen", f"{pool.address}@{pool.port}"], env=environment())
    pool.server = server
    until(pool.answers, 20, "ntspoold answers")
    done = run("unshare", "--pid", "--fork", *pool.command("member", "list"), check=False, env=environment())
    no_report("ntspool", done.stderr)
    assert done.returncode == 1 and "another PID namespace" in done.stderr, done.stderr + done.stdout
    pool.server = None
    server.kill()  # unshare does not forward signals
