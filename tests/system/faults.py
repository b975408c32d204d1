"""Faults of NTS servers and correct but unusual behaviour: one row each, with the result that the probe must give.

Each row is a member with its own name and address. The addresses come from a public range, so that the probe treats them
as public. They are local in the tests' network namespace.
"""

import itertools
import os
import socket
import struct
from dataclasses import dataclass, field, replace
from typing import Tuple

from OpenSSL import SSL

import nts
from faultserver import Ways
from nts import Record

NETWORK = "44.0.0.0/15"
NAMES = {  # targets of NTS-KE redirections and of a probe without a pool
    "good.pool.test.": "44.0.0.1",
    "private.elsewhere.test.": "10.1.2.3",
    "foreign.elsewhere.test.": "44.1.255.1",
}


def second_of(address):
    return address.replace("44.0.", "44.1.")


@dataclass
class Row:
    name: str
    ways: Ways
    failure: str = "ok"
    step: str = ""  # "a|b": either, by chance
    says: str = ""  # part of the detail
    warnings: Tuple[str, ...] = ()  # exactly these
    second: Ways = None  # the ways of a second address
    aead: int = None  # negotiated when the probe offers all; None: 15 if the row is ok
    number: int = field(default_factory=itertools.count().__next__)

    @property
    def address(self):
        return f"44.0.{self.number}.1"  # each row has its own network: the probe limits its rate per network

    @property
    def addresses(self):
        return [self.address] + ([second_of(self.address)] if self.second else [])

    def servers(self):
        return zip(self.addresses, [self.ways, self.second])


# -- NTS-KE records


def records(change):
    return Ways(records=lambda all, server: change(all))


def without(*types):
    return records(lambda all: [record for record in all if record.type not in types])


def to_many(change):
    """Changes only the answer to an offer of several AEAD algorithms."""
    return Ways(records=lambda all, server: change(all) if len(server.offered) > 1 else all)


def aead_for_many(body):
    return to_many(lambda all: [replace(record, body=body) if record.type == nts.AEAD else record for record in all])


def instead(kind, *others):
    """Replaces the first record of a type by others and removes the rest of that type."""
    def change(all):
        at = next(i for i, record in enumerate(all) if record.type == kind)
        rest = [record for record in all[at:] if record.type != kind]
        return all[:at] + list(others) + rest
    return records(change)


def adding(*others):
    """Adds records in front of End of Message."""
    return records(lambda all: all[:-1] + list(others) + all[-1:])


def ended_by(*others):
    return records(lambda all: all[:-1] + list(others))


def cookies_of(*lengths):
    """Cookies that no server accepts. These rows test NTS-KE only."""
    return instead(nts.COOKIE, *(Record(nts.COOKIE, bytes(length)) for length in lengths))


def cookies_changed(change):
    return records(lambda all: [replace(record, body=change(i, record.body)) if record.type == nts.COOKIE else record
                                for i, record in enumerate(all)])


def to_server(name, **others):
    return replace(adding(Record(nts.SERVER, name.encode(), True)), **others)


def to_port(port, **others):
    return replace(adding(Record(nts.PORT, nts.u16(port), True)), **others)


def dripping(wait, size):
    def pieces(octets, _=None):
        return [(wait, octets[i:i + size]) for i in range(0, len(octets), size)]
    return Ways(pieces=pieces)


def _endless(octets, _=None):
    while True:
        yield 0.001, Record(0x4000, bytes(1000)).encode() * 3


def _endless_slowly(octets, _=None):
    while True:
        yield 0.5, Record(0x4000, b"x").encode()


# -- NTP


def reply(**changes):
    return Ways(reply=lambda reply, request: replace_in(reply, changes))


def replace_in(reply, changes):
    for name, value in changes.items():
        setattr(reply, name, value)
    return reply


def edited(change):
    """`change` modifies the reply."""
    def edit(reply, request):
        change(reply)
        return reply
    return Ways(reply=edit)


def from_second(ways):
    """The first exchange is correct; `ways` applies to the later ones."""
    return Ways(reply=lambda reply, request: reply if request.number == 1 else ways.reply(reply, request))


def losing(*numbers):
    """The replies to these requests of a key establishment are lost."""
    return Ways(reply=lambda reply, request: None if request.number in numbers else reply)


