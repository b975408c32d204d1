"""The server's answers, query by query, judged with dnspython."""

import socket
import struct

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

from machine import ROOT, run, until
from pool import APEX, SRV, Pool, records

NL = ("198.18.7.0", 24, 0)
DE = ("198.19.7.0", 24, 0)
NL6 = ("2001:db8:a::", 56, 0)
ELSEWHERE = ("192.0.2.0", 24, 0)

ZONE_FILE = f"""$ORIGIN {APEX}.
@ 600 IN MX 10 mail
@ 600 IN TXT "the pool" "for tests"
www 600 IN A 203.0.113.80
www 600 IN AAAA 2001:db8::80
mail 600 IN A 203.0.113.25
web 600 IN CNAME www
deep.under.nothing 600 IN TXT "below empty names"
"""


@pytest.fixture(scope="module")
def zone(shared_machine):
    machine = shared_machine
    machine.add_address("2001:db8::2")
    ranges = machine.write("ranges.csv", "198.18.0.0,198.18.255.255,NL\n198.19.0.0,198.19.255.255,DE\n"
                                         "2001:db8:a::,2001:db8:a:ffff:ffff:ffff:ffff:ffff,NL\n")
    locations = machine.directory / "locations.mmdb"
    run("/usr/bin/perl", ROOT / "tools" / "make-locations", locations, ranges)
    pool = Pool(machine).init("--ns", f"ns2.{APEX}=127.0.0.2,2001:db8::2")
    pool.cli("zone", "set", "ca", "ca.example")
    pool.add("alice", "127.0.1.1", "2001:db8::11", country="NL")
    pool.add("bob", "127.0.1.2", country="DE")
    pool.add("carol", "2001:db8::13", country="DE")
    pool.cli("member", "add", "dave", "--target", "ntp1.example.net", "--country", "DE", "--operator", "dave")
    pool.add("nobody", "127.0.1.99", country="NL")
    for name in ("alice", "bob", "carol", "dave"):
        pool.cli("member", "override", name, "eligible")
    pool.cli("record", "load", machine.write("static.zone", ZONE_FILE))
    pool.serve("--workers", "2", "--locations", locations, listen=["127.0.0.1@53", "::1@53"])
    yield pool
    pool.stop()


POSITIVE = [
    (APEX, "NS", [f"ns1.{APEX}.", f"ns2.{APEX}."]),
    (f"ns1.{APEX}", "A", ["127.0.0.1"]),
    (f"ns2.{APEX}", "A", ["127.0.0.2"]),
    (f"ns2.{APEX}", "AAAA", ["2001:db8::2"]),
    (APEX, "CAA", ['0 issue ";"', '0 issuewild ";"']),
    (APEX, "MX", [f"10 mail.{APEX}."]),
    (APEX, "TXT", ['"the pool" "for tests"']),
    (f"alice.{APEX}", "A", ["127.0.1.1"]),
    (f"alice.{APEX}", "AAAA", ["2001:db8::11"]),
    (f"alice.{APEX}", "CAA", ['0 issue "ca.example; validationmethods=http-01,tls-alpn-01"', '0 issuewild ";"']),
    (f"nobody.{APEX}", "A", ["127.0.1.99"]),
    (f"www.{APEX}", "A", ["203.0.113.80"]),
    (f"www.{APEX}", "AAAA", ["2001:db8::80"]),
    (f"deep.under.nothing.{APEX}", "TXT", ['"below empty names"']),
    (f"web.{APEX}", "CNAME", [f"www.{APEX}."]),
]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("name, rdtype, expected", POSITIVE)
def test_positive_answer(zone, name, rdtype, expected, tcp):
    answer = zone.ask(name, rdtype, tcp=tcp)
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.flags & dns.flags.AA and not answer.flags & (dns.flags.TC | dns.flags.RA | dns.flags.AD)
    assert records(answer, rdtype) == expected
    assert len(answer.answer) == 1 and not answer.authority, "minimal, and no signature unless asked for"


@pytest.mark.parametrize("name, rdtype, expected", POSITIVE)
def test_positive_answer_is_signed_on_request(zone, name, rdtype, expected):
    answer = zone.ask(name, rdtype, dnssec=True)
    assert records(answer, rdtype) == expected
    (data, signature) = answer.answer
    assert signature.rdtype == dns.rdatatype.RRSIG and signature[0].type_covered == dns.rdatatype.from_text(rdtype)
    assert signature.ttl == data.ttl == signature[0].original_ttl
    assert signature[0].signer == dns.name.from_text(APEX)
    assert answer.ednsflags & dns.flags.DO


