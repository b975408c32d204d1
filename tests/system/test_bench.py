"""The benchmark tools work. These tests do not check the figures, which need a quiet machine."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BENCH = ROOT / "tests/bench"
sys.path.insert(0, str(BENCH))
import servers  # noqa: E402
from pool import BIN  # noqa: E402

pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="the benchmark needs two cores")


@pytest.fixture(name="floor", scope="module")
def fixture_floor(tmp_path_factory):
    work = tmp_path_factory.mktemp("bench")
    servers.build_generator(work)
    query = servers.SOA_QUERY
    (work / "soa.bin").write_bytes((len(query).to_bytes(2, "big") + query) * 10)
    with open(work / "log", "w") as log:
        server = servers.floor(work, log)
        server.work = work
        yield server
        server.stop()


def blast(floor, *flags):
    """Starts qblast. `figures_of` reads its output."""
    command = [floor.work / "qblast", "-p", floor.port, "-f", floor.work / "soa.bin", "-P", floor.cpu_pid, *flags]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE)


def figures_of(process):
    return json.loads(process.communicate()[0])


def test_generator_counts_every_answer(floor):
    figures = figures_of(blast(floor, "-n", 1000))
    assert (figures["answered"], figures["lost"], figures["octets"]) == (1000, 0, 310)
    assert figures["cpu"] > 0
    assert 0 < figures["p50"] <= figures["p99"] <= figures["p999"]


def test_open_loop_keeps_its_rate_and_counts_a_stall(floor):
    """Every query that falls due while the server is stopped counts as slow. A closed loop would count only the queries in flight."""
    process = blast(floor, "-r", 400, "-d", 2)
    time.sleep(0.5)
    floor.process.send_signal(signal.SIGSTOP)
    time.sleep(0.8)
    floor.process.send_signal(signal.SIGCONT)
    figures = figures_of(process)
    assert figures["lost"] == 0
    assert 700 <= figures["answered"] <= 900
    assert figures["p99"] > 500_000


def test_whole_benchmark_runs_on_a_small_pool():
    out = subprocess.run([BENCH / "run", "--seconds", "0.2", "--rounds", "1", "--members", "50", "--modes", "--changes"], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    for row in ("floor", "srv", "addr", "neg", "mix", "ntspoold", "off, one client", "2"):
        assert re.search(rf"^\| {row} \| [\d.]+ ", out, re.MULTILINE), f"no row {row} in:\n{out}"
    changes = re.search(r"each of (\d+) changes visible", out)
    assert changes and int(changes[1]) > 0
    assert "| answers lost meanwhile | none | 0 | met |" in out


def test_the_website_of_a_made_up_pool_is_measured(tmp_path):
    """The figures of a small pool are far below the bars."""
    environment = {**os.environ, "ASAN_OPTIONS": "verify_asan_link_order=0"}
    done = subprocess.run([BENCH / "report", "--members", "5", "--minutes", "2", "--days", "4", "--build", BIN.parent, "--keep", tmp_path / "pool"],
                          capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall("^minute .* s of CPU, .* MB in [1-9]", done.stdout, re.M)) == 2
    page = (tmp_path / "pool/site/members/m1x.html").read_text()
    assert "eligible" in page and page.count("<svg") > 2