def kiss(code, **changes):
    return reply(stratum=0, refid=code, **changes)


def bare_kiss(code):
    return kiss(code, authenticated=False, secret=[])


def forged_kiss(code, **changes):
    return kiss(code, authenticated=False, clear=[], **changes)


def cookies_in_clear(reply):
    reply.clear += reply.secret
    reply.secret = []


# A reply must not be longer than its request, so an extra field takes the place of a cookie.

def fewer_cookies(reply):
    if len(reply.secret) > 1:
        reply.secret.pop()


def unknown_in_clear(reply):
    if len(reply.secret) > 1:
        reply.secret.pop()
        reply.clear.append((0x4321, bytes(12)))


def unknown_in_secret(reply):
    if len(reply.secret) > 1:
        reply.secret[0] = (0x4321, bytes(12))


def _datagrams(make):
    return Ways(datagrams=make)


def _bad_copy(octets):
    return octets[:-1] + bytes([octets[-1] ^ 1])


_old = {}  # server -> its first reply


def _replayed(octets, request):
    before = _old.setdefault(request.server, octets)
    return [(0, before if request.number > 1 else octets)]


def _forge_icmp(octets, request):
    """Sends a forged ICMP port unreachable 0.3 s before the answer."""
    address, port = request.sender
    quoted = struct.pack("!BBHHHBBH4s4sHHHH", 0x45, 0, 20 + 8 + len(request.octets), 0, 0, 64, socket.IPPROTO_UDP, 0,
                         socket.inet_aton(address), socket.inet_aton(request.server.address), port, 123,
                         8 + len(request.octets), 0)
    message = struct.pack("!BBHI", 3, 3, 0, 0) + quoted
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total & 0xffff) + (total >> 16)
    message = message[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + message[4:]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as forger:
        forger.sendto(message, (address, 0))
    return [(0.3, octets)]


def http(status="200 OK", header=""):
    return Ways(http=lambda request: f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n{header}\r\n".encode())


def _timed(first):
    """Only the first exchange of a key establishment has this time. The later ones are correct."""
    return Ways(reply=lambda reply, request: first.reply(reply, request) if request.number == 1 else reply)


TLS12 = (SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION)
FEW, SIZE, SHORT, NO_CLOSE, AGE, WEB = "cookies-few", "cookies-size", "cookies-short", "no-close-notify", "certificate-age", "web"
WORSE = "aead"

ROWS = [
    # correct but unusual
    Row("good", Ways()),
    Row("good-both", Ways(), second=Ways()),
    Row("drip-within-time", dripping(0.02, 100)),
    Row("unknown-optional", adding(Record(0x2345, b"whatever"))),
    Row("critical-cookies", records(lambda all: [replace(record, critical=True) for record in all])),
    Row("aead-not-critical", instead(nts.AEAD, Record(nts.AEAD, nts.u16(15)))),
    Row("aead-first", records(lambda all: [all[1], all[0], *all[2:]])),
    Row("own-name", to_server("own-name.pool.test")),
    Row("own-name-dot", to_server("OWN-NAME-DOT.pool.test.")),
    Row("own-second-address", Ways(records=lambda all, server: to_server(second_of(server.address)).records(all, server)),
        second=Ways()),
    Row("other-port", to_port(1123, ntp_port=1123)),
    Row("many-cookies", Ways(cookie_count=36)),
    Row("unknown-field", edited(unknown_in_clear), warnings=(SHORT,)),
    Row("unknown-secret", edited(unknown_in_secret), warnings=(SHORT,)),
    Row("stratum-8", reply(stratum=8)),
    Row("stratum-15", reply(stratum=15), warnings=("stratum-high",)),
    Row("leap-second", reply(leap=1)),
    Row("hostile-before-good", _datagrams(lambda octets, _: [(0, _bad_copy(octets)), (0.2, octets)])),
    Row("duplicate-replies", _datagrams(lambda octets, _: [(0, octets), (0, octets), (0.1, octets)])),
    Row("late-second-copy", _datagrams(lambda octets, _: [(0.3, octets), (0.6, octets)])),
    Row("junk-before-good", _datagrams(lambda octets, _: [(0, b""), (0, b"x" * 47), (0, os.urandom(200)), (0.1, octets)])),
    Row("forged-unreachable", _datagrams(_forge_icmp)),
    Row("forged-deny", Ways(datagrams=lambda octets, request: [
        (0, nts.Reply(request.octets, nts.SIV_256, b"", [], stratum=0, refid=b"DENY", clear=[], authenticated=False).encode()), (0.3, octets)])),
    Row("first-reply-lost", losing(1)),
    Row("two-replies-lost", losing(1, 2)),
    Row("later-replies-lost", losing(2, 3)),
    Row("lost-in-both", losing(1, 2, 4, 5)),
    Row("fifth-of-a-second", reply(shift=0.2), warnings=("offset-large",)),
    Row("fifth-late", reply(shift=-0.2), warnings=("offset-large",)),
    Row("aead-17", Ways(aeads=(17, 15)), aead=17),
    Row("aead-30", Ways(aeads=(30, 17, 15)), aead=30),
    Row("aead-30-early-export", Ways(aeads=(30, 15), right_export=False), aead=30),
    Row("aead-30-lost-twice", Ways(aeads=(30, 15), reply=lambda reply, request: None if request.aead == 30 and request.number < 3 else reply),
        aead=30),
    Row("aead-17-rate", Ways(aeads=(17, 15), reply=lambda reply, request: replace_in(reply, {
        "stratum": 0, "refid": b"RATE", "authenticated": False} if request.aead == 17 else {})), aead=17),
    Row("aead-17-elsewhere", replace(to_server("44.0.0.1"), aeads=(17, 15)), "ke-server", "ntp server"),
    Row("aead-17-own-name", replace(to_server("aead-17-own-name.pool.test"), aeads=(17, 15)), aead=17),
    Row("old-cookie-taken", Ways()),
    Row("old-cookie-refused", Ways(again="refuse")),
    Row("old-cookie-ignored", Ways(again="ignore")),
    Row("old-cookie-garbled", Ways(again="garble")),

    # correct, with a warning
    Row("many-aead-not-offered", aead_for_many(nts.u16(16)), warnings=(WORSE,)),
    Row("many-aead-none", aead_for_many(b""), warnings=(WORSE,)),
    Row("many-aead-two", aead_for_many(nts.u16(17, 15)), warnings=(WORSE,)),
    Row("many-aead-odd", aead_for_many(b"\0"), warnings=(WORSE,)),
    Row("many-aead-error", to_many(lambda all: [Record(nts.ERROR, nts.u16(1), True), all[-1]]), warnings=(WORSE,)),
    Row("many-aead-no-cookies", to_many(lambda all: [one for one in all if one.type != nts.COOKIE]), warnings=(WORSE,)),
    Row("many-aead-cut", to_many(lambda all: all[:-1]), warnings=(WORSE,)),
    Row("aead-17-silent", Ways(aeads=(17, 15), reply=lambda reply, request: reply if request.aead == 15 else None), aead=17,
        warnings=(WORSE,)),
    Row("aead-17-garbled", Ways(aeads=(17, 15), reply=lambda reply, request: replace_in(reply, {"tamper": int(request.aead == 17)})),
        aead=17, warnings=(WORSE,)),
    Row("aead-30-refused", Ways(aeads=(30, 15), reply=lambda reply, request: replace_in(reply, {
        "stratum": 0, "refid": b"NTSN", "authenticated": False} if request.aead == 30 else {})), aead=30, warnings=(WORSE,)),
    Row("seven-cookies", Ways(cookie_count=7), warnings=(FEW,)),
    Row("one-cookie", Ways(cookie_count=1), warnings=(FEW,)),
    Row("cookies-unequal", cookies_changed(lambda i, body: body if i % 2 else body + bytes(4)), warnings=(SIZE,)),
    Row("no-close-notify", Ways(close="eof"), warnings=(NO_CLOSE,)),
    Row("hanging-close", Ways(close="hang"), warnings=(NO_CLOSE,)),
    Row("reset-close", Ways(close="reset"), warnings=(NO_CLOSE,)),
    Row("web-serves-all", http("200 OK"), warnings=(WEB,)),
    Row("web-sets-cookie", http("404 Not Found", "Set-Cookie: id=1\r\n"), warnings=(WEB,)),
    Row("web-redirects", http("301 Moved Permanently", "Location: https://www.pool.test/\r\n")),
    Row("web-refuses", http("421 Misdirected Request")),
    Row("web-no-http", Ways(http=lambda request: b"SSH-2.0-OpenSSH_9.2\r\n")),
    Row("certificate-old", Ways(certificate="old"), warnings=(AGE,)),

    # TCP
    Row("deaf", Ways(tcp="deaf"), "connect-refused", "connect"),
    Row("tcp-close", Ways(tcp="close"), "tls-handshake", "tls"),
    Row("tcp-reset", Ways(tcp="reset"), "tls-handshake", "tls"),
    Row("tcp-mute", Ways(tcp="mute"), "tls-timeout", "tls"),
    Row("speaks-ssh", Ways(junk=b"SSH-2.0-OpenSSH_9.2\r\n"), "tls-handshake", "tls"),
    Row("speaks-http", Ways(junk=b"HTTP/1.1 400 Bad Request\r\n\r\n"), "tls-handshake", "tls"),

    # TLS
    Row("tls12-only", Ways(versions=TLS12), "tls-version", "tls"),
    Row("alpn-other", Ways(alpn=b"http/1.1"), "tls-alpn", "tls"),
    Row("alpn-refused", Ways(alpn=b""), "tls-alpn", "tls"),
    Row("alpn-none", Ways(alpn=None), "tls-alpn", "tls"),
    Row("alpn-longer", Ways(alpn=b"ntske/11"), "tls-alpn", "tls"),
    Row("drip-tls", Ways(drip_tls=0.05), "tls-timeout", "tls"),
    Row("wrong-name", Ways(certificate="wrong-name"), "cert-name", "certificate", "time.example.net"),
    Row("common-name-only", Ways(certificate="common-name"), "cert-name", "certificate"),
    Row("address-only", Ways(certificate="address-only"), "cert-name", "certificate"),
    Row("expired", Ways(certificate="expired"), "cert-expired", "certificate"),
    Row("not-yet", Ways(certificate="not-yet"), "cert-not-yet", "certificate"),
    Row("unknown-ca", Ways(certificate="unknown-ca"), "cert-chain", "certificate"),
    Row("self-signed", Ways(certificate="self-signed"), "cert-chain", "certificate", "self"),
    Row("chain-incomplete", Ways(certificate="chain-incomplete"), "cert-chain", "certificate", "issuer"),
    Row("chain-whole", Ways(certificate="chain-whole")),
    Row("chain-endless", Ways(certificate="chain-endless"), "cert-chain", "certificate", "too long"),
    Row("wants-certificate", Ways(wants_certificate=True), "tls-handshake", "ke", "certificate required"),
    Row("for-clients-only", Ways(certificate="for-clients"), "cert-chain", "certificate", "purpose"),
    Row("short-key", Ways(certificate="short-key"), "cert-chain", "certificate", "weak"),

    # NTS-KE
    Row("ke-mute", Ways(pieces=lambda octets, _=None: [], close="hang"), "ke-timeout", "ke"),
    Row("ke-nothing", Ways(pieces=lambda octets, _=None: []), "ke-closed", "ke"),
    Row("ke-cut", Ways(pieces=lambda octets, _=None: [(0, octets[:50])]), "ke-closed", "ke"),
    Row("ke-cut-reset", Ways(pieces=lambda octets, _=None: [(0, octets[:50]), (0.2, b"")], close="reset"), "ke-closed", "ke"),
    Row("drip-records", dripping(0.05, 1), "ke-timeout", "ke"),
    Row("endless-records", Ways(pieces=_endless), "ke-too-long", "ke"),
    Row("endless-slowly", Ways(pieces=_endless_slowly), "ke-timeout", "ke"),
    Row("too-long", adding(Record(0x2345, bytes(4000))), "ke-too-long", "ke"),
    Row("record-too-long", ended_by(Record(0x2345, bytes(65535))), "ke-too-long", "ke"),
    Row("hundred-cookies", Ways(cookie_count=100), "ke-too-long", "ke"),
    Row("no-end", without(nts.END), "ke-closed", "ke"),
    Row("no-end-hanging", replace(without(nts.END), close="hang"), "ke-timeout", "ke"),
    Row("end-with-body", ended_by(Record(nts.END, b"x", True)), "ke-malformed", "ke", "End of Message"),
    Row("end-not-critical", ended_by(Record(nts.END)), "ke-malformed", "ke", "End of Message"),
    Row("after-end", records(lambda all: [*all, Record(nts.COOKIE, bytes(100))]), "ke-malformed", "ke", "after End of Message"),
    Row("after-end-later", Ways(pieces=lambda octets, _=None: [(0, octets), (0.05, Record(0x2345, b"late").encode())]),
        "ke-malformed", "ke|close", "after End of Message"),
    Row("end-twice", records(lambda all: [*all, all[-1]]), "ke-malformed", "ke", "after End of Message"),
    Row("protocol-missing", without(nts.NEXT_PROTOCOL), "ke-protocol", "ke"),
    Row("protocol-twice", adding(Record(nts.NEXT_PROTOCOL, nts.u16(0), True)), "ke-malformed", "ke", "Next Protocol"),
    Row("protocol-wrong", instead(nts.NEXT_PROTOCOL, Record(nts.NEXT_PROTOCOL, nts.u16(1), True)), "ke-protocol", "ke"),
    Row("protocol-none", instead(nts.NEXT_PROTOCOL, Record(nts.NEXT_PROTOCOL, b"", True)), "ke-protocol", "ke"),
    Row("protocol-two", instead(nts.NEXT_PROTOCOL, Record(nts.NEXT_PROTOCOL, nts.u16(0, 1), True)), "ke-malformed", "ke"),
    Row("protocol-not-critical", instead(nts.NEXT_PROTOCOL, Record(nts.NEXT_PROTOCOL, nts.u16(0))), "ke-malformed", "ke"),
    Row("error-critical", adding(Record(nts.ERROR, nts.u16(0), True)), "ke-error", "ke", "Unrecognized Critical Record"),
    Row("error-request", adding(Record(nts.ERROR, nts.u16(1), True)), "ke-error", "ke", "Bad Request"),
    Row("error-internal", adding(Record(nts.ERROR, nts.u16(2), True)), "ke-error", "ke", "Internal Server Error"),
    Row("error-unknown", adding(Record(nts.ERROR, nts.u16(999), True)), "ke-error", "ke", "999"),
    Row("error-alone", records(lambda all: [Record(nts.ERROR, nts.u16(2), True), all[-1]]), "ke-error", "ke"),
    Row("error-no-end", Ways(records=lambda all, _: [Record(nts.ERROR, nts.u16(2), True)], close="eof"), "ke-error", "ke"),
    Row("error-hanging", Ways(records=lambda all, _: [Record(nts.ERROR, nts.u16(2), True)], close="hang"), "ke-error", "ke"),
    Row("error-short", adding(Record(nts.ERROR, b"x", True)), "ke-malformed", "ke"),
    Row("warning", adding(Record(nts.WARNING, nts.u16(7), True)), "ke-warning", "ke", "7"),
    Row("unknown-critical", adding(Record(0x2345, b"whatever", True)), "ke-critical", "ke", "9029"),
    Row("aead-missing", without(nts.AEAD), "ke-aead", "ke"),
    Row("aead-none", Ways(aeads=()), "ke-aead", "ke"),
    Row("aead-not-offered", instead(nts.AEAD, Record(nts.AEAD, nts.u16(1), True)), "ke-aead", "ke", "AEAD algorithm: 1"),
    Row("aead-two", instead(nts.AEAD, Record(nts.AEAD, nts.u16(15, 17), True)), "ke-malformed", "ke"),
    Row("aead-twice", adding(Record(nts.AEAD, nts.u16(15), True)), "ke-malformed", "ke"),
    Row("aead-odd", instead(nts.AEAD, Record(nts.AEAD, b"\0\x0f\0", True)), "ke-malformed", "ke"),
    Row("no-cookies", Ways(cookie_count=0), "ke-cookies", "ke"),
    Row("empty-cookies", cookies_of(0, 0, 0), "ke-cookies", "ke"),
    Row("huge-cookies", cookies_of(1000, 1000, 1000), "ke-cookies", "ke"),
    Row("odd-cookies", cookies_of(101, 99, 7), "ntp-nak", "ntp 1", warnings=(FEW, SIZE)),
    Row("to-private-address", to_server("192.168.1.1"), "ke-server", "ntp server", "192.168.1.1"),
    Row("to-loopback", to_server("127.0.0.1"), "ke-server", "ntp server"),
    Row("to-localhost", to_server("localhost"), "ke-server", "ntp server", "127.0.0.1"),
    Row("to-other-address", to_server("44.1.255.1"), "ke-server", "ntp server", "NTP at 44.1.255.1: register that address, too"),
    Row("to-ipv6", to_server("2a0f:44::1"), "ke-server", "ntp server"),
    Row("to-private-name", to_server("private.elsewhere.test"), "ke-server", "ntp server", "10.1.2.3"),
    Row("to-foreign-name", to_server("foreign.elsewhere.test"), "ke-server", "ntp server", "44.1.255.1"),
    Row("to-missing-name", to_server("missing.elsewhere.test"), "ke-server", "ntp server"),
    Row("to-garbage", to_server("a b\x1b[2J;rm -rf"), "ke-malformed", "ke", "Server"),
    Row("to-nothing", to_server(""), "ke-malformed", "ke", "Server"),
    Row("to-long-name", to_server("a." * 150), "ke-malformed", "ke", "Server"),
    Row("server-twice", adding(Record(nts.SERVER, b"44.0.0.1"), Record(nts.SERVER, b"44.0.0.1")), "ke-malformed", "ke"),
    Row("port-0", to_port(0), "ke-port", "ke"),
    Row("port-short", adding(Record(nts.PORT, b"x", True)), "ke-malformed", "ke"),
    Row("port-twice", adding(Record(nts.PORT, nts.u16(123)), Record(nts.PORT, nts.u16(124))), "ke-malformed", "ke"),
    Row("port-dead", to_port(9), "ntp-silent", "ntp 1"),

    # NTP: form
    Row("silent", Ways(reply=lambda reply, _: None), "ntp-silent", "ntp 1"),
    Row("three-replies-lost", losing(1, 2, 3), "ntp-silent", "ntp 1"),
    Row("ntp-closed", Ways(ntp_port=None), "ntp-silent", "ntp 1"),
    Row("answers-too-late", _datagrams(lambda octets, _: [(8, octets)]), "ntp-silent", "ntp 1"),
    Row("uid-wrong", reply(clear=[(nts.UID, b"u" * 32)]), "ntp-uid", "ntp 1"),
    Row("uid-missing", reply(clear=[]), "ntp-uid", "ntp 1"),
    Row("uid-cut", edited(lambda reply: setattr(reply, "clear", [(nts.UID, reply.clear[0][1][:16])])), "ntp-uid", "ntp 1"),
    Row("uid-twice", edited(lambda reply: reply.clear.append(reply.clear[0])), "ntp-uid", "ntp 1"),
    Row("origin-wrong", reply(origin=b"12345678"), "ntp-origin", "ntp 1"),
    Row("origin-zero", reply(origin=bytes(8)), "ntp-origin", "ntp 1"),
    Row("authenticator-bad", reply(tamper=1), "ntp-auth", "ntp 1"),
    Row("authenticator-missing", reply(authenticated=False), "ntp-auth", "ntp 1"),
    Row("authenticator-other-key", reply(key=bytes(32)), "ntp-auth", "ntp 1"),
    Row("header-changed", _datagrams(lambda octets, _: [(0, octets[:1] + b"\2" + octets[2:])]), "ntp-auth", "ntp 1"),
    Row("authenticator-not-last", edited(lambda reply: reply.after.append((0x4321, bytes(28)))), "ntp-malformed", "ntp 1",
        "after the authenticator"),
    Row("truncated", _datagrams(lambda octets, _: [(0, octets[:-20])]), "ntp-malformed", "ntp 1"),
    Row("header-only", _datagrams(lambda octets, _: [(0, octets[:48])]), "ntp-uid", "ntp 1"),
    Row("half-header", _datagrams(lambda octets, _: [(0, octets[:30])]), "ntp-malformed", "ntp 1"),
    Row("trailing-octets", _datagrams(lambda octets, _: [(0, octets + b"xy")]), "ntp-malformed", "ntp 1"),
    Row("mode-wrong", reply(mode=5), "ntp-malformed", "ntp 1", "mode 5"),
    Row("mode-client", _datagrams(lambda octets, request: [(0, request.octets)]), "ntp-malformed", "ntp 1", "mode 3"),
    Row("version-wrong", reply(version=3), "ntp-malformed", "ntp 1", "version 3"),
    Row("cookies-in-clear", edited(cookies_in_clear), "ntp-cookies", "ntp 1", "not encrypted"),
    Row("no-new-cookies", reply(secret=[]), "ntp-cookies", "ntp 1"),
    Row("fewer-cookies", edited(fewer_cookies), warnings=(SHORT,)),
    Row("replayed", _datagrams(_replayed), "ntp-origin", "ntp 2"),
    Row("larger-than-request", edited(lambda reply: reply.secret.append((0x4321, bytes(100)))), "ntp-too-long", "ntp 1"),
    Row("too-many-cookies", edited(lambda reply: reply.secret.extend(reply.secret * 3)), "ntp-too-long", "ntp 1"),

    # NTP: kisses
    Row("rate", bare_kiss(b"RATE"), "ntp-rate", "ntp 1"),
    Row("rate-authentic", kiss(b"RATE"), "ntp-rate", "ntp 1"),
    Row("deny", bare_kiss(b"DENY"), "ntp-deny", "ntp 1"),
    Row("rstr", bare_kiss(b"RSTR"), "ntp-deny", "ntp 1"),
    Row("ntsn", bare_kiss(b"NTSN"), "ntp-nak", "ntp 1"),
    Row("rate-without-uid", forged_kiss(b"RATE"), "ntp-uid", "ntp 1", "RATE"),
    Row("deny-without-uid", forged_kiss(b"DENY"), "ntp-uid", "ntp 1", "DENY"),
    Row("rstr-without-uid", forged_kiss(b"RSTR"), "ntp-uid", "ntp 1", "RSTR"),
    Row("ntsn-without-uid", forged_kiss(b"NTSN"), "ntp-uid", "ntp 1", "NTSN"),
    Row("kiss-unknown", kiss(b"STEP"), "ntp-kod", "ntp 1", "STEP"),
    Row("rate-from-second", from_second(bare_kiss(b"RATE")), "ntp-rate", "ntp 2"),
    Row("deny-from-second", from_second(bare_kiss(b"DENY")), "ntp-deny", "ntp 2"),
    Row("ntsn-from-second", from_second(bare_kiss(b"NTSN")), "ntp-nak", "ntp 2"),
    Row("silent-from-second", Ways(reply=lambda reply, request: reply if request.number == 1 else None),
        "ntp-silent", "ntp 2"),
    Row("auth-from-second", from_second(reply(tamper=1)), "ntp-auth", "ntp 2"),

    Row("broken-cookie-taken", Ways(forgiving=True), "ntp-forged-cookie", "broken cookie"),

    # NTP: time
    Row("stratum-0", reply(stratum=0, refid=bytes(4)), "stratum", "ntp 1"),
    Row("stratum-16", reply(stratum=16), "stratum", "ntp 1"),
    Row("stratum-255", reply(stratum=255), "stratum", "ntp 1"),
    Row("leap-3", reply(leap=3, stratum=0, refid=b"INIT"), "unsynchronised", "ntp 1"),
    Row("root-delay", reply(root_delay=3.0), "root-distance", "ntp 1"),
    Row("root-dispersion", reply(root_dispersion=1.6), "root-distance", "ntp 1"),
    Row("transmit-zero", reply(transmit=0), "transmit", "ntp 1"),
    Row("receive-zero", reply(receive=0), "offset", "ntp 1"),
    Row("second-ahead", reply(shift=1.0), "offset", "ntp 1", "offset +"),
    Row("second-late", reply(shift=-1.0), "offset", "ntp 1", "offset -"),
    Row("five-seconds", reply(shift=5.0), "offset", "ntp 1", "offset +"),
    Row("an-hour", reply(shift=3600.0), "offset", "ntp 1"),
    Row("an-era", reply(shift=-3e9), "offset", "ntp 1"),
    Row("wrong-from-second", from_second(reply(shift=5.0)), "offset", "ntp 2"),
    Row("right-from-second", _timed(reply(shift=5.0)), "offset", "ntp 1"),
]
