"""`member apply` on the machine of a server and `member admit` on that of the pool: an application that anybody can read, send and check."""

import json
import os
import pty
import socket
import subprocess

import pytest

from authority import Authority
from commandline import terminal_output
from machine import run
from nameservice import Names
from pool import APEX, BIN, Pool, environment, no_report
from timeserver import Chronyd

ALICE, OWN, SILENT, CLOSED = "44.0.0.1", "44.0.0.2", "44.0.0.3", "44.0.0.4"
TARGET = "time.elsewhere.test"


class World:
    """ALICE serves NTS with a certificate of nobody's, as before it has one for the pool; OWN has a good one for its own name."""

    def __init__(self, machine):
        self.machine = machine
        run("ip", "route", "replace", "local", "44.0.0.0/24", "dev", "lo")
        machine.add_address(ALICE, OWN, SILENT, CLOSED)
        authority, nobody = Authority(machine.directory), Authority(machine.directory, "nobody")
        self.trust = authority.path
        Chronyd(machine, "alice", [ALICE], *nobody.issue("alice", ["localhost"]))
        Chronyd(machine, "own", [OWN], *authority.issue("own", [TARGET]))
        self.names = Names(1)
        self.names.records = {(TARGET, "A"): [OWN]}

    def apply(self, name, *args, status=0):
        """Runs `member apply` without any state; returns the process."""
        done = run(BIN / "ntspool", "-s", self.machine.directory / "no-pool", "member", "apply", name, *args, "--trust", self.trust,
                   check=False, env=environment())
        no_report("apply", done.stderr)
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def pool(self, name):
        return Pool(self.machine, name).init()


@pytest.fixture(scope="module")
def world(shared_machine):
    world = World(shared_machine)
    yield world
    world.names.close()


@pytest.fixture
def pool(world, tmp_path):
    return world.pool(tmp_path.name)


def write(path, text):
    path.write_text(text)
    return path


ALICES = ("--address", ALICE, "--country", "NL", "--operator", "Alice: time, and more", "--capacity", "250", "--contact", "ops@alice.example",
          "--accounturi", "https://acme.example/acct/7", "--position", "52.37,4.9", "--unlisted")


def test_an_application_registers_what_its_operator_said(world, pool, tmp_path):
    path = tmp_path / "alice"
    said = world.apply(f"alice.{APEX}", path, *ALICES)
    assert said.stdout == "" and said.stderr.startswith(f"probed {ALICE}: cert-chain (")
    assert path.read_text().startswith(f"ntspool-application: 1\npool: {APEX}\nname: alice\nipv4: {ALICE}\n")
    mail = write(tmp_path / "mail", f"From: ops@alice.example\r\n\r\nHello\r\n\r\n{path.read_text()}-- \r\nAlice\r\n")
    shown = pool.json("member", "admit", mail, "--trust", world.trust)
    assert [row["failure"] for row in shown["probe"]] == ["cert-chain"]
    added = world.pool(f"{tmp_path.name}-other")
    added.cli("member", "add", "alice", *ALICES)
    one, two = pool.member("alice"), added.member("alice")
    for key in ("added_at", "changed_at"):
        del one[key], two[key]
    assert one == two
    assert (one["contact"], one["unlisted"], one["operator"]) == ("ops@alice.example", True, "Alice: time, and more")
    assert "ops@alice.example" not in pool.cli("log").stdout


def test_json_has_the_text_too(world):
    shown = json.loads(world.apply(f"alice.{APEX}", "--address", ALICE, "--json").stdout)
    assert (shown["pool"], shown["name"], shown["probe"][0]["address"]) == (f"{APEX}.", "alice", ALICE)
    assert shown["text"] == world.apply(f"alice.{APEX}", "--address", ALICE).stdout


def test_a_server_that_does_not_answer_is_refused_unless_asked(world, pool, tmp_path):
    done = world.apply(f"bob.{APEX}", tmp_path / "bob", "--address", CLOSED, status=1)
    assert f"{CLOSED}: connect-refused" in done.stderr and "TCP 4460" in done.stderr and not (tmp_path / "bob").exists()
    world.apply(f"bob.{APEX}", tmp_path / "bob", "--address", CLOSED, "--no-probe")
    assert "connect-refused" in pool.refused("member", "admit", tmp_path / "bob")
    assert pool.json("member", "list") == []
    pool.cli("member", "admit", tmp_path / "bob", "--no-probe")
    assert pool.member("bob")["state"] == "registered"


