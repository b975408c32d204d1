"""With several vantage points the median of their verdicts counts. The pool takes in reports of another machine as ntspool-feedd does."""

import json
import shutil
import subprocess
import time
import unicodedata

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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
    """Runs one round as another vantage point with its own trusted CAs. Without any it accepts no certificate."""
    done = run(BIN / "ntspool-probed", "-s", pool.state, "--once", "--allow-private", "--id", name, *options,
               check=False, env=environment())
    no_report(name, done.stderr)
    assert done.returncode == 0, done.stderr


def vantage_names(pool):
    return [row["name"] for row in pool.json("status")["vantages"]]


def test_verdicts_of_a_vantage_point_that_nobody_named_count_for_nothing(world):
    world.strange = Authority(world.machine.directory, "other").path
    once(world, "blind", "--trust", world.strange)
    until(lambda: world.json("status")["refusals"], 20, "the refusal is noted")
    assert vantage_names(world) == ["local"]
    (refusal,) = world.json("status")["refusals"]
    key = run(BIN / "ntspool", "-s", world.state, "vantage", "key", "--id", "blind").stdout.strip()
    assert refusal["source"] == "blind" and f"`ntspool vantage add blind {key}`" in refusal["text"]
    assert any("blind" in text for text in world.warned()["reports-refused"])
    world.server.said("a report of the vantage point blind is refused: ")


def test_new_vantage_point_takes_nobody_out(world):
    world.vantage("blind")
    until(lambda: vantage_names(world) == ["blind", "local"], 20, "what it reported before it was named counts")
    assert world.json("status")["refusals"] == []
    member = world.member("alice")
    assert [row["stage"] for row in member["vantages"]] == ["registered", "eligible"]
    assert member["eligible"] and member["votes"] == 1


def reports_of(state, name):
    """The octets of the reports in a vantage point's journal, the oldest first."""
    files = [state / f"probe/{name}.verdicts{end}" for end in (".1", "")]
    return b"".join(file.read_bytes() for file in files if file.exists())


def take_in(pool, octets):
    """Has the pool take in the reports of another machine."""
    done = subprocess.run([BIN / "intaketalk", pool.state], input=octets, capture_output=True, timeout=60, env=environment(), check=False)
    no_report("intaketalk", done.stderr.decode())
    assert done.returncode in (0, 1), done.stderr
    return done


def taken_in(pool, octets):
    """The numbers of what the pool has taken in."""
    done = take_in(pool, octets)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(pool, octets):
    """Why the pool takes in nothing of this."""
    done = take_in(pool, octets)
    assert done.returncode == 1, done.stdout
    return done.stderr.decode()


def elsewhere(world, name):
    """Makes the state directory of a vantage point on another machine, with a copy of the pool's feed."""
    state = world.machine.directory / f"{name}.state"
    state.mkdir()
    shutil.copytree(world.state / "feed", state / "feed")
    return state


def key_of(state, name):
    return run(BIN / "ntspool", "-s", state, "vantage", "key", "--id", name).stdout.strip()


def probe_there(world, state, name, *options):
    done = run(BIN / "ntspool-probed", "-s", state, "--once", "--allow-private", "--id", name, "--trust", world.trust, *options,
               check=False, env=environment())
    no_report(name, done.stderr)
    assert done.returncode == 0, done.stderr
    return reports_of(state, name)


def test_reports_of_another_machine_are_taken_in_once(world):
    state = elsewhere(world, "far")
    world.vantage("far", key_of(state, "far"))
    octets = probe_there(world, state, "far")
    done = taken_in(world, octets)
    assert done["vantage"] == "far" and done["reports"] >= 1 and done["rows"] >= 1 and done["refused"] == 0 and done["skipped"] == 0
    again = taken_in(world, octets)
    assert again["reports"] == 0 and again["known"] == done["reports"] and again["rows"] == 0
    row = [row for row in world.json("status")["vantages"] if row["name"] == "far"][0]
    assert row["imported"]
    assert [row["name"] for row in world.member("alice")["vantages"]] == ["blind", "far", "local"]
    world.far = state


