"""Our client of etcd against real etcd, whose own tool judges, and against a node that lies."""

import signal
import time

import pytest

from etcdengine import (DATA, HEAD, END_HEADERS, LIMIT, Authority, Engine, Liar, Talk, grpc_message, h2_frame, h2_headers, reply)
from machine import run, until


@pytest.fixture(scope="module")
def engine(shared_machine):
    """Three nodes. A test that takes some away brings them back."""
    engine = Engine(shared_machine, 1, 3)
    yield engine
    engine.stop_all()


@pytest.fixture
def talk(engine):
    talk = Talk(engine.authority, engine.root, engine.addresses)
    yield talk
    talk.close()


def rows(words):
    """KEY=VALUE of words KEY=VALUE@MODIFIED."""
    return [word.rpartition("@")[0] for word in words]


def test_etcdctl_reads_what_the_client_writes_and_the_client_what_etcdctl_writes(engine, talk):
    first = int(talk.say("set", "a/1", "one")[1])
    engine.ctl("put", "a/2", "two")
    assert talk.say("set", "a/3", "-")[0] == "ok"
    assert engine.ctl("get", "a/", "a0", "--print-value-only").stdout.split() == ["one", "two"]
    status, revision, _, count, *found = talk.say("get", "a/", "a0")
    assert (status, int(revision), count, rows(found)) == ("ok", first + 2, "3", ["a/1=one", "a/2=two", "a/3="])
    assert rows(talk.say("get", "a/", "a0", first)[4:]) == ["a/1=one"]
    assert talk.say("count", "a/", "a0")[3:] == ["3"]
    assert rows(talk.say("get", "a/", "a0", "stale")[4:])[0] == "a/1=one"
    assert talk.say("drop", "a/", "a0")[2] == "3"
    assert engine.ctl("get", "a/", "a0").stdout == ""


def test_of_two_changes_to_the_same_state_one_is_made_and_the_other_is_told(engine, talk):
    revision = talk.say("swap", "c/head", 0, "mine")[1]
    assert talk.say("swap", "c/head", 0, "late", "c/row") == ["other", revision, f"c/head=mine@{revision}"]
    assert engine.ctl("get", "c/row").stdout == ""
    status, after = talk.say("swap", "c/head", revision, "next", "c/row")
    assert (status, int(after)) == ("ok", int(revision) + 1)
    assert engine.ctl("get", "c/", "c0", "--print-value-only").stdout.split() == ["next", "next"]


def test_a_watch_tells_all_changes_in_order_and_resumes_where_it_is_told_to(engine, talk):
    revision = int(talk.say("set", "w/1", "one")[1])
    talk.watch("w/", "w0", revision, 1)
    talk.tells(lambda told: "begun" in told)
    engine.ctl("put", "w/2", "two")
    engine.ctl("del", "w/1")
    engine.ctl("put", "elsewhere", "unseen")
    engine.ctl("put", "w/3", "three")
    events = [f"event w/1=one@{revision}", f"event w/2=two@{revision + 1}", f"event w/1 gone@{revision + 2}",
              f"event w/3=three@{revision + 4}"]
    talk.tells(lambda told: len(told) == 5)
    assert [line for line in talk.told if line != "begun"] == events
    talk.watch("w/", "w0", revision + 2, 2)
    assert [line for line in talk.tells(lambda told: len(told) == 3) if line != "begun"] == events[2:]


