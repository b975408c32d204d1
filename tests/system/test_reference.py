"""A vantage point checks itself: it blames no member while its references are silent or disagree with its clock."""

import ctypes
import time
from pathlib import Path

import pytest

from authority import Authority
from machine import run, until
from pool import APEX, BIN, Pool, environment
from timeserver import Chronyd


@pytest.fixture
def world(machine):
    authority = Authority(machine.directory)
    pool = Pool(machine).init()
    pool.add("alice", "127.0.1.1")
    pool.alice = Chronyd(machine, "alice", ["127.0.1.1"], *authority.issue("alice", [f"alice.{APEX}"]))
    pool.certificate = authority.issue("reference", ["reference.test"])
    pool.reference = Chronyd(machine, "reference", ["127.0.3.1"], *pool.certificate)
    pool.probe(authority.path, "--reference", "127.0.3.1")
    until(lambda: pool.member("alice")["eligible"], 30, "alice is eligible")
    yield pool
    pool.stop()


def state(pool):
    (vantage,) = pool.json("status")["vantages"]
    return vantage["state"]


def row(pool):
    (found,) = pool.member("alice")["addresses"]
    return found


def test_failure_counts_only_while_the_references_answer(world):
    world.reference.kill()
    world.alice.kill()
    until(lambda: state(world) == "network-off", 20, "the probe doubts its network")
    assert "vantage-aside" in world.warned()
    assert row(world)["failure"] == "ok" and row(world)["score"] > 0
    world.reference.start()
    until(lambda: state(world) == "well", 20, "the probe is well again")
    until(lambda: row(world)["failure"] == "connect-refused", 20, "now alice is to blame")


def test_reference_with_another_time_sets_the_probe_aside(world, machine):
    world.reference.kill()
    reference = Chronyd(machine, "late-reference", ["127.0.3.1"], *world.certificate, shift="+7s")
    until(lambda: state(world) == "clock-off", 20, "the probe doubts its clock")
    probes = row(world)["probes"]
    reference.kill()
    world.reference.start()
    until(lambda: state(world) == "well" and row(world)["probes"] > probes, 20, "the probe is well again")
    assert row(world)["score"] > 0 and world.member("alice")["eligible"]


def test_reference_may_speak_nts(machine):
    authority = Authority(machine.directory)
    pool = Pool(machine).init()
    machine.add_address("127.0.3.1")
    Chronyd(machine, "reference", ["127.0.3.1"], *authority.issue("reference", ["127.0.3.1"]))
    pool.add("nobody", "127.0.1.9")
    pool.probe(authority.path, "--reference", "nts:127.0.3.1")
    until(lambda: pool.member("nobody")["addresses"][0]["failure"] == "connect-refused", 20, "the check went well")
    pool.stop()


def test_without_references_the_kernel_is_asked(pool, machine):
    pool.add("nobody", "127.0.1.9")
    pool.probe(Authority(machine.directory).path)
    until(lambda: pool.json("status")["vantages"], 20, "the probe reports")
    unsynchronised = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) == 5  # TIME_ERROR
    until(lambda: pool.json("status")["vantages"][0]["unsynchronised"] == unsynchronised, 20, "it says what the kernel says")
    assert ("vantage-clock" in pool.warned()) == unsynchronised


def test_clock_that_is_kept_no_more_sets_the_probe_aside(world, machine):
    """A preloaded library reports the kernel's clock state from a file."""
    library, said = machine.directory / "kept_clock.so", machine.write("kept", "0")
    run("cc", "-shared", "-fPIC", "-o", library, Path(__file__).parent / "kept_clock.c")
    world.stop(world.probed)
    preloaded = environment()
    preloaded |= {"LD_PRELOAD": str(library), "KEPT_CLOCK": str(said),
                  "ASAN_OPTIONS": preloaded["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}
    world.probed = machine.start("kept-probed", [BIN / "ntspool-probed", "-s", world.state, "--interval", "1s", "--allow-private",
                                                 "--trust", machine.directory / "test-ca.pem"], env=preloaded)
    until(lambda: row(world)["probes"] > 8 and state(world) == "well", 20, "probes go on")
    said.write_text("5")  # TIME_ERROR
    until(lambda: state(world) == "clock-off", 10, "the probe sets itself aside")
    world.alice.kill()
    probes = row(world)["probes"]
    time.sleep(3)
    assert row(world)["probes"] == probes and row(world)["failure"] == "ok"
    said.write_text("0")
    until(lambda: row(world)["failure"] == "connect-refused", 20, "now alice is to blame")
    assert state(world) == "well"
