"""What `member welcome` tells a new member's operator works as it stands: its commands get the certificate, and with its lines chronyd,
ntpsec and ntpd-rs are good members. Only directories, users, the service manager and the CA's address are replaced."""

import json
import os
import re
import shlex

import pytest

from acme import Pebble
from authority import Authority
from machine import PARTS, part, run, until
from network import Network
from pool import APEX, Pool
from resolver import Unbound
from timeserver import Chronyd, Ntpsec, NtpdRs, newer

CA = "pebble.example"
ALICE = "127.0.1.1"


def block(text, head):
    """The indented lines below the first line that begins with `head`, as one text without the indentation."""
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(head))
    while not lines[at].startswith("    "):
        at += 1
    end = next((number for number in range(at, len(lines)) if lines[number] and not lines[number].startswith("    ")), len(lines))
    return "\n".join(line.removeprefix("    ") for line in lines[at:end]).strip() + "\n"


class World:
    def __init__(self, machine):
        self.machine = machine
        self.networks = [Network(machine, f"member{number}", number) for number in (1, 2)]
        self.pool = Pool(machine).init()
        self.pool.cli("zone", "set", "ca", CA)
        anchor = machine.write("anchor", self.pool.cli("key", "ds", "--dnskey").stdout)
        self.pool.serve("--workers", "1")
        self.resolver = Unbound(machine, APEX, anchor)
        self.pebble = Pebble(machine, Authority(machine.directory, "web-ca"), ["127.0.0.1", *(each.ours for each in self.networks)])
        self.bin = machine.directory / "bin"
        self.bin.mkdir()
        self._program("systemctl", f'echo "$@" >>{machine.directory}/systemctl')
        self.machine.write("systemctl", "")
        python = f"PYTHONPATH={PARTS}/usr/lib/python3/dist-packages exec /usr/bin/python3"
        self._program("certbot", f'{python} {part("usr/bin/certbot")} "$@"')
        self._program("lego", f'exec {part("usr/bin/lego")} "$@"')
        # A member's network has no resolver here, so acme-tiny can't look at its own challenge first.
        self._program("acme-tiny", f'{python} -m acme_tiny "$@" --disable-check')

    def _program(self, name, line):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def join(self, name, *addresses, options=(), network=None):
        self.pool.add(name, *addresses, options=options)
        until(lambda: self.resolver.secure(f"{name}.{APEX}", "A"), 20, f"{name} has its address")
        return Member(self, name, network)

    def restarted(self):
        return (self.machine.directory / "systemctl").read_text().splitlines()


class Member:
    """The host of a member: its directories are below `root`."""

    def __init__(self, world, name, network):
        self.world, self.name, self.network = world, name, network
        self.fqdn = f"{name}.{APEX}"
        self.root = world.machine.directory / name
        server = world.pebble.directory(network.ours if network else "127.0.0.1")
        self.text = self.here(world.pool.cli("member", "welcome", name).stdout.replace("DIRECTORY is", "").replace("DIRECTORY", server))
        for directory in re.findall(rf"{self.root}/(?:etc|var/lib)/[a-z-]+", self.text):
            if not directory.endswith("nts-deploy"):
                os.makedirs(directory, exist_ok=True)

    def here(self, text):
        """The text with the paths and the user of this host."""
        return re.sub(r"install (.*)-o \S+", r"install \1-o root", re.sub(r"(?<![\w.])/(etc|var)/", rf"{self.root}/\1/", text))

    def lines(self, head):
        return block(self.text, head).splitlines()

    def deploys_to(self, server):
        (self.root / "etc" / "nts-deploy").write_text(block(self.text, f"{server}, {self.root}/etc/nts-deploy"))

    def runs(self, command, **options):
        argv = ["sh", "-e", "-c", command]
        environment = dict(self.world.pebble.environment(), PATH=f"{self.world.bin}:{os.environ['PATH']}",
                           REQUESTS_CA_BUNDLE=str(self.world.pebble.web_root))
        return run(*(self.network.wrap(*argv) if self.network else argv), env=environment, **options)

    def is_good(self):
        """The two commands for a try, as a host that trusts the CA."""
        chronyd, probe = self.lines("5. Try it")
        root = self.world.pebble.root
        chronyd = [*shlex.split(chronyd)[1:], f"ntstrustedcerts {root}", "nosystemcert", "cmdport 0", "bindcmdaddress /",
                   f"pidfile {self.root}/client.pid"]
        done = self.world.pool.cli(*shlex.split(probe)[1:], "--trust", root, "--allow-private", "--json", check=False)
        found = json.loads(done.stdout)
        assert done.returncode == 0 and found["good"], found
        assert found["addresses"][0]["certificate_for"] == self.fqdn
        return run(part("usr/sbin/chronyd"), "-U", "-u", "root", *chronyd, check=False).returncode == 0


@pytest.fixture(scope="module")
def world(shared_machine):
    world = World(shared_machine)
    yield world
    world.pool.stop()


