"""Mails to members' contacts: true, once, and not while anything speaks against it."""

import email.policy
import os
import re
import signal
import struct

import pytest

from authority import Authority
from machine import has_ended, run, until
from pool import APEX, BIN, Pool, environment
from timeserver import Chronyd

HOUR = 3600
OURS, CAROLS = "ops@example.net", "carol+ntp@example.org"


class World:
    """Four members: alice and bob have one contact, carol another, dave none.

    The programs run on the true clock. `notices` runs on one that is ahead; verdicts stay fresh for a day.
    """

    def __init__(self, machine):
        self.machine = machine
        self.pool = Pool(machine).init()
        self.pool.cli("zone", "set", "verdict-fresh", "1d", "mailbox", "hostmaster.example.net")
        self.authority = authority = Authority(machine.directory)
        contacts = {"alice": OURS, "bob": OURS, "carol": CAROLS, "dave": None}
        addresses = {name: f"127.0.1.{number + 1}" for number, name in enumerate(contacts)}
        for name, contact in contacts.items():
            self.pool.add(name, addresses[name], options=["--contact", contact] if contact else [])
        certificate = authority.issue("all", [f"{name}.{APEX}" for name in contacts])
        self.servers = {name: Chronyd(machine, name, [address], *certificate) for name, address in addresses.items()}
        self.pool.serve("--workers", "1")
        self.pool.probe(authority.path)
        self.mails = machine.directory / "mails"
        self.mails.mkdir()
        self.sendmail = self.script("sendmail", f'n=$(ls {self.mails} | wc -l); echo "$@" > {self.mails}/$n.args; '
                                                f"cat > {self.mails}/$n.mail; ls /proc/self/fd > {self.mails}/$n.fds")
        self.wait_for("alice", "eligible")
        self.wait_for("dave", "eligible")

    def script(self, name, text):
        path = self.machine.directory / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def wait_for(self, name, state):
        until(lambda: self.pool.member(name)["state"] == state, 120, f"{name} is {state}")

    def notices(self, ahead, *options):
        """Runs the command at a time that is so many seconds ahead."""
        clock = self.machine.directory / "ahead"
        clock.write_bytes(struct.pack("=qq", int(ahead), 0))
        done = run(*self.pool.command("notices", *options), check=False, env=dict(environment(), NTSPOOL_TEST_CLOCK=str(clock)))
        assert "Sanitizer" not in done.stderr, done.stderr
        return done

    def due(self, ahead):
        """What would be sent: the texts, without the footer, by contact."""
        done = self.notices(ahead)
        assert done.returncode == 0, done.stderr
        found = {}
        for text in re.split(r"\n(?=Date: )", done.stdout) if done.stdout.startswith("Date: ") else []:
            mail = parse(text.encode())
            assert mail["To"] not in found
            found[mail["To"]] = mail
        return found

    def sent(self, ahead, *options):
        """Runs it with the mailer; returns the mails that this one got."""
        before = len(list(self.mails.iterdir()))
        done = self.notices(ahead, "--send", f"{self.sendmail} -i -t", *options)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        new = sorted(self.mails.iterdir(), key=lambda path: path.stat().st_mtime_ns)[before:]
        return [parse(path.read_bytes()) for path in new if path.suffix == ".mail"]

    def logged(self, name):
        return [line["what"] for line in self.pool.json("log", name) if line["who"] == "notices"]


def parse(octets):
    """The mail, as Python's parser reads it, which names every defect."""
    mail = email.message_from_bytes(octets, policy=email.policy.default)
    assert not mail.defects and octets.isascii()
    assert all(len(line) <= 78 for line in octets.splitlines())
    assert not re.search(rb"^\.", octets, re.MULTILINE)
    for header in ("Date", "From", "To", "Subject", "Message-ID"):
        assert len(mail.get_all(header)) == 1 and not mail[header].defects, header
    assert mail["Auto-Submitted"] == "auto-generated"
    return mail


