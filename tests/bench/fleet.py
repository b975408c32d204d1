"""A fleet: from a change to the answers of all edges, the return of the engine, joins, and the sum of all traffic."""

import json
import subprocess

from sections import table
from servers import COMPILER, HERE, ROOT, call

EDGES, RATE, SECONDS, MEMBERS = 50, 100, 15, 4000
FEW = 5  # edges for which there is room on two cores at that rate
JOINED = (4000, 100_000)
SUMMED = 200  # machines whose traffic is added up


def bed(bench, what, *words):
    directory = bench.work / f"fleet-{len(list(bench.work.glob('fleet-*')))}"
    directory.mkdir()
    return json.loads(call("/usr/bin/python3", HERE / "fleetbed.py", what, directory, *words, stdout=subprocess.PIPE).stdout)


def build(work, name):
    archives = [ROOT / f"build/release/lib{library}.a" for library in ("fleet", "zone")]
    call(*COMPILER, "-flto", "-pthread", f"-I{ROOT}", "-o", work / name, HERE / f"{name}.c", *archives, "-lcurl", "-lcrypto", "-lsodium",
         "-llmdb", "-lm")
    return work / name


def latency_table(facts):
    rows = [[name, *[f"{value:.1f}" for value in facts[key]]] for name, key in
            (("the engine has acknowledged it", "ack"), ("a bare watch has told of it", "watch"), ("an edge answers with it", "answer"))]
    return table(["until", "p50", "p99", "maximum"], rows)


def figures(facts):
    return (f"{facts['changes']} changes in {facts['seconds']:.0f} s; {facts['answers']} answers, {facts['missing_answers']} never came. "
            f"`member set` took {facts['command_ms']:.0f} ms. The engine's store grew by {facts['engine_octets'] / 1000:.1f} KB a change. "
            f"ntspool-feedd: {facts['feed_mb']:.0f} MB, {facts['feed_mapped_mb']:.0f} MB with the pages of the store that it maps; "
            f"{100 * facts['feed_cpu']:.1f} % of a core.")


def many(bench, load):
    """All edges: more than two cores have room for at that rate, so that the rate is part of the result."""
    facts = bed(bench, "changes", load, EDGES, RATE, SECONDS, MEMBERS)
    answer, watch = facts["answer"], facts["watch"]
    rate = facts["changes"] / facts["seconds"]
    bench.bar(f"change to answers of all of {EDGES} edges, {MEMBERS:,} members: changes a second; p50; p99",
              f"{RATE}; < 50 ms; < 500 ms", f"{rate:.0f}; {answer[0]:.1f}; {answer[1]:.1f}",
              rate >= 0.95 * RATE and answer[0] < 50 and answer[1] < 500 and facts["missing_answers"] == 0)
    ratios = [answer[i] / watch[i] for i in (0, 1)]
    bench.bar(f"the same to that of bare watches of the engine, {EDGES} edges: p50; p99", "<= 3", f"{ratios[0]:.2f}; {ratios[1]:.2f}",
              max(ratios) <= 3)
    bench.bar(f"the engine was away: {EDGES} edges have a change made since; resyncs", "< 30 s; 0",
              f"{facts['back_s']:.1f} s; {facts['resyncs']}", facts["back_s"] < 30 and facts["resyncs"] == 0)
    return [f"A fleet on these two cores: 3 nodes of etcd, an admin, {EDGES} edges with ntspoold and ntspool-feedd. Engine and writer have "
            "the cores first (nice), and the states of edges lie in memory, since in earnest each has cores and a disk of its own. Each "
            "change is the address of another member; of every tenth, each edge was asked until it answered with it.", "", figures(facts),
            "", "Milliseconds since the change began:", "", *latency_table(facts)]


def few(bench, load):
    facts = bed(bench, "changes", load, FEW, RATE, SECONDS, MEMBERS)
    rate = facts["changes"] / facts["seconds"]
    answer = facts["answer"]
    bench.bar(f"change to answers of {FEW} edges, {rate:.0f} changes a second: p50; p99", "< 50 ms; < 500 ms",
              f"{answer[0]:.1f}; {answer[1]:.1f}", answer[0] < 50 and answer[1] < 500 and facts["missing_answers"] == 0)
    bench.bar(f"ntspool-feedd follows, {MEMBERS:,} members: its own memory; its CPU at {rate:.0f} changes a second",
              "< 40 MB; < 5 % of a core", f"{facts['feed_mb']:.0f} MB; {100 * facts['feed_cpu']:.1f} %",
              facts["feed_mb"] < 40 and facts["feed_cpu"] < 0.05)
    return [f"The same with {FEW} edges. {figures(facts)}", "", *latency_table(facts)]


def joins(bench):
    rows = []
    for members in JOINED:
        facts = bed(bench, "join", members)
        ratio = facts["join_s"] / facts["import_s"]
        bench.bar(f"`fleet join` with {members:,} members, to their `member import`", "< 10", f"{ratio:.2f}", ratio < 10)
        bench.bar(f"ntspool-feedd joins, {members:,} members: its own memory, the most", "< 40 MB", f"{facts['resync_mb']:.0f} MB",
                  facts["resync_mb"] < 40)
        rows.append([f"{members:,}", *[f"{facts[key]:.2f}" for key in ("import_s", "join_s", "resync_s")],
                     *[f"{facts[key]:.0f}" for key in ("resync_mb", "after_mb", "resync_mapped_mb")]])
    return ["Seconds of an import, of a join by command, with the token, and of one by the feed, from its start. Then MB that "
            "ntspool-feedd has for itself (RssAnon): the most while it joins, and afterwards; and the most with the pages of the store "
            "that it maps (VmHWM), which are the page cache's:", "",
            *table(["members", "`member import`", "`fleet join`", "ntspool-feedd", "joining", "following", "with the store"], rows)]


def traffic(bench):
    directory = bench.work / "traffic"
    directory.mkdir()
    facts = json.loads(call(build(bench.work, "fleetsum"), directory, SUMMED, MEMBERS, stdout=subprocess.PIPE).stdout)
    grown = facts["after_mb"] - facts["before_mb"]
    return [f"What {SUMMED} machines told of their traffic, with {MEMBERS:,} members and all cells that fit, is "
            f"{facts['octets'] / 1e6:.1f} MB; the sum takes {facts['ms']:.0f} ms and {grown:.0f} MB, with the store's pages.", ""]


def fleet(bench):
    load = build(bench.work, "fleetload")
    lines = many(bench, load) + few(bench, load) + joins(bench) + traffic(bench)
    return [*lines, "An edge that is cut off for 80 days: `a_follower_that_is_cut_off_rolls_in_step` in "
            "`tests/unit/server/keys/test_keymgr.c` holds it to rolling its keys in step.", ""]
