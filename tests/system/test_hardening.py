"""Hardening: how the programs are linked, and what they report when their systemd unit forbids a call that they need."""

import ctypes
import errno
import struct

import pytest

from machine import ROOT, until
from pool import BIN, environment

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


_ADJTIMEX, _CLOCK_ADJTIME, _LANDLOCK_CREATE_RULESET, _CAPSET, _SETPRIORITY = 159, 305, 444, 126, 141  # x86-64


def forbid(*calls):
    """A seccomp filter as systemd installs it: these system calls fail with EPERM."""
    def install():
        load, equal, give = 0x20, 0x15, 0x06  # BPF: load a word of the data, compare, return
        lines = [(load, 0, 0, 0)]  # the system call number
        lines += [(equal, len(calls) - at, 0, call) for at, call in enumerate(calls)]
        lines += [(give, 0, 0, 0x7FFF0000), (give, 0, 0, 0x00050000 | errno.EPERM)]  # allow; fail with errno
        code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in lines))
        program = struct.pack("<HxxxxxxQ", len(lines), ctypes.addressof(code))
        libc = ctypes.CDLL(None)
        assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0  # no new privileges, seccomp filter
    return install


@pytest.mark.parametrize("call, said", [(_LANDLOCK_CREATE_RULESET, "forbids Landlock"), (_SETPRIORITY, "forbids setpriority"),
                                        (_CAPSET, "forbids to give up capabilities")])
def test_server_says_what_its_unit_forbids(pool, call, said):
    server = pool.machine.start("server", [BIN / "ntspoold", "-s", pool.state, "--listen", f"{pool.address}@{pool.port}"], env=environment(),
                                preexec_fn=forbid(call))
    until(lambda: said in server.output(), 20, "it says so")
    pool.server = server
    until(pool._answers, 20, "and answers all the same")


@pytest.mark.parametrize("calls, said", [((_LANDLOCK_CREATE_RULESET,), "forbids Landlock"),
                                         ((_ADJTIMEX, _CLOCK_ADJTIME), "hides whether the clock is synchronised")])
def test_probe_says_what_its_unit_forbids(pool, calls, said):
    probed = pool.machine.start("probed", [BIN / "ntspool-probed", "-s", pool.state], env=environment(), preexec_fn=forbid(*calls))
    until(lambda: said in probed.output(), 20, "it says so")
    assert probed.running


def test_nothing_forbidden_nothing_said(pool):
    server = pool.serve()
    assert "forbid" not in server.output() and "Landlock" not in server.output()
