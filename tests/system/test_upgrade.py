"""State directories of an older and a newer version. The last program with registry schema 2 made data/schema-2.tar.xz. It has the
members alice, bob (UK) and carol, a removed dave, static records and a ZSK rollover that has just begun."""

import hashlib
import subprocess
import tarfile
import time

import pytest

from commandline import BIN, ROOT, Cli

pytestmark = pytest.mark.skipif(not BIN.exists(), reason=f"{BIN} is not built")

STORES = ("registry", "health", "keys", "traffic", "history")
MAGIC = b"ntspool\0"


@pytest.fixture
def old(tmp_path):
    with tarfile.open(ROOT / "tests" / "data" / "schema-2.tar.xz") as archive:
        archive.extractall(tmp_path)
    return Cli(tmp_path / "state")


def formats(data):
    """The offsets of all schema numbers (four octets each): after the magic and the kind."""
    at = data.find(MAGIC)
    while at >= 0:
        yield at + len(MAGIC) + 1
        at = data.find(MAGIC, at + 1)


def make_newer(state, store, schema=99):
    path = state / store / "data.mdb"
    data = bytearray(path.read_bytes())
    places = list(formats(bytes(data)))
    assert places
    for at in places:
        data[at : at + 4] = schema.to_bytes(4, "big")
    path.write_bytes(data)


def sum_of(state, store):
    return hashlib.sha256((state / store / "data.mdb").read_bytes()).hexdigest()


def test_older_state_is_taken_over_whole(old):
    members = {member["name"]: member for member in old.json("member", "list")}
    assert {name: member["state"] for name, member in members.items()} == {"alice": "registered", "bob": "eligible", "carol": "suspended"}
    bob = old.json("member", "show", "bob")
    assert (bob["country"], bob["operator"], bob["override"]) == ("UK", "Bob", "eligible")
    [dave] = old.json("member", "list", "--removed")
    assert (dave["name"], dave["operator"], dave["restorable"]) == ("dave", "Dave", False)
    assert "add it again" in old.refused("member", "restore", "dave")
    assert "quarantine" in old.refused("member", "add", "dave", "--address", "9.9.9.9", "--operator", "Other")
    shown = old.json("zone", "show")
    assert shown["settings"]["srv-ttl"] == "99s" and shown["settings"]["mailbox"] == "hm.example.net."
    records = old("record", "list")
    assert "192.0.2.80" in records and "v=spf1 -all" in records
    assert sorted(key["role"] for key in old.json("key", "list")) == ["ksk", "zsk", "zsk"]
    status = old.json("status")
    assert status["members"] == 3 and not any("damaged" in text or "schema" in text for text in status["warning_texts"])
    assert all("error" not in row for row in status["stores"])
    assert old.json("zone", "ns", "list")["parent_changes"] == []
    zone = old("zone", "export")
    assert "alice.pool.test." in zone and "_ntske._tcp.nl.pool.test." in zone
    # A member with a country that is no longer valid can still be changed.
    old("member", "set", "bob", "--capacity", "7")
    assert old.json("log")[-1]["subject"] == "bob"
    old("member", "remove", "bob")
    old("member", "restore", "bob")
    assert old.json("member", "show", "bob")["country"] == "UK"


def test_older_state_is_read_the_same_by_every_command(old):
    before = old.json("member", "list")
    for args in (["zone", "show"], ["status"], ["key", "list"], ["key", "ds"], ["record", "list"], ["share"], ["cookie", "show"], ["log"],
                 ["history", "alice"], ["log", "alice"], ["zone", "export"], ["member", "export"]):
        old(*args)
    assert old.json("member", "list") == before


def test_forgotten_vantage_point_is_noted(old):
    old.refused("health", "forget", "nosuch")
    old("health", "forget", "local")
    assert [(row["command"], row["change"]) for row in old.json("log")] == [("health forget", "local")]


