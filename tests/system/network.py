"""Another host: a network namespace with a link to ours, either a cable or a line that loses packets."""

import json
import os
import sys
from pathlib import Path

import pytest

from machine import run, until


class Network:
    """The hosts are .1 (ours) and .2 (the other) in a /24, and 1 and 2 in a /64."""

    def __init__(self, machine, name, number):
        self.machine = machine
        self.name = name
        self.subnet, self.subnet6 = f"10.77.{number}", f"fd77:{number}:"
        self.ours, self.address = f"{self.subnet}.1", f"{self.subnet}.2"
        self.address6 = f"{self.subnet6}:2"
        self.holder = machine.start(name, ["unshare", "--net", "sleep", "infinity"])
        until(self._unshared, 20, f"{name} has a network")
        self.here, self.there = f"{name}0", f"{name}1"
        self._tie()
        run("ip", "address", "add", f"{self.ours}/24", "dev", self.here)
        run("ip", "address", "add", f"{self.subnet6}:1/64", "dev", self.here, "nodad")
        run("ip", "link", "set", self.here, "up")
        self.run("ip", "link", "set", "lo", "up")
        self.add_address(self.address)
        self.add_address(self.address6)
        self.run("ip", "link", "set", self.there, "up")

    def _tie(self):
        run("ip", "link", "add", self.here, "type", "veth", "peer", "name", self.there, "netns", str(self.holder.pid))

    def _unshared(self):
        return os.readlink(f"/proc/{self.holder.pid}/ns/net") != os.readlink("/proc/self/ns/net")

    def add_address(self, address):
        bits = ["64", "nodad"] if ":" in address else ["24"]
        self.run("ip", "address", "add", f"{address}/{bits[0]}", "dev", self.there, *bits[1:])

    def wrap(self, *argv):
        """The command line that runs `argv` on the other host."""
        return ["nsenter", "--target", str(self.holder.pid), "--net", *argv]

    def run(self, *argv, **options):
        return run(*self.wrap(*argv), **options)


class LossyNetwork(Network):
    """Loses each packet between the hosts, in either direction, with a probability of `percent`. A process (lossy_line.py) carries
    the packets between two tunnel devices and drops some. To the kernel on both sides this is an ordinary network."""

    def __init__(self, machine, name, number, percent):
        if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            pytest.skip("no /dev/net/tun here: nothing to lose packets on")
        self.percent = percent
        super().__init__(machine, name, number)

    def _tie(self):
        self.counts = self.machine.directory / f"{self.name}.counts"
        line = self.machine.start(f"{self.name}-line", [
            sys.executable, Path(__file__).parent / "lossy_line.py", self.here, self.there, str(self.holder.pid),
            str(self.percent), self.subnet, self.counts])
        line.said("carrying", 10)

    def carried(self):
        """The numbers of packets carried and lost so far, by protocol."""
        return json.loads(self.counts.read_text())