def test_soa(zone):
    (text,) = records(zone.ask(APEX, "SOA"), "SOA")
    primary, mailbox = text.split()[:2]
    assert (primary, mailbox) == (f"ns1.{APEX}.", f"hostmaster.{APEX}.")


def test_keys_are_published(zone):
    flags = sorted(int(text.split()[0]) for text in records(zone.ask(APEX, "DNSKEY", payload=4096), "DNSKEY"))
    assert flags == [256, 257]


def test_parent_records_announce_the_ksk(zone):
    (cds,) = records(zone.ask(APEX, "CDS"), "CDS")
    (cdnskey,) = records(zone.ask(APEX, "CDNSKEY"), "CDNSKEY")
    assert cdnskey in records(zone.ask(APEX, "DNSKEY", payload=4096), "DNSKEY")
    assert cds.split()[2] == "2", "digest SHA-256"
    assert cds.lower().replace(" ", "") in zone.cli("key", "ds").stdout.lower().replace(" ", "")


def test_cname_leads_to_other_types(zone):
    answer = zone.ask(f"web.{APEX}", "A")
    assert records(answer, "CNAME") == [f"www.{APEX}."]
    assert records(answer, "A") in ([], ["203.0.113.80"])


EVERYBODY = {"alice", "bob", "carol", "ntp1.example.net."}


@pytest.mark.parametrize("client", [NL, NL6, DE, ELSEWHERE])
def test_srv_of_a_small_pool_has_everybody(zone, client):
    assert zone.targets(30, ecs=client) == EVERYBODY


@pytest.mark.parametrize("region, expected", [
    ("nl", {"alice"}), ("de", {"bob", "carol", "ntp1.example.net."}), ("Europe", EVERYBODY),
])
def test_region_has_its_own_members_for_every_client(zone, region, expected):
    for client in (NL, ELSEWHERE):
        answer = zone.ask(f"_ntske._tcp.{region}.{APEX}", "SRV", ecs=client, dnssec=True)
        targets = {record.target.relativize(dns.name.from_text(APEX)).to_text() for record in answer.answer[0]}
        assert targets == expected
        assert answer.answer[1].rdtype == dns.rdatatype.RRSIG
        (option,) = [option for option in answer.options if option.otype == dns.edns.ECS]
        assert option.scopelen == 0, "the same for all"


@pytest.mark.parametrize("region", ["fr", "asia", "atlantis"])
def test_region_without_members_does_not_exist(zone, region):
    assert zone.ask(f"_ntske._tcp.{region}.{APEX}", "SRV").rcode() == dns.rcode.NXDOMAIN


def test_srv_shape(zone):
    answer = zone.ask(SRV, "SRV", ecs=DE)
    texts = records(answer, "SRV")
    assert len(texts) == 4 and all(text.startswith("0 1 4460 ") for text in texts)
    assert not answer.additional, "minimal"


def test_srv_rotates(zone):
    firsts = {zone.ask(SRV, "SRV", ecs=ELSEWHERE).answer[0][0].to_text() for _ in range(40)}
    assert len(firsts) > 1


@pytest.mark.parametrize("client, scope", [(NL, 16), (DE, 16), (NL6, 48)])
def test_scope_is_the_location_file_s(zone, client, scope):
    (option,) = zone.ask(SRV, "SRV", ecs=client).options
    assert (option.address, option.srclen, option.scopelen) == (client[0], client[1], scope)


@pytest.mark.parametrize("client, scope", [
    (("198.18.3.77", 32), 16),  # longer than the file's prefix: the scope is the length of the file's prefix
    (("198.16.0.0", 12), 15),   # shorter than the file's prefixes: 198.16.0.0 is looked up, and the file does not have it
    (("0.0.0.0", 0), 0),        # the client wants no tailored answer (RFC 7871 7.1.2)
    (("::", 0), 0),
    (("10.1.2.0", 24), 1),      # a private address gets the answer for the whole world
])
def test_scope_for_subnets_that_fit_no_prefix(zone, client, scope):
    answer = zone.ask(SRV, "SRV", ecs=client)
    (option,) = answer.options
    assert (option.address, option.srclen, option.scopelen) == (client[0], client[1], scope)
    assert answer.answer