def test_large_values_arrive_in_fragments_and_above_the_limit_end_what_carries_them(engine, talk):
    large = Talk(engine.authority, engine.root, engine.addresses, 16 << 20)
    revision = int(large.say("big", "l/1", 1200000)[1])
    for i in range(2, 6):
        large.say("big", f"l/{i}", 1200000)
    large.watch("l/", "l0", revision, 0)
    large.tells(lambda told: sum(line.startswith("event") for line in told) == 5)
    assert "more" in large.told
    for length in (1700000, 1 << 22):
        words = large.say("big", "l/6", length)
        assert words[:2] == ["failed", "TOO_LONG"], words
    assert talk.say("get", "l/", "l0")[:2] == ["failed", "TOO_LONG"]
    assert talk.say("count", "l/", "l0")[3] == "5"
    talk.watch("l/", "l0", revision, 0)
    assert talk.tells(lambda told: told[-1:] and told[-1].startswith("end"))[-1].startswith("end TOO_LONG")
    assert large.say("drop", "l/", "l0")[2] == "5"
    large.close()


def test_a_revision_that_is_compacted_is_told_to_ranges_and_watches(engine, talk):
    revision = int(talk.say("set", "k/1", "one")[1])
    last = int(talk.say("set", "k/1", "two")[1])
    assert talk.say("compact", last) == ["ok"]
    assert talk.say("get", "k/1", "-", revision)[:2] == ["failed", "NOT_FOUND"]
    talk.watch("k/", "k0", revision, 0)
    ended = talk.tells(lambda told: told[-1:] and told[-1].startswith("end"))[-1]
    assert ended == f"end NOT_FOUND {engine.addresses[0]}@2379: the history before revision {last} is compacted"


def test_status_and_nodes_are_those_that_etcdctl_sees(engine, talk):
    words = [talk.say("status", i) for i in range(3)]
    assert {word[1] for word in words} == {engine.ctl("version").stdout.split()[2]}
    assert [i for i, word in enumerate(words) if word[2] == word[3]] == [engine.leader()]
    assert sorted(talk.say("nodes")[1:]) == [f"node{i}=https://{engine.addresses[i]}:2379" for i in range(3)]
    assert talk.say("alarms") == ["ok"]


def test_changes_go_on_when_the_leader_is_killed_and_its_watch_is_told(engine, talk):
    leader = engine.leader()
    other = (leader + 1) % 3
    watchers = [Talk(engine.authority, engine.root, engine.addresses) for _ in range(2)]
    for watcher, node in zip(watchers, (leader, other)):
        watcher.watch("d/", "d0", 0, node)
        watcher.tells(lambda told: "begun" in told)
    engine.nodes[leader].kill()
    outcomes = []
    while not outcomes or outcomes[-1] != "ok":
        words = talk.say("set", "d/1", "after")
        outcomes.append(words[0] if words[0] == "ok" else words[1])
        assert len(outcomes) < 20 and outcomes[-1] in ("ok", "UNCERTAIN", "UNREACHABLE"), outcomes
    assert watchers[0].tells(lambda told: len(told) > 1)[-1].startswith("end UNREACHABLE")
    watchers[1].tells(lambda told: any(line.startswith("event d/1=after") for line in told))
    engine.start(leader)
    engine.wait()
    for watcher in watchers:
        watcher.close()


def test_without_a_majority_changes_are_refused_in_words_and_the_watch_is_told(engine, talk):
    talk.say("set", "m/1", "before")
    talk.watch("m/", "m0", 0, 2)
    talk.tells(lambda told: "begun" in told)
    for i in (0, 1):
        engine.nodes[i].kill()
    assert talk.tells(lambda told: len(told) > 1)[-1] == \
        f"end UNREACHABLE {engine.addresses[2]}@2379: no majority of the engine's nodes agrees on a leader"
    before = time.monotonic()
    words = talk.say("set", "m/1", "after")
    assert words[:2] == ["failed", "UNREACHABLE"], words
    assert time.monotonic() - before < 20
    assert talk.say("get", "m/1", "-")[:2] == ["failed", "UNREACHABLE"]
    assert rows(talk.say("get", "m/1", "-", "stale")[4:]) == ["m/1=before"]
    for i in (0, 1):
        engine.start(i)
    engine.wait()
    assert engine.ctl("get", "m/1", "--print-value-only").stdout == "before\n"


