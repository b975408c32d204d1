"""The command line alone: the real `ntspool` on its own state directories, without server, probe or privileges."""

import csv
import hashlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import time

import pytest

from commandline import BIN, NAME_SERVERS, RELEASE, ROOT, Cli, terminal_output

DAY = 86400

pytestmark = pytest.mark.skipif(not BIN.exists(), reason=f"{BIN} is not built")


@pytest.fixture
def cli(tmp_path):
    return Cli(tmp_path / "state")


@pytest.fixture
def pool(cli):
    cli("init", "pool.test", *NAME_SERVERS)
    return cli


def write(path, *lines, end="\n"):
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def fingerprint(directory):
    """Hashes of all files except those that every reader writes."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file() and path.name not in ("lock.mdb", "voucher")]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# --- init, keys ---


def test_init_makes_all_stores_and_prints_the_ds(cli):
    said = cli("init", "Pool.Test", *NAME_SERVERS)
    assert re.search(r"^pool\.test\. IN DS \d+ 13 2 [0-9a-f]{64}$", said, re.M), said
    assert {path.name for path in cli.state.iterdir()} >= {"registry", "health", "keys", "traffic", "history", "seal.key"}
    assert (cli.state / "seal.key").stat().st_mode & 0o777 == 0o600
    assert cli("key", "ds").strip() in said
    zone = cli.json("zone", "show")
    assert zone["apex"] == "pool.test." and zone["name_servers"] == ["ns1.pool.test.", "ns2.pool.test."]
    assert zone["settings"]["mailbox"].rstrip(".") == "hostmaster.pool.test"


@pytest.mark.parametrize("algorithm, number", [("ecdsap256", 13), ("ed25519", 15)])
def test_init_makes_a_ksk_and_a_zsk_of_the_algorithm(cli, algorithm, number):
    cli("init", "pool.test", *NAME_SERVERS, "--algorithm", algorithm)
    keys = cli.json("key", "list")
    assert sorted(key["role"] for key in keys) == ["ksk", "zsk"]
    assert {key["algorithm_number"] for key in keys} == {number}
    ksk = next(key for key in keys if key["role"] == "ksk")
    assert cli("key", "ds").split()[3:6] == [str(ksk["tag"]), str(number), "2"]
    assert cli("key", "ds", "--dnskey").split()[:6] == ["pool.test.", "IN", "DNSKEY", "257", "3", str(number)]


def test_ds_is_that_of_the_dnskey(pool, tmp_path):
    if not shutil.which("ldns-key2ds"):
        pytest.skip("ldnsutils is not installed")
    anchor = write(tmp_path / "anchor", pool("key", "ds", "--dnskey").strip().replace(" IN ", " 3600 IN "))
    by_ldns = subprocess.run(["ldns-key2ds", "-n", "-2", anchor], capture_output=True, text=True, check=True).stdout
    assert by_ldns.lower().split()[-4:] == pool("key", "ds").split()[-4:]


def test_second_init_is_refused_and_changes_nothing(pool):
    pool("member", "add", "alice", "--address", "192.0.2.1", "--allow-private")
    before = fingerprint(pool.state)
    assert "holds a pool already" in pool.refused("init", "other.test", "--ns", "ns1.other.test=127.0.0.1")
    assert fingerprint(pool.state) == before
    assert pool.names() == ["alice"]


def test_interrupted_init_can_be_repeated(cli, tmp_path):
    """Killed at any point, init leaves a complete pool, or a second init makes one."""
    for step in range(25):
        state = Cli(tmp_path / f"state{step}")
        child = subprocess.Popen([BIN, "-s", state.state, "init", "pool.test", *NAME_SERVERS], stdout=subprocess.DEVNULL)
        time.sleep(step * (0.004 if RELEASE else 0.02))
        child.kill()
        child.wait()
        if state.run("zone", "show").returncode != 0:
            state("init", "pool.test", *NAME_SERVERS)
        assert state.json("zone", "show")["apex"] == "pool.test."
        assert len(state.json("key", "list")) == 2
        assert state("zone", "export", "-", "--signed").count("RRSIG") > 5


@pytest.mark.parametrize("args, said", [
    (["."], "domain name"),
    (["a..b"], "domain name"),
    (["x" * 63 + "." + "y" * 63 + "." + "z" * 63], "too long"),
    (["pool_test"], "host name"),
    (["pool.test", "--ns", "ns1.pool.test"], "needs its address"),
    (["pool.test", "--ns", "ns1.example.net=192.0.2.1"], "outside"),
    (["pool.test", "--ns", "ns1.pool.test=192.0.2.256"], "IP address"),
    (["pool.test", "--ns", "=192.0.2.1"], "domain name"),
    (["pool.test", "--ns", "ns1.pool.test=192.0.2.1", "--mailbox", "a b..c"], "mailbox"),
])
def test_init_refuses_nonsense_and_makes_nothing(cli, args, said):
    servers = [] if "--ns" in args else ["--ns", "ns1.example.net"]
    assert said in cli.refused("init", *args, *servers)
    assert not cli.state.exists()


def test_init_asks_for_a_name_server_and_a_known_algorithm(cli):
    assert "--ns" in cli.refused("init", "pool.test", status=2)
    assert "ecdsap256" in cli.refused("init", "pool.test", *NAME_SERVERS, "--algorithm", "rsa", status=2)
    assert not cli.state.exists()


def test_mailbox_may_be_a_mail_address(cli):
    cli("init", "pool.test", *NAME_SERVERS, "--mailbox", "dns.admin@example.org")
    assert cli.json("zone", "show")["settings"]["mailbox"].rstrip(".") == r"dns\.admin.example.org"


# --- usage ---


def test_help_stands_on_every_level(cli):
    top = cli("--help")
    commands = re.findall(r"^  ([a-z]+) ", top, re.M)
    assert {"init", "member", "record", "key", "zone", "status", "backup"} <= set(commands)
    for command in commands:
        text = cli(command, "--help")
        assert cli("help", command) == text
        for below in re.findall(rf"^  {command} ([a-z]+) ", text, re.M):
            assert f"usage: ntspool {command} {below}" in cli(command, below, "--help")
            assert cli("help", command, below) == cli(command, below, "--help") == cli(command, "help", below)
    assert cli("help") == top
    assert re.fullmatch(r"ntspool \d+\.\d+\.\d+( \([0-9a-f]{7,}(-dirty)?\))?\n", cli("--version"))


@pytest.mark.parametrize("args, word", [
    ([], "command"), (["membr"], "'member'"), (["member"], "command"), (["member", "ad"], "'add'"),
    (["member", "list", "--jsn"], "'json'"), (["member", "show"], "argument"), (["status", "x"], "'x'"),
    (["member", "add", "a", "--capacity", "much"], "0 to 1000000"), (["member", "override", "a", "maybe"], "auto"),
])
def test_wrong_usage_names_itself_and_ends_with_2(cli, args, word):
    done = cli.run(*args)
    assert done.returncode == 2 and word in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_state_and_config_are_taken_anywhere(pool, tmp_path):
    config = write(tmp_path / "c.yaml", f"state: {pool.state}")
    for args in (["-c", config, "zone", "show", "--json"], ["zone", "show", "--json", f"--state={pool.state}"],
                 ["--json", "zone", "--config", config, "show"]):
        done = subprocess.run([BIN, *args], capture_output=True, text=True)
        assert done.returncode == 0 and json.loads(done.stdout)["apex"] == "pool.test.", done.stderr


def test_output_that_can_not_be_written_is_a_failure(pool):
    with open("/dev/full", "w") as full:
        done = subprocess.run([BIN, "-s", pool.state, "zone", "show"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "write" in done.stderr


# --- members ---


def test_member_is_added_shown_and_listed(pool):
    said = pool("member", "add", "Alice", "--address", "9.9.9.9", "--address", "2620:fe::9", "--capacity", "250",
                "--country", "nl", "--operator", "Zeit für alle", "--accounturi", "https://acme.example/acct/1")
    assert "alice.pool.test" in said and "member welcome alice" in said
    alice = pool.json("member", "show", "alice")
    assert alice["name"] == "alice" and alice["fqdn"] == "alice.pool.test." and alice["state"] == "registered"
    assert alice["eligible"] is False and alice["suspended"] is False and alice["override"] == "auto" and alice["reason"]
    assert [row["address"] for row in alice["addresses"]] == ["9.9.9.9", "2620:fe::9"]
    assert all(row["working"] is False and row["failure"] is None and row["score"] is None and row["detail"] is None
               and row["cert_not_after"] is None for row in alice["addresses"])
    assert (alice["country"], alice["operator"], alice["capacity_mbit"]) == ("NL", "Zeit für alle", 250)
    assert abs(time.time() - time.mktime(time.strptime(alice["added_at"], "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 60
    pool("member", "add", "bob", "--target", "ntp1.example.net")
    assert pool.json("member", "show", "bob")["fqdn"] == "ntp1.example.net."
    rows = pool("member", "list").splitlines()
    assert rows[0].split()[:3] == ["NAME", "STATE", "SCORE"] and [row.split()[0] for row in rows[1:]] == ["alice", "bob"]
    brief = pool.json("member", "list")
    assert [(m["name"], m["state"], m["eligible"], m["score"]) for m in brief] == [
        ("alice", "registered", False, None), ("bob", "registered", False, None)]
    assert "9.9.9.9" in pool("member", "show", "alice") and "2620:fe::9" in pool("member", "show", "alice")


@pytest.mark.parametrize("args, said", [
    (["-x-", "--address", "9.9.9.9"], "--help"),
    (["a.b", "--address", "9.9.9.9"], "label"),
    (["nl", "--address", "9.9.9.9"], "nl"),
    (["ns1", "--address", "9.9.9.9"], "ns1"),
    (["_tcp", "--address", "9.9.9.9"], ""),
    (["alice"], "--target"),
    (["alice", "--address", "9.9.9"], "no IP address"),
    (["alice", "--address", "9.9.9.9", "--address", "9.9.9.9"], "twice"),
    (["alice", "--address", "10.0.0.1"], "--allow-private"),
    (["alice", "--address", "127.0.0.1"], "--allow-private"),
    (["alice", "--address", "2001:db8::1"], "--allow-private"),
    (["alice", "--address", "9.9.9.9", "--country", "NLD"], "two letters"),
    (["alice", "--address", "9.9.9.9", "--operator", "a\x1b[2Jb"], "control"),
    (["alice", "--address", "9.9.9.9", "--operator", "x" * 64], "63"),
    (["alice", "--address", "9.9.9.9", "--accounturi", "a;b"], "accounturi"),
    (["alice", "--target", "x.pool.test"], "outside"),
    (["alice", "--target", "ntp.example.net", "--address", "9.9.9.9"], "one or the other"),
])
def test_bad_member_is_refused_with_the_reason(pool, args, said):
    before = fingerprint(pool.state)
    done = pool.run("member", "add", *args)
    assert done.returncode == (2 if args[0].startswith("-") else 1), done.stderr
    assert said in done.stderr and "\x1b" not in done.stderr
    assert fingerprint(pool.state) == before


def test_name_and_address_belong_to_one_member(pool):
    pool("member", "add", "alice", "--address", "9.9.9.9")
    assert "alice" in pool.refused("member", "add", "alice", "--address", "8.8.8.8")
    assert "9.9.9.9" in pool.refused("member", "add", "bob", "--address", "8.8.8.8", "--address", "9.9.9.9")
    pool("member", "add", "bob", "--address", "8.8.8.8")
    assert "9.9.9.9" in pool.refused("member", "set", "bob", "--address", "9.9.9.9")
    pool("member", "set", "alice", "--address", "9.9.9.10")
    pool("member", "set", "bob", "--address", "9.9.9.9")


def test_position_is_kept_shown_and_taken_away(pool):
    pool("member", "add", "alice", "--address", "9.9.9.9", "--position", "52.3702,-4.8952")
    assert pool.json("member", "show", "alice")["position"] == [52.3702, -4.8952]
    assert "52.3702,-4.8952" in pool("member", "show", "alice")
    pool("member", "set", "alice", "--capacity", "5")
    assert pool.json("member", "show", "alice")["position"] == [52.3702, -4.8952]
    pool("member", "set", "alice", "--no-position")
    assert pool.json("member", "show", "alice")["position"] is None
    assert "52.37,4.90" in pool.refused("member", "set", "alice", "--position", "91,0")
    assert "exclude" in pool.refused("member", "set", "alice", "--position", "1,2", "--no-position", status=2)


def test_set_changes_only_what_is_given(pool):
    pool("member", "add", "alice", "--address", "9.9.9.9", "--capacity", "7", "--country", "NL", "--operator", "o")
    pool("member", "set", "alice", "--capacity", "0")
    alice = pool.json("member", "show", "alice")
    assert (alice["capacity_mbit"], alice["country"], alice["operator"]) == (0, "NL", "o")
    pool("member", "set", "alice", "--no-country", "--address", "9.9.9.8", "--address", "2620:fe::9", "--port", "4461")
    alice = pool.json("member", "show", "alice")
    assert [row["address"] for row in alice["addresses"]] == ["9.9.9.8", "2620:fe::9"]
    assert alice["country"] is None and alice["operator"] == "o" and alice["port"] == 4461
    pool("member", "set", "alice", "--target", "ntp.example.net")
    alice = pool.json("member", "show", "alice")
    assert alice["target"] == "ntp.example.net." and alice["addresses"] == []
    pool("member", "set", "alice", "--address", "9.9.9.9")
    assert pool.json("member", "show", "alice")["target"] is None
    assert "no member nobody" in pool.refused("member", "set", "nobody", "--address", "8.8.8.8")
    assert "nothing to set" in pool.refused("member", "set", "alice", status=2)
    assert "exclude" in pool.refused("member", "set", "alice", "--country", "NL", "--no-country", status=2)


def test_private_address_that_was_allowed_stays(pool):
    pool("member", "add", "alice", "--address", "127.0.1.1", "--allow-private")
    pool("member", "set", "alice", "--capacity", "5")
    pool("member", "suspend", "alice")
    assert "--allow-private" in pool.refused("member", "set", "alice", "--address", "127.0.1.2")


def test_operators_word_is_shown_everywhere(pool):
    for name, address in (("alice", "9.9.9.9"), ("bob", "8.8.8.8")):
        pool("member", "add", name, "--address", address)
    pool("member", "override", "alice", "eligible")
    alice = pool.json("member", "show", "alice")
    assert alice["eligible"] is True and alice["override"] == "eligible" and alice["weight"] > 0
    assert {m["name"]: m["eligible"] for m in pool.json("member", "list")} == {"alice": True, "bob": False}
    pool("member", "suspend", "alice")
    alice = pool.json("member", "show", "alice")
    assert alice["state"] == "suspended" and alice["eligible"] is False and alice["suspended"] is True
    pool("member", "resume", "alice")
    assert pool.json("member", "show", "alice")["eligible"] is True
    assert pool.json("member", "override", "--all", "ineligible") == {"members": 2, "override": "ineligible"}
    assert [m["eligible"] for m in pool.json("member", "list")] == [False, False]
    pool("member", "override", "--all", "auto")
    assert {m["override"] for m in pool.json("member", "list")} == {"auto"}
    assert "nobody" in pool.refused("member", "override", "nobody", "eligible")
    pool.refused("member", "override", "alice", status=2)


def test_list_is_filtered_and_sorted(pool):
    for number, name in enumerate(("carol", "alice", "bob")):
        pool("member", "add", name, "--address", f"9.9.9.{number}", "--country", "NL" if name == "bob" else "DE")
    assert pool.names() == ["alice", "bob", "carol"]
    assert [m["name"] for m in pool.json("member", "list", "--country", "de")] == ["alice", "carol"]
    pool("member", "suspend", "carol")
    assert [m["name"] for m in pool.json("member", "list", "--in-state", "suspended")] == ["carol"]
    assert pool.json("member", "list", "--operator", "x") == []


def test_removed_name_is_in_quarantine(pool):
    pool("member", "add", "alice", "--address", "9.9.9.9", "--operator", "example")
    until = pool.json("member", "remove", "alice")["quarantined_until"]
    left = time.mktime(time.strptime(until, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone - time.time()
    assert abs(left - 100 * DAY) < DAY
    assert pool.names() == []
    assert until[:10] in pool.refused("member", "show", "alice")
    assert until[:10] in pool.refused("member", "add", "alice", "--address", "8.8.8.8", "--operator", "mallory")
    assert until[:10] in pool.refused("member", "add", "alice", "--address", "8.8.8.8")
    pool("member", "add", "alice", "--address", "9.9.9.9", "--operator", "example")
    assert "no member" in pool.refused("member", "remove", "nobody")


def test_remove_without_health_takes_the_full_quarantine(pool):
    pool("member", "add", "alice", "--address", "9.9.9.9")
    (pool.state / "health" / "data.mdb").write_bytes(b"broken")
    done = pool.run("member", "remove", "alice", "--json")
    assert done.returncode == 0 and "full quarantine" in done.stderr
    assert json.loads(done.stdout)["name"] == "alice"


# --- import, export ---

HEADER = "name,country,ipv4,ipv6,capacity_mbit,operator,port,target,accounturi"
ROWS = [
    "alice,NL,9.9.9.9 9.9.9.10,2620:fe::9,100,example,4460,,https://acme.example/acct/1",
    'bob,DE,8.8.8.8,,1000,"Uhr, ""GmbH""",4461,,',
    "carol,,,,0,Zeit für alle,4460,ntp1.example.net.,",
]


