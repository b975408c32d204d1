"""RFC requirements for headers, EDNS, malformed messages and TCP, one row per case. test_protocol describes the notation of the
expected reply."""

import socket
import struct

import dns.name
import dns.rcode
import dns.tsig
import pytest

from judge import WILDCARD_PORT, exchange, judge, serve_zone
from pool import APEX, SRV, records
from question import DO, EDNS, make_opt, make_query

MISSING = "NXDOMAIN / SOA NSEC NSEC"


@pytest.fixture(scope="module")
def zone(shared_machine):
    pool = serve_zone(shared_machine)
    yield pool
    pool.stop()


# Headers, EDNS and malformed messages

def _case(source, what, wire, want, *, opt=b"", question=True):
    return pytest.param(wire, want, opt, question, id=f"{source}: {what}")


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
    opt = make_opt(ttl=0x17fff)
    yield _case("RFC 8906 8.2.6", "version 1, Z bits", make_query(alice, "A", opt=opt), "BADVERS", opt=opt)
    opt = make_opt(ttl=0x10000, options=b"\xfd\xe9\0\5what")
    yield _case("RFC 6891 6.1.3", "version 1, cut option", make_query(alice, "A", opt=opt), "BADVERS", opt=opt)
    opt = make_opt(ttl=0x10000)
    yield _case("RFC 6891 6.1.3", "version 1 outside", make_query("example.", "A", opt=opt), "BADVERS", opt=opt)
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
                question=False)
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
        yield _case("RFC 6891 6.1.1", f"{what} with EDNS", make_query(name, rdtype, opt=EDNS), "REFUSED", opt=EDNS)


@pytest.mark.parametrize("wire, want, opt, question", [
    *_transfers(), *_flags(), *_classes(), *_edns(), *_bad_subnets(), *_malformed()])
def test_message(zone, wire, want, opt, question):
    dnssec = len(opt) >= 11 and bool(opt[7] & 0x80)
    judge(zone, wire, exchange(wire), want, opt=opt, dnssec=dnssec, question=question)


@pytest.mark.parametrize("name, rdtype, option, opt", _subnets())
def test_subnet_comes_back(zone, name, rdtype, option, opt):
    """RFC 7871 7.2.1: the reply repeats family, source prefix length and address. Without a location file the scope is 0."""
    wire = make_query(name, rdtype, opt=opt)
    reply = exchange(wire)
    message = judge(zone, wire, reply, f"NOERROR {rdtype}", opt=opt, dnssec=False)
    assert struct.pack("!HH", 8, len(option)) + option in reply and len(message.options) == 1


def test_subnet_without_family_comes_back(zone):
    """RFC 7871 7.1.1. The test compares octets, since dnspython does not parse this option."""
    option = b"\0\x08\0\4" + bytes(4)
    reply = exchange(make_query(SRV, "SRV", opt=make_opt(options=option)))
    assert reply[3] & 15 == dns.rcode.NOERROR and reply.endswith(struct.pack("!H", len(option)) + option)


@pytest.mark.parametrize("flags", [0x8000, 0x8180, 0x8400, 0xa000, 0xffff])
def test_a_response_gets_none(zone, flags):
    """RFC 1035 4.1.1, RFC 8906 3.1.1: a server that answers responses could start an endless exchange with another."""
    assert exchange(make_query(APEX, "SOA", flags=flags), 0.1) is None


OPCODES = {1: "RFC 3425 3", 2: "RFC 1035 4.1.1", 4: "RFC 1996 3", 5: "RFC 2136 2.2", 6: "RFC 8490 5.1"}


@pytest.mark.parametrize("name", [APEX, f"missing.{APEX}", "example."])
@pytest.mark.parametrize("opcode", range(1, 16), ids=lambda code: f"{OPCODES.get(code, 'RFC 1035 4.1.1')}: opcode {code}")
def test_opcode(zone, opcode, name):
    """The server replies NOTIMP. The test compares octets, since dnspython does not know all opcodes."""
    query = make_query(name, "SOA", flags=opcode << 11 | 0x0100)
    reply = exchange(query)
    assert reply[:2] == query[:2] and reply[2:4] == struct.pack("!H", 0x8000 | opcode << 11 | dns.rcode.NOTIMP)
    assert reply[6:12] == bytes(6) and reply[12:] in (b"", query[12:])


def test_unknown_opcode_without_a_question(zone):
    """RFC 8906 8.1.4: a bare header gets NOTIMP."""
    assert exchange(struct.pack("!6H", 77, 15 << 11, 0, 0, 0, 0)) == struct.pack("!6H", 77, 0x8004 | 15 << 11, 0, 0, 0, 0)


@pytest.mark.parametrize("rdtype", ["SOA", "AXFR"])
@pytest.mark.parametrize("tcp", [False, True])
def test_no_key_is_known(zone, rdtype, tcp):
    """RFC 8945 5.2.1: dnspython reads the reply as BADKEY."""
    query = zone.query(APEX, rdtype)
    query.use_tsig({dns.name.from_text("transfer.key."): b"secret of somebody else"})
    with pytest.raises(dns.tsig.PeerBadKey):
        zone.send(query, tcp=tcp)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.7", "127.9.9.9", "::1", "2001:db8::2"])
def test_the_reply_comes_from_the_address_asked(zone, address):
    """RFC 2181 4.1. This also holds for a socket that listens on all addresses."""
    query = make_query(SRV, "SRV", opt=DO)
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(3)
        for _ in range(3):
            sender.sendto(query, (address, WILDCARD_PORT))
            reply, source = sender.recvfrom(65535)
            assert source[:2] == (address, WILDCARD_PORT)
            judge(zone, query, reply, "NOERROR SRV", opt=DO, dnssec=True)


# TCP

def talk(octets, count, timeout=3):
    """Up to `count` replies on one connection; fewer if the server closes it earlier."""
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
    """RFC 7766 8: the server accepts the full range of the length field."""
    head = make_query(APEX, "SOA", counts=(1, 0, 0, 1))
    option = 65535 - len(head) - 11 - 4
    opt = make_opt(options=b"\xfd\xe9" + struct.pack("!H", option) + bytes(option))
    wire = make_query(APEX, "SOA", opt=opt)
    assert len(wire) == 65535
    (reply,) = talk(frame(wire), 1)
    judge(zone, wire, reply, "NOERROR SOA", opt=opt, dnssec=False)


def test_tcp_goes_on_after_a_format_error(zone):
    """RFC 7766 6.2.1: an error in one query does not affect the others."""
    bad, good = make_query(APEX, "SOA", tail=b"x", ident=1), make_query(APEX, "SOA", ident=2)
    replies = {reply[:2]: reply for reply in talk(frame(bad) + frame(good), 2)}
    judge(zone, bad, replies[b"\0\1"], "FORMERR", opt=b"", dnssec=False)
    judge(zone, good, replies[b"\0\2"], "NOERROR SOA", opt=b"", dnssec=False)


@pytest.mark.parametrize("octets", [b"\0\0", b"\0\1x", b"\0\x0b" + b"x" * 11], ids=["0", "1", "11"])
def test_tcp_message_shorter_than_a_header_gets_nothing(zone, octets):
    """RFC 7766 8: the server sends nothing and closes the connection."""
    assert talk(octets, 1) == []
    assert records(zone.ask(f"bob.{APEX}", "A"), "A") == ["127.0.2.1"]
