"""Real NTS servers as members, and a real client."""

import os
import socket

from machine import PARTS, part, run, until

_CHRONYD = "usr/sbin/chronyd"


def listens(address, port):
    """True if something listens on TCP there."""
    wanted = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return wanted in run("ss", "-Hltn").stdout.split()


def _shifted(shift):
    (library,) = PARTS.glob("usr/lib/*/faketime/libfaketime.so.1")
    return dict(os.environ, LD_PRELOAD=str(library), FAKETIME=shift)


def _muffler(address):
    """A socket that takes the NTP requests to an address and never reads one: Linux prefers a socket that is bound to the
    interface, too. chronyd's own `deny` would not do: it holds for NTS-KE as well."""
    taker = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taker.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    taker.bind((address, 123))
    return taker


class Chronyd:
    """chronyd with NTS on addresses of its own. The switches make it bad in one way each.

    synchronised=False: it has no time to give. silent=True: NTS-KE answers, NTP does not. shift: its clock is off, as
    faketime writes it ("+7s").
    """

    def __init__(self, machine, name, addresses, certificate, key, *, synchronised=True, silent=False, shift=None):
        self.machine = machine
        self.name = name
        self.addresses = addresses
        own = machine.directory / name
        own.mkdir()
        lines = [f"bindaddress {address}" for address in addresses] + [
            "allow",
            f"ntsservercert {certificate}",
            f"ntsserverkey {key}",
            "ntsport 4460",
            "ntsprocesses 1",
            f"ntsdumpdir {own}",
            f"pidfile {own}/pid",
            f"driftfile {own}/drift",
            "bindcmdaddress /",
            "cmdport 0",
        ]
        if synchronised:
            lines.append("local stratum 8")
        self.conf = machine.write(f"{name}/conf", "\n".join(lines) + "\n")
        self.environment = _shifted(shift) if shift else None
        self.process = None
        self.start()
        self.mufflers = [_muffler(address) for address in addresses] if silent else []

    def start(self):
        # -x: never touch the clock. -U -u root: no user of chrony's own is needed.
        self.process = self.machine.start(self.name, [part(_CHRONYD), "-d", "-x", "-U", "-u", "root", "-f", self.conf],
                                          env=self.environment)
        until(lambda: all(listens(address, 4460) for address in self.addresses), 10, f"{self.name} listens")

    def kill(self):
        self.process.kill()
        (self.machine.directory / self.name / "pid").unlink()


class Ntpsec:
    """ntpd of NTPsec with NTS. It takes port 4460 of all addresses, so it lives in a network of its own."""

    def __init__(self, machine, name, network, certificate, key):
        self.conf = machine.write(f"{name}.conf", "\n".join([
            "disable ntp", "tos orphan 8 orphanwait 1", "restrict default", "nts enable", f"nts cert {certificate}",
            f"nts key {key}", f"nts cookie {machine.directory}/{name}.cookie", f"driftfile {machine.directory}/{name}.drift",
        ]) + "\n")
        self.process = machine.start(name, network.wrap(part("usr/sbin/ntpd"), "-n", "-N", "-g", "-c",
                                                         self.conf, "-p", f"{machine.directory}/{name}.pid"))


def client_takes_time(machine, name, port, authority):
    """A chronyd client that trusts one CA and uses one server by name, once: its exit status and what it said."""
    return run(part(_CHRONYD), "-Q", "-x", "-U", "-u", "root", "-t", "8",
               f"server {name} nts ntsport {port} iburst maxsamples 1", f"ntstrustedcerts {authority}",
               "nosystemcert", "cmdport 0", "bindcmdaddress /", f"pidfile {machine.directory}/client.pid", check=False)
