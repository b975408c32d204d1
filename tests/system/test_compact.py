"""Compact denial (RFC 9824): every row of test_protocol's table without DO, with DO and with CO; the denial budget; a changing zone."""

import random
import threading

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest

from judge import (APEX_NAME, CO_FLAG, DO_FLAG, exchange, judge, judge_compact, judge_denial, judge_next, judge_signatures,
                   serve_zone)
from machine import until
from pool import APEX, SRV, Pool
from question import long_name, make_opt, make_query
from test_protocol import NAMES

FLAGS = {"plain": None, "dnssec": DO_FLAG, "co": DO_FLAG | CO_FLAG}
ALICE = dns.name.from_text(f"alice.{APEX}")

MORE = [
    # every type in a made-up name's bitmap can be queried; the only RRSIGs there are those of the response
    ("RFC 9824 3.1", f"missing.{APEX}", "RRSIG", "NXDOMAIN / SOA NSEC"),
    ("RFC 9824 3.2", f"nothing.{APEX}", "RRSIG", "NOERROR / SOA NSEC"),
    ("RFC 9824 3.1", f"missing.alice.{APEX}", "NSEC", "NXDOMAIN / SOA NSEC"),
    # names near the length limit
    *(("RFC 4471 3.1.2", long_name(suffix, length, octet), "A", "NXDOMAIN / SOA NSEC") for suffix in (APEX_NAME, ALICE)
      for length in (252, 253, 254, 255) for octet in (b"x", b"\xff", b"@", b"\0")),
]


@pytest.fixture(scope="module")
def zone(shared_machine):
    pool = serve_zone(shared_machine, "compact")
    yield pool
    pool.stop()


def compact(want, rdtype, flags):
    """Translates the answer that the table expects of an NSEC chain to that of a compact zone."""
    if "/" not in want or not flags or not flags & DO_FLAG:
        return want
    before, _ = want.split(" /")
    rcode, *aliases = before.split()
    if rdtype in ("NSEC", "RRSIG") and not aliases:
        return f"NOERROR {rdtype}"
    return " ".join([rcode if flags & CO_FLAG else "NOERROR", *aliases, "/ SOA NSEC"])


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("source, name, rdtype, want", [*NAMES, *MORE])
def test_name(zone, source, name, rdtype, want, flags):
    flags = FLAGS[flags]
    opt = b"" if flags is None else make_opt(ttl=flags)
    query = make_query(name, rdtype, opt=opt)
    dnssec = bool(flags and flags & DO_FLAG)
    message = judge(zone, query, exchange(query), compact(want, rdtype, flags), opt=opt, dnssec=dnssec)
    if dnssec and message.authority:
        missing = judge_compact(message, next(r.name for r in message.authority if r.rdtype == dns.rdatatype.NSEC), rdtype)
        assert missing == want.startswith("NXDOMAIN"), "RFC 9824 3.1: NXNAME is for names that are not there"
    for rrset in message.answer:
        if rrset.rdtype == dns.rdatatype.NSEC:
            judge_next(rrset.name, rrset[0].next)


def test_co_alone_is_answered_and_means_nothing(zone):
    """RFC 9824 5: without DO the response has the real RCODE anyway."""
    opt = make_opt(ttl=CO_FLAG)
    for name, want in ((f"missing.{APEX}", "NXDOMAIN / SOA"), (f"nothing.{APEX}", "NOERROR / SOA"), (f"alice.{APEX}", "NOERROR A")):
        query = make_query(name, "A", opt=opt)
        judge(zone, query, exchange(query), want, opt=opt, dnssec=False)


@pytest.mark.parametrize("flags", [DO_FLAG, DO_FLAG | CO_FLAG])
def test_nxname_is_no_type_to_ask_for(zone, flags):
    """RFC 9824 3.5: FORMERR with an extended error."""
    message = dns.message.from_wire(exchange(make_query(f"missing.{APEX}", 128, opt=make_opt(ttl=flags))))
    assert message.rcode() == dns.rcode.FORMERR
    assert [option.code for option in message.options if int(option.otype) == 15] == [30]


def test_made_up_names_are_forgotten_by_nobody_else(zone):
    """A flood of made-up names evicts no cached signatures and spoils no answer."""
    for number in range(1000):
        name = f"flood{number}.{APEX}"
        message = dns.message.from_wire(exchange(make_query(name, "A", opt=make_opt(ttl=DO_FLAG))))
        assert judge_compact(message, dns.name.from_text(name), dns.rdatatype.A)
    query = make_query(f"alice.{APEX}", "A", opt=make_opt(ttl=DO_FLAG))
    judge(zone, query, exchange(query), "NOERROR A", opt=make_opt(ttl=DO_FLAG), dnssec=True)


