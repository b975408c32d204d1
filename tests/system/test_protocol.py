"""What the RFCs want of every answer, a row a case. Whatever is signed is validated, and each denial must prove itself.

What a row wants is the RCODE, `tc` if cut short, the types in the answer section, `/`, and the types in the authority
section of a client that asks for DNSSEC (its RRSIGs understood). `-` is no reply at all. What holds for all replies is in
`judge`.
"""

import random
import socket
import struct
import threading
import time

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from differ import DO, long_name, make_opt, make_query, mixed_case
from pool import APEX, SRV, Pool, records

L63 = "l" * 63
ZONE_FILE = f"""$ORIGIN {APEX}.
@ 600 IN MX 10 mail
@ 600 IN TXT "the pool"
www 600 IN A 203.0.113.80
www 600 IN AAAA 2001:db8::80
mail 600 IN A 203.0.113.25
_25._tcp.mail 600 IN TLSA 3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
web 600 IN CNAME www
web2 600 IN CNAME web
away 600 IN CNAME www.example.net.
nowhere 600 IN CNAME missing
half 600 IN CNAME under.nothing
deep.under.nothing 600 IN TXT "below empty names"
{L63} 600 IN TXT "as long as a label can be"
"""

APEX_NAME = dns.name.from_text(APEX)
EDNS = make_opt()
NO_OPT = pytest.mark.xfail(strict=True, reason="query_parse rejects before it has read the OPT")


@pytest.fixture(scope="module")
def zone(shared_machine):
    pool = Pool(shared_machine).init("--ns", f"ns2.{APEX}=127.0.0.2,2001:db8::2")
    pool.cli("zone", "set", "ca", "ca.example")
    for number, name in enumerate(("alice", "bob", "carol", "erin", "frank", "gina")):
        addresses = [f"127.0.{number + 1}.1", f"2001:db8:{number}::1"]
        pool.add(name, *{"bob": addresses[:1], "carol": addresses[1:]}.get(name, addresses))
    pool.cli("member", "add", "dave", "--target", "ntp1.example.net", "--country", "DE", "--operator", "dave")
    pool.cli("member", "override", "--all", "eligible")
    pool.cli("record", "load", shared_machine.write("static.zone", ZONE_FILE))
    pool.serve()
    keys = [rrset for rrset in pool.ask(APEX, "DNSKEY", tcp=True).answer if rrset.rdtype == dns.rdatatype.DNSKEY]
    pool.keys = {APEX_NAME: keys[0]}
    yield pool
    pool.stop()


_sources = iter(range(1, 1 << 16))


def exchange(wire, timeout=3):
    """The reply over UDP, None if there is none. Each query comes from an address of its own, as from many clients."""
    number = next(_sources)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((f"127.{100 + number // 250}.{number % 250}.1", 0))
        sender.settimeout(timeout)
        sender.sendto(wire, ("127.0.0.1", 53))
        try:
            return sender.recv(65535)
        except socket.timeout:
            return None


# What holds for all replies

def _judge_header(query, reply, rcode):
    sent, got = struct.unpack("!H", query[2:4])[0], struct.unpack("!H", reply[2:4])[0]
    assert reply[:2] == query[:2], "the ID"
    assert got & 0x8000, "RFC 1035 4.1.1: QR"
    assert got & 0x7800 == sent & 0x7800, "RFC 1035 4.1.1: OPCODE is copied"
    assert got & 0x0100 == sent & 0x0100, "RFC 1035 4.1.1: RD is copied"
    assert not got & 0x00f0, "RFC 1035 4.1.1 RA and Z; RFC 4035 3.1.6 AD and CD clear"
    assert bool(got & 0x0400) == (rcode in ("NOERROR", "NXDOMAIN")), "AA is for what the zone says"


def _judge_opt(query_opt, message):
    """RFC 6891 6.1.1: an OPT answers an OPT, and nothing else."""
    assert (message.edns >= 0) == bool(query_opt), "RFC 6891 6.1.1, 7"
    if query_opt:
        asked = struct.unpack("!I", query_opt[5:9])[0]
        assert message.edns == 0, "RFC 6891 6.1.3: the highest version we know"
        assert message.ednsflags & 0xffff == asked & 0x8000, "RFC 3225 3: DO is copied; RFC 6891 6.1.4: Z is zero"
        assert message.payload >= 512, "RFC 6891 6.2.3"


