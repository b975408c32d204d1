"""`ntspool check` names what is wrong with a pool, and finds nothing in a healthy one.

Each case breaks the pool of checkbed.py in one way. The check must name it by the identifiers of the case, and by no
others.
"""

import re
import struct
from dataclasses import dataclass
from typing import Callable

import dns.dnssec
import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from checkbed import BROKEN_RESOLVER, DEAD, FRONTS, GOOD, PARENT, Bed, edit, shows
from machine import RESOLVER
from pool import APEX, SRV

AWAY = "2001:db8:ffff::53"  # this machine has no route there
BRISK = ("--wait", "1")  # where servers do not answer, and those that do are near
GROUPS = ("parent", "servers", "steering", "members", "resolvers")


@pytest.fixture(scope="module")
def bed(shared_machine):
    bed = Bed(shared_machine)
    yield bed
    bed.close()


@dataclass
class Case:
    """A way to break the pool. `found` are the identifiers of the warnings and errors."""
    name: str
    group: str
    found: set
    change: Callable  # of the delegation, or (query, response); or a way, if raw
    where: tuple = ()  # servers, or servers of the parent; all by default
    types: str = None  # only answers to questions of these types
    raw: bool = False
    options: tuple = ()


def _run(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def test_a_healthy_pool(bed):
    found = bed.check("--members", "all", resolver=RESOLVER)
    assert not found.bad(), found.rows
    assert found.status == 0 and found.json["summary"] == "as a client in NL would: 4 of 4 members give time"
    assert {identifier.split("/")[0] for _, identifier, _, _ in found.rows} == set(GROUPS)


def test_a_healthy_pool_without_a_state(bed):
    found = bed.check("--members", "2", state=False, resolver=RESOLVER)
    assert not found.bad(), found.rows
    assert found.status == 0


def test_the_metrics_have_the_level_of_each_check(bed):
    path = bed.machine.directory / "check.prom"
    with bed.delegated(_orphan):
        found = bed.check("--only", "parent", "--metrics", path)
    rows = dict(line.rsplit(" ", 1) for line in path.read_text().splitlines() if not line.startswith("#"))
    assert float(rows.pop(f'ntspool_check_timestamp_seconds{{pool="{APEX}."}}')) > 1e9
    levels = {row[1]: "2" if row[1] == "parent/ds-match" else "0" for row in found.rows}
    assert rows == {f'ntspool_check_level{{pool="{APEX}.",check="{name}"}}': level for name, level in levels.items()}


# -- parent --

def _other_digest(delegation):
    tag, algorithm, kind, digest = delegation.ds[0].split(maxsplit=3)
    delegation.ds[0] = f"{tag} {algorithm} {kind} {'11' if digest[:2] == '00' else '00'}{digest[2:]}"


def _orphan(delegation):
    delegation.ds.append("4711 13 2 " + "ab" * 32)


def _dead_server(delegation):
    delegation.ns.append(f"ns3.{APEX}.")
    delegation.glue[f"ns3.{APEX}."] = [DEAD]


def _server_of_ipv6(*more):
    """A third name server, which this machine has no route to but by `more`."""
    def change(delegation):
        delegation.ns.append(f"ns3.{APEX}.")
        delegation.glue[f"ns3.{APEX}."] = [AWAY, *more]
    return change


def _foreign_glue(delegation):
    delegation.glue[f"ns2.{APEX}."] = [DEAD]


PARENT_CASES = [
    Case("ds-digest", "parent", {"parent/ds-match"}, _other_digest),
    Case("ds-orphan", "parent", {"parent/ds-match"}, _orphan),
    Case("ds-none", "parent", {"parent/ds-match"}, lambda d: d.ds.clear()),
    Case("ds-ttl", "parent", {"parent/ds-ttl"}, lambda d: setattr(d, "ds_ttl", 30 * 86400)),
    Case("ns-one-missing", "parent", {"parent/ns-set"}, lambda d: d.ns.pop()),
    Case("ns-differs-at-one-parent", "parent", {"parent/ns-set"}, lambda d: d.ns.pop(), where=(PARENT,)),
    Case("ns-dead-server-more", "parent", {"parent/ns-set", "parent/lame"}, _dead_server),
    Case("ns-without-a-route-more", "parent", {"parent/ns-set"}, _server_of_ipv6()),
    Case("ns-dead-where-it-can-be-asked", "parent", {"parent/ns-set", "parent/lame"}, _server_of_ipv6(DEAD)),
    Case("glue-missing", "parent", {"parent/glue"}, lambda d: d.glue.pop(f"ns2.{APEX}.")),
    Case("glue-v6-missing", "parent", {"parent/glue"}, lambda d: d.glue[f"ns1.{APEX}."].pop()),
    Case("glue-wrong", "parent", {"parent/glue", "parent/lame"}, _foreign_glue),
    Case("not-delegated", "parent", {"parent/delegation"}, None),
]


def test_a_ds_by_sha1(bed):
    """Of a key that signs, so it is only weak."""
    question = dns.message.make_query(APEX, "DNSKEY")
    keys = dns.message.from_wire(bed.fronts["ns1"].ask(question.to_wire(), True)).answer[0]
    key = next(key for key in keys if key.flags == 257)
    weak = dns.dnssec.make_ds(dns.name.from_text(APEX), key, "SHA1", policy=dns.dnssec.allow_all_policy).to_text()
    with bed.delegated(lambda d: d.ds.append(weak)):
        found = bed.check("--only", "parent")
    assert found.bad() == {"parent/ds-match"}, found.rows
    assert {row[0] for row in found.rows if row[1] == "parent/ds-match"} == {"warning"}


@_run(PARENT_CASES)
def test_parent(bed, case):
    with bed.delegated(case.change, *case.where) if case.change else bed.undelegated():
        found = bed.check("--only", case.group)
    assert found.bad() == case.found, found.rows


def test_where_the_parent_takes_notify(bed):
    (text,) = bed.check("--only", "parent").texts("parent/dsync")
    assert "no NOTIFY" in text
    rdata = struct.pack("!HBH", dns.rdatatype.CDS, 1, 5359) + dns.name.from_text("scan.test").to_wire()
    bed.parent.dsync = [f"\\# {len(rdata)} {rdata.hex()}"]
    found = bed.check("--only", "parent")
    bed.parent.dsync = []
    assert not found.bad() and found.texts("parent/dsync") == [": the parent takes NOTIFY for CDS at scan.test. port 5359"]


def test_what_this_machine_has_no_route_to_is_not_judged(bed):
    """It may answer others: a name server, an address of one, a server of the parent."""
    with bed.delegated(_server_of_ipv6()):
        found = bed.check("--only", "parent", "--only", "steering", "--parent", AWAY, "--parent", PARENT)
    assert found.bad() == {"parent/ns-set"}, found.rows
    assert found.texts("parent/lame") == [f": ns3.{APEX}. is not judged: no IPv6 route from here"]
    assert f"parent {AWAY}: not judged: no IPv6 route from here" in found.texts("parent/ns-set")
    with bed.delegated(_server_of_ipv6(DEAD)):
        found = bed.check("--only", "parent")
    assert [row[0] for row in found.rows if row[1] == "parent/lame"] == ["warning"]
    found = bed.check("--only", "parent", "--parent", AWAY)
    assert found.bad() == {"parent/delegation"} and "no way" in found.texts("parent/delegation")[0], found.rows


# -- servers --

def _drop(udp, tcp):
    """A server that does not answer over UDP, or TCP, or both."""
    return lambda front, octets, is_tcp: None if (tcp if is_tcp else udp) else front.ask(octets, is_tcp)


def _refuse(query, _response):
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.REFUSED)
    return response


