"""Static records on the command line: refused records, records that the load leaves out, and slow input, which blocks no other command."""

import os
import subprocess

import pytest
from test_cli import BIN, pool, cli, write  # noqa: F401 (fixtures)


@pytest.mark.parametrize("text", (
    "SRV 0 0 70000 a", "MX -1 a", "TYPE64 \\# 2 0001", 'TXT "\\999"', "A 192.0.2.256", "CAA 256 issue x", "TLSA 3 1 1 00", "SSHFP 1 1 zz",
    "CERT 1 0 0 ?", "LOC 91 N 0 E 0m", "NAPTR 65536 1 a b c .", "URI 70000 1 \"a\"", "SVCB 1 . port=70000", "TYPE65280 \\# 2 aa"))
def test_what_does_not_fit_is_refused_with_file_and_line(pool, tmp_path, text):  # noqa: F811
    path = write(tmp_path / "bad.zone", "a A 9.9.9.9", f"b {text}")
    assert pool.refused("record", "load", path).startswith(f"ntspool: {path}:2: {text.split()[0]}: ")
    assert "a.pool.test." not in pool("record", "list")


def test_a_ttl_of_zero_is_listed_and_exported_as_zero(pool, tmp_path):  # noqa: F811
    pool("record", "load", write(tmp_path / "z.zone", "a 0 TXT x", "b TXT x", "c 30d TXT x", "d TXT x"))
    ttls = {row["name"][0]: row["ttl"] for row in pool.json("record", "list") if row["type"] == "TXT"}
    longest = 7 * 86400 // 3  # the least remaining validity of a signature
    assert ttls == {"a": 0, "b": 0, "c": longest, "d": longest}
    exported = pool("zone", "export")
    assert "a.pool.test.\t0\tIN\tTXT" in exported and f"c.pool.test.\t{longest}\tIN\tTXT" in exported
    pool("zone", "set", "signature-validity", "15d")
    assert {row["ttl"] for row in pool.json("record", "list") if row["name"][0] == "c"} == {5 * 86400}


ZONE = """\
@ 3600 SOA ns1 host 1 2 3 4 5
@ 3600 NS ns1
@ 3600 RRSIG NS 13 2 3600 20300101000000 20200101000000 1 @ AAAA
@ 3600 RRSIG SOA 13 2 60 20300101000000 20200101000000 1 @ AAAA
@ 3600 MX 10 mail
* 3600 A 9.9.9.1
alice 3600 A 9.9.9.2
sub 3600 NS ns.example.net.
www 3600 A 9.9.9.3
"""


def test_an_existing_zone_is_loaded_without_what_is_the_pools(pool, tmp_path):  # noqa: F811
    pool("member", "add", "alice", "--address", "9.9.9.9")
    before = pool("record", "list")
    path = write(tmp_path / "old.zone", ZONE, end="")
    refused = pool.refused("record", "load", path)
    assert f"{path}:" in refused and "--skip-own" in refused
    dry = pool.json("record", "load", "--skip-own", "--dry-run", path)
    assert dry["loaded"] == 2 and dry["dry_run"] and pool("record", "list") == before
    left_out = {(row["name"], row["type"], row["line"]) for row in dry["left_out"]}
    assert left_out == {("pool.test.", "SOA", 1), ("pool.test.", "NS", 2), ("pool.test.", "RRSIG", 3), ("*.pool.test.", "A", 6),
                        ("alice.pool.test.", "A", 7), ("sub.pool.test.", "NS", 8)}
    shown = pool("record", "load", "--skip-own", path)
    assert "alice" in shown and "2 record sets loaded" in shown
    names = {(row["name"], row["type"]) for row in pool.json("record", "list")}
    assert ("www.pool.test.", "A") in names and ("pool.test.", "MX") in names and ("sub.pool.test.", "NS") not in names


def test_nobody_waits_for_a_standard_input_that_stands_still(pool):  # noqa: F811
    waiting = subprocess.Popen([BIN, "-s", pool.state, "record", "load", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        waiting.stdin.write(b"a A 9.9.9.9\n")
        waiting.stdin.flush()
        while os.readlink(f"/proc/{waiting.pid}/exe") != str(BIN.resolve()):
            pass
        pool("member", "add", "alice", "--address", "9.9.9.9")
        waiting.stdin.close()
        assert waiting.wait(timeout=120) == 0
    finally:
        waiting.kill()
        waiting.wait()
    assert "a.pool.test." in pool("record", "list")
