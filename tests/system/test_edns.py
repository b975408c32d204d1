"""EDNS over UDP and TCP: cookies, NSID, extended errors, keepalive and more. Response rate limiting."""

import socket
import struct
import time

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

from machine import until
from pool import APEX, Pool

NSID, ECS, COOKIE, KEEPALIVE, EDE, REPORT = 3, 8, 10, 11, 15, 18
CLIENT = b"\x24\x64\xc4\xab\xcf\x10\xc9\x57"
SECRET = "e5e973e5a6b2a43f48e7dc849e37bfcf"
AGENT = b"\x06report\x07example\x00"
SO_RCVBUFFORCE = 33  # Linux; the socket module lacks it


@pytest.fixture(scope="module")
def zone(shared_machine):
    pool = Pool(shared_machine).init()
    pool.add("alice", "127.0.1.1", "2001:db8::11")
    pool.cli("member", "override", "alice", "eligible")
    pool.cli("cookie", "set", SECRET)
    pool.serve("--workers", "2", "--nsid", "ams-1", "--version-text", "a nameserver", listen=["127.0.0.1@53", "::1@53"])
    yield pool
    pool.stop()


def asked(zone, *options, name=APEX, rdtype="SOA", payload=1232, dnssec=False):
    query = dns.message.make_query(name, rdtype, flags=0)
    query.use_edns(0, dns.flags.DO if dnssec else 0, payload,
                   options=[dns.edns.GenericOption(code, data) for code, data in options])
    return query


def option(message, code):
    """The data of the only option with this code, or None."""
    found = [o for o in message.options if o.otype == code]
    assert len(found) <= 1
    return found[0].to_wire() if found else None


def send(zone, query, tcp=False):
    return zone.send(query, tcp=tcp)


def cookie_of(zone, sent=CLIENT, tcp=False):
    return option(send(zone, asked(zone, (COOKIE, sent)), tcp), COOKIE)


# (RFC section, option in the query, RCODE, options in the response).
ROWS = [
    ("7873 5.2.2 empty cookie", [(COOKIE, b"")], "FORMERR", set()),
    ("7873 5.2.2 cookie of 7", [(COOKIE, bytes(7))], "FORMERR", set()),
    ("7873 5.2.2 cookie of 9", [(COOKIE, bytes(9))], "FORMERR", set()),
    ("7873 5.2.2 cookie of 15", [(COOKIE, bytes(15))], "FORMERR", set()),
    ("7873 5.2.2 cookie of 41", [(COOKIE, bytes(41))], "FORMERR", set()),
    ("7873 5.2.3 client cookie", [(COOKIE, bytes(8))], "NOERROR", {COOKIE}),
    ("7873 5.2.4 foreign server cookie of 8", [(COOKIE, bytes(16))], "NOERROR", {COOKIE}),
    ("7873 5.2.4 foreign server cookie of 16", [(COOKIE, bytes(24))], "NOERROR", {COOKIE}),
    ("7873 5.2.4 foreign server cookie of 32", [(COOKIE, bytes(40))], "NOERROR", {COOKIE}),
    ("7873 5.2 two cookies: the first counts", [(COOKIE, bytes(8)), (COOKIE, bytes(3))], "NOERROR", {COOKIE}),
    ("5001 2.2 NSID", [(NSID, b"")], "NOERROR", {NSID}),
    ("5001 2.1 NSID with content", [(NSID, b"me")], "NOERROR", {NSID}),
    ("6891 6.1.2 unknown option", [(65001, b"local")], "NOERROR", set()),
    ("6891 6.1.2 unknown option of no octets", [(4242, b"")], "NOERROR", set()),
    ("8914 2 an extended error in a query", [(EDE, b"\0\0")], "NOERROR", set()),
    ("9567 6.1 a report channel in a query", [(REPORT, AGENT)], "NOERROR", set()),
    ("7871 7.2.1 subnet", [(ECS, b"\0\1\x18\0\xc0\0\2")], "NOERROR", {ECS}),
    ("all at once", [(NSID, b""), (COOKIE, bytes(8)), (ECS, b"\0\1\x18\0\xc0\0\2"), (65001, b"x")], "NOERROR",
     {NSID, COOKIE, ECS}),
]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("what, options, rcode, codes", ROWS, ids=[row[0] for row in ROWS])
def test_option(zone, what, options, rcode, codes, tcp):
    answer = send(zone, asked(zone, *options), tcp)
    assert dns.rcode.to_text(answer.rcode()) == rcode
    assert {o.otype for o in answer.options} == codes
    assert answer.edns == 0


