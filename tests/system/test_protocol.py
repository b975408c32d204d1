"""RFC requirements for every answer, one row per case. The tests validate all signatures, and each denial must be a proof.

A row gives the RCODE, `tc` for a truncated reply, the types in the answer section, `/`, and the types in the authority section. The types
are those for a client that asks for DNSSEC; RRSIGs are implied. `judge` checks the rules for all replies.
"""

import random
import struct
import threading

import dns.message
import dns.name
import dns.rdatatype
import pytest

from judge import APEX_NAME, exchange, judge, judge_denial, judge_signatures, question_end, serve_zone
from pool import APEX, SRV
from question import DO, long_name, make_opt, make_query, mixed_case

L63 = "l" * 63


@pytest.fixture(scope="module")
def zone(shared_machine):
    pool = serve_zone(shared_machine)
    yield pool
    pool.stop()


# Names and types: each row is tested with and without DNSSEC

MISSING = "NXDOMAIN / SOA NSEC NSEC"
MISSING1 = "NXDOMAIN / SOA NSEC"  # one NSEC denies both the name and the wildcard
NODATA = "NOERROR / SOA NSEC"

NAMES = [
    # existing names and types
    ("RFC 1034 4.3.2 3a", APEX, "SOA", "NOERROR SOA"),
    ("RFC 1034 4.3.2 3a", APEX, "NS", "NOERROR NS"),
    ("RFC 1034 4.3.2 3a", APEX, "MX", "NOERROR MX"),
    ("RFC 8659 3", APEX, "CAA", "NOERROR CAA"),
    ("RFC 4035 2.1", APEX, "DNSKEY", "NOERROR DNSKEY"),
    ("RFC 7344 4.1", APEX, "CDS", "NOERROR CDS"),
    ("RFC 7344 4.1", APEX, "CDNSKEY", "NOERROR CDNSKEY"),
    ("RFC 2782", SRV, "SRV", "NOERROR SRV"),
    ("RFC 1034 4.3.2 3a", f"alice.{APEX}", "A", "NOERROR A"),
    ("RFC 3596 2.1", f"alice.{APEX}", "AAAA", "NOERROR AAAA"),
    ("RFC 3596 2.1", f"carol.{APEX}", "AAAA", "NOERROR AAAA"),
    ("RFC 6698 2", f"_25._tcp.mail.{APEX}", "TLSA", "NOERROR TLSA"),
    ("RFC 1035 2.3.4", f"{L63}.{APEX}", "TXT", "NOERROR TXT"),
    # the name that answers each client differently
    ("RFC 1034 4.3.2 3a", f"_whoami.{APEX}", "TXT", "NOERROR TXT"),
    ("RFC 4343 3", f"_WHOAMI.{APEX}", "TXT", "NOERROR TXT"),
    ("RFC 8482 4.1", f"_whoami.{APEX}", "ANY", "NOERROR TXT"),
    ("RFC 4035 3.1", f"_whoami.{APEX}", "RRSIG", "NOERROR RRSIG"),
    ("RFC 1034 3.6.2", f"who.{APEX}", "TXT", "NOERROR CNAME TXT"),
    ("RFC 4035 3.1.3.1", f"_whoami.{APEX}", "A", NODATA),
    ("RFC 4035 3.1.3.1", f"who.{APEX}", "A", "NOERROR CNAME / SOA NSEC"),
    ("RFC 4035 3.1.3.2", f"x._whoami.{APEX}", "TXT", MISSING1),
    # letter case
    ("RFC 4343 3", "pOoL.tEsT", "SOA", "NOERROR SOA"),
    ("RFC 4343 3", f"ALICE.{APEX}", "A", "NOERROR A"),
    ("RFC 4343 3", mixed_case(dns.name.from_text(SRV)), "SRV", "NOERROR SRV"),
    ("RFC 4343 3", mixed_case(dns.name.from_text(f"web2.{APEX}")), "A", "NOERROR CNAME CNAME A"),
    ("RFC 4343 3", mixed_case(dns.name.from_text(f"under.nothing.{APEX}")), "A", NODATA),
    ("RFC 4343 3", f"MISSING.{APEX}", "A", MISSING),
    ("RFC 4343 2.1", f"\\097lice.{APEX}", "A", "NOERROR A"),
    # aliases
    ("RFC 1034 3.6.2", f"web.{APEX}", "A", "NOERROR CNAME A"),
    ("RFC 1034 3.6.2", f"web.{APEX}", "AAAA", "NOERROR CNAME AAAA"),
    ("RFC 1034 3.6.2", f"web.{APEX}", "CNAME", "NOERROR CNAME"),
    ("RFC 1034 3.6.2", f"web2.{APEX}", "A", "NOERROR CNAME CNAME A"),
    ("RFC 2308 2.2", f"web.{APEX}", "MX", "NOERROR CNAME / SOA NSEC"),
    ("RFC 2308 2.2", f"web2.{APEX}", "MX", "NOERROR CNAME CNAME / SOA NSEC"),
    ("RFC 2308 2.1", f"nowhere.{APEX}", "A", "NXDOMAIN CNAME / SOA NSEC NSEC"),
    ("RFC 2308 2.2", f"half.{APEX}", "A", "NOERROR CNAME / SOA NSEC"),
    ("RFC 1034 3.6.2", f"away.{APEX}", "A", "NOERROR CNAME"),
    ("RFC 1034 3.6.2", f"away.{APEX}", "CNAME", "NOERROR CNAME"),
    ("RFC 2181 5", f"round.{APEX}", "A", "NOERROR CNAME CNAME"),  # a loop: each record once
    ("RFC 2181 5", f"about.{APEX}", "MX", "NOERROR CNAME CNAME"),
    ("RFC 2181 5", f"self.{APEX}", "A", "NOERROR CNAME"),
    ("RFC 2181 5", f"SELF.{APEX}", "A", "NOERROR CNAME"),
    ("RFC 4035 2.5", f"web.{APEX}", "NSEC", "NOERROR NSEC"),
    # missing types
    ("RFC 4035 3.1.4.1", APEX, "DS", NODATA),
    ("RFC 4035 3.1.4.1", f"alice.{APEX}", "DS", NODATA),
    ("RFC 4035 3.1.4.1", SRV, "DS", NODATA),
    ("RFC 4035 3.1.3.1", APEX, "A", NODATA),
    ("RFC 4035 3.1.3.1", APEX, "SRV", NODATA),
    ("RFC 4035 3.1.3.1", APEX, "CNAME", NODATA),
    ("RFC 4035 3.1.3.1", SRV, "A", NODATA),
    ("RFC 4035 3.1.3.1", SRV, "TXT", NODATA),
    ("RFC 4035 3.1.3.1", SRV, "CNAME", NODATA),
    ("RFC 4035 3.1.3.1", f"alice.{APEX}", "SOA", NODATA),
    ("RFC 4035 3.1.3.1", f"alice.{APEX}", "NS", NODATA),
    ("RFC 4035 3.1.3.1", f"alice.{APEX}", "SRV", NODATA),
    ("RFC 4035 3.1.3.1", f"bob.{APEX}", "AAAA", NODATA),
    ("RFC 4035 3.1.3.1", f"carol.{APEX}", "A", NODATA),
    ("RFC 4035 3.1.3.1", f"ns1.{APEX}", "AAAA", NODATA),
    ("RFC 4035 3.1.3.1", f"{L63}.{APEX}", "A", NODATA),
    ("RFC 5155 3.2", APEX, "NSEC3", NODATA),
    ("RFC 5155 4", APEX, "NSEC3PARAM", NODATA),
    ("RFC 9460 2.1", f"alice.{APEX}", "HTTPS", NODATA),
    ("RFC 9460 2.1", SRV, "SVCB", NODATA),
    ("RFC 3597 3", f"alice.{APEX}", 65280, NODATA),
    ("RFC 3597 3", f"alice.{APEX}", 65535, NODATA),
    ("RFC 3597 3", APEX, 1000, NODATA),
    ("RFC 6895 3.1", f"alice.{APEX}", 0, NODATA),
    ("RFC 1035 3.2.3", f"alice.{APEX}", "MAILA", NODATA),
    ("RFC 1035 3.2.3", f"alice.{APEX}", "MAILB", NODATA),
    # empty non-terminals
    ("RFC 4592 2.2.2", f"_tcp.{APEX}", "A", NODATA),
    ("RFC 4592 2.2.2", f"_tcp.{APEX}", "SRV", NODATA),
    ("RFC 4592 2.2.2", f"_tcp.{APEX}", "DS", NODATA),
    ("RFC 4592 2.2.2", f"_tcp.{APEX}", "NSEC", NODATA),
    ("RFC 4592 2.2.2", f"_tcp.{APEX}", "ANY", NODATA),
    ("RFC 4592 2.2.2", f"nothing.{APEX}", "A", NODATA),
    ("RFC 4592 2.2.2", f"under.nothing.{APEX}", "TXT", NODATA),
    ("RFC 4592 2.2.2", f"_tcp.mail.{APEX}", "TLSA", NODATA),
    ("RFC 4592 2.2.2", f"_TCP.{APEX}", "A", NODATA),
    # missing names: before, between and after all others, and below them
    ("RFC 4035 3.1.3.2", f"missing.{APEX}", "A", MISSING),
    ("RFC 4035 3.1.3.2", f"missing.{APEX}", "NS", MISSING),
    ("RFC 4035 3.1.3.2", f"missing.{APEX}", "DS", MISSING),
    ("RFC 4035 3.1.3.2", f"missing.{APEX}", "NSEC", MISSING),
    ("RFC 4035 3.1.3.2", f"missing.{APEX}", 65280, MISSING),
    ("RFC 4035 3.1.3.2", f"a.b.c.d.missing.{APEX}", "A", MISSING),
    ("RFC 4035 3.1.3.2", f"x.alice.{APEX}", "A", MISSING1),
    ("RFC 4035 3.1.3.2", f"_tcp.alice.{APEX}", "SRV", MISSING1),
    ("RFC 4035 3.1.3.2", f"_25._tcp.alice.{APEX}", "TLSA", MISSING1),
    ("RFC 4035 3.1.3.2", f"_acme-challenge.alice.{APEX}", "TXT", MISSING1),
    ("RFC 4035 3.1.3.2", f"x.web.{APEX}", "A", MISSING1),
    ("RFC 4035 3.1.3.2", f"x.{SRV}", "SRV", MISSING1),
    ("RFC 4035 3.1.3.2", f"_ntske._udp.{APEX}", "SRV", MISSING),
    ("RFC 4035 3.1.3.2", f"_ntp._tcp.{APEX}", "SRV", MISSING1),
    ("RFC 4035 3.1.3.2", f"x.nothing.{APEX}", "A", MISSING),
    ("RFC 4035 3.1.3.2", f"x.under.nothing.{APEX}", "A", MISSING),
    ("RFC 4035 3.1.3.2", f"x.deep.under.nothing.{APEX}", "A", MISSING1),
    ("RFC 4035 3.1.3.2", f"dave.{APEX}", "A", MISSING),
    ("RFC 4034 6.1", f"\\000.{APEX}", "A", MISSING1),
    ("RFC 4034 6.1", f"\\001.{APEX}", "A", MISSING1),
    ("RFC 4034 6.1", f"\\255.{APEX}", "A", MISSING),
    ("RFC 4034 6.1", f"{chr(92)}255" * 63 + f".{APEX}", "A", MISSING),
    ("RFC 4034 6.1", f"alice\\000.{APEX}", "A", MISSING),
    ("RFC 4034 6.1", f"alicd\\255.{APEX}", "A", MISSING),
    ("RFC 4034 6.1", f"alic.{APEX}", "A", MISSING),
    ("RFC 4034 6.1", f"\\000.alice.{APEX}", "A", MISSING1),
    ("RFC 4034 6.1", f"\\255.alice.{APEX}", "A", MISSING1),
    ("RFC 4034 6.1", f"\\000.x.alice.{APEX}", "A", MISSING1),
    ("RFC 4034 6.1", f"mail\\000.{APEX}", "A", MISSING),
    ("RFC 4034 6.1", f"_tcp\\000.{APEX}", "A", MISSING),
    ("RFC 4034 6.1", f"\\000._tcp.{APEX}", "A", MISSING1),
    ("RFC 4034 6.1", f"\\255._tcp.{APEX}", "A", MISSING),
    ("RFC 4034 6.1", f"ALICEX.{APEX}", "A", MISSING),
    ("RFC 4034 6.1", f"{L63[:-1]}.{APEX}", "A", MISSING),
    ("RFC 4034 6.1", f"{L63[:-1]}m.{APEX}", "A", MISSING),
    ("RFC 1035 5.1", f"alice\\.pool.{APEX}", "A", MISSING),
    ("RFC 1035 5.1", f"www\\.alice.{APEX}", "A", MISSING),
    ("RFC 4592 2.1.1", f"*.{APEX}", "A", MISSING1),
    ("RFC 4592 2.1.1", f"*.alice.{APEX}", "A", MISSING1),
    ("RFC 4592 2.1.1", f"*.*.{APEX}", "A", MISSING1),
    ("RFC 4592 2.1.1", f"*._tcp.{APEX}", "SRV", MISSING1),
    ("RFC 4592 2.1.3", f"x*.{APEX}", "A", MISSING),
    # the longest names
    *(("RFC 1035 2.3.4", long_name(dns.name.from_text(f"alice.{APEX}"), length, b"x"), "A", MISSING1)
      for length in (253, 254, 255)),
    *(("RFC 4471 3.1.2", long_name(dns.name.from_text(f"alice.{APEX}"), 255, octet), "A", MISSING1)
      for octet in (b"\0", b"\xff")),
    ("RFC 4471 3.1.2", long_name(APEX_NAME, 255, b"\xff"), "A", MISSING),
    ("RFC 1035 2.3.4", dns.name.Name((b"a",) * 122 + APEX_NAME.labels), "A", MISSING),
    # DNSSEC types
    ("RFC 4035 3.1.3.1", APEX, "NSEC", "NOERROR NSEC"),
    ("RFC 4035 2.3", SRV, "NSEC", "NOERROR NSEC"),
    ("RFC 4035 2.3", f"alice.{APEX}", "NSEC", "NOERROR NSEC"),
    ("RFC 8482 7", APEX, "RRSIG", "NOERROR RRSIG"),
    ("RFC 8482 7", f"alice.{APEX}", "RRSIG", "NOERROR RRSIG"),
    ("RFC 8482 7", SRV, "RRSIG", "NOERROR RRSIG"),
    # ANY
    ("RFC 8482 4.1", APEX, "ANY", "NOERROR NS"),
    ("RFC 8482 4.1", f"alice.{APEX}", "ANY", "NOERROR A"),
    ("RFC 8482 4.1", f"carol.{APEX}", "ANY", "NOERROR AAAA"),
    ("RFC 8482 4.1", SRV, "ANY", "NOERROR SRV"),
    ("RFC 8482 4.1", f"web.{APEX}", "ANY", "NOERROR CNAME"),
    ("RFC 8482 4.1", f"missing.{APEX}", "ANY", MISSING),
    # types that a query must not have
    ("RFC 6891 6.1.1", APEX, "OPT", "FORMERR"),
    ("RFC 6891 6.1.1", f"missing.{APEX}", "OPT", "FORMERR"),
    ("RFC 9824 3.5", APEX, 128, "FORMERR"),
    ("RFC 9824 3.5", f"missing.{APEX}", 128, "FORMERR"),
    # names outside the zone
    ("RFC 1035 4.1.1", "test.", "NS", "REFUSED"),
    ("RFC 1035 4.1.1", "test.", "DS", "REFUSED"),
    ("RFC 1035 4.1.1", ".", "NS", "REFUSED"),
    ("RFC 1035 4.1.1", ".", "ANY", "REFUSED"),
    ("RFC 1035 4.1.1", "x.alice.example.", "A", "REFUSED"),
    ("RFC 1035 4.1.1", "pool\\.test.", "A", "REFUSED"),
    ("RFC 1035 4.1.1", "x\\.pool.test.", "A", "REFUSED"),
    ("RFC 1035 4.1.1", "pool.test.pool.", "A", "REFUSED"),
]


