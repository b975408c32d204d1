"""Runs years in minutes: a simulated clock for the programs, a parent zone, and validators with caches that honour TTLs on that clock."""

import mmap
import struct
import time
from pathlib import Path

import dns.dnssec
import dns.exception
import dns.name
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ed25519

from machine import until
from pool import APEX, environment

HOUR = 3600
DAY = 24 * HOUR
APEX_NAME = dns.name.from_text(APEX)
PARENT = APEX_NAME.parent()
DS_TTL = 6 * HOUR
PARENT_DELAY = HOUR


class Clock:
    """The clock of all programs that start after this object is made (zone/base/clock.h)."""

    def __init__(self, directory, monkeypatch):
        path = directory / "clock"
        path.write_bytes(bytes(16))
        self._file = open(path, "r+b")
        self._map = mmap.mmap(self._file.fileno(), 16)
        self.both = self.day = 0
        monkeypatch.setenv("NTSPOOL_TEST_CLOCK", str(path))
        assert environment()["NTSPOOL_TEST_CLOCK"]

    def _write(self):
        self._map[:] = struct.pack("=qq", self.both, self.day)

    def move(self, seconds):
        self.both += int(seconds)
        self._write()

    def set_wrong(self, seconds):
        """Sets only the time of day wrong by these seconds, as a person or a program could."""
        self.day = int(seconds)
        self._write()

    def now(self):
        return time.time() + self.both


def switches(process):
    """How often the process has gone to sleep. It sleeps each time that it has checked for due work."""
    (line,) = [line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("voluntary_ctxt")]
    return int(line.split()[1])


def probing(process):
    """True while a probe or lookup is under way: only these have sockets."""
    for file in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            if file.readlink().name.startswith("socket:"):
                return True
        except FileNotFoundError:  # closed in the meantime
            pass
    return False


def resting(process):
    """True if no probe or lookup is under way, and the daemon has noted what came of the last one."""
    return not probing(process) and Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def lead(clock, seconds, step, *daemons):
    """Moves the clock in steps. A step ends when the daemons have noticed it and all their probes are over."""
    for _ in range(int(seconds / step)):
        before = [switches(daemon) for daemon in daemons]
        clock.move(step)
        for daemon, count in zip(daemons, before):
            until(lambda: switches(daemon) >= count + 3 and not probing(daemon), 20, "the daemon has taken a step", pause=0.005)


class Parent:
    """The parent zone: publishes and signs the DS records that CDS asks for."""

    def __init__(self, clock):
        self.clock = clock
        self._key = ed25519.Ed25519PrivateKey.generate()
        self._dnskey = dns.dnssec.make_dnskey(self._key.public_key(), dns.dnssec.ED25519, flags=257)
        self._keys = {PARENT: dns.rrset.from_rdata(PARENT, HOUR, self._dnskey)}
        self.ds = None

    def take(self, cds):
        """Takes over the DS records from CDS. The delete form removes them (RFC 8078 4)."""
        records = [record for record in cds if record.algorithm != 0]
        self.ds = None
        if records:
            self.ds = dns.rrset.from_rdata_list(APEX_NAME, DS_TTL, dns.dnssec.cds_rdataset_to_ds_rdataset(cds))
            now = self.clock.now()
            signature = dns.dnssec.sign(self.ds, self._key, PARENT, self._dnskey, inception=now - HOUR, expiration=now + 30 * DAY)
            dns.dnssec.validate_rrsig(self.ds, signature, self._keys, now=now)

    def has(self, cds):
        wanted = {(record.key_tag, record.algorithm, record.digest) for record in cds if record.algorithm != 0}
        return wanted == {(record.key_tag, record.algorithm, record.digest) for record in self.ds or ()}


class Cached:
    """A cached RRset with its signatures."""

    def __init__(self, rrset, signatures, until):
        self.rrset, self.signatures, self.until = rrset, signatures, until
        self.text = (rrset.to_text(), tuple(sorted(signature.to_text() for signature in signatures)))


