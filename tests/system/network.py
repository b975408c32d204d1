"""Another host: a network namespace that a pair of virtual interfaces ties to ours."""

from machine import run, until


class Network:
    """Hosts are .1 (ours) and .2 (the other) of a /24 and a /64."""

    def __init__(self, machine, name, number):
        self.ours, self.address = f"10.77.{number}.1", f"10.77.{number}.2"
        self.address6 = f"fd77:{number}::2"
        self.holder = machine.start(name, ["unshare", "--net", "sleep", "infinity"])
        until(self._unshared, 5, f"{name} has a network")
        here, there = f"{name}0", f"{name}1"
        run("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", str(self.holder.pid))
        run("ip", "address", "add", f"{self.ours}/24", "dev", here)
        run("ip", "address", "add", f"fd77:{number}::1/64", "dev", here, "nodad")
        run("ip", "link", "set", here, "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"{self.address}/24", "dev", there)
        self.run("ip", "address", "add", f"{self.address6}/64", "dev", there, "nodad")
        self.run("ip", "link", "set", there, "up")

    def _unshared(self):
        with open("/proc/self/ns/net", "rb"):
            pass
        import os
        return os.readlink(f"/proc/{self.holder.pid}/ns/net") != os.readlink("/proc/self/ns/net")

    def wrap(self, *argv):
        """The command line that runs there."""
        return ["nsenter", "--target", str(self.holder.pid), "--net", *argv]

    def run(self, *argv, **options):
        return run(*self.wrap(*argv), **options)