def ask(name, rdtype="A", flags=DO_FLAG):
    return dns.message.from_wire(exchange(make_query(name, rdtype, opt=make_opt(ttl=flags))))


def judge_either(zone, message):
    """Judges a response with either form of denial. True: compact; False: NSEC chain; None: no denial."""
    judge_signatures(zone, message.answer)
    judge_signatures(zone, message.authority)
    if not message.answer:
        name, rdtype = message.question[0].name, message.question[0].rdtype
        nsecs = [rrset for rrset in message.authority if rrset.rdtype == dns.rdatatype.NSEC]
        compact = nsecs[0].name == name and nsecs[0][0].next == dns.name.Name((b"\0", *name.labels))
        (judge_compact if compact else judge_denial)(message, name, rdtype)
        return compact
    return None


def test_beyond_the_budget_the_chain_denies(zone):
    zone.cli("zone", "set", "denial-budget", "5")
    try:
        until(lambda: not judge_either(zone, ask(f"x{random.getrandbits(60):x}.{APEX}")), 20, "the budget is in use")
        told = [judge_either(zone, ask(f"y{number}.{APEX}", flags=DO_FLAG | CO_FLAG)) for number in range(200)]
        assert 0 < told.count(False) < 200
        # The budget applies to missing names only.
        for rdtype in ("MX", "TXT", "HTTPS", "PTR"):
            assert judge_either(zone, ask(f"alice.{APEX}", rdtype))
            assert judge_either(zone, ask(f"nothing.{APEX}", rdtype))
        assert ask(SRV, "SRV").answer
    finally:
        zone.cli("zone", "set", "denial-budget", "0")
    until(lambda: judge_either(zone, ask(f"z{random.getrandbits(60):x}.{APEX}")), 20, "there is no limit")


def test_status_and_log_tell_of_a_used_up_budget(machine):
    pool = Pool(machine, "flooded", "127.0.0.9").init("--denial", "compact")
    pool.cli("zone", "set", "denial-budget", "1")
    assert pool.json("zone", "show")["settings"]["denial"] == "compact"
    pool.serve()
    for number in range(20):
        pool.ask(f"x{number}.{APEX}", "A", dnssec=True)
    server = pool.server
    pool.stop()  # the server writes its last counts when it ends
    assert server.output().count("denial-budget") == 1
    status = pool.json("status")
    assert 15 <= status["over_budget"]["answers"] < 20
    assert "over-budget" in pool.warned()


def test_the_exported_zone_has_the_chain(zone):
    """The server makes compact NSEC records per query, so the export has none."""
    said = zone.cli("zone", "export", "--signed").stdout
    nsecs = [line.split() for line in said.splitlines() if line.split()[3:4] == ["NSEC"]]
    owners = [words[0] for words in nsecs]
    assert len(nsecs) > 20 and [words[4] for words in nsecs] == owners[1:] + owners[:1]


def _meanwhile(act):
    """Runs `act(number)` repeatedly until the returned function is called. That function returns the number of runs."""
    stop, done = threading.Event(), []

    def run():
        while not stop.is_set():
            act(len(done))
            done.append(True)

    thread = threading.Thread(target=run)
    thread.start()

    def end():
        stop.set()
        thread.join()
        return len(done)
    return end


def test_denied_or_served_while_members_come_and_go(zone):
    """Each response fits one state of the zone: it has the name's records or denies them."""
    dice = random.Random(9824)

    def change(number):
        name = f"{dice.choice('abcmz')}{number}"
        zone.add(name, "127.0.9.1")
        zone.cli("member", "remove", name)

    end = _meanwhile(change)
    seen = set()
    try:
        for number in range(1000):
            message = ask(f"{'abcmz'[number % 5]}{number // 60 + number % 3}.{APEX}", ("A", "MX")[number % 7 == 0])
            seen.add(judge_either(zone, message))
    finally:
        assert end() > 3
    assert seen <= {None, True} and True in seen


def test_the_setting_changes_while_it_answers(zone):
    def change(number):
        zone.cli("zone", "set", "denial", ("nsec", "compact")[number % 2])

    end = _meanwhile(change)
    seen = []
    try:
        while len(seen) < 1000 or len(set(seen)) < 2:
            for name, rdtype in ((f"q{len(seen)}.{APEX}", "A"), (f"alice.{APEX}", "MX"), (f"nothing.{APEX}", "A"), (SRV, "A")):
                seen.append(judge_either(zone, ask(name, rdtype)))
    finally:
        assert end() > 3
        zone.cli("zone", "set", "denial", "compact")
