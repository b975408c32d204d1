"""One ntspoold per state directory; takeover by another ntspoold; addresses that appear later; signals that a daemon survives."""

import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import dns.edns
import pytest

from authority import Authority
from machine import ROOT, run, until
from pool import APEX, BIN, SRV, Pool, environment

sys.path.insert(0, str(ROOT / "tests/bench"))
import servers  # noqa: E402

RATE = 10000  # queries a second
KEEPALIVE = dns.edns.GenericOption(11, b"")


@pytest.fixture(scope="module")
def qblast(tmp_path_factory):
    work = tmp_path_factory.mktemp("generator")
    servers.build_generator(work)
    query = servers.SOA_QUERY
    (work / "soa.bin").write_bytes((len(query).to_bytes(2, "big") + query) * 10)
    return [work / "qblast", "-f", work / "soa.bin", "-g", "20000"]


def successor(pool, *options, listen=None):
    """Starts another ntspoold on the pool's state directory, in the background."""
    number = len(pool.machine.processes)
    argv = [BIN / "ntspoold", "-s", pool.state, "--listen", listen or f"{pool.address}@{pool.port}", *options]
    return pool.machine.start(f"{pool.name}-ntspoold-{number}", argv, env=environment())


def ended(process, timeout=30):
    return process.child.wait(timeout)


def test_second_one_is_refused_and_says_who_runs(pool):
    pool.serve("--workers", "1")
    second = successor(pool, "--workers", "1", listen="127.0.0.1@5353")
    assert ended(second) == 1
    assert f"process {pool.server.pid}," in second.output() and "--takeover" in second.output()
    assert pool.ask(APEX, "SOA").answer
    pool.kill()
    pool.serve("--workers", "1")


def test_address_of_another_state_is_not_shared(pool):
    """With a shared address each server would silently get some of the other's queries."""
    pool.serve("--workers", "1")
    other = Pool(pool.machine, "other").init(apex="other.test")
    for listen in ("127.0.0.1@53", "0.0.0.0@53"):
        second = successor(other, "--workers", "1", listen=listen)
        assert ended(second) == 1 and f"can't listen on {listen}: another" in second.output(), second.output()
    assert pool.ask(APEX, "SOA").answer
    takeover = successor(other, "--takeover", "--workers", "1", listen="127.0.0.1@53")
    assert ended(takeover) == 1
    pool.stop()


def test_two_process_namespaces_share_the_lock(pool):
    pool.serve("--workers", "1")
    argv = ["unshare", "--pid", "--fork", "--mount-proc", BIN / "ntspoold", "-s", pool.state, "--listen", "127.0.0.1@5353"]
    second = run(*argv, check=False, env=environment())
    assert second.returncode == 1 and "runs already" in second.stderr


class Askers:
    """A TCP client that opens a new connection for each query until told to stop."""

    def __init__(self, pool):
        self.pool, self.answered, self.failed, self.stop = pool, 0, [], threading.Event()
        self.thread = threading.Thread(target=self.ask)
        self.thread.start()

    def ask(self):
        while not self.stop.is_set():
            try:
                assert self.pool.ask(APEX, "SOA", tcp=True, timeout=20).answer
                self.answered += 1
            except Exception as problem:  # noqa: BLE001
                self.failed.append(problem)
            time.sleep(0.02)

    def finish(self):
        self.stop.set()
        self.thread.join()
        assert not self.failed and self.answered > 0, self.failed


@pytest.mark.parametrize("affinity", [(), ("--socket-affinity",)])
def test_takeover_loses_no_answer(pool, qblast, affinity):
    """Two takeovers in a row, with more workers and then with fewer, under 10,000 queries a second over UDP and others over TCP."""
    pool.serve("--workers", "2", *affinity)
    blast = subprocess.Popen([str(w) for w in [*qblast, "-p", pool.port, "-r", RATE, "-s", "-d", 3600]], stdout=subprocess.PIPE)
    askers = Askers(pool)
    old = pool.server
    try:
        for workers in ("3", "1"):
            new = successor(pool, "--workers", workers, "--takeover", *affinity)
            assert ended(old) == 0, old.output()
            new.said("has ended", 20)
            old = new
            time.sleep(1)
    finally:
        blast.send_signal(signal.SIGINT)
        figures = json.loads(blast.communicate(timeout=120)[0])
        askers.finish()
        pool.server = old
    assert figures["lost"] == 0 and figures["answered"] > 2 * RATE
    assert pool.ask(SRV, "SRV").answer


