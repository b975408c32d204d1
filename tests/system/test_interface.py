"""The public interface is as recorded in interface.json: the help of every program and command, the exit status of each command when
it works, is refused or is used wrongly, and the keys and types of its --json output.

To change it, run `pytest test_interface.py --record-interface`. This rewrites the file, and its diff shows what changes for operators."""

import json
import re
from pathlib import Path

import pytest

from authority import Authority
from machine import part, run, until
from pool import APEX, BIN, Pool, environment, no_report
from timeserver import Chronyd

RECORD = Path(__file__).with_name("interface.json")
DAEMONS = ("ntspoold", "ntspool-probed", "ntspool-feedd")

# Commands on a pool without a server, in this order. All succeed.
QUIET = """
init pool.test --ns ns1.pool.test=127.0.0.1
zone show
zone set srv-count 5 --dry-run
zone set srv-count 5
zone unset srv-count --dry-run
zone unset srv-count
zone ns list
zone ns add ns2.pool.test=127.0.0.2
zone ns set ns2.pool.test=127.0.0.3
zone ns list
zone ns remove ns2.pool.test
zone ns seen
member list
member add alice --address 9.9.9.9 --address 2620:fe::9 --country NL --operator A --position 52,5 --accounturi https://a.example/1
member add bob --target ntp.example.net
member show alice
member show bob
member admit {dir}/application --no-probe
member remove erin
member welcome alice
member welcome bob
member set bob --capacity 7 --country DE
member suspend bob
member resume bob
member override alice eligible
member override --all auto
member list --country NL
member list --in-state registered
member list --operator A
member list --expiring 14d
member list --older 7d
member list --reach
member expire --dry-run
member expire
member remove bob
member list --removed
member restore bob
member export {dir}/members.csv
member export
member import {dir}/new.csv --dry-run
member import {dir}/new.csv
record load {dir}/own.zone --dry-run
record load {dir}/own.zone
record load {dir}/foreign.zone --skip-own --dry-run
record list
record remove www TXT
record remove www
log
log alice
log --limit 2 --since 1h
history
history alice
explain --client 192.0.2.1
share
report {dir}/site
report --member alice
member set alice --contact a@example.net --leave 7d
notices
status
cookie show
cookie show --secrets
cookie set 00112233445566778899aabbccddeeff
cookie stage random
cookie show
cookie roll
vantage add far {key}
vantage add here
vantage list
vantage key
vantage key --id here
vantage remove far
zone export {dir}/pool.zone
zone export --signed
zone export
backup {dir}/copy
restore {dir}/copy --dry-run
restore {dir}/copy --store registry
restore {dir}/copy
key list
key ds
key ds --dnskey
key identity
key export {dir}/keys
key export --public {dir}/public
key request --until 30d {dir}/request
key sign-request {dir}/request {dir}/bundle
key import-bundle {dir}/bundle
key offline
key list
status
key online {private}
key roll zsk
key list
key abort zsk
key roll zsk --emergency
key ds-seen
key insecure
key secure
key rotate-seal
key export --to {identity} {dir}/package
key import --in-use --replace {files}
member list --in-state eligible
""".strip().splitlines()

# Commands on a pool with a server, a vantage point and a working member.
LIVE = """
member list
member list --reach
member show alice
status
history
history alice
log alice
explain --client 192.0.2.1
share
stats --socket {dir}/metrics.sock
metrics {dir}/live.prom
metrics --members 10
check --explain parent
probe alice --trust {trust} --allow-private
member apply alice.pool.test {dir}/sent --address 127.0.1.1 --trust {trust} --allow-private
member apply alice.pool.test --address 127.0.1.1 --no-probe --allow-private
probe --name alice 127.0.1.1 --trust {trust} --allow-private
vantage list
""".strip().splitlines()

# Commands that work only after many members have failed at once or the clock was set. Other tests cover them.
RARE = {"health release", "key trust-clock", "key without"}