def _signatures(section, rrset):
    return [each for each in section if each.rdtype == dns.rdatatype.RRSIG and each.covers == rrset.rdtype
            and each.name == rrset.name]


def _judge_signatures(zone, section):
    """RFC 4035 2.2 and 3.1.1: each RRset is signed; the signature validates and is good for half a day at least."""
    now = time.time()
    for rrset in section:
        if rrset.rdtype == dns.rdatatype.RRSIG:
            continue
        (signature,) = _signatures(section, rrset)
        assert signature.ttl == rrset.ttl <= signature[0].original_ttl, f"RFC 4034 3: the TTL of {signature}"
        clamped = rrset.rdtype == dns.rdatatype.SOA  # RFC 2308 3: its TTL in a denial
        assert rrset.ttl == signature[0].original_ttl or clamped, f"RFC 4034 3.1.4: {signature}"
        assert signature[0].labels == len(rrset.name.labels) - 1 - (rrset.name.labels[0] == b"*"), "RFC 4034 3.1.3"
        assert signature[0].inception < now and signature[0].expiration > now + 12 * 3600
        dns.dnssec.validate(rrset, signature, zone.keys)


def _matching(nsecs, name):
    return [rrset for rrset in nsecs if rrset.name == name]


def _covering(nsecs, name):
    """RFC 4034 6.1: the order of names. The last NSEC leads back to the apex."""
    return [rrset for rrset in nsecs if rrset.name < name and (name < rrset[0].next or rrset[0].next == APEX_NAME)]


def _types(nsec):
    return {window * 256 + octet * 8 + bit for window, bitmap in nsec.windows
            for octet, value in enumerate(bitmap) for bit in range(8) if value & 0x80 >> bit}


def _judge_denial(message, name, rdtype):
    """RFC 4035 3.1.3 and 5.4: what the NSEC records must say for a validator to take the denial."""
    nsecs = [rrset for rrset in message.authority if rrset.rdtype == dns.rdatatype.NSEC]
    matching, covering = _matching(nsecs, name), _covering(nsecs, name)
    if message.rcode() == dns.rcode.NXDOMAIN:
        assert covering and not matching, message
        ends = [name.fullcompare(end)[2] for rrset in covering for end in (rrset.name, rrset[0].next)]
        wildcard = dns.name.Name((b"*", *name.labels[-max(ends):]))
        assert _covering(nsecs, wildcard), f"nothing denies {wildcard}: {message}"
        assert not any(rrset[0].next.is_subdomain(name) for rrset in covering), "RFC 8020 2: nothing is below it"
    elif matching:
        types = _types(matching[0][0])
        assert not types & {rdtype, dns.rdatatype.CNAME}, f"it says that there is one: {message}"
        assert types >= {dns.rdatatype.RRSIG, dns.rdatatype.NSEC}, "RFC 4034 4.1.2"
    else:
        assert any(rrset[0].next.is_subdomain(name) for rrset in covering), f"no empty non-terminal: {message}"


def _last_name(message, name):
    """The end of the aliases in the answer."""
    for rrset in message.answer:
        if rrset.rdtype == dns.rdatatype.CNAME and rrset.name == name:
            name = rrset[0].target
    return name


def _text(rdtype):
    return dns.rdatatype.to_text(rdtype)


def _shape(message, signatures):
    words = [dns.rcode.to_text(message.rcode())] + ["tc"] * bool(message.flags & dns.flags.TC)
    words += [_text(rrset.rdtype) for rrset in message.answer if signatures or rrset.rdtype != dns.rdatatype.RRSIG]
    authority = [_text(rrset.rdtype) for rrset in message.authority if rrset.rdtype != dns.rdatatype.RRSIG]
    return " ".join(words + (["/"] + authority if authority else []))


def _question_end(query):
    at = 12
    while query[at]:
        at += 1 + query[at]
    return at + 5