def _not_aa(_query, response):
    response.flags &= ~dns.flags.AA


def _ra(_query, response):
    response.flags |= dns.flags.RA


def _ttl(_query, response):
    for rrset in response.answer:
        rrset.ttl += 7


def _other_key(_query, response):
    """The first DNSKEY has other octets."""
    for rrset in response.answer:
        if rrset.rdtype == dns.rdatatype.DNSKEY:
            first = rrset[0]
            rrset.remove(first)
            rrset.add(first.replace(key=first.key[:-1] + bytes([first.key[-1] ^ 1])), rrset.ttl)


def _signatures(change):
    def each(_query, response):
        for section in (response.answer, response.authority):
            for rrset in list(section):
                if rrset.rdtype == dns.rdatatype.RRSIG:
                    change(section, rrset)
    return each


def _bogus(_section, rrset):
    first = rrset[0]
    rrset.remove(first)
    rrset.add(first.replace(signature=first.signature[:-1] + bytes([first.signature[-1] ^ 1])), rrset.ttl)


def _without_nsec(_query, response):
    response.authority = [rrset for rrset in response.authority
                          if rrset.rdtype != dns.rdatatype.NSEC
                          and not (rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers == dns.rdatatype.NSEC)]


def _foreign(query, response):
    if not query.question[0].name.is_subdomain(dns.name.from_text(APEX)):
        made = dns.message.make_response(query)
        made.flags |= dns.flags.AA
        made.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.80"))
        return made
    return response


