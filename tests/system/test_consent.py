"""A server with a name of its own is a member only while that name's zone consents to the pool."""

import json

import pytest

from authority import Authority
from machine import run, until
from nameservice import Names
from pool import APEX, PRESET, Pool
from timeserver import Chronyd
from years import DAY, HOUR, Clock, resting

pytestmark = pytest.mark.skipif(PRESET == "release", reason="a release build's clock can't be led")

NAME, ADDRESS = "time.elsewhere.test", "44.0.0.1"
RECORD = (f"_ntspool.{NAME}", "TXT")


@pytest.fixture(scope="module")
def world(shared_machine):
    machine = shared_machine
    run("ip", "route", "replace", "local", "44.0.0.0/24", "dev", "lo")
    machine.add_address(ADDRESS)
    machine.authority = Authority(machine.directory)
    machine.server = Chronyd(machine, "time", [ADDRESS], *machine.authority.issue("time", [NAME]))
    names = Names(1)
    yield machine, names
    names.close()


class Member:
    def __init__(self, machine, names, clock, name):
        self.names, self.clock = names, clock
        names.failing, names.mute, names.asked = set(), set(), []
        names.records = {(NAME, "A"): [ADDRESS]}
        self.machine = machine
        self.pool = Pool(machine, name).init()
        self.pool.cli("member", "add", "ext", "--target", NAME, "--country", "NL")

    def watch(self):
        return self.pool.probe(self.machine.authority.path)

    def consents(self, *texts):
        if texts:
            self.names.records[RECORD] = list(texts)
        else:
            self.names.records.pop(RECORD, None)

    def shown(self):
        return self.pool.member("ext")

    def failures(self):
        return {row["address"]: row["failure"] for row in self.shown()["addresses"]}

    def is_in(self):
        return self.shown()["eligible"]

    def later(self, seconds):
        """Lets the probe look the record up again, a while later than the last time."""
        until(lambda: resting(self.pool.probed), 20, "the probe has the answer", pause=0.005)
        self.names.asked.clear()
        self.clock.move(seconds)
        until(lambda: RECORD in self.names.asked, 20, "the record is looked up")


@pytest.fixture
def member(world, tmp_path, monkeypatch):
    machine, names = world
    member = Member(machine, names, Clock(tmp_path, monkeypatch), tmp_path.name)
    yield member
    member.pool.stop()


def test_a_server_that_does_not_consent_is_not_even_probed(member):
    member.watch()
    until(lambda: set(member.failures().values()) == {"consent"}, 20, "the record is missed")
    (row,) = member.shown()["addresses"]
    assert row["detail"] == f"no such name: {RECORD[0]}"
    assert "TXT record" in member.shown()["reason"]
    member.consents('"pool=other.test"')
    until(lambda: member.shown()["addresses"][0]["detail"] == f"no TXT record names this pool: {RECORD[0]}", 20, "it is for others")
    assert member.shown()["addresses"][0]["certified_at"] is None
    member.consents('"v=spf1 -all"', '"pool=other.test"', f'"pool=" "{APEX.upper()}."')
    until(member.is_in, 30, "it consents")
    assert member.failures() == {ADDRESS: "ok"}


def test_a_record_may_be_elsewhere_and_among_many(member):
    """By an alias, in an answer that has no room in a datagram."""
    member.names.records[RECORD[0], "CNAME"] = ["consent.hoster.test"]
    member.names.records["consent.hoster.test", "TXT"] = [*(f'"{number}" "{"x" * 250}"' for number in range(60)), f'"pool={APEX}"']
    member.watch()
    until(member.is_in, 30, "it consents")


