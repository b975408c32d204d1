#!/usr/bin/python3
"""Sends the same queries to ntspoold, Knot, NSD and BIND; lists the replies in which ntspoold differs from all three.

    tests/system/differ.py [--random N] [--seed N] [--members N] [--algorithm NAME] [--tcp] [--all]
                           [--only WORD]

It needs root for its namespaces, and knotd, nsd and named in the path. If one is missing, it says so and ends with 0.
ntspoold serves the pool itself; the peers serve `ntspool zone export --signed` of it. Equal differences form one group,
shown with an example. A group is not always a fault: check it against the RFCs. `--all` also shows differences where
only some of the peers can be compared.

SRV sets vary from query to query, and the export has one of them, so only their size and TTL are compared. RRSIGs are
compared without the signature and its dates.
"""

import argparse
import collections
import contextlib
import random
import select
import shutil
import socket
import struct
import sys
import tempfile
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.zone

from machine import Machine, enter_namespaces, until
from pool import APEX, SRV, Pool
from question import DO, STATIC, long_name, make_opt, make_query, mixed_case

OURS = "ours"
ADDRESSES = {OURS: "127.0.0.1", "knot": "127.0.0.11", "nsd": "127.0.0.12", "bind": "127.0.0.13"}
PROGRAMS = {"knot": "knotd", "nsd": "nsd", "bind": "named"}

TYPES = [0, "A", "NS", "MD", "CNAME", "SOA", "NULL", "PTR", "HINFO", "MX", "TXT", "AAAA", "SRV", "NAPTR", "DNAME", "DS",
         "SSHFP", "RRSIG", "NSEC", "DNSKEY", "NSEC3", "NSEC3PARAM", "TLSA", "CDS", "CDNSKEY", "CSYNC", "ZONEMD", "SVCB",
         "HTTPS", "SPF", "CAA", "URI", "OPT", 128, "TKEY", "TSIG", "IXFR", "AXFR", "MAILB", "MAILA", "ANY", "TA", 32769,
         65280, 65535]
META = {"IXFR", "AXFR", "MAILB", "MAILA", "ANY", "TKEY", "TSIG", "OPT"}

Case = collections.namedtuple("Case", "category text wire")


# The servers

def _conf_knot(machine, zone):
    return ["knotd", "-c", machine.write("knot.conf", f"""
server:
    listen: {ADDRESSES["knot"]}@53
    rundir: "{machine.directory}"
    udp-max-payload: 1232
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{machine.directory}/knotdb"
log:
  - target: stdout
    any: warning
zone:
  - domain: {APEX}
    file: "{zone}"
    zonefile-load: whole
    semantic-checks: off
    journal-content: none
""")]


def _conf_nsd(machine, zone):
    return ["nsd", "-d", "-c", machine.write("nsd.conf", f"""
server:
    ip-address: {ADDRESSES["nsd"]}
    username: ""
    chroot: ""
    zonesdir: "{machine.directory}"
    database: ""
    pidfile: ""
    xfrdfile: "{machine.directory}/xfrd.state"
    zonelistfile: "{machine.directory}/zone.list"
    xfrdir: "{machine.directory}"
    logfile: "{machine.directory}/nsd-own.log"
    server-count: 1
    rrl-ratelimit: 0
    minimal-responses: yes
    hide-version: yes
    hide-identity: yes
remote-control:
    control-enable: no
zone:
    name: {APEX}
    zonefile: "{zone}"
""")]


def _conf_bind(machine, zone):
    return ["named", "-f", "-g", "-n", "1", "-c", machine.write("named.conf", f"""
options {{
    directory "{machine.directory}";
    listen-on {{ {ADDRESSES["bind"]}; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    session-keyfile none;
    managed-keys-directory "{machine.directory}";
    recursion no;
    minimal-responses yes;
    minimal-any yes;
    allow-transfer {{ none; }};
    max-udp-size 1232;
    edns-udp-size 1232;
    notify no;
    empty-zones-enable no;
    dnssec-validation no;
    answer-cookie no;
    version none;
    hostname none;
}};
controls {{ }};
zone "{APEX}" {{ type primary; file "{zone}"; check-names ignore; }};
""")]


