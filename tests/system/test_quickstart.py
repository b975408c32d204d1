"""tools/quickstart --fleet, run again whatever became of it: it goes on with what is there, and leaves nothing behind."""

import os
import re
import signal
import subprocess

import pytest

from machine import ROOT, has_ended, until
from pool import BIN, environment


@pytest.fixture
def tree(tmp_path):
    """A source tree in which all is built already. No process of it outlives the test."""
    for name, target in (("tools", ROOT / "tools"), ("build/parts", ROOT / "build/parts"), ("build/release/bin", BIN),
                         ("build/quickstart/locations.mmdb", ROOT / "tests/data/places.mmdb"), ("path/cmake", "/bin/true")):
        link = tmp_path / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    yield tmp_path
    for pid in processes(tree=tmp_path):
        os.kill(pid, signal.SIGKILL)


def processes(tree):
    """All that quickstart has started: the command lines by pid."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                words = file.read().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(word.startswith(f"{tree}/build/quickstart-fleet/") for word in words):
            found[int(pid)] = " ".join(words)
    return found


def quickstart(tree, *options):
    env = dict(environment(), PATH=f"{tree}/path:{os.environ['PATH']}")
    return subprocess.Popen([tree / "tools/quickstart", "--fleet", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, env=env, start_new_session=True)


def done(tree, *options):
    """What it says, at its end."""
    running = quickstart(tree, *options)
    said, _ = running.communicate(timeout=240)
    assert running.returncode == 0, said
    return said


def crash(pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    until(lambda: all(has_ended(pid) for pid in pids), 20, "all have ended")


def test_a_fleet_is_run_again_after_a_crash_and_leaves_nothing_behind(tree):
    first = quickstart(tree)
    until((tree / "build/quickstart-fleet/run/host-n2.pid").exists, 60, "it makes networks")
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    said = done(tree)
    assert len(re.findall(r"NXDOMAIN for guest", said)) == 3 and "ams1, an admin of the fleet of pool.test.: level" in said
    running = processes(tree)
    done(tree)
    assert processes(tree) == running, "a second run goes on with what runs"
    left = {pid for pid, words in running.items() if "hosts/sin1" in words or "ntspoold" in words and "/fra1" in words}
    assert len(left) == 2
    crash(running.keys() - left)
    assert len(re.findall(r"NXDOMAIN for guest", done(tree))) == 3
    again = processes(tree)
    assert len(again) == len(running) and not left & again.keys()
    done(tree, "--stop")
    assert processes(tree) == {}
