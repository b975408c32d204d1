"""Real NTS servers as members, and a real client."""

import os
import platform
import socket
from pathlib import Path

from machine import NEWER, PARTS, part, run, until

_CHRONYD = "usr/sbin/chronyd"


def listens(address, port, network=None):
    """True if something listens on TCP there."""
    wanted = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return wanted in (network.run if network else run)("ss", "-Hltn").stdout.split()


def newer(path):
    """The command that runs a program of a newer Debian's, with the libraries it came with; None where tests/run unpacked none."""
    library = NEWER / "usr/lib" / f"{platform.machine()}-linux-gnu"
    (loader,) = library.glob("ld-linux*") if library.exists() else (None,)
    return [loader, "--library-path", library, NEWER / path] if loader and (NEWER / path).exists() else None


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
    """chronyd with NTS on addresses of its own. Each switch gives it one fault.

    synchronised=False: it has no time to give. silent=True: NTS-KE answers, NTP does not. shift: its clock is off, as
    faketime writes it ("+7s"). program: another chronyd (`newer`). network: where it runs, if not here. options: further
    lines of its configuration.
    """

    def __init__(self, machine, name, addresses, certificate, key, *, synchronised=True, silent=False, shift=None, program=None,
                 network=None, options=()):
        self.machine = machine
        self.name = name
        self.addresses = addresses
        self.program = program or [part(_CHRONYD)]
        self.network = network
        self.own = own = machine.directory / name
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
        # -x: never touch the clock. -U -u root: no user of chrony's own is needed.
        argv = [*self.program, "-d", "-x", "-U", "-u", "root", "-f", self.conf]
        self.process = self.machine.start(self.name, self.network.wrap(*argv) if self.network else argv, env=self.environment)
        until(lambda: all(listens(address, 4460, self.network) for address in self.addresses), 10, f"{self.name} listens")

    def kill(self):
        self.process.kill()
        (self.own / "pid").unlink()

    def restart(self):
        """As its operator does it: it keeps the keys of its cookies."""
        self.process.stop()
        self.start()

    def forget(self):
        """It crashes and comes back with new keys: all cookies are worthless."""
        self.kill()
        (self.own / "ntskeys").unlink(missing_ok=True)
        self.start()


class Ntpsec:
    """ntpd of NTPsec with NTS. It takes port 4460 of all addresses, so it lives in a network of its own."""

    def __init__(self, machine, name, network, certificate, key, program=None):
        self.machine = machine
        self.name = name
        self.cookie = machine.directory / f"{name}.cookie"
        self.conf = machine.write(f"{name}.conf", "\n".join([
            "disable ntp", "tos orphan 8 orphanwait 1", "restrict default", "limit average 1000 burst 1000", "nts enable",
            f"nts cert {certificate}", f"nts key {key}", f"nts cookie {self.cookie}",
            f"driftfile {machine.directory}/{name}.drift",
        ]) + "\n")
        self.command = network.wrap(*(program or [part("usr/sbin/ntpd")]), "-n", "-N", "-g", "-c", self.conf, "-p",
                                    f"{machine.directory}/{name}.pid")
        self.start()

    def start(self):
        self.process = self.machine.start(self.name, self.command)

    def restart(self):
        """It finds that its keys are over a day old: makes a new one, keeps the last."""
        self.process.stop()
        lines = self.cookie.read_text().splitlines()
        (made,) = (line for line in lines if line.startswith("T: "))
        self.cookie.write_text("\n".join([f"T: {int(made[3:]) - 90000}", *(line for line in lines if line != made)]) + "\n")
        self.start()

    def forget(self):
        """It crashes and comes back with new keys: all cookies are worthless."""
        self.process.kill()
        self.cookie.unlink()
        self.start()


class NtpdRs:
    """The daemon of ntpd-rs, of a newer Debian. It serves nobody until it has set the clock by a source, so its calls that
    would set it are made to do nothing (still_clock.c)."""

    def __init__(self, machine, name, addresses, certificate, key, *, program, network, source):
        self.machine = machine
        self.name = name
        self.network = network
        self.keys = machine.directory / f"{name}.keys"
        still = machine.directory / "still_clock.so"
        run("cc", "-shared", "-fPIC", "-o", still, Path(__file__).parent / "still_clock.c")
        tables = [f'[[source]]\nmode = "server"\naddress = "{source}"']
        for address in addresses:
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
        """It crashes and comes back with new keys: all cookies are worthless."""
        self.process.kill()
        self.keys.unlink(missing_ok=True)
        self.start()


def client_takes_time(machine, name, port, authority):
    """A chronyd client that trusts one CA and uses one server by name, once: its exit status and what it said."""
    return run(part(_CHRONYD), "-Q", "-x", "-U", "-u", "root", "-t", "8",
               f"server {name} nts ntsport {port} iburst maxsamples 1", f"ntstrustedcerts {authority}",
               "nosystemcert", "cmdport 0", "bindcmdaddress /", f"pidfile {machine.directory}/client.pid", check=False)