def _start_peers(machine, zone):
    machine.add_address(ADDRESSES["bind"])  # named listens only on addresses of an interface
    (machine.directory / "knotdb").mkdir()
    for name, conf in (("knot", _conf_knot), ("nsd", _conf_nsd), ("bind", _conf_bind)):
        machine.start(name, conf(machine, zone))
    for name in PROGRAMS:
        until(lambda: exchange({name: ADDRESSES[name]}, make_query(APEX, "SOA"), 0.5).get(name), 10, f"{name} answers")


def _import(machine, pool, count):
    lines = [f"m{number:05},NL,10.{number >> 16}.{number >> 8 & 255}.{number & 255},2001:db8:ffff::{number:x},100\n"
             for number in range(count)]
    table = machine.write("members.csv", "name,country,ipv4,ipv6,capacity_mbit\n" + "".join(lines))
    pool.cli("member", "import", table, "--allow-private")


def _start(machine, options):
    """Starts all four servers; returns the pool and its names."""
    pool = Pool(machine).init("--ns", f"ns2.{APEX}=127.0.0.2,2001:db8::2", "--algorithm", options.algorithm)
    pool.cli("zone", "set", "ca", "ca.example")
    for number, name in enumerate(("alice", "bob", "carol", "erin", "frank", "a-1")):
        addresses = [f"127.0.{number + 1}.1", f"2001:db8:{number}::1"]
        pool.add(name, *{"bob": addresses[:1], "carol": addresses[1:]}.get(name, addresses))
    if options.members:
        _import(machine, pool, options.members)
    pool.cli("member", "override", "--all", "eligible")
    pool.cli("record", "load", machine.write("static.zone", STATIC))
    zone = machine.directory / "signed.zone"
    pool.cli("zone", "export", zone, "--signed")
    _start_peers(machine, zone)
    pool.serve()
    names = dns.zone.from_file(str(zone), APEX, relativize=False, check_origin=False).nodes
    return pool, sorted(names)


# The questions

def _neighbours(owner):
    """Names close to an owner in canonical order, before and after it, and names below it."""
    label, rest = owner.labels[0], owner.labels[1:]
    found = {label + b"\0", label + b"\xff", label + b"*", label[:-1] + bytes([label[-1] - 1]) + b"\xff", label[:-1],
             label[:-1] + bytes([label[-1] + 1]), b"\0", b"\1", b"*", b"\xff" * 63, b"a.b", b"-", b"Z" * 63}
    for changed in found:
        if 0 < len(changed) < 64 and owner != dns.name.from_text(APEX):
            yield dns.name.Name((changed, *rest))
    for below in (b"\0", b"\1", b"\xff", b"*", b"x", b"a.b", b"_tcp", b"q" * 63, b"\xff" * 63):
        yield dns.name.Name((below, *owner.labels))
    yield dns.name.Name((b"*", b"*", *owner.labels))
    yield dns.name.Name((b"\0", b"x", *owner.labels))


def _questions(names):
    """(category, name) for all names worth a query."""
    apex = dns.name.from_text(APEX)
    existing, names = set(names), names[:40]
    inner = {dns.name.Name(name.labels[at:]) for name in names for at in range(len(name.labels))}
    inner = {name for name in inner if name.is_subdomain(apex)}
    yield from (("exists", name) for name in sorted(existing))
    yield from (("empty", name) for name in sorted(inner - existing))
    yield from (("case", mixed_case(name)) for name in sorted(inner))
    around = {near for name in inner for near in _neighbours(name)} - inner
    yield from (("missing", near) for near in sorted(around) if len(near.to_wire()) <= 255)
    for suffix in (apex, dns.name.from_text(f"alice.{APEX}"), dns.name.from_text(f"nothing.{APEX}")):
        for length in range(250, 256):
            for octet in (b"\0", b"a", b"\xff"):
                yield "long", long_name(suffix, length, octet)
    for text in (".", "test.", "example.", "xpool.test.", "pool.test.example.", "pool\\.test.", "\\255.test."):
        yield "outside", dns.name.from_text(text)


