"""A pool's life from packages, in a fresh system of each release with systemd: installed and made by the commands that
ntspool-operation(7) prints, with chronyd as members, watched, upgraded under load, removed and purged. The tests are one story and run
in order."""

import json
import re
import shutil
import socket
import threading
import time

import dns.message
import pytest

from authority import Authority
from checkbed import Delegation, Parent
from debian import ROOT, Booted, System, renamed
from machine import Machine, enter_namespaces, until
from resolver import Unbound
from timeserver import Chronyd, client_takes_time

APEX = "pool.example"
SRV = f"_ntske._tcp.{APEX}"
SERVER = ("192.0.2.53", "2001:db8:1::53")
REFERENCE = "192.0.2.123"
# ntspool refuses addresses that are for documentation, so the members have others than those in the manual.
MEMBERS = {"203.0.113.10": "9.20.1.10", "2001:db8:a::10": "2620:fe:a::10"}
MORE = {"bob": "9.20.2.10", "carol": "9.20.3.10", "dave": "9.20.4.10"}
ROOT_SERVER, PARENT = "198.41.0.4", "192.0.2.10"
DAEMONS = {"ntspoold": "ntspool", "ntspool-probed": "ntspool-probe"}
STATE = "/var/lib/ntspool"
BATCH = 64  # that a worker reads at once: UDP_BATCH of server/io/udp.h
# What the packages' own test needs beside them.
PEERS = re.search("^Depends: @, (.*)$", (ROOT / "tools/debian/tests/control").read_text(), re.M)[1].split(", ")


def printed():
    """The commands of the manual's first section, as they are printed."""
    page = (ROOT / "tools/man/ntspool-operation.7").read_text()
    section = page.split(".Sh FROM PACKAGES TO A RUNNING POOL\n")[1].split("\n.Sh ")[0]
    lines = re.findall(r"^first# ((?:.*\\e\n)*.*)$", section, re.M)
    return [line.replace("\\e", "\\") for line in lines]


INSTALL, INIT, LISTEN, REFER, START, ADD, DS, LIST, STATUS, STATS, CHECK, JOURNAL = printed()


