"""Keys in a fleet: a machine that joins gets them by itself; they roll everywhere, never without a machine that lacks them, and away from
one that is evicted; nobody reads a key in the engine."""

import base64
import json
import struct
import time

import dns.dnssec
import dns.exception
import dns.name
import dns.rdatatype
import dns.rrset
import pytest

from fleet import Fleet
from machine import until
from pool import APEX, PRESET, Pool
from years import HOUR, Clock

pytestmark = pytest.mark.skipif(PRESET not in ("dev", "tsan"), reason="a build that can't be led")

APEX_NAME = dns.name.from_text(APEX)
DELAYS = {"propagation-delay": 60, "parent-delay": 60, "parent-ds-ttl": 60, "ttl": 2, "srv-ttl": 2, "address-ttl": 2, "negative-ttl": 2}
QUESTIONS = [(APEX, "SOA"), (APEX, "NS"), (f"alice.{APEX}", "A")]
STEP = 31  # seconds: several looks within the shortest delay
SIGNATURE = 64  # octets of a letter's end


@pytest.fixture(scope="module")
def fleet(shared_machine):
    """An admin that leads the keys, and two edges, whose keys nobody has carried."""
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock(shared_machine.directory, patch)
        clock.move(-3 * HOUR)
        fleet = Fleet(shared_machine, nodes=1)
        fleet.clock = clock
        fleet.admin.cli("zone", "set", *(word for name, value in DELAYS.items() for word in (name, value)))
        fleet.found()
        fleet.admin.add("alice", "192.0.2.1")
        fleet.add_all("ams1", "fra1")
        fleet.level()
        clock.move(HOUR + 60)  # answers from before the short TTLs are in no cache any more
        fleet.admin.cli("key", "ds-seen")
        fleet.ds = [dns.rdata.from_text("IN", "DS", line.partition(" DS ")[2]) for line in fleet.admin.cli("key", "ds").stdout.splitlines()
                    if " DS " in line]
        assert fleet.ds
        until(lambda: same_keys(fleet), 60, "all have the same keys", 0.2)
        yield fleet
        fleet.close()


def machines(fleet, *without):
    return [member for name, member in fleet.members.items() if name not in without]


def signed(member, name, rdtype):
    """The record set and its signatures, or None."""
    try:
        answer = member.ask(name, rdtype, dnssec=True, tcp=True).answer
    except (OSError, EOFError, dns.exception.DNSException):
        return None
    return answer if len(answer) == 2 else None


def dnskeys(member):
    """The tags of the keys that it publishes."""
    answer = signed(member, APEX, "DNSKEY")
    return answer and frozenset(dns.dnssec.key_id(key) for key in answer[0])


def same_keys(fleet, *without):
    """The keys that all of them publish; None if they differ."""
    found = {dnskeys(member) for member in machines(fleet, *without)}
    return next(iter(found)) if len(found) == 1 else None


def judge(fleet, *without):
    """Each machine's answers validate by the keys of each. Returns the tags of keys that sign."""
    signers, now = set(), fleet.clock.now()
    members = machines(fleet, *without)
    answers = [signed(member, *question) for member in members for question in QUESTIONS]
    for member in members:
        keys, signatures = signed(member, APEX, "DNSKEY")
        known = [key for key in keys if any(dns.dnssec.make_ds(APEX_NAME, key, ds.digest_type) == ds for ds in fleet.ds)]
        dns.dnssec.validate(keys, signatures, {APEX_NAME: dns.rrset.from_rdata_list(APEX_NAME, 1, known)}, now=now)
        for rrset, signature in answers:
            dns.dnssec.validate(rrset, signature, {APEX_NAME: keys}, now=now)
            signers |= {each.key_tag for each in signature}
    return signers


def settled(fleet, *without):
    return fleet.admin.json("status")["keys_wait_for"] is None and same_keys(fleet, *without)


def go_on(fleet, done, *without):
    """Moves the time on, and judges what all answer, until that is done."""
    for _ in range(60):
        published = until(lambda: settled(fleet, *without), 60, "all have what the leader decided", 0.1)
        if done(judge(fleet, *without), published):
            return
        fleet.clock.move(STEP)
        time.sleep(0.3)  # the leader looks each 25 ms
    raise AssertionError(fleet.admin.cli("key", "list").stdout)


