"""Real NTS servers as members, and a real NTS client."""

import os
import platform
import socket
from pathlib import Path

from machine import NEWER, PARTS, part, run, until

_CHRONYD = "usr/sbin/chronyd"


def listens(address, port, network=None):
    """True if a program listens on this TCP port."""
    wanted = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return wanted in (network.run if network else run)("ss", "-Hltn").stdout.split()


def newer(path):
    """The command that runs a program of a newer Debian with its own libraries. None if tests/run did not unpack it."""
    library = NEWER / "usr/lib" / f"{platform.machine()}-linux-gnu"
    (loader,) = library.glob("ld-linux*") if library.exists() else (None,)
    return [loader, "--library-path", library, NEWER / path] if loader and (NEWER / path).exists() else None


def _shifted(shift):
    (library,) = PARTS.glob("usr/lib/*/faketime/libfaketime.so.1")
    return dict(os.environ, LD_PRELOAD=str(library), FAKETIME=shift)


def _muffler(address):
    """A socket that receives the NTP requests to an address and never reads them. It is also bound to the interface, so Linux
    prefers it to chronyd's socket. chronyd's own `deny` is no alternative, since it applies to NTS-KE too."""
    taker = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taker.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    taker.bind((address, 123))
    return taker


class Chronyd:
    """chronyd with NTS on its own addresses. Each of the first three options causes one fault.

    synchronised=False: it has no time source. silent=True: NTS-KE answers, NTP does not. shift: its clock is wrong by this
    much, in faketime's notation ("+7s"). program: another chronyd (`newer`). network: runs it there instead of in ours.
    options: more lines for its configuration. nts: its lines for NTS, instead of those made for certificate and key; they may have another port.
    """

    def __init__(self, machine, name, addresses, certificate, key, *, synchronised=True, silent=False, shift=None, program=None,
                 network=None, options=(), nts=None, port=4460):
        self.machine = machine
        self.name = name
        self.addresses = addresses
        self.program = program or [part(_CHRONYD)]
        self.network = network
        self.port = port
        self.own = own = machine.directory / name
        own.mkdir()
        nts = nts or ["allow", f"ntsservercert {certificate}", f"ntsserverkey {key}", "ntsport 4460"]
        lines = [f"bindaddress {address}" for address in addresses] + [
            *nts,
            "ntsprocesses 1",
            f"ntsdumpdir {own}",
            f"pidfile {own}/pid",
            f"driftfile {own}/drift",
            "bindcmdaddress /",
            "cmdport 0",
            *options,
        ]
        if synchronised:
            lines.append("local stratum 8")
        self.conf = machine.write(f"{name}/conf", "\n".join(lines) + "\n")
        self.environment = _shifted(shift) if shift else None
        self.process = None
        self.start()
        self.mufflers = [_muffler(address) for address in addresses] if silent else []

    def start(self):
        # -x: never set the clock. -U -u root: needs no user for chrony.
        argv = [*self.program, "-d", "-x", "-U", "-u", "root", "-f", self.conf]
        self.process = self.machine.start(self.name, self.network.wrap(*argv) if self.network else argv, env=self.environment)
        until(lambda: all(listens(address, self.port, self.network) for address in self.addresses), 10, f"{self.name} listens")

    def kill(self):
        self.process.kill()
        (self.own / "pid").unlink()

    def restart(self):
        """An ordinary restart: it keeps its cookie keys."""
        self.process.stop()
        self.start()

    def forget(self):
        """A crash: it starts again with new keys, so all old cookies are invalid."""
        self.kill()
        (self.own / "ntskeys").unlink(missing_ok=True)
        self.start()


class Ntpsec:
    """NTPsec's ntpd with NTS. It binds port 4460 on all addresses, so it runs in its own network."""

    def __init__(self, machine, name, network, certificate, key, program=None, nts=None):
        self.machine = machine
        self.name = name
        self.cookie = machine.directory / f"{name}.cookie"
        nts = nts or ["nts enable", f"nts cert {certificate}", f"nts key {key}", f"nts cookie {self.cookie}"]
        self.conf = machine.write(f"{name}.conf", "\n".join([
            "disable ntp", "tos orphan 8 orphanwait 1", "restrict default", "limit average 1000 burst 1000", *nts,
            f"driftfile {machine.directory}/{name}.drift",
        ]) + "\n")
        self.command = network.wrap(*(program or [part("usr/sbin/ntpd")]), "-n", "-N", "-g", "-c", self.conf, "-p",
                                    f"{machine.directory}/{name}.pid")
        self.start()

    def start(self):
        self.process = self.machine.start(self.name, self.command)

    def restart(self):
        """A restart with a cookie key older than a day: it makes a new key and keeps the old one."""
        self.process.stop()
        lines = self.cookie.read_text().splitlines()
        (made,) = (line for line in lines if line.startswith("T: "))
        self.cookie.write_text("\n".join([f"T: {int(made[3:]) - 90000}", *(line for line in lines if line != made)]) + "\n")
        self.start()

    def forget(self):
        """A crash: it starts again with new keys, so all old cookies are invalid."""
        self.process.kill()
        self.cookie.unlink()
        self.start()


class NtpdRs:
    """ntp-daemon of ntpd-rs, from a newer Debian. It serves no client until it has set the clock from a source, so a library
    (still_clock.c) makes its calls to set the clock do nothing."""

    def __init__(self, machine, name, addresses, certificate, key, *, program, network, source, nts=None):
        self.machine = machine
        self.name = name
        self.network = network
        self.keys = machine.directory / f"{name}.keys"
        still = machine.directory / "still_clock.so"
        run("cc", "-shared", "-fPIC", "-o", still, Path(__file__).parent / "still_clock.c")
        tables = [f'[[source]]\nmode = "server"\naddress = "{source}"', *(nts or [])]
        for address in addresses if not nts else ():
            host = f"[{address}]" if ":" in address else address
            tables.append(f'[[server]]\nlisten = "{host}:123"')
            tables.append(f'[[nts-ke-server]]\nlisten = "{host}:4460"\ncertificate-chain-path = "{certificate}"\n'
                          f'private-key-path = "{key}"')
        tables.append("[synchronization]\nminimum-agreeing-sources = 1")
        tables.append(f'[keyset]\nkey-storage-path = "{self.keys}"\nkey-rotation-interval = 5')
        conf = machine.write(f"{name}.toml", "\n".join(tables) + "\n")
        self.command = network.wrap(program[0], "--preload", still, *program[1:], "-c", conf)
        self.start()

    def start(self):
        self.process = self.machine.start(self.name, self.command)

    def restart(self):
        self.process.stop()
        self.start()

    def forget(self):
        """A crash: it starts again with new keys, so all old cookies are invalid."""
        self.process.kill()
        self.keys.unlink(missing_ok=True)
        self.start()


def client_takes_time(machine, name, port, authority):
    """Runs chronyd once as a client that trusts one CA and uses one server by name; returns the finished process."""
    return run(part(_CHRONYD), "-Q", "-x", "-U", "-u", "root", "-t", "8",
               f"server {name} nts ntsport {port} iburst maxsamples 1", f"ntstrustedcerts {authority}",
               "nosystemcert", "cmdport 0", "bindcmdaddress /", f"pidfile {machine.directory}/client.pid", check=False)