@pytest.mark.parametrize("dnssec", [False, True], ids=["plain", "dnssec"])
@pytest.mark.parametrize("source, name, rdtype, want", NAMES)
def test_name(zone, source, name, rdtype, want, dnssec):
    opt = DO if dnssec else b""
    query = make_query(name, rdtype, opt=opt)
    judge(zone, query, exchange(query), want, opt=opt, dnssec=dnssec)


# Sizes

SIZES = [
    # source, name, type, UDP payload size (None: no EDNS), expected reply, its maximum length in octets
    ("RFC 1035 4.2.1", APEX, "SOA", None, "NOERROR SOA", 512),
    ("RFC 6891 6.2.3", f"missing.{APEX}", "A", 0, "NXDOMAIN tc", 512),
    ("RFC 6891 6.2.3", f"missing.{APEX}", "A", 1, "NXDOMAIN tc", 512),
    ("RFC 2181 9", f"missing.{APEX}", "A", 512, "NXDOMAIN tc", 512),
    ("RFC 6891 6.2.5", f"missing.{APEX}", "A", 1232, MISSING, 1232),
    ("RFC 9715 3.1", f"missing.{APEX}", "A", 4096, MISSING, 1232),
    ("RFC 9715 3.1", f"missing.{APEX}", "A", 65535, MISSING, 1232),
    ("RFC 2181 9", SRV, "SRV", 512, "NOERROR SRV", 512),
    ("RFC 9715 3.1", SRV, "SRV", 65535, "NOERROR SRV", 1232),
    ("RFC 2181 9", APEX, "DNSKEY", 512, "NOERROR DNSKEY", 512),
    ("RFC 2181 9", f"alice.{APEX}", "MX", 512, NODATA, 512),
    ("RFC 2181 9", f"nowhere.{APEX}", "A", 512, "NXDOMAIN tc", 512),
    ("RFC 2181 9", f"x.under.nothing.{APEX}", "A", 512, "NXDOMAIN tc", 512),
]


