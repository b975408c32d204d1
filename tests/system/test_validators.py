"""Three more resolvers validate the server's answers: knot-resolver, pdns-recursor and BIND. dnsviz finds no fault.

The resolvers cache denials and use them for other names (RFC 8198). The tests ask for missing names first, so an NSEC that covers too
much would hide existing names.
"""

import json

import dns.rcode
import dns.rdatatype
import pytest

from machine import run
from pool import APEX, SRV
from signedpool import EXISTING, NODATA, NXDOMAIN
from validators import RESOLVERS, Validated


@pytest.fixture(scope="module")
def signed(form, form_machine):
    signed = Validated(form_machine, form)
    yield signed
    signed.pool.stop()


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_nxdomain(signed, resolver):
    for name in NXDOMAIN:
        answer = signed.secure(resolver, name, "A")
        assert answer.rcode() == signed.missing and not answer.answer, name


# Types that each resolver handles at all: knot-resolver answers no ANY and pdns-recursor no RRSIG, whatever the zone has.
ODD_TYPES = {"knot-resolver": ("NSEC",), "pdns-recursor": ("ANY", "NSEC"), "bind": ("ANY", "NSEC", "RRSIG")}


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_odd_types_of_names_without_records(signed, resolver):
    """With compact denial such a name has an NSEC record, and its bitmap agrees with the answers."""
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
    """RFC 8198 4: a denied name stays denied, by the same or by other NSEC records."""
    for name in NXDOMAIN:
        assert signed.secure(resolver, name, "TXT").rcode() == signed.missing, name
    assert signed.secure(resolver, SRV, "SRV").answer


def _faults(value, path=""):
    """All errors and warnings in dnsviz's tree, each with its path."""
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
    """dnsviz asks for the apex, SRV, a member, empty non-terminals and missing names. It varies sizes, flags, cookies and TCP."""
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
