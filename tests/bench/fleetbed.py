#!/usr/bin/env python3
"""A fleet in namespaces of its own, for the benchmark. Prints what was measured as one line of JSON.

use: fleetbed.py changes DIRECTORY FLEETLOAD EDGES RATE SECONDS MEMBERS
     fleetbed.py join DIRECTORY MEMBERS
"""
import json
import os
import pathlib
import sys
import time

sys.dont_write_bytecode = True
os.environ.setdefault("NTSPOOL_PRESET", "release")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
from fleet import Fleet  # noqa: E402
from machine import Machine, enter_namespaces, until  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
AWAY_S = 15


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


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_mb(pid):
    """The most that it ever had."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def changes(machine, program, edges, rate, seconds, members):
    fleet, _ = founded(machine, members)
    added = [fleet.add(f"edge{i}") for i in range(edges)]
    fleet.level()
    feeds = [edge.feed.pid for edge in added]
    before = [cpu_s(pid) for pid in feeds]
    said = fleet.admin.run(program, fleet.admin.state, rate, seconds, 10, members, *(edge.address for edge in added), timeout=300)
    facts = json.loads(said.stdout)
    facts["feed_cpu"] = max((cpu_s(pid) - was) / facts["seconds"] for pid, was in zip(feeds, before))
    facts["feed_mb"] = max(memory_mb(pid) for pid in feeds)
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
    fleet, imported = founded(machine, members)
    began = time.monotonic()
    edge = fleet.add("edge", feeds=False, serves=False)
    took = time.monotonic() - began
    assert len(edge.json("member", "list")) == members
    return {"import_s": imported, "join_s": took}


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