def _by_name(names):
    for category, name in _questions(names):
        for rdtype in ("A", "TXT", "NSEC", "ANY", "RRSIG", "DS"):
            for label, opt in (("", b""), (" DO", DO)):
                yield Case(category, f"{name} {rdtype}{label}", make_query(name, rdtype, opt=opt))


def _by_type():
    for text in (APEX, SRV, f"alice.{APEX}", f"bob.{APEX}", f"web.{APEX}", f"web2.{APEX}", f"away.{APEX}", f"half.{APEX}",
                 f"nowhere.{APEX}", f"_tcp.{APEX}", f"missing.{APEX}", f"x.alice.{APEX}", "example."):
        for rdtype in TYPES:
            category = "meta type" if rdtype in META or rdtype in (0, 128) else "type"
            for label, opt in (("", b""), (" EDNS", make_opt()), (" DO", DO)):
                yield Case(category, f"{text} {rdtype}{label}", make_query(text, rdtype, opt=opt))
        for rdclass in (0, 2, 3, 4, 254, 255, 4711):
            for rdtype in ("A", "SOA", "ANY", "TXT"):
                yield Case("class", f"{text} CLASS{rdclass} {rdtype}", make_query(text, rdtype, rdclass=rdclass, opt=DO))


def _by_edns():
    for text, rdtype in ((APEX, "DNSKEY"), (APEX, "SOA"), (SRV, "SRV"), (f"alice.{APEX}", "A"), (f"missing.{APEX}", "A"),
                         (f"zzz.{APEX}", "A"), (f"_tcp.{APEX}", "A"), ("example.", "A")):
        question = f"{text} {rdtype}"
        for payload in (0, 1, 12, 511, 512, 513, 600, 700, 800, 900, 1000, 1100, 1232, 1233, 1400, 4096, 65535):
            for bit in (0, 0x8000):
                yield Case("size", f"{question} size {payload} DO {bool(bit)}",
                           make_query(text, rdtype, opt=make_opt(payload, bit)))
        ttls = {"version 1": 0x10000, "version 1 DO": 0x18000, "version 255": 0xff0000, "Z bits": 0x7fff,
                "DO and Z bits": 0xffff, "extended RCODE 1": 0x1000000}
        for label, ttl in ttls.items():
            yield Case("EDNS", f"{question} {label}", make_query(text, rdtype, opt=make_opt(ttl=ttl)))
        options = {"unknown option": b"\xfd\xe9\0\4what", "empty unknown option": b"\xfd\xe9\0\0",
                   "option 0": b"\0\0\0\0", "padding": b"\0\x0c\0\4\0\0\0\0", "DAU": b"\0\5\0\1\x0d", "expire": b"\0\x09\0\0",
                   "chain": b"\0\x0d\0\1\0", "cut option": b"\xfd\xe9\0\5what", "cut option head": b"\xfd\xe9\0"}
        for label, option in options.items():
            yield Case("EDNS", f"{question} {label}", make_query(text, rdtype, opt=make_opt(options=option)))
        yield Case("EDNS", f"{question} two OPTs", make_query(text, rdtype, opt=make_opt() + make_opt(), counts=(1, 0, 0, 2)))
        yield Case("EDNS", f"{question} OPT not at the root", make_query(text, rdtype, opt=make_opt(owner=b"\1x\0")))
        yield Case("EDNS", f"{question} OPT in answer", make_query(text, rdtype, opt=make_opt(), counts=(1, 1, 0, 0)))
        yield Case("EDNS", f"{question} OPT in authority", make_query(text, rdtype, opt=make_opt(), counts=(1, 0, 1, 0)))