def _transfers(front, octets, tcp):
    query = dns.message.from_wire(octets)
    if query.question[0].rdtype not in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
        return front.ask(octets, tcp)
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    soa = dns.rrset.from_text(f"{APEX}.", 60, "IN", "SOA", f"ns1.{APEX}. h.{APEX}. 1 2 3 4 5")
    response.answer += [soa, dns.rrset.from_text(f"www.{APEX}.", 60, "IN", "A", "192.0.2.80")]
    return response.to_wire() if tcp else front.ask(octets, tcp)


def _formerr_for_edns(front, octets, tcp):
    query = dns.message.from_wire(octets)
    if query.edns < 0:
        return front.ask(octets, tcp)
    return octets[:2] + struct.pack("!HHHHH", 0x8001, 0, 0, 0, 0)


def _silent_for_edns(front, octets, tcp):
    return None if dns.message.from_wire(octets).edns >= 0 else front.ask(octets, tcp)


def _without_opt(_query, response):
    response.use_edns(False)


def _any_version(front, octets, tcp):
    query = dns.message.from_wire(octets)
    if query.edns > 0:
        query.use_edns(0, query.ednsflags & dns.flags.DO, query.payload)
        return front.ask(query.to_wire(), tcp)
    return front.ask(octets, tcp)


def _options_of(message):
    return [option.otype for option in message.options]


KNOWN_OPTIONS = {3, 8, 10}  # NSID, ECS, COOKIE


def _fears_unknown_options(front, octets, tcp):
    query = dns.message.from_wire(octets)
    if set(_options_of(query)) - KNOWN_OPTIONS:
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.FORMERR)
        return response.to_wire()
    return front.ask(octets, tcp)


def _rejects_cookies(query, response):
    """As if another secret had made them: it answers a server cookie of its own with BADCOOKIE."""
    cookies = [option for option in query.options if option.otype == 10 and len(option.data) > 8]
    if cookies:
        made = dns.message.make_response(query)
        made.use_edns(0, 0, 1232, options=[option for option in response.options if option.otype == 10])
        made.set_rcode(dns.rcode.BADCOOKIE)
        return made
    return response


def _as_ns1(_query, response):
    options = [dns.edns.GenericOption(3, b"ns1") if option.otype == 3 else option for option in response.options]
    response.use_edns(response.edns, response.ednsflags, response.payload, options=options)


def _never_truncates(front, octets, _tcp):
    return front.ask(octets, True)


def _padded(_query, response):
    text = " ".join(['"' + "x" * 250 + '"'] * 5)
    response.additional.append(dns.rrset.from_text(f"pad.{APEX}.", 60, "IN", "TXT", text))