def judge(zone, query, reply, want, *, opt, dnssec, question=True):
    """`query` is judged by its octets only; `opt` are those of the OPT that is to be answered."""
    rcode = want.split()[0]
    message = dns.message.from_wire(reply, ignore_trailing=False)
    _judge_header(query, reply, rcode)
    _judge_opt(opt, message)
    if question:
        end = _question_end(query)
        assert reply[4:6] == b"\0\1" and reply[12:end] == query[12:end], "the question as it came"
    rdtype = message.question[0].rdtype if message.question else None
    if not dnssec:
        want = want.replace(" NSEC", "") if "/" in want else want
    assert _shape(message, rdtype == dns.rdatatype.RRSIG) == want
    assert not message.additional, "minimal"
    if rdtype == dns.rdatatype.RRSIG:
        return message
    for section in (message.answer, message.authority):
        if dnssec:
            _judge_signatures(zone, section)
        else:
            assert not [rrset for rrset in section if rrset.rdtype == dns.rdatatype.RRSIG], "RFC 4035 3.1"
    for soa in (rrset for rrset in message.authority if rrset.rdtype == dns.rdatatype.SOA):
        assert soa.name == APEX_NAME and soa.ttl <= soa[0].minimum, "RFC 2308 3"
        if dnssec:
            _judge_denial(message, _last_name(message, message.question[0].name), rdtype)
    return message


# Names and types: each row is asked with and without DNSSEC

MISSING = "NXDOMAIN / SOA NSEC NSEC"
MISSING1 = "NXDOMAIN / SOA NSEC"  # one NSEC denies the name and the wildcard
NODATA = "NOERROR / SOA NSEC"