@pytest.mark.parametrize("source, name, rdtype, size, want, most", SIZES)
def test_size(zone, source, name, rdtype, size, want, most):
    opt = b"" if size is None else make_opt(size, 0x8000)
    wire = make_query(name, rdtype, opt=opt)
    reply = exchange(wire)
    assert len(reply) <= most
    judge(zone, wire, reply, want, opt=opt, dnssec=size is not None)


# Names on the wire

def _skip_name(wire, at):
    """The offset after the name, and whether a pointer ends the name."""
    while wire[at] and wire[at] < 192:
        at += 1 + wire[at]
    return (at + 2, True) if wire[at] else (at + 1, False)


def _rdata(wire):
    """Type, start and end of the RDATA of each record."""
    counts = struct.unpack("!4H", wire[4:12])
    at = question_end(wire)
    for _ in range(sum(counts[1:])):
        at = _skip_name(wire, at)[0]
        rdtype, _, _, length = struct.unpack("!HHIH", wire[at:at + 10])
        yield dns.rdatatype.to_text(rdtype), at + 10, at + 10 + length
        at += 10 + length


# Types with a name in their RDATA, and its offset. Only the types of RFC 1035 may compress it (RFC 3597 4).
UNCOMPRESSED = {"SRV": ("RFC 2782", 6), "NSEC": ("RFC 4034 4.1.1", 0), "RRSIG": ("RFC 4034 3.1.7", 18)}