def test_positions_are_imported_and_exported(pool, tmp_path):
    rows = ['alice,9.9.9.9,"52.37, 4.9"', "bob,8.8.8.8,"]
    pool("member", "import", write(tmp_path / "in.csv", "name,ipv4,position", *rows))
    assert [row["position"] for row in csv.DictReader(pool("member", "export").splitlines())] == ["52.3700,4.9000", ""]
    bad = write(tmp_path / "bad.csv", "name,ipv4,position", 'carol,8.8.4.4,"north"')
    assert "in degrees" in pool.refused("member", "import", bad)


def test_export_writes_what_import_reads(pool, tmp_path):
    assert "3 members" in pool("member", "import", write(tmp_path / "in.csv", HEADER, *ROWS))
    pool("member", "suspend", "bob")
    pool("member", "override", "carol", "eligible")
    text = pool("member", "export")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["name"] for row in rows] == ["alice", "bob", "carol"]
    assert rows[0]["ipv4"] == "9.9.9.9 9.9.9.10" and rows[1]["operator"] == 'Uhr, "GmbH"'
    assert pool("member", "export", tmp_path / "out.csv") == "" and (tmp_path / "out.csv").read_text() == text
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("out.csv")] == ["out.csv"]
    other = Cli(tmp_path / "other")
    other("init", "pool.test", *NAME_SERVERS)
    other("member", "import", tmp_path / "out.csv")
    assert other("member", "export") == text
    assert other.json("member", "show", "bob")["suspended"] is True


