"""What a large pool needs: the costs that a run measured, times the load of the NTP pool and of a hundred NTP pools."""

import os
import statistics
import struct

from sections import table

# Queries a second at peak, and servers (https://www.ntppool.org, 2026); two addresses each, three vantage points.
POOLS = {"NTP pool": (145_000, 5_700), "100 NTP pools": (14_500_000, 570_000)}
ADDRESSES, VANTAGES = 2, 3
CHANGES_A_DAY = 4  # of a member: two outages, each with an end

# From the other measurements on the page, on the same machine: tests/bench/probe --members 10000, tests/bench/report.
PROBE_CPU_S = 4.6 / 20_000  # of one address, with keys in force
KEY_CPU_S = 21.6 / 20_000  # of one address with its key establishment; then one about every 53 minutes
PROBE_DATAGRAMS, KEY_OCTETS = 2, 5_000
HISTORY_MB = 6900 / (4_000 * ADDRESSES * VANTAGES)  # of an address and vantage point in two years
SITE_MB = 559 / 4_000  # of a member

FRAME = 14 + 20 + 8 + 24  # Ethernet, IPv4, UDP; preamble, checksum and gap
PROBE_WAIT_S = 6  # of an address that is silent: three times 2 s
SILENT = 0.05  # of the addresses

# Bounds of the program (ARCHITECTURE.md).
PROBE_CORES, PROBES_AT_ONCE, JOURNAL_KB_A_S = 1, 2_000, 512 * 10
CHANGES_MEASURED = 100  # a second, the section on changes
VERDICT_OCTETS = 230  # with its sample


def query_octets(path):
    """The mean length of the messages in a query file."""
    data, at, lengths = path.read_bytes(), 0, []
    while at < len(data):
        length, = struct.unpack_from("!H", data, at)
        lengths.append(length)
        at += 2 + length
    return statistics.mean(lengths)


def number(value):
    return f"{value:,.0f}" if value >= 20 else f"{value:.2g}"


def rows_of(facts, queries, servers):
    """(what, arithmetic, value, our bound or None) for one pool."""
    cores = queries * facts["mix_us"] / 1e6
    probes = servers * ADDRESSES / 60
    changes = servers * CHANGES_A_DAY / 86400
    return [
        ("cores that answer, all busy", f"queries x {facts['mix_us']:.2f} µs", cores, None),
        ("cores to plan, half busy", "twice that", 2 * cores, None),
        ("Mbit/s in", f"queries x ({facts['query_octets']:.0f} + {FRAME}) octets", queries * (facts["query_octets"] + FRAME) * 8 / 1e6, None),
        ("Mbit/s out", f"queries x ({facts['mix_octets']:.0f} + {FRAME}) octets", queries * (facts["mix_octets"] + FRAME) * 8 / 1e6, None),
        ("MB resident of a server", f"{facts['base_mb']:.0f} MB + servers x {facts['member_kb']:.1f} KB",
         facts["base_mb"] + servers * facts["member_kb"] / 1000, None),
        ("changes a second", f"servers x {CHANGES_A_DAY} a day", changes, CHANGES_MEASURED),
        ("cores for them, of each server", f"changes x {facts['change_ms']:.1f} ms", changes * facts["change_ms"] / 1e3, None),
        ("probes a second, of each vantage point", f"servers x {ADDRESSES} / 60 s", probes, None),
        ("cores for probes, which are one thread", f"probes x {PROBE_CPU_S * 1e3:.2f} ms + keys x {KEY_CPU_S * 1e3:.2f} ms each 53 min",
         probes * PROBE_CPU_S + servers * ADDRESSES / (53 * 60) * KEY_CPU_S, PROBE_CORES),
        ("probes at once", f"probes x ({SILENT:.0%} x {PROBE_WAIT_S} s + the rest x 0.1 s)",
         probes * (SILENT * PROBE_WAIT_S + (1 - SILENT) * 0.1), PROBES_AT_ONCE),
        ("KB/s of a journal", f"probes x {VERDICT_OCTETS} octets", probes * VERDICT_OCTETS / 1e3, JOURNAL_KB_A_S),
        ("GB of state/history in two years", f"servers x {ADDRESSES} x {VANTAGES} x {HISTORY_MB:.2f} MB",
         servers * ADDRESSES * VANTAGES * HISTORY_MB / 1e3, None),
        ("GB of the website", f"servers x {SITE_MB:.2f} MB", servers * SITE_MB / 1e3, None),
    ]


def bound_cell(bound, value):
    return "" if bound is None else f"{number(bound)}: {number(bound / value)} NTP pools"


def large(facts, pool):
    """The lines of the page. Empty if the run has not measured all that it takes."""
    if not {"mix_us", "change_ms", "member_kb"} <= facts.keys():
        return []
    facts = facts | {"query_octets": query_octets(pool.directory / "mix.bin")}
    small, hundred = [rows_of(facts, *pool) for pool in POOLS.values()]
    rows = [[what, arithmetic, number(value), number(other[2]), bound_cell(bound, value)]
            for (what, arithmetic, value, bound), other in zip(small, hundred)]
    first = min((bound / value, what) for what, _, value, bound in small if bound)
    (queries, servers), *_ = POOLS.values()
    return ["### What a large pool needs", "",
            f"The load of the NTP pool ({queries:,} queries a second at peak, {servers:,} servers) and of a hundred of them, times the costs of this "
            f"run and of the sections on the probe and the website. The machine has {os.cpu_count()} cores; faster ones need less. Queries are "
            f"`mix` over sockets. Of our bounds, that of \"{first[1]}\" is met first, at {number(first[0])} NTP pools; several vantage points don't "
            "divide the members among them. A terabyte of history is no bound of the program, but of the disk.", "",
            *table(["what", "arithmetic", *POOLS, "our bound, met at"], rows)]
