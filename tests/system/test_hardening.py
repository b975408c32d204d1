"""Hardening: how the programs are linked, what a running daemon has given up, and what it reports when its systemd unit forbids a call
that it needs."""

import ctypes
import errno
import os
import pwd
import re
import struct

import pytest

from authority import Authority
from machine import ROOT, run, until
from pool import BIN, PRESET, Pool, environment

PROGRAMS = ("ntspool", "ntspoold", "ntspool-probed")
_ET_DYN, _PT_DYNAMIC, _PT_GNU_STACK, _PT_GNU_RELRO = 3, 2, 0x6474E551, 0x6474E552
_DT_FLAGS, _DT_FLAGS_1, _DF_BIND_NOW, _DF_1_NOW, _DF_1_PIE = 30, 0x6FFFFFFB, 8, 1, 0x08000000
_PF_X = 1


def elf(path):
    """An ELF file's type, the flags of its segments by type, the values of its dynamic section, and all its octets."""
    whole = path.read_bytes()
    assert whole[:5] == b"\x7fELF\x02", "of 64 bits"
    kind, = struct.unpack_from("<H", whole, 16)
    table, = struct.unpack_from("<Q", whole, 32)
    size, count = struct.unpack_from("<HH", whole, 54)
    segments, dynamic = {}, {}
    for number in range(count):
        type_, flags, offset, _, _, length = struct.unpack_from("<IIQQQQ", whole, table + number * size)
        segments[type_] = flags
        if type_ == _PT_DYNAMIC:
            dynamic = dict(struct.iter_unpack("<QQ", whole[offset:offset + length]))
    return kind, segments, dynamic, whole


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_linked_is_bound_at_start_and_then_read_only(program):
    kind, segments, dynamic, _ = elf(BIN / program)
    assert kind == _ET_DYN and dynamic[_DT_FLAGS_1] & _DF_1_PIE, "position-independent"
    assert dynamic[_DT_FLAGS] & _DF_BIND_NOW and dynamic[_DT_FLAGS_1] & _DF_1_NOW and _PT_GNU_RELRO in segments
    assert not segments[_PT_GNU_STACK] & _PF_X


@pytest.mark.parametrize("program", PROGRAMS)
def test_release_checks_its_buffers(program):
    path = ROOT / "build" / "release" / "bin" / program
    if not path.exists():
        pytest.skip("no release build here")
    whole = elf(path)[3]
    assert b"\x00__stack_chk_fail\x00" in whole and b"_chk\x00" in whole.replace(b"__stack_chk_fail", b"")


_ADJTIMEX, _CLOCK_ADJTIME, _LANDLOCK_CREATE_RULESET, _CAPSET, _SETPRIORITY, _PRCTL = 159, 305, 444, 126, 141, 157  # x86-64
_SECCOMP, _PR_SET_SECCOMP, _NEVER = 317, 22, 0xFFFFFFFF


def forbid(*calls, option=_NEVER):
    """A seccomp filter as systemd installs it: these system calls fail with EPERM, and so does this option of prctl."""
    def install():
        load, equal, give = 0x20, 0x15, 0x06  # BPF: load a word of the data, compare, return
        lines = [(load, 0, 0, 0)]  # the system call number
        lines += [(equal, len(calls) - at + 3, 0, call) for at, call in enumerate(calls)]
        lines += [(equal, 0, 2, _PRCTL), (load, 0, 0, 16), (equal, 1, 0, option)]  # its first argument
        lines += [(give, 0, 0, 0x7FFF0000), (give, 0, 0, 0x00050000 | errno.EPERM)]  # allow; fail with errno
        code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in lines))
        program = struct.pack("<HxxxxxxQ", len(lines), ctypes.addressof(code))
        libc = ctypes.CDLL(None)
        assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(_PR_SET_SECCOMP, 2, program, 0, 0) == 0  # no new privileges, seccomp filter
    return install