NAMES = [
    # what is there
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
    ("RFC 4035 2.5", f"web.{APEX}", "NSEC", "NOERROR NSEC"),
    # no such type
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
    # the longest
    *(("RFC 1035 2.3.4", long_name(dns.name.from_text(f"alice.{APEX}"), length, b"x"), "A", MISSING1)
      for length in (253, 254, 255)),
    *(("RFC 4471 3.1.2", long_name(dns.name.from_text(f"alice.{APEX}"), 255, octet), "A", MISSING1)
      for octet in (b"\0", b"\xff")),
    ("RFC 4471 3.1.2", long_name(APEX_NAME, 255, b"\xff"), "A", MISSING),
    ("RFC 1035 2.3.4", dns.name.Name((b"a",) * 122 + APEX_NAME.labels), "A", MISSING),
    # what is asked about DNSSEC itself
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
    # types that can't be asked for
    ("RFC 6891 6.1.1", APEX, "OPT", "FORMERR"),
    ("RFC 6891 6.1.1", f"missing.{APEX}", "OPT", "FORMERR"),
    ("RFC 9824 3.5", APEX, 128, "FORMERR"),
    ("RFC 9824 3.5", f"missing.{APEX}", 128, "FORMERR"),
    # not ours
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


# Headers, EDNS and messages that are not well formed

def _case(source, what, wire, want, *, opt=b"", question=True, marks=()):
    return pytest.param(wire, want, opt, question, id=f"{source}: {what}", marks=marks)


def _flags():
    bits = {"RD": 0x0100, "CD": 0x0010, "AD": 0x0020, "RA": 0x0080, "Z": 0x0040, "AA": 0x0400, "TC": 0x0200,
            "RCODE 3": 3, "RD CD AD": 0x0130, "all of them": 0x07f0}
    for label, flags in bits.items():
        source = "RFC 4035 3.1.6" if label in ("CD", "AD") else "RFC 1035 4.1.1"
        yield _case(source, label, make_query(f"alice.{APEX}", "A", flags=flags, opt=DO), "NOERROR A", opt=DO)
        yield _case(source, f"{label} outside", make_query("example.", "A", flags=flags), "REFUSED")


def _classes():
    for rdclass, rdtype in ((0, "A"), (2, "A"), (3, "A"), (3, "TXT"), (4, "A"), (254, "A"), (255, "A"), (255, "ANY"),
                            (65535, "A")):
        yield _case("RFC 6895 3.2", f"class {rdclass} {rdtype}", make_query(APEX, rdtype, rdclass=rdclass, opt=EDNS),
                    "REFUSED", opt=EDNS)


def _edns():
    alice = f"alice.{APEX}"
    good = {
        ("RFC 6891 6.2.3", "size 0"): make_opt(0), ("RFC 6891 6.2.3", "size 511"): make_opt(511),
        ("RFC 6891 6.2.5", "size 65535"): make_opt(65535), ("RFC 6891 6.1.4", "Z bits"): make_opt(ttl=0x7fff),
        ("RFC 3225 3", "DO and Z bits"): make_opt(ttl=0xffff),
        ("RFC 6891 6.1.3", "extended RCODE in a query"): make_opt(ttl=0x01000000),
        ("RFC 6891 6.1.2", "unknown option"): make_opt(options=b"\xfd\xe9\0\4what"),
        ("RFC 6891 6.1.2", "empty unknown option"): make_opt(options=b"\xfd\xe9\0\0"),
        ("RFC 6891 6.1.2", "the same unknown option twice"): make_opt(options=b"\xfd\xe9\0\1a" * 2),
        ("RFC 6891 9", "option 0"): make_opt(options=b"\0\0\0\0"),
        ("RFC 6975 4.2", "algorithms understood"): make_opt(options=b"\0\5\0\2\x0d\x0f\0\6\0\1\2\0\7\0\1\1"),
        ("RFC 7314 2", "expire"): make_opt(options=b"\0\x09\0\0"),
        ("RFC 7901 5", "chain"): make_opt(options=b"\0\x0d\0\1\0"),
        ("RFC 6891 6.1.2", "400 octets of options"): make_opt(options=b"\xfd\xe9" + struct.pack("!H", 400) + bytes(400)),
    }
    for (source, what), opt in good.items():
        yield _case(source, what, make_query(alice, "A", opt=opt), "NOERROR A", opt=opt)
    for version in (1, 2, 255):
        opt = make_opt(ttl=version << 16)
        yield _case("RFC 6891 6.1.3", f"version {version}", make_query(alice, "A", opt=opt), "BADVERS", opt=opt)
    opt = make_opt(ttl=0x18000, options=b"\xfd\xe9\0\4what")
    yield _case("RFC 6891 6.1.3", "version 1, DO, option", make_query(alice, "A", opt=opt), "BADVERS", opt=opt)
    bad = {"option cut": make_opt(options=b"\xfd\xe9\0\5what"), "option's head cut": make_opt(options=b"\xfd\xe9\0"),
           "two OPTs": EDNS + EDNS, "two OPTs, other sizes": EDNS + make_opt(512)}
    for what, opt in bad.items():
        count = 2 if "two" in what else 1
        yield _case("RFC 6891 6.1.1", what, make_query(alice, "A", opt=opt, counts=(1, 0, 0, count)), "FORMERR", opt=opt)


def _subnets():
    good = {"none asked": b"\0\1\0\0", "none asked, IPv6": b"\0\2\0\0", "whole address": b"\0\1\x20\0\xc6\x12\7\1",
            "/25": b"\0\1\x19\0\xc6\x12\7\x80", "/1": b"\0\1\1\0\x80", "whole IPv6 address": b"\0\2\x80\0" + bytes(15) + b"\1",
            "/33 of IPv6": b"\0\2\x21\0\x20\1\x0d\xb8\x80", "0.0.0.0/8": b"\0\1\x08\0\0"}
    for what, option in good.items():
        opt = make_opt(options=struct.pack("!HH", 8, len(option)) + option)
        for name, rdtype in ((SRV, "SRV"), (f"bob.{APEX}", "A")):
            yield pytest.param(name, rdtype, option, opt, id=f"RFC 7871 7.1.1: {what} {rdtype}")


def _bad_subnets():
    bad = {"scope set": b"\0\1\x18\x18\xc6\x12\7", "family 3": b"\0\3\x18\0\xc6\x12\7", "/33 of IPv4": b"\0\1\x21\0\xc6\x12\7\1\0",
           "/129 of IPv6": b"\0\2\x81\0" + bytes(17), "address too short": b"\0\1\x18\0\xc6\x12",
           "address too long": b"\0\1\x18\0\xc6\x12\7\0", "bits behind the prefix": b"\0\1\x17\0\xc6\x12\7",
           "no scope": b"\0\1\x18", "empty": b"", "address without prefix": b"\0\1\0\0\1"}
    for what, option in bad.items():
        opt = make_opt(options=struct.pack("!HH", 8, len(option)) + option)
        yield _case("RFC 7871 7.1.2", what, make_query(SRV, "SRV", opt=opt), "FORMERR", opt=opt)


def _malformed():
    whole, again = make_query(APEX, "SOA"), make_query(APEX, "SOA")[12:]
    record = b"\0" + struct.pack("!HHIH", 1, 1, 60, 4) + b"\1\2\3\4"
    for count in (2, 3, 65535):
        yield _case("RFC 9619 4", f"QDCOUNT {count}", make_query(APEX, "SOA", counts=(count, 0, 0, 0), tail=again),
                    "FORMERR", question=False)
    yield _case("RFC 9619 4", "QDCOUNT 0 and a question", whole[:4] + bytes(8) + again, "FORMERR", question=False)
    yield _case("RFC 1035 4.1.2", "QDCOUNT 2, one there", make_query(APEX, "SOA", counts=(2, 0, 0, 0)), "FORMERR",
                question=False)
    yield _case("RFC 6891 6.1.1", "QDCOUNT 0 and EDNS", whole[:4] + bytes(7) + b"\1" + EDNS, "FORMERR", opt=EDNS,
                question=False, marks=NO_OPT)
    for at, section in enumerate(("answer", "authority", "additional"), 1):
        counts = [1, 0, 0, 0]
        counts[at] = 1
        yield _case("RFC 1035 4.1.1", f"{section} is counted but not there", make_query(APEX, "SOA", counts=counts),
                    "FORMERR")
    yield _case("RFC 1035 4.1.1", "a record in answer", make_query(APEX, "SOA", counts=(1, 1, 0, 0), tail=record),
                "FORMERR")
    yield _case("RFC 1035 4.1.1", "a record in additional is passed over",
                make_query(APEX, "SOA", counts=(1, 0, 0, 1), tail=record), "NOERROR SOA")
    yield _case("RFC 6891 6.1.1", "OPT behind another record",
                make_query(APEX, "SOA", counts=(1, 0, 0, 2), tail=record + EDNS), "NOERROR SOA", opt=EDNS)
    yield _case("RFC 6891 6.1.1", "OPT before another record",
                make_query(APEX, "SOA", counts=(1, 0, 0, 2), tail=EDNS + record), "NOERROR SOA", opt=EDNS)
    yield _case("RFC 6891 6.1.1", "EDNS and octets behind", make_query(APEX, "SOA", opt=EDNS, tail=b"x"), "FORMERR", opt=EDNS)
    for tail in (b"\0", b"garbage", bytes(400)):
        yield _case("RFC 1035 4.1", f"{len(tail)} octets behind", whole + tail, "FORMERR")
    for cut in (1, 2, 3, 4, 5, len(again)):
        yield _case("RFC 1035 4.1.2", f"question cut by {cut}", whole[:-cut], "FORMERR", question=False)
    head = whole[:12]
    names = {"pointer to itself": b"\xc0\x0c", "pointer to the header": b"\xc0\0", "pointer behind": b"\xc0\x40",
             "label and pointer back": b"\1x\xc0\x0c", "label type 01": b"\x41x\0", "label type 10": b"\x81x\0",
             "256 octets": (b"\x3f" + b"a" * 63) * 3 + b"\x3f" + b"a" * 63 + b"\0"}
    for what, name in names.items():
        source = {"label type 01": "RFC 6891 5", "256 octets": "RFC 1035 2.3.4"}.get(what, "RFC 1035 4.1.4")
        yield _case(source, what, head + name + b"\0\1\0\1", "FORMERR", question=False)


def _transfers():
    for source, name, rdtype in (("RFC 5936 2.2.1", APEX, "AXFR"), ("RFC 5936 2.2.1", f"alice.{APEX}", "AXFR"),
                                 ("RFC 5936 2.2.1", "example.", "AXFR"), ("RFC 1995 4", APEX, "IXFR")):
        what = f"{name} {rdtype}"
        yield _case(source, what, make_query(name, rdtype), "REFUSED")
        yield _case("RFC 6891 6.1.1", f"{what} with EDNS", make_query(name, rdtype, opt=EDNS), "REFUSED", opt=EDNS,
                    marks=NO_OPT)


@pytest.mark.parametrize("wire, want, opt, question", [
    *_transfers(), *_flags(), *_classes(), *_edns(), *_bad_subnets(), *_malformed()])
def test_message(zone, wire, want, opt, question):
    dnssec = len(opt) >= 11 and bool(opt[7] & 0x80)
    judge(zone, wire, exchange(wire), want, opt=opt, dnssec=dnssec, question=question)


@pytest.mark.parametrize("name, rdtype, option, opt", _subnets())
def test_subnet_comes_back(zone, name, rdtype, option, opt):
    """RFC 7871 7.2.1: family, source prefix length and address as they came; the scope 0 without locations."""
    wire = make_query(name, rdtype, opt=opt)
    reply = exchange(wire)
    message = judge(zone, wire, reply, f"NOERROR {rdtype}", opt=opt, dnssec=False)
    assert struct.pack("!HH", 8, len(option)) + option in reply and len(message.options) == 1


def test_subnet_without_family_comes_back(zone):
    """RFC 7871 7.1.1, by its octets: dnspython does not read it."""
    option = b"\0\x08\0\4" + bytes(4)
    reply = exchange(make_query(SRV, "SRV", opt=make_opt(options=option)))
    assert reply[3] & 15 == dns.rcode.NOERROR and reply.endswith(struct.pack("!H", len(option)) + option)


@pytest.mark.parametrize("flags", [0x8000, 0x8180, 0x8400, 0xa000, 0xffff])
def test_a_response_gets_none(zone, flags):
    """RFC 1035 4.1.1, RFC 8906 3.1.1: two servers must not talk to each other for ever."""
    assert exchange(make_query(APEX, "SOA", flags=flags), 0.1) is None


OPCODES = {1: "RFC 3425 3", 2: "RFC 1035 4.1.1", 4: "RFC 1996 3", 5: "RFC 2136 2.2", 6: "RFC 8490 5.1"}


@pytest.mark.parametrize("name", [APEX, f"missing.{APEX}", "example."])
@pytest.mark.parametrize("opcode", range(1, 16), ids=lambda code: f"{OPCODES.get(code, 'RFC 1035 4.1.1')}: opcode {code}")
def test_opcode(zone, opcode, name):
    """By its octets: dnspython knows not all opcodes."""
    query = make_query(name, "SOA", flags=opcode << 11 | 0x0100)
    reply = exchange(query)
    assert reply[:2] == query[:2] and reply[2:4] == struct.pack("!H", 0x8100 | opcode << 11 | dns.rcode.NOTIMP)
    assert reply[6:12] == bytes(6) and reply[12:] in (b"", query[12:])


# Sizes

SIZES = [
    # source, name, type, size (None: no EDNS), what is wanted, the most octets
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
    """Where the name ends, and whether a pointer ends it."""
    while wire[at] and wire[at] < 192:
        at += 1 + wire[at]
    return (at + 2, True) if wire[at] else (at + 1, False)


def _rdata(wire):
    """(type, rdata's place, its end) of each record."""
    counts = struct.unpack("!4H", wire[4:12])
    at = _question_end(wire)
    for _ in range(sum(counts[1:])):
        at = _skip_name(wire, at)[0]
        rdtype, _, _, length = struct.unpack("!HHIH", wire[at:at + 10])
        yield dns.rdatatype.to_text(rdtype), at + 10, at + 10 + length
        at += 10 + length


# In whose rdata a name is, and where; of these only the types of RFC 1035 may be compressed (RFC 3597 4).
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
    ("RFC 2181 5.2", APEX, "SOA", 3600), ("RFC 2181 5.2", APEX, "NS", 3600), ("RFC 2181 5.2", APEX, "DNSKEY", 3600),
    ("RFC 2181 5.2", APEX, "CDS", 3600), ("RFC 2181 5.2", APEX, "MX", 600), ("RFC 2181 5.2", SRV, "SRV", 150),
    ("RFC 2181 5.2", f"alice.{APEX}", "A", 300), ("RFC 2181 5.2", f"alice.{APEX}", "CAA", 300),
    ("RFC 2181 5.2", f"www.{APEX}", "A", 600), ("RFC 9077 3", APEX, "NSEC", 300), ("RFC 9077 3", SRV, "NSEC", 300)])