class Validators:
    """All resolvers at once: the cache has every RRset that any resolver may still hold. The rules are strict: each algorithm in the
    DS RRset signs the DNSKEY RRset, and each algorithm in the DNSKEY RRset signs every RRset (RFC 4035 2.2, RFC 6840 5.11)."""

    def __init__(self, clock, propagation):
        self.clock, self.propagation = clock, propagation
        self.caches = {}
        self.judged = 0
        self._verified = {}
        self._good = set()

    def _hold(self, key, rrset, signatures, ttl):
        versions = self.caches.setdefault(key, {})
        entry = Cached(rrset, signatures, self.clock.now() + ttl)
        versions[entry.text] = entry

    def see_ds(self, ds):
        """The parent's servers may lag by PARENT_DELAY. A cache may then still fetch the old DS and keep it for its TTL."""
        self.caches.setdefault("DS", {})
        if ds is None:
            self.caches["DS"][None] = Cached(dns.rrset.RRset(APEX_NAME, 1, dns.rdatatype.DS), (),
                                             self.clock.now() + DS_TTL + PARENT_DELAY)
        else:
            self._hold("DS", ds, (), DS_TTL + PARENT_DELAY)

    def see(self, message):
        """Caches a response. Every RRset must be signed, and all signatures must be valid for 12 more hours."""
        now = self.clock.now()
        sections = message.answer + message.authority
        assert sections, message.to_text()
        for rrset in sections:
            if rrset.rdtype == dns.rdatatype.RRSIG:
                continue
            signatures = [record for other in sections if other.rdtype == dns.rdatatype.RRSIG and
                          other.name == rrset.name and other.covers == rrset.rdtype for record in other]
            assert signatures, f"unsigned: {rrset}"
            for signature in signatures:
                assert signature.inception <= now < signature.expiration, f"{rrset.name} {signature.to_text()[:60]} at {now}"
                assert signature.expiration - now > 12 * HOUR, f"{rrset.name} ends soon: {signature.to_text()[:60]}"
            ttl = min(rrset.ttl, *(min(s.original_ttl, s.expiration - now) for s in signatures)) + self.propagation
            self._hold((rrset.name, rrset.rdtype), rrset, signatures, ttl)

    def _verify(self, entry, signature, dnskey):
        memo = (entry.text[0], signature.to_text(), dnskey.to_text())
        if memo not in self._verified:
            keys = {APEX_NAME: dns.rrset.from_rdata(APEX_NAME, 0, dnskey)}
            try:
                dns.dnssec.validate_rrsig(entry.rrset, signature, keys, now=signature.inception)
                self._verified[memo] = True
            except dns.exception.DNSException:
                self._verified[memo] = False
        return self._verified[memo]

    def _signed_by(self, entry, dnskeys):
        """The algorithms with which these keys have signed the entry."""
        return {key.algorithm for signature in entry.signatures for key in dnskeys
                if signature.key_tag == dns.dnssec.key_id(key) and signature.algorithm == key.algorithm and
                self._verify(entry, signature, key)}

    def _judge_keys(self, ds, dnskey):
        for record in ds.rrset:
            trusted = [key for key in dnskey.rrset
                       if dns.dnssec.make_ds(APEX_NAME, key, "SHA256") in ds.rrset and key.algorithm == record.algorithm]
            assert record.algorithm in self._signed_by(dnskey, trusted), \
                f"no way from DS {ds.rrset}\nto {dnskey.rrset}\nat {self.clock.now():.0f}"

    def _judge_data(self, dnskey, entry):
        missing = {key.algorithm for key in dnskey.rrset} - self._signed_by(entry, dnskey.rrset)
        assert not missing, f"{entry.rrset}\n{entry.text[1]}\nnot signed by {missing} of {dnskey.rrset}\nat {self.clock.now():.0f}"

    def _judge_denials(self):
        """RFC 8198: no cached NSEC denies another cached name, in either form of denial."""
        nsecs = [(entry.rrset.name, entry.rrset[0]) for key, versions in self.caches.items()
                 if key[1] == dns.rdatatype.NSEC for entry in versions.values()]
        for name, rdtype in (key for key in self.caches if key != "DS" and self.caches[key]):
            for owner, nsec in nsecs:
                between = owner < name and (name < nsec.next or nsec.next == APEX_NAME)
                lone = rdtype == dns.rdatatype.NSEC  # a made-up name has an NSEC but does not exist
                assert lone or not between, f"{owner} to {nsec.next} denies {name}"

    def judge(self):
        """Every combination of cached RRsets validates."""
        now = self.clock.now()
        for key in list(self.caches):
            self.caches[key] = {text: entry for text, entry in self.caches[key].items() if entry.until > now}
        dnskeys = self.caches.get((APEX_NAME, dns.rdatatype.DNSKEY), {}).values()
        for dnskey in dnskeys:
            for ds in self.caches["DS"].values():
                self._once(ds, dnskey, self._judge_keys)
            for key, versions in self.caches.items():
                if key != "DS" and key != (APEX_NAME, dns.rdatatype.DNSKEY):
                    for entry in versions.values():
                        self._once(dnskey, entry, self._judge_data)
        self._judge_denials()

    def _once(self, first, second, judge):
        pair = (first.text, second.text)
        if pair not in self._good:
            judge(first, second)
            self._good.add(pair)
            self.judged += 1
