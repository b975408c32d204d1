"""An offline KSK. Months of bundles pass on a simulated clock, with the checks of test_years at each step. The KSK is rolled and comes
back online. Further tests let a bundle end and try every bundle that the server must refuse.

NTSPOOL_YEARS=1 or more extends the time to a whole year."""

import os
import re
import time

import dns.flags
import dns.rcode
import pytest

from machine import until
from pool import APEX, PRESET, Pool, records
from resolver import Unbound
from test_years import STEP_MAX, Life
from years import DAY, HOUR, Clock

YEARS = float(os.environ.get("NTSPOOL_YEARS", "0.6"))

pytestmark = pytest.mark.skipif(PRESET not in ("dev", "tsan"), reason="a build that can't be led")


class Safe:
    """The machine that holds the KSK. Only files pass between it and the pool."""

    def __init__(self, machine, pool):
        self.machine, self.pool = machine, pool
        self.box = Pool(machine, name="safe").init()
        package = machine.directory / "package"
        pool.cli("key", "export", "--to", self.box.cli("key", "identity").stdout.strip(), package)
        self.box.cli("key", "import", "--package", package)
        self.count = 0

    def bundle(self, *period):
        """The paths of a new request and of the bundle that answers it."""
        self.count += 1
        request, bundle = (self.machine.directory / f"{kind}{self.count}" for kind in ("request", "bundle"))
        asked = self.pool.json("key", "request", *period, request)
        said = self.box.cli("key", "sign-request", request, bundle).stdout
        assert asked["sha256"] in said, "both show the same sum"
        return request, bundle

    def renew(self, *period):
        self.pool.cli("key", "import-bundle", self.bundle(*period)[1])

    def new_ksk(self):
        """Makes a KSK and returns the path of its public key."""
        before = {key["tag"] for key in self.box.json("key", "list")}
        self.box.cli("key", "lead", check=False)
        self.box.cli("key", "roll", "ksk", "--emergency")
        self.count += 1
        directory = self.machine.directory / f"exported{self.count}"
        directory.mkdir()
        self.box.cli("key", "export", "--public", directory)
        tag, = {key["tag"] for key in self.box.json("key", "list")} - before
        return next(directory.glob(f"*+{tag:05}.key"))


