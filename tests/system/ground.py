"""Several hosts on one machine: each with a network of its own, joined by a bridge; and what can happen to the network between them.

A packet that is cut off disappears silently, as on a broken line: no error, no reset. The tests' own network is on the bridge too and
is never cut off.
"""

import os

from machine import Machine, run, until

SUBNET = "10.78.0"
OURS = f"{SUBNET}.1"
BRIDGE = "bridge0"


class Host(Machine):
    """A host at one address. Its processes are those of the machine that it is on, which ends them."""

    def __init__(self, ground, name, number):
        super().__init__(ground.machine.directory)
        self.name, self.address = name, f"{SUBNET}.{number}"
        self.processes = ground.machine.processes
        self.link = f"to{number}"
        self.holder = ground.machine.start(f"{name}-network", ["unshare", "--net", "sleep", "infinity"])
        until(self._unshared, 20, f"{name} has a network")
        run("ip", "link", "add", self.link, "type", "veth", "peer", "name", "uplink", "netns", self.holder.pid)
        run("ip", "link", "set", self.link, "master", BRIDGE, "up")
        for words in (("link", "set", "lo", "up"), ("address", "add", f"{self.address}/24", "dev", "uplink"),
                      ("link", "set", "uplink", "up"),
                      # What is for this host is looked up after the rules by which it is deaf.
                      ("rule", "add", "pref", "10", "lookup", "local"), ("rule", "del", "pref", "0")):
            self.run("ip", *words)
        self.deaf = set()  # addresses

    def _unshared(self):
        return os.readlink(f"/proc/{self.holder.pid}/ns/net") != os.readlink("/proc/self/ns/net")

    def wrap(self, *argv):
        """The command line that runs `argv` on this host."""
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *argv]

    def run(self, *argv, **options):
        return run(*self.wrap(*argv), **options)

    def start(self, name, argv, **options):
        return super().start(f"{self.name}-{name}", self.wrap(*argv), **options)

    def deafen(self, *others):
        """Packets from the others no longer arrive here."""
        for address in {other.address for other in others} - self.deaf - {self.address}:
            self.run("ip", "rule", "add", "pref", "5", "from", address, "blackhole")
            self.deaf.add(address)

    def hear(self):
        for address in self.deaf:
            self.run("ip", "rule", "del", "pref", "5", "from", address, "blackhole")
        self.deaf = set()

    def slow(self, rate="200kbit"):
        """What leaves this host queues up before a narrow line."""
        self.run("tc", "qdisc", "replace", "dev", "uplink", "root", "tbf", "rate", rate, "burst", "4kb", "latency", "2s")

    def quicken(self):
        self.run("tc", "qdisc", "del", "dev", "uplink", "root", check=False)


class Ground:
    def __init__(self, machine):
        self.machine, self.hosts = machine, {}
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "address", "add", f"{OURS}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")

    def host(self, name):
        self.hosts[name] = Host(self, name, len(self.hosts) + 11)
        return self.hosts[name]

    def cut(self, ones, others, both=True):
        """Nothing of `ones` arrives at `others`, and nothing the other way if `both`."""
        for other in others:
            other.deafen(*ones)
        for one in ones if both else ():
            one.deafen(*others)

    def heal(self):
        for host in self.hosts.values():
            host.hear()
            host.quicken()

    def close(self):
        for link in [BRIDGE, *(host.link for host in self.hosts.values())]:
            run("ip", "link", "delete", "dev", link)
