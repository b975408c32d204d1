"""Judges replies: rules for every reply, the expected content, signatures, and proofs of denial."""

import socket
import struct
import time

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from pool import APEX, Pool
from question import STATIC

APEX_NAME = dns.name.from_text(APEX)
WILDCARD_PORT = 5300
DO_FLAG, CO_FLAG = 0x8000, 0x4000
NXNAME = 128


def serve_zone(machine, denial="nsec", pool=None, options=()):
    """A served pool with every name in the tests, and its keys."""
    pool = (pool or Pool(machine)).init("--ns", f"ns2.{APEX}=127.0.0.2,2001:db8::2", "--denial", denial)
    pool.compact = denial == "compact"
    pool.cli("zone", "set", "ca", "ca.example", "whoami", "on")
    for number, name in enumerate(("alice", "bob", "carol", "erin", "frank", "gina")):
        addresses = [f"127.0.{number + 1}.1", f"2001:db8:{number}::1"]
        pool.add(name, *{"bob": addresses[:1], "carol": addresses[1:]}.get(name, addresses))
    pool.cli("member", "add", "dave", "--target", "ntp1.example.net", "--country", "DE", "--operator", "dave")
    pool.cli("member", "override", "--all", "eligible")
    pool.cli("record", "load", machine.write("static.zone", STATIC))
    machine.add_address("2001:db8::2")
    pool.serve(*options, listen=[f"{pool.address}@53", f"0.0.0.0@{WILDCARD_PORT}", f"::@{WILDCARD_PORT}"])
    keys = [rrset for rrset in pool.ask(APEX, "DNSKEY", tcp=True).answer if rrset.rdtype == dns.rdatatype.DNSKEY]
    pool.keys = {APEX_NAME: keys[0]}
    return pool


_sources = iter(range(1, 1 << 16))


def exchange(wire, timeout=3):
    """The reply over UDP, or None. Each query has its own source address, as from many clients."""
    number = next(_sources)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((f"127.{100 + number // 250}.{number % 250}.1", 0))
        sender.settimeout(timeout)
        sender.sendto(wire, ("127.0.0.1", 53))
        try:
            return sender.recv(65535)
        except socket.timeout:
            return None


def _judge_header(query, reply, rcode):
    sent, got = struct.unpack("!H", query[2:4])[0], struct.unpack("!H", reply[2:4])[0]
    assert reply[:2] == query[:2], "the ID"
    assert got & 0x8000, "RFC 1035 4.1.1: QR"
    assert got & 0x7800 == sent & 0x7800, "RFC 1035 4.1.1: OPCODE is copied"
    assert got & 0x0100 == sent & 0x0100, "RFC 1035 4.1.1: RD is copied"
    assert not got & 0x00f0, "RFC 1035 4.1.1 RA and Z; RFC 4035 3.1.6 AD and CD clear"
    assert bool(got & 0x0400) == (rcode in ("NOERROR", "NXDOMAIN")), "AA is for what the zone says"


def _judge_opt(zone, query_opt, message):
    """RFC 6891 6.1.1: the reply has an OPT exactly if the query has one."""
    assert (message.edns >= 0) == bool(query_opt), "RFC 6891 6.1.1, 7"
    if query_opt:
        asked = struct.unpack("!I", query_opt[5:9])[0]
        assert message.edns == 0, "RFC 6891 6.1.3: the highest version we know"
        known = DO_FLAG | (CO_FLAG if zone.compact else 0)
        assert message.ednsflags & 0xffff == asked & known, \
            "RFC 3225 3: DO is copied; RFC 9824 5.1: CO too, if it means something; RFC 6891 6.1.4: Z is zero"
        assert message.payload >= 512, "RFC 6891 6.2.3"


def _signatures(section, rrset):
    return [each for each in section if each.rdtype == dns.rdatatype.RRSIG and each.covers == rrset.rdtype
            and each.name == rrset.name]


