"""The programs run from start to SIGTERM under the leak checker. Also their privileges, and what a core dump would hold."""

import base64
import os
import pwd
import re
import signal
import socket
import time

import pytest

from authority import Authority
from machine import run, until
from pool import APEX, BIN, SRV, Pool, environment
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
    # At the end some connections are open: idle, or within a message.
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
    """A worker runs only on its own CPUs. Queries on every CPU are answered (on loopback a query arrives on the CPU that sends it)."""
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


def status_of(process, task=None):
    with open(f"/proc/{process.pid}/task/{task or process.pid}/status") as lines:
        return dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)


def test_probe_gives_up_its_rights(pool, machine):
    """The probe becomes a user that owns only the files it writes. It cannot regain privileges or read the sealing key."""
    pool.add("nobody", "127.0.1.2")
    user = pwd.getpwnam("nobody")
    trust = Authority(machine.directory).path
    closed = [path for path in (machine.directory, *machine.directory.parents) if not path.stat().st_mode & 0o001]
    for path in (*closed, pool.state, trust):
        path.chmod(path.stat().st_mode | 0o055)
    for path in (pool.state / "probe", *(pool.state / "probe").iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)
    probed = pool.probe(trust, "--user", "nobody")
    until(lambda: pool.member("nobody")["addresses"][0]["failure"] == "connect-refused", 20, "it writes its verdict")
    status = status_of(probed)
    assert status["Uid"].split() == [str(user.pw_uid)] * 4 and status["Gid"].split() == [str(user.pw_gid)] * 4
    assert (status["NoNewPrivs"], status["CapEff"], status["CapPrm"]) == ("1", "0" * 16, "0" * 16)
    assert not any("keys" in os.readlink(f"/proc/{probed.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{probed.pid}/fd"))


def test_both_daemons_become_the_user_of_the_configuration_file(pool, machine):
    user = pwd.getpwnam("nobody")
    closed = [path for path in (machine.directory, *machine.directory.parents) if not path.stat().st_mode & 0o001]
    for path in closed:
        path.chmod(path.stat().st_mode | 0o055)
    pool.add("nobody", "127.0.1.2")
    for path in (pool.state, *pool.state.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)
    config = machine.write("daemons.yaml", f"state: {pool.state}\nuser: nobody\nlisten: [ {pool.address}@{pool.port} ]\ninterval: 1s\n"
                                           "allow-private: yes\n")
    for program in ("ntspoold", "ntspool-probed"):
        process = machine.start(program, [BIN / program, "--config", config], env=environment())
        until(lambda: status_of(process)["Uid"].split() == [str(user.pw_uid)] * 4, 20, f"{program} is nobody")
        until(lambda: status_of(process)["NoNewPrivs"] == "1", 20, f"{program} is confined")
        assert {status_of(process)[kind] for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    until(lambda: pool.member("nobody")["addresses"][0]["failure"] == "connect-refused", 20, "it writes its verdict")
    assert pool.ask(f"nobody.{APEX}", "A").answer  # the server bound port 53 as root
    pool.cli("member", "remove", "nobody")
    until(lambda: not pool.ask(f"nobody.{APEX}", "A").answer, 20, "changes are followed")


def test_root_is_told_and_keeps_files_of_others_only(pool, machine):
    """It keeps only CAP_DAC_OVERRIDE (bit 1), which opens the files. All threads are confined, and there is no core dump."""
    pool.add("nobody", "127.0.1.2")
    server = pool.serve()
    probed = pool.probe(Authority(machine.directory).path)
    until(lambda: pool.member("nobody")["addresses"][0]["failure"] == "connect-refused", 20, "it writes its verdict")
    for process in (server, probed):
        assert "runs as root" in process.output()
        for task in os.listdir(f"/proc/{process.pid}/task"):
            status = status_of(process, task)
            assert (status["NoNewPrivs"], status["CapBnd"]) == ("1", "0" * 16)
            assert {status["CapPrm"], status["CapEff"]} == {"0" * 15 + "2"}
    with open(f"/proc/{server.pid}/limits") as limits:
        assert next(line.split()[4:6] for line in limits if line.startswith("Max core file size")) == ["0", "0"]


def test_probe_needs_a_user_that_is_there(pool):
    done = run(BIN / "ntspool-probed", "-s", pool.state, "--once", "--user", "no-such-user", check=False, env=environment())
    assert done.returncode == 1 and "no user no-such-user" in done.stderr and done.stderr.count("\n") == 1


def dumped(process):
    """The memory that a core dump would hold: readable areas without MADV_DONTDUMP (dd)."""
    areas, area = [], None
    with open(f"/proc/{process.pid}/smaps") as lines:
        for line in lines:
            words = line.split()
            if re.fullmatch(r"[0-9a-f]+-[0-9a-f]+", words[0]):
                area = (int(words[0].split("-")[0], 16), int(words[0].split("-")[1], 16), words[1], words[5:])
            elif words[0] == "VmFlags:" and "r" in area[2] and "dd" not in words and area[3] != ["[vvar]"] and area[1] - area[0] < 2**30:
                areas.append(area[:2])
    with open(f"/proc/{process.pid}/mem", "rb", buffering=0) as memory:
        for start, end in areas:
            memory.seek(start)
            try:
                yield memory.read(end - start)
            except OSError:
                pass


@pytest.mark.parametrize("algorithm", ["ecdsap256", "ed25519"])
def test_no_private_key_is_in_memory_that_a_core_dump_holds(machine, algorithm):
    """Nor is the sealing key. After many signatures neither a key's octets nor their reverse, as OpenSSL holds them, are in that memory."""
    pool = Pool(machine).init("--algorithm", algorithm)
    keys = machine.directory / "keys"
    keys.mkdir()
    pool.cli("key", "export", keys)
    secrets = [(pool.state / "seal.key").read_bytes()]
    for path in keys.glob("*.private"):
        secrets.append(base64.b64decode(re.search(r"PrivateKey: (\S+)", path.read_text())[1]))
    assert len(secrets) == 3
    server = pool.serve("--workers", "2")
    for number in range(50):
        pool.ask(f"x{number}.{APEX}", "A", dnssec=True)
        pool.ask(f"_ntske._tcp.{APEX}", "SRV", dnssec=True)
    found = set()
    for memory in dumped(server):
        for number, secret in enumerate(secrets):
            if secret in memory or secret[::-1] in memory:
                found.add(number)
    assert found == set()