def _by_header():
    for text, rdtype in ((APEX, "SOA"), (f"alice.{APEX}", "A"), (f"missing.{APEX}", "A"), ("example.", "A")):
        question = f"{text} {rdtype}"
        for bits in range(16):
            flags = sum(flag for at, flag in enumerate((0x0100, 0x0010, 0x0020, 0x0080)) if bits & 1 << at)
            for label, opt in (("", b""), (" DO", DO)):
                yield Case("flags", f"{question} {dns.flags.to_text(flags)}{label}",
                           make_query(text, rdtype, flags=flags, opt=opt))
        for flags, label in ((0x0400, "AA"), (0x0200, "TC"), (0x0040, "Z"), (0x0003, "RCODE 3"), (0x8000, "QR")):
            yield Case("flags", f"{question} {label}", make_query(text, rdtype, flags=flags))
        for opcode in range(1, 16):
            for label, opt in (("", b""), (" EDNS", make_opt())):
                yield Case("opcode", f"{question} opcode {opcode}{label}",
                           make_query(text, rdtype, flags=opcode << 11, opt=opt))
        whole = make_query(text, rdtype)
        again = whole[12:]
        yield Case("counts", f"{question} no question", whole[:4] + bytes(8))
        yield Case("counts", f"{question} no question but EDNS", whole[:4] + bytes(7) + b"\1" + make_opt())
        yield Case("counts", f"{question} QDCOUNT 0 with a question", whole[:4] + bytes(8) + again)
        for count in (2, 3, 65535):
            yield Case("counts", f"{question} QDCOUNT {count}", make_query(text, rdtype, counts=(count, 0, 0, 0), tail=again))
        yield Case("counts", f"{question} QDCOUNT 2, one there", make_query(text, rdtype, counts=(2, 0, 0, 0)))
        record = b"\0" + struct.pack("!HHIH", 1, 1, 60, 4) + b"\1\2\3\4"
        for at, section in enumerate(("answer", "authority", "additional"), 1):
            counts = [1, 0, 0, 0]
            counts[at] = 1
            yield Case("counts", f"{question} a record in {section}", make_query(text, rdtype, counts=counts, tail=record))
            yield Case("counts", f"{question} no record in {section}", make_query(text, rdtype, counts=counts))
        for length in range(12, len(whole)):
            yield Case("cut", f"{question} cut to {length}", whole[:length])
        edns = make_query(text, rdtype, opt=DO)
        for length in range(len(whole), len(edns)):
            yield Case("cut", f"{question} DO cut to {length}", edns[:length])
        for tail in (b"\0", b"garbage", bytes(400)):
            yield Case("garbage", f"{question} and {len(tail)} octets", whole + tail)
            yield Case("garbage", f"{question} EDNS and {len(tail)} octets", edns + tail)
    head = struct.pack("!6H", 4660, 0, 1, 0, 0, 0)
    bad = {"pointer to itself": b"\xc0\x0c", "pointer to the header": b"\xc0\x00", "pointer behind": b"\xc0\x40",
           "label and pointer to itself": b"\1x\xc0\x0c", "label type 01": b"\x41x\0", "label type 10": b"\x81x\0",
           "256 octets": (b"\x3f" + b"a" * 63) * 3 + b"\x3f" + b"a" * 63 + b"\0", "cut label": b"\x3faaa"}
    for label, name in bad.items():
        yield Case("bad name", label, head + name + b"\0\1\0\1")