def test_ttl(zone, source, name, rdtype, ttl):
    """It is the zone's own in each answer, never counted down."""
    for _ in range(2):
        message = dns.message.from_wire(exchange(make_query(name, rdtype, opt=DO)))
        assert {rrset.ttl for rrset in message.answer} == {ttl}


@pytest.mark.parametrize("name, rdtype", [(f"missing.{APEX}", "A"), (f"alice.{APEX}", "MX"), (f"_tcp.{APEX}", "A"),
                                          (f"nowhere.{APEX}", "A")])
def test_negative_ttl(zone, name, rdtype):
    """RFC 2308 3 and 5: the lesser of the SOA's TTL and its MINIMUM; RFC 9077 3: the same for NSEC."""
    message = dns.message.from_wire(exchange(make_query(name, rdtype, opt=DO)))
    assert {rrset.ttl for rrset in message.authority} == {300}


# TCP

def talk(octets, count, timeout=3):
    """The replies on one connection until there are `count`; an end before is the end."""
    replies, data = [], b""
    with socket.create_connection(("127.0.0.1", 53), timeout) as connection:
        connection.sendall(octets)
        while len(replies) < count:
            got = connection.recv(65535)
            if not got:
                return replies
            data += got
            while len(data) >= 2 and len(data) >= 2 + (data[0] << 8 | data[1]):
                length = data[0] << 8 | data[1]
                replies.append(data[2:2 + length])
                data = data[2 + length:]
    return replies


