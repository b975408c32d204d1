"""What the linker was to leave in the programs: read from their ELF files."""

import struct

import pytest

from machine import ROOT
from pool import BIN

PROGRAMS = ("ntspool", "ntspoold", "ntspool-probed")
_ET_DYN, _PT_DYNAMIC, _PT_GNU_STACK, _PT_GNU_RELRO = 3, 2, 0x6474E551, 0x6474E552
_DT_FLAGS, _DT_FLAGS_1, _DF_BIND_NOW, _DF_1_NOW, _DF_1_PIE = 30, 0x6FFFFFFB, 8, 1, 0x08000000
_PF_X = 1


def elf(path):
    """Type, segments by type as (flags, octets), and the dynamic section's values."""
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
