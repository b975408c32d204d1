"""What the daemons tell a service manager (sd_notify(3)). The tests stand in for it."""

import ctypes
import os
import re
import socket
import time
from pathlib import Path

import pytest

from authority import Authority
from machine import until
from pool import BIN, environment

_PTRACE_SEIZE = 0x4206
_PTRACE_INTERRUPT = 0x4207
_PTRACE_DETACH = 17
_POLL = {"x86_64": "7", "aarch64": "73"}[os.uname().machine]  # poll(2), ppoll(2)
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Manager:
    """The end of the service manager: a datagram socket and what came in, in order."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(str(path))
        self.lines = []

    def environment(self):
        return {"NOTIFY_SOCKET": str(self.path)}

    def look(self):
        while True:
            try:
                self.lines += self.socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.lines

    def heard(self, pattern):
        """The last line that matches the pattern."""
        return next((line for line in reversed(self.look()) if re.fullmatch(pattern, line)), None)

    def hears(self, pattern, timeout=30):
        return until(lambda: self.heard(pattern), timeout, f"the service manager hears {pattern!r}")

    def forget(self):
        self.look()
        self.lines = []


@pytest.fixture
def manager(tmp_path, monkeypatch):
    manager = Manager(tmp_path / "notify")
    for name, value in manager.environment().items():
        monkeypatch.setenv(name, value)
    yield manager
    manager.socket.close()


class Held:
    """Stops one thread of a process, as if it hung."""

    def __init__(self, tid):
        self.tid = tid

    def __enter__(self):
        for request in (_PTRACE_SEIZE, _PTRACE_INTERRUPT):
            assert _libc.ptrace(request, self.tid, None, None) == 0, os.strerror(ctypes.get_errno())
        os.waitpid(self.tid, 0x40000000)  # __WALL

    def __exit__(self, *_):
        assert _libc.ptrace(_PTRACE_DETACH, self.tid, None, None) == 0, os.strerror(ctypes.get_errno())


def threads(pid):
    """The thread IDs of a process in the order of their start."""
    return sorted(int(tid) for tid in os.listdir(f"/proc/{pid}/task"))


def test_ready_comes_when_answers_do(pool, manager):
    pool.server = pool.machine.start("ntspoold", [BIN / "ntspoold", "-s", pool.state, "--listen", "127.0.0.1@53", "--workers", "2"],
                                     env=environment())
    manager.hears("READY=1")
    assert pool.ask(pool.apex, "SOA", timeout=10).answer  # the first query that was ever sent
    assert manager.look()[0] == "READY=1" and f"MAINPID={pool.server.pid}" in manager.lines
    manager.hears("WATCHDOG=1")
    assert manager.heard(r"STATUS=pool\.test\. hands out 0 of 0 members, [\d,]+ queries/s")
    assert "STOPPING=1" not in manager.lines
    pool.stop()
    assert manager.hears("STOPPING=1")


def test_status_line_counts_members_and_queries(pool, manager):
    pool.add("alice", "192.0.2.1")
    pool.serve("--workers", "1")
    manager.hears(r"STATUS=pool\.test\. hands out \d of 1 members, .*")

    def busy():
        for _ in range(200):
            pool.ask(pool.apex, "SOA")
        line = manager.heard(r"STATUS=.* queries/s")
        return line and int(re.search(r"([\d,]+) queries", line)[1].replace(",", "")) >= 10
    until(busy, 30, "the status line has the rate of queries")
    pool.stop()


def test_no_server_that_fails_to_start_is_ready(pool, manager):
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", 53))
    server = pool.machine.start("ntspoold", [BIN / "ntspoold", "-s", pool.state, "--listen", "127.0.0.1@53"], env=environment())
    assert server.child.wait(30) == 1
    taken.close()
    assert manager.look() == []


def test_watchdog_starves_when_a_worker_hangs(pool, manager):
    pool.serve("--workers", "1")
    manager.hears("WATCHDOG=1")
    # The main thread comes first, then the collector, then the workers.
    for tid in threads(pool.server.pid)[2:4]:
        with Held(tid):
            pool.server.said("a worker hangs", timeout=40)
            manager.forget()
            time.sleep(3)
            assert not manager.heard("WATCHDOG=1")
        manager.hears("WATCHDOG=1")
        os.truncate(pool.server.log, 0)
    pool.stop()


def waiting_by(pid, call, nice):
    """The threads of a process that wait in this system call and have this nice value."""
    return [tid for tid in threads(pid) if Path(f"/proc/{pid}/task/{tid}/syscall").read_text().split()[0] == call
            and os.getpriority(os.PRIO_PROCESS, tid) == nice]


def test_no_hanging_thread_of_the_metrics_ends_a_server_that_answers(pool, manager):
    pool.serve("--workers", "1", "--metrics", "127.0.0.1@9153")
    manager.hears("WATCHDOG=1")
    tid, = until(lambda: waiting_by(pool.server.pid, _POLL, 10), 20, "it waits for scrapes")
    with Held(tid):
        pool.server.said("the thread of the metrics hangs", timeout=40)
        manager.forget()
        manager.hears("WATCHDOG=1")
        assert pool.ask(pool.apex, "SOA").answer
    pool.server.said("all threads move again", timeout=30)
    pool.stop()


def test_successor_becomes_the_main_process(pool, manager):
    first = pool.serve("--workers", "1")
    manager.hears(f"MAINPID={first.pid}")
    second = pool.machine.start("successor", [BIN / "ntspoold", "-s", pool.state, "--listen", "127.0.0.1@53", "--workers", "1", "--takeover"],
                                env=environment())
    manager.hears(f"MAINPID={second.pid}")
    assert first.child.wait(30) == 0
    assert "STOPPING=1" not in manager.look(), "the service does not stop"
    pool.server = second
    assert pool.ask(pool.apex, "SOA").answer
    pool.stop()
    assert manager.hears("STOPPING=1")


def test_probe_is_ready_and_feeds_its_watchdog(pool, manager, tmp_path):
    pool.add("alice", "192.0.2.1")
    probe = pool.probe(Authority(tmp_path).path)
    manager.hears("READY=1")
    assert manager.hears("STATUS=probes 1 members")
    manager.hears("WATCHDOG=1")
    with Held(probe.pid):
        manager.forget()
        time.sleep(3)
        assert not manager.heard("WATCHDOG=1")
    manager.hears("WATCHDOG=1")
    pool.stop()
    assert manager.heard("STOPPING=1")