def frame(wire):
    return struct.pack("!H", len(wire)) + wire


TCP = [
    ("RFC 7766 5", f"missing.{APEX}", "A", make_opt(512, 0x8000), MISSING),
    ("RFC 6891 6.2.3", f"missing.{APEX}", "A", make_opt(0, 0x8000), MISSING),
    ("RFC 7766 5", f"nowhere.{APEX}", "A", make_opt(512, 0x8000), "NXDOMAIN CNAME / SOA NSEC NSEC"),
    ("RFC 7766 5", SRV, "SRV", DO, "NOERROR SRV"),
    ("RFC 7766 5", APEX, "DNSKEY", b"", "NOERROR DNSKEY"),
    ("RFC 5936 4.2", APEX, "AXFR", b"", "REFUSED"),
    ("RFC 1995 2", APEX, "IXFR", b"", "REFUSED"),
    ("RFC 6891 6.1.3", APEX, "SOA", make_opt(ttl=0x10000), "BADVERS"),
    ("RFC 1035 4.1.1", "example.", "A", EDNS, "REFUSED"),
]


@pytest.mark.parametrize("source, name, rdtype, opt, want", TCP)
def test_over_tcp(zone, source, name, rdtype, opt, want):
    wire = make_query(name, rdtype, opt=opt)
    (reply,) = talk(frame(wire), 1)
    judge(zone, wire, reply, want, opt=opt, dnssec=bool(opt) and bool(opt[7] & 0x80))


