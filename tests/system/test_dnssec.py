"""delv, drill, unbound and ldns-verify-zone validate the signed zone, with both algorithms and both forms of denial."""

import dns.rcode
import pytest

from machine import run
from pool import APEX
from resolver import Unbound
from signedpool import EXISTING, NODATA, NXDOMAIN, SignedPool


class Signed:
    def __init__(self, machine, form):
        self.machine = machine
        self.pool = SignedPool(machine, form)
        self.number, self.denial = self.pool.number, self.pool.denial
        keys = self.pool.cli("key", "ds", "--dnskey").stdout
        self.anchor = machine.write("anchor", keys)
        anchors = []
        for line in keys.splitlines():
            words = line.split()
            at = words.index("DNSKEY")
            anchors.append(f'"{APEX}." static-key {" ".join(words[at + 1:at + 4])} "{"".join(words[at + 4:])}";')
        self.delv_anchor = machine.write("anchor.delv", "trust-anchors { " + "\n".join(anchors) + " };\n")
        self.resolver = Unbound(machine, APEX, self.anchor)


@pytest.fixture(scope="module")
def signed(form, form_machine):
    signed = Signed(form_machine, form)
    yield signed
    signed.pool.stop()


def test_algorithm(signed):
    assert all(f" {signed.number} " in line for line in signed.anchor.read_text().splitlines())


@pytest.mark.parametrize("name, rdtype", EXISTING)
def test_unbound_validates_what_is(signed, name, rdtype):
    assert signed.resolver.secure(name, rdtype)


@pytest.mark.parametrize("name, rdtype", NODATA)
def test_unbound_validates_nodata(signed, name, rdtype):
    assert signed.resolver.secure(name, rdtype) == []
    assert not signed.resolver.missing(name)


@pytest.mark.parametrize("name", NXDOMAIN)
def test_unbound_validates_nxdomain(signed, name):
    if signed.denial == "compact":  # RFC 9824 6: a resolver without support for compact denial never sees NXDOMAIN
        assert signed.resolver.secure(name, "A") == []
        assert signed.resolver.ask(name, "A").rcode() == dns.rcode.NOERROR
    else:
        assert signed.resolver.missing(name)


def delv(signed, name, rdtype):
    done = run("delv", "@127.0.0.1", "-p", "53", "-a", signed.delv_anchor, f"+root={APEX}", name, rdtype)
    return done.stdout + done.stderr


@pytest.mark.parametrize("name, rdtype", EXISTING)
def test_delv_validates_what_is(signed, name, rdtype):
    said = delv(signed, name, rdtype)
    assert "; fully validated" in said, said


@pytest.mark.parametrize("name, rdtype", [*NODATA, *((name, "A") for name in NXDOMAIN)])
def test_delv_validates_what_is_not(signed, name, rdtype):
    said = delv(signed, name, rdtype)
    assert "; negative response, fully validated" in said, said


@pytest.mark.parametrize("name, rdtype", EXISTING)
def test_drill_chases_signatures(signed, name, rdtype):
    done = run("drill", "-S", "-k", signed.anchor, "@127.0.0.1", name, rdtype, check=False)
    assert done.returncode == 0 and "successful" in done.stdout, done.stdout + done.stderr


def test_ldns_verifies_the_exported_zone(signed):
    path = signed.machine.directory / "signed.zone"
    signed.pool.cli("zone", "export", path, "--signed")
    done = run("ldns-verify-zone", "-k", signed.anchor, path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verified and complete" in done.stdout + done.stderr