def test_upgrade_takes_no_member_out(old):
    """What would take members out by itself is off in a pool that was made before the setting existed."""
    settings = old.json("zone", "show")["settings"]
    assert (settings["registration-expiry"], settings["target-consent"]) == ("0s", "off")
    old("zone", "set", "target-consent", "on", "registration-expiry", "30d")
    settings = old.json("zone", "show")["settings"]
    assert (settings["registration-expiry"], settings["target-consent"]) == ("30d", "on")


def test_registry_of_schema_3_is_renewed_and_has_all_that_it_had(tmp_path):
    pool = Cli(tmp_path / "state")
    pool("init", "pool.test", "--ns", "ns1.pool.test=127.0.0.1")
    pool("member", "add", "alice", "--address", "9.9.9.9", "--operator", "Alice")
    make_newer(pool.state, "registry", 3)
    before = pool.json("member", "show", "alice")
    pool("member", "set", "alice", "--contact", "ops@example.net")
    assert pool.json("member", "show", "alice") | {"contact": None, "changed_at": before["changed_at"]} == before
    data = (pool.state / "registry" / "data.mdb").read_bytes()
    assert any(data[at : at + 4] == (5).to_bytes(4, "big") for at in formats(data))


def test_server_makes_the_list_of_members_of_an_older_state(old):
    """The older state has no directory for the list, and the server is already confined when it makes one."""
    feed = old.state / "feed" / "members"
    with subprocess.Popen([BIN.with_name("ntspoold"), "-s", old.state, "-l", "127.0.0.1@5398"], stderr=subprocess.PIPE, text=True) as server:
        until = time.monotonic() + 30
        while not feed.exists() and time.monotonic() < until:
            time.sleep(0.1)
        server.terminate()
        said = server.stderr.read()
    assert feed.exists(), said
    assert "feed" not in said


READERS = {
    "registry": [["member", "list"], ["zone", "show"], ["member", "add", "x", "--address", "9.9.9.9"], ["log"], ["zone", "export"]],
    "health": [["member", "list"], ["member", "show", "alice"], ["health", "release"]],
    "keys": [["key", "list"], ["key", "roll", "zsk"], ["cookie", "show"]],
    "traffic": [["share"]],
    "history": [["history", "alice"]],
}


@pytest.mark.parametrize("store", STORES)
def test_newer_state_is_called_newer_and_left_alone(old, store):
    old("member", "set", "alice", "--capacity", "7")
    make_newer(old.state, store)
    before = sum_of(old.state, store)
    for args in READERS[store]:
        said = old.refused(*args)
        assert "newer than this ntspool knows: upgrade ntspool" in said and "damaged" not in said, args
    status = old.run("status")
    assert status.returncode == 1 and "upgrade ntspool" in status.stdout
    if store in ("registry", "health", "keys"):
        done = subprocess.run([BIN.with_name("ntspoold"), "-s", old.state, "-l", "127.0.0.1@5399"], capture_output=True, text=True, timeout=30)
        assert done.returncode == 1 and "upgrade ntspool" in done.stderr and "damaged" not in done.stderr
    assert sum_of(old.state, store) == before


def test_records_that_an_earlier_version_took_are_named(old):
    """The earlier version did not check RDATA. Here a parameter is longer than the record."""
    assert "records-malformed" not in old.warned()
    for name in "odd", "strange":
        old("record", "load", "-", input=f"{name} 60 IN SVCB 1 . key65000=ABCDEFGH\n")
    path = old.state / "registry" / "data.mdb"
    data = path.read_bytes()
    assert b"\xfd\xe8\x00\x08ABCDEFGH" in data
    path.write_bytes(data.replace(b"\xfd\xe8\x00\x08ABCDEFGH", b"\xfd\xe8\x00\x09ABCDEFGH"))
    [warning] = old.warned()["records-malformed"]
    assert "odd.pool.test. SVCB and 1 more" in warning
    for name in "odd", "strange":
        old("record", "remove", name)
    assert "records-malformed" not in old.warned()
