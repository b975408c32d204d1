"""Resolvers of three more makers validate what the server says: knot-resolver, pdns-recursor and BIND; dnsviz finds no fault.

They keep what they learn, also denials (RFC 8198): names that are missing are asked for first, so that an NSEC that says
too much would hide the names that are there.
"""

import json

import dns.rcode
import dns.rdatatype
import pytest

import validators
from machine import Machine, run
from pool import APEX, SRV, Pool
from test_dnssec import EXISTING, FORMS, NODATA, NXDOMAIN, STATIC, options_of
from validators import RESOLVERS


class Signed:
    def __init__(self, machine, form):
        self.machine = machine
        self.missing = dns.rcode.NXDOMAIN if FORMS[form][1] == "nsec" else dns.rcode.NOERROR  # RFC 9824 6
        self.pool = Pool(machine).init(*options_of(form))
        self.pool.add("alice", "127.0.1.1", "2001:db8::11")
        self.pool.add("bob", "127.0.1.2")
        self.pool.cli("member", "override", "--all", "eligible")
        self.pool.cli("record", "load", machine.write("static.zone", STATIC))
        self.pool.serve()
        self.ds = validators.ds_of(self.pool)
        validators.start(machine, self.ds)

    def ask(self, resolver, name, rdtype, timeout=8):
        return validators.ask(resolver, name, rdtype, timeout)

    def secure(self, resolver, name, rdtype):
        return validators.secure(resolver, name, rdtype, self.ask)


@pytest.fixture(scope="module", params=FORMS)
def signed(request, tmp_path_factory):
    machine = Machine(tmp_path_factory.mktemp(request.param))
    try:
        signed = Signed(machine, request.param)
        yield signed
        signed.pool.stop()
    except AssertionError:
        print(*(f"{name}:\n{text}" for name, text in machine.logs()), sep="\n")
        raise
    finally:
        machine.close()


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_nxdomain(signed, resolver):
    for name in NXDOMAIN:
        answer = signed.secure(resolver, name, "A")
        assert answer.rcode() == signed.missing and not answer.answer, name


# Asked for at all: knot-resolver answers no ANY, pdns-recursor no RRSIG, whatever the zone says.
ODD_TYPES = {"knot-resolver": ("NSEC",), "pdns-recursor": ("ANY", "NSEC"), "bind": ("ANY", "NSEC", "RRSIG")}


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_odd_types_of_names_without_records(signed, resolver):
    """With compact denial such a name has an NSEC: what its bitmap says agrees with the answers."""
    for name in (f"nothere.{APEX}", f"nothing.{APEX}"):
        for rdtype in ODD_TYPES[resolver]:
            signed.secure(resolver, name, rdtype)


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_nodata_and_empty_non_terminals(signed, resolver):
    for name, rdtype in NODATA:
        answer = signed.secure(resolver, name, rdtype)
        assert answer.rcode() == dns.rcode.NOERROR and not answer.answer, f"{name} {rdtype}: {answer}"


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_what_is(signed, resolver):
    for name, rdtype in EXISTING:
        answer = signed.secure(resolver, name, rdtype)
        assert [rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.from_text(rdtype)], f"{name}: {answer}"


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_nxdomain_from_memory(signed, resolver):
    """RFC 8198 4: what was denied stays denied, by the same or by other NSEC records."""
    for name in NXDOMAIN:
        assert signed.secure(resolver, name, "TXT").rcode() == signed.missing, name
    assert signed.secure(resolver, SRV, "SRV").answer


def _faults(value, path=""):
    """All errors and warnings in dnsviz's tree, each with where it stands."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key in ("errors", "warnings"):
                yield f"{path} {key}: {json.dumps(below)}"
            yield from _faults(below, f"{path}/{key}")
    elif isinstance(value, list):
        for below in value:
            yield from _faults(below, path)


def _statuses(value):
    if isinstance(value, dict):
        for key, below in value.items():
            if key == "status":
                yield below
            yield from _statuses(below)
    elif isinstance(value, list):
        for below in value:
            yield from _statuses(below)


def test_dnsviz_finds_no_fault(signed):
    """Apex, SRV, member, empty non-terminals, missing names; it asks in many ways: sizes, flags, cookies, TCP."""
    seen = signed.machine.directory / "dnsviz.json"
    names = [APEX, SRV, f"alice.{APEX}", f"www.{APEX}", f"_tcp.{APEX}", f"under.nothing.{APEX}", f"missing.{APEX}",
             f"x.alice.{APEX}", f"a.b.missing.{APEX}"]
    run("dnsviz", "probe", "-4", "-A", "-a", APEX, "-R", "SOA,NS,A,AAAA,SRV,CAA,TXT,DNSKEY,CDS,CDNSKEY", "-x",
        f"{APEX}+:ns1.{APEX}=127.0.0.1:53", "-o", seen, *names)
    tree = json.loads(run("dnsviz", "grok", "-P", "-r", seen).stdout)
    assert set(tree) >= {f"{name}." for name in names}
    assert list(_faults(tree)) == []
    found = list(_statuses(tree))
    assert found.count("VALID") > 100 and set(found) == {
        "VALID", "NOERROR", dns.rcode.to_text(signed.missing)}, set(found)
