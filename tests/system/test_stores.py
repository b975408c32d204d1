"""A missing, foreign, newer or damaged store: the program prints one line, exits with 1 and changes nothing. (The probe has no store.)"""

import hashlib
import shutil

import pytest

from machine import run, until
from pool import BIN, environment, no_report

PROGRAMS = {
    "ntspool": lambda state: [BIN / "ntspool", "-s", state, "member", "list"],
    "ntspoold": lambda state: [BIN / "ntspoold", "-s", state, "--listen", "127.0.0.1@5300"],
    "ntspool-probed": lambda state: [BIN / "ntspool-probed", "-s", state, "--once"],
}
KINDS = {"ntspool": ["registry", "health"], "ntspoold": ["registry", "keys"]}
CASES = [(program, kind) for program, kinds in KINDS.items() for kind in kinds]


def data_file(pool, kind):
    return pool.state / kind / "data.mdb"


def fails(pool, program, kind, *words):
    """The program exits with 1 and prints one line with the words and the store's path. The store is unchanged."""
    path = data_file(pool, kind)
    before = hashlib.sha256(path.read_bytes()).digest() if path.exists() else None
    done = run(*PROGRAMS[program](pool.state), check=False, timeout=20, env=environment())
    no_report(program, done.stderr)
    assert done.returncode == 1, f"{program} ended with {done.returncode}: {done.stderr}"
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    for word in (*words, kind):
        assert word in lines[0], f"no {word!r} in: {lines[0]}"
    assert before == (hashlib.sha256(path.read_bytes()).digest() if path.exists() else None)


@pytest.mark.parametrize("program", PROGRAMS)
def test_missing_state_is_named(pool, program):
    done = run(*PROGRAMS[program](pool.machine.directory / "nowhere"), check=False, env=environment())
    assert done.returncode == 1 and "nowhere" in done.stderr, done.stderr
    assert not (pool.machine.directory / "nowhere").exists()


@pytest.mark.parametrize("program, kind", CASES)
def test_missing_store_is_named(pool, program, kind):
    data_file(pool, kind).unlink()
    fails(pool, program, kind)


@pytest.mark.parametrize("program, kind", CASES)
def test_foreign_file_is_refused(pool, program, kind):
    data_file(pool, kind).write_bytes(b"this is no store of anybody's\n" * 1000)
    fails(pool, program, kind)


@pytest.mark.parametrize("program, kind", CASES)
def test_store_of_another_kind_is_refused(pool, program, kind):
    other = "keys" if kind != "keys" else "health"
    data_file(pool, kind).write_bytes(data_file(pool, other).read_bytes())
    fails(pool, program, kind)


@pytest.mark.parametrize("program, kind", CASES)
def test_truncated_store_is_refused(pool, program, kind):
    path = data_file(pool, kind)
    path.write_bytes(path.read_bytes()[:8192 + 100])
    fails(pool, program, kind)


@pytest.mark.parametrize("program, kind", CASES)
def test_overwritten_store_is_refused(pool, program, kind):
    path = data_file(pool, kind)
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xa5" * (len(whole) - 8192))
    fails(pool, program, kind)


def set_schema(pool, kind, schema):
    """Sets the schema number in the format row: the magic, the kind (one octet), the schema (four octets)."""
    path = data_file(pool, kind)
    whole = bytearray(path.read_bytes())
    at = whole.find(b"ntspool\x00")
    assert at > 0
    while at > 0:  # pages of earlier transactions included
        whole[at + 9:at + 13] = schema.to_bytes(4, "big")
        at = whole.find(b"ntspool\x00", at + 1)
    path.write_bytes(whole)


def vouched(pool, kind):
    """Reads the store until somebody vouches for it: it must have rested for a moment."""
    voucher = data_file(pool, kind).parent / "voucher"

    def is_there():
        pool.cli("member", "list")
        pool.cli("key", "list")
        return voucher.exists()
    until(is_there, 20, "a voucher of the store")
    return voucher


@pytest.mark.parametrize("program, kind", CASES)
def test_store_that_is_damaged_after_it_was_read_is_refused(pool, program, kind):
    vouched(pool, kind)
    with open(data_file(pool, kind), "r+b") as file:
        size = file.seek(0, 2)
        file.seek(8192)
        file.write(b"\xa5" * (size - 8192))
    fails(pool, program, kind)


