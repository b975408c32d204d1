"""Independent validators check every phase of every rollover, also while the denial mode changes. They are unbound (strict about
algorithms), knot-resolver, pdns-recursor, BIND's named and delv, and drill. All start with an empty cache. Their trust anchors are the
keys that the parent's DS would point to at that time."""

import time

import dns.dnssec
import dns.name
import dns.rcode
import dns.rdatatype
import pytest

import validators
from machine import run, until
from pool import APEX, PRESET, SRV, Pool
from resolver import Unbound
from years import HOUR, Clock

# Real validators use the real clock and accept signatures from the past. So the zone's simulated clock starts some hours ago.
DELAYS = {"propagation-delay": 60, "parent-delay": 60, "parent-ds-ttl": 60, "ttl": 2, "srv-ttl": 2, "address-ttl": 2, "negative-ttl": 2}
POSITIVE = [(APEX, "SOA"), (APEX, "DNSKEY"), (APEX, "CDS"), (SRV, "SRV"), (f"alice.{APEX}", "A")]
NEGATIVE = [(f"alice.{APEX}", "MX"), (f"_tcp.{APEX}", "A"), (f"missing.{APEX}", "A"), (f"x.alice.{APEX}", "A")]
ANY = ("pdns-recursor", "bind")  # these answer ANY; unbound and knot-resolver do not

pytestmark = pytest.mark.skipif(PRESET not in ("dev", "tsan"), reason="a build that can't be led")


class Rolling:
    def __init__(self, machine, monkeypatch, *options):
        self.machine = machine
        self.clock = Clock(machine.directory, monkeypatch)
        self.clock.move(-3 * HOUR)
        self.pool = Pool(machine).init(*options)
        self.compact = self.switches = "compact" in options
        for name, value in DELAYS.items():
            self.pool.cli("zone", "set", name, value)
        self.pool.add("alice", "127.0.1.1")
        self.pool.cli("member", "override", "--all", "eligible")
        self.pool.serve("--workers", "1")
        # Answers from before this point may have the default TTLs, and caches keep them for an hour.
        until(lambda: self.pool.ask(APEX, "SOA").answer[0].ttl == 2, 20, "short TTLs")
        time.sleep(0.5)  # time for the key manager to note the change
        self.clock.move(HOUR + 60)
        self.phases = []
        self.trust()

    def trust(self):
        """Takes the current DS as the parent's from now on."""
        self.trusted = self.pool.cli("key", "ds", "--dnskey").stdout
        self.trusted_ds = validators.ds_of(self.pool)

    def switch(self):
        """Changes the denial mode in the middle of the rollover."""
        self.compact = not self.compact
        self.pool.cli("zone", "set", "denial", "compact" if self.compact else "nsec")
        until(lambda: self.pool.ask(f"missing.{APEX}", "A", dnssec=True).rcode() == (
            dns.rcode.NOERROR if self.compact else dns.rcode.NXDOMAIN), 5, "the other denial")

    def states(self):
        return [(key["tag"], key["role"], key["state"], key["wanted"]) for key in self.pool.json("key", "list")]

    def judge(self):
        anchor = self.machine.write(f"anchor{len(self.phases)}", self.trusted)
        lines = []
        for line in self.trusted.splitlines():
            words = line.split()
            at = words.index("DNSKEY")
            lines.append(f'"{APEX}." static-key {" ".join(words[at + 1:at + 4])} "{"".join(words[at + 4:])}";')
        keys = self.machine.write("anchor.delv", "trust-anchors { " + "\n".join(lines) + " };\n")
        for (name, rdtype), wanted in [*((q, "; fully validated") for q in POSITIVE),
                                       *((q, "; negative response, fully validated") for q in NEGATIVE)]:
            said = run("delv", "@127.0.0.1", "-p", "53", "-a", keys, f"+root={APEX}", name, rdtype)
            assert wanted in said.stdout + said.stderr, (self.phases, name, rdtype, said.stdout + said.stderr)
        done = run("drill", "-S", "-k", anchor, "@127.0.0.1", SRV, "SRV", check=False)
        assert done.returncode == 0 and "successful" in done.stdout, (self.phases, done.stdout + done.stderr)
        resolver = Unbound(self.machine, APEX, anchor, lines=["harden-algo-downgrade: yes"], port=5400 + len(self.phases))
        for name, rdtype in POSITIVE:
            assert resolver.secure(name, rdtype), (self.phases, name, rdtype)
        assert resolver.missing(f"missing.{APEX}") or self.compact, "RFC 9824 6: NOERROR, which is in NEGATIVE"
        resolver.process.stop()
        self.judge_by_resolvers()

    def judge_by_resolvers(self):
        processes = validators.start(self.machine, self.trusted_ds)
        for resolver in validators.RESOLVERS:
            for name, rdtype in POSITIVE + [(APEX, "ANY")] * (resolver in ANY):
                assert validators.secure(resolver, name, rdtype).answer, (self.phases, resolver, name, rdtype)
            for name, rdtype in NEGATIVE:
                assert not validators.secure(resolver, name, rdtype).answer, (self.phases, resolver, name, rdtype)
        for process in processes:
            process.stop()

    def go(self):
        """Runs the rollover to its end and judges the zone after each change in a key's state."""
        for _ in range(60):
            states = self.states()
            if states not in self.phases[-1:]:
                self.phases.append(states)
                self.judge()
                if self.switches:
                    self.switch()
            if all(wanted and state == "active" for _, _, state, wanted in states):
                return
            if self.pool.cli("key", "ds-seen", check=False).returncode == 0:
                self.trust()
            self.clock.move(31)
            until(lambda: self.pool.ask(APEX, "SOA"), 20, "an answer")
        raise AssertionError(self.phases)