@pytest.mark.parametrize("name, rdtype", [(SRV, "SRV"), (SRV, "NSEC"), (f"missing.{APEX}", "A"), (f"web2.{APEX}", "A"),
                                          (APEX, "DNSKEY"), (f"nowhere.{APEX}", "A")])
def test_names_in_new_types_are_not_compressed(zone, name, rdtype):
    reply = exchange(make_query(name, rdtype, opt=DO))
    seen = 0
    for kind, at, _ in _rdata(reply):
        if kind in UNCOMPRESSED:
            source, offset = UNCOMPRESSED[kind]
            assert not _skip_name(reply, at + offset)[1], source
            seen += 1
    assert seen


@pytest.mark.parametrize("source, name, rdtype, ttl", [
    ("RFC 2308 3", APEX, "SOA", 300), ("RFC 2181 5.2", APEX, "NS", 3600), ("RFC 2181 5.2", APEX, "DNSKEY", 3600),
    ("RFC 2181 5.2", APEX, "CDS", 3600), ("RFC 2181 5.2", APEX, "MX", 600), ("RFC 2181 5.2", SRV, "SRV", 150),
    ("RFC 2181 5.2", f"alice.{APEX}", "A", 300), ("RFC 2181 5.2", f"alice.{APEX}", "CAA", 300),
    ("RFC 2181 5.2", f"www.{APEX}", "A", 600), ("RFC 9077 3", APEX, "NSEC", 300), ("RFC 9077 3", SRV, "NSEC", 300)])
