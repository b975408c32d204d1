"""Members with one fault each: the operator sees the fault, and the server never hands the member out."""

import time

import pytest

from authority import Authority
from machine import until
from pool import APEX, Pool, records, SRV
from timeserver import Chronyd

# name -> failure class
BAD = {
    "wrong-name": "cert-name",
    "expired": "cert-expired",
    "unknown-ca": "cert-chain",
    "silent": "ntp-silent",
    "unsynced": "unsynchronised",
    "seven-late": "offset",
}


@pytest.fixture(scope="module")
def world(shared_machine):
    machine = shared_machine
    authority = Authority(machine.directory)
    stranger = Authority(machine.directory, "unknown-ca")
    certificates = {name: authority.issue(name, [f"{name}.{APEX}"]) for name in ("good", "silent", "unsynced", "seven-late")}
    certificates["wrong-name"] = authority.issue("wrong-name", ["time.example.net"])
    certificates["expired"] = authority.issue("expired", [f"expired.{APEX}"], first_day=-20, last_day=-1)
    certificates["unknown-ca"] = stranger.issue("unknown-ca", [f"unknown-ca.{APEX}"])
    switches = {"silent": {"silent": True}, "unsynced": {"synchronised": False}, "seven-late": {"shift": "+7s"}}
    pool = Pool(machine).init()
    servers = []  # the list keeps the silent server's muffler alive
    for number, name in enumerate(["good", *BAD]):
        address = f"127.0.2.{number + 1}"
        pool.add(name, address)
        servers.append(Chronyd(machine, name, [address], *certificates[name], **switches.get(name, {})))
    pool.add("nobody", "127.0.2.100")
    pool.serve()
    pool.probe(authority.path)
    yield pool
    pool.stop()


def test_good_member_enters(world):
    until(lambda: world.targets(1) == {"good"}, 30, "good is handed out")


@pytest.mark.parametrize("name, failure", [*BAD.items(), ("nobody", "connect-refused")])
def test_bad_member_has_its_own_failure_class(world, name, failure):
    def seen():
        (row,) = world.member(name)["addresses"]
        assert row["failure"] == failure, row
        return True
    until(seen, 20, f"{name} fails by {failure}")
    member = world.member(name)
    assert not member["eligible"]
    (row,) = member["addresses"]
    assert not row["working"] and row["detail"] and row["score"] < 0


def test_bad_members_are_never_handed_out(world):
    end = time.monotonic() + 5
    while time.monotonic() < end:
        assert world.targets(10) <= {"good"}
        time.sleep(0.1)


def test_members_show_their_certificates_end(world):
    assert all(row["cert_not_after"] for name in ("good", "expired") for row in world.member(name)["addresses"])


def test_members_whose_certificates_end_are_listed(world):
    within = {span: {member["name"] for member in world.json("member", "list", "--expiring", span)} for span in ("1d", "3650d")}
    assert within["1d"] == {"expired"}
    assert {"good", "expired"} <= within["3650d"] and "nobody" not in within["3650d"]
    # the good certificate has over a third of its few days left
    for span, names in (("1d", {"expired"}), ("365d", within["3650d"] - {"good"})):
        world.cli("zone", "set", "certificate-warning", span)
        (warning,) = world.warned()["certificates-end"]
        assert f"certificates of {len(names)} members" in warning and "expired" in warning, warning
    done = world.cli("member", "list", "--expiring", "soon", check=False)
    assert done.returncode == 2 and "--expiring" in done.stderr


def test_foreground_probe_says_what_to_do(world):
    trust = world.machine.directory / "test-ca.pem"
    done = world.cli("probe", "expired", "--trust", trust, "--allow-private", check=False)
    assert done.returncode == 1
    assert "cert-expired" in done.stdout + done.stderr
    assert "Renew the certificate" in done.stdout + done.stderr
    done = world.cli("probe", "good", "--trust", trust, "--allow-private")
    assert "cookie" in done.stdout


def test_override_beats_the_score_both_ways(world):
    world.cli("member", "override", "expired", "eligible")
    until(lambda: "expired" in world.targets(5), 20, "the operator's word lets it in")
    world.cli("member", "override", "expired", "auto")
    world.cli("member", "override", "good", "ineligible")
    until(lambda: world.targets(5) == set(), 20, "nobody is left")
    assert records(world.ask(SRV, "SRV"), "SRV") == ["0 0 0 ."]
    world.cli("member", "override", "good", "auto")
    until(lambda: world.targets(5) == {"good"}, 20, "good is back")


def test_suspended_member_is_out_and_keeps_its_name(world):
    world.cli("member", "suspend", "good")
    until(lambda: world.targets(5) == set(), 20, "good is out")
    assert records(world.ask(f"good.{APEX}", "A"), "A") == ["127.0.2.1"]
    world.cli("member", "resume", "good")
    until(lambda: world.targets(5) == {"good"}, 20, "good is back")