@pytest.mark.parametrize("roll, options", [("zsk", ""), ("ksk", ""), ("csk", ""), ("algorithm ed25519", ""),
                                           ("split", "--csk"), ("algorithm 13", "--csk --algorithm ed25519 --denial compact"),
                                           ("zsk --emergency", "--algorithm 15 --denial compact")])
def test_validators_agree_in_every_phase(machine, monkeypatch, roll, options):
    rolling = Rolling(machine, monkeypatch, *options.split())
    rolling.pool.cli("key", "ds-seen")
    rolling.judge()
    first = {tag for tag, *_ in rolling.states()}
    rolling.pool.cli("key", "roll", *roll.split())
    rolling.clock.move(1)
    rolling.go()
    assert len(rolling.phases) >= 3
    assert {tag for tag, *_ in rolling.states()} != first
    rolling.pool.stop()


class Signatures:
    """What the server sends, judged by dnspython, at the time that the server takes it for."""

    QUESTIONS = [(APEX, "SOA"), (SRV, "SRV"), (f"alice.{APEX}", "A"), (f"bob.{APEX}", "A"), (f"missing.{APEX}", "A")]

    def __init__(self, rolling):
        self.rolling, self.clock = rolling, rolling.clock
        self.dnskeys = []  # (until when caches have it, RRset)
        self.last_by = {}  # when a key's signature was last sent

    def ask(self, name, rdtype):
        answer = self.rolling.pool.ask(name, rdtype, dnssec=True)
        sections = answer.answer + answer.authority
        signed = [(s, next(g for g in sections if g.rdtype == dns.rdatatype.RRSIG and g.name == s.name and g.covers == s.rdtype))
                  for s in sections if s.rdtype != dns.rdatatype.RRSIG]
        assert signed, answer
        return signed

    def tags(self, name, rdtype):
        return {record.key_tag for _, signatures in self.ask(name, rdtype) for record in signatures}

    def judge(self):
        """Each answer validates by each DNSKEY RRset that a cache may have now."""
        now, apex = self.clock.now(), dns.name.from_text(APEX)
        ((dnskey, signatures),) = self.ask(APEX, "DNSKEY")
        dns.dnssec.validate(dnskey, signatures, {apex: dnskey}, now=now)
        wait = DELAYS["ttl"] + DELAYS["propagation-delay"]
        self.dnskeys = [(until, old) for until, old in self.dnskeys if until >= now and old != dnskey] + [(now + wait, dnskey)]
        for question in self.QUESTIONS:
            for rrset, signatures in self.ask(*question):
                for record in signatures:
                    self.last_by[record.key_tag] = now
                for _, keys in self.dnskeys:
                    dns.dnssec.validate(rrset, signatures, {apex: keys}, now=now)


def test_signatures_are_replaced_bit_by_bit_after_a_switch(machine, monkeypatch):
    """RFC 6781 4.1.1.1: the old ZSK stays published for all that it signed."""
    rolling = Rolling(machine, monkeypatch)
    pool, clock, alice = rolling.pool, rolling.clock, (f"alice.{APEX}", "A")
    pool.add("bob", "127.0.1.2")
    pool.cli("key", "ds-seen")
    signatures = Signatures(rolling)
    until(lambda: pool.ask(f"bob.{APEX}", "A").answer, 20, "bob")
    old = signatures.tags(*alice)
    pool.cli("key", "roll", "zsk")
    until(lambda: len(signatures.ask(APEX, "DNSKEY")[0][0]) == 3, 20, "a third key")
    assert signatures.tags(*alice) == old
    signatures.judge()
    clock.move(50)
    signatures.judge()  # alice's signature is cached again, if it was dropped
    clock.move(13)
    until(lambda: signatures.tags(APEX, "SOA") != old, 20, "the switch")
    switched, new = clock.now(), signatures.tags(APEX, "SOA")
    assert signatures.tags(*alice) == old and signatures.tags(f"alice.{APEX}", "AAAA") != old
    rolling.judge()
    while len(signatures.ask(APEX, "DNSKEY")[0][0]) == 3:
        signatures.judge()
        if clock.now() - switched >= 600:
            assert signatures.tags(*alice) == signatures.tags(SRV, "SRV") == new
        assert clock.now() - switched < 900
        clock.move(20)
        time.sleep(0.5)  # the key manager looks four times a second
    signatures.judge()
    rolling.phases.append("the old key is gone")
    rolling.judge()
    (tag,) = old
    wait = DELAYS["ttl"] + DELAYS["propagation-delay"]
    assert switched + 600 + wait <= clock.now() and signatures.last_by[tag] + wait <= clock.now()
    pool.stop()