def test_tcp_takes_the_longest_message(zone):
    """RFC 7766 8: the length field's whole range."""
    head = make_query(APEX, "SOA", counts=(1, 0, 0, 1))
    option = 65535 - len(head) - 11 - 4
    opt = make_opt(options=b"\xfd\xe9" + struct.pack("!H", option) + bytes(option))
    wire = make_query(APEX, "SOA", opt=opt)
    assert len(wire) == 65535
    (reply,) = talk(frame(wire), 1)
    judge(zone, wire, reply, "NOERROR SOA", opt=opt, dnssec=False)


def test_tcp_goes_on_after_a_format_error(zone):
    """RFC 7766 6.2.1: what is wrong with one query is no matter of the others."""
    bad, good = make_query(APEX, "SOA", tail=b"x", ident=1), make_query(APEX, "SOA", ident=2)
    replies = {reply[:2]: reply for reply in talk(frame(bad) + frame(good), 2)}
    judge(zone, bad, replies[b"\0\1"], "FORMERR", opt=b"", dnssec=False)
    judge(zone, good, replies[b"\0\2"], "NOERROR SOA", opt=b"", dnssec=False)


@pytest.mark.parametrize("octets", [b"\0\0", b"\0\1x", b"\0\x0b" + b"x" * 11], ids=["0", "1", "11"])
def test_tcp_message_shorter_than_a_header_gets_nothing(zone, octets):
    """RFC 7766 8."""
    assert talk(octets, 1) == []
    assert records(zone.ask(f"bob.{APEX}", "A"), "A") == ["127.0.2.1"]


# While the zone changes

def test_denials_hold_while_members_come_and_go(zone):
    """RFC 4035 3.1.3: each answer is of one state of the zone, so its NSEC records fit together and to the question."""
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
            # Near the places where names come and go, so that some of these are there for a moment.
            label = f"{'abcmz'[number % 5]}{len(changes) + number % 3}{'x' * (number % 2)}"
            wire = make_query(f"{label}.{APEX}", ("A", "MX")[number % 7 == 0], opt=DO)
            reply = exchange(wire)
            message = dns.message.from_wire(reply)
            _judge_signatures(zone, message.answer)
            _judge_signatures(zone, message.authority)
            if not message.answer:
                _judge_denial(message, message.question[0].name, message.question[0].rdtype)
    finally:
        stop.set()
        changing.join()
    assert len(changes) > 3