@pytest.fixture(scope="module")
def world(shared_machine):
    world = World(shared_machine)
    yield world
    world.pool.stop()


def test_nothing_is_told_while_all_is_well(world):
    assert world.notices(0).stdout == "There is nothing to tell.\n"
    assert world.sent(5 * HOUR) == []


def test_contact_is_told_of_a_member_that_was_out_for_two_hours(world):
    world.servers["alice"].process.stop()
    world.wait_for("alice", "ineligible")
    assert world.due(HOUR) == {}
    mails = world.due(2 * HOUR + 60)
    assert list(mails) == [OURS]
    mail = mails[OURS]
    assert mail["From"] == "hostmaster@example.net"
    assert mail["Subject"] == f"{APEX}: alice is out of the pool"
    text = mail.get_content()
    assert f"alice (alice.{APEX})" in text and "bob" not in text
    assert "127.0.1.1: connect-refused" in text
    assert "Start the NTS-KE service and let TCP 4460 through. (RFC 8915 6)" in " ".join(text.split())
    assert world.due(2 * HOUR + 60).keys() == {OURS}, "what was only printed is not noted"
    assert world.logged("alice") == []


@pytest.mark.parametrize("command, said", [
    ("/bin/false", "/bin/false exited with 1"),
    ("/nowhere/sendmail -t", "/nowhere/sendmail can't be run: No such file or directory"),
    ("hanging -t", "did not end within 1 seconds"),
])
def test_mail_that_was_not_taken_is_not_noted(world, command, said):
    pid = world.machine.directory / "pid"
    hanging = world.script("hanging", f"sleep 600 & echo $! > {pid}; wait")
    command = command.replace("hanging", str(hanging))
    done = world.notices(2 * HOUR + 60, "--send", command, "--wait", "1")
    assert done.returncode == 1
    assert done.stderr.startswith(f"ntspool: mail to {OURS}: ") and said in done.stderr
    assert world.logged("alice") == []
    if "hanging" in command:
        until(lambda: has_ended(pid.read_text().strip()), 20, "what the mailer started is ended too")
    assert world.due(2 * HOUR + 60).keys() == {OURS}


def test_mail_is_sent_once_and_noted(world):
    (mail,) = world.sent(2 * HOUR + 60, "--url", "https://pool.example", "--from", "pool@example.com")
    assert mail["To"] == OURS and mail["From"] == "pool@example.com"
    assert "https://pool.example/members/alice.html" in mail.get_content()
    assert (world.mails / "0.args").read_text() == "-i -t\n"
    assert set((world.mails / "0.fds").read_text().split()) <= {"0", "1", "2", "3"}, "the mailer has no file of ours"
    assert world.logged("alice") == ["its contact was sent a mail: out"]
    assert world.sent(2 * HOUR + 120) == []
    world.pool.stop(world.pool.server)
    world.pool.serve("--workers", "1")
    assert world.sent(12 * HOUR) == [], "the memory outlives the server"
    assert OURS not in world.pool.cli("log", "alice").stdout, "the log is public, the address is not"


def test_contact_is_told_when_it_is_back(world):
    world.servers["alice"].start()
    world.wait_for("alice", "eligible")
    assert world.due(2 * HOUR + 120) == {}, "the last mail was a minute ago"
    (mail,) = world.sent(4 * HOUR)
    assert mail["Subject"] == f"{APEX}: alice is back in the pool"
    assert world.sent(5 * HOUR) == []
    assert world.logged("alice") == ["its contact was sent a mail: out", "its contact was sent a mail: back"]


def test_two_runs_at_a_time_send_no_mail_twice(world):
    pid = world.machine.directory / "slow.pid"
    slow = world.script("slow", f"echo $$ > {pid}; exec sleep 600")
    world.pool.cli("member", "set", "carol", "--leave", "2d")
    first = world.machine.start("slow-notices", world.pool.command("notices", "--send", slow), env=environment())
    until(lambda: pid.exists() and pid.read_text().strip(), 20, "the first one sends")
    second = world.notices(0, "--send", world.sendmail)
    assert second.returncode == 1 and "runs already" in second.stderr
    first.kill()
    os.kill(int(pid.read_text()), signal.SIGKILL)
    assert world.due(0).keys() == {CAROLS}