SERVER_CASES = [
    Case("dead", "servers", {"servers/udp"}, _drop(True, True), ("ns2",), raw=True, options=BRISK),
    Case("no-udp", "servers", {"servers/udp"}, _drop(True, False), ("ns2",), raw=True, options=BRISK),
    Case("no-tcp", "servers", {"servers/tcp"}, _drop(False, True), ("ns1-v6",), raw=True),
    Case("lame", "servers", {"servers/aa"}, _refuse, ("ns2",)),
    Case("not-authoritative", "servers", {"servers/aa"}, _not_aa, ("ns2",)),
    Case("recursion", "servers", {"servers/recursion"}, _ra, ("ns2",)),
    Case("foreign-zone", "servers", {"servers/foreign"}, _foreign, ("ns2",)),
    Case("transfers", "servers", {"servers/axfr"}, _transfers, ("ns2",), raw=True),
    Case("edns-formerr", "servers", {"servers/edns"}, _formerr_for_edns, ("ns2",), raw=True),
    Case("edns-dropped", "servers", {"servers/edns"}, _silent_for_edns, ("ns2",), raw=True, options=BRISK),
    Case("edns-stripped", "servers", {"servers/edns"}, _without_opt, ("ns2",)),
    Case("badvers", "servers", {"servers/badvers"}, _any_version, ("ns2",), raw=True),
    Case("unknown-option", "servers", {"servers/unknown-option"}, _fears_unknown_options, ("ns2",), raw=True),
    Case("cookies", "servers", {"servers/cookies"}, _rejects_cookies, ("ns2",)),
    Case("nsid", "servers", {"servers/nsid"}, _as_ns1, ("ns2",)),
    Case("never-truncates", "servers", {"servers/truncation"}, _never_truncates, ("ns2",), raw=True),
    Case("too-large", "servers", {"servers/size"}, _padded, ("ns2",), "SRV"),
    Case("ttl", "servers", {"servers/ttl"}, _ttl, ("ns2",), "SRV A NS DNSKEY"),
    Case("dnskey", "servers", {"servers/dnskey", "servers/signatures"}, _other_key, ("ns2",), "DNSKEY"),
    Case("signature-bogus", "servers", {"servers/signatures"}, _signatures(_bogus), ("ns2",), "SRV"),
    Case("signature-stripped", "servers", {"servers/signatures"}, _signatures(list.remove), ("ns2",), "SRV"),
    Case("denial-unproved", "servers", {"servers/denial"}, _without_nsec, ("ns2",)),
]


@_run(SERVER_CASES)
def test_servers(bed, case):
    with bed.way(case.change if case.raw else edit(case.change, case.types), *case.where):
        found = bed.check("--only", "servers", *case.options)
    assert found.bad() == case.found, found.rows


def test_addresses_without_a_route_from_here(bed):
    """They are no fault of a server, unless there are no others."""
    away, near = f"ns9.pool.test={AWAY}", f"ns1.pool.test={FRONTS['ns1']}"
    found = bed.check("--only", "servers", "--server", away, "--server", near)
    assert not found.bad(), found.rows
    assert [row[1] for row in found.rows if row[0] == "info" and "ns9" in row[2]] == ["servers/udp"], found.rows
    assert bed.check("--only", "servers", "--server", away).bad() == {"servers/udp"}
    assert bed.check("--only", "steering", "--server", away).bad() == {"steering/service"}
    found = bed.check("--only", "resolvers", resolver=f"{RESOLVER},{AWAY}")
    assert not found.bad(), found.rows
    assert f"{AWAY}: not judged: no IPv6 route from here" in found.texts("resolvers/answers"), found.rows


@pytest.mark.parametrize("shift, level", [(30 * 86400, "error"), (-86400, "error"), (6 * 86400, "warning")],
                         ids=["expired", "not-yet-valid", "about-to-expire"])