def test_import_reads_any_order_bom_crlf_and_stdin(pool, tmp_path):
    path = write(tmp_path / "in.csv", "\ufeffipv4,name", '9.9.9.9,"alice"', "", "8.8.8.8,BOB", end="\r\n")
    with path.open() as file:
        assert pool("member", "import", "-", stdin=file) == "2 members imported\n"
    assert pool.names() == ["alice", "bob"]
    assert pool.json("member", "show", "alice")["capacity_mbit"] == 100


@pytest.mark.parametrize("row, said", [
    ("alice,NL,9.9.9.1,,1,,,,", "alice"),
    ("dave,NL,9.9.9.9,,1,,,,", "9.9.9.9"),
    ("dave,NL,9.9.9,,1,,,,", "no IPv4 address"),
    ("dave,NL,2620:fe::1,,1,,,,", "no IPv4 address"),
    ("dave,NL,10.0.0.1,,1,,,,", "--allow-private"),
    ("dave,NL,9.9.9.1,,many,,,,", "capacity_mbit"),
    ("dave,NL,9.9.9.1,,1,,0,,", "port"),
    ("dave,Netherlands,9.9.9.1,,1,,,,", "country"),
    ("dave,NL,9.9.9.1,,1", "fields"),
    ('dave,NL,9.9.9.1,,1,"x,,,', "quote"),
    ("da ve,NL,9.9.9.1,,1,,,,", "name"),
    ("dave,NL,9.9.9.1,,1," + "x" * 9000 + ",,,", "too long"),
    ("dave,NL,9.9.9.1,,1,a\x1b[2Jb,,,", "control"),
])
def test_bad_row_names_its_line_and_imports_nothing(pool, tmp_path, row, said):
    path = write(tmp_path / "in.csv", HEADER, *ROWS, row)
    before = fingerprint(pool.state)
    line = pool.refused("member", "import", path)
    assert f"{path}:5: " in line and said in line and "\x1b" not in line
    assert pool.names() == [] and fingerprint(pool.state) == before


