"""Every row of faults.py: `ntspool probe` and the daemon find the same failure class; `ntspool probe` names the failed step."""

import concurrent.futures
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from authority import Authority
from faults import NETWORK, ROWS
from machine import run, until
from pool import APEX, BIN, Pool, environment, no_report

_TOGETHER = 12  # foreground probes at once; most of them wait for a timeout


def issue_all(directory):
    """Writes the certificates that the rows name; returns the path of the CA to trust."""
    authority = Authority(directory)
    middle = Authority(directory, "middle", parent=authority)
    any_name = [f"*.{APEX}"]
    authority.issue("good", any_name)
    authority.issue("old", any_name, first_day=-20, last_day=5)
    authority.issue("wrong-name", ["time.example.net"])
    authority.issue("common-name", [], common_name=f"common-name-only.{APEX}")
    authority.issue("address-only", ["44.0.0.1"])
    authority.issue("expired", any_name, first_day=-20, last_day=-1)
    authority.issue("not-yet", any_name, first_day=1, last_day=20)
    authority.issue("self-signed", any_name, self_signed=True)
    authority.issue("for-clients", any_name, purpose=x509.ExtendedKeyUsageOID.CLIENT_AUTH)
    authority.issue("short-key", any_name, key=rsa.generate_private_key(65537, 1024))
    Authority(directory, "stranger").issue("unknown-ca", any_name)
    middle.issue("chain-incomplete", any_name)
    whole, _ = middle.issue("chain-whole", any_name)
    whole.write_bytes(whole.read_bytes() + middle.path.read_bytes())
    chain = [middle]
    for depth in range(9):
        chain.append(Authority(directory, f"middle{depth}", parent=chain[-1]))
    endless, _ = chain[-1].issue("chain-endless", any_name)
    endless.write_bytes(endless.read_bytes() + b"".join(each.path.read_bytes() for each in reversed(chain)))
    return authority.path


@pytest.fixture(scope="module")
def world(shared_machine):
    machine = shared_machine
    run("ip", "route", "replace", "local", NETWORK, "dev", "lo")
    trust = issue_all(machine.directory)
    pool = Pool(machine).init()
    members = machine.write("members.csv", "name,country,ipv4,ipv6,capacity_mbit\n" + "".join(
        f"{row.name},NL,{' '.join(row.addresses)},,100\n" for row in ROWS))
    pool.cli("member", "import", members)
    server = machine.start("faultserver", [sys.executable, "-B", Path(__file__).parent / "faultserver.py", machine.directory])
    server.said("ready", 30)
    pool.trust = trust
    return pool


def _foreground(pool, row):
    done = run(*pool.command("--json", "probe", row.name, "--trust", pool.trust), check=False, env=environment())
    no_report(f"probe {row.name}", done.stderr)
    assert done.returncode == (0 if row.failure == "ok" else 1), done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def foreground(world):
    """Row name -> future with the output of `ntspool --json probe`."""
    with concurrent.futures.ThreadPoolExecutor(_TOGETHER) as executor:
        yield {row.name: executor.submit(_foreground, world, row) for row in ROWS}


@pytest.fixture(scope="module")
def daemon(world, foreground):
    """(name, address) -> the line that `ntspool-probed --once` prints."""
    for future in foreground.values():
        future.exception()  # waits for it to end
    done = run(BIN / "ntspool-probed", "-s", world.state, "--once", "--trust", world.trust, env=environment(), timeout=120)
    no_report("ntspool-probed", done.stderr)
    return {tuple(line.split()[:2]): line for line in done.stdout.splitlines()}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_foreground_probe_finds_class_and_step(foreground, row):
    found = foreground[row.name].result()
    for seen in found["addresses"]:
        assert seen["failure"] == row.failure, seen
        assert (seen["failed_at"] or "") in row.step.split("|"), seen
        assert row.says in (seen["detail"] or ""), seen
        assert sorted(seen["warnings"]) == sorted(row.warnings), seen
        assert seen["failure"] == "ok" or seen["advice"]
        assert row.failure != "ok" or seen["aead"] == (row.aead or 15), seen
    assert len(found["addresses"]) == len(row.addresses)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_daemon_finds_the_same_class(daemon, row):
    for address in row.addresses:
        assert daemon[row.name, address].split()[2] == row.failure


@pytest.mark.parametrize("host", ["good.pool.test", "good.pool.test.", "good.pool.test:4460"])
def test_any_server_can_be_probed_without_a_pool(world, host):
    done = run(BIN / "ntspool", "-s", world.machine.directory / "no-pool", "probe", host, "--trust", world.trust,
               env=environment())
    no_report("probe", done.stderr)
    lines = done.stdout.splitlines()
    steps = [line.split("ms")[1].split(None, 1)[1].split("  ")[0] for line in lines if " ms  " in line]
    assert steps == ["resolve", "connect", "tls", "certificate", "records", "ke", "ntp 1", "ntp 2", "broken cookie", "aead"]
    assert lines[-1].strip() == "good"


@pytest.mark.parametrize("host, address, port", [("[::1]", "::1", 4460), ("[::1]:11", "::1", 11), ("::1", "::1", 4460), ("127.0.0.1:11", "127.0.0.1", 11)])
def test_an_address_may_stand_in_brackets(world, host, address, port):
    done = run(BIN / "ntspool", "-s", world.machine.directory / "no-pool", "--json", "probe", host, env=environment(), check=False)
    found = json.loads(done.stdout)
    assert (found["name"], found["port"], found["addresses"][0]["failure"]) == (address, port, "address")


def test_a_name_that_does_not_resolve_is_told(world):
    done = run(BIN / "ntspool", "-s", world.machine.directory / "no-pool", "--json", "probe", "nobody.elsewhere.test",
               "--trust", world.trust, env=environment(), check=False)
    (seen,) = json.loads(done.stdout)["addresses"]
    assert done.returncode == 1 and (seen["failure"], seen["failed_at"]) == ("resolve-missing", "resolve")


def test_trust_read_again_amid_hanging_probes_keeps_the_daemon_well(world, daemon):
    """SIGHUP replaces the trusted CAs that probes in flight use. Most of these members hang at some step."""
    probed = world.probe(world.trust)
    probed.said("probing")
    for _ in range(6):
        time.sleep(0.7)
        os.kill(probed.pid, signal.SIGHUP)
    until(lambda: probed.output().count("read the trusted CAs again") == 6, 10, "it was read each time")
    good = {row.name for row in ROWS if row.failure == "ok" and "stratum-high" not in row.warnings}
    until(lambda: not [name for name in good if f"member {name}: eligible" not in probed.output()], 60, "probes of all go on")
    world.stop(probed)