def test_skewed_clocks(bed, shift, level):
    """The servers' clocks are wrong, as seen by the check: its own clock is led by so many seconds."""
    clock = bed.machine.directory / "check.clock"
    clock.write_bytes(struct.pack("=qq", 0, shift))
    with bed.settled():
        found = bed.check("--only", "servers", env={"NTSPOOL_TEST_CLOCK": str(clock)})
    assert "servers/validity" in found.bad() and found.bad() <= {"servers/validity", "servers/signatures"}, found.rows
    assert level in {row[0] for row in found.rows if row[1] == "servers/validity"}


# The serial is made from the time, so the two servers have different ones after the tests below.
def test_an_old_serial(bed):
    """One server has a change that the other does not have yet."""
    bed.pools[0].cli("zone", "set", "expire", "8d")
    with bed.settled():
        assert bed.check("--only", "servers").bad() == {"servers/serial"}
    bed.pools[1].cli("zone", "set", "expire", "8d")


def test_a_server_that_denies_otherwise(bed):
    bed.pools[1].cli("zone", "set", "denial", "compact")
    with bed.settled():
        assert "servers/denial-mode" in bed.check("--only", "servers").bad()
    bed.pools[1].cli("zone", "set", "denial", "nsec")


# -- steering --

def _targets(*names):
    """Replaces the targets of SRV answers."""
    def change(query, response):
        if query.question[0].name == dns.name.from_text(SRV):
            response.answer = [dns.rrset.from_text(SRV + ".", 150, "IN", "SRV", *names)]
    return change


def _srv(*labels):
    return [f"0 1 4460 {label}.{APEX}." for label in labels]


def _without_ecs(_query, response):
    response.use_edns(response.edns, response.ednsflags, response.payload,
                      options=[option for option in response.options if option.otype != 8])


def _ecs(change):
    def each(_query, response):
        options = [change(option) if option.otype == 8 else option for option in response.options]
        response.use_edns(response.edns, response.ednsflags, response.payload, options=options)
    return each


def _scope(change):
    return _ecs(lambda option: dns.edns.ECSOption(option.address, option.srclen, change(option.srclen)))


@_ecs
def _impossible_scope(option):
    octets = bytearray(option.to_wire())
    octets[3] = 200
    return dns.edns.GenericOption(8, bytes(octets))


def _refuse_ecs(subnet):
    def change(query, response):
        if any(option.otype == 8 and option.to_text().startswith(f"ECS {subnet}") for option in query.options):
            return _refuse(query, response)
        return response
    return change


def _port_of(label, port):
    """One member at another port, in the server's own answers."""
    def change(_query, response):
        for rrset in response.answer:
            for rdata in list(rrset if rrset.rdtype == dns.rdatatype.SRV else ()):
                if rdata.target.labels[0] == label.encode():
                    rrset.remove(rdata)
                    rrset.add(rdata.replace(port=port))
    return change


def _at_apex(query, response):
    if query.question[0].name == dns.name.from_text(APEX):
        response.answer.append(dns.rrset.from_text(f"{APEX}.", 150, "IN", "SRV", *_srv("alice")))


def _no_service(query, response):
    if query.question[0].name == dns.name.from_text(SRV):
        response.answer = []