@pytest.mark.parametrize("header, said", [("", "empty"), ("country,ipv4", "name"), ("name,color", "color"), ("name,name", "twice")])
def test_bad_header_is_named(pool, tmp_path, header, said):
    path = write(tmp_path / "in.csv", header) if header else write(tmp_path / "in.csv")
    line = pool.refused("member", "import", path)
    assert f"{path}:1: " in line and said in line
    assert "nowhere.csv" in pool.refused("member", "import", tmp_path / "nowhere.csv")


def many(path, count):
    rows = (f"m{i},NL,11.{i >> 16}.{i >> 8 & 255}.{i & 255},2a01:4f8::{i >> 16:x}:{i & 65535:x},{i % 1000},operator {i % 5000}" for i in range(count))
    return write(path, "name,country,ipv4,ipv6,capacity_mbit,operator", *rows)


def test_hundred_thousand_members_are_imported_in_time(tmp_path):
    """Measures the release build if there is one: the sanitizers make the other builds slow."""
    release = ROOT / "build" / "release" / "bin" / "ntspool"
    timed = RELEASE or release.exists()
    pool = Cli(tmp_path / "state", BIN if RELEASE or not timed else release)
    pool("init", "pool.test", *NAME_SERVERS)
    count = 100_000 if timed else 10_000
    path = many(tmp_path / "in.csv", count)
    began = time.monotonic()
    pool("member", "import", path)
    took = time.monotonic() - began
    assert not timed or took < 10, f"{took:.1f} s"
    began = time.monotonic()
    assert len(pool.json("member", "list")) == count
    assert len(pool("member", "list").splitlines()) == count + 1
    assert len(pool("member", "export").splitlines()) == count + 1
    print(f"import {took:.2f} s, two lists and an export {time.monotonic() - began:.2f} s")


