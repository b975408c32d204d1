"""Parts of a fleet that are in foreign hands: each acts with its real certificate and keys, and can do no more than ntspool-fleet(7) says."""

import base64
import hashlib
import json
import re
import signal
import struct
import subprocess
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from fleet import Fleet
from machine import run, until
from pool import BIN, environment
from siteworld import ELIGIBLE, reporter

QUOTA = 96 << 20  # of the engine: an intruder fills it soon
LONG = 1900 << 10  # a value that etcdctl sends


class World:
    """A fleet with an edge `ams1` and a vantage point `tokyo`, which are taken over, and an honest edge `fra1`."""

    def __init__(self, machine):
        self.machine = machine
        self.fleet = Fleet(machine, nodes=1).found(quota=QUOTA)
        self.admin = self.fleet.admin
        self.ams1, self.fra1 = self.fleet.add_all("ams1", "fra1")
        self.tokyo = self.fleet.add("tokyo", role="vantage", serves=False)
        self.admin.vantage("tokyo", self.tokyo.cli("vantage", "key", "--id", "tokyo").stdout.strip())
        self.admin.add("alice", "192.0.2.1")
        self.admin.add("bob", "192.0.2.2")
        self.fleet.level()
        (self.prefix,) = {key.removesuffix("r/head") for key in self.keys("/ntspool/") if key.endswith("/r/head")}
        self.ledger = f"{self.admin.apex}./{self.prefix.split('/')[2]}"

    def keys(self, prefix, by=None):
        return self.fleet.ctl("get", prefix, "--prefix", "--keys-only", by=by).stdout.split()

    def rows(self, prefix):
        """Values by key, without the fleet's prefix."""
        found = json.loads(self.fleet.ctl("get", self.prefix + prefix, "--prefix", "-w", "json").stdout).get("kvs", [])
        return {base64.b64decode(row["key"]).decode().removeprefix(self.prefix): base64.b64decode(row["value"]) for row in found}

    def put(self, key, value, by=None, check=True):
        """A machine puts a row; without `by` a node, which needs no right."""
        path = self.machine.directory / "value"
        path.write_bytes(value)
        with path.open() as given:
            return self.fleet.ctl("put", self.prefix + key, by=by, check=check, stdin=given)

    def denied(self, by, *words):
        done = self.fleet.ctl(*words, by=by, check=False)
        assert done.returncode != 0 and "permission denied" in done.stderr, (by.host.name, words, done)


@pytest.fixture(scope="module")
def world(shared_machine):
    world = World(shared_machine)
    yield world
    world.fleet.close()


def again(member, words=""):
    """Starts the feed anew, so that it looks at all rows now, and waits for what it says of them."""
    before = len(member.feed.output())
    member.feed.kill()
    member.up()
    until(lambda: words in member.feed.output()[before:], 60, f"the feed says {words!r}")


def changed(octets, at):
    """With one bit that is another."""
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1:]


def states(member):
    """What is known of the machines, by name."""
    told = json.loads(member.cli("fleet", "edges", "--json", check=False).stdout)
    return {machine["name"]: machine["state"] for machine in told["machines"]}


# -- an edge and a vantage point


def test_a_taken_over_machine_has_no_right_to_what_others_have_put(world):
    head = world.rows("r/head")["r/head"]
    for by, name in ((world.ams1, "ams1"), (world.tokyo, "tokyo")):
        for key in world.rows("r/"):
            if key == "r/head" or "/m/" in key:
                world.denied(by, "put", world.prefix + key, "x")
                world.denied(by, "del", world.prefix + key)
        for key in ("e/fra1/hello", "e/fra1/demand", "v/fra1/local/0000000000000001", "a/fra1", "k/fra1", f"k/{name}"):
            world.denied(by, "put", world.prefix + key, "x")
        for words in (("get", "k/fra1"), ("get", "k/", "--prefix"), ("get", "a/", "--prefix")):
            world.denied(by, words[0], world.prefix + words[1], *words[2:])
        for words in ("auth disable", "user list", "user get root", "user add foe --no-password", f"user grant-role {name} root",
                      "role grant-permission edge readwrite / --prefix", "member add foe --peer-urls=https://10.78.0.99:2380",
                      "put /elsewhere x", "get / --prefix", "snapshot save /tmp/none", "defrag"):
            world.denied(by, *words.split())
    assert world.rows("r/head")["r/head"] == head