STEERING_CASES = [
    Case("ecs-ignored", "steering", {"steering/ecs"}, _without_ecs, ("ns2",)),
    Case("ecs-changed", "steering", {"steering/ecs"}, _ecs(lambda _: dns.edns.ECSOption("198.51.100.0", 24, 0)),
         ("ns2",)),
    Case("scope-differs", "steering", {"steering/same-scope"}, _scope(lambda source: min(source, 16)), ("ns2",), "SRV"),
    Case("scope-impossible", "steering", {"steering/scope", "steering/same-scope", "steering/zero-subnet"},
         _impossible_scope, ("ns2",), "SRV"),
    Case("scope-of-addresses", "steering", {"steering/scope-zero"}, _scope(lambda source: source), (), "A AAAA CAA"),
    Case("srv-at-the-apex", "steering", {"steering/place"}, _at_apex, ("ns2",), "SRV"),
    Case("no-srv", "steering", {"steering/service"}, _no_service, ("ns2",), "SRV"),
    Case("no-service", "steering", {"steering/service"}, _targets("0 0 0 ."), (), "SRV"),
    Case("few-targets", "steering", {"steering/targets", "steering/rotation"}, _targets(*_srv("alice")), (), "SRV"),
    Case("always-the-same", "steering", {"steering/targets", "steering/rotation"}, _targets(*_srv("alice", "bob")), ("ns2",), "SRV"),
    Case("one-operator-twice", "steering", {"steering/diversity"},
         _targets(*_srv("alice", "bob", "carol", "eve")), ("ns2",), "SRV"),
    Case("wrong-port", "steering", {"steering/allowed"}, _port_of("alice", 4461), ("ns2",), "SRV"),
    Case("everybody-of-ipv6", "steering", {"steering/zero-subnet"}, _refuse_ecs("::/0"), ("ns2",), "SRV"),
    Case("everybody-of-ipv4", "steering", {"steering/zero-subnet"}, _refuse_ecs("0.0.0.0/0"), ("ns2",), "SRV"),
    Case("who-is-no-member", "steering", {"steering/allowed"},
         _targets(*_srv("ghost", "bob", "carol", "dave")), ("ns2",), "SRV"),
]


@_run(STEERING_CASES)
def test_steering(bed, case):
    with bed.way(edit(case.change, case.types), *case.where):
        found = bed.check("--only", "steering")
    assert found.bad() == case.found, found.rows


# -- members --

MEMBER_FAULTS = {
    "expired": "members/certificate", "ending": "members/certificate", "misnamed": "members/certificate",
    "silent": "members/time", "shifted": "members/time", "deaf": "members/connect", "deaf-v6": "members/connect",
}


@pytest.fixture(scope="module")
def broken_members(bed):
    """What a check finds when members with a fault each are handed out."""
    for number, name in enumerate(MEMBER_FAULTS, 50):
        addresses = bed.addresses(number)[:2 if name == "deaf-v6" else 1]
        bed.member(name, *addresses)
        options = {"expired": {"days": (-9, -1)}, "ending": {"days": (-9, 5)},
                   "misnamed": {"certified": f"other.{APEX}"}, "silent": {"silent": True},
                   "shifted": {"shift": "+7s"}}.get(name, {})
        if name != "deaf":
            bed.chronyd(name, [addresses[0], f"2001:db8:{number}::2"], **options)
        bed.machine.add_address(*addresses[1:])
    for name in MEMBER_FAULTS:
        shows(bed, name)
    found = bed.check("--only", "members")
    for name in MEMBER_FAULTS:
        bed.cli("member", "override", name, "ineligible")
    return found


@pytest.mark.parametrize("name", MEMBER_FAULTS)
def test_a_broken_member(broken_members, name):
    mine = [row for row in broken_members.rows if row[2].startswith(f"{name}.{APEX} ")]
    assert [row[1] for row in mine] == [MEMBER_FAULTS[name]], broken_members.rows
    assert mine[0][0] == ("warning" if name == "ending" else "error")


def test_good_members_beside_broken_ones(broken_members):
    assert broken_members.bad() == set(MEMBER_FAULTS.values())
    assert not [row for row in broken_members.rows if row[2].split(".")[0] in GOOD], broken_members.rows


def test_one_family_shut(broken_members):
    """Only the IPv6 address of that member is named."""
    (text,) = [row for row in broken_members.rows if row[2].startswith("deaf-v6.")]
    assert "2001:db8:" in text[2]


def test_a_good_member_that_is_out(bed):
    bed.cli("member", "override", "dave", "auto")
    try:
        for pool in bed.pools:
            bed.gone(pool, "dave")
        found = bed.check("--only", "members", "--members", "all")
        assert found.bad() == {"members/good-but-out"}, found.rows
        assert [row[2] for row in found.rows if row[1] == "members/good-but-out"] == [f"dave.{APEX}."]
    finally:
        bed.cli("member", "override", "dave", "eligible")
        shows(bed, "dave")


