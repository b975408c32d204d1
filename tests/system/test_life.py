"""A whole life of each program under the leak checker, ended by SIGTERM."""

import os
import signal
import socket
import time

import pytest

from authority import Authority
from machine import until
from pool import APEX, SRV, Pool
from timeserver import Chronyd


@pytest.fixture
def living(machine):
    authority = Authority(machine.directory)
    pool = Pool(machine).init()
    pool.add("alice", "127.0.1.1")
    Chronyd(machine, "alice", ["127.0.1.1"], *authority.issue("alice", [f"alice.{APEX}"]))
    pool.serve("--workers", "2", listen=["127.0.0.1@53", "::1@53"])
    pool.probe(authority.path)
    return pool


def test_programs_end_without_a_leak(living):
    until(lambda: living.targets(1) == {"alice"}, 30, "alice is handed out")
    for number in range(30):
        for name, rdtype in ((APEX, "SOA"), (APEX, "DNSKEY"), (SRV, "SRV"), (f"x{number}.{APEX}", "A"), ("example.", "A")):
            living.ask(name, rdtype, dnssec=True)
            living.ask(name, rdtype, dnssec=True, tcp=True)
    for number in range(10):
        living.add(f"m{number}", f"127.0.3.{number + 1}")
        living.cli("member", "remove", f"m{number}")
    # Connections that are open at the end, idle and in the middle of a message.
    idle = socket.create_connection(("127.0.0.1", 53))
    half = socket.create_connection(("127.0.0.1", 53))
    half.send(b"\x00\x40abc")
    garbage = socket.create_connection(("127.0.0.1", 53))
    garbage.send(bytes(range(256)) * 8)
    time.sleep(0.3)
    living.stop()
    for connection in (idle, half, garbage):
        connection.close()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_server_ends_by_signal_in_a_second(pool, sign):
    server = pool.serve()
    server.child.send_signal(sign)
    assert server.child.wait(2) == 0, server.output()


def test_each_cpu_has_its_worker(pool):
    """Queries that arrive on a CPU (on loopback: that sends them) are answered by the worker of that CPU, all of them and nobody else's."""
    server = pool.serve("--workers", "2", "--socket-affinity")
    allowed = os.sched_getaffinity(0)
    threads = [os.sched_getaffinity(int(task)) for task in os.listdir(f"/proc/{server.child.pid}/task")]
    for cpu in sorted(allowed)[:2]:
        assert any(thread == {each for each in allowed if each % 2 == cpu % 2} for thread in threads)
    try:
        for cpu in sorted(allowed):
            os.sched_setaffinity(0, {cpu})
            for _ in range(20):
                assert pool.ask(APEX, "SOA").rcode() == 0
    finally:
        os.sched_setaffinity(0, allowed)


def test_probe_once_ends_by_itself(pool, machine):
    authority = Authority(machine.directory)
    pool.add("alice", "127.0.1.1")
    pool.add("nobody", "127.0.1.2")
    Chronyd(machine, "alice", ["127.0.1.1"], *authority.issue("alice", [f"alice.{APEX}"]))
    process = pool.probe(authority.path, "--once")
    assert process.child.wait(30) == 0, process.output()
    assert pool.member("alice")["addresses"][0]["failure"] == "ok"
    assert pool.member("nobody")["addresses"][0]["failure"] == "connect-refused"