def test_killed_import_leaves_nothing_or_all(pool, tmp_path):
    count = 20_000 if RELEASE else 2_000
    path = many(tmp_path / "in.csv", count)
    began = time.monotonic()
    Cli(shutil.copytree(pool.state, tmp_path / "whole"))("member", "import", path)
    whole = time.monotonic() - began
    for part in range(10):
        child = subprocess.Popen([BIN, "-s", pool.state, "member", "import", path], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        time.sleep(whole * part / 9)
        child.send_signal(signal.SIGKILL)
        child.wait()
        found = len(pool.names())
        assert found in (0, count)
        if found:
            break
    pool("member", "add", "alice", "--address", "9.9.9.9")


def test_progress_is_shown_on_a_terminal_only(pool, tmp_path):
    path = many(tmp_path / "in.csv", 1500)
    leader, follower = pty.openpty()
    child = subprocess.Popen([BIN, "-s", pool.state, "member", "import", path], stdout=subprocess.DEVNULL, stderr=follower)
    os.close(follower)
    shown = terminal_output(leader)
    assert child.wait() == 0 and b"1500 members" in shown and b"###" in shown


# --- records, zone ---

ZONE = """\
$TTL 600
@       IN TXT "v=spf1 -all"
@       IN MX 10 mail
www     IN A 9.9.9.80
        IN AAAA 2620:fe::80
mail    IN A 9.9.9.25
www     IN A 9.9.9.81
"""


def test_records_are_loaded_listed_and_removed(pool, tmp_path):
    path = write(tmp_path / "static.zone", ZONE)
    assert "5 record sets" in pool("record", "load", path)
    rows = {(row["name"], row["type"]): row for row in pool.json("record", "list")}
    assert rows["www.pool.test.", "A"]["records"] == ["9.9.9.80", "9.9.9.81"] and rows["www.pool.test.", "A"]["ttl"] == 600
    assert rows["pool.test.", "MX"]["records"] == ["10 mail.pool.test."]
    listed = pool("record", "list")
    pool("record", "load", write(tmp_path / "more.zone", "www 60 IN A 9.9.9.82"))
    rows = {(row["name"], row["type"]): row for row in pool.json("record", "list")}
    assert rows["www.pool.test.", "A"]["records"] == ["9.9.9.82"] and ("www.pool.test.", "AAAA") in rows
    pool("record", "load", write(tmp_path / "again.zone", listed))
    assert pool("record", "list") == listed
    pool("record", "remove", "www", "AAAA")
    pool("record", "remove", "www.pool.test.")
    pool("record", "remove", "mail.pool.test")
    pool("record", "remove", "@", "mx")
    left = {(row["name"], row["type"]) for row in pool.json("record", "list")}
    assert ("pool.test.", "TXT") in left and not {name for name, _ in left} & {"www.pool.test.", "mail.pool.test."}
    assert "www" in pool.refused("record", "remove", "www")
    assert "NONSENSE" in pool.refused("record", "remove", "www", "NONSENSE", status=2)
    assert "zone" in pool.refused("record", "remove", "www.example.net.")


@pytest.mark.parametrize("text, line", [
    ("www IN A 9.9.9.1\nwww.example.net. IN A 9.9.9.2\n", 2),
    ("www IN A 9.9.9.1\nwww IN A 9.9.9\n", 2),
    ("www IN A 9.9.9.1\nalice IN A 9.9.9.2\n", 2),
    ("www IN A 9.9.9.1\n@ IN SOA ns hostmaster 1 2 3 4 5\n", 2),
    ("www IN A 9.9.9.1\n_ntske._tcp IN SRV 0 0 4460 www\n", 2),
    ("www IN A 9.9.9.1\nsub IN NS ns1\n", 2),
    ("www 60 IN A 9.9.9.1\nx 60 IN A 9.9.9.3\nwww 61 IN A 9.9.9.2\n", 3),
])
def test_bad_record_names_its_line_and_loads_nothing(pool, tmp_path, text, line):
    pool("member", "add", "alice", "--address", "9.9.9.9")
    before = pool("record", "list")
    path = write(tmp_path / "bad.zone", text, end="")
    assert f"{path}:{line}: " in pool.refused("record", "load", path)
    assert pool("record", "list") == before


def test_settings_are_checked_and_the_serial_moves(pool):
    before = pool.json("zone", "show")
    pool("zone", "set", "srv-ttl", "5m")
    after = pool.json("zone", "show")
    assert after["settings"]["srv-ttl"] == "5m" and after["serial"] != before["serial"]
    assert "srv-ttl" in pool("zone", "show")
    assert "colour" in pool.refused("zone", "set", "colour", "blue")
    assert "srv-count" in pool.refused("zone", "set", "srv-count", "9")
    assert pool.json("zone", "show") == after


@pytest.fixture(params=["ecdsap256", "ed25519"])
def full(cli, request, tmp_path):
    cli("init", "pool.test", *NAME_SERVERS, "--algorithm", request.param)
    cli("member", "import", write(tmp_path / "in.csv", HEADER, *ROWS))
    cli("member", "override", "--all", "eligible")
    cli("record", "load", write(tmp_path / "static.zone", ZONE, "a.b.deep IN TXT \"x\""))
    return cli


def test_exported_zone_has_what_the_server_answers(full, tmp_path):
    full("zone", "export", tmp_path / "pool.zone")
    lines = [line.split(None, 4) for line in (tmp_path / "pool.zone").read_text().splitlines()]
    found = {(line[0], line[3]) for line in lines}
    assert lines[0][3] == "SOA"
    assert {("pool.test.", "NS"), ("pool.test.", "CAA"), ("ns2.pool.test.", "AAAA"), ("alice.pool.test.", "A"),
            ("alice.pool.test.", "AAAA"), ("alice.pool.test.", "CAA"), ("_ntske._tcp.pool.test.", "SRV"),
            ("a.b.deep.pool.test.", "TXT"), ("www.pool.test.", "A")} <= found
    targets = {line[4].split()[-1] for line in lines if line[3] == "SRV"}
    assert targets == {"alice.pool.test.", "bob.pool.test."}  # carol has capacity 0
    assert not {"RRSIG", "NSEC", "DNSKEY"} & {kind for _, kind in found}
    assert full("zone", "export", "-") == (tmp_path / "pool.zone").read_text()


def test_signed_zone_passes_ldns_verify_zone(full, tmp_path):
    if not shutil.which("ldns-verify-zone"):
        pytest.skip("ldnsutils is not installed")
    full("zone", "export", tmp_path / "pool.zone", "--signed")
    anchor = write(tmp_path / "anchor", full("key", "ds", "--dnskey"))
    done = subprocess.run(["ldns-verify-zone", "-k", anchor, tmp_path / "pool.zone"], capture_output=True, text=True)
    assert done.returncode == 0 and "Zone is verified and complete" in done.stdout, done.stdout + done.stderr
    # ldns-verify-zone must find a fault that is there.
    text = (tmp_path / "pool.zone").read_text()
    write(tmp_path / "bad.zone", text.replace("9.9.9.25", "9.9.9.26"))
    assert subprocess.run(["ldns-verify-zone", tmp_path / "bad.zone"], capture_output=True).returncode != 0
    chainless = [line for line in text.splitlines() if not re.match(r"bob\.pool\.test\.\s.*\sNSEC\s", line)]
    write(tmp_path / "hole.zone", *chainless)
    assert subprocess.run(["ldns-verify-zone", tmp_path / "hole.zone"], capture_output=True).returncode != 0


def test_signed_export_needs_the_seal_and_plain_does_not(full, tmp_path):
    (full.state / "seal.key").unlink()
    full("zone", "export", tmp_path / "pool.zone")
    before = (tmp_path / "pool.zone").read_text()
    assert "seal" in full.refused("zone", "export", tmp_path / "pool.zone", "--signed")
    assert (tmp_path / "pool.zone").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("pool.zone")) == ["pool.zone"]
    full("key", "list")
    full("key", "ds")