def test_a_change_that_a_stopped_node_has_taken_is_uncertain_and_reads_go_to_another(engine, talk):
    node = int(talk.say("get", "s/1", "-")[2])
    engine.nodes[node].child.send_signal(signal.SIGSTOP)
    words = talk.say("set", "s/1", "perhaps")
    assert words[:2] == ["failed", "UNCERTAIN"], words
    words = talk.say("get", "s/1", "-")
    while words[0] == "failed":  # the leader may have been the one
        assert words[1] == "UNREACHABLE", words
        words = talk.say("get", "s/1", "-")
    assert int(words[2]) != node
    engine.nodes[node].child.send_signal(signal.SIGCONT)
    engine.wait()


def test_a_watch_ends_when_its_node_can_no_longer_be_reached(engine, talk):
    talk.watch("u/", "u0", 0, 2)
    talk.tells(lambda told: "begun" in told)
    run("ip", "address", "del", f"{engine.addresses[2]}/32", "dev", "lo")  # packets vanish, nothing is said
    assert talk.tells(lambda told: len(told) > 1)[-1].startswith("end UNREACHABLE")
    assert talk.say("set", "u/1", "one")[0] == "ok"
    engine.machine.add_address(engine.addresses[2])
    engine.wait()


def test_each_side_refuses_a_certificate_of_another_authority(engine, tmp_path):
    foreign = Authority(tmp_path, "foreign")
    stranger = Talk(engine.authority, foreign.issue("root"), engine.addresses)
    words = stranger.say("get", "f/1", "-")
    assert words[:2] == ["failed", "REFUSED"] and "refuses this machine's certificate" in " ".join(words), words
    assert stranger.say("set", "f/1", "one")[0] == "failed"
    stranger.close()
    careful = Talk(foreign, engine.root, engine.addresses)
    words = careful.say("set", "f/1", "one")
    assert words[:2] == ["failed", "REFUSED"] and "certificate is not of this fleet" in " ".join(words)
    careful.close()
    assert engine.ctl("get", "f/1").stdout == ""


def test_rights_go_by_the_name_in_the_certificate(machine):
    engine = Engine(machine, 2, 1)
    root = Talk(engine.authority, engine.root, engine.addresses)
    for words in (("role", "admin", "-", 2), ("user", "root", "root"), ("role", "edges", "r/", 0), ("user", "ams1", "edges")):
        outcome = root.say(*words)
        assert outcome == ["ok"] or words[1] == "root", (words, outcome)
    engine.ctl("role", "add", "root", check=False)
    engine.ctl("user", "grant-role", "root", "root")
    assert root.say("user", "ams1", "edges")[:2] == ["failed", "EXISTS"]
    assert root.say("auth") == ["ok"]
    assert root.say("set", "r/1", "one")[0] == "ok"
    edge = Talk(engine.authority, engine.authority.issue("ams1"), engine.addresses)
    assert rows(edge.say("get", "r/", "r0")[4:]) == ["r/1=one"]
    assert edge.say("set", "r/1", "mine")[:2] == ["failed", "REFUSED"]
    assert edge.say("get", "k/", "k0")[:2] == ["failed", "REFUSED"]
    edge.watch("k/", "k0", 0, 0)
    assert edge.tells(lambda told: told)[-1].startswith("end REFUSED")
    edge.watch("r/", "r0", 0, 0)
    edge.tells(lambda told: "begun" in told)
    assert root.say("unuser", "ams1") == ["ok"]
    assert edge.say("get", "r/", "r0")[:2] == ["failed", "REFUSED"]
    assert root.say("unuser", "ams1")[:2] == ["failed", "NOT_FOUND"]
    for talk in (edge, root):
        talk.close()
    engine.stop_all()


