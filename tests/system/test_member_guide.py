"""What ntspool-member(7) tells the operator of a server works as it stands, from the first command to the last. Only directories, users,
the service manager, addresses and the CA's address are replaced. The tests are one story and run in order."""

import json
import re

import pytest

from machine import ROOT, run, until
from pool import APEX, BIN, environment
from test_welcome import ALICE, World
from timeserver import Chronyd

ALICE6 = "2001:db8::11"
PAGE = ROOT / "tools/man/ntspool-member.7"


def commands(page):
    """The commands of the page, in order: (who, text)."""
    found = []
    for block in re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", page, re.M | re.S):
        found += re.findall(r"^(server|pool)# (.*?)(?=^(?:server|pool)# |\Z)", block.replace("\\e", "\\"), re.M | re.S)
    return found


class Guide:
    def __init__(self, world):
        self.world = world
        self.root = world.machine.directory / "server"
        for directory in ("chrony/conf.d", "lego"):
            (self.root / "etc" / directory).mkdir(parents=True)
        world._program("ntspool", f"""case "$1 $2" in
"member apply"|"member admit"|"probe "*) set -- "$@" --allow-private --trust {world.pebble.root} ;;
"member set") case "$*" in *--address*) set -- "$@" --allow-private ;; esac ;;
esac
case "$*" in *--target*) set -- "$@" --no-probe ;; esac
exec {BIN}/ntspool -s {world.pool.state} "$@"
""")
        self.left = commands(PAGE.read_text())
        self.server = None

    def here(self, text):
        """The text with the paths, addresses and names of this pool."""
        for said, meant in (("pool.example", APEX), ("203.0.113.10", ALICE), ("203.0.113.11", "127.0.1.2"), ("2001:db8:a::10", ALICE6),
                            ("chown _chrony", "chown root"), ("-o _chrony", "-o root"),
                            ("lego --path", f"lego --server {self.world.pebble.directory()} --path")):
            text = text.replace(said, meant)
        return re.sub(r"(?<![\w.])/etc/", f"{self.root}/etc/", text)

    def does(self, who, begin):
        """Runs the next command of the page, which `who` gives and which begins so."""
        actor, command = self.left.pop(0)
        assert actor == who and command.startswith(begin), command
        options = dict(self.world.pebble.environment(), **{name: text for name, text in environment().items() if "SAN" in name})
        options["PATH"] = f"{self.world.bin}:{options['PATH']}"
        return run("sh", "-e", "-c", self.here(command), env=options, cwd=self.root)

    def restarts(self):
        """What `systemctl restart chrony` does elsewhere."""
        if self.server is None:
            lines = (self.root / "etc/chrony/conf.d/nts.conf").read_text().splitlines()
            addresses = [f"bindaddress {address}" for address in (ALICE, ALICE6)]
            self.server = Chronyd(self.world.machine, "server-chronyd", [], None, None, nts=[*lines, *addresses])
        else:
            self.server.kill()
            self.server.start()


@pytest.fixture(scope="module")
def guide(shared_machine):
    shared_machine.add_address(ALICE6)
    world = World(shared_machine)
    world.pool.probe(world.pebble.root)
    yield Guide(world)
    world.pool.stop()


def test_a_server_with_a_certificate_of_its_own_can_apply(guide):
    guide.does("server", "openssl req")
    guide.does("server", "chown")
    guide.does("server", "cat >/etc/chrony/conf.d/nts.conf")
    guide.does("server", "systemctl restart chrony")
    assert guide.world.restarted() == ["restart chrony"]
    guide.restarts()
    until(lambda: run("ss", "-Hltn", "sport = 4460").stdout, 20, "chronyd listens")
    said = guide.does("server", "ntspool member apply alice.pool.example").stderr
    assert said.count(": cert-chain (") == 2 and {ALICE, ALICE6} == set(re.findall(r"^probed (\S+): ", said, re.M))


def test_the_pool_admits_it_and_writes_a_welcome(guide):
    guide.does("pool", "ntspool member admit alice.txt")
    welcome = guide.does("pool", "ntspool member welcome alice").stdout
    assert "--email ops@example.net" in welcome
    until(lambda: guide.world.resolver.secure(f"alice.{APEX}", "A") == [ALICE], 20, "its name is there")


def test_it_gets_its_certificate_and_is_good(guide):
    guide.does("server", "cat >/etc/nts-deploy")
    guide.does("server", "lego")
    assert guide.world.restarted() == ["restart chrony"] * 2
    guide.restarts()
    pool = guide.world.pool
    until(lambda: pool.member("alice")["state"] == "eligible", 90, "it is handed out")
    assert "  good\n" in guide.does("server", "ntspool probe alice.pool.example").stdout


def test_the_pool_changes_what_its_operator_asks_for(guide):
    pool = guide.world.pool
    guide.does("pool", "ntspool member set alice --address")
    guide.does("pool", "ntspool member set alice --capacity")
    guide.does("pool", "ntspool member set alice --contact")
    shown = pool.member("alice")
    assert ({row["address"] for row in shown["addresses"]}, shown["capacity_mbit"], shown["contact"]) == (
        {"127.0.1.2", ALICE6}, 500, "noc@example.net")
    guide.does("pool", "ntspool member suspend alice")
    assert pool.member("alice")["suspended"]
    guide.does("pool", "ntspool member resume alice")
    guide.does("pool", "ntspool member set alice --leave 90d")
    assert pool.member("alice")["leave_at"] and not pool.member("alice")["suspended"]


def test_a_server_with_its_own_name_applies_by_that(guide):
    said = guide.does("server", "ntspool member apply bob.pool.example").stderr
    record = re.search(r"^\.Dl (_ntspool.*)$", PAGE.read_text(), re.M)[1].replace("\\(dq", '"')
    assert guide.here(record) in said
    guide.world.pool.cli("member", "admit", guide.root / "bob.txt", "--no-probe")
    assert json.loads(guide.world.pool.cli("member", "show", "bob", "--json").stdout)["target"] == "time.example.net."
    assert guide.left == []
