"""A server under load: busy clients do not starve others, and all resources stay bounded. Figures: tests/bench/run --abuse."""

import fcntl
import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

from machine import ROOT, run, until
from pool import APEX, BIN, Pool, environment
from question import make_query

sys.path.insert(0, str(ROOT / "tests/bench"))
import servers  # noqa: E402

BIG = f"big.{APEX}"
ANSWER = 15000  # approximate octets of its TXT record
IDLE = 10  # seconds until the server closes an idle connection


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    work = tmp_path_factory.mktemp("tools")
    servers.build_generator(work)
    for name, query in (("soa", make_query(APEX, "SOA")), ("big", make_query(BIG, "TXT"))):
        (work / f"{name}.bin").write_bytes((struct.pack("!H", len(query)) + query) * 100)
    return work


class Clients:
    """Runs tcpabuse until the end of the block."""

    def __init__(self, pool, tools, mode, queries, connections, networks):
        argv = [tools / "tcpabuse", "-p", pool.port, "-f", tools / f"{queries}.bin", "-m", mode, "-c", connections, "-n", networks,
                "-d", 3600]
        self.child = subprocess.Popen([str(word) for word in argv], stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.child.kill()
        self.child.communicate()

    def figures(self):
        """Ends tcpabuse; returns its figures."""
        self.child.terminate()
        return json.loads(self.child.communicate(timeout=20)[0])


def counted(pool):
    """The number of queries over TCP so far."""
    before = pool.server.output().count("queries udp")
    pool.server.child.send_signal(signal.SIGUSR1)
    until(lambda: pool.server.output().count("queries udp") > before, 20, "counters")
    return int(re.findall(r"queries udp \d+ tcp (\d+)", pool.server.output())[-1])


def resident_mb(pool):
    with open(f"/proc/{pool.server.pid}/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def is_answered_over_tcp(pool):
    try:
        return pool.ask(APEX, "SOA", tcp=True, timeout=20).answer
    except (EOFError, OSError):
        return False


def descriptors(pool):
    return len(os.listdir(f"/proc/{pool.server.pid}/fd"))


@pytest.mark.parametrize("connections, networks", [(64, 1), (1024, 100)])
def test_pipelining_connections_leave_udp_its_turn(pool, tools, connections, networks):
    """The server bounds a turn of the TCP connections, so a UDP query does not wait for tens of thousands of their answers."""
    pool.serve("--workers", "1")
    with Clients(pool, tools, "pipeline", "soa", connections, networks):
        until(lambda: counted(pool) > 10000, 60, "the clients are at work")
        before = counted(pool)
        for _ in range(50):
            assert pool.ask(APEX, "SOA", timeout=20).answer
        assert pool.ask(APEX, "SOA", tcp=True, timeout=20).answer
        assert counted(pool) > before, "both are answered"


def test_rate_over_tcp_holds_back_one_network_alone(pool, tools):
    pool.cli("zone", "set", "rrl-rate", "100")
    pool.serve("--workers", "1")
    other = Pool(pool.machine)
    with Clients(pool, tools, "pipeline", "soa", 32, 1):
        until(lambda: counted(pool) > 132, 60, "its rate is used up")
        began, before = time.monotonic(), counted(pool)
        time.sleep(3)
        # The rate allows 100 answers a second. Each of the 32 connections pauses and then gets one answer, ten times a second.
        assert counted(pool) - before < (100 + 32 * 10) * (time.monotonic() - began) * 2
        for _ in range(10):
            assert other.ask(APEX, "SOA", tcp=True, timeout=20).answer


def test_unread_answers_are_bounded_and_given_up(pool, tools):
    pool.machine.write("big.zone", f'big TXT {" ".join(["x" * 250] * (ANSWER // 250))}\n')
    pool.cli("record", "load", pool.machine.directory / "big.zone")
    pool.serve("--workers", "1")
    assert len(pool.ask(BIG, "TXT", tcp=True).to_wire()) > ANSWER
    before = resident_mb(pool)
    with Clients(pool, tools, "unread", "big", 512, 100):
        until(lambda: counted(pool) > 512, 60, "the clients are at work")
        time.sleep(2)
        assert resident_mb(pool) - before < 512, "one gathered answer a connection, and what the sanitizer adds"
        buffers = re.findall(r"rb(\d+),t\d+,tb(\d+)", run("ss", "-Htmn", "state", "established", "sport", "=", ":53").stdout)
        assert len(buffers) > 100 and max(int(size) for pair in buffers for size in pair) <= 128 << 10
    assert pool.ask(APEX, "SOA", tcp=True, timeout=20).answer


def test_who_never_reads_is_closed(pool, tools):
    pool.serve("--workers", "1")
    with Clients(pool, tools, "unread", "soa", 20, 1) as clients:
        until(tcp_connections, 20, "connections")
        until(lambda: not tcp_connections(), IDLE + 20, "all are closed", pause=0.5)
        figures = clients.figures()
    assert (figures["made"], figures["closed"], figures["refused"]) == (20, 20, 0)


def tcp_connections():
    """The server's TCP connections, including those that only the kernel still keeps."""
    return run("ss", "-Htn", "exclude", "listening", "sport", "=", ":53").stdout.splitlines()


def connect(source):
    """A connection from `source` whose first query has been answered."""
    client = socket.create_connection(("127.0.0.1", 53), timeout=20, source_address=(source, 0))
    assert ask_on(client)
    return client


def ask_on(client):
    query = make_query(APEX, "SOA")
    client.sendall(struct.pack("!H", len(query)) + query)
    head = client.recv(2, socket.MSG_WAITALL)
    return len(head) == 2 and client.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)


@pytest.mark.parametrize("workers", [1, 2])
def test_few_descriptors_and_many_idle_connections(pool, tools, workers):
    argv = ["prlimit", "--nofile=256:256", "--", BIN / "ntspoold", "-s", pool.state, "--listen", "127.0.0.1@53", "--workers", workers]
    pool.server = pool.machine.start("pool-ntspoold", argv, env=environment())
    pool.server.said("the limit of open files is 256: a worker holds")
    pool.server.said("answers for")
    steady = [connect(f"127.0.{i}.9") for i in range(200, 210)]
    with Clients(pool, tools, "idle", "soa", 5000, 50):
        for _ in range(20):
            assert pool.ask(APEX, "SOA", timeout=20).answer
            until(lambda: is_answered_over_tcp(pool), 20, "an answer over TCP, which others may have pushed out before")
            assert all(ask_on(client) for client in steady), "who has asked before is not pushed out"
        assert descriptors(pool) <= 256
    for client in steady:
        client.close()
    assert pool.ask(APEX, "SOA", tcp=True, timeout=20).answer
    pool.stop(pool.server)


def test_limit_of_open_files_is_raised(pool):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    argv = ["prlimit", f"--nofile=256:{most}", "--", BIN / "ntspoold", "-s", pool.state, "--listen", "127.0.0.1@53", "--workers", "2"]
    pool.server = pool.machine.start("pool-ntspoold", argv, env=environment())
    pool.server.said("answers for")
    assert "open files" not in pool.server.output()
    with open(f"/proc/{pool.server.pid}/limits") as limits:
        soft = next(line.split()[3] for line in limits if line.startswith("Max open files"))
    assert int(soft) > 2048


def test_too_few_descriptors_are_refused(pool):
    argv = ["prlimit", "--nofile=40:40", "--", BIN / "ntspoold", "-s", pool.state, "--listen", "127.0.0.1@53", "--workers", "2"]
    refused = run(*argv, check=False, env=environment())
    assert refused.returncode == 1 and "the limit of open files is 40" in refused.stderr


# Holds the write lock of the given stores until it is killed.
HOLDER = """
import ctypes, sys, time
lmdb = ctypes.CDLL("liblmdb.so.0")
for path in sys.argv[1:]:
    env, txn = ctypes.c_void_p(), ctypes.c_void_p()
    assert lmdb.mdb_env_create(ctypes.byref(env)) == 0
    assert lmdb.mdb_env_open(env, path.encode(), 0, 0o640) == 0
    assert lmdb.mdb_txn_begin(env, None, 0, ctypes.byref(txn)) == 0
print("held", flush=True)
time.sleep(3600)
"""


def test_end_waits_for_no_store(pool):
    """The server ends within a second (the test allows for a busy machine) even if another program holds the stores' locks."""
    pool.serve("--workers", "1")
    holder = pool.machine.start("holder", [sys.executable, "-c", HOLDER, pool.state / "traffic", pool.state / "keys", pool.state / "registry"])
    holder.said("held")
    assert pool.ask(APEX, "SOA").answer
    assert pool.server.stop(timeout=15) == 0
    pool.server.said("ends without waiting")
    holder.kill()


@pytest.mark.parametrize("vouched", [False, True])
def test_end_while_it_starts(pool, vouched):
    """The server checks a store in a child process, unless its voucher holds. To open it, either waits while another process has locked the
    whole lock file."""
    voucher = pool.state / "registry/voucher"
    until(lambda: pool.cli("zone", "show") and voucher.exists(), 20, "a store that has settled is vouched for")
    if not vouched:
        voucher.unlink()
    with open(pool.state / "registry/lock.mdb", "r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        server = pool.machine.start("starting", [BIN / "ntspoold", "-s", pool.state, "--listen", "127.0.0.1@53"], env=environment())
        until(lambda: waits_for_lock(server.pid) if vouched else children(server), 20, "it opens the store")
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            server.child.send_signal(number)
        time.sleep(0.5)
        assert server.running
        assert server.stop(timeout=15) == 0


def waits_for_lock(pid):
    """A line of /proc/locks for one that waits: 15: -> POSIX ADVISORY READ PID ..."""
    with open("/proc/locks") as locks:
        return any("->" in line and f" {pid} " in line for line in locks)


def children(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as pids:
        return pids.read().split()


def test_end_under_load(pool, tools):
    pool.serve("--workers", "1")
    with Clients(pool, tools, "pipeline", "soa", 1024, 100):
        until(lambda: counted(pool) > 10000, 60, "the clients are at work")
        assert pool.server.stop(timeout=15) == 0