def test_a_full_engine_says_so_and_is_healed(machine):
    engine = Engine(machine, 3, 1, "--quota-backend-bytes=4194304")
    talk = Talk(engine.authority, engine.root, engine.addresses)
    numbers = iter(range(400))  # a node counts what it has written a while later
    until(lambda: talk.say("big", f"q/{next(numbers)}", 1000000)[:2] == ["failed", "FULL"], 60, "the engine is full")
    assert talk.say("alarms") == ["ok", "1"]
    revision = talk.say("drop", "q/", "q0")[1]
    node = talk.say("status", 0)[2]
    assert [talk.say("compact", revision), talk.say("defragment", 0), talk.say("disarm", node)] == [["ok"]] * 3
    assert talk.say("set", "q/1", "one")[0] == "ok"
    talk.close()
    engine.stop_all()


class Raw:
    """Octets after the handshake, then nothing or the end."""

    def __init__(self, octets):
        self.octets = octets

    def raw(self, tls):
        tls.sendall(self.octets)
        tls.recv(65536)


HEADERS = h2_frame(HEAD, END_HEADERS, 1, h2_headers(status=200, content_type="application/grpc"))
LIES = {
    "no HTTP/2": Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    "noise": Raw(bytes(range(256)) * 16),
    "the end": Raw(b""),
    "not found": lambda _, stream: h2_frame(HEAD, END_HEADERS | 1, stream, h2_headers(status=404)),
    "a page": lambda _, stream: h2_frame(HEAD, END_HEADERS, stream, h2_headers(status=200, content_type="text/html")) +
    h2_frame(DATA, 1, stream, b"<html>"),
    "compressed": lambda _, stream: reply(stream, grpc_message(b"\x0a\x00", flag=1)),
    "too long": lambda _, stream: reply(stream, grpc_message(b"x" * 100, length=LIMIT + 1)),
    "cut": lambda _, stream: reply(stream, grpc_message(b"x" * 100, length=200)),
    "two replies": lambda _, stream: reply(stream, grpc_message(b""), grpc_message(b"")),
    "no status": lambda _, stream: reply(stream, grpc_message(b""), trailers=False),
    "no message": lambda _, stream: reply(stream),
    "no protobuf": lambda _, stream: reply(stream, grpc_message(b"\x12\xff\xff\xff\xff\x0f")),
    "an odd status": lambda _, stream: reply(stream, status="4x"),
    "hangs up": lambda _, stream: None,
}


@pytest.mark.parametrize("lie", LIES)
def test_a_node_that_lies_is_told_in_words(lie, machine):
    address = f"10.77.9.{1 + list(LIES).index(lie)}"
    machine.add_address(address)
    authority = Authority(machine.directory)
    liar = Liar(authority, address, LIES[lie], alpn=("h2", "http/1.1"))
    talk = Talk(authority, authority.issue("root"), [address])
    words = talk.say("get", "a", "b")
    assert words[0] == "failed" and words[1] in ("INVALID", "TOO_LONG", "UNREACHABLE") and len(words) > 3, words
    words = talk.say("set", "a", "b")
    assert words[0] == "failed" and words[1] in ("UNCERTAIN", "INVALID", "UNREACHABLE"), words
    talk.watch("a", "b", 0, 0)
    talk.tells(lambda told: told and told[-1].startswith("end "))
    talk.close()
    liar.close()


def test_a_change_is_never_sent_twice_when_its_connection_dies(machine):
    machine.add_address("10.77.8.1")
    authority = Authority(machine.directory)
    done = grpc_message(b"\x0a\x00\x10\x01")
    liar = Liar(authority, "10.77.8.1", lambda number, stream: reply(stream, done) if number < 2 else None)
    talk = Talk(authority, authority.issue("root"), ["10.77.8.1"])
    assert [talk.say("set", "a", "b")[0] for _ in range(2)] == ["ok", "ok"]
    assert talk.say("set", "a", "b")[:2] == ["failed", "UNCERTAIN"]
    assert liar.requests == 3
    talk.close()
    liar.close()
