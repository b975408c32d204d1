"""What operators type, and what it leaves behind: name servers, questions, the audit trail, restored members."""

import os
import pty
import subprocess

import pytest

from commandline import BIN, NAME_SERVERS, Cli

pytestmark = pytest.mark.skipif(not BIN.exists(), reason=f"{BIN} is not built")


@pytest.fixture
def pool(tmp_path):
    cli = Cli(tmp_path / "state")
    cli("init", "pool.test", *NAME_SERVERS)
    return cli


def on_terminal(cli, *args, answer):
    """The command with a terminal as standard input and output: its exit status and all that it shows."""
    leader, follower = pty.openpty()
    child = subprocess.Popen([cli.binary, "-s", cli.state, *map(str, args)], stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    os.write(leader, answer.encode())
    shown = b""
    while True:
        try:
            data = os.read(leader, 4096)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(leader)
    return child.wait(), shown.decode()


# --- name servers ---


def servers(cli):
    return {row["name"]: row["addresses"] for row in cli.json("zone", "ns", "list")["name_servers"]}


def test_name_servers_are_added_renumbered_and_removed(pool):
    assert servers(pool) == {"ns1.pool.test.": ["127.0.0.1"], "ns2.pool.test.": ["127.0.0.2", "2001:db8::2"]}
    pool("zone", "ns", "add", "ns3.pool.test=127.0.0.3")
    pool("zone", "ns", "add", "ns.example.net")
    pool("zone", "ns", "set", "ns2.pool.test=127.0.0.9")
    pool("zone", "ns", "remove", "ns1.pool.test")
    assert servers(pool) == {"ns.example.net.": [], "ns2.pool.test.": ["127.0.0.9"], "ns3.pool.test.": ["127.0.0.3"]}
    zone = pool("zone", "export")
    assert "ns1.pool.test" not in zone and "127.0.0.9" in zone and "2001:db8::2" not in zone
    [primary] = [row["name"] for row in pool.json("zone", "ns", "list")["name_servers"] if row["primary"]]
    [soa] = [line for line in zone.splitlines() if "\tSOA\t" in line or " SOA " in line]
    assert primary in soa


def test_status_says_what_the_parent_has_to_change_until_it_has(pool):
    def told():
        return [text for text in pool.json("status")["warnings"] if "parent zone has to" in text]

    assert told() == [] and pool.json("zone", "ns", "list")["parent_changes"] == []
    pool("zone", "ns", "add", "ns3.pool.test=127.0.0.3,2001:db8::3")
    pool("zone", "ns", "set", "ns1.pool.test=127.0.0.8")
    pool("zone", "ns", "remove", "ns2.pool.test")
    changes = {"add NS ns3.pool.test. with glue 127.0.0.3,2001:db8::3", "change the glue of ns1.pool.test. to 127.0.0.8",
               "remove NS ns2.pool.test."}
    assert set(pool.json("zone", "ns", "list")["parent_changes"]) == changes
    assert len(told()) == 3 and all(any(change in text for text in told()) for change in changes)
    pool("zone", "ns", "seen")
    assert told() == []


@pytest.mark.parametrize("args, said, status", [
    (["add", "ns3.pool.test"], "give it 1 to 8 addresses", 1),
    (["add", "ns3.example.net=127.0.0.3"], "outside the zone", 1),
    (["add", "ns1.pool.test=127.0.0.3"], "already", 1),
    (["add", "ns3.pool.test=127.0.0.300"], "is no IP address", 1),
    (["add", "ns3.pool.test=127.0.0.3,127.0.0.3"], "given twice", 1),
    (["add", "alice.pool.test=127.0.0.3"], "member alice", 1),
    (["set", "ns3.pool.test=127.0.0.3"], "is no name server", 1),
    (["set", "ns1.pool.test"], "give the new addresses", 2),
    (["remove", "ns3.pool.test"], "is no name server", 1),
    (["remove", "ns1.pool.test=127.0.0.1"], "without addresses", 2),
    (["move", "ns1.pool.test"], "do you mean 'remove'", 2),
])
def test_name_server_that_can_not_be_is_refused(pool, args, said, status):
    pool("member", "add", "alice", "--address", "9.9.9.9")
    before = pool.json("zone", "ns", "list")
    assert said in pool.refused("zone", "ns", *args, status=status)
    assert pool.json("zone", "ns", "list") == before


def test_last_name_server_stays(pool):
    pool("zone", "ns", "remove", "ns2.pool.test")
    assert "last name server" in pool.refused("zone", "ns", "remove", "ns1.pool.test")


# --- questions ---

DESTRUCTIVE = [
    ("member", "remove", "alice"),
    ("member", "override", "--all", "ineligible"),
    ("record", "remove", "@"),
    ("zone", "ns", "remove", "ns2.pool.test"),
    ("health", "forget", "elsewhere"),
    ("key", "insecure"),
    ("key", "import", "--in-use", "none.key"),
    ("key", "import", "--package", "none"),
    ("key", "offline"),
]


@pytest.mark.parametrize("args", DESTRUCTIVE)
@pytest.mark.parametrize("answer", ["n\n", "\n", "\x04", "yes please\n"])
def test_destructive_command_asks_on_a_terminal(pool, args, answer):
    pool("member", "add", "alice", "--address", "9.9.9.9")
    before = (pool.names(), servers(pool), pool("key", "list"))
    status, shown = on_terminal(pool, *args, answer=answer)
    assert status == 1 and "Go on? [y/N]" in shown and "nothing was changed" in shown
    assert (pool.names(), servers(pool), pool("key", "list")) == before


def test_destructive_command_does_what_is_confirmed(pool):
    for name, address in ("alice", "9.9.9.9"), ("bob", "9.9.9.10"), ("carol", "9.9.9.11"):
        pool("member", "add", name, "--address", address)
    status, shown = on_terminal(pool, "member", "remove", "alice", answer="y\n")
    assert status == 0 and "Go on?" in shown
    status, shown = on_terminal(pool, "member", "remove", "bob", "--yes", answer="")
    assert status == 0 and "Go on?" not in shown
    pool("member", "remove", "carol")
    assert pool.names() == []


def test_question_holds_no_lock(pool):
    pool("member", "add", "alice", "--address", "9.9.9.9")
    leader, follower = pty.openpty()
    child = subprocess.Popen([BIN, "-s", pool.state, "member", "remove", "alice"], stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(leader, 4096)
    pool("member", "add", "bob", "--address", "9.9.9.10")
    os.write(leader, b"y\n")
    assert child.wait() == 0
    os.close(leader)
    assert pool.names() == ["bob"]