# --- status, backup ---


def test_status_counts_and_warns(pool):
    for name, address in (("alice", "9.9.9.9"), ("bob", "8.8.8.8")):
        pool("member", "add", name, "--address", address)
    pool("member", "suspend", "bob")
    status = pool.json("status")
    assert status["apex"] == "pool.test." and status["members"] == 2 and status["eligible"] == 0 and status["keys"] == 2
    assert status["states"] == {"registered": 1, "suspended": 1}
    assert {store["store"] for store in status["stores"]} == {"registry", "health", "keys", "traffic", "history"}
    assert all(0 <= store["used_percent"] < 70 for store in status["stores"])
    assert "probe-silent" in pool.warned()
    text = pool("status")
    assert "registry" in text and "1 suspended" in text and "warning probe-silent: " in text


def test_status_names_a_store_that_is_broken(pool):
    (pool.state / "traffic" / "data.mdb").write_bytes(b"broken")
    done = pool.run("status", "--json")
    assert done.returncode == 1 and "state" in done.stderr
    status = json.loads(done.stdout)
    assert any("traffic" in store.get("error", "") for store in status["stores"]) and status["keys"] == 2


def test_backup_can_be_put_in_place(full, tmp_path):
    members, records, ds = full("member", "export"), full("record", "list"), full("key", "ds")
    said = full("backup", tmp_path / "backup")
    assert "seal.key" in said and not (tmp_path / "backup" / "seal.key").exists()
    assert {path.name for path in (tmp_path / "backup").iterdir()} == {"registry", "health", "keys", "traffic", "history"}
    full("member", "remove", "alice")
    restored = Cli(shutil.copytree(tmp_path / "backup", tmp_path / "restored"))
    shutil.copy(full.state / "seal.key", restored.state / "seal.key")
    assert (restored("member", "export"), restored("record", "list"), restored("key", "ds")) == (members, records, ds)
    assert "RRSIG" in restored("zone", "export", "-", "--signed")
    restored("member", "add", "dave", "--address", "9.9.9.77")
    assert "not empty" in full.refused("backup", tmp_path / "backup")
    (tmp_path / "empty").mkdir()
    full("backup", tmp_path / "empty")


