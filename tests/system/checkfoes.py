"""Hostile name servers for `ntspool check`: ways for the fronts of checkbed.py.

A way gives the octets of a response; or, over TCP, an iterator of raw octets, which the listener writes as they come.
"""

import random
import struct
import time

import dns.message

from pool import APEX

QR_AA_TC = 0x8600
_A, _NS, _TXT, _SRV, _OPT = 1, 2, 16, 33, 41
_AT_4460 = struct.pack("!HHH", 0, 1, 4460)
_ESCAPES = b"\x1b]0;x\x07\x1b[31m\x9b2J\x00\xff\n"


def _head(octets, flags, counts):
    """A header for the query, and its question."""
    name = dns.message.from_wire(octets).question[0].name.to_wire()
    return octets[:2] + struct.pack("!H4H", flags, 1, *counts) + octets[12:16 + len(name)]


def _record(rdtype, rdata, owner=b"\xc0\x0c", ttl=60, rdclass=1):
    return owner + struct.pack("!HHIH", rdtype, rdclass, ttl, len(rdata)) + rdata


def mutations(seed):
    """True responses with a few octets changed, cut out or added."""
    chance = random.Random(seed)

    def way(front, octets, tcp):
        answer = bytearray(front.ask(octets, tcp) or b"")
        if len(answer) < 13 or chance.random() < 0.3:
            return bytes(answer)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(2, len(answer))  # not the ID, else nothing is read
            kind = chance.random()
            if kind < 0.7:
                answer[at] = chance.choice((0, 0xff, 0xc0, 0x3f, chance.randrange(256)))
            elif kind < 0.85:
                del answer[at:at + chance.randint(1, 40)]
            else:
                answer[at:at] = chance.randbytes(chance.randint(1, 40))
            if len(answer) < 13:
                break
        return bytes(answer)
    return way


def loops(_front, octets, _tcp):
    """Names that point at themselves, at each other, forwards, and down a ladder of pointers."""
    head = _head(octets, 0x8400, (4, 0, 0))
    base = len(head)
    own = struct.pack("!H", 0xc000 | base)
    ladder = b"".join(struct.pack("!H", 0xc000 | base + 2 * i) for i in range(200))
    ahead = _record(_NS, struct.pack("!H", 0xc000 | base + 12), b"\xff\xff")
    return head + _record(_NS, own, own) + ahead + _record(_TXT, ladder)


def crowd(_front, octets, _tcp):
    """All that fits into a message, to whatever was asked: SRV, NS and TXT records."""
    targets = b"".join(_record(_SRV, _AT_4460 + b"\x04" + b"m%03d" % i + b"\xc0\x0c") for i in range(1000))
    hosts = b"".join(_record(_NS, b"\x04" + b"n%03d" % i + b"\xc0\x0c") for i in range(500))
    text = _record(_TXT, b"\xff" + b"x" * 255) * 60
    return (_head(octets, 0x8400, (1000, 500, 60)) + targets + hosts + text)[:65535]


def escapes(_front, octets, _tcp):
    """Control characters wherever a text may come from: names, NSID, an Extended DNS Error."""
    label = bytes([len(_ESCAPES)]) + _ESCAPES + b"\xc0\x0c"
    texts = ((3, _ESCAPES), (15, b"\0\3" + _ESCAPES))
    options = b"".join(struct.pack("!HH", code, len(body)) + body for code, body in texts)
    text = bytes([len(_ESCAPES)]) + _ESCAPES
    rows = _record(_SRV, _AT_4460 + label) + _record(_NS, label) + _record(_TXT, text)
    return _head(octets, 0x8400, (3, 0, 1)) + rows + _record(_OPT, options, b"\0", 0, 1232)


def truncates_and(way):
    """Over UDP an answer with TC, so that the client comes over TCP."""
    def both(front, octets, tcp):
        return way(front, octets, tcp) if tcp else _head(octets, QR_AA_TC, (0, 0, 0))
    return both


@truncates_and
def drips(front, octets, _tcp):
    """The true answer, an octet at a time."""
    answer = front.ask(octets, True)
    for octet in struct.pack("!H", len(answer)) + answer:
        yield bytes([octet])
        time.sleep(0.3)


@truncates_and
def endless(_front, _octets, _tcp):
    """Messages without end, none of which answers."""
    while True:
        yield b"\xff\xff" + bytes(65535)


@truncates_and
def opens_only(_front, _octets, _tcp):
    """It takes the query, and says nothing."""
    yield b""
    time.sleep(30)


# Ways that end every question by themselves.
WAYS = {"loops": loops, "crowd": crowd, "escapes": escapes, "endless": endless}
# Those that only the limits of time end.
SLOW_WAYS = {"drips": drips, "opens-only": opens_only}


def refers_to_many(servers, addresses):
    """A parent that names so many name servers of the pool, each with so many addresses."""
    def change(delegation):
        delegation.ns = [f"n{i}.{APEX}." for i in range(servers)]
        delegation.glue = {name: [f"127.9.{i}.{k + 1}" for k in range(addresses)]
                           for i, name in enumerate(delegation.ns)}
    return change


def refers_up(octets, _tcp):
    """The referral of a parent to the root: a walk that believes it would never end."""
    host = b"\1a\4root\0"
    return _head(octets, 0x8000, (0, 1, 1)) + _record(_NS, host, b"\0") + _record(_A, bytes([127, 0, 0, 9]), host)