def judge_signatures(zone, section):
    """RFC 4035 2.2 and 3.1.1: each RRset is signed. The signature validates and stays valid for at least 12 hours."""
    now = time.time()
    for rrset in section:
        if rrset.rdtype == dns.rdatatype.RRSIG:
            continue
        (signature,) = _signatures(section, rrset)
        assert signature.ttl == rrset.ttl <= signature[0].original_ttl, f"RFC 4034 3: the TTL of {signature}"
        clamped = rrset.rdtype == dns.rdatatype.SOA  # RFC 2308 3 lowers its TTL in a denial
        assert rrset.ttl == signature[0].original_ttl or clamped, f"RFC 4034 3.1.4: {signature}"
        assert signature[0].labels == len(rrset.name.labels) - 1 - (rrset.name.labels[0] == b"*"), "RFC 4034 3.1.3"
        assert signature[0].inception < now and signature[0].expiration > now + 12 * 3600
        dns.dnssec.validate(rrset, signature, zone.keys)


def _matching(nsecs, name):
    return [rrset for rrset in nsecs if rrset.name == name]


def _covering(nsecs, name):
    """The NSEC records that cover a name in canonical order (RFC 4034 6.1). The last NSEC of the zone names the apex."""
    return [rrset for rrset in nsecs if rrset.name < name and (name < rrset[0].next or rrset[0].next == APEX_NAME)]


def _types(nsec):
    return {window * 256 + octet * 8 + bit for window, bitmap in nsec.windows
            for octet, value in enumerate(bitmap) for bit in range(8) if value & 0x80 >> bit}


def judge_denial(message, name, rdtype):
    """RFC 4035 3.1.3 and 5.4: the NSEC records must prove the denial to a validator."""
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


def judge_compact(message, name, rdtype):
    """RFC 9824 3: one NSEC, which covers no other name. Returns whether it says that the name does not exist."""
    (nsec,) = [rrset for rrset in message.authority if rrset.rdtype == dns.rdatatype.NSEC]
    assert nsec.name == name, f"of another name: {message}"
    judge_next(name, nsec[0].next)
    types = _types(nsec[0])
    assert types >= {dns.rdatatype.RRSIG, dns.rdatatype.NSEC}, "RFC 4034 4.1.2"
    assert not types & {rdtype, dns.rdatatype.CNAME}, f"it says that there is one: {message}"
    missing = NXNAME in types
    assert not missing or len(types) == 3, "RFC 9824 3.1"
    asked = bool(message.ednsflags & CO_FLAG)
    assert (message.rcode() == dns.rcode.NXDOMAIN) == (missing and asked), "RFC 9824 5.1"
    return missing


def judge_next(name, successor):
    """The next name is the first child (RFC 9824 3.1). Near the length limit it is a successor that is no child (RFC 4471 3.1.2)."""
    if len(name.to_wire()) <= 253:
        assert successor == dns.name.Name((b"\0", *name.labels)), successor
    else:
        assert successor == APEX_NAME or (name < successor and not successor.is_subdomain(name)), successor


def _last_name(message, name):
    """The target at the end of the CNAME chain in the answer."""
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


def question_end(query):
    at = 12
    while query[at]:
        at += 1 + query[at]
    return at + 5


def judge(zone, query, reply, want, *, opt, dnssec, question=True):
    """`query` and `opt` are octets: the query, and the OPT in it to which the server replies."""
    rcode = want.split()[0]
    message = dns.message.from_wire(reply, ignore_trailing=False)
    _judge_header(query, reply, rcode)
    _judge_opt(zone, opt, message)
    if question:
        end = question_end(query)
        assert reply[4:6] == b"\0\1" and reply[12:end] == query[12:end], "the question as it came"
    rdtype = message.question[0].rdtype if message.question else None
    if not dnssec:
        want = want.replace(" NSEC", "") if "/" in want else want
    assert _shape(message, rdtype == dns.rdatatype.RRSIG) == want
    assert not message.additional, "minimal"
    if rdtype == dns.rdatatype.RRSIG:
        return message
    counts = struct.unpack("!2H", reply[6:10])
    for section, count in zip((message.answer, message.authority), counts):
        assert sum(map(len, section)) == count, "RFC 2181 5: a record is there twice"
        if dnssec:
            judge_signatures(zone, section)
        else:
            assert not [rrset for rrset in section if rrset.rdtype == dns.rdatatype.RRSIG], "RFC 4035 3.1"
    for soa in (rrset for rrset in message.authority if rrset.rdtype == dns.rdatatype.SOA):
        assert soa.name == APEX_NAME and soa.ttl <= soa[0].minimum, "RFC 2308 3"
        if dnssec:
            judge_any = judge_compact if zone.compact else judge_denial
            judge_any(message, _last_name(message, message.question[0].name), rdtype)
    return message