def test_scope_of_an_untailored_name_is_zero(zone):
    (option,) = zone.ask(f"alice.{APEX}", "A", ecs=NL).options
    assert (option.srclen, option.scopelen) == (24, 0)


def test_ecs_is_not_volunteered(zone):
    assert not [option for option in zone.ask(SRV, "SRV").options if option.otype == dns.edns.ECS]


@pytest.mark.parametrize("option", [b"\x00\x01\x21\x00\x01\x02\x03\x04\x05", b"\x00\x03\x08\x00\x01", b"\x00\x01\x18",
                                    b"\x00", b"\x00\x01\x18\x00\x01\x02\x03\x04"])
def test_malformed_ecs_is_a_format_error(zone, option):
    query = zone.query(SRV, "SRV")
    query.use_edns(0, 0, 1232, options=[dns.edns.GenericOption(dns.edns.ECS, option)])
    assert zone.send(query).rcode() == dns.rcode.FORMERR


NODATA = [(f"alice.{APEX}", "MX"), (f"bob.{APEX}", "AAAA"), (APEX, "A"), (APEX, "AAAA"), (SRV, "A"), (f"www.{APEX}", "SRV"),
          (f"_tcp.{APEX}", "A"), (f"nl.{APEX}", "A"), (f"_tcp.nl.{APEX}", "SRV"), (f"_ntske._tcp.nl.{APEX}", "A"), (f"_tcp.{APEX}", "SRV"), (f"nothing.{APEX}", "TXT"), (f"under.nothing.{APEX}", "A"),
          (f"alice.{APEX}", "DS"), (f"alice.{APEX}", "DNSKEY")]
NXDOMAIN = [f"missing.{APEX}", f"a.b.c.missing.{APEX}", f"x.alice.{APEX}", f"_udp.{APEX}", f"x._tcp.{APEX}", f"0.{APEX}",
            f"zzzz.{APEX}", f"x.under.nothing.{APEX}", f"dave.{APEX}", f"x.{SRV}"]


@pytest.mark.parametrize("name, rdtype", NODATA)
def test_nodata(zone, name, rdtype):
    answer = zone.ask(name, rdtype)
    assert answer.rcode() == dns.rcode.NOERROR and answer.flags & dns.flags.AA and not answer.answer
    (soa,) = answer.authority
    assert soa.rdtype == dns.rdatatype.SOA and soa.ttl <= soa[0].minimum
    signed = zone.ask(name, rdtype, dnssec=True, payload=4096)
    types = [rrset.rdtype for rrset in signed.authority]
    assert dns.rdatatype.NSEC in types and types.count(dns.rdatatype.RRSIG) == 2


@pytest.mark.parametrize("name", NXDOMAIN)
def test_nxdomain(zone, name):
    for rdtype in ("A", "SRV"):
        answer = zone.ask(name, rdtype)
        assert answer.rcode() == dns.rcode.NXDOMAIN and answer.flags & dns.flags.AA and not answer.answer
        assert [rrset.rdtype for rrset in answer.authority] == [dns.rdatatype.SOA]
    signed = zone.ask(name, "A", dnssec=True, payload=4096)
    nsecs = [rrset for rrset in signed.authority if rrset.rdtype == dns.rdatatype.NSEC]
    asked = dns.name.from_text(name)
    assert 1 <= len(nsecs) <= 2
    assert any(_covers(rrset, asked) for rrset in nsecs), signed
    encloser = asked.parent()
    while zone.ask(encloser.to_text(), "A").rcode() == dns.rcode.NXDOMAIN:
        encloser = encloser.parent()
    assert any(_covers(rrset, dns.name.Name((b"*",) + encloser.labels)) for rrset in nsecs), signed


def _canonical(name):
    return [label.lower() for label in reversed(name.labels)]


def _covers(rrset, name):
    owner, following = _canonical(rrset.name), _canonical(rrset[0].next)
    here = _canonical(name)
    return owner < here and (here < following or following == _canonical(dns.name.from_text(APEX)))