def keys(member):
    return {key["tag"]: key for key in member.json("key", "list")}


def cookies(member):
    return member.json("cookie", "show", "--secrets")


def rows(fleet):
    """All that the engine has, by key."""
    found = json.loads(fleet.ctl("get", "", "--from-key", "-w", "json").stdout)["kvs"]
    return {base64.b64decode(row["key"]).decode(): base64.b64decode(row["value"]) for row in found}


def boxes(fleet):
    """What is in packages, by the machine that each is for."""
    found = {}
    for key, letter in rows(fleet).items():
        if "/k/" in key:
            at = 2
            for _ in range(2):  # names of machine and subject
                at += 2 + struct.unpack_from(">H", letter, at)[0]
            (length,) = struct.unpack_from(">I", letter, at + 16)
            found[key.rpartition("/")[2]] = letter[at + 20:len(letter) - SIGNATURE]
            assert len(found[key.rpartition("/")[2]]) == length
    return found


def test_edges_get_keys_by_themselves_and_sign_with_them(fleet):
    assert len(judge(fleet)) == 1
    for member in machines(fleet, "admin"):
        assert {key["role"]: key["offline"] for key in keys(member).values()} == {"ksk": True, "zsk": False}
        assert cookies(member) == cookies(fleet.admin)
        assert not {"follower-empty", "follower-old"} & set(member.warned())


CHANGES = [("roll", "zsk"), ("abort",), ("request", "none"), ("import-bundle", "none"), ("offline", "--yes"), ("online", "none"), ("import", "none")]


def refused_elsewhere(member, leader):
    before = keys(member)
    for words in CHANGES:
        assert f"{leader} leads the keys of the fleet" in member.refused("key", *words), words
    assert keys(member) == before


def test_commands_for_keys_say_where_they_are_led(fleet):
    edge, admin = fleet.members["ams1"], fleet.admin
    refused_elsewhere(edge, "admin")
    assert "only an admin can lead" in edge.refused("key", "lead")
    for words in (("roll", "csk"), ("import", "--csk", "none")):
        assert "needs a KSK and a ZSK" in admin.refused("key", *words)


def test_a_pool_with_one_key_for_both_roles_makes_no_fleet(shared_machine):
    pool = Pool(shared_machine, name="csk").init()
    pool.cli("key", "roll", "csk")
    assert "key roll split" in pool.refused("fleet", "create", "--name", "hq", "--node", "node1=10.78.0.77")
    assert not (pool.state / "machine").exists()


def test_a_rollover_goes_through_the_fleet_and_all_validates_all_the_time(fleet):
    before = judge(fleet)
    fleet.admin.cli("key", "roll", "zsk")
    seen = []

    def done(signers, published):
        seen.append(published)
        return not signers & before and not published & before

    go_on(fleet, done)
    assert any(before < published for published in seen)
    assert {tag: key["state"] for tag, key in keys(fleet.members["fra1"]).items() if tag in same_keys(fleet)} == \
        {tag: "active" for tag in same_keys(fleet)}


def test_a_cookie_secret_waits_for_all_and_who_is_waited_for_is_told(fleet):
    fra1, admin = fleet.members["fra1"], fleet.admin
    until(lambda: admin.json("status")["keys_wait_for"] is None, 60, "nobody is waited for", 0.2)
    fra1.stop(fra1.feed)
    admin.cli("cookie", "stage", "random")
    until(lambda: admin.json("status")["keys_wait_for"], 60, "the leader waits", 0.2)
    until(lambda: (admin.json("status")["keys_wait_for"] or {}).get("machines") == "fra1", 60, "only fra1 lacks it", 0.2)
    assert "key without fra1" in admin.refused("cookie", "roll")
    assert "for fra1 to take the last package" in admin.cli("key", "list").stdout
    assert "waiting for fra1" in admin.cli("status").stdout
    assert "keys-wait" not in admin.warned()

    def warned():
        fleet.clock.move(HOUR + STEP)  # more than once if the leader decides something else meanwhile
        return "keys-wait" in admin.warned()

    until(warned, 60, "the leader warns", 0.5)
    fra1.up()
    until(lambda: admin.json("status")["keys_wait_for"] is None, 60, "fra1 has it", 0.2)
    wanted = cookies(admin)["next"]
    assert {cookies(member)["next"] for member in machines(fleet)} == {wanted}
    admin.cli("cookie", "roll")
    until(lambda: {cookies(member)["current"] for member in machines(fleet)} == {wanted}, 60, "all have rolled", 0.2)


