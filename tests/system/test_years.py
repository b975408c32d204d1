"""A zone's whole life on a simulated clock, with every kind of rollover, a slow parent, and restarts and kills at random points. After
every step, any records that caches may hold must validate together with all that the server sends.

NTSPOOL_YEARS=3 gives a long life. The short one has each kind of rollover once. The test prints its seed; NTSPOOL_SEED repeats a run."""

import math
import os
import random
import time

import dns.exception
import dns.rdatatype
import pytest

from machine import until
from pool import APEX, PRESET, SRV, Pool, records
from years import DAY, DS_TTL, HOUR, PARENT_DELAY, Clock, Parent, Validators

YEARS = float(os.environ.get("NTSPOOL_YEARS", "0.6"))
SEED = int(os.environ.get("NTSPOOL_SEED", "0")) or int.from_bytes(os.urandom(4), "big")
STATIC = f"www.{APEX}. 7200 IN A 203.0.113.80\ndeep.er.{APEX}. 600 IN TXT \"x\"\n"
QUESTIONS = [(APEX, "DNSKEY"), (APEX, "SOA"), (APEX, "NS"), (APEX, "CDS"), (APEX, "CDNSKEY"), (SRV, "SRV"), (f"alice.{APEX}", "A"),
             (f"alice.{APEX}", "MX"), (f"www.{APEX}", "A"), (f"er.{APEX}", "A"), (f"missing.{APEX}", "A")]
PROPAGATION = HOUR
# The longest move of the clock during rollovers (seconds). The server is that late if it falls between a key's step and a zone state.
STEP_MAX = 50 * 60
SETTLED_S = 0.1  # for the key manager's poll and the pause between two zone states, both short on a simulated clock

pytestmark = pytest.mark.skipif(PRESET not in ("dev", "tsan"), reason="a build that can't be led")


class Life:
    """One zone, its parent and all resolvers."""

    def __init__(self, machine, monkeypatch, *options):
        self.dice = random.Random(SEED)
        self.clock = Clock(machine.directory, monkeypatch)
        self.parent = Parent(self.clock)
        self.validators = Validators(self.clock, PROPAGATION - STEP_MAX - 60)
        self.pool = Pool(machine).init(*options)
        for name, value in (("propagation-delay", PROPAGATION), ("parent-delay", PARENT_DELAY), ("parent-ds-ttl", DS_TTL)):
            self.pool.cli("zone", "set", name, value)
        self.pool.add("alice", "127.0.1.1", "2001:db8::11")
        self.pool.add("bob", "127.0.1.2")
        self.pool.cli("member", "override", "--all", "eligible")
        self.pool.cli("record", "load", machine.write("static.zone", STATIC))
        self.pool.serve("--workers", "1")
        self.start = self.clock.now()
        self.kills = self.stops = self.steps = 0
        self.look()

    def keys(self):
        return self.pool.json("key", "list")

    def at_rest(self):
        return all(key["wanted"] and key["state"] == "active" and key["next"] in (None, "be replaced") for key in self.keys())

    def look(self):
        """Asks for everything and validates the answers together with all that caches may hold."""
        made_up = f"{self.dice.choice('abn')}{self.dice.getrandbits(20):x}.{APEX}"
        for name, rdtype in (*QUESTIONS, (made_up, "A")):
            self.validators.see(self.pool.ask(name, rdtype, dnssec=True, tcp=True))
        self.validators.see_ds(self.parent.ds)
        self.validators.judge()

    def cds(self):
        answer = self.pool.ask(APEX, "CDS", dnssec=True, tcp=True).answer
        return next(rrset for rrset in answer if rrset.rdtype == dns.rdatatype.CDS)

    def parent_works(self):
        """RFC 7344 6.1: the parent publishes the DS late, and the operator runs `key ds-seen` later still."""
        cds = self.cds()
        if not self.parent.has(cds):
            if self.dice.random() < 0.4:
                self.parent.take(cds)
        elif self.dice.random() < 0.6:
            self.pool.cli("key", "ds-seen", check=False)

    def disturb(self):
        """Sometimes restarts the server, also by kill -9 while a rollover takes a step."""
        luck = self.dice.random()
        if luck < 0.06:
            time.sleep(self.dice.uniform(0, 0.05))
            self.pool.kill()
            self.pool.serve("--workers", "1")
            self.kills += 1
        elif luck < 0.10:
            self.pool.stop(self.pool.server)
            self.pool.serve("--workers", "1")
            self.stops += 1

    def step(self, seconds):
        self.clock.move(seconds)
        self.steps += 1
        self.look()  # at once: the first answers of a machine that was asleep
        self.disturb()
        time.sleep(SETTLED_S)
        self.look()
        self.parent_works()

    def rest(self, limit=120):
        """Takes small steps until no rollover is under way."""
        for _ in range(limit):
            if self.at_rest():
                return
            self.step(self.dice.randint(300, STEP_MAX))
        raise AssertionError(f"no rest: {self.pool.cli('key', 'list').stdout}")

    def until(self, day):
        """Lets time pass until that day. Follows in small steps each rollover that starts by itself."""
        while (left := self.start + day * DAY - self.clock.now()) > 0:
            self.rest()
            self.step(min(left, self.dice.uniform(0.5, 20) * DAY))
        self.rest()


