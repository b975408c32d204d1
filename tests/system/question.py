"""Queries written octet by octet, including some that no library makes, and the zone for them."""

import struct

import dns.name
import dns.rdatatype

from pool import APEX

STATIC = f"""$ORIGIN {APEX}.
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
round 600 IN CNAME about
about 600 IN CNAME round
self 600 IN CNAME self
who 600 IN CNAME _whoami
deep.under.nothing 600 IN TXT "below empty names"
{'l' * 63} 600 IN TXT "as long as a label can be"
"""


def _name(text):
    return text if isinstance(text, dns.name.Name) else dns.name.from_text(text)


def _number(rdtype):
    return rdtype if isinstance(rdtype, int) else int(dns.rdatatype.from_text(rdtype))


def make_opt(payload=1232, ttl=0, options=b"", owner=b"\0"):
    """An OPT record (RFC 6891 6.1.2). `ttl` has the extended RCODE, version and flags."""
    return owner + struct.pack("!HHIH", 41, payload, ttl, len(options)) + options


def make_query(name, rdtype, *, flags=0, rdclass=1, opt=b"", counts=(1, 0, 0, None), tail=b"", ident=4660):
    """One query. If the fourth count is None, it is 1 with an OPT and 0 without."""
    question = _name(name).to_wire() + struct.pack("!HH", _number(rdtype), rdclass)
    counts = [*counts[:3], (1 if opt else 0) if counts[3] is None else counts[3]]
    return struct.pack("!6H", ident, flags, *counts) + question + opt + tail


EDNS = make_opt()
DO = make_opt(ttl=0x8000)


def long_name(suffix, length, octet):
    """A name below a suffix, of exactly this many octets."""
    labels, room = [], length - len(suffix.to_wire())
    while room > 0:
        size = min(63, room - 1)
        if room - 1 - size == 1:
            size -= 1
        labels.append(octet * size)
        room -= size + 1
    return dns.name.Name((*labels, *suffix.labels))


def mixed_case(name):
    """The name with every other letter in upper case."""
    return dns.name.Name(tuple(bytes(octet - 32 if at % 2 and 97 <= octet <= 122 else octet
                                     for at, octet in enumerate(label)) for label in name.labels))