def test_a_name_of_its_own_needs_consent_before_it_is_admitted(world, pool, tmp_path):
    said = world.apply(f"own.{APEX}", tmp_path / "own", "--target", TARGET, "--operator", "Own")
    record = f'_ntspool.{TARGET}. IN TXT "pool={APEX}"'
    assert said.stderr == f"probed {OWN}: ok\nThe pool may look for this record, which consents to it:\n{record}\n"
    assert f"consent (no such name: _ntspool.{TARGET})" in pool.refused("member", "admit", tmp_path / "own", "--trust", world.trust)
    world.names.records[f"_ntspool.{TARGET}", "TXT"] = [f'"pool={APEX}"']
    pool.cli("member", "admit", tmp_path / "own", "--trust", world.trust)
    assert pool.member("own")["target"] == f"{TARGET}."
    pool.cli("member", "remove", "own")
    pool.cli("zone", "set", "target-consent", "off")
    del world.names.records[f"_ntspool.{TARGET}", "TXT"]
    pool.cli("member", "admit", tmp_path / "own", "--trust", world.trust)


def test_what_can_not_be_registered_is_refused_before_any_probe(world, pool, tmp_path):
    text = world.apply(f"alice.{APEX}", "--address", SILENT, "--no-probe").stdout
    path = write(tmp_path / "alice", text)
    assert "is for other.test" in pool.refused("member", "admit", write(tmp_path / "other", text.replace(APEX, "other.test")))
    pool.cli("member", "add", "alice", "--address", CLOSED)
    assert "alice" in pool.refused("member", "admit", path)
    pool.cli("member", "remove", "alice")
    assert "quarantine" in pool.refused("member", "admit", path)
    pool.cli("member", "add", "bob", "--address", SILENT)
    assert SILENT in pool.refused("member", "admit", write(tmp_path / "carol", text.replace("alice", "carol")))
    private = write(tmp_path / "private", text.replace(SILENT, "10.0.0.1").replace("alice", "dave"))
    assert "10.0.0.1" in pool.refused("member", "admit", private)
    cut = write(tmp_path / "cut", text.replace("end\n", ""))
    assert "cut off" in pool.refused("member", "admit", cut)
    big = write(tmp_path / "big", "x" * 70000)
    assert pool.refused("member", "admit", big)
    assert "\x1b" not in pool.refused("member", "admit", write(tmp_path / "escapes", text.replace("alice", "a\x1b[2Jb")))
    assert [row["name"] for row in pool.json("member", "list")] == ["bob"]


@pytest.mark.parametrize("name, said", [
    ("alice", "is no name in a pool"), ("a\\000b.pool.test", "is no name in a pool"), ("a_b.pool.test", "at place 2"), ("..", "is no name in a pool"),
])
def test_names_that_no_member_can_have_are_refused(world, name, said):
    done = run(BIN / "ntspool", "member", "apply", name, "--address", ALICE, check=False, env=environment())
    assert done.returncode in (1, 2) and said in done.stderr


def test_nobody_waits_for_a_server_that_is_probed(world, pool, tmp_path):
    path = tmp_path / "silent"
    world.apply(f"silent.{APEX}", path, "--address", SILENT, "--no-probe")
    with socket.create_server((SILENT, 4460)) as listener:
        admit = subprocess.Popen(pool.command("member", "admit", path), env=environment(), stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True)
        connection, _ = listener.accept()
        pool.cli("member", "add", "bob", "--address", CLOSED)
        assert admit.poll() is None
        connection.close()
    said = admit.communicate(timeout=60)[1]
    assert admit.returncode == 1 and f"{SILENT}: tls-" in said


def test_a_name_can_not_change_how_the_application_looks(world, pool, tmp_path):
    text = world.apply(f"alice.{APEX}", "--address", ALICE, "--no-probe", "--operator", "Alice").stdout
    odd = write(tmp_path / "odd", text.replace("operator: Alice", "operator: \u202eecilA\u200b"))
    shown = pool.cli("member", "admit", odd, "--no-probe").stdout
    assert "operator: \\xe2\\x80\\xaeecilA\\xe2\\x80\\x8b\n" in shown and shown.isascii()


@pytest.mark.parametrize("answer, registered", [("n", False), ("y", True)])
def test_a_person_sees_the_application_and_is_asked(world, pool, tmp_path, answer, registered):
    path = tmp_path / "alice"
    world.apply(f"alice.{APEX}", path, *ALICES)
    leader, follower = pty.openpty()
    admit = subprocess.Popen(pool.command("member", "admit", path), env=environment(), stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    os.write(leader, f"{answer}\n".encode())
    shown = terminal_output(leader).decode()
    assert admit.wait() == (0 if registered else 1)
    assert shown.index("operator: Alice: time, and more") < shown.index(f"probed {ALICE}: cert-chain") < shown.index("Go on? [y/N]")
    assert ("alice is registered" in shown) == registered
    assert bool(pool.json("member", "list")) == registered