def test_nsec_at_a_name_lists_its_types(zone):
    answer = zone.ask(f"alice.{APEX}", "NSEC", dnssec=True)
    (text,) = records(answer, "NSEC")
    assert text.split()[1:] == ["A", "AAAA", "RRSIG", "NSEC", "CAA"]


def test_chain_of_nsec_goes_round(zone):
    """Each NSEC names the next owner; the last one names the apex."""
    name, seen = f"{APEX}.", []
    while name not in seen:
        seen.append(name)
        (text,) = records(zone.ask(name, "NSEC"), "NSEC")
        name = text.split()[0]
    assert name == f"{APEX}."
    labels = {text.removesuffix(f"{APEX}.").rstrip(".") for text in seen}
    assert labels == {"", "alice", "bob", "carol", "nobody", "ns1", "ns2", "www", "mail", "web", "deep.under.nothing",
                      "_ntske._tcp", "_ntske._tcp.nl", "_ntske._tcp.de", "_ntske._tcp.europe"}


@pytest.mark.parametrize("name", ["example.", ".", "test.", "notpool.test.", "xpool.test.", "pool.test.example."])
def test_outside_the_zone_is_refused(zone, name):
    answer = zone.ask(name, "A")
    assert answer.rcode() == dns.rcode.REFUSED
    assert not answer.flags & dns.flags.AA and not (answer.answer or answer.authority)


@pytest.mark.parametrize("name", [APEX, f"alice.{APEX}", SRV, f"www.{APEX}"])
def test_any_is_minimal(zone, name):
    """RFC 8482 4.1: the answer has one RRset, or a HINFO."""
    answer = zone.ask(name, "ANY")
    assert answer.rcode() == dns.rcode.NOERROR and len(answer.answer) == 1
    signed = zone.ask(name, "ANY", dnssec=True)
    assert len({rrset.rdtype for rrset in signed.answer} - {dns.rdatatype.RRSIG}) <= 1
    assert len(signed.to_wire()) < 512


def test_any_of_a_missing_name(zone):
    assert zone.ask(f"missing.{APEX}", "ANY").rcode() == dns.rcode.NXDOMAIN


def test_letter_case_is_kept(zone):
    query = zone.query("aLiCe.PoOl.TeSt", "A")
    wire = query.to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(3)
        sender.sendto(wire, ("127.0.0.1", 53))
        reply = sender.recv(4096)
    assert b"\x05aLiCe\x04PoOl\x04TeSt\x00" in reply
    assert records(dns.message.from_wire(reply), "A") == ["127.0.1.1"]