def _caa(value):
    def change(query, response):
        if query.question[0].name != dns.name.from_text(f"alice.{APEX}"):
            return
        response.answer = [dns.rrset.from_text(f"alice.{APEX}.", 60, "IN", "CAA", value)] if value else []
    return change


def _alias(query, response):
    if query.question[0].name == dns.name.from_text(f"alice.{APEX}"):
        response.answer = [dns.rrset.from_text(f"alice.{APEX}.", 60, "IN", "CNAME", f"bob.{APEX}.")]


def _address_of_bob(query, response):
    if query.question[0].name == dns.name.from_text(f"alice.{APEX}"):
        response.answer = [dns.rrset.from_text(f"alice.{APEX}.", 60, "IN", "A", Bed.addresses(GOOD.index("bob"))[0])]


def _missing(query, response):
    if query.question[0].name == dns.name.from_text(f"alice.{APEX}"):
        response.answer = []
        response.set_rcode(dns.rcode.NXDOMAIN)


DNS_ONLY = '0 issue "letsencrypt.org; validationmethods=dns-01"'
NAME_CASES = [
    Case("caa-forbids", "members", {"members/caa"}, _caa('0 issue ";"'), (), "CAA"),
    Case("caa-of-another-ca", "members", {"members/caa"}, _caa('0 issue "other.example"'), (), "CAA"),
    Case("caa-by-dns-only", "members", {"members/caa"}, _caa(DNS_ONLY), (), "CAA"),
    Case("address-of-another", "members", {"members/address", "members/certificate"}, _address_of_bob, (), "A"),
    Case("name-without-address", "members", {"members/address"}, _missing, (), "A AAAA CAA"),
    Case("name-is-an-alias", "members", {"members/address"}, _alias, (), "A AAAA CAA"),
    Case("srv-to-nowhere", "members", {"members/address"}, _targets(*_srv("ghost", "bob", "carol", "dave")), (), "SRV"),
]


@_run(NAME_CASES)
def test_names_of_members(bed, case):
    with bed.way(edit(case.change, case.types), *case.where):
        found = bed.check("--only", "members")
    assert found.bad() == case.found, found.rows


def test_caa_without_the_registered_account(bed):
    bed.cli("zone", "set", "ca", "ca.example")
    bed.cli("member", "set", "alice", "--accounturi", "https://ca.example/acct/1")
    with bed.settled():
        assert not bed.check("--only", "members").bad()
        with bed.way(edit(_caa('0 issue "ca.example"'), "CAA")):
            found = bed.check("--only", "members")
            assert found.bad() == {"members/caa"} and "no ACME account" in found.texts("members/caa")[0]
        with bed.way(edit(_caa(None), "CAA")):
            assert bed.check("--only", "members").bad() == {"members/caa"}


def test_caa_that_no_member_can_use_is_seen_without_a_state(bed):
    with bed.way(edit(_caa(DNS_ONLY), "CAA")):
        found = bed.check("--only", "members", state=False)
    assert found.bad() == {"members/caa"} and "http-01" in found.texts("members/caa")[0], found.rows


# -- resolvers --

def _unsigned(_query, response):
    response.answer = [rrset for rrset in response.answer if rrset.rdtype != dns.rdatatype.RRSIG]
    response.flags &= ~dns.flags.AD


def _servfail(query, _response):
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(dns.rcode.SERVFAIL)
    return response


def _servfail_for_ecs(query, response):
    return _servfail(query, response) if 8 in _options_of(query) else response


def _long(_query, response):
    for rrset in response.answer:
        rrset.ttl = 86400


def _with_a_ghost(_query, response):
    if response.answer:
        response.answer[0].add(dns.rdata.from_text("IN", "SRV", f"0 1 4460 ghost.{APEX}."))


