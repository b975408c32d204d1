"""How the probe and real clients judge each kind of certificate. If a current client refuses a certificate, the probe fails it or warns
about it."""

import json
import re
import sys
from pathlib import Path

import pytest

import certificates
from machine import part, run, until
from network import Network
from pool import BIN, environment, no_report
from timeserver import newer

CHRONYD, NTPD, NTPD_RS = "usr/sbin/chronyd", "usr/sbin/ntpd", "usr/bin/ntp-daemon"
C, R, S = "chronyd", "ntpd-rs", "ntpsec"
EVERY = {C, R, S}
OURS = "44.9.255.1"  # no server has it

# Kinds with a problem: the probe's failure class ("": none) and the clients that refuse the kind. If the probe accepts a certificate that a
# client refuses, it warns.
TABLE = {
    "chain-7": ("", {R}), "chain-8": ("", {R}), "chain-9": ("cert-chain", {R}),
    "ca-missing": ("cert-chain", EVERY), "ca-missing-amid": ("cert-chain", EVERY), "strangers-40": ("", {C}),
    "ca-expired": ("cert-chain", EVERY), "ca-not-yet": ("cert-chain", EVERY),
    "twin-expired-first": ("", {C}), "twin-not-yet-first": ("", {C}), "twin-expired-amid": ("", {C}),
    "wildcard-partial": ("cert-name", EVERY), "wildcard-too-wide": ("cert-name", EVERY),
    "common-name-only": ("cert-name", {R}), "address-only": ("cert-name", {C, R}), "wrong-name": ("cert-name", EVERY),
    "wrong-names-right-common-name": ("cert-name", EVERY),
    "expired": ("cert-expired", EVERY), "not-yet": ("cert-not-yet", EVERY),
    "self-signed": ("cert-chain", EVERY), "unknown-ca": ("cert-chain", EVERY),
    "leaf-is-ca": ("", {R}), "version-1": ("cert-name", {R}), "ca-is-none": ("cert-chain", EVERY),
    "ca-may-not-sign": ("cert-chain", {C, S}), "path-too-long": ("cert-chain", EVERY),
    "name-constraint-violated": ("cert-chain", EVERY), "name-constraint-excluded": ("cert-chain", EVERY),
    "policy-constraint": ("cert-chain", {C, R}), "policy-critical": ("", {R}), "inhibit-any-policy": ("", {R}),
    "unknown-critical": ("cert-chain", EVERY), "ca-unknown-critical": ("cert-chain", EVERY),
    "usage-agreement": ("cert-usage", {C}), "usage-cert-sign": ("cert-chain", {C, S}), "usage-encipherment": ("cert-usage", {C}),
    "purpose-client": ("cert-chain", {R, S}), "purpose-any": ("cert-chain", {R, S}), "purpose-code": ("cert-chain", {R, S}),
    "ca-purpose-client": ("cert-chain", {R, S}),
    "key-p521": ("", {R}), "key-k256": ("tls-version", EVERY), "key-brainpool": ("tls-version", EVERY), "key-ed448": ("", {R}),
    "key-rsa1024": ("cert-chain", {R, S}), "key-rsa10240": ("", {R}),
    "signed-p256-sha1": ("cert-chain", EVERY), "signed-p256-sha224": ("", {R}), "signed-p256-sha512": ("", {R}),
    "signed-p384-sha512": ("", {R}), "signed-p521-sha512": ("", {R}), "signed-ed448-own": ("", {R}),
    "signed-rsa1024-sha256": ("cert-chain", {R, S}), "signed-rsa2048-md5": ("cert-chain", EVERY),
    "signed-rsa2048-sha1": ("cert-chain", EVERY), "signed-rsa2048-sha224": ("", {R}),
    "ca-signed-sha1": ("cert-chain", EVERY), "ca-signed-sha512": ("", {R}), "ca-p521": ("", {R}), "ca-rsa1024": ("cert-chain", {R, S}),
    "key-rsapss": ("", {R}), "ca-rsapss": ("", {R}), "signed-rsapss-salt-20": ("cert-chain", {C, R}),
    "signed-rsapss-salt-64": ("cert-chain", {C, R}), "key-p224": ("tls-version", EVERY),
    "must-staple": ("cert-staple", {C}), "ca-must-staple": ("", {C}),
}
KINDS = certificates.make()