def test_a_name_that_was_changed_while_the_probe_was_off_consents_anew(member):
    member.names.records = {(f"{name}.test", "A"): [ADDRESS] for name in ("old", "new")}
    member.names.records["_ntspool.old.test", "TXT"] = [f'"pool={APEX}"']
    member.pool.cli("member", "set", "ext", "--target", "old.test")
    member.watch()
    until(lambda: member.shown()["addresses"] and member.failures() == {ADDRESS: "cert-name"}, 30, "it is probed")
    member.pool.cli("member", "set", "ext", "--target", NAME)
    member.names.records[NAME, "A"] = [ADDRESS]
    member.consents(f'"pool={APEX}"')
    until(member.is_in, 30, "it is in")
    member.pool.stop(member.pool.probed)
    member.pool.cli("member", "set", "ext", "--target", "new.test")
    member.watch()
    until(lambda: member.failures() == {ADDRESS: "consent"}, 20, "the new name does not consent")


def test_three_misses_in_a_row_take_it_out_and_a_failing_zone_does_not(member):
    member.consents(f'"pool={APEX}"')
    member.watch()
    until(member.is_in, 30, "it consents")
    member.names.failing.add(RECORD)
    member.later(DAY + HOUR)
    member.later(DAY)
    member.names.failing.clear()
    member.consents()
    member.later(2 * HOUR)
    member.later(2 * HOUR)
    assert member.is_in() and member.failures() == {ADDRESS: "ok"}
    member.later(2 * HOUR)
    until(lambda: not member.is_in() and member.failures() == {ADDRESS: "consent"}, 30, "it is out")
    probed = member.pool.probed
    member.pool.stop(probed)
    member.names.failing.add(RECORD)
    member.watch()
    member.later(0)
    assert member.failures() == {ADDRESS: "consent"}, "a new start of the probe does not let it in"
    member.names.failing.clear()
    member.consents(f'"pool={APEX}"')
    until(lambda: member.failures() == {ADDRESS: "ok"}, 30, "it is probed again")


def test_a_zone_that_fails_for_days_consents_no_longer(member):
    member.consents(f'"pool={APEX}"')
    member.watch()
    until(member.is_in, 30, "it consents")
    member.names.failing.add(RECORD)
    for _ in range(3):
        member.later(DAY + HOUR)
    until(lambda: not member.is_in() and member.failures() == {ADDRESS: "consent"}, 30, "it is out")


def test_override_and_setting_beat_consent(member):
    member.watch()
    until(lambda: set(member.failures().values()) == {"consent"}, 20, "the record is missed")
    member.pool.cli("member", "override", "ext", "eligible")
    until(lambda: member.failures() == {ADDRESS: "ok"} and member.shown()["addresses"][0]["score"] > 3, 30, "it is probed")
    member.names.asked.clear()
    member.pool.cli("member", "override", "ext", "auto")
    until(lambda: RECORD in member.names.asked, 20, "it needs consent")
    member.later(HOUR)
    assert member.is_in(), "who was in gets three chances"
    member.later(HOUR)
    until(lambda: not member.is_in(), 30, "it is out")
    member.pool.cli("zone", "set", "target-consent", "off")
    until(lambda: member.failures() == {ADDRESS: "ok"}, 30, "it is probed without consent")


def test_the_foreground_probe_tells_that_consent_is_missing(member):
    trust = member.machine.authority.path
    shown = json.loads(member.pool.cli("probe", "ext", "--trust", trust, "--json", check=False).stdout)
    assert [(row["address"], row["failure"]) for row in shown["addresses"]] == [(None, "consent"), (ADDRESS, "ok")]
    assert (shown["good"], shown["resolve"][1]["text"]) == (False, f"no such name: {RECORD[0]}.")
    member.pool.cli("zone", "set", "target-consent", "off")
    shown = json.loads(member.pool.cli("probe", "ext", "--trust", trust, "--json").stdout)
    assert (shown["good"], shown["resolve"][1]["text"]) == (True, f"no such name: {RECORD[0]}.")
    member.consents(f'"pool={APEX}"')
    shown = json.loads(member.pool.cli("probe", "ext", "--trust", trust, "--json").stdout)
    assert (shown["good"], shown["resolve"][1]["text"]) == (True, f"found: {RECORD[0]}.")