def _stale(query, response):
    response.use_edns(response.edns, response.ednsflags, response.payload, options=[dns.edns.EDEOption(3)])


RESOLVER_CASES = [
    Case("strips-dnssec", "resolvers", {"resolvers/dnssec"}, _unsigned),
    Case("fails", "resolvers", {"resolvers/answers"}, _servfail),
    Case("fails-for-ecs", "resolvers", {"resolvers/ecs"}, _servfail_for_ecs),
    Case("raises-ttls", "resolvers", {"resolvers/ttl"}, _long, types="SRV"),
    Case("serves-stale", "resolvers", {"resolvers/stale"}, _stale, types="SRV"),
    Case("serves-who-was-removed", "resolvers", {"resolvers/stale"}, _with_a_ghost, types="SRV"),
]


@_run(RESOLVER_CASES)
def test_resolvers(bed, case):
    bed.broken_resolver.way = edit(case.change, case.types)
    found = bed.check("--only", "resolvers", resolver=f"{RESOLVER},{BROKEN_RESOLVER}")
    assert found.bad() == case.found, found.rows
    assert {subject for level, _, subject, _ in found.rows if level in ("warning", "error")} == {BROKEN_RESOLVER}


def test_a_resolver_that_strips_ecs(bed):
    """That is its right, so it is no fault."""
    found = bed.check("--only", "resolvers", resolver=RESOLVER)
    (text,) = [text for text in found.texts("resolvers/ecs") if text.startswith(RESOLVER)]
    assert "not passed on" in text


@pytest.mark.parametrize("change, text", [(_other_digest, "bogus"),
                                          (lambda d: d.ds.clear(), "not protected")], ids=["bogus", "insecure"])
def test_the_chain_of_trust(bed, change, text):
    with bed.delegated(change):
        found = bed.check("--only", "resolvers", resolver=RESOLVER)
    assert found.bad() == {"resolvers/chain"}, found.rows
    assert text in "".join(found.texts("resolvers/chain"))


# -- how it is used --

def test_the_result_for_nagios(bed):
    figures = " ok=[0-9]+;;;0 warnings=[0-9]+;;;0 errors=0;;;0"
    with bed.way(edit(_without_ecs), "ns2"):
        done = bed.run("--only", "steering", "--nagios")
    first, *more = done.stdout.splitlines()
    assert done.returncode == 1 and re.fullmatch(rf"NTSPOOL WARNING: [^|]* \|{figures}", first), done
    assert more and all(line.startswith("warn  steering/") and "|" not in line for line in more)
    done = bed.run("--only", "steering", "--nagios")
    assert done.returncode == 0 and re.fullmatch(rf"NTSPOOL OK: [^|]* \|{figures}\n", done.stdout), done
    done = bed.run("--only", "steering", "--nagios", "--metrics", "/no|where/x.prom")
    assert done.returncode == 3, done
    assert re.fullmatch(r"NTSPOOL UNKNOWN: can't write /no/where/x.prom[^\n|]*\n", done.stdout), done


def test_hostile_servers_do_not_write_to_the_terminal(bed):
    evil = [f"0 1 4460 \\027[31m\\007x.{APEX}."]
    with bed.way(edit(_targets(*evil), "SRV")):
        done = bed.run("--only", "steering", "--only", "members")
    assert done.returncode == 1 and "\x1b" not in done.stdout and "\x07" not in done.stdout


def test_garbage_from_all_servers(bed):
    """A header of an answer, then junk: it is malformed, so it ends the question at once."""
    def junk(_front, octets, _tcp):
        name = dns.message.from_wire(octets).question[0].name.to_wire()
        return octets[:2] + struct.pack("!HHHHH", 0x8400, 1, 9, 9, 9) + octets[12:16 + len(name)] + bytes(range(256))
    with bed.way(junk):
        found = bed.check("--only", "servers")
    assert found.status == 1 and found.bad() == {"servers/udp"}, found.rows
