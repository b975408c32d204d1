"""Members with a target name of their own: the probe follows that name's addresses in both families."""

import json
import time

import pytest

from authority import Authority
from machine import run, until
from nameservice import Names
from pool import APEX, BIN, Pool, environment, no_report
from timeserver import Chronyd

NAME = "time.elsewhere.test"
ONE, ONE6, TWO = "44.0.0.1", "2a0f:44::1", "44.0.0.2"
TTL = 4


@pytest.fixture(scope="module")
def world(shared_machine):
    machine = shared_machine
    run("ip", "route", "replace", "local", "44.0.0.0/15", "dev", "lo")
    run("ip", "route", "replace", "local", "2a0f:44::/32", "dev", "lo")
    machine.add_address(ONE, ONE6, TWO)
    machine.authority = Authority(machine.directory)
    pair = machine.authority.issue("time", [NAME])
    Chronyd(machine, "one", [ONE, ONE6], *pair)
    Chronyd(machine, "two", [TWO], *pair)
    names = Names(TTL)
    yield machine, names
    names.close()


@pytest.fixture
def names(world):
    """The name service. The member's name is an alias of an alias."""
    _, names = world
    names.failing, names.mute, names.asked = set(), set(), []
    names.records = {
        (NAME, "CNAME"): ["alias.elsewhere.test"],
        ("alias.elsewhere.test", "CNAME"): ["host.elsewhere.test"],
        ("host.elsewhere.test", "A"): [ONE],
        ("host.elsewhere.test", "AAAA"): [ONE6],
        (f"_ntspool.{NAME}", "TXT"): [f"pool={APEX}"],
    }
    return names


@pytest.fixture
def member(world, names, tmp_path):
    """A function that returns `member show` for the member while a probe runs."""
    machine, _ = world
    pool = Pool(machine, tmp_path.name).init()
    pool.cli("member", "add", "ext", "--target", NAME, "--country", "NL", "--operator", "ext")
    probed = machine.start(f"{tmp_path.name}-probed", [
        BIN / "ntspool-probed", "-s", pool.state, "--interval", "1s", "--trust", machine.authority.path], env=environment())
    yield lambda: pool.member("ext")
    pool.stop(probed)


def seen(shown):
    """Maps each address to its failure class."""
    return {row["address"]: row["failure"] for row in shown["addresses"]}


def test_both_families_behind_aliases_are_confirmed_and_become_eligible(member):
    until(lambda: seen(member()) == {ONE: "ok", ONE6: "ok"}, 15, "both addresses are probed")
    until(lambda: member()["eligible"], 15, "it is eligible")


def test_a_change_is_followed_by_the_ttl_and_not_asked_for_before(member, names):
    until(lambda: seen(member()) == {ONE: "ok", ONE6: "ok"}, 15, "both addresses are probed")
    names.records["host.elsewhere.test", "A"] = [TWO]
    until(lambda: seen(member()) == {TWO: "ok", ONE6: "ok"}, TTL + 5, "the new address is probed")
    time.sleep(TTL / 2)
    del names.asked[:]
    time.sleep(2 * TTL)
    assert 2 <= names.asked.count((NAME, "A")) <= 3
    assert 2 <= names.asked.count((NAME, "AAAA")) <= 3


def test_a_family_that_is_gone_is_given_up(member, names):
    until(lambda: seen(member()) == {ONE: "ok", ONE6: "ok"}, 15, "both addresses are probed")
    del names.records["host.elsewhere.test", "AAAA"]
    until(lambda: seen(member()) == {ONE: "ok"}, TTL + 5, "IPv4 is left")


@pytest.mark.parametrize("kind", ["failing", "mute"])
def test_addresses_stay_while_nobody_can_say(member, names, kind):
    until(lambda: seen(member()) == {ONE: "ok", ONE6: "ok"}, 15, "both addresses are probed")
    getattr(names, kind).update({NAME})
    names.asked.clear()
    until(lambda: names.asked.count((NAME, "A")) > 3, 40, "it is asked again and again")
    before = {row["address"]: row["probes"] for row in member()["addresses"]}
    until(lambda: all(row["probes"] > before[row["address"]] + 2 for row in member()["addresses"]), 15, "probes go on")
    assert seen(member()) == {ONE: "ok", ONE6: "ok"}


def test_one_family_that_fails_does_not_hold_up_the_other(member, names):
    until(lambda: seen(member()) == {ONE: "ok", ONE6: "ok"}, 15, "both addresses are probed")
    names.failing.add((NAME, "AAAA"))
    names.records["host.elsewhere.test", "A"] = [TWO]
    until(lambda: seen(member()) == {TWO: "ok", ONE6: "ok"}, TTL + 5, "IPv4 changes, IPv6 stays")


def test_a_name_that_ends_fails_by_a_class_of_its_own_and_comes_back(member, names):
    until(lambda: member()["eligible"], 15, "it is eligible")
    before, names.records = names.records, {}
    until(lambda: set(seen(member()).values()) == {"resolve-missing"}, TTL + 5, "the name is missing")
    until(lambda: not member()["eligible"], 30, "it is out")
    shown = member()
    assert set(seen(shown)) == {ONE, ONE6} and shown["addresses"][0]["advice"]
    names.records = before
    until(lambda: seen(member()) == {ONE: "ok", ONE6: "ok"}, 15, "it is back")


def test_a_name_without_addresses_fails(member, names):
    names.records = {(NAME, "TXT"): ["x"]}
    until(lambda: set(seen(member()).values()) == {"resolve"}, TTL + 15, "there is no address")


def test_of_fifty_addresses_eight_are_watched_and_stay(member, names):
    many = [f"44.0.1.{i}" for i in range(50, 0, -1)]
    names.records["host.elsewhere.test", "A"] = [ONE, *many]
    wanted = {ONE, ONE6} | {f"44.0.1.{i}" for i in range(1, 7)}
    until(lambda: set(seen(member())) == wanted, TTL + 15, "eight are watched")
    names.records["host.elsewhere.test", "A"] = [*reversed(many), ONE]
    names.asked.clear()
    until(lambda: names.asked.count((NAME, "A")) > 1, 3 * TTL, "it is asked again")
    assert set(seen(member())) == wanted
    assert seen(member())[ONE] == "ok"


def test_private_addresses_are_not_probed(member, names):
    names.records["host.elsewhere.test", "A"] = ["10.1.2.3"]
    names.records["host.elsewhere.test", "AAAA"] = ["::1"]
    until(lambda: seen(member()) == {"10.1.2.3": "address", "::1": "address"}, TTL + 15, "they are refused")


def _probe_once(world, name):
    machine, _ = world
    done = run(BIN / "ntspool", "-s", machine.directory / "no-pool", "--json", "probe", name, "--trust",
               machine.authority.path, env=environment(), check=False)
    no_report("probe", done.stderr)
    return json.loads(done.stdout)


def test_the_foreground_probe_tells_addresses_and_ttl(world, names):
    shown = _probe_once(world, NAME)
    assert shown["resolve"][0]["text"] == f"{ONE} {ONE6} for {TTL} s"
    assert [row["failure"] for row in shown["addresses"]] == ["ok", "ok"]


def test_the_foreground_probe_tells_a_missing_name(world, names):
    (row,) = _probe_once(world, f"no.{NAME}")["addresses"]
    assert (row["failure"], row["failed_at"], row["detail"]) == ("resolve-missing", "resolve", "no such name")
