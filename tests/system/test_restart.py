"""Reload and restart under a service manager: no query is lost, and nothing that it keeps is trusted blindly."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from machine import ROOT, until
from pool import APEX, BIN, SRV, environment, no_report
from servicemanager import ServiceManager
from test_takeover import Askers

sys.path.insert(0, str(ROOT / "tests/bench"))
import servers  # noqa: E402

RATE = 500  # queries a second
RELOAD = ("--takeover", "--detach")


@pytest.fixture(scope="module")
def qblast(tmp_path_factory):
    work = tmp_path_factory.mktemp("generator")
    servers.build_generator(work)
    query = servers.SOA_QUERY
    (work / "soa.bin").write_bytes((len(query).to_bytes(2, "big") + query) * 10)
    return [work / "qblast", "-f", work / "soa.bin", "-g", "20000", "-r", RATE, "-s", "-d", 3600]


@pytest.fixture
def service(pool):
    command = [BIN / "ntspoold", "-s", pool.state, "--listen", f"{pool.address}@{pool.port}"]
    manager = ServiceManager(pool.machine.directory, command, environment())
    yield manager
    try:
        os.kill(manager.main, signal.SIGTERM)
        assert manager.waited(manager.main) == 0
    except (ProcessLookupError, ChildProcessError):
        pass
    manager.close()
    no_report("ntspoold", manager.output())


class Load:
    """Queries over UDP, RATE a second, and over TCP, until `finish`, which fails if one got no answer."""

    def __init__(self, pool, qblast):
        self.blast = subprocess.Popen([str(word) for word in [*qblast, "-p", pool.port]], stdout=subprocess.PIPE)
        self.askers = Askers(pool)

    def __enter__(self):
        time.sleep(0.5)
        return self

    def __exit__(self, failed, *_):
        time.sleep(0.5)
        self.blast.send_signal(signal.SIGINT)
        figures = json.loads(self.blast.communicate(timeout=120)[0])
        if not failed:
            self.askers.finish()
            assert figures["lost"] == 0 and figures["answered"] > RATE, figures
        self.askers.stop.set()


def inodes(service):
    return sorted(os.fstat(fd).st_ino for _, fd in service.store)


def receivers(service):
    """How many UDP sockets and TCP listeners of IPv4 the main process has."""
    udp = {line.split()[9] for line in Path("/proc/net/udp").read_text().splitlines()}
    listening = {line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines() if line.split()[3] == "0A"}
    links = set()
    for fd in os.listdir(f"/proc/{service.main}/fd"):
        with contextlib.suppress(FileNotFoundError):
            links.add(os.readlink(f"/proc/{service.main}/fd/{fd}").removeprefix("socket:[").removesuffix("]"))
    return len(links & udp), len(links & listening)


def test_reload_puts_a_successor_in_place_without_loss(pool, service, qblast):
    service.start("--workers", "2")
    with Load(pool, qblast):
        for workers in ("3", "1"):
            status, former = service.reload("--workers", workers, *RELOAD)
            assert status == 0, service.output()
            assert service.main != former
            assert service.waited(former) == 0
            until(lambda: "has ended" in service.output(), 20, "the successor knows")
            os.truncate(service.log, 0)
    service.keeps("worker-0", "worker-0")
    assert not [said for _, said in service.refused if not said.startswith(("WATCHDOG=1", "STATUS="))]
    service.hears("WATCHDOG=1")
    assert "STOPPING=1" not in service.lines


def test_restart_goes_on_with_the_sockets(pool, service, qblast):
    service.start("--workers", "2")
    service.keeps("worker-0", "worker-0", "worker-1", "worker-1")
    kept = inodes(service)
    with Load(pool, qblast):
        service.restart("--workers", "2")
        assert receivers(service) == (2, 2), "and no others"
        service.keeps("worker-0", "worker-0", "worker-1", "worker-1")
        assert inodes(service) == kept


@pytest.mark.parametrize("before, after", [(1, 3), (3, 1)])
def test_restart_with_other_workers_loses_nothing(pool, service, qblast, before, after):
    """Of workers that are no more, the UDP sockets get no more queries; their TCP listeners are served as long as they are kept."""
    service.start("--workers", before)
    with Load(pool, qblast):
        service.restart("--workers", after)
        service.restart("--workers", after)
    service.keeps(*(f"worker-{at}" for at in range(after) for _ in range(2)), *(before - after) * ["worker-0"])
    assert receivers(service) == (after, max(before, after))


def test_restart_with_other_addresses_takes_only_those_that_are_listened_on(pool, service):
    service.start("--workers", "1", "--listen", "127.0.0.2@53", "--listen", "::1@53")
    service.keeps(*6 * ["worker-0"])
    service.restart("--workers", "1", "--listen", "127.0.0.3@53")
    service.keeps(*4 * ["worker-0"])
    assert receivers(service) == (2, 2)
    assert pool.ask(APEX, "SOA").answer
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind(("127.0.0.2", 53))
    other.close()


def test_killed_server_leaves_its_sockets_to_the_next(pool, service, qblast):
    service.start("--workers", "2")
    with Load(pool, qblast) as load:
        load.askers.finish()  # connections that are open end with the server
        service.stop(signal.SIGKILL)
        service.start("--workers", "2")
        load.askers = Askers(pool)


def test_strange_descriptors_are_closed_and_not_used(pool, service):
    """The service manager's word is not enough: each is checked."""
    def udp(*address, family=socket.AF_INET, shared=True, connected=False):
        made = socket.socket(family, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
        made.bind(address)
        if connected:
            made.connect(("127.0.0.1", 9))
        return made

    tcp = socket.socket()
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    tcp.bind(("127.0.0.2", 53))  # and does not listen
    strange = [udp("127.0.0.2", 53, connected=True), udp("127.0.0.2", 53), udp("127.0.0.3", 53, shared=False), tcp,
               udp("::1", 53, family=socket.AF_INET6), socket.socket(socket.AF_UNIX), open("/dev/null")]  # noqa: SIM115
    names = ["worker-0", "worker-0", "worker-0", "worker-0", "worker-1", "worker-0", "worker-0"]
    service.store = [(name, os.dup(made.fileno())) for name, made in zip(names, strange)]
    service.store += [(name, os.dup(strange[1].fileno())) for name in ("", "worker-", "worker--1", "worker-999", "worker-1x", "else")]
    for made in strange:
        made.close()
    service.start("--workers", "1", "--listen", "127.0.0.2@53", "--listen", "::1@53")
    for address in ("127.0.0.1", "127.0.0.2", "::1"):
        pool.address = address
        assert pool.ask(APEX, "SOA").answer and pool.ask(APEX, "SOA", tcp=True).answer
    assert receivers(service) == (2, 2)
    service.keeps(*6 * ["worker-0"], "", "worker-", "worker--1", "worker-999", "worker-1x", "else")


def test_reload_that_fails_leaves_the_server_in_place(pool, service):
    service.start("--workers", "1")
    main = service.main
    status, _ = service.reload("--locations", "/nowhere.mmdb", *RELOAD)
    assert status == 1 and "/nowhere.mmdb" in service.output()
    assert service.main == main and pool.ask(APEX, "SOA").answer
    assert service.reload("--workers", "1", *RELOAD)[0] == 0
    assert service.waited(main) == 0
    assert pool.ask(SRV, "SRV").rcode() == 0


def test_reload_that_is_given_up_leaves_the_server_in_place(pool, service):
    """systemd kills the process of a reload that takes too long. The successor notices."""
    service.start("--workers", "1")
    main = service.main
    service.reads.clear()  # the successor can't be named while the service manager does not read
    time.sleep(0.2)
    child = subprocess.Popen([*service.command, "--workers", "1", *RELOAD], env=service.environment, stderr=open(service.log, "ab"))
    service.control = child.pid
    until(lambda: service.output().count("answers for") == 2, 30, "the successor is there")
    child.kill()
    child.wait()
    until(lambda: "this one ends too" in service.output(), 30, "the successor ends")
    service.reads.set()
    until(lambda: pool.ask(APEX, "SOA").answer and os.waitpid(-1, os.WNOHANG)[0], 20, "it is gone")
    assert service.reload("--workers", "1", *RELOAD)[0] == 0
    assert service.waited(main) == 0


def test_manager_that_does_not_read_gets_no_other_main_process(pool, service):
    """It would take the end of the former one for the end of the service."""
    service.start("--workers", "2")
    service.reads.clear()
    time.sleep(0.2)
    status, former = service.reload("--workers", "1", *RELOAD)
    assert status == 1 and "the service manager does not listen" in service.output()
    until(lambda: "this one ends too" in service.output(), 30, "the successor ends")
    assert pool.ask(APEX, "SOA").answer
    service.reads.set()
    assert service.main == former


def test_server_says_when_the_kernel_gives_it_small_buffers(pool):
    limit = int(Path("/proc/sys/net/core/rmem_max").read_text())
    if limit >= 16 << 20:
        pytest.skip("this machine allows large ones")
    argv = [BIN / "ntspoold", "-s", pool.state, "--listen", f"{pool.address}@53"]
    pool.server = pool.machine.start("limited", ["setpriv", "--bounding-set=-net_admin", *argv], env=environment())
    pool.server.said(f"net.core.rmem_max limits each buffer of UDP to {limit >> 10} KiB")


def test_detached_server_needs_no_manager(pool):
    server = pool.machine.start("detached", [BIN / "ntspoold", "-s", pool.state, "--listen", f"{pool.address}@53", "--detach"],
                                env=environment())
    assert server.child.wait(60) == 0, server.output()
    assert pool.ask(APEX, "SOA").answer
    pid = int(re.search(r"^pid (\d+)$", (pool.state / "ntspoold.instance").read_text(), re.MULTILINE)[1])
    assert os.getsid(pid) != os.getsid(0)
    os.kill(pid, signal.SIGTERM)
    until(lambda: "queries udp" in server.output(), 20, "it ends")