def test_backup_that_fails_leaves_nothing(pool, tmp_path):
    (pool.state / "traffic" / "data.mdb").write_bytes(b"broken")
    assert "traffic" in pool.refused("backup", tmp_path / "backup")
    assert not (tmp_path / "backup").exists()
    (tmp_path / "there").mkdir()
    pool.refused("backup", tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


def test_backup_is_consistent_while_members_come(pool, tmp_path):
    for number in range(3):
        adder = subprocess.Popen([BIN, "-s", pool.state, "member", "import",
                                  write(tmp_path / f"in{number}.csv", "name,ipv4", *(
                                      f"m{number}x{i},9.{number}.{i >> 8}.{i & 255}" for i in range(2000)))],
                                 stdout=subprocess.DEVNULL)
        pool("backup", tmp_path / f"backup{number}")
        assert adder.wait() == 0
        assert len(Cli(tmp_path / f"backup{number}").names()) in (2000 * number, 2000 * (number + 1))


def test_missing_state_is_named_and_not_made(cli):
    for args in (["member", "list"], ["zone", "show"], ["key", "list"], ["member", "add", "a", "--address", "9.9.9.9"],
                 ["record", "list"], ["zone", "export", "-"]):
        assert str(cli.state) in cli.refused(*args)
    assert not cli.state.exists()
