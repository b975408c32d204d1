"""A fleet: from a change to the answers of all edges, joins, and the return of the engine."""

import json
import subprocess
import sys

from sections import table
from servers import COMPILER, HERE, ROOT, call

EDGES, RATE, SECONDS, MEMBERS, JOINED = 50, 100, 20, 4000, 100_000


def bed(bench, name, *words):
    directory = bench.work / name
    directory.mkdir()
    return json.loads(call(sys.executable, HERE / "fleetbed.py", name, directory, *words, stdout=subprocess.PIPE).stdout)


def build(work):
    libraries = [ROOT / f"build/release/lib{name}.a" for name in ("fleet", "zone")]
    call(*COMPILER, "-flto", "-pthread", f"-I{ROOT}", "-o", work / "fleetload", HERE / "fleetload.c", *libraries, "-lcurl", "-lcrypto",
         "-lsodium", "-llmdb", "-lm")
    return work / "fleetload"


def changes(bench):
    facts = bed(bench, "changes", build(bench.work), EDGES, RATE, SECONDS, MEMBERS)
    rate = facts["changes"] / facts["seconds"]
    answer, watch = facts["answer"], facts["watch"]
    where = f"all of {EDGES} edges, {rate:.0f} changes a second, {MEMBERS:,} members"
    bench.bar(f"change to answers of {where}: p50; p99", "< 50 ms; < 500 ms", f"{answer[0]:.1f}; {answer[1]:.1f}",
              answer[0] < 50 and answer[1] < 500 and facts["missing_answers"] == 0)
    ratios = [answer[i] / watch[i] for i in (0, 1)]
    bench.bar("the same to that of bare watches of the engine: p50; p99", "<= 3", f"{ratios[0]:.2f}; {ratios[1]:.2f}",
              max(ratios) <= 3)
    bench.bar(f"memory of ntspool-feedd; its CPU at {rate:.0f} changes a second", "< 40 MB; < 5 % of a core",
              f"{facts['feed_mb']:.0f} MB; {100 * facts['feed_cpu']:.1f} %", facts["feed_mb"] < 40 and facts["feed_cpu"] < 0.05)
    bench.bar(f"the engine was away: {EDGES} edges have a change made since; resyncs", "< 30 s; 0",
              f"{facts['back_s']:.1f} s; {facts['resyncs']}", facts["back_s"] < 30 and facts["resyncs"] == 0)
    rows = [[name, *[f"{value:.1f}" for value in facts[key]]] for name, key in
            (("the engine has acknowledged it", "ack"), ("a bare watch has told of it", "watch"), ("an edge answers with it", "answer"))]
    return [f"A fleet on these two cores: 3 nodes of etcd, an admin, {EDGES} edges with ntspoold and ntspool-feedd. {facts['changes']} "
            f"changes in {facts['seconds']:.0f} s, each the address of another member; of every tenth, each edge was asked until it "
            f"answered ({facts['answers']} answers, {facts['missing_answers']} never came). Milliseconds since the change began:", "",
            *table(["until", "p50", "p99", "maximum"], rows)]


def joins(bench):
    facts = bed(bench, "join", JOINED)
    ratio = facts["join_s"] / facts["import_s"]
    bench.bar(f"`fleet join` with {JOINED:,} members, to their `member import`", "< 10", f"{ratio:.2f}", ratio < 10)
    return [f"Joining with {JOINED:,} members took {facts['join_s']:.1f} s, with the token; their import {facts['import_s']:.1f} s.", ""]


def fleet(bench):
    return changes(bench) + joins(bench)