def opens(fleet, name):
    """True if the machine takes what the engine has for it, and not a newer one has come meanwhile."""
    path = fleet.machine.write(f"{name}.package", "ntspool-keys-2:" + base64.b64encode(boxes(fleet)[name]).decode() + "\n")
    done = fleet.members[name].cli("key", "import", "--package", path, "--yes", check=False)
    assert done.returncode == 0 or "older" in done.stderr, done.stderr
    return done.returncode == 0


def test_nobody_reads_a_key_in_the_engine(fleet):
    directory = fleet.machine.directory / "private"
    directory.mkdir(mode=0o700)
    fleet.admin.cli("key", "export", directory)
    secrets = [base64.b64decode(line.partition(": ")[2]) for path in directory.glob("*.private")
               for line in path.read_text().splitlines() if line.startswith("PrivateKey: ")]
    secrets += [bytes.fromhex(secret) for secret in cookies(fleet.admin).values() if isinstance(secret, str) and len(secret) == 32]
    assert len(secrets) >= 4
    secrets += [(member.state / "machine" / name).read_bytes() for member in machines(fleet)
                for name in ("key.pem", "ca-key.pem") if (member.state / "machine" / name).exists()]
    for key, value in rows(fleet).items():
        for secret in secrets:
            forms = (secret, base64.b64encode(secret), secret.hex().encode(), secret.hex().upper().encode())
            assert not any(form in value for form in forms), key
    assert set(boxes(fleet)) == {"ams1", "fra1"}
    for name in ("ams1", "fra1"):
        until(lambda name=name: opens(fleet, name), 20, "it opens the package that it has", 0.5)
        path = fleet.machine.directory / f"{name}.package"
        for other in machines(fleet, name):
            assert "was not made for this machine" in other.refused("key", "import", "--package", path, "--yes")


def test_what_an_evicted_edge_knew_is_replaced_without_it(fleet):
    fra1, admin = fleet.members["fra1"], fleet.admin
    until(lambda: settled(fleet), 60, "no newer package is on its way to it", 0.2)
    known, secret, package = set(keys(fra1)), cookies(fra1)["current"], boxes(fleet)["fra1"]
    known_signers = judge(fleet)
    assert known_signers <= known
    said = admin.cli("fleet", "evict", "fra1").stdout
    assert "replaces both by itself" in said
    go_on(fleet, lambda signers, published: not signers & known, "fra1")
    until(lambda: cookies(admin)["current"] != secret and cookies(admin) == cookies(fleet.members["ams1"]), 60, "other secrets", 0.2)
    assert boxes(fleet).get("fra1", package) == package
    assert not (admin.state / "packages" / "fra1.box").exists()
    assert set(keys(fra1)) == known and cookies(fra1)["current"] == secret
    assert not {tag for tag, key in keys(admin).items() if key["planned"]} & known


def test_all_follow_another_leader_that_replaces_what_the_former_one_knew(fleet):
    former, admin2 = fleet.admin, fleet.add("admin2", "admin")
    until(lambda: same_keys(fleet, "fra1"), 60, "the new admin has the keys", 0.2)
    ksk = {tag for tag, key in keys(former).items() if key["role"] == "ksk"}
    known = set(keys(former)) - ksk
    package = fleet.machine.directory / "with-ksk.package"
    former.cli("key", "export", "--to", admin2.cli("key", "identity").stdout.strip(), package)
    admin2.cli("key", "import", "--package", package, "--replace", "--yes")
    admin2.cli("key", "lead")
    until(lambda: "admin2 leads the keys of the fleet" in former.server.output(), 60, "the former leader stands back", 0.2)
    refused_elsewhere(former, "admin2")
    assert "bring its keys here" in former.refused("key", "lead")
    former.down()
    assert "If it led the keys" in admin2.cli("fleet", "evict", "admin").stdout
    fleet.admin = admin2
    del fleet.members["admin"]
    go_on(fleet, lambda signers, published: ksk <= published and not signers & known, "fra1")
    assert "This machine follows admin2" in fleet.members["ams1"].cli("key", "list").stdout
    assert cookies(fleet.members["ams1"]) == cookies(admin2)