def test_connection_in_use_is_answered_to_its_end(pool):
    """The keepalive option tells the client to close the connection (RFC 7828 3.4)."""
    pool.serve("--workers", "1")
    query = pool.query(APEX, "SOA")
    query.use_edns(0, options=[KEEPALIVE])
    old = pool.server
    with socket.create_connection((pool.address, pool.port)) as client:
        client.settimeout(20)
        new = successor(pool, "--workers", "1", "--takeover")
        wire = query.to_wire()
        answer = b""
        while struct.pack("!HHH", 11, 2, 0) not in answer:
            client.sendall(struct.pack("!H", len(wire)) + wire)
            length = struct.unpack("!H", client.recv(2, socket.MSG_WAITALL))[0]
            answer = client.recv(length, socket.MSG_WAITALL)
            time.sleep(0.05)
        assert client.recv(1) == b""
    assert ended(old) == 0
    pool.server = new
    new.said("has ended", 20)


def test_takeover_of_nobody_just_starts(pool):
    pool.serve("--workers", "1", "--takeover")
    assert pool.ask(APEX, "SOA").answer


def test_signals_that_end_nothing(pool):
    pool.serve("--workers", "1")
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        pool.server.child.send_signal(number)
    pool.server.said("SIGHUP")
    pool.server.said("queries udp")
    assert pool.ask(APEX, "SOA").answer


def hears(process, number):
    with open(f"/proc/{process.pid}/status") as lines:
        caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return caught >> (number - 1) & 1


def test_signals_that_end_no_probe(pool):
    """The probe reads the trusted CAs again on SIGHUP. It ignores the other signals."""
    probed = pool.probe(Authority(pool.machine.directory).path)
    until(lambda: hears(probed, signal.SIGHUP), 20, "SIGHUP is heard")
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
        probed.child.send_signal(number)
    probed.said("read the trusted CAs again")
    pool.stop(probed)


def test_address_that_comes_later(pool):
    """The server binds an address that the machine does not have yet, and answers on it once the machine has it. No other test
    gives it these addresses: they would be here already, in one run of both."""
    for address in ("192.0.2.153", "2001:db8::153"):
        pool.serve("--workers", "1", listen=["127.0.0.1@53", f"{address}@53"])
        pool.server.said(f"{address}@53 (not here yet)")
        pool.machine.add_address(address)
        late = Pool(pool.machine, address=address)
        for tcp in (False, True):
            until(lambda: late.ask(APEX, "SOA", tcp=tcp, timeout=1).answer, 20, f"answer on {address}")
        pool.stop()


def _without_ipv6():
    """In a child process: a seccomp filter makes socket(AF_INET6, ...) fail as on a kernel without IPv6."""
    nr = {"x86_64": 41, "aarch64": 198}[os.uname().machine]
    program = [(0x20, 0, 0, 0), (0x15, 0, 3, nr), (0x20, 0, 0, 16), (0x15, 0, 1, socket.AF_INET6),
               (0x06, 0, 0, 0x00050000 | 97), (0x06, 0, 0, 0x7fff0000)]
    code = b"".join(struct.pack("=HBBI", *line) for line in program)
    room = ctypes.create_string_buffer(code)
    prog = struct.pack("@HP", len(program), ctypes.addressof(room))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)
    if libc.prctl(22, 2, ctypes.create_string_buffer(prog), 0, 0) != 0:
        os._exit(77)


def test_kernel_without_ipv6(pool):
    """The default addresses are only those of families that the kernel has."""
    argv = [BIN / "ntspoold", "-s", pool.state, "--workers", "1"]
    pool.server = pool.machine.start("pool-ntspoold", argv, env=environment(), preexec_fn=_without_ipv6)
    pool.server.said("answers for pool.test. on 0.0.0.0@53 with")
    assert pool.ask(APEX, "SOA").answer