class Load(threading.Thread):
    """Asks the server some hundred queries each second while it is a context. Then `lost` is the number of queries without an answer."""

    def __init__(self, rate=300, sockets=32):
        super().__init__(daemon=True)
        self.pause = 1 / rate
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(sockets)]
        self.sent, self.answered = set(), set()
        self.ends = threading.Event()

    def _receive(self):
        for own in self.sockets:
            while True:
                try:
                    octets = own.recv(4096, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    break
                self.answered.add((own.fileno(), octets[:2]))

    def run(self):
        query = dns.message.make_query(SRV, "SRV", use_edns=0, want_dnssec=True).to_wire()[2:]
        while not self.ends.is_set() and len(self.sent) < 65536:
            number = len(self.sent)
            own, octets = self.sockets[number % len(self.sockets)], number.to_bytes(2, "big")
            own.sendto(octets + query, (SERVER[0], 53))
            self.sent.add((own.fileno(), octets))
            self._receive()
            time.sleep(self.pause)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        time.sleep(2)  # a loss afterwards would be one as well
        self.ends.set()
        self.join()
        deadline = time.monotonic() + 20
        while self.sent != self.answered and time.monotonic() < deadline:
            time.sleep(0.1)
            self._receive()
        for own in self.sockets:
            own.close()
        self.lost = len(self.sent - self.answered)
        print(f"{len(self.sent)} queries, {self.lost} without an answer")


@pytest.fixture(scope="session")
def systems(packages, tmp_path_factory):
    """Two fresh systems of each release with the packages and what they depend on, but not installed yet. Afterwards there is no internet, so this is the
    last file of tests."""
    made = {}
    for each, directory in packages.items():
        for name in ("first", "london"):
            system = made[each, name] = System(tmp_path_factory.mktemp("system") / name, each)
            debs = [deb for deb in directory.glob("*.deb") if "-dbgsym" not in deb.name]
            for deb in debs:
                shutil.copy(deb, system.path / "root")
            system.do("apt-get", "-q", "update")
            system.do("apt-get", "-qy", "--download-only", "install", *(f"/root/{deb.name}" for deb in debs), "etcd-server", *PEERS)
            (system.path / "etc/resolv.conf").write_text("nameserver 127.0.0.53\n")
    enter_namespaces(tmp_path_factory.mktemp("namespaces"))
    return made


class World:
    def __init__(self, machine, system):
        self.machine = machine
        machine.add_address(*SERVER, *MEMBERS.values(), *MORE.values(), REFERENCE, ROOT_SERVER, PARENT)
        self.authority = Authority(machine.directory)
        self.booted = Booted(system, machine.directory / "console.log")
        self.path = system.path
        self.parent = self.resolver = None
        self.members = {}

    def type(self, line, **options):
        return self.booted.type(line, **options)

    def json(self, line):
        return json.loads(self.type(f"{line} --json"))

    def member(self, name, *addresses):
        self.members[name] = Chronyd(self.machine, name, addresses, *self.authority.issue(name, [f"{name}.{APEX}"], last_day=60))

    def follows(self, ds):
        """The internet learns of the pool: its parent zone, and a resolver."""
        text = " ".join(re.search(r" DS (.*)", ds)[1].split())
        delegation = Delegation(ns=[f"ns1.{APEX}."], glue={f"ns1.{APEX}.": list(SERVER)}, ds=[text])
        self.parent = Parent(lambda: delegation, [ROOT_SERVER, PARENT], APEX)
        (self.path / "root/root.hints").write_text(f". 3600 IN NS a.root.\na.root. 3600 IN A {ROOT_SERVER}\n")
        (self.path / "root/root.anchor").write_text(f". IN DS {self.parent.root.ds.to_text()}\n")
        anchor = self.machine.write("anchor", f"{APEX}. IN DS {text}\n")
        names = [f'local-data: "ntp1.example.net. A {REFERENCE}"']
        self.resolver = Unbound(self.machine, APEX, anchor, server=SERVER[0], lines=names)

    def owners(self):
        users = {int(row[2]): row[0] for row in (line.split(":") for line in (self.path / "etc/passwd").read_text().splitlines())}
        state = self.path / STATE.lstrip("/")
        return {str(path.relative_to(state)): users[path.lstat().st_uid] for path in (state, *state.rglob("*"))}

    def targets(self):
        """The members in the validated SRV answer."""
        return {text.split()[3].removesuffix(f".{APEX}.") for text in self.resolver.secure(SRV, "SRV")} - {"."}

    def active(self, unit):
        return self.booted.do("systemctl", "is-active", unit, check=False).strip()

    def process(self, unit):
        return int(self.type(f"systemctl show -P MainPID {unit}"))

    def replaced(self, unit, before):
        """Waits until the unit has another process."""
        until(lambda: self.process(unit) not in (0, before), 60, f"{unit} is a new process")

    def close(self):
        if self.parent:
            self.parent.close()
        self.booted.close()


@pytest.fixture(scope="module")
def world(suite, systems, tmp_path_factory):
    machine = Machine(tmp_path_factory.mktemp(suite))
    made = World(machine, systems[suite, "first"])
    yield made
    made.close()
    machine.close()


def test_apt_installs_the_packages(world):
    world.type(INSTALL, text="y\n")
    assert world.owners() == {".": "ntspool", "probe": "ntspool-probe"}
    version = world.type("dpkg-query -W -f '${Version}' ntspool")
    for program in ("ntspool", *DAEMONS):
        assert world.type(f"{program} --version") == f"{program} {version}\n"


def test_no_daemon_starts_before_there_is_a_pool(world):
    for unit in DAEMONS:
        assert world.active(unit) == "inactive"
        assert world.type(f"systemctl is-enabled {unit}") == "enabled\n"
        world.type(f"systemctl start {unit}")
        assert world.active(unit) == "inactive"


def test_init_as_root_suits_both_daemons_users(world):
    assert "is ready in /var/lib/ntspool" in world.type(INIT)
    owners = world.owners()
    assert {"seal.key", "feed/members", "registry/data.mdb", "probe/local.key"} <= set(owners)
    assert owners == {path: "ntspool-probe" if path.startswith("probe") else "ntspool" for path in owners}


def test_both_daemons_start(world):
    world.follows(world.type(DS))
    shutil.copy(world.authority.path, world.path / "usr/local/share/ca-certificates/members.crt")
    world.type("update-ca-certificates")
    world.members["ntp1"] = Chronyd(world.machine, "ntp1", [REFERENCE], *world.authority.issue("ntp1", ["ntp1.example.net"], last_day=60))
    world.type(LISTEN)
    world.type(REFER)
    # The test's only haste: a real pool probes each member once in 64 s, and hands it out after two hours.
    world.type("echo 'interval: 1s' >>/etc/ntspool/probed.yaml")
    for setting in ("min-history 0", "exit-score 1", "entry-score 2", "reentry-score 2", "rrl-rate 0"):
        world.type(f"ntspool zone set {setting}")
    world.type(START)
    for unit, user in DAEMONS.items():
        assert world.active(unit) == "active"
        assert world.type(f"stat -c %U /proc/{world.process(unit)}").strip() == user
        assert "members" in world.type(f"systemctl show -P StatusText {unit}")


def test_members_enter_the_pool(world):
    line = ADD
    for documented, address in MEMBERS.items():
        assert documented in line
        line = line.replace(documented, address)
    world.type(line)
    for name, address in MORE.items():
        world.type(f"ntspool member add {name} --address {address} --country NL --operator {name}")
        world.member(name, address)
    world.member("alice", *MEMBERS.values())
    everybody = {"alice", *MORE}
    until(lambda: world.targets() == everybody, 60, "all are handed out")
    rows = {row["name"]: row["state"] for row in world.json(LIST)}
    assert rows == dict.fromkeys(everybody, "eligible")


def test_a_client_gets_authenticated_time(world):
    done = client_takes_time(world.machine, f"alice.{APEX}", 4460, world.authority.path)
    assert done.returncode == 0, done.stderr


def test_nothing_is_wrong(world):
    until(lambda: world.type(STATUS) == "", 60, "status has no warning")
    found = json.loads(world.type(f"{CHECK} --root-hints root.hints --anchor root.anchor --json || true"))
    assert [row for row in found["findings"] if row["level"] in ("warning", "error")] == []


def test_the_metrics_are_read(world):
    labels = {sample["name"]: sample["labels"] for sample in world.json(STATS)["samples"]}
    assert labels["ntspool_build_info"]["version"] == world.type("dpkg-query -W -f '${Version}' ntspool-server")


def test_the_journal_has_what_both_daemons_say(world):
    said = world.type(f"{JOURNAL} -o cat")
    assert "answers for pool.example." in said and "error" not in said, said
    assert not re.search("forbids|refuses a filter|rights of the files", said), f"the units take something away:\n{said}"


def second_machine():
    """The commands that make a fleet, as the manual prints them, up to the first token."""
    page = (ROOT / "tools/man/ntspool-operation.7").read_text()
    section = page.split(".Sh THE SECOND MACHINE\n")[1].split("\n.Sh ")[0]
    lines = re.findall(r"^first# ((?:.*\\e\n)*.*)$", section, re.M)
    return [line.replace("\\e", "\\") for line in lines[: next(i for i, line in enumerate(lines) if "fleet token" in line)]]


def test_a_second_machine_makes_a_fleet_by_the_printed_commands(world, systems, suite, tmp_path):
    """One that only probes, with the packages for that."""
    install, *steps, create, feed = second_machine()
    world.type(install.replace("apt install", "apt-get -qy install"))
    assert world.active("ntspool-feedd") == "inactive"  # no machine of a fleet yet
    for step in steps:
        world.type(step)
    until(lambda: world.booted.do("bash", "-c", f"{create} && echo done", check=False).endswith("done\n"), 60, "the engine has the ledger", 1)
    world.type(feed)
    assert world.active("ntspool-feedd") == "active"
    system = systems[suite, "london"]
    london = Booted(system, tmp_path / "console.log")
    try:
        london.type("apt-get -qy install ./ntspool_*.deb ./ntspool-probe_*.deb ./ntspool-fleet_*.deb")
        assert "ntspoold" not in london.type("ls /usr/sbin")
        london.type("ntspool fleet join", text=world.type("ntspool fleet token london --role vantage"))
        world.type(f"ntspool vantage add london {london.type('ntspool vantage key --id london').strip()}")
        shutil.copy(world.authority.path, system.path / "usr/local/share/ca-certificates/members.crt")
        london.type("update-ca-certificates")
        london.type("printf 'id: london\\ninterval: 1s\\n' >>/etc/ntspool/probed.yaml")
        london.type("systemctl enable --now ntspool-feedd ntspool-probed")
        until(lambda: "london" in json.dumps(world.json("ntspool member show alice")), 120, "what london sees is known")
        assert london.type("systemctl is-active ntspool-feedd ntspool-probed") == "active\nactive\n"
        said = world.type("journalctl -u ntspool-feedd -o cat") + london.type("journalctl -u ntspool-feedd -o cat")
        assert "feeds first" in said and "feeds london" in said and not re.search("forbids|refuses a filter|rights of the files", said), said
    finally:
        london.close()
    world.type("ntspool fleet evict london --yes")
    world.type("ntspool vantage remove london --yes")
    world.type("systemctl disable --now ntspool-feedd")
    world.type("ntspool fleet leave --yes")
    world.type("systemctl disable --now ntspool-node")
    world.type("rm /etc/systemd/system/ntspool-node.service")


def test_a_reload_loses_no_answer(world):
    before = world.process("ntspoold")
    with Load() as load:
        world.type("systemctl reload ntspoold")
        world.replaced("ntspoold", before)
    assert load.lost == 0
    assert world.active("ntspoold") == "active"


def test_a_crash_loses_no_more_than_was_read(world):
    before = world.process("ntspoold")
    with Load() as load:
        world.type(f"kill -KILL {before}")
        world.replaced("ntspoold", before)
    assert load.lost <= BATCH
    assert world.active("ntspoold") == "active"


def test_an_upgrade_loses_no_answer(world, packages, suite):
    upgrade = world.path / "root/upgrade"
    upgrade.mkdir()
    for deb in packages[suite].glob("*.deb"):
        if "-dbgsym" not in deb.name:
            renamed(deb, "99.0", upgrade)
    before = {unit: world.process(unit) for unit in DAEMONS}
    with Load() as load:
        world.type("apt-get -qy install ./upgrade/*.deb")
        for unit in DAEMONS:
            world.replaced(unit, before[unit])
    assert load.lost == 0
    assert world.type("dpkg-query -W -f '${Version}' ntspool-server") == "99.0"
    until(lambda: world.type(STATUS) == "", 60, "status has no warning")


def test_after_a_boot_the_pool_runs(world):
    world.booted.stop()
    world.booted.start()
    assert [world.active(unit) for unit in DAEMONS] == ["active", "active"]
    until(lambda: world.targets() == {"alice", *MORE}, 60, "all are handed out")
    until(lambda: world.type(STATUS) == "", 60, "status has no warning")


def test_a_backup_and_reports_are_made(world):
    units = [unit.name.replace("@", "@x") for unit in sorted((ROOT / "tools/systemd").iterdir())]
    world.type(f"systemd-analyze verify --man=no {' '.join(units)}")
    world.type("mkdir -p /var/lib/prometheus/node-exporter")
    world.type(f"systemctl start ntspool-backup ntspool-expire ntspool-metrics ntspool-check@{APEX}")
    assert world.active("ntspool-expire.timer") == "active"
    assert world.type("ls /var/backups/ntspool/*/registry/data.mdb")
    for name in ("ntspool", f"ntspool-check-{APEX}"):
        assert "\nntspool_" in (world.path / f"var/lib/prometheus/node-exporter/{name}.prom").read_text()


def test_contacts_get_mails_once_there_is_a_mailer(world):
    """The mailer may change its user, as Debian's do."""
    mails, sendmail = world.path / "var/spool/mails", world.path / "usr/sbin/sendmail"
    mails.mkdir()
    mails.chmod(0o777)
    world.type("ntspool member set alice --contact ops@example.net --leave 2d")
    world.type("systemctl start ntspool-notices")
    assert world.type("systemctl show -P ConditionResult ntspool-notices").strip() == "no"
    sendmail.write_text('#!/bin/sh\ncd /var/spool/mails; cat > mail; echo "$(id -un) $*" > who; grep NoNewPrivs /proc/self/status > flag\n')
    sendmail.chmod(0o755)
    world.type("systemctl start ntspool-notices")
    assert f"To: ops@example.net\nSubject: {APEX}: alice leaves the pool soon\n" in (mails / "mail").read_text()
    assert (mails / "who").read_text() == "ntspool -i -t\n" and (mails / "flag").read_text().split() == ["NoNewPrivs:", "0"]
    (mails / "mail").unlink()
    world.type("systemctl start ntspool-notices")
    assert not (mails / "mail").exists(), "no mail is sent twice"
    assert world.booted.do("systemctl", "is-enabled", "ntspool-notices.timer", check=False).strip() == "disabled"
    world.type("ntspool member set alice --no-leave --no-contact")


def test_the_website_is_there_after_a_minute_and_has_no_way_to_the_keys(world):
    web = world.path / "var/lib/ntspool-web"
    world.type("systemctl enable --now ntspool-report.timer")
    until(lambda: (web / "pool.json").exists(), 120, "the timer has written the site")
    made = json.loads((web / "pool.json").read_text())
    assert made["pool"] == APEX and made["eligible"] == len(world.json(LIST))
    pages = list(web.rglob("*.html"))
    assert {"index.html", "members.html", "alice.html"} <= {page.name for page in pages}
    for page in pages:
        assert page.read_text().endswith("</html>\n"), page
    assert world.type("systemctl show -P Result ntspool-report.service").strip() == "success"
    assert world.type("stat -c '%U %a' /var/lib/ntspool-web /var/lib/ntspool-web/index.html") == "ntspool 755\nntspool 644\n"
    assert "/var/lib/ntspool/keys" in world.type("systemctl show -P InaccessiblePaths ntspool-report.service")


def test_removed_and_added_again_it_is_the_same_pool(world):
    before = world.json("ntspool key list"), world.json("ntspool member list")
    world.type("apt-get -qy remove ntspool ntspool-server ntspool-probe")
    assert [world.active(unit) for unit in DAEMONS] == ["inactive", "inactive"]
    world.type("apt-get -qy install ./upgrade/*.deb")
    until(lambda: [world.active(unit) for unit in DAEMONS] == ["active", "active"], 30, "both run again")
    assert [row["tag"] for row in world.json("ntspool key list")] == [row["tag"] for row in before[0]]
    assert {row["name"] for row in world.json("ntspool member list")} == {row["name"] for row in before[1]}


def test_purging_leaves_the_state_alone(world):
    """The state has keys that nobody could make again. To remove it is the operator's decision."""
    before = {path for path in world.owners() if not path.endswith((".instance", ".lock"))}
    world.type("apt-get -qy purge ntspool ntspool-server ntspool-probe ntspool-report ntspool-doc")
    assert before <= set(world.owners())
    assert set(world.owners().values()) == {"ntspool", "ntspool-probe"}
    left = world.type("find / -xdev -name '*ntspool*' -not -path '/proc/*' -not -path '/root/*' -not -path '/var/log/*'").split()
    assert [path for path in left if not path.startswith((STATE, "/var/backups/ntspool"))] == []


def test_the_packages_own_test_passes(world):
    """What autopkgtest runs, in a system as it finds it."""
    world.type(f"rm -r {STATE}")
    world.type(f"apt-get -qy install ./upgrade/*.deb {' '.join(PEERS)}")
    shutil.copy(ROOT / "tools/debian/tests/pool", world.path / "root")
    assert "fully validated" in world.type("./pool")