class OfflineLife(Life):
    def __init__(self, machine, monkeypatch):
        super().__init__(machine, monkeypatch)
        self.pool.cli("zone", "set", "zsk-lifetime", "60d" if YEARS >= 1 else "35d")
        while not self.at_rest() or not self.parent.has(self.cds()):
            self.step(HOUR // 2)
        self.safe = Safe(machine, self.pool)
        self.safe.renew("--until", "400d")
        self.pool.cli("key", "offline")
        self.pool.cli("key", "rotate-seal")

    def offline(self):
        return self.pool.json("status")["offline_ksk"]

    def next_change(self):
        """Seconds until the bundle changes the keys that the server publishes."""
        at = self.offline()["next_change"]
        return time_of(at) - self.clock.now() if at else 1000 * DAY

    def settled(self):
        keys = [key for key in self.keys() if not key["planned"]]
        return all(key["wanted"] and key["state"] == "active" for key in keys) and self.next_change() > DAY

    def settle(self, limit=80):
        for _ in range(limit):
            if self.settled():
                return
            self.step(self.dice.randint(1200, STEP_MAX))
        raise AssertionError(f"nothing settles: {self.pool.cli('key', 'list').stdout}")

    def pass_days(self, days):
        """Lets the days pass. Sometimes the machine sleeps past a change of keys."""
        end = self.clock.now() + days * DAY
        while (left := end - self.clock.now()) > 0:
            self.settle()
            late = self.dice.uniform(0, 2 * DAY) if self.dice.random() < 0.4 else 0
            self.step(min(left + 1, self.dice.uniform(2, 25) * DAY, self.next_change() + late))
        self.settle()

    def pass_until_before_end(self, days):
        self.pass_days((time_of(self.offline()["bundle_ends"]) - self.clock.now()) / DAY - days)


def time_of(text):
    return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone


def test_months_without_the_key_validate_at_every_moment(machine, monkeypatch):
    life = OfflineLife(machine, monkeypatch)
    pool = life.pool
    first = {key["tag"] for key in life.keys() if key["state"] == "active"}
    days = 140 if YEARS >= 1 else 30
    life.pass_days(days)
    # The private key of the new KSK was never on this machine. One bundle brings the key in. Another removes the old KSK once the parent
    # has the new DS.
    pool.cli("key", "import", "--public", life.safe.new_ksk())
    life.safe.renew("--until", "400d")
    while len({key["tag"] for key in life.keys() if key["role"] == "ksk"}) < 2 or not life.parent.has(life.cds()) or \
            pool.cli("key", "ds-seen", check=False).returncode == 0 or any(
                key["role"] == "ksk" and key["wanted"] and not key["ds"]["everywhere"] for key in life.keys()):
        life.step(STEP_MAX)
    life.safe.renew("--until", "400d")
    life.settle()
    assert len([key for key in life.keys() if key["role"] == "ksk"]) == 1
    life.pass_days(days)
    # An emergency ZSK rollover, and the warnings before the bundle ends.
    old = next(key["tag"] for key in life.keys() if key["role"] == "zsk" and key["state"] == "active")
    life.safe.renew("--roll-zsk", "--until", "90d")
    life.step(STEP_MAX)
    life.settle()
    assert old not in [key["tag"] for key in life.keys()]
    life.pass_until_before_end(33)
    assert alarms(pool) == []
    life.pass_until_before_end(25)
    assert alarms(pool) == ["bundle-soon"]
    assert "offline KSK end at" in pool.server.output()
    life.pass_until_before_end(4)
    assert alarms(pool) == ["bundle-late"]
    life.safe.renew("--until", "30d")
    assert alarms(pool) == []
    life.pass_days(5)
    # The KSK comes back online: from here on the server decides again.
    directory = machine.directory / "home"
    directory.mkdir()
    life.safe.box.cli("key", "export", directory)
    ksk = next(key["tag"] for key in life.keys() if key["role"] == "ksk")
    pool.cli("key", "online", next(directory.glob(f"*+{ksk:05}.private")))
    assert life.offline() is None
    pool.cli("key", "roll", "ksk")
    life.step(HOUR)
    life.rest()
    assert not first & {key["tag"] for key in life.keys()}
    print(f"{life.steps} steps, {life.kills} kills, {life.stops} restarts, {life.validators.judged} combinations")
    pool.stop()


def test_the_way_out_of_dnssec_and_back_goes_by_bundles(machine, monkeypatch):
    """This machine cannot sign another CDS. The zone stays as it is until a bundle asks the parent to remove or add the DS. It validates
    throughout."""
    life = OfflineLife(machine, monkeypatch)
    pool = life.pool

    def ksk():
        key, = (key for key in life.keys() if key["role"] == "ksk")
        return key["next"]

    def steps_until(condition, limit=60):
        for _ in range(limit):
            if condition():
                return
            life.step(STEP_MAX)
        raise AssertionError(pool.cli("key", "list").stdout)

    before = life.cds()
    assert "the next bundle" in pool.cli("key", "insecure").stdout
    for _ in range(3):
        life.step(STEP_MAX)
    assert life.cds() == before and ksk() == "waits for a bundle"
    assert "the next bundle asks the parent zone to remove" in pool.cli("key", "list").stdout
    life.safe.renew("--until", "60d")
    steps_until(lambda: records(pool.ask(APEX, "CDS", tcp=True), "CDS") == ["0 0 0 00"])
    assert records(pool.ask(APEX, "CDNSKEY", tcp=True), "CDNSKEY") == ["0 3 0 AA=="]
    steps_until(lambda: life.parent.ds is None and ksk() is None)
    assert "the parent zone has no DS" in pool.cli("key", "list").stdout
    for _ in range(10):
        life.step(STEP_MAX)
    assert "the next bundle" in pool.cli("key", "secure").stdout
    life.step(STEP_MAX)
    assert life.parent.ds is None and ksk() == "waits for a bundle"
    assert "the next bundle asks the parent zone for the DS" in pool.cli("key", "list").stdout
    life.safe.renew("--until", "60d")
    steps_until(lambda: life.parent.ds is not None and ksk() is None)
    assert life.cds() == before
    pool.stop()


def alarms(pool):
    """The ids of warnings of the bundle."""
    return [name for name in pool.warned() if name.startswith("bundle-")]


def test_when_a_bundle_ends_nothing_expired_is_sent(machine, monkeypatch):
    clock = Clock(machine.directory, monkeypatch)
    pool = Pool(machine).init()
    safe = Safe(machine, pool)
    safe.renew("--until", "10d")
    pool.cli("key", "offline")
    pool.serve("--workers", "1")
    end = time_of(pool.json("status")["offline_ksk"]["bundle_ends"])
    clock.move(end - clock.now() - 30)
    until(lambda: "URGENT" in pool.server.output(), 20, "an alarm in the log")
    signatures = pool.ask(APEX, "DNSKEY", dnssec=True, tcp=True).answer[1]
    assert all(clock.now() < signature.expiration for signature in signatures)
    clock.move(31)
    for rdtype in ("DNSKEY", "CDS", "CDNSKEY"):
        assert pool.ask(APEX, rdtype, dnssec=True, tcp=True).rcode() == dns.rcode.SERVFAIL
        assert pool.ask(APEX, rdtype, tcp=True).answer, "who does not ask for signatures gets the keys"
    # The server answers everything else, for resolvers that have the keys in their caches.
    soa = pool.ask(APEX, "SOA", dnssec=True)
    assert soa.rcode() == dns.rcode.NOERROR and len(soa.answer) == 2
    until(lambda: "no valid signature of the offline KSK" in pool.server.output(), 20, "an alarm in the log")
    assert alarms(pool) == ["bundle-ended"]
    pool.stop(pool.server)
    pool.serve("--workers", "1")  # a restart changes nothing
    assert pool.ask(APEX, "DNSKEY", dnssec=True, tcp=True).rcode() == dns.rcode.SERVFAIL
    safe.renew("--until", "30d")
    until(lambda: pool.ask(APEX, "DNSKEY", dnssec=True, tcp=True).rcode() == dns.rcode.NOERROR, 20, "signed keys")
    assert alarms(pool) == []
    pool.stop()


def test_a_safe_makes_one_ksk_after_the_other_and_another_safe_takes_over(machine):
    """No server runs on the safe machine, so a rollover that begins there never ends by itself."""
    pool = Pool(machine).init()
    safe = Safe(machine, pool)
    safe.renew("--until", "30d")
    pool.cli("key", "offline")
    names = [safe.new_ksk() for _ in range(5)]
    assert len({path.name for path in names}) == 5
    pool.cli("key", "import", "--public", names[-1])
    time.sleep(1)
    safe.renew("--until", "30d")  # the first and the last KSK sign
    home = machine.directory / "home"
    home.mkdir()
    safe.box.cli("key", "export", home)
    box = Pool(machine, name="next-safe").init()
    package = machine.directory / "package"
    pool.cli("key", "export", "--to", box.cli("key", "identity").stdout.strip(), package)
    box.cli("key", "import", "--package", package)
    offline = [key["tag"] for key in box.json("key", "list") if key["offline"]]
    assert len(offline) == 2
    box.cli("key", "online", *(next(home.glob(f"*+{tag:05}.private")) for tag in offline))
    time.sleep(1)
    safe.box = box
    safe.renew("--until", "30d")


def test_real_validators_take_what_was_signed_elsewhere(machine):
    pool = Pool(machine).init()
    safe = Safe(machine, pool)
    safe.renew()
    pool.cli("key", "offline")
    pool.serve("--workers", "1")
    anchor = machine.write("anchor", pool.cli("key", "ds", "--dnskey").stdout)
    resolver = Unbound(machine, APEX, anchor, lines=["harden-algo-downgrade: yes"])
    for name, rdtype in ((APEX, "SOA"), (APEX, "DNSKEY"), (APEX, "CDS"), (APEX, "CDNSKEY")):
        assert resolver.secure(name, rdtype)
    resolver.process.stop()
    pool.stop()


def test_servers_that_follow_take_the_bundle_too(machine):
    pool, other = Pool(machine).init(), Pool(machine, name="other", address="127.0.0.2").init()
    identity = other.cli("key", "identity").stdout.strip()
    package = machine.directory / "for-other"

    def send_keys():
        pool.cli("key", "export", "--to", identity, package)
        other.cli("key", "import", "--package", package)

    def keys_of(server):
        return sorted(rrset.to_text() for rrset in server.ask(APEX, "DNSKEY", dnssec=True, tcp=True).answer)

    send_keys()
    pool.serve("--workers", "1")
    other.serve("--workers", "1")
    safe = Safe(machine, pool)
    bundle = safe.bundle("--until", "30d")[1]
    send_keys()
    for server in (pool, other):
        server.cli("key", "import-bundle", bundle)
    pool.cli("key", "offline")
    pool.cli("key", "export", "--to", identity, package)
    assert "would be lost" in other.refused("key", "import", "--package", package)
    other.cli("key", "offline")
    send_keys()
    assert [key["offline"] for key in other.json("key", "list") if key["role"] == "ksk"] == [True]
    # Packages carry no bundle. A machine that has only the keys says so and sends no answer that would fail validation.
    late = Pool(machine, name="late", address="127.0.0.3").init()
    late.serve("--workers", "1")
    pool.cli("key", "export", "--to", late.cli("key", "identity").stdout.strip(), package)
    late.cli("key", "import", "--package", package)
    assert alarms(late) == ["bundle-ended"]
    late.server.said("no bundle is here")
    until(lambda: late.ask(APEX, "DNSKEY", dnssec=True, tcp=True).rcode() == dns.rcode.SERVFAIL, 20, "no unsigned DNSKEY")
    late.cli("key", "import-bundle", bundle)
    until(lambda: keys_of(late) == keys_of(pool), 20, "the same signature from the late one")
    assert alarms(late) == []
    late.stop()
    until(lambda: keys_of(pool) == keys_of(other), 20, "the same signature from both")
    assert alarms(other) == []
    pool.stop()
    other.stop()


def test_wrong_bundles_are_refused_and_change_nothing(machine):
    pool = Pool(machine).init()
    safe = Safe(machine, pool)
    request, bundle = safe.bundle("--until", "60d")
    text = bundle.read_text()
    before = pool.cli("key", "list").stdout

    def refused(contents, why):
        said = pool.refused("key", "import-bundle", machine.write("wrong", contents))
        assert re.search(why, said), said
        assert pool.cli("key", "list").stdout == before

    refused("", "neither a request nor a bundle")
    refused(text[:len(text) // 2], "cut off or damaged")
    refused(text.replace("sign ", "sign  ", 1), "don't fit together")
    refused(request.read_text(), "not signed yet")
    refused(text.replace("ntspool-bundle 1", "ntspool-bundle 9"), "this version")
    signature = re.search(r"^sign \d+ (\S)", text, re.M).start(1)
    refused(text[:signature] + ("A" if text[signature] != "A" else "B") + text[signature + 1:], "don't fit together")
    assert "none of its KSKs" in Pool(machine, name="third").init().refused(
        "key", "sign-request", request, machine.directory / "never")
    other = Pool(machine, name="other").init(apex="other.test")
    assert "is of the zone pool.test." in other.refused("key", "import-bundle", bundle)
    assert "is of the zone pool.test." in other.refused("key", "sign-request", request, machine.directory / "never")
    assert "is not a key of this pool" in Pool(machine, name="fourth").init().refused("key", "import-bundle", bundle)
    assert "no bundle" in pool.refused("key", "offline")
    time.sleep(1)
    newer = safe.bundle("--until", "60d")[1]
    pool.cli("key", "import-bundle", newer)
    before = pool.cli("key", "list").stdout
    refused(text, "older")
    pool.cli("key", "offline")
    for words in (("roll", "zsk"), ("roll", "ksk"), ("roll", "csk"), ("roll", "algorithm", "ed25519"), ("abort",)):
        pool.refused("key", *words)