def test_a_server_keeps_the_vouchers_of_its_stores(pool):
    """Commits by the server and by commands don't make them void, so the next command need not read the stores whole."""
    for kind in ("registry", "health", "keys"):
        vouched(pool, kind)
    pool.serve()
    before = (pool.state / "registry" / "voucher").read_text()
    for i in range(5):
        pool.add(f"m{i}", f"10.0.0.{i + 1}")
        until(lambda i=i: pool.ask(f"m{i}.{pool.apex}", "A").answer, 20, "the new member's name")
    stamps = (pool.state / "registry" / "voucher").read_text().split()
    data = data_file(pool, "registry").stat()
    assert stamps != before.split()
    assert [int(stamps[i], 16) for i in (3, 4, 5)] == [data.st_ino, data.st_size, data.st_ctime_ns // 10 ** 9]


@pytest.mark.parametrize("program, kind", CASES)
def test_newer_store_is_refused(pool, program, kind):
    set_schema(pool, kind, 1000)
    fails(pool, program, kind, "upgrade")


def test_older_verdicts_are_renewed_by_whoever_reads_them(pool):
    set_schema(pool, "health", 1)
    pool.cli("member", "list")
    assert b"ntspool\x00\x01\x00\x00\x00\x04" in data_file(pool, "health").read_bytes()


def test_older_registry_is_renewed_by_whoever_reads_it(pool):
    pool.add("alice", "10.0.0.1")
    set_schema(pool, "registry", 1)
    assert [row["name"] for row in pool.json("member", "list")] == ["alice"]
    pool.serve()
    assert pool.ask(f"alice.{pool.apex}", "A").answer
    pool.add("bob", "10.0.0.2", country="DE")
    until(lambda: pool.ask(f"bob.{pool.apex}", "A").answer, 20, "the new member's name")
    assert pool.ask(f"_ntske._tcp.de.{pool.apex}", "SRV").answer
    assert b"ntspool\x00\x00\x00\x00\x00\x05" in data_file(pool, "registry").read_bytes()


@pytest.mark.parametrize("path, mode", [("", 0o777), ("registry", 0o757), ("keys/data.mdb", 0o666), ("feed", 0o777), ("feed/members", 0o666),
                                         ("probe", 0o777)])
def test_store_that_everybody_can_change_is_told(pool, path, mode):
    assert "store-exposed" not in pool.warned()
    exposed = pool.state / path
    exposed.chmod(mode)
    assert any(str(exposed) in text for text in pool.warned()["store-exposed"])
    server = pool.serve()
    assert "every user of this machine" in server.output()


@pytest.mark.parametrize("kind", ["health", "traffic", "history"])
@pytest.mark.parametrize("damage", ["missing", "empty directory", "cut", "overwritten", "foreign"])
def test_what_comes_again_by_itself_is_made_anew(pool, kind, damage):
    """The server makes a new store and sets a damaged file aside for inspection."""
    pool.add("alice", "10.0.0.1")
    path = data_file(pool, kind)
    whole = path.read_bytes()
    if damage == "missing":
        shutil.rmtree(path.parent)
    elif damage == "empty directory":
        path.unlink()
    else:
        path.write_bytes({"cut": whole[:8292], "overwritten": whole[:8192] + b"\xa5" * 8192, "foreign": b"x" * 100000}[damage])
        whole = path.read_bytes()
        if kind == "health":
            assert "start ntspoold, which makes it anew" in pool.cli("member", "list", check=False).stderr
    server = pool.serve()
    assert f"state/{kind} was" in server.output() and "is made anew" in server.output()
    kept = list(path.parent.glob("data.mdb.damaged-*"))
    assert [each.read_bytes() for each in kept] == ([] if damage in ("missing", "empty directory") else [whole])
    assert [row["name"] for row in pool.json("member", "list")] == ["alice"]
    pool.stop()


def test_lock_file_is_its_owners_alone(pool):
    """A command also corrects a lock file that an earlier version made for the group."""
    locks = [pool.state / kind / "lock.mdb" for kind in ("registry", "health", "keys", "traffic", "history")]
    assert {lock.stat().st_mode & 0o777 for lock in locks} == {0o600}
    locks[0].chmod(0o660)
    pool.cli("member", "list")
    assert locks[0].stat().st_mode & 0o777 == 0o600
