"""The denial mode of a live zone changes, there and back, under four resolvers with warm caches and aggressive use of them (RFC 8198).
Everything must validate. No resolver may deny an existing name for longer than the negative TTL."""

import random
import time

import dns.flags
import dns.rcode
import dns.rdatatype
import pytest

import validators
from machine import run, until
from pool import APEX, SRV
from resolver import Unbound
from signedpool import EXISTING, NODATA, NXDOMAIN
from validators import RESOLVERS, Validated

NEGATIVE_TTL = 4
AT_LEAST = 5  # the shortest time that knot-resolver caches a record
EVERYONE = [*RESOLVERS, "unbound"]


class Switched(Validated):
    """Adds unbound to the resolvers and collects the RCODEs of missing names."""

    def __init__(self, machine):
        super().__init__(machine, "ecdsap256")
        for name, value in (("negative-ttl", NEGATIVE_TTL), ("address-ttl", 3), ("srv-ttl", 3), ("ttl", 60)):
            self.pool.cli("zone", "set", name, value)
        anchor = machine.write("anchor", self.pool.cli("key", "ds", "--dnskey").stdout)
        self.unbound = Unbound(machine, APEX, anchor, lines=[
            "cache-max-ttl: 86400", "cache-max-negative-ttl: 3600", "aggressive-nsec: yes"])
        self.dice = random.Random(8198)
        self.rcodes = []

    def ask(self, resolver, name, rdtype, timeout=8):
        if resolver == "unbound":
            return self.unbound.ask(name, rdtype)
        return super().ask(resolver, name, rdtype, timeout)

    def has(self, resolver, name, rdtype):
        answer = self.secure(resolver, name, rdtype)
        return any(rrset.rdtype == dns.rdatatype.from_text(rdtype) for rrset in answer.answer)

    def round(self, missing=()):
        """Asks every resolver for all names in random order, and for some names that no cache has."""
        questions = [(name, rdtype, True) for name, rdtype in EXISTING] + [(name, rdtype, False) for name, rdtype in NODATA]
        questions += [(name, "A", False) for name in (*NXDOMAIN, *missing)]
        questions += [(f"{prefix}{self.dice.getrandbits(30):x}.{parent}{APEX}", "A", False)
                      for prefix in "abmz_" for parent in ("", "alice.", "_tcp.", "nothing.")]
        self.dice.shuffle(questions)
        for resolver in EVERYONE:
            for name, rdtype, there in questions:
                answer = self.secure(resolver, name, rdtype)
                assert answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN if not there else 0), f"{resolver} {name}: {answer}"
                assert bool(answer.answer) == there, f"{resolver} {name} {rdtype}: {answer}"
                if not there:
                    self.rcodes.append(answer.rcode())

    def judge_fresh(self):
        """Validates with delv and drill, which cache nothing."""
        trust = self.machine.write("switch.delv", validators.anchors_of(self.ds))
        for name, rdtype in (*EXISTING[:7], *NODATA[:3], (NXDOMAIN[0], "A"), (NXDOMAIN[2], "A")):
            said = run("delv", "@127.0.0.1", "-p", "53", "-a", trust, f"+root={APEX}", name, rdtype)
            assert "fully validated" in said.stdout + said.stderr, said.stdout + said.stderr
        done = run("drill", "-S", "-k", self.machine.directory / "anchor", "@127.0.0.1", SRV, "SRV", check=False)
        assert done.returncode == 0 and "successful" in done.stdout, done.stdout + done.stderr

    def switch(self, denial):
        self.pool.cli("zone", "set", "denial", denial)


@pytest.fixture
def switched(machine):
    switched = Switched(machine)
    yield switched
    switched.pool.stop()


def test_there_and_back_under_warm_caches(switched):
    switched.round()
    assert set(switched.rcodes) == {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
    for number, denial in enumerate(("compact", "nsec", "compact", "nsec")):
        switched.rcodes.clear()
        switched.switch(denial)
        for _ in range(2):  # at once, and while the caches expire
            switched.round()
        switched.judge_fresh()
        # One member joins and another leaves. Resolvers with cached answers see it within the negative TTL.
        come, gone = f"b{number + 1}new", f"b{number}new"
        for resolver in EVERYONE:
            assert not switched.has(resolver, f"{come}.{APEX}", "A")
        switched.pool.add(come, f"127.0.9.{number + 1}")
        if number > 0:
            switched.pool.cli("member", "remove", gone)
        time.sleep(max(NEGATIVE_TTL, AT_LEAST) + 1)
        for resolver in EVERYONE:
            until(lambda: switched.has(resolver, f"{come}.{APEX}", "A"), 20, f"{resolver} knows {come}")
            until(lambda: number == 0 or not switched.has(resolver, f"{gone}.{APEX}", "A"), 20, f"{resolver} forgets {gone}")
        switched.rcodes.clear()
        switched.round()
        # By now no cache has records of the other mode. With compact denial none of these resolvers says NXDOMAIN.
        assert (dns.rcode.NXDOMAIN in switched.rcodes) == (denial == "nsec")