def _by_dice(names, dice):
    """A random name: one in the zone, one below that, or one with another first label or one octet changed in it."""
    name = dice.choice(names)
    label = bytes(dice.randrange(256) for _ in range(dice.randint(1, 8)))
    how = dice.randrange(4)
    if how == 0 or len(name.labels) <= len(dns.name.from_text(APEX).labels):
        return name
    if how == 1:
        return dns.name.Name((label, *name.labels))
    if how == 2:
        changed = bytearray(name.labels[0])
        changed[dice.randrange(len(changed))] = label[0]
        label = bytes(changed)
    return dns.name.Name((label, *name.labels[1:]))


def _by_chance(names, dice, count):
    for number in range(count):
        name = _by_dice(names, dice)
        wire = bytearray(make_query(name, dice.choice(TYPES), opt=dice.choice((b"", DO, make_opt(dice.randrange(4096))))))
        if dice.random() < 0.5:
            for _ in range(dice.randint(1, 3)):
                wire[dice.randrange(2, len(wire))] ^= 1 << dice.randrange(8)
            yield Case("bit flips", wire.hex(), bytes(wire))
        else:
            yield Case("chance", f"{number} {name}", bytes(wire))


# The answers

def exchange(addresses, wire, timeout, sources=[0]):
    """The replies by server. Each query has its own source address, so that no rate limit applies."""
    sources[0] += 1
    source = f"127.{1 + sources[0] // 60000 % 200}.{sources[0] // 240 % 250}.{1 + sources[0] % 240}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind((source, 0))
        for address in addresses.values():
            own.sendto(wire, (address, 53))
        replies, waiting = {}, {address: name for name, address in addresses.items()}
        while waiting and select.select([own], [], [], timeout)[0]:
            data, (address, _) = own.recvfrom(65535)
            replies[waiting.pop(address)] = data
        return replies


def _exchange_tcp(addresses, wire, timeout):
    """The same over TCP, with one connection per query and server. A closed or silent connection gives no reply."""
    replies = {}
    for name, address in addresses.items():
        with contextlib.suppress(OSError, struct.error), socket.create_connection((address, 53), timeout) as own:
            own.sendall(struct.pack("!H", len(wire)) + wire)
            with own.makefile("rb") as stream:
                length, = struct.unpack("!H", stream.read(2))
                replies[name] = stream.read(length)
    return replies


def _texts(rrset):
    rdtype = dns.rdatatype.to_text(rrset.rdtype)
    owner = rrset.name.to_text().lower()
    if rrset.rdtype == dns.rdatatype.SRV:
        return {f"{owner} {rrset.ttl} SRV x{len(rrset)}"}
    if rrset.rdtype == dns.rdatatype.RRSIG:
        return {f"{owner} {rrset.ttl} RRSIG {dns.rdatatype.to_text(record.type_covered)} {record.algorithm} {record.labels} "
                f"{record.original_ttl} {record.key_tag} {record.signer}" for record in rrset}
    return {f"{owner} {rrset.ttl} {rdtype} {record.to_text().lower()}" for record in rrset}


def _section(message, number):
    return frozenset(text for rrset in message.section_from_number(number) for text in _texts(rrset))


def _aspects(reply):
    """The comparable parts of a reply, by aspect."""
    if reply is None:
        return {"reply": "none"}
    try:
        message = dns.message.from_wire(reply, ignore_trailing=False)
    except (dns.exception.DNSException, ValueError) as error:  # dnspython fails on unknown opcodes
        message = None
        problem = f"unreadable: {type(error).__name__}"
    flags = struct.unpack("!H", reply[2:4])[0]
    if message is None:
        return {"reply": problem, "rcode": dns.rcode.to_text(flags & 15)}
    aspects = {
        "reply": "some",
        "rcode": dns.rcode.to_text(message.rcode()),
        "flags": dns.flags.to_text(flags & 0x87f0),
        "opcode": str(flags >> 11 & 15),
        "question": str(struct.unpack("!H", reply[4:6])[0]),
        "EDNS": "none" if message.edns < 0 else f"{message.edns}",
        "EDNS flags": "" if message.edns < 0 else f"{message.ednsflags & 0xffff:04x}",
    }
    for flag, name in ((dns.flags.AA, "AA"), (dns.flags.TC, "TC")):
        aspects[name] = str(bool(flags & flag))
    if not flags & dns.flags.TC:
        for number, section in enumerate(("answer", "authority", "additional"), 1):
            aspects[section] = _section(message, number)
    return aspects