# Refused commands (exit status 1) and wrong usage (exit status 2), on a pool with the member alice.
REFUSED = """
init other.test --ns ns.example.net
member add alice --address 9.9.9.1
member apply alice.pool.test --address 192.0.2.1
member admit {dir}/none
member show nobody
member welcome nobody
member set nobody --capacity 5
member suspend nobody
member resume nobody
member override nobody auto
member remove nobody
member restore nobody
member import {dir}/none.csv
member export {dir}/none/members.csv
record load {dir}/none.zone
record remove nothing
history nobody
log nobody
explain --client 192.0.2.1 --locations {dir}/none.mmdb
share --locations {dir}/none.mmdb
probe nobody
probe --name alice time.example.net
stats --socket {dir}/none.sock
metrics {dir}/none/pool.prom
report {dir}/none/none
report --member nobody
notices --send {dir}/none
check --root-hints {dir}/none
backup {dir}/none/none
restore {dir}/none
zone set srv-count 99
zone unset none
zone ns add ns1.pool.test=127.0.0.1
zone ns set ns9.pool.test=127.0.0.1
zone ns remove ns9.pool.test
zone export {dir}/none/pool.zone
vantage add far nonsense
vantage remove nobody
vantage key --id no/body
fleet create --from-state --name a --node n=127.0.0.1
fleet token a
fleet join {dir}/none
fleet status
fleet edges
fleet evict a
fleet leave
fleet accept
fleet nodes 127.0.0.1
health forget nobody
health release
cookie set short
cookie stage short
key roll split
key abort ksk
key import {dir}/none.private
key import --package {dir}/none
key export {dir}/none/none
key request {dir}/none/none
key sign-request {dir}/none {dir}/never
key import-bundle {dir}/none
key offline
key online {dir}/none.private
key lead
key without none
key trust-clock
key secure
""".strip().splitlines()

WRONG = """

none
member
member none
init
init pool.test
init other.test --ns ns.example.net --algorithm rsa
probe
key without
check --only none
metrics one two
report
report {dir}/site --url pool.example
notices --send
notices --url pool.example
explain
log --since yesterday
status more
backup
restore
restore {dir}/none --store none
member add
member apply
member apply alice --address 9.9.9.9
member admit
member show
member set alice
member set alice --country NL --no-country
member override alice
member override alice maybe
member remove
member expire now
member restore
member import
member list --expiring soon
record load
record remove
key roll
key roll none
key roll algorithm rsa
key abort none
key request
key sign-request {dir}/none
key import
key import-bundle
key online
cookie set
cookie stage
zone set
zone set srv-count
zone unset
zone ns add
zone ns set ns1.pool.test
zone ns remove ns1.pool.test=127.0.0.1
vantage add
vantage remove
health forget
""".strip("\n").splitlines()


def shape(value):
    """The keys and types of a JSON value. A list has each distinct shape of its elements once."""
    if isinstance(value, dict):
        return {key: shape(below) for key, below in sorted(value.items())}
    if isinstance(value, list):
        shapes = {json.dumps(shape(below), sort_keys=True) for below in value}
        return [json.loads(text) for text in sorted(shapes)]
    names = {str: "text", bool: "boolean", int: "number", float: "number", type(None): "null"}
    return names[type(value)]


def printed(text):
    """The shape of a command's JSON output. For other output: whether there is any."""
    try:
        return shape(json.loads(text))
    except ValueError:
        return "other than JSON" if text else "nothing"


def helps(program, *words):
    """The help of a program or command and of all its subcommands: words -> lines."""
    done = run(BIN / program, *words, "--help", env=environment())
    found = {" ".join((program, *words)): done.stdout.splitlines()}
    prefix = "".join(f"{word} " for word in words)
    if "COMMAND ..." in done.stdout.partition("\n")[0]:
        for word in re.findall(rf"^  {prefix}([a-z][a-z-]*) ", done.stdout, re.M):
            found |= helps(program, *words, word)
    return found