def test_history_that_a_machine_has_compacted_is_missed_by_nobody(world):
    world.fra1.feed.kill()
    world.admin.add("compacted", "192.0.2.9")
    revision = json.loads(world.fleet.ctl("endpoint", "status", "-w", "json").stdout)[0]["Status"]["header"]["revision"]
    world.fleet.ctl("compact", revision, by=world.ams1)
    world.fra1.up()
    world.fleet.level()
    assert world.fra1.members() == world.admin.members()


def test_a_letter_of_another_machine_counts_only_where_that_has_put_it(world):
    until(lambda: "e/fra1/hello" in world.rows("e/fra1/"), 60, "fra1 has said hello", 0.5)
    world.put("e/ams1/hello", world.rows("e/fra1/hello")["e/fra1/hello"], by=world.ams1)
    world.admin.feed.said("a letter of fra1 lies where it does not belong", 60)
    assert states(world.admin)["fra1"] == "level"


def test_reports_of_a_vantage_point_are_believed_with_its_key_alone_and_no_more_than_its_share_is_taken(world):
    """A report is as long as can be, and is sent until far more than a machine's share has come."""
    program = reporter(world.machine)
    now = int(time.time())
    lines = [f"member alice stage={ELIGIBLE}", "address 192.0.2.1"]
    lines += [f"sample 192.0.2.1 {now - ago} score=20000" for ago in range(3000)]
    subprocess.run([program, world.tokyo.state, "tokyo"], input="\n".join([*lines, "self"]), text=True, check=True,
                   env=environment())

    def verdicts(member):
        return [row["stage"] for row in world.fra1.member(member)["vantages"] if row["name"] == "tokyo"]

    until(lambda: verdicts("alice") == ["eligible"], 60, "fra1 has the verdict", 0.5)
    key, report = max(world.rows("v/tokyo/").items(), key=lambda row: len(row[1]))
    forged = changed(report, len(report) // 2)
    number = int(key.rpartition("/")[2], 16)
    later = struct.pack("!Q", number + 1)
    assert report.count(struct.pack("!Q", number)) == 1
    world.put("v/tokyo/local/" + key.rpartition("/")[2], report, by=world.tokyo)
    world.fra1.feed.said("a report in the engine can't be read", 60)
    world.put(f"v/tokyo/tokyo/{number + 1:016x}", forged.replace(struct.pack("!Q", number), later), by=world.tokyo)
    world.fra1.feed.said("a report of the vantage point tokyo is refused", 60)
    assert verdicts("alice") == ["eligible"] and verdicts("bob") == []
    world.tokyo.feed.kill()  # the intruder speaks in its place
    for _ in range((6 << 20) // len(report)):
        world.put(key, report, by=world.tokyo)
    world.fra1.feed.said("tokyo sends more reports than are taken of one machine: the rest is dropped", 60)
    for key in world.keys(world.prefix + "v/tokyo/", by=world.admin):
        world.fleet.ctl("del", key, by=world.tokyo)
    world.tokyo.up()


# -- a node


def test_a_node_can_change_rows_that_nobody_then_takes(world):
    (key,) = [key for key in world.rows("r/") if key.endswith("/m/alice")]
    row = world.rows(key)[key]
    world.put(key, row.replace(bytes([192, 0, 2, 1]), bytes([192, 0, 2, 66])))
    assert world.rows(key)[key] != row
    world.fra1.feed.said("the fleet is not followed", 60)
    world.admin.add("held", "192.0.2.10")
    again(world.fra1, "the fleet is not followed")
    assert world.fra1.shows("alice", "held") == {"alice": "192.0.2.1", "held": None}
    world.put(key, row)
    again(world.fra1)
    world.fleet.level(world.fra1)
    until(lambda: world.fra1.shows("alice", "held") == {"alice": "192.0.2.1", "held": "192.0.2.10"}, 60, "fra1 follows again", 0.5)


class Head:
    """A head of the ledger, as zone/ledger/ledgerhead.c lays it out."""

    def __init__(self, octets):
        self.octets, self.body = octets, octets[:-64]
        self.epoch, self.seq = struct.unpack_from("!IQ", octets, 1)

    def digest(self):
        return hashlib.blake2b(self.octets, digest_size=32).digest()

    def after(self, writer, key, ledger):
        """The next one, which changes nothing, signed with that key."""
        body = (struct.pack("!BIQ", 1, self.epoch, self.seq + 1) + self.body[13:21] + self.digest() + self.body[53:85] + bytes(16)
                + struct.pack("!H", len(writer)) + writer.encode())
        return body + key.sign(signed(ledger, body))


def signed(ledger, body):
    return b"".join(struct.pack("!H", len(text)) + text.encode() for text in ("ntspool ledger head", ledger)) + body


def key_of(member):
    return load_pem_private_key((member.state / "machine" / "key.pem").read_bytes(), None)


def test_a_node_with_the_key_of_an_edge_makes_no_change(world):
    real = world.rows("r/head")["r/head"]
    head = Head(real)
    key_of(world.admin).public_key().verify(real[-64:], signed(world.ledger, head.body))  # so this test signs what machines check
    heads = {
        "an edge's": head.after("ams1", key_of(world.ams1), world.ledger),
        "an edge's in an admin's name": head.after("admin", key_of(world.ams1), world.ledger),
        "of an unknown machine": head.after("nobody", key_of(world.ams1), world.ledger),
        "of another ledger": head.after("admin", key_of(world.admin), "other.test./" + world.ledger.partition("/")[2]),
        "changed": changed(head.after("admin", key_of(world.admin), world.ledger), 20),
        "none": b"no head",
    }
    before = world.fra1.position(), world.fra1.members()
    for what, forged in heads.items():
        world.put("r/head", forged)
        again(world.fra1, "the fleet is not followed")
        done = world.admin.cli("member", "add", "by-force", "--address", "192.0.2.99", "--allow-private", check=False)
        assert done.returncode == 1 and done.stderr, what
    assert (world.fra1.position(), world.fra1.members()) == before and "by-force" not in world.admin.members()
    world.put("r/head", head.after("admin", key_of(world.admin), world.ledger))  # the admin's own, as its ntspool would sign it
    again(world.fra1)
    until(lambda: world.fra1.position() == head.seq + 1, 60, "fra1 takes what an admin has signed", 0.5)
    world.fleet.level(world.fra1)


def test_machines_keep_what_they_have_when_a_node_has_lost_it(world):
    old = world.rows("r/")
    world.admin.add("newest", "192.0.2.11")
    world.fleet.level(world.fra1)
    new = world.rows("r/")
    world.put("r/head", old["r/head"])
    again(world.fra1, "the engine has lost changes that this machine has")
    world.fleet.ctl("del", world.prefix + "r/", "--prefix")
    again(world.fra1, "the engine has no ledger of this pool")
    assert world.fra1.shows("alice", "newest") == {"alice": "192.0.2.1", "newest": "192.0.2.11"}
    assert world.admin.cli("member", "remove", "alice", "--yes", check=False).returncode == 1
    for key, value in new.items():
        world.put(key, value)
    again(world.fra1)
    world.admin.cli("member", "remove", "newest", "--yes")
    world.fleet.level(world.fra1)
    assert world.fra1.shows("newest") == {"newest": None}


def letter(kind, machine, subject, key, ledger):
    """A letter as zone/fleet/letter.c lays it out, newer than all others."""
    def text(word):
        return struct.pack("!H", len(word)) + word.encode()

    body = b"\x01" + kind + text(machine) + text(subject) + struct.pack("!QQI", 1 << 62, 0, 5) + b"words"
    return body + key.sign(hashlib.blake2b(text("ntspool letter") + text(ledger) + body, digest_size=32).digest())


def test_keys_of_the_zone_come_from_admins_alone_and_to_whom_they_are_for(world):
    until(lambda: {"k/ams1", "k/fra1"} <= set(world.rows("k/")), 90, "the leader has made packages", 0.5)
    real = world.rows("k/")
    before = world.fra1.json("key", "list")
    world.put("k/fra1", letter(b"p", "ams1", "fra1", key_of(world.ams1), world.ledger))
    world.fra1.feed.said("a package of keys is not taken: a letter of ams1, which has no right to such a one", 60)
    again(world.fra1)
    world.put("k/fra1", letter(b"p", "admin", "fra1", key_of(world.ams1), world.ledger))
    world.fra1.feed.said("a package of keys is not taken: a letter that says it is of admin has a wrong signature", 60)
    again(world.fra1)
    world.put("k/fra1", real["k/ams1"])
    world.fra1.feed.said("a package of keys is not taken: a letter of admin lies where it does not belong", 60)
    assert world.fra1.json("key", "list") == before
    world.put("k/fra1", real["k/fra1"])


# -- the feed of a machine


def test_a_taken_over_feed_opens_no_key(world):
    library, state = world.machine.directory / "intruder.so", world.admin.state
    run("cc", "-shared", "-fPIC", "-o", library, Path(__file__).with_name("intruder.c"))
    secret = [state / "seal.key", *(state / "keys").iterdir(), state / "machine" / "ca-key.pem", state / "machine" / "key.pem"]
    assert all(path.exists() for path in secret) and len(secret) >= 5
    own = state / "registry" / "data.mdb"
    preloaded = environment()
    preloaded |= {"LD_PRELOAD": str(library), "INTRUDER": ":".join(str(path) for path in [*secret, own]),
                  "ASAN_OPTIONS": preloaded["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}
    world.admin.feed.kill()
    feed = world.admin.machine.start("taken-feedd", [BIN / "ntspool-feedd", "-s", state], env=preloaded)
    until(lambda: not feed.running, 60, "the kernel has ended it, since it was about to execute a program")
    assert feed.child.returncode == -signal.SIGSYS, feed.output()
    said = dict(re.findall(r"^intruder: (.*): (\w+)$", feed.output(), re.M))
    assert {said[f"{what} {path}"] for what in ("read", "write") for path in secret} == {"EACCES"}, said
    assert said[f"read {own}"] == said[f"write {own}"] == "done"
    world.admin.up()


# -- what floods, last: it ends with the eviction of the edge


def test_a_machine_that_floods_the_engine_is_heard_no_more_and_the_others_go_on(world):
    size = sum(path.stat().st_size for path in (world.fra1.state / "fleet").iterdir())
    world.ams1.feed.kill()
    for i in range(9):
        world.put(f"e/ams1/flood{i}", bytes(LONG), by=world.ams1)
        world.put(f"v/ams1/local/{i:016x}", bytes(LONG), by=world.ams1)
    hello = world.rows("e/fra1/hello")["e/fra1/hello"]
    for member in (world.admin, world.fra1):  # what is read at the start is more than one message may have
        again(member)
    until(lambda: world.rows("e/fra1/hello")["e/fra1/hello"] != hello, 90, "fra1 has said hello anew", 0.5)
    world.admin.add("flooded", "192.0.2.12")
    world.fleet.level(world.admin, world.fra1)
    until(lambda: states(world.admin)["fra1"] == "level", 90, "the admin hears fra1", 0.5)
    grown = sum(path.stat().st_size for path in (world.fra1.state / "fleet").iterdir()) - size
    assert grown < 1 << 20, "a flood is not kept"


def test_evicting_the_machine_that_has_filled_the_engine_makes_room_again(world):
    for i in range(2 * QUOTA // LONG):
        done = world.put(f"e/ams1/fill{i}", bytes(LONG), by=world.ams1, check=False)
        if done.returncode:
            break
    assert "space exceeded" in done.stderr
    refused = world.admin.cli("member", "add", "full", "--address", "192.0.2.13", "--allow-private", check=False)
    assert refused.returncode == 1 and "fleet evict" in refused.stderr, refused.stderr
    assert "full" not in world.admin.members() and world.fra1.shows("alice") == {"alice": "192.0.2.1"}
    world.admin.cli("fleet", "evict", "ams1")
    assert world.keys(world.prefix + "e/ams1/") == world.keys(world.prefix + "v/ams1/") == []
    world.admin.add("full", "192.0.2.13")
    world.fleet.level(world.admin, world.fra1)
    assert world.put("e/ams1/fill0", b"", by=world.ams1, check=False).returncode != 0
    assert states(world.admin)["ams1"] == "evicted"


def raise_alarm(world, kind):
    """As etcd's Maintenance/Alarm, with the certificate of ams1."""
    files, path = world.ams1.state / "machine", world.machine.directory / "alarm"
    path.write_bytes(struct.pack("!BI", 0, 6) + bytes([8, 1, 16, 1, 24, kind]))  # activate, a node's number, the kind
    (node,) = world.fleet.nodes
    return world.ams1.host.run("curl", "--silent", "--show-error", "--http2", "--cacert", files / "ca.pem", "--cert", files / "certificate.pem",
                               "--key", files / "key.pem", "-H", "content-type: application/grpc", "-H", "te: trailers", "--data-binary",
                               f"@{path}", f"https://{node.address}:2379/etcdserverpb.Maintenance/Alarm", "-o", "/dev/null")


@pytest.mark.parametrize("kind", [1, 2], ids=["full", "damaged"])
def test_alarms_that_an_evicted_machine_raises_end_when_it_is_evicted_again(world, kind):
    """Its certificate is valid still. Only who keeps it from the nodes' port is safe of that."""
    raise_alarm(world, kind)
    refused = world.admin.cli("member", "add", f"alarm{kind}", "--address", f"192.0.2.2{kind}", "--allow-private", check=False)
    assert refused.returncode == 1 and "nothing was changed" in refused.stderr, refused.stderr
    world.admin.cli("fleet", "evict", "ams1")
    world.admin.add(f"alarm{kind}", f"192.0.2.2{kind}")
    world.fleet.level(world.admin, world.fra1)