class Servers:
    """One server per kind, each at its own address. /etc/hosts has their names."""

    def __init__(self, machine):
        self.machine = machine
        directory = machine.directory / "certificates"
        directory.mkdir()
        self.trust = KINDS.write(directory)
        self.addresses = {kind: f"44.9.{number // 200}.{1 + number % 200}" for number, kind in enumerate(KINDS.chains)}
        run("ip", "route", "replace", "local", "44.9.0.0/16", "dev", "lo")
        run("ip", "address", "add", f"{OURS}/32", "dev", "lo")
        hosts = machine.write("hosts", "127.0.0.1 localhost\n" + "".join(
            f"{address} {certificates.name_of(kind)}\n" for kind, address in self.addresses.items()))
        run("mount", "--bind", hosts, "/etc/hosts")
        self.process = machine.start("certserver", [sys.executable, "-B", Path(__file__).parent / "certserver.py", directory, *(
            f"{kind}={address}" for kind, address in self.addresses.items())])
        self.process.said("ready", 60)

    def names(self):
        return [certificates.name_of(kind) for kind in self.addresses]

    def taken_by(self, name, argv):
        """The kinds that a client accepts, after it has contacted all servers."""
        before = len(self.process.output())
        client = self.machine.start(name, argv)

        def met(what):
            return set(re.findall(rf"^(\S+) {what}$", self.process.output()[before:], re.MULTILINE))

        until(lambda: met("taken") | met("refused") >= set(self.addresses), 240, "each is taken or refused", pause=0.5)
        client.kill()
        assert not met("taken") & met("refused")
        return met("taken")


@pytest.fixture(scope="module")
def servers(shared_machine):
    servers = Servers(shared_machine)
    yield servers
    run("umount", "/etc/hosts")


def test_the_table_has_kinds_enough():
    assert len(KINDS.chains) >= 100 and set(TABLE) <= set(KINDS.chains)


@pytest.mark.parametrize("kind", list(KINDS.chains))
def test_what_the_probe_says(servers, kind):
    failure, clients = TABLE.get(kind, ("", set()))
    done = run(BIN / "ntspool", "probe", certificates.name_of(kind), "--trust", servers.trust, "--allow-private", "--json",
               check=False, env=environment())
    no_report(kind, done.stderr)
    (found,) = json.loads(done.stdout)["addresses"]
    assert found["failure"] == (failure or "ok"), found
    refusing = {warning for warning in found["warnings"] if warning.startswith("refused-by-")}
    assert refusing == ({f"refused-by-{client}" for client in clients} if not failure else set()), found
    if not failure:
        (why,) = [step["text"] for step in found["steps"] if "refuses it" in step["text"]] or [""]
        assert {client for client in EVERY if f"{client} refuses it: " in why} == clients, found["steps"]


def refused_by(client):
    return {kind for kind, (_, clients) in TABLE.items() if client in clients}


@pytest.mark.parametrize("program", [[part(CHRONYD)], newer(CHRONYD)], ids=["here", "newer"])
def test_what_chronyd_takes(servers, program):
    if not program:
        pytest.skip("tests/run unpacks it with NTSPOOL_NEWER")
    own = servers.machine.directory / f"client-{len(servers.machine.processes)}"
    own.mkdir()
    conf = servers.machine.write(f"{own.name}.conf", "\n".join([
        *(f"server {name} nts iburst maxsamples 4" for name in servers.names()), f"ntstrustedcerts {servers.trust}", "nosystemcert",
        "cmdport 0", "bindcmdaddress /", f"bindaddress {OURS}", f"pidfile {own}/pid"]) + "\n")
    taken = servers.taken_by(own.name, [*program, "-d", "-x", "-U", "-u", "root", "-f", conf])
    assert set(KINDS.chains) - taken == refused_by(C)


def test_what_ntpd_rs_takes(servers):
    program = newer(NTPD_RS)
    if not program:
        pytest.skip("tests/run unpacks it with NTSPOOL_NEWER")
    still = servers.machine.directory / "still_clock.so"
    run("cc", "-shared", "-fPIC", "-o", still, Path(__file__).parent / "still_clock.c")
    conf = servers.machine.write("ntpd-rs.toml", "\n".join([
        *(f'[[source]]\nmode = "nts"\naddress = "{name}"\ncertificate-authority = "{servers.trust}"' for name in servers.names()),
        "[synchronization]\nminimum-agreeing-sources = 3"]) + "\n")
    taken = servers.taken_by("ntpd-rs", [program[0], "--preload", still, *program[1:], "-c", conf])
    assert set(KINDS.chains) - taken == refused_by(R)


@pytest.mark.parametrize("program", [[part(NTPD)], newer(NTPD)], ids=["here", "newer"])
def test_what_ntpsec_takes(servers, program):
    """ntpd binds port 123 on all addresses, so it runs in a network of its own."""
    if not program:
        pytest.skip("tests/run unpacks it with NTSPOOL_NEWER")
    number = len(servers.machine.processes)
    network = Network(servers.machine, f"client{number}", 40 + number)
    network.run("ip", "route", "add", "default", "via", network.ours)
    conf = servers.machine.write(f"ntpsec-{number}.conf", "\n".join([
        "disable ntp", "restrict default", *(f"server {name} nts ca {servers.trust} iburst" for name in servers.names())]) + "\n")
    taken = servers.taken_by(f"ntpsec-{number}", network.wrap(*program, "-n", "-N", "-g", "-c", conf))
    assert set(KINDS.chains) - taken == refused_by(S)
