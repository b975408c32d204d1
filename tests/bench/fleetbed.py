#!/usr/bin/env python3
"""A fleet in namespaces of its own, for the benchmark. Prints what was measured as one line of JSON.

use: fleetbed.py changes DIRECTORY FLEETLOAD EDGES RATE SECONDS MEMBERS
     fleetbed.py join DIRECTORY MEMBERS
"""
import concurrent.futures
import json
import os
import pathlib
import statistics
import sys
import threading
import time

sys.dont_write_bytecode = True
os.environ.setdefault("NTSPOOL_PRESET", "release")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
from fleet import Fleet, Member  # noqa: E402
from machine import Machine, enter_namespaces, run, until  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
AWAY_S = 15
COMMANDS = 9
EVERY = 10  # of so many changes, one is asked for
FIRST = -10  # of the engine's nodes and of the load: in earnest they share no cores with the edges


def table(directory, members):
    """A table for `member import`: m00000, m00001, ..."""
    rows = (f"m{i:05d},NL,10.{i >> 16}.{i >> 8 & 255}.{i & 255},," for i in range(members))
    path = directory / "members.csv"
    path.write_text("\n".join(["name,country,ipv4,ipv6,capacity_mbit", *rows, ""]))
    return path


def founded(machine, members):
    """A fleet of one admin with so many members, and the seconds that their import took before there was a fleet."""
    fleet = Fleet(machine)
    began = time.monotonic()
    fleet.admin.cli("member", "import", table(machine.directory, members), "--allow-private")
    took = time.monotonic() - began
    return fleet.found(), took


def joined(fleet, edges):
    """So many edges, level. They join one after the other, and then start together, since an edge's server waits for its keys. Their
    states lie in memory: in earnest each edge has a disk of its own, and none waits for the writes of the others."""
    names = [f"edge{i}" for i in range(edges)]
    for name in names:
        state = fleet.machine.directory / f"{name}.state"
        state.mkdir()
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", state)
    added = [fleet.add(name, serves=False, feeds=False) for name in names]
    for edge in added:
        edge.serves = edge.feeds = True
    with concurrent.futures.ThreadPoolExecutor(edges) as starts:
        list(starts.map(Member.up, added))
    fleet.level()
    return added


def engine_octets(fleet):
    """The largest of the nodes' stores, as they lie on the disk."""
    return max(sum(path.stat().st_size for path in node.directory.rglob("db")) for node in fleet.nodes)


def command_ms(fleet):
    """The median of a command about one member: it ends when the change is agreed and the edges have had time to say that they have it."""
    taken = []
    for i in range(COMMANDS):
        began = time.monotonic()
        fleet.admin.cli("member", "set", "m00001", "--capacity", 10 + i)
        taken.append((time.monotonic() - began) * 1000)
    return statistics.median(taken)


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_mb(pid, field):
    """RssAnon is what a process has for itself; VmHWM is the most that it ever had, with the pages of the store that it maps."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


class Peak(threading.Thread):
    """The most that a process has for itself, looked at every few milliseconds, which the kernel does not keep."""

    def __init__(self, pid):
        super().__init__()
        self.pid, self.mb, self.ended = pid, 0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.003):
            self.mb = max(self.mb, memory_mb(self.pid, "RssAnon"))

    def end(self):
        self.ended.set()
        self.join()
        return self.mb


def changes(machine, program, edges, rate, seconds, members):
    fleet, _ = founded(machine, members)
    added = joined(fleet, edges)
    facts = {"command_ms": command_ms(fleet)}
    for node in fleet.nodes:  # with its threads
        for task in os.listdir(f"/proc/{node.child.pid}/task"):
            os.setpriority(os.PRIO_PROCESS, int(task), FIRST)
    octets = engine_octets(fleet)
    feeds = [edge.feed.pid for edge in added]
    before = [cpu_s(pid) for pid in feeds]
    addresses = [edge.address for edge in added]
    said = fleet.admin.run("nice", "-n", FIRST, program, fleet.admin.state, rate, seconds, EVERY, members, *addresses, timeout=300)
    facts |= json.loads(said.stdout)
    facts["engine_octets"] = (engine_octets(fleet) - octets) / facts["changes"]
    facts["feed_cpu"] = max((cpu_s(pid) - was) / facts["seconds"] for pid, was in zip(feeds, before))
    facts["feed_mb"] = max(memory_mb(pid, "RssAnon") for pid in feeds)
    facts["feed_mapped_mb"] = max(memory_mb(pid, "VmHWM") for pid in feeds)
    return {**facts, **away(fleet, added)}


def away(fleet, edges):
    """All nodes die at once, and come back. The seconds from then until all edges answer with a change made since."""
    before = sum(edge.resyncs() for edge in edges)
    for node in fleet.nodes:
        node.child.kill()
        node.child.wait()
    time.sleep(AWAY_S)
    began = time.monotonic()
    for node in fleet.nodes:
        node.up()
    add = ("member", "add", "afterwards", "--address", "10.99.0.1", "--allow-private")
    until(lambda: fleet.admin.cli(*add, check=False).returncode == 0, 60, "a change is agreed again")
    for edge in edges:
        until(lambda: edge.shows("afterwards") == {"afterwards": "10.99.0.1"}, 120, f"{edge.name} has it")  # noqa: B023
    took = time.monotonic() - began
    return {"back_s": took, "resyncs": sum(edge.resyncs() for edge in edges) - before}


def join(machine, members):
    """An edge's joins: by its operator's command, and by its feed, when the history that it lacks is compacted."""
    fleet, imported = founded(machine, members)
    began = time.monotonic()
    edge = fleet.add("edge", feeds=False, serves=False)
    took = time.monotonic() - began
    assert len(edge.json("member", "list")) == members
    fleet.admin.cli("member", "set", "m00000", "--capacity", "7")
    revision = json.loads(fleet.ctl("get", "none", "-w", "json").stdout)["header"]["revision"]
    fleet.ctl("compact", revision)
    edge.feeds = True
    began = time.monotonic()
    edge.up()
    peak = Peak(edge.feed.pid)
    try:
        until(lambda: edge.position() == fleet.admin.position(), 120, "the feed has joined")
        resync = time.monotonic() - began
        until(lambda: edge.resyncs() == 1, 20, "it says so")
    finally:
        most = peak.end()
    return {"import_s": imported, "join_s": took, "resync_s": resync, "resync_mb": most,
            "resync_mapped_mb": memory_mb(edge.feed.pid, "VmHWM"), "after_mb": memory_mb(edge.feed.pid, "RssAnon")}


def main():
    what, directory, *words = sys.argv[1:]
    directory = pathlib.Path(directory)
    enter_namespaces(directory)
    machine = Machine(directory)
    try:
        if what == "join":
            facts = join(machine, int(words[0]))
        else:
            facts = changes(machine, words[0], *map(int, words[1:]))
    finally:
        machine.close()
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