def _raw(wire, timeout=0.5, family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.settimeout(timeout)
        sender.sendto(wire, ("127.0.0.1" if family == socket.AF_INET else "::1", 53))
        try:
            return sender.recv(65535)
        except socket.timeout:
            return None


def test_over_ipv6(zone):
    reply = dns.message.from_wire(_raw(zone.query(f"alice.{APEX}", "A").to_wire(), 3, socket.AF_INET6))
    assert records(reply, "A") == ["127.0.1.1"]


def test_response_is_dropped(zone):
    query = zone.query(APEX, "SOA")
    query.flags |= dns.flags.QR
    assert _raw(query.to_wire()) is None


@pytest.mark.parametrize("length", range(12))
def test_shorter_than_a_header_is_dropped(zone, length):
    assert _raw(zone.query(APEX, "SOA").to_wire()[:length], 0.05) is None


def test_cut_question_is_a_format_error_or_dropped(zone):
    wire = zone.query(APEX, "SOA", edns=False).to_wire()
    for length in range(12, len(wire)):
        reply = _raw(wire[:length], 0.2)
        assert reply is None or reply[3] & 15 == dns.rcode.FORMERR
    assert _raw(wire) is not None


def test_two_questions_are_a_format_error(zone):
    """RFC 9619."""
    wire = bytearray(zone.query(APEX, "SOA", edns=False).to_wire())
    wire[5] = 2
    reply = _raw(bytes(wire) + wire[12:], 3)
    assert reply[3] & 15 == dns.rcode.FORMERR and struct.unpack("!H", reply[4:6])[0] < 2


def test_no_question_is_a_format_error(zone):
    reply = _raw(struct.pack("!6H", 77, 0, 0, 0, 0, 0), 3)
    assert reply[:2] == b"\x00\x4d" and reply[3] & 15 == dns.rcode.FORMERR


def test_pointer_in_the_question_is_a_format_error(zone):
    reply = _raw(struct.pack("!6H", 77, 0, 1, 0, 0, 0) + b"\xc0\x0c\x00\x01\x00\x01", 3)
    assert reply[3] & 15 == dns.rcode.FORMERR


@pytest.mark.parametrize("opcode", [dns.opcode.IQUERY, dns.opcode.STATUS, 3, dns.opcode.NOTIFY, dns.opcode.UPDATE, 6, 15])
def test_other_opcodes_are_not_implemented(zone, opcode):
    wire = bytearray(zone.query(APEX, "SOA").to_wire())
    wire[2] = opcode << 3
    reply = _raw(bytes(wire), 3)
    assert reply[3] & 15 in (dns.rcode.NOTIMP, dns.rcode.REFUSED)
    assert reply[2] >> 3 & 15 == opcode


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR"])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_transfers_are_refused(zone, rdtype, tcp):
    assert zone.send(zone.query(APEX, rdtype), tcp=tcp).rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("rdclass", [dns.rdataclass.CH, dns.rdataclass.HS, 4711])
def test_other_classes_are_refused(zone, rdclass):
    query = dns.message.make_query(APEX, "SOA", rdclass=rdclass)
    assert zone.send(query).rcode() == dns.rcode.REFUSED


def test_edns_is_answered_with_edns(zone):
    """RFC 6891 6.1.1."""
    assert zone.ask(APEX, "SOA").edns == 0
    assert zone.ask(APEX, "SOA", edns=False).edns == -1
    for rcode_name in (f"missing.{APEX}", "example."):
        assert zone.ask(rcode_name, "A").edns == 0


def test_newer_edns_version_is_bad(zone):
    """RFC 6891 6.1.3."""
    query = zone.query(APEX, "SOA")
    query.use_edns(1, 0, 1232)
    answer = zone.send(query)
    assert answer.rcode() == dns.rcode.BADVERS and answer.edns == 0 and not answer.answer


def test_unknown_edns_options_and_flags_are_ignored(zone):
    query = zone.query(APEX, "SOA")
    query.use_edns(0, 0x4000, 1232, options=[dns.edns.GenericOption(65001, b"what")])
    answer = zone.send(query)
    assert answer.rcode() == dns.rcode.NOERROR and answer.answer and not answer.options
    assert answer.ednsflags & 0x4000 == 0


def test_two_opts_are_a_format_error(zone):
    wire = bytearray(zone.query(APEX, "SOA").to_wire())
    wire[11] = 2
    reply = _raw(bytes(wire) + b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00", 3)
    assert reply[3] & 15 == dns.rcode.FORMERR


@pytest.mark.parametrize("payload", [0, 512, 600, 1232])
@pytest.mark.parametrize("name, rdtype", [(APEX, "DNSKEY"), (f"zzzz.{APEX}", "A"), (SRV, "SRV"), (f"alice.{APEX}", "CAA")])
def test_answer_fits_or_is_truncated(zone, name, rdtype, payload):
    wire = zone.query(name, rdtype, dnssec=True, payload=payload).to_wire()
    reply = _raw(wire, 3)
    assert len(reply) <= max(512, payload)
    answer = dns.message.from_wire(reply, ignore_trailing=False)
    with socket.create_connection(("127.0.0.1", 53), 3) as connection:
        connection.sendall(_frame(wire))
        whole = _tcp_replies(connection, 1)[0]
    assert not dns.message.from_wire(whole).flags & dns.flags.TC
    if len(whole) > max(512, payload):
        assert answer.flags & dns.flags.TC and answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
    else:
        assert not answer.flags & dns.flags.TC and (answer.answer or answer.authority)


def test_no_edns_means_512_octets(zone):
    reply = _raw(zone.query(APEX, "DNSKEY", edns=False).to_wire(), 3)
    assert len(reply) <= 512


def _frame(wire):
    return struct.pack("!H", len(wire)) + wire


def _tcp_replies(connection, count):
    data, replies = b"", []
    while len(replies) < count:
        data += connection.recv(65535) or pytest.fail("closed too early")
        while len(data) >= 2 and len(data) >= 2 + struct.unpack("!H", data[:2])[0]:
            length = struct.unpack("!H", data[:2])[0]
            replies.append(data[2:2 + length])
            data = data[2 + length:]
    return replies


def test_tcp_takes_pipelined_queries(zone):
    """RFC 7766 6.2.1.1."""
    queries = [zone.query(f"{name}.{APEX}", "A", dnssec=True) for name in ("alice", "bob", "missing", "www")] * 10
    with socket.create_connection(("127.0.0.1", 53), 3) as connection:
        connection.sendall(b"".join(_frame(query.to_wire()) for query in queries))
        replies = [dns.message.from_wire(wire) for wire in _tcp_replies(connection, len(queries))]
    assert sorted(reply.id for reply in replies) == sorted(query.id for query in queries)


def test_tcp_takes_a_query_octet_by_octet(zone):
    query = zone.query(f"alice.{APEX}", "A")
    with socket.create_connection(("127.0.0.1", 53), 3) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in _frame(query.to_wire()):
            connection.sendall(bytes([octet]))
        (reply,) = _tcp_replies(connection, 1)
    assert records(dns.message.from_wire(reply), "A") == ["127.0.1.1"]


def test_tcp_client_that_hangs_up_harms_nobody(zone):
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", 53), 3) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(_frame(zone.query(SRV, "SRV", dnssec=True).to_wire()) * 20)
    assert zone.ask(APEX, "SOA", tcp=True).answer


def test_noise_harms_nobody(zone):
    import random
    dice = random.Random(8914)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        base = zone.query(SRV, "SRV", dnssec=True, ecs=NL).to_wire()
        for _ in range(3000):
            wire = bytearray(base)
            for _ in range(dice.randint(1, 6)):
                wire[dice.randrange(len(wire))] = dice.randrange(256)
            sender.sendto(wire[:dice.randint(0, len(wire))], ("127.0.0.1", 53))
    until(lambda: zone.ask(APEX, "SOA").answer, 20, "it answers still")


def test_longest_names(zone):
    label = "a" * 63
    for name in (f"{label}.{APEX}", f"{label}.{label}.{label}.{'b' * 50}.{APEX}", f"{label}.{label}.{label}.{'b' * 51}.{APEX}"):
        assert zone.ask(name, "A", dnssec=True, payload=4096).rcode() == dns.rcode.NXDOMAIN


class TestChanges:
    """The server soon serves a change made on the command line, with a higher serial. `tests/bench/run --changes` measures the delay."""

    def serial(self, zone):
        return int(records(zone.ask(APEX, "SOA"), "SOA")[0].split()[2])

    def test_member_comes_and_goes(self, zone):
        before = self.serial(zone)
        zone.add("new", "127.0.1.50")
        until(lambda: records(zone.ask(f"new.{APEX}", "A"), "A") == ["127.0.1.50"], 20, "new has its address")
        until(lambda: self.serial(zone) > before, 20, "the serial has moved on")
        zone.cli("member", "set", "new", "--address", "127.0.1.51", "--allow-private")
        until(lambda: records(zone.ask(f"new.{APEX}", "A"), "A") == ["127.0.1.51"], 20, "new has moved")
        zone.cli("member", "remove", "new")
        until(lambda: zone.ask(f"new.{APEX}", "A").rcode() == dns.rcode.NXDOMAIN, 20, "new is gone")

    def test_override(self, zone):
        zone.cli("member", "override", "nobody", "eligible")
        until(lambda: "nobody" in zone.targets(10, ecs=NL), 20, "nobody is handed out")
        zone.cli("member", "override", "nobody", "auto")
        until(lambda: "nobody" not in zone.targets(10, ecs=NL), 20, "nobody is out")

    def test_settings(self, zone):
        zone.cli("zone", "set", "srv-ttl", "77s")
        until(lambda: zone.ask(SRV, "SRV").answer[0].ttl == 77, 20, "the TTL is new")
        zone.cli("zone", "set", "srv-count", "1")
        until(lambda: len(zone.ask(SRV, "SRV").answer[0]) == 1, 20, "one target an answer")

    def test_static_records(self, zone):
        zone.cli("record", "load", zone.machine.write("more.zone", f"ftp.{APEX}. 60 IN A 203.0.113.21\n"))
        until(lambda: records(zone.ask(f"ftp.{APEX}", "A"), "A") == ["203.0.113.21"], 20, "ftp is there")