@pytest.mark.parametrize("calls, option, said", [((_LANDLOCK_CREATE_RULESET,), _NEVER, "forbids Landlock"),
                                                 ((_SETPRIORITY,), _NEVER, "forbids setpriority"),
                                                 ((_CAPSET,), _NEVER, "forbids to give up capabilities"),
                                                 ((_SECCOMP,), _PR_SET_SECCOMP, "the kernel refuses a filter of system calls")])
def test_server_says_what_its_unit_forbids(pool, calls, option, said):
    server = pool.machine.start("server", [BIN / "ntspoold", "-s", pool.state, "--listen", f"{pool.address}@{pool.port}"], env=environment(),
                                preexec_fn=forbid(*calls, option=option))
    until(lambda: said in server.output(), 20, "it says so")
    pool.server = server
    until(pool.answers, 20, "and answers all the same")


@pytest.mark.parametrize("calls, option, said", [((_LANDLOCK_CREATE_RULESET,), _NEVER, "forbids Landlock"),
                                                 ((_ADJTIMEX, _CLOCK_ADJTIME), _NEVER, "hides whether the clock is synchronised"),
                                                 ((_SECCOMP,), _PR_SET_SECCOMP, "the kernel refuses a filter of system calls")])
def test_probe_says_what_its_unit_forbids(pool, calls, option, said):
    probed = pool.machine.start("probed", [BIN / "ntspool-probed", "-s", pool.state], env=environment(),
                                preexec_fn=forbid(*calls, option=option))
    until(lambda: said in probed.output(), 20, "it says so")
    assert probed.running


def test_nothing_forbidden_nothing_said(pool):
    server = pool.serve()
    assert "forbid" not in server.output() and "Landlock" not in server.output() and "refuses" not in server.output()


USER = pwd.getpwnam("nobody")


@pytest.fixture(scope="module")
def daemons(shared_machine):
    """Both daemons, not as root."""
    machine = shared_machine
    machine.open_to_others()
    pool = Pool(machine)
    for path in (pool.state, pool.state / "probe"):
        path.mkdir(mode=0o755)
        os.chown(path, USER.pw_uid, USER.pw_gid)
    pool.init()
    pool.trust = Authority(machine.directory).path
    pool.trust.chmod(0o644)
    pool.serve("--user", USER.pw_name)
    pool.probe(pool.trust, "--user", USER.pw_name).said("probing")
    yield pool
    pool.stop()


def what_holds(pid):
    """The fields of /proc/PID/status of all threads; each must be the same in all."""
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        fields = dict(re.findall(r"^(\w+):\t(.*)$", open(f"/proc/{pid}/task/{tid}/status").read(), re.M))
        for name in ("Seccomp", "NoNewPrivs", "CapEff", "CapPrm", "CapBnd", "CapAmb"):
            assert found.setdefault(name, fields[name]) == fields[name], f"{name} of thread {tid}"
    return found


@pytest.mark.parametrize("daemon", ["server", "probed"])
def test_no_thread_keeps_a_privilege(daemons, daemon):
    pid = getattr(daemons, daemon).pid
    none = "0" * 16
    assert what_holds(pid) == {"Seccomp": "2", "NoNewPrivs": "1", "CapEff": none, "CapPrm": none, "CapBnd": none, "CapAmb": none}


@pytest.mark.parametrize("daemon", ["server", "probed"])
def test_no_core_and_no_reader_of_the_memory(daemons, daemon):
    """Of what holds keys. A process whose memory is hidden belongs to root in /proc; sanitizers read their own."""
    pid = getattr(daemons, daemon).pid
    assert re.search(r"^Max core file size +0 +0 ", open(f"/proc/{pid}/limits").read(), re.M)
    if PRESET == "release":
        assert os.stat(f"/proc/{pid}/mem").st_uid == 0
        done = run("setpriv", f"--reuid={USER.pw_uid}", f"--regid={USER.pw_gid}", "--clear-groups", "cat", f"/proc/{pid}/maps", check=False)
        assert done.returncode != 0 and done.stdout == ""
