"""The operator's commands: name servers, confirmations, the audit trail, restored members, settings, followers, status, location files."""

import os
import pty
import subprocess

import pytest

from commandline import BIN, NAME_SERVERS, ROOT, Cli, terminal_output

pytestmark = pytest.mark.skipif(not BIN.exists(), reason=f"{BIN} is not built")


@pytest.fixture
def pool(tmp_path):
    cli = Cli(tmp_path / "state")
    cli("init", "pool.test", *NAME_SERVERS)
    return cli


def on_terminal(cli, *args, answer):
    """Runs the command on a terminal and types the answer. Returns the exit status and the output."""
    leader, follower = pty.openpty()
    child = subprocess.Popen([cli.binary, "-s", cli.state, *map(str, args)], stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    os.write(leader, answer.encode())
    shown = terminal_output(leader)
    return child.wait(timeout=60), shown.decode()


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
        return pool.warned().get("delegation-differs", [])

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

@pytest.mark.parametrize(
    "server, why",
    [
        ("192.0.2.1", "that is an address"),
        ("2001:db8::1", "that is an address"),
        ("ns3", "whole name"),
        ("n s.pool.test=192.0.2.1", "letters, digits and hyphens"),
        ("ns3.pool.test,192.0.2.1", "letters, digits and hyphens"),
        ("n\u015b.pool.test=192.0.2.1", "xn--"),
        ("ns_3.pool.test=192.0.2.1", "letters, digits and hyphens"),
        ("ns3.pool.test=0.0.0.0", "no host has the address"),
        ("ns3.pool.test=224.0.0.1", "no host has the address"),
        ("ns3.pool.test=::", "no host has the address"),
        ("ns3.pool.test=ff02::1", "no host has the address"),
    ],
)
def test_name_server_that_is_none_is_refused(pool, tmp_path, server, why):
    before = servers(pool)
    assert why in pool.refused("zone", "ns", "add", server)
    assert why in Cli(tmp_path / "other").refused("init", "pool.test", "--ns", server)
    if server.startswith("ns3.pool.test="):
        assert why in pool.refused("zone", "ns", "set", server.replace("ns3", "ns1"))
    assert servers(pool) == before


def test_pool_is_called_by_a_host_name(tmp_path):
    cli = Cli(tmp_path / "state")
    assert "is an address" in cli.refused("init", "192.0.2.1", "--ns", "ns.example.net")
    assert "host name" in cli.refused("init", "--ns", "ns.example.net", "--", "-a.example")
    assert "host name" in cli.refused("init", "--ns", "ns.example.net", "a-.example")


# --- numbers and lists ---


def test_setting_may_be_below_zero_and_is_given_once(pool):
    pool("zone", "set", "exit-score", "-20", "entry-score", "-5")
    shown = pool.json("zone", "show")["settings"]
    assert (shown["exit-score"], shown["entry-score"]) == ("-20", "-5")
    assert "ttl is given twice" in pool.refused("zone", "set", "ttl", "5m", "ttl", "6m", status=2)


def test_list_of_what_is_no_country_is_refused(pool):
    assert "United Kingdom is GB" in pool.refused("member", "list", "--country", "UK")
    assert pool.json("member", "list", "--country", "GB") == []


def test_zone_file_may_begin_with_a_byte_order_mark(pool, tmp_path):
    (tmp_path / "marked.zone").write_bytes(b"\xef\xbb\xbfwww 60 A 192.0.2.80\n")
    pool("record", "load", tmp_path / "marked.zone")
    assert "\nwww.pool.test.\t60\tIN\tA\t192.0.2.80\n" in pool("record", "list")


# --- keys that the parent zone points to ---


def test_restore_takes_no_key_away_whose_ds_is_seen(pool, tmp_path):
    other = Cli(tmp_path / "other")
    other("init", "pool.test", *NAME_SERVERS)
    (tmp_path / "keys").mkdir()
    other("key", "export", tmp_path / "keys")
    pool("backup", tmp_path / "copy")
    pool("key", "import", "--in-use", "--replace", *sorted((tmp_path / "keys").glob("*.private")))
    pool("restore", tmp_path / "copy", "--dry-run")
    pool("key", "ds-seen")
    before = pool("key", "ds")
    assert "whose DS the parent zone has" in pool.refused("restore", tmp_path / "copy")
    pool("restore", tmp_path / "copy", "--store", "registry")
    assert pool("key", "ds") == before
    pool("restore", tmp_path / "copy", "--store", "registry", "--store", "keys")
    assert pool("key", "ds") != before


# --- questions ---

DESTRUCTIVE = [
    ("member", "remove", "alice"),
    ("member", "override", "--all", "ineligible"),
    ("record", "remove", "@"),
    ("restore", "backup"),
    ("zone", "ns", "remove", "ns2.pool.test"),
    ("health", "forget", "elsewhere"),
    ("vantage", "remove", "elsewhere"),
    ("key", "insecure"),
    ("key", "import", "--in-use", "none.key"),
    ("key", "import", "--package", "none"),
    ("key", "offline"),
    ("key", "lead"),
    ("key", "rotate-seal"),
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
    assert child.wait(timeout=60) == 0
    os.close(leader)
    assert pool.names() == ["bob"]


# --- the audit trail ---


def changes(cli, *options):
    return [(row["command"], row["subject"], row["change"]) for row in cli.json("log", *options)]


def test_each_change_leaves_who_where_and_from_what_to_what(pool):
    pool("member", "add", "alice", "--address", "9.9.9.9", "--country", "nl")
    pool("member", "set", "alice", "--country", "DE", "--capacity", "200")
    pool("member", "suspend", "alice")
    pool("member", "override", "--all", "ineligible")
    pool("zone", "set", "srv-ttl", "99s", "srv-count", "5")
    pool("zone", "unset", "srv-ttl")
    pool("zone", "ns", "set", "ns1.pool.test=127.0.0.9")
    pool("member", "remove", "alice")
    pool("key", "roll", "zsk", "--emergency")
    pool("key", "abort", "zsk")
    secret = "00112233445566778899aabbccddeeff"
    pool("cookie", "set", secret)
    log = changes(pool)
    assert log[0][0] == "init"
    assert log[1:] == [
        ("member add", "alice", "country NL, ipv4 9.9.9.9, capacity_mbit 100, port 4460"),
        ("member set", "alice", "country NL -> DE, capacity_mbit 100 -> 200"),
        ("member suspend", "alice", "suspended - -> yes"),
        ("member override", "alice", "override - -> ineligible"),
        ("zone set", "srv-ttl", "150s -> 99s"),
        ("zone set", "srv-count", "4 -> 5"),
        ("zone unset", "srv-ttl", "99s -> 150s"),
        ("zone ns set", "ns1.pool.test.", "127.0.0.1 -> 127.0.0.9"),
        ("member remove", "alice", "country DE, ipv4 9.9.9.9, capacity_mbit 200, port 4460, override ineligible, suspended yes"),
        ("key roll", None, "zsk --emergency"),
        ("key abort", None, "zsk"),
        ("cookie set", None, None),
    ]
    assert secret not in pool("log")


def test_records_are_noted_from_what_to_what(pool, tmp_path):
    zone = tmp_path / "z"
    zone.write_text("www 600 IN A 9.9.9.80\nwww 600 IN A 9.9.9.81\n@ IN TXT \"hello\"\n")
    pool("record", "load", zone)
    pool("record", "load", zone)
    zone.write_text("www 600 IN A 9.9.9.82\n")
    pool("record", "load", zone)
    pool("record", "remove", "www")
    assert [row for row in changes(pool) if row[0].startswith("record")] == [
        ("record load", "pool.test. TXT", '- -> 600 "hello"'),
        ("record load", "www.pool.test. A", "- -> 600 9.9.9.80; 9.9.9.81"),
        ("record load", None, str(zone)),
        ("record load", "www.pool.test. A", "600 9.9.9.80; 9.9.9.81 -> 600 9.9.9.82"),
        ("record remove", "www.pool.test. A", "600 9.9.9.82 -> -"),
    ]


def test_restored_keys_are_noted(pool, tmp_path):
    pool("backup", tmp_path / "backup")
    pool("restore", tmp_path / "backup", "--store", "keys")
    assert changes(pool)[-1] == ("restore", None, f"{tmp_path / 'backup'} --store keys")
    pool("restore", tmp_path / "backup")
    assert changes(pool)[-1][0] == "restore"


def test_log_names_the_user_and_where_it_came_from(pool):
    env = {**os.environ, "SSH_CONNECTION": "2001:db8::7 50000 192.0.2.1 22", "SUDO_USER": "ops-on-call"}
    pool("zone", "set", "srv-count", "3", env=env)
    row = pool.json("log")[-1]
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    assert row["from"] == "2001:db8::7"
    assert row["who"] == ("ops-on-call as root" if user == "root" else user)


def test_what_is_refused_leaves_nothing(pool):
    before = pool.json("log")
    pool.refused("member", "set", "alice", "--capacity", "5")
    pool.refused("zone", "set", "srv-count", "99")
    pool.refused("zone", "set", "srv-count", "5", "entry-score", "1")
    pool("zone", "set", "srv-count", "5", "--dry-run")
    pool("zone", "set", "srv-count", "4")
    assert pool.json("log") == before


def test_members_log_has_its_own_changes_only(pool):
    for name, address in ("alice", "9.9.9.9"), ("bob", "9.9.9.10"):
        pool("member", "add", name, "--address", address)
    pool("member", "suspend", "alice")
    pool("member", "remove", "alice")
    log = [row["what"] for row in pool.json("log", "alice")]
    assert [text.partition(":")[0] for text in log] == ["member add", "member suspend", "member remove"]
    assert "member suspend: suspended - -> yes" in pool("log", "alice")
    assert len(pool.json("log", "alice", "--limit", "1")) == 1 == len(pool.json("log", "--limit", "1"))
    assert len(pool.json("log", "--since", "1h")) == 5 and pool.json("log", "--since", "2100-01-01") == []
    assert "takes 2027" in pool.refused("log", "--since", "yesterday", status=2)


def test_log_of_nobody_is_an_error(pool):
    assert "nothing is known of a member nosuch" in pool.refused("log", "nosuch")


def test_large_import_tells_of_its_first_members_and_how_many_more(pool, tmp_path):
    table = tmp_path / "in.csv"
    table.write_text("name,ipv4\n" + "".join(f"m{i},9.9.{i // 250}.{i % 250 + 1}\n" for i in range(350)))
    pool("member", "import", table)
    log = [row for row in changes(pool) if row[0] == "member import"]
    assert len(log) == 101 and log[0][1] == "m0" and log[-1][2] == "and 250 more"


# --- removed members ---


def test_removed_member_is_listed_and_brought_back(pool):
    pool("member", "add", "alice", "--address", "9.9.9.9", "--country", "NL", "--operator", "Alice", "--capacity", "77")
    before = pool.json("member", "show", "alice")
    pool("member", "remove", "alice")
    [row] = pool.json("member", "list", "--removed")
    assert (row["name"], row["operator"], row["restorable"]) == ("alice", "Alice", True)
    assert "alice" in pool("member", "list", "--removed") and pool.names() == []
    assert "member restore alice" in pool.refused("member", "show", "alice")
    pool("member", "restore", "alice")
    after = pool.json("member", "show", "alice")
    assert {**after, "changed_at": None} == {**before, "changed_at": None}
    assert "alice.pool.test." in pool("zone", "export")
    assert pool.json("member", "list", "--removed") == []
    assert "already" in pool.refused("member", "restore", "alice")
    assert "no removed member bob" in pool.refused("member", "restore", "bob")


# --- settings and countries ---


@pytest.mark.parametrize("args, names", [
    (["entry-score", "5", "exit-score", "12"], ["entry-score", "exit-score"]),
    (["refresh", "30d"], ["refresh", "expire"]),
    (["retry", "2h"], ["refresh", "retry"]),
    (["zsk-lifetime", "1h", "propagation-delay", "30d"], ["zsk-lifetime", "propagation-delay"]),
    (["mailbox", "a@b@c"], ["mailbox"]),
    (["srv-cuont", "5"], ["srv-count"]),
])
def test_settings_that_make_no_sense_are_refused_with_their_names(pool, args, names):
    before = pool.json("zone", "show")
    said = pool.refused("zone", "set", *args)
    assert all(name in said for name in names)
    assert pool.json("zone", "show") == before


def test_settings_that_need_each_other_are_set_at_once(pool):
    pool.refused("zone", "set", "exit-score", "13")
    pool("zone", "set", "exit-score", "13", "entry-score", "14", "reentry-score", "15")
    assert pool.json("zone", "show")["values"]["reentry-score"] == 15
    assert "lacks a value" in pool.refused("zone", "set", "srv-count", "4", "srv-ttl", status=2)


def test_show_marks_what_is_not_the_preset_and_unset_brings_it_back(pool):
    assert pool.json("zone", "show")["changed_from"] == {}
    pool("zone", "set", "srv-ttl", "90s", "max-overload", "2.5")
    shown = pool.json("zone", "show")
    assert shown["changed_from"] == {"max-overload": "2", "srv-ttl": "150s"}
    assert shown["settings"]["srv-ttl"] == "90s" and shown["values"]["srv-ttl"] == 90 and shown["values"]["max-overload"] == 2.5
    [line] = [line for line in pool("zone", "show").splitlines() if line.startswith("srv-ttl")]
    assert line.split()[:3] == ["srv-ttl", "90s", "150s"]
    pool("zone", "unset", "srv-ttl", "max-overload")
    assert pool.json("zone", "show")["changed_from"] == {}
    assert "no preset" in pool.refused("zone", "unset", "mailbox")
    assert "no setting" in pool.refused("zone", "unset", "colour")


def test_dry_run_changes_nothing(pool, tmp_path):
    table = tmp_path / "in.csv"
    table.write_text("name,ipv4\nalice,9.9.9.9\n")
    before = pool.json("zone", "show")
    assert pool("zone", "set", "srv-count", "5", "--dry-run") == "srv-count: 4 -> 5\n"
    assert "1 members can be imported; nothing was changed" in pool("member", "import", "--dry-run", table)
    assert pool.json("zone", "show") == before and pool.names() == []


@pytest.mark.parametrize("code, said", [("UK", "is GB"), ("EU", "European Union"), ("ZZ", "no country"), ("NLD", "two letters")])
def test_country_is_one_of_iso_3166(pool, tmp_path, code, said):
    assert said in pool.refused("member", "add", "alice", "--address", "9.9.9.9", "--country", code)
    table = tmp_path / "in.csv"
    table.write_text(f"name,ipv4,country\nalice,9.9.9.9,{code}\n")
    error = pool.refused("member", "import", table)
    assert said in error and ":2:" in error


def test_unknown_state_is_an_error(pool):
    assert "do you mean 'eligible'" in pool.refused("member", "list", "--in-state", "eligble", status=2)
    for state in ("registered", "Eligible", "suspended", "falling"):
        pool("member", "list", "--in-state", state)
    assert "two letters" in pool.refused("member", "list", "--country", "NLD", status=2)


def test_json_numbers_have_the_digits_they_need(pool):
    pool("member", "add", "alice", "--address", "9.9.9.9", "--position", "52.37,4.9")
    assert "52.37," in pool("member", "show", "alice", "--json") and "4.9" in pool("member", "show", "alice", "--json")
    pool("zone", "set", "max-overload", "1.1")
    assert '"max-overload": 1.1' in pool("zone", "show", "--json")


# --- a machine that follows ---


def test_follower_has_no_keys_of_its_own_and_says_whose_it_has(tmp_path):
    leader, follower = Cli(tmp_path / "leader"), Cli(tmp_path / "follower")
    leader("init", "pool.test", *NAME_SERVERS)
    told = follower("init", "pool.test", *NAME_SERVERS, "--follow")
    identity = follower("key", "identity").strip()
    assert identity in told and " DS " not in told and follower.json("key", "list") == []
    assert "follower-empty" in follower.warned()
    assert "come from another machine" in follower.refused("key", "roll", "zsk")
    package = tmp_path / "package"
    leader("key", "export", "--to", identity, package)
    follower("key", "import", "--package", package)
    assert [key["tag"] for key in follower.json("key", "list")] == [key["tag"] for key in leader.json("key", "list")]
    assert any(key["next"] for key in leader.json("key", "list"))
    assert not any(key["next"] or key["next_at"] for key in follower.json("key", "list"))
    assert "This machine follows" in follower("key", "list") and "This machine follows" not in leader("key", "list")
    status = follower.json("status")
    assert status["follows"] and status["keys_as_of"] and not leader.json("status")["follows"]
    assert "of another machine, which leads" in follower("status")
    entries = len(follower.json("log"))
    follower("key", "import", "--package", package)
    assert len(follower.json("log")) == entries, "nothing was changed"


@pytest.mark.parametrize("option", [("--csk",), ("--algorithm", "ed25519")])
def test_follower_chooses_no_keys(tmp_path, option):
    cli = Cli(tmp_path / "state")
    assert "--follow makes no keys" in cli.refused("init", "pool.test", *NAME_SERVERS, "--follow", *option, status=2)
    assert not cli.state.exists()


# --- status ---


def test_check_ends_with_3_when_anything_is_urgent(pool):
    pool("status")
    done = pool.run("status", "--check")
    assert done.returncode == 3 and done.stderr == "" and "warning server-down: ntspoold" in done.stdout
    status = pool.json("status")
    assert status["server"] == {"running": False} and "server-down" in pool.warned()


def test_lost_or_foreign_seal_is_in_status(pool, tmp_path):
    seal = pool.state / "seal.key"
    kept = seal.read_bytes()
    assert "seal-unusable" not in pool.warned()
    seal.unlink()
    (text,) = pool.warned()["seal-unusable"]
    assert "there is no sealing key" in text and "not in backups" in text
    other = Cli(tmp_path / "other")
    other("init", "pool.test", *NAME_SERVERS)
    (other.state / "seal.key").rename(seal)
    (text,) = pool.warned()["seal-unusable"]
    assert "sealed with another sealing key" in text
    seal.write_bytes(kept)
    assert "seal-unusable" not in pool.warned()


@pytest.mark.parametrize("program", ["ntspool", "ntspool-probed"])
def test_machine_without_cas_is_told(pool, tmp_path, program):
    empty = {**os.environ, "SSL_CERT_FILE": str(tmp_path / "none.pem"), "SSL_CERT_DIR": str(tmp_path / "none")}
    args = ["probe", "127.0.0.1"] if program == "ntspool" else ["--once"]
    done = subprocess.run([BIN.with_name(program), "-s", pool.state, *args], capture_output=True, text=True, timeout=60, env=empty)
    assert done.returncode == 1 and "no store of CAs" in done.stderr and "install ca-certificates" in done.stderr


# --- location files ---

MAKE = ROOT / "tools" / "make-locations"


def test_make_locations_names_the_package_that_is_missing(tmp_path):
    broken = tmp_path / "MaxMind" / "DB" / "Writer" / "Tree.pm"
    broken.parent.mkdir(parents=True)
    broken.write_text("die;")
    done = subprocess.run([MAKE, tmp_path / "out.mmdb"], capture_output=True, text=True, env={**os.environ, "PERL5LIB": str(tmp_path)}, timeout=60)
    assert done.returncode != 0 and "install libmaxmind-db-writer-perl" in done.stderr and done.stderr.count("\n") == 1
    done = subprocess.run([MAKE, "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.startswith("usage: make-locations")
    assert subprocess.run([MAKE], capture_output=True, timeout=60).returncode == 2


@pytest.mark.skipif(os.path.exists("/usr/share/tor/geoip"), reason="tor-geoipdb is installed")
def test_make_locations_tells_how_to_have_the_files(tmp_path):
    module = tmp_path / "MaxMind" / "DB" / "Writer" / "Tree.pm"
    module.parent.mkdir(parents=True)
    module.write_text("package MaxMind::DB::Writer::Tree; 1;")
    done = subprocess.run([MAKE, tmp_path / "out.mmdb"], capture_output=True, text=True, env={**os.environ, "PERL5LIB": str(tmp_path)}, timeout=60)
    assert done.returncode != 0 and "dpkg-deb -x" in done.stderr and "tor daemon" in done.stderr