def test_no_option_in_a_response_without_edns(zone):
    answer = zone.ask("example.", "A", edns=False)
    assert answer.edns == -1 and answer.rcode() == dns.rcode.REFUSED


# RFC 7828 3.2.1 and 3.3.2
@pytest.mark.parametrize("tcp, content, expected", [
    (False, b"", None), (False, b"\0\1", None), (True, b"", struct.pack("!H", 100)), (True, b"\0\1", struct.pack("!H", 100)),
])
def test_keepalive_is_for_tcp(zone, tcp, content, expected):
    assert option(send(zone, asked(zone, (KEEPALIVE, content)), tcp), KEEPALIVE) == expected


def test_keepalive_is_not_volunteered(zone):
    assert option(send(zone, asked(zone), True), KEEPALIVE) is None


# Extended errors, RFC 8914 4 and RFC 9824 3.5.
EXTENDED = [
    ("example.", "A", "IN", "REFUSED", 20), (".", "NS", "IN", "REFUSED", 20), ("version.other.", "TXT", "CH", "REFUSED", 20),
    (APEX, "A", "HS", "REFUSED", 20), (APEX, "AXFR", "IN", "REFUSED", 21), (APEX, "IXFR", "IN", "REFUSED", 21),
    (APEX, "TYPE128", "IN", "FORMERR", 30), (APEX, "OPT", "IN", "FORMERR", 30), (APEX, "SOA", "IN", "NOERROR", None),
    (f"missing.{APEX}", "A", "IN", "NXDOMAIN", None), (APEX, "MX", "IN", "NOERROR", None),
]


def _by_hand(name, rdtype, rdclass="IN", options=b"", questions=1, edns=True, opcode=0):
    """A query that dnspython cannot make."""
    wire = struct.pack("!HHHHHH", 4711, opcode << 11, questions, 0, 0, int(edns))
    if questions:
        wire += dns.name.from_text(name).to_wire() + struct.pack("!HH", dns.rdatatype.from_text(rdtype),
                                                                dns.rdataclass.from_text(rdclass))
    if edns:
        wire += b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(options)) + options
    return wire


def _exchange(wire, timeout=3, address="127.0.0.1"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(timeout)
        sender.sendto(wire, (address, 53))
        return sender.recv(65535)


def _opt(wire):
    """The options of a response whose only record is the OPT, if any: {code: data}."""
    at = 12
    if wire[4:6] == b"\0\1":
        while wire[at]:
            at += 1 + wire[at]
        at += 5
    assert wire[at:at + 3] == b"\0\0\x29"
    (length,) = struct.unpack("!H", wire[at + 9:at + 11])
    data, options = wire[at + 11:], {}
    assert len(data) == length
    while data:
        code, size = struct.unpack("!HH", data[:4])
        options[code] = data[4:4 + size]
        data = data[4 + size:]
    return options


@pytest.mark.parametrize("name, rdtype, rdclass, rcode, code", EXTENDED)
def test_extended_error(zone, name, rdtype, rdclass, rcode, code):
    wire = _exchange(_by_hand(name, rdtype, rdclass))
    assert dns.rcode.to_text(wire[3] & 15) == rcode
    if code is not None:
        assert _opt(wire) == {EDE: struct.pack("!H", code)}
    else:
        assert not [o for o in dns.message.from_wire(wire).options if o.otype == EDE]
    plain = _exchange(_by_hand(name, rdtype, rdclass, edns=False))
    assert plain[10:12] == b"\0\0", "no OPT, so no extended error"


def test_ixfr_with_its_soa_is_refused_with_opt(zone):
    soa = dns.name.from_text(APEX).to_wire() + struct.pack("!HHIH", 6, 1, 0, 22) + b"\0\0" + bytes(20)
    wire = bytearray(_by_hand(APEX, "IXFR", edns=False) + soa + b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0))
    wire[9] = wire[11] = 1
    answer = _exchange(bytes(wire))
    assert answer[3] & 15 == dns.rcode.REFUSED and _opt(answer) == {EDE: b"\0\x15"}


def test_server_cookie_is_that_of_rfc_9018(zone):
    cookie = cookie_of(zone)
    assert cookie[:8] == CLIENT and cookie[8:12] == b"\1\0\0\0" and len(cookie) == 24
    assert abs(struct.unpack("!I", cookie[12:16])[0] - time.time()) < 60