def test_chronyd_with_a_certificate_by_lego(world):
    alice = world.join("alice", ALICE, options=("--port", "4461"))
    alice.deploys_to("chrony")
    first, renewal = alice.lines("lego")[0], alice.lines("and each day")[0]
    assert "--tls" in first and "--tls" in renewal
    alice.runs(first)
    assert world.restarted() == ["restart chrony"]
    certificate = alice.root / "etc" / "chrony" / "nts.crt"
    assert (certificate.with_suffix(".key").stat().st_mode & 0o777, certificate.stat().st_mode & 0o777) == (0o400, 0o644)
    Chronyd(world.machine, "alice-chronyd", [], None, None, nts=[*alice.lines("chrony,"), f"bindaddress {ALICE}"])
    until(alice.is_good, 60, "alice gives time")
    alice.runs(renewal.replace(" renew ", " renew --days 90 --no-random-sleep "))
    assert world.restarted() == ["restart chrony"] * 2
    assert "ntpsec can't be used" in alice.text


def test_ntpsec_with_a_certificate_by_acme_tiny(world):
    network = world.networks[0]
    bob = world.join("bob", network.address, network.address6, network=network)
    bob.deploys_to("ntpsec")
    bob.runs("\n".join(bob.lines("as http://")))
    web = bob.root / "web"
    (web / ".well-known").mkdir(parents=True)
    (web / ".well-known" / "acme-challenge").symlink_to(bob.root / "var" / "www" / "acme")
    server = world.machine.start("web", network.wrap("/usr/bin/python3", "-m", "http.server", "--bind", "::", "--directory", web, "80"))
    until(lambda: network.run("ss", "-Hltn", "sport = 80").stdout, 20, "the web server listens")
    bob.runs("\n".join(bob.lines("and now and each month")))
    server.kill()
    Ntpsec(world.machine, "bob-ntpsec", network, None, None, nts=bob.lines("ntpsec,"))
    until(bob.is_good, 60, "bob gives time")


def test_ntpd_rs_with_a_certificate_by_lego_and_http(world):
    program = newer("usr/bin/ntp-daemon")
    if not program:
        pytest.skip("tests/run unpacks it with NTSPOOL_NEWER")
    network = world.networks[1]
    carol = world.join("carol", network.address, network.address6, network=network)
    carol.deploys_to("ntpd-rs")
    carol.runs(carol.lines("lego")[0].replace("--tls", "--http"))
    source = Authority(world.machine.directory, "source-ca").issue("source", ["source"])
    Chronyd(world.machine, "source", [network.ours], *source)
    NtpdRs(world.machine, "carol-ntpd-rs", [], None, None, program=program, network=network, source=network.ours,
           nts=carol.lines("ntpd-rs,"))
    until(carol.is_good, 60, "carol gives time")


def test_certbot_gets_the_certificate(world):
    dave = world.join("dave", "127.0.1.4")
    dave.deploys_to("chrony")
    own = f"--config-dir {dave.root}/etc/letsencrypt --work-dir {dave.root}/work --logs-dir {dave.root}/log"
    before = len(world.restarted())
    dave.runs(f"{dave.lines('certbot')[0]} {own}")
    assert len(world.restarted()) == before + 1
    names = run("openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", dave.root / "etc" / "chrony" / "nts.crt").stdout
    assert f"DNS:{dave.fqdn}" in names


def test_the_servers_may_read_the_files_by_their_apparmor_profiles(world):
    world.pool.add("frank", "127.0.1.6")
    text = world.pool.cli("member", "welcome", "frank").stdout
    for server, profile in (("chrony", "usr.sbin.chronyd"), ("ntpsec", "usr.sbin.ntpd")):
        files = re.findall(r"/\S+", block(text, f"{server}, "))
        allowed = re.findall(r"^ *(/\S+) rw?,", part(f"etc/apparmor.d/{profile}").read_text(), re.M)
        assert len(files) >= 2
        assert all(path in allowed or f"{os.path.dirname(path)}/{{,**}}" in allowed for path in files), (files, allowed)


def test_the_caa_records_decide_what_is_told(world):
    world.pool.add("erin", "127.0.1.5", options=("--accounturi", "https://acme.example/acct/7"))
    shown = world.pool.json("member", "welcome", "erin")
    issue = [text for text in world.resolver.secure(f"erin.{APEX}", "CAA") if " issue " in text]
    assert (shown["ca"], shown["validation_methods"]) == ([CA], ["http-01", "tls-alpn-01"])
    assert issue == [f'0 issue "{CA}; validationmethods=http-01,tls-alpn-01; accounturi=https://acme.example/acct/7"']
    assert "ACME account   https://acme.example/acct/7\n" in shown["text"]
    world.pool.cli("zone", "set", "ca", "letsencrypt.org")
    assert "DIRECTORY" not in world.pool.cli("member", "welcome", "erin").stdout
    world.pool.cli("zone", "set", "ca", "none")
    assert "no CA may issue" in world.pool.refused("member", "welcome", "erin")
    world.pool.cli("member", "add", "own", "--target", "time.example.net")
    assert world.pool.json("member", "welcome", "own")["ca"] is None