def _kinds(value):
    """The number of records of each type in a section. Differences with equal numbers form a group."""
    if not isinstance(value, frozenset):
        return value
    kinds = collections.Counter()
    for text in value:
        words = text.split()
        kinds[" ".join(words[2:4]) if words[2] == "RRSIG" else words[2]] += 1
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "nothing"


def _nearest(ours, peers):
    """The section most similar to ours."""
    return min((value for value in peers if value is not None), key=lambda value: len(ours ^ value))


def _compare(case, replies, groups, show_all):
    aspects = {name: _aspects(replies.get(name)) for name in ADDRESSES}
    for aspect in sorted({key for each in aspects.values() for key in each}):
        ours = aspects[OURS].get(aspect)
        peers = [aspects[name].get(aspect) for name in PROGRAMS]
        known = [value for value in peers if value is not None]
        if ours is None or len(known) < (1 if show_all else len(peers)) or ours in known:
            continue
        said = f"is {ours}; " + ", ".join(f"{name} {value}" for name, value in zip(PROGRAMS, peers))
        examples = []
        if isinstance(ours, frozenset):
            near = _nearest(ours, peers)
            said = f"has {_kinds(ours - near)} more and {_kinds(near - ours)} less"
            examples = [f"+ {text}" for text in sorted(ours - near)] + [f"- {text}" for text in sorted(near - ours)]
        divided = len(set(known)) > 1
        groups.setdefault((divided, case.category, aspect, said), []).append((case, examples))


def _report(groups):
    for divided, category, aspect, said in sorted(groups):
        found = groups[divided, category, aspect, said]
        case, examples = found[0]
        print(f"\n{len(found)} x {category}: {aspect} {said}{'' if divided else '  [peers agree]'}")
        print(f"    {case.text[:150]}" + (f"   and {found[-1][0].text[:100]}" if len(found) > 1 else ""))
        for text in examples[:8]:
            print(f"      {text[:180]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--random", type=int, default=3000, metavar="N", help="random queries (default 3000)")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--members", type=int, default=0, metavar="N", help="as many members more")
    parser.add_argument("--algorithm", default="ecdsap256", help="ecdsap256 or ed25519")
    parser.add_argument("--only", default="", metavar="WORD", help="categories with this word")
    parser.add_argument("--tcp", action="store_true", help="ask over TCP")
    parser.add_argument("--all", action="store_true", help="also where only some peers can be compared")
    options = parser.parse_args()
    missing = [program for program in PROGRAMS.values() if shutil.which(program) is None]
    if missing:
        print(f"differ: not here: {', '.join(missing)} (Debian: knot, nsd, bind9)")
        return 0
    groups, asked = {}, 0
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        enter_namespaces(directory)
        machine = Machine(directory)
        try:
            pool, names = _start(machine, options)
            cases = [*_by_name(names), *_by_type(), *_by_edns(), *_by_header(),
                     *_by_chance(names, random.Random(options.seed), options.random)]
            ask = _exchange_tcp if options.tcp else exchange
            for case in cases:
                if options.only in case.category:
                    _compare(case, ask(ADDRESSES, case.wire, 0.2), groups, options.all)
                    asked += 1
            pool.stop()
        except AssertionError:
            for name, text in machine.logs():
                print(f"{name}:\n{text}", file=sys.stderr)
            raise
        finally:
            machine.close()
    _report(groups)
    print(f"\ndiffer: {asked} queries, {sum(map(len, groups.values()))} differences from all peers in {len(groups)} groups")
    return 0


if __name__ == "__main__":
    sys.exit(main())