def test_good_cookie_comes_back_as_it_is(zone):
    cookie = cookie_of(zone)
    time.sleep(1.1)
    assert cookie_of(zone, cookie) == cookie
    assert cookie_of(zone, cookie, tcp=True) == cookie
    assert cookie_of(zone, cookie[:-1] + bytes([cookie[-1] ^ 1])) != cookie
    assert cookie_of(zone, cookie + b"x") != cookie
    renewed = cookie_of(zone, bytes(8) + cookie[8:])
    assert renewed[:8] == bytes(8) and renewed[16:] != cookie[16:], "a server cookie belongs to a client cookie"


def test_cookie_is_bound_to_the_address(zone):
    cookie = cookie_of(zone)
    query = asked(zone, (COOKIE, cookie)).to_wire()
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.settimeout(3)
        sender.sendto(query, ("::1", 53))
        answer = dns.message.from_wire(sender.recv(4096))
    assert answer.rcode() == dns.rcode.NOERROR and option(answer, COOKIE)[16:] != cookie[16:]


# RFC 7873 5.4
@pytest.mark.parametrize("options, rcode", [
    (struct.pack("!HH", COOKIE, 8) + CLIENT, 0), (struct.pack("!HH", COOKIE, 24) + bytes(24), 0), (b"", 1),
    (struct.pack("!HH", COOKIE, 9) + bytes(9), 1), (struct.pack("!HH", NSID, 0), 1),
])
def test_cookie_without_question(zone, options, rcode):
    wire = _exchange(_by_hand("", "", options=options, questions=0))
    assert wire[3] & 15 == rcode and wire[4:10] == bytes(6)
    assert (COOKIE in _opt(wire)) == (rcode == 0)


def test_every_cut_of_the_options_is_a_format_error(zone):
    options = struct.pack("!HH", COOKIE, 8) + CLIENT + struct.pack("!HH", NSID, 0) + struct.pack("!HHH", KEEPALIVE, 2, 1)
    whole = {12, 16, len(options)}
    for length in range(1, len(options) + 1):
        wire = _exchange(_by_hand(APEX, "SOA", options=options[:length]))
        assert wire[3] & 15 == (0 if length in whole else 1), length


def test_secret_is_staged_and_rolled_without_a_gap(zone):
    # Two workers may adopt a new zone state at slightly different times, so wait for the change, then ask several times.
    def stable(check):
        return all(check() for _ in range(12))

    before = cookie_of(zone)
    zone.cli("cookie", "stage", "dd3bdf9344b678b185a6f5cb60fca715")
    assert stable(lambda: cookie_of(zone, before) == before), "the one in use still makes and proves"
    zone.cli("cookie", "roll")
    until(lambda: stable(lambda: cookie_of(zone, before) != before), 20, "cookies are made with the new secret")
    after = cookie_of(zone)
    assert stable(lambda: cookie_of(zone, after) == after)
    assert {name for name, there in zone.json("cookie", "show").items() if there is True} == {"current", "previous"}
    zone.cli("cookie", "set", SECRET)
    until(lambda: stable(lambda: cookie_of(zone, before) == before), 20, "the first secret is back")
    assert cookie_of(zone, after) != after


def test_cookie_commands(zone):
    assert SECRET not in zone.cli("cookie", "show").stdout
    assert SECRET in zone.cli("cookie", "show", "--secrets").stdout
    assert zone.json("cookie", "show", "--secrets")["current"] == SECRET
    for bad in ("12", "g" * 32, SECRET + "00"):
        assert bad not in zone.refused("cookie", "set", bad)


@pytest.mark.parametrize("name, text", [
    ("version.bind", "a nameserver"), ("VERSION.server", "a nameserver"), ("hostname.bind", "ams-1"), ("id.server", "ams-1"),
])
def test_chaos(zone, name, text):
    query = dns.message.make_query(name, "TXT", rdclass="CH", flags=0)
    for tcp in (False, True):
        answer = send(zone, query, tcp)
        assert answer.rcode() == dns.rcode.NOERROR
        assert [rrset[0].strings for rrset in answer.answer] == [(text.encode(),)]
        assert answer.answer[0].rdclass == dns.rdataclass.CH
    assert send(zone, dns.message.make_query(name, "A", rdclass="CH")).rcode() == dns.rcode.REFUSED


def test_nsid_is_the_text(zone):
    assert option(send(zone, asked(zone, (NSID, b""))), NSID) == b"ams-1"
    assert option(send(zone, asked(zone, (NSID, b""), name="example.")), NSID) == b"ams-1"