def test_contact_gets_one_mail_for_all_its_members(world):
    for name in ("alice", "bob"):
        world.pool.cli("member", "set", name, "--leave", "2d")
    mails = {mail["To"]: mail for mail in world.sent(10 * HOUR)}
    assert mails.keys() == {OURS, CAROLS}
    assert mails[OURS]["Subject"] == f"{APEX}: alice leaves the pool soon, and 1 more"
    assert f"bob (bob.{APEX})" in mails[OURS].get_content() and "carol" not in mails[OURS].as_string()
    for name in ("alice", "bob", "carol"):
        world.pool.cli("member", "set", name, "--no-leave")


def test_contact_is_told_that_its_member_was_removed(world):
    world.pool.cli("member", "remove", "carol", "--yes")
    (mail,) = world.sent(12 * HOUR)
    assert mail["To"] == CAROLS and mail["Subject"] == f"{APEX}: carol was removed from the pool"
    assert world.sent(14 * HOUR) == []
    world.pool.cli("member", "restore", "carol")
    world.wait_for("carol", "eligible")


def test_contact_is_told_of_a_certificate_that_ends_and_of_a_registration_that_expires(world):
    world.pool.add("erin", "127.0.1.5", options=["--contact", "erin@example.com"])
    world.pool.add("frank", "127.0.1.6", options=["--contact", "frank@example.com"])
    world.pool.cli("zone", "set", "registration-expiry", "8h")
    world.servers["erin"] = Chronyd(world.machine, "erin", ["127.0.1.5"], *world.authority.issue("erin", [f"erin.{APEX}"], -60, 5))
    world.wait_for("erin", "eligible")
    mails = {mail["To"]: mail for mail in world.sent(5 * HOUR)}
    assert mails.keys() == {"erin@example.com", "frank@example.com"}
    assert mails["erin@example.com"]["Subject"] == f"{APEX}: erin has a certificate that ends soon"
    assert "at 127.0.1.5" in mails["erin@example.com"].get_content()
    assert mails["frank@example.com"]["Subject"] == f"{APEX}: frank has no certificate yet: its registration expires soon"
    assert "127.0.1.6: connect-refused" in mails["frank@example.com"].get_content()
    assert world.sent(7 * HOUR) == []


def test_nothing_is_told_of_verdicts_that_are_held_back(world):
    for server in world.servers.values():
        server.process.stop()
    until(lambda: "vantage-frozen" in world.pool.warned(), 40, "the breaker holds falls back")
    assert world.due(20 * HOUR) == {}
    assert "removals are held back" in world.notices(20 * HOUR).stdout
    assert world.sent(20 * HOUR) == []


def test_nothing_is_told_of_verdicts_that_are_old(world):
    world.pool.stop(world.pool.probed)
    world.pool.probed = None
    assert world.due(30 * HOUR) == {}
    assert "no vantage point reports" in world.notices(30 * HOUR).stdout


def test_who_cannot_note_a_mail_sends_none(world):
    before = len(list(world.mails.iterdir()))
    done = run("setpriv", "--reuid", "4907", "--regid", "4907", "--clear-groups", BIN / "ntspool", "-s", world.pool.state, "notices",
               "--send", world.sendmail, check=False, env=environment())
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert len(list(world.mails.iterdir())) == before


@pytest.mark.parametrize("options", [("--send", " "), ("--send", "a " * 20), ("--from", "a@b@c"), ("--from", "a@example.net\nBcc: b@c.de"),
                                     ("--url", "ftp://x"), ("--url", "https://x/\ny"), ("--wait", "0")])
def test_options_that_make_no_mail_are_refused(world, options):
    done = world.notices(0, *options)
    assert done.returncode == 2 and len(done.stderr.splitlines()) >= 1 and done.stdout == ""
