"""Commands: whether what touches one member takes as long in a large pool as in a small one, and the signed export on two cores."""

import re
import statistics
import subprocess
import time

import generate
from sections import table
from servers import BIN, COMPILER, HERE, ROOT, Server, call

SIZES = (1000, 1_000_000)
EXPORTED = 100_000
ROUNDS = 15
# Those of one member, and some that read all members. {i}: the number of the round.
ONE = ["member show m00007", "member add new{i} --address 10.1.{i}.200 --allow-private", "member set new{i} --capacity 7",
       "member override new{i} ineligible", "member suspend new{i}", "member remove new{i} --yes", "zone set ttl 36{i:02d}", "key list"]
ALL = ["status", "member list --in-state suspended"]


class State:
    """A pool of its own with the given number of members, all eligible by an override, and its commands."""

    def __init__(self, directory, members, *options):
        directory.mkdir()
        self.members, self.directory = members, directory / "state"
        rows = (f"m{i:05d},{list(generate.SHARES)[i % len(generate.SHARES)]},10.{i >> 8 & 255}.{i & 255}.{i >> 16},"
                f"2001:db8:{i & 65535:x}::{i >> 16:x},{generate.CAPACITIES[i % 9]}" for i in range(members))
        (directory / "members.csv").write_text("\n".join(["name,country,ipv4,ipv6,capacity_mbit", *rows, ""]))
        self.run("init", "pool.test", "--ns", "ns1.pool.test=127.0.0.1", "--ns", "ns2.pool.test=127.0.0.2", *options)
        self.run("member", "import", "--allow-private", directory / "members.csv")
        self.run("member", "override", "--all", "eligible")

    def run(self, *words, prefix=()):
        """Milliseconds of one command."""
        began = time.monotonic()
        call(*prefix, BIN / "ntspool", "--state", self.directory, *words, stdout=subprocess.DEVNULL)
        return (time.monotonic() - began) * 1000

    def serve(self, log):
        server = Server("ntspoold", log)
        return server.run([BIN / "ntspoold", "--state", self.directory, "--listen", f"127.0.0.1@{server.port}", "--workers", 1])


def compared(small, large, command, rounds):
    """The median times in both pools, and the median of the ratio of neighbours."""
    taken = [[state.run(*command.format(i=i).split()) for state in (small, large)] for i in range(rounds)]
    return [statistics.median(column) for column in zip(*taken)] + [statistics.median(b / a for a, b in taken)]


def unread(state):
    """The time of a command that must read its stores whole, because nobody vouches for them."""
    for voucher in state.directory.glob("*/voucher"):
        voucher.unlink()
    return state.run("member", "show", "m00007")


def sizes(bench):
    states = [State(bench.work / f"commands-{members}", members) for members in SIZES]
    servers = [bench.started(state.serve(bench.log)) for state in states]
    time.sleep(1)  # the feeds are written, the stores rest
    first = [unread(state) for state in states]
    rows = [[command.split(" --")[0].replace("{i}", "N").replace("{i:02d}", "N"), *[f"{ms:.1f}" for ms in (small, large)], f"{ratio:.2f}"]
            for command in ONE for small, large, ratio in [compared(*states, command, ROUNDS)]]
    shown = float(rows[0][-1])
    bench.bar("`member show`, 1,000,000 members to 1,000", "<= 2", f"{shown:.2f}", shown <= 2)
    slowest = max(rows, key=lambda row: float(row[-1]))
    bench.bar("the slowest other command about one member, 1,000,000 to 1,000", "<= 2", f"{slowest[-1]} (`{slowest[0]}`)",
              float(slowest[-1]) <= 2)
    rows += [[command, *[f"{ms:.1f}" for ms in (small, large)], f"{ratio:.0f}"]
             for command in ALL for small, large, ratio in [compared(*states, command, 3)]]
    for server in servers:
        bench.stop(server)
    return [f"Commands beside a running server, ms; the median of {ROUNDS}, and of the ratio of neighbours. The last two read all members. "
            f"A command that must first read its stores whole, once a boot, took {first[0]:.0f} and {first[1]:.0f} ms:", "",
            *table(["command", *[f"{size:,} members" for size in SIZES], "ratio"], rows)]


def bare(bench, algorithm):
    """Microseconds of a signature by itself, on one core."""
    return float(call("taskset", "-c", "0", bench.work / "bare", algorithm, stdout=subprocess.PIPE).stdout)


def export_of(bench, algorithm):
    """One row: seconds of the export on two cores, of its signatures by themselves, and the ratio; seconds on one core."""
    state = State(bench.work / f"export-{algorithm}", EXPORTED, "--algorithm", algorithm)
    zone = bench.work / f"{algorithm}.zone"
    taken = []
    for _ in range(3):
        before = bare(bench, algorithm)
        two = state.run("zone", "export", "--signed", zone, prefix=("taskset", "-c", "0,1")) / 1000
        taken.append((two, (before + bare(bench, algorithm)) / 2))
    count = len(re.findall(rb"\tRRSIG\t", zone.read_bytes()))
    one = state.run("zone", "export", "--signed", zone, prefix=("taskset", "-c", "0")) / 1000
    zone.unlink()
    ratio = statistics.median(two / (each * count / 1e6) for two, each in taken)
    bench.bar(f"signed export of {EXPORTED:,} members on two cores, {algorithm}, to its bare signatures on one", "<= 0.8", f"{ratio:.2f}",
              ratio <= 0.8)
    two, each = [statistics.median(column) for column in zip(*taken)]
    return [algorithm, f"{count:,}", f"{each:.1f}", f"{each * count / 1e6:.1f}", f"{two:.1f}", f"{ratio:.2f}", f"{one:.1f}"]


def export(bench):
    libraries = [ROOT / f"build/release/lib{name}.a" for name in ("dnssec", "zone")]
    call(*COMPILER, "-flto", f"-I{ROOT}", "-o", bench.work / "bare", HERE / "bare.c", *libraries, "-lsodium", "-llmdb", "-lcrypto", "-lm")
    rows = [export_of(bench, algorithm) for algorithm in ("ecdsap256", "ed25519")]
    return [f"`zone export --signed` of {EXPORTED:,} members; a bare signature is `key_sign` over 96 octets on one core, right before and "
            "after each of three exports:", "",
            *table(["algorithm", "RRSIGs", "one bare, µs", "all bare, s", "on two cores, s", "ratio", "on one core, s"], rows)]


def commands(bench):
    return sizes(bench) + export(bench)