def test_report_agent_is_named_in_every_edns_response(zone):
    zone.cli("zone", "set", "report-agent", "report.example")
    until(lambda: option(send(zone, asked(zone)), REPORT) == AGENT, 20, "the agent is named")
    time.sleep(0.3)
    for name in (APEX, f"missing.{APEX}", "example."):
        assert option(send(zone, asked(zone, name=name)), REPORT) == AGENT
    assert zone.ask(APEX, "SOA", edns=False).edns == -1
    assert "outside" in zone.refused("zone", "set", "report-agent", f"reports.{APEX}")
    zone.cli("zone", "set", "report-agent", "none")
    until(lambda: option(send(zone, asked(zone)), REPORT) is None, 20, "no agent again")


def test_options_count_before_truncation(zone):
    """At every payload size of a client the response has all options and fits, complete or with TC."""
    options = [(COOKIE, CLIENT), (NSID, b""), (ECS, b"\0\1\x18\0\xc0\0\2")]
    full = len(_exchange(asked(zone, *options, name=f"missing.{APEX}", rdtype="A", payload=1232, dnssec=True).to_wire()))
    assert 530 < full < 1232
    for size in range(512, full + 3):
        answer = _exchange(asked(zone, *options, name=f"missing.{APEX}", rdtype="A", payload=size, dnssec=True).to_wire())
        message = dns.message.from_wire(answer)
        assert len(answer) <= size and {o.otype for o in message.options} == {COOKIE, NSID, ECS}
        assert bool(message.flags & dns.flags.TC) == (size < full), (size, full)


@pytest.fixture
def limited(zone):
    zone.cli("zone", "set", "rrl-rate", "20")
    time.sleep(1.3)
    yield zone
    zone.cli("zone", "set", "rrl-rate", "0")
    zone.cli("zone", "set", "rrl-slip", "2")
    time.sleep(0.3)


def _flood(zone, query, count=200):
    """The answers to `count` queries sent at once, and the seconds they took. The last query has a cookie, which exempts it from the
    limit: its answer marks the end."""
    last = asked(zone, (COOKIE, cookie_of(zone, tcp=True)))
    last.id = 1
    query.id = 2
    flood = query.to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 21)
        sender.settimeout(10)
        began = time.monotonic()
        for _ in range(count):
            sender.sendto(flood, ("127.0.0.1", 53))
        sender.sendto(last.to_wire(), ("127.0.0.1", 53))
        answers = []
        while True:
            answer = dns.message.from_wire(sender.recv(4096))
            if answer.id == last.id:
                return answers, time.monotonic() - began
            answers.append(answer)


@pytest.mark.parametrize("name, kind", [(f"alice.{APEX}", "answer"), (f"missing.{APEX}", "NXDOMAIN"), ("example.", "REFUSED")])
def test_flood_is_limited_and_every_second_slips(limited, name, kind):
    answers, seconds = _flood(limited, dns.message.make_query(name, "A", flags=0))
    slipped = [a for a in answers if a.flags & dns.flags.TC]
    whole = [a for a in answers if not a.flags & dns.flags.TC]
    assert 20 <= len(whole) <= 21 + 20 * seconds
    assert abs(len(slipped) - (200 - len(whole)) / 2) <= 2
    assert all(not a.answer and not a.authority and a.question for a in slipped)
    assert send(limited, dns.message.make_query(name, "A"), tcp=True).flags & dns.flags.TC == 0


def test_client_with_a_good_cookie_is_not_limited(limited):
    cookie = cookie_of(limited)
    answers, _ = _flood(limited, asked(limited, (COOKIE, cookie)))
    assert len(answers) == 200 and all(a.answer for a in answers)


def test_client_with_half_a_cookie_is_told_to_complete_it(limited):
    answers, seconds = _flood(limited, asked(limited, (COOKIE, CLIENT)))
    bad = [a for a in answers if a.rcode() == dns.rcode.BADCOOKIE]
    assert len(bad) >= 88 - 10 * seconds and not any(a.answer for a in bad)
    assert send(limited, asked(limited, (COOKIE, option(bad[0], COOKIE)))).answer
    assert send(limited, asked(limited, (COOKIE, CLIENT)), tcp=True).rcode() == dns.rcode.NOERROR, "TCP proves it too"


@pytest.mark.parametrize("slip, most", [("0", 0), ("1", 180)])
def test_slip_is_set(limited, slip, most):
    limited.cli("zone", "set", "rrl-slip", slip)
    time.sleep(1.3)
    answers, seconds = _flood(limited, dns.message.make_query(f"alice.{APEX}", "A", flags=0))
    assert most - 1 - 20 * seconds <= len([a for a in answers if a.flags & dns.flags.TC]) <= most