def roll(*words):
    return lambda life: life.pool.cli("key", "roll", *words)


def ttls(life):
    """Changes the TTLs, also in the middle of rollovers."""
    for name in ("ttl", "srv-ttl", "address-ttl", "negative-ttl"):
        life.pool.cli("zone", "set", name, life.dice.choice(["2m", "30m", "1h", "2h"]))


def emergency(life):
    life.pool.cli("key", "roll", "zsk")
    life.step(HOUR // 2)
    life.pool.cli("key", "roll", "zsk", "--emergency")


def changed_mind(life):
    """Aborts a KSK rollover after the parent has been asked for the new DS."""
    life.pool.cli("key", "roll", "ksk")
    for _ in range(4):
        life.step(HOUR // 2)
        ttls(life)
    life.pool.cli("key", "abort", "ksk", check=False)


def denial(form):
    return lambda life: life.pool.cli("zone", "set", "denial", form)


def insecure_and_back(life):
    life.pool.cli("key", "insecure")
    for _ in range(30):
        life.step(HOUR * 2 / 3)
    assert life.parent.ds is None
    life.pool.cli("key", "secure")


STORY = [(20, roll("ksk")), (50, emergency), (75, changed_mind), (108, denial("compact")), (110, roll("algorithm", "ed25519")),
         (150, roll("csk")), (180, ttls), (183, denial("nsec")), (185, roll("split"))]
LATER = [(40, roll("algorithm", "ecdsap256")), (41, denial("compact")), (100, roll("zsk")), (160, insecure_and_back),
         (200, roll("csk")), (201, denial("nsec")), (230, denial("compact")), (260, roll("algorithm", "ed25519")), (320, ttls),
         (321, roll("split")), (330, denial("nsec"))]


def test_no_moment_of_a_life_fails_to_validate(machine, monkeypatch):
    print(f"seed {SEED}")
    life = Life(machine, monkeypatch)
    first = {key["tag"] for key in life.keys()}
    story = list(STORY)
    for year in range(1, math.ceil(YEARS)):
        story += [(365 * year + day, act) for day, act in (LATER if year % 2 else STORY[:3])]
    for day, act in story:
        if day < YEARS * 365 - 5:
            life.until(day)
            act(life)
    life.until(YEARS * 365)
    print(f"{life.steps} steps, {life.kills} kills, {life.stops} restarts, {life.validators.judged} combinations")
    assert not first & {key["tag"] for key in life.keys()}
    assert life.validators.judged > 1000 * YEARS
    warnings = " ".join(life.pool.json("status")["warning_texts"])
    assert "DNSSEC" not in warnings and "DS records" not in warnings and "clock" not in warnings, warnings
    life.pool.stop()