def test_what_is_said_under_anothers_name_counts_for_nothing(world):
    """The key of one vantage point cannot sign reports for another."""
    state = elsewhere(world, "liar")
    world.vantage("liar", key_of(state, "liar"))
    shutil.copy(state / "probe/liar.key", state / "probe/far.key")
    before = [row for row in world.member("alice")["vantages"] if row["name"] == "far"]
    text = refused(world, probe_there(world, state, "far"))
    assert "far" in text and "another key" in text
    assert [row for row in world.member("alice")["vantages"] if row["name"] == "far"] == before
    assert any(row["source"] == "far" and "another key" in row["text"] for row in world.json("status")["refusals"])
    world.cli("vantage", "remove", "liar")


def test_report_for_another_registry_counts_for_nothing(world):
    """Two pools have the same name, and each has a member alice with the ID 1."""
    other = Pool(world.machine, name="other").init()
    other.add("alice", "127.0.9.9", country="NL")
    state = world.machine.directory / "misled.state"
    state.mkdir()
    shutil.copytree(other.state / "feed", state / "feed")
    world.vantage("misled", key_of(state, "misled"))
    assert "another registry" in refused(world, probe_there(world, state, "misled"))
    assert "misled" not in vantage_names(world)
    # the same registry, with separate changes on each machine
    shutil.copytree(world.state / "registry", other.state / "registry", dirs_exist_ok=True)
    (other.state / "registry/lock.mdb").unlink()
    other.add("carol", "127.0.9.8")
    shutil.copytree(other.state / "feed", state / "feed", dirs_exist_ok=True)
    world.add("bob", "127.0.1.2")
    assert other.member("carol")["added_at"] and world.member("bob")["added_at"]
    done = taken_in(world, probe_there(world, state, "misled"))
    assert done["rows"] >= 1 and done["skipped"] >= 1  # alice is the same member in both, carol is not a member here
    assert [row["name"] for row in world.member("bob")["vantages"] if row["name"] == "misled"] == []
    world.cli("member", "remove", "bob")
    world.cli("vantage", "remove", "misled")
    until(lambda: "misled" not in vantage_names(world), 20, "it is gone")


@pytest.mark.parametrize("edit", [
    lambda data: data[:-1], lambda data: data + b"x", lambda data: b"", lambda data: data[:11], lambda data: b"\0" * 4000,
    lambda data: b"ntspool-health 2\nvantage blind 00\nend 0\n", lambda data: data[1:], lambda data: b"\xff" * 70000,
])
def test_broken_reports_are_refused(world, edit):
    data = reports_of(world.state, "blind")
    before = [row for row in world.member("alice")["vantages"] if row["name"] != "local"]
    assert "report" in refused(world, edit(data))
    assert [row for row in world.member("alice")["vantages"] if row["name"] != "local"] == before