class Scenario:
    """Runs command lines on a pool; records their exit status and the shape of their --json output."""

    def __init__(self, machine):
        self.machine = machine
        self.words = {"dir": machine.directory}
        self.environment = {name: value for name, value in environment().items() if not name.startswith(("SSH_", "SUDO_"))}
        self.made = {"help": {}, "json": {}, "status": {}}

    def run(self, pool, line):
        """The finished process."""
        words = [part for word in line.split() for part in self.word(word)]
        done = run(*pool.command(*words), check=False, env=self.environment)
        no_report(line, done.stderr)
        return done

    def word(self, word):
        """The words for one word of a line: {files} stands for several, other fields for one."""
        if word == "{files}":
            return sorted((self.machine.directory / "keys").glob("*.private"))
        return [word.format(**self.words)]

    def works(self, pool, kind, lines):
        for line in lines:
            done = self.run(pool, f"{line} --json")
            self.made["status"][f"{kind}: {line}"] = done.returncode
            assert done.returncode == 0, f"{line}: {done.stderr}"
            name = f"{kind}: {line}"
            while name in self.made["json"]:
                name += " (again)"
            self.made["json"][name] = printed(done.stdout)

    def fails(self, pool, kind, lines):
        """Each line fails with one line on stderr."""
        others = []
        for line in lines:
            done = self.run(pool, line)
            if done.returncode == 0 or done.stderr.count("\n") != 1 or not done.stderr.startswith("ntspool: "):
                others.append((line, done.returncode, done.stderr))
            self.made["status"][f"{kind}: {line}"] = done.returncode
        assert not others


def record_quiet(scenario):
    machine = scenario.machine
    machine.write("application", f"ntspool-application: 1\npool: {APEX}\nname: erin\nipv4: 9.9.9.11\nend\n")
    machine.write("new.csv", "name,country,ipv4,capacity_mbit\ncarol,FR,9.9.9.3,50\n")
    machine.write("own.zone", 'www 600 IN A 192.0.2.80\nwww 600 IN TXT "hello"\n')
    machine.write("foreign.zone", "@ 600 IN SOA a. b. 1 2 3 4 5\nwww 600 IN A 192.0.2.80\n")
    for directory in ("keys", "public"):
        (machine.directory / directory).mkdir()
    pool, other = Pool(machine, name="quiet"), Pool(machine, name="other").init()
    scenario.words["key"] = other.vantage("far")
    scenario.words["identity"] = other.cli("key", "identity").stdout.strip()
    lines = list(QUIET)
    at = lines.index("key online {private}")
    scenario.works(pool, "quiet", lines[:at])
    (ksk,) = [key["tag"] for key in pool.json("key", "list") if key["role"] == "ksk"]
    scenario.words["private"] = next((machine.directory / "keys").glob(f"*+{ksk:05}.private"))
    scenario.works(pool, "quiet", lines[at:])
    scenario.works(other, "other", ["key import --package {dir}/package", "status", "key lead", "key list"])
    scenario.fails(pool, "refused", REFUSED)
    scenario.fails(pool, "wrong", WRONG)


def record_every_command(scenario):
    """Every command refuses an unknown option. Without a pool, only commands that need none work."""
    nowhere = Pool(scenario.machine, name="nowhere")
    commands = [name.partition(" ")[2] for name, lines in scenario.made["help"].items()
                if name.startswith("ntspool ") and "COMMAND ..." not in lines[0]]
    scenario.fails(nowhere, "wrong", [f"{command} --no-such-option" for command in commands])
    needed = [line for line in dict.fromkeys(line for line in QUIET) if not line.startswith(("init", "key import"))]
    for line in needed:
        if all(word.startswith("{dir}") or "{" not in word for word in line.split()):
            scenario.fails(nowhere, "no state", [line])
    assert not nowhere.state.exists()