def test_ttl(zone, source, name, rdtype, ttl):
    """Each answer has the TTL of the zone. The server does not count it down."""
    for _ in range(2):
        message = dns.message.from_wire(exchange(make_query(name, rdtype, opt=DO)))
        assert {rrset.ttl for rrset in message.answer} == {ttl}


@pytest.mark.parametrize("name, rdtype", [(f"missing.{APEX}", "A"), (f"alice.{APEX}", "MX"), (f"_tcp.{APEX}", "A"),
                                          (f"nowhere.{APEX}", "A")])
def test_negative_ttl(zone, name, rdtype):
    """RFC 2308 3 and 5: the lesser of the SOA's TTL and its MINIMUM. RFC 9077 3: the same for NSEC."""
    message = dns.message.from_wire(exchange(make_query(name, rdtype, opt=DO)))
    assert {rrset.ttl for rrset in message.authority} == {300}


# While the zone changes

def test_denials_hold_while_members_come_and_go(zone):
    """RFC 4035 3.1.3: each answer comes from one zone state, so its NSEC records match each other and the question."""
    dice, stop, changes = random.Random(4035), threading.Event(), []

    def change():
        while not stop.is_set():
            name = f"{dice.choice('abcmz')}{len(changes)}"
            zone.add(name, "127.0.9.1")
            zone.cli("member", "remove", name)
            changes.append(name)

    changing = threading.Thread(target=change)
    changing.start()
    try:
        for number in range(1000):
            # Names close to those that come and go. Some of them exist for a moment.
            label = f"{'abcmz'[number % 5]}{len(changes) + number % 3}{'x' * (number % 2)}"
            wire = make_query(f"{label}.{APEX}", ("A", "MX")[number % 7 == 0], opt=DO)
            reply = exchange(wire)
            message = dns.message.from_wire(reply)
            judge_signatures(zone, message.answer)
            judge_signatures(zone, message.authority)
            if not message.answer:
                judge_denial(message, message.question[0].name, message.question[0].rdtype)
    finally:
        stop.set()
        changing.join()
    assert len(changes) > 3