def test_each_octet_of_a_report_is_signed(world):
    """A change to any octet makes the report invalid."""
    world.cli("vantage", "remove", "far")  # drops its reports
    world.vantage("far", key_of(world.far, "far"))
    data = reports_of(world.far, "far")
    assert len(data) > 400
    for at in range(4, len(data), max(1, len(data) // 24)):
        done = take_in(world, data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        assert done.returncode == 0 or b"report" in done.stderr or b"far" in done.stderr
    world.cli("vantage", "remove", "far")
    world.vantage("far", key_of(world.far, "far"))
    flipped = bytearray(data)
    flipped[-1] ^= 1  # an octet of the last report's signature
    assert b"signature" in take_in(world, bytes(flipped)).stderr
    world.cli("vantage", "remove", "far")


def made_anew(octets, seed, number=None, edit=lambda items: items, about=b""):
    """The last of these reports that has `about` in it, edited and signed again by the holder of the key, with a new number."""
    reports = []
    while octets:
        length = int.from_bytes(octets[:4], "big") + 4
        reports.append(octets[:length])
        octets = octets[length:]
    number = number or int.from_bytes(reports[-1][4:12], "big") + 1
    body = number.to_bytes(8, "big") + edit([each for each in reports if about in each][-1][12:-64])
    return (len(body) + 64).to_bytes(4, "big") + body + Ed25519PrivateKey.from_private_bytes(seed).sign(body)


def seed_of(state, name):
    return bytes.fromhex((state / f"probe/{name}.key").read_text())


def test_new_key_begins_anew_whatever_was_said_with_the_one_before(world):
    """A thief of the key has used up all report numbers. The operator sets another key, and reports signed with it count."""
    state = elsewhere(world, "robbed")
    world.vantage("robbed", key_of(state, "robbed"))
    assert taken_in(world, made_anew(probe_there(world, state, "robbed"), seed_of(state, "robbed"), 2**64 - 1))["reports"] == 1
    assert taken_in(world, probe_there(world, state, "robbed"))["reports"] == 0
    for file in (state / "probe").iterdir():
        file.unlink()
    world.cli("vantage", "add", "robbed", key_of(state, "robbed"), "--replace")
    done = taken_in(world, probe_there(world, state, "robbed"))
    assert done["reports"] >= 1 and done["rows"] >= 1 and done["known"] == 0
    world.cli("vantage", "remove", "robbed")


EVIL = "\x1b]0;owned\x07\x1b[2J\r\n\t\x7f\x9b31m\u202e\u2066\u200f\u2028\ufeff".encode() + b"\xff\xc0\x80\xed\xa0\x80\xe2\x80"


def event_of(label, at, text):
    body = len(label).to_bytes(2, "big") + label + at.to_bytes(8, "big") + len(text).to_bytes(2, "big") + text
    return b"\4" + len(body).to_bytes(2, "big") + body


def test_texts_of_a_vantage_point_can_not_steer_a_terminal(world):
    """The holder of a key may put any octets into a detail, an event and the end of a report."""
    world.add("down", "127.0.1.77")
    state = elsewhere(world, "evil")
    until(lambda: b"down" in shutil.copy(world.state / "feed/members", state / "feed/members").read_bytes(), 20, "the feed has it")
    world.vantage("evil", key_of(state, "evil"))
    octets = probe_there(world, state, "evil")
    taken_in(world, octets)
    detail = world.member("down")["addresses"][0]["detail"]
    evil = (EVIL * 20)[:len(detail.encode())]
    assert detail.encode() in octets

    def edit(items):
        return items.replace(detail.encode(), evil) + event_of(b"down", int(time.time()), EVIL) + event_of(b"DOWN", int(time.time()), b"x")
    assert taken_in(world, made_anew(octets, seed_of(state, "evil"), edit=edit, about=detail.encode()))["rows"] >= 1
    for arguments in (["member", "show", "down"], ["log", "down"], ["status"], ["vantage", "list"], ["member", "list"], ["history", "down"]):
        for form in ([], ["--json"]):
            shown = subprocess.run(world.command(*arguments, *form), capture_output=True, timeout=30, env=environment(), check=True)
            text = (shown.stdout + shown.stderr).decode()  # the output is UTF-8
            bad = [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")]
            assert bad == [], (arguments, form, bad)
    assert "owned" in world.cli("log", "down").stdout
    world.cli("vantage", "remove", "evil")
    world.cli("member", "remove", "down")


def test_name_of_a_vantage_point_is_checked(world):
    done = run(BIN / "ntspool-probed", "-s", world.state, "--once", "--id", "Not Fine", check=False, env=environment())
    assert done.returncode == 2 and "--id" in done.stderr
    assert world.cli("vantage", "add", "Not Fine", check=False).returncode == 2
    assert world.cli("vantage", "add", "fine", "nokey", check=False).returncode == 2
    assert "another key" in world.refused("vantage", "add", "local", key_of(world.far, "far"))


def test_second_probe_of_a_name_is_refused(world):
    done = run(BIN / "ntspool-probed", "-s", world.state, "--interval", "1s", check=False, timeout=20, env=environment())
    assert done.returncode == 1 and "reports as local here already" in done.stderr


def test_forgotten_vantage_point_comes_back_with_its_next_report(world):
    world.cli("health", "forget", "blind")
    assert "no vantage point" in world.refused("health", "forget", "blind")
    assert "no vantage point" in world.refused("health", "forget", "../x")
    assert [row["name"] for row in world.member("alice")["vantages"]] == ["local"]
    once(world, "blind", "--trust", world.strange)
    until(lambda: vantage_names(world) == ["blind", "local"], 20, "it reports again")
    world.cli("health", "forget", "blind")


def test_of_two_that_know_the_member_the_worse_counts(world):
    """The second probe accepts no certificate. After 20 probes its verdict counts."""
    other = world.machine.start("blind-probed", [
        BIN / "ntspool-probed", "-s", world.state, "--interval", "1s", "--allow-private", "--id", "blind", "--trust",
        world.strange], env=environment())
    until(lambda: world.member("alice")["votes"] == 2, 60, "both vote")
    member = world.member("alice")
    assert member["votes_in"] == 1 and not member["eligible"]
    assert member["addresses"][0]["failure"] == "cert-chain"
    world.stop(other)
    world.cli("health", "forget", "blind")
    assert world.member("alice")["eligible"]


def test_remote_probe_follows_newer_copies_of_the_feed(world):
    """A copy is renamed over the feed of the running probe, then a broken copy, then a good one."""
    state = elsewhere(world, "remote")
    world.vantage("remote", key_of(state, "remote"))
    feed = state / "feed/members"

    def copied(*names):
        """Copies the feed once it has exactly these members and the vantage point."""
        path = world.machine.directory / "members.copy"

        def has():
            shutil.copy(world.state / "feed/members", path)
            data = path.read_bytes()
            return b"remote" in data and [name for name in ("alice", "bob", "carol") if name.encode() in data] == list(names)
        until(has, 20, f"a feed with {names}")
        path.rename(feed)

    remote = world.machine.start("remote-probed", [
        BIN / "ntspool-probed", "-s", state, "--interval", "1s", "--allow-private", "--id", "remote", "--trust", world.trust],
        env=environment())
    remote.said("member alice: 127.0.1.1: ok")
    copied("alice")
    remote.said("the pool knows this vantage point")
    world.add("bob", "127.0.1.2")
    copied("alice", "bob")
    remote.said("member bob: 127.0.1.2: connect-refused")
    world.machine.write("broken", "no feed").rename(feed)
    remote.said("the list of members can't be read")
    world.add("carol", "127.0.1.3")
    world.cli("member", "remove", "bob")
    copied("alice", "carol")
    remote.said("the list of members is read again")
    remote.said("member carol: 127.0.1.3: connect-refused")
    status = json.loads(run(BIN / "ntspool", "-s", state, "status", "--json", env=environment()).stdout)
    assert status["vantage_only"] and [row["name"] for row in status["vantages"]] == ["remote"] and status["members"] == 2
    def measured():
        lines = run(BIN / "ntspool", "-s", state, "metrics", env=environment()).stdout.splitlines()
        return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    until(lambda: measured().get('ntspool_probes_total{vantage="remote",result="connect-refused"}'), 60, "the failed probes are counted")
    metrics = measured()
    assert metrics['ntspool_vantage_asked{vantage="remote"}'] == 1
    assert metrics['ntspool_probes_total{vantage="remote",result="ok"}'] > 0
    for step in ("connect", "tls", "ke", "ntp"):
        seen = metrics[f'ntspool_probe_seconds_count{{vantage="remote",step="{step}"}}']
        assert 0 < seen and metrics[f'ntspool_probe_seconds_sum{{vantage="remote",step="{step}"}}'] > 0
    assert {key.split("{")[0] for key in metrics if "ntspool_vantage_" not in key and "ntspool_probe" not in key} == {"ntspool_warning"}
    world.stop(remote)
    taken_in(world, reports_of(state, "remote"))
    assert [row["name"] for row in world.member("carol")["vantages"]] == ["local", "remote"]
    world.cli("member", "remove", "carol")
    world.cli("vantage", "remove", "remote")


def test_probe_begins_anew_when_its_feed_is_of_another_registry(world):
    state = elsewhere(world, "moved")
    probed = world.machine.start("moved-probed", [
        BIN / "ntspool-probed", "-s", state, "--interval", "1s", "--allow-private", "--id", "moved", "--trust", world.trust],
        env=environment())
    probed.said("member alice: 127.0.1.1: ok")
    other = Pool(world.machine, name="anew").init()
    other.vantage("moved", key_of(state, "moved"))
    other.add("alice", "127.0.9.9")
    shutil.copy(other.state / "feed/members", state / "feed/members.new")
    (state / "feed/members.new").rename(state / "feed/members")
    probed.said("of another registry: begins anew")
    probed.said("member alice: 127.0.9.9: connect-refused")
    world.stop(probed)
    done = taken_in(other, reports_of(state, "moved"))
    assert done["reports"] >= 1 and done["refused"] >= 1  # its reports about the former registry are refused
    assert other.member("alice")["addresses"][0]["failure"] == "connect-refused"
    assert other.member("alice")["addresses"][0]["score"] < 0