def record_live(scenario):
    machine = scenario.machine
    authority = Authority(machine.directory)
    scenario.words["trust"] = authority.path
    pool = Pool(machine).init()
    pool.add("alice", "127.0.1.1")
    Chronyd(machine, "alice", ["127.0.1.1"], *authority.issue("alice", [f"alice.{APEX}"]))
    pool.vantage("local")
    pool.serve("--workers", "1", "--metrics", f"unix:{machine.directory}/metrics.sock")
    pool.probe(authority.path)
    until(lambda: pool.member("alice")["eligible"] and pool.targets(1) == {"alice"}, 30, "alice is handed out")
    until(lambda: all(row["aead"] for row in pool.member("alice")["addresses"]), 20, "the daily checks are done")
    until(lambda: (history := pool.json("history", "alice")["history"]) and history[0]["samples"], 20, "a sample is written")
    scenario.works(pool, "live", LIVE)
    pool.stop()
    scenario.works(pool, "stopped", ["health forget local", "vantage remove local", "status"])


def record_fleet(scenario):
    """Two machines, and an engine of one node."""
    machine, create = scenario.machine, "fleet create --name one --node n=127.0.0.1 --out {dir}/nodes"
    one, two = Pool(machine, name="one").init(), Pool(machine, name="two")
    scenario.works(one, "fleet", [create])
    machine.start("engine", [part("usr/bin/etcd"), "--config-file", "etcd.conf.yml"], cwd=machine.directory / "nodes" / "n")
    until(lambda: one.cli("fleet", "create", check=False).returncode == 0, 60, "the engine has the ledger")
    (machine.directory / "two.token").write_text(one.cli("fleet", "token", "two").stdout)
    scenario.works(one, "fleet", ["fleet create", "fleet token three", "fleet status", "fleet accept", "fleet nodes 127.0.0.1"])
    scenario.works(two, "fleet", ["fleet join {dir}/two.token", "fleet leave"])
    scenario.works(one, "fleet", ["fleet evict two", "fleet evict three"])
    machine.start("feedd", [BIN / "ntspool-feedd", "-s", one.state], env=environment())
    until(lambda: one.cli("fleet", "edges", check=False).returncode == 0, 60, "the machine has said how far it is")
    scenario.works(one, "fleet", ["fleet edges"])


def record_daemons(scenario):
    for program in DAEMONS:
        for name, words in {"wrong": ["--no-such-option"], "no state": ["-s", scenario.machine.directory / "nowhere"],
                            "version": ["--version"]}.items():
            done = run(BIN / program, *words, check=False, env=environment())
            scenario.made["status"][f"{name}: {program}"] = done.returncode


@pytest.fixture(scope="module")
def made(shared_machine):
    scenario = Scenario(shared_machine)
    for program in ("ntspool", *DAEMONS):
        scenario.made["help"] |= helps(program)
    record_every_command(scenario)
    record_daemons(scenario)
    record_quiet(scenario)
    record_live(scenario)
    record_fleet(scenario)
    return scenario.made


@pytest.fixture(scope="module")
def recorded(made, request):
    if request.config.getoption("--record-interface"):
        RECORD.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")
    return json.loads(RECORD.read_text())


@pytest.mark.parametrize("part", ["help", "json", "status"])
def test_the_interface_is_the_recorded_one(made, recorded, part):
    assert made[part] == recorded[part]


def test_every_command_was_seen_to_work_and_to_fail(made):
    commands = {name.removeprefix("ntspool ") for name, lines in made["help"].items()
                if name.startswith("ntspool ") and "COMMAND ..." not in lines[0]}

    def seen(status):
        lines = [line.partition(": ")[2] for line, value in made["status"].items() if value == status]
        return {command for command in commands if any(line == command or line.startswith(f"{command} ") for line in lines)}

    assert commands - seen(0) == RARE
    assert commands - seen(1) == set()
    assert commands - seen(2) == set()
