"""A second network, which a pair of virtual Ethernet interfaces joins to that of the tests: for servers that answer by XDP."""

import socket
import struct

import pytest

from machine import Machine, run

NEAR, FAR = "near0", "far0"  # our end of the pair, and the other one
NEAR4, NEAR6, FAR4, FAR6 = "192.0.2.1", "2001:db8:77::1", "192.0.2.2", "2001:db8:77::2"
NEAR_MAC, FAR_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


class FarMachine(Machine):
    """Its programs run in the other network. Skips the test if the kernel has no AF_XDP or no veth."""

    def __init__(self, directory, queues=1):
        super().__init__(directory)
        try:
            socket.socket(44, socket.SOCK_RAW).close()  # AF_XDP
        except OSError as error:
            pytest.skip(f"this kernel has no AF_XDP: {error}")
        self.network = Machine.start(self, "network", ["unshare", "--net", "sleep", "infinity"])
        made = run("ip", "link", "add", NEAR, "numtxqueues", queues, "numrxqueues", queues, "type", "veth",
                   "peer", "name", FAR, "numtxqueues", queues, "numrxqueues", queues, check=False)
        if made.returncode != 0:
            self.close()
            pytest.skip(f"this kernel has no veth: {made.stderr}")
        self._move()
        run("ip", "link", "set", NEAR, "address", NEAR_MAC)
        self.far("ip", "link", "set", FAR, "address", FAR_MAC)
        self.far("ip", "link", "set", "lo", "up")
        for side, name, address4, address6 in ((run, NEAR, NEAR4, NEAR6), (self.far, FAR, FAR4, FAR6)):
            side("ip", "link", "set", name, "up")
            side("ip", "address", "add", f"{address4}/24", "dev", name)
            side("ip", "address", "add", f"{address6}/64", "dev", name, "nodad")

    def _move(self):
        """Gives the far end away, once its holder has a network of its own."""
        own = run("readlink", "/proc/self/ns/net").stdout
        while run("readlink", f"/proc/{self.network.pid}/ns/net").stdout == own:
            pass
        run("ip", "link", "set", FAR, "netns", self.network.pid)

    def enter(self):
        return ["nsenter", f"--net=/proc/{self.network.pid}/ns/net"]

    def near(self, *argv, **options):
        return run(*argv, **options)

    def far(self, *argv, **options):
        return run(*self.enter(), *argv, **options)

    def start(self, name, argv, **options):
        return super().start(name, [*self.enter(), *argv], **options)

    def close(self):
        run("ip", "link", "delete", NEAR, check=False)
        super().close()


def exchange(wire, timeout=20, address=FAR4, port=53):
    """The reply over UDP, or None."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.settimeout(timeout)
        sender.sendto(wire, (address, port))
        try:
            return sender.recv(65535)
        except socket.timeout:
            return None


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def _octets(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def udp(payload, source=NEAR4, target=FAR4, ports=(40000, 53)):
    """A UDP datagram with its checksum."""
    head = struct.pack("!HHH", *ports, 8 + len(payload))
    pseudo = _octets(source) + _octets(target) + struct.pack("!HH", 17, 8 + len(payload))
    return head + struct.pack("!H", checksum(pseudo + head + b"\0\0" + payload)) + payload


def ipv4(datagram, source=NEAR4, target=FAR4, fragment=0, options=b""):
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, words * 4 + len(datagram), 7, fragment, 64, 17, 0,
                       _octets(source), _octets(target)) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + datagram


def ipv6(payload, source=NEAR6, target=FAR6, header=17):
    return struct.pack("!IHBB", 6 << 28, len(payload), header, 64) + _octets(source) + _octets(target) + payload


def ethernet(packet, tag=None, kind=0x0800, to=FAR_MAC):
    head = bytes.fromhex((to + NEAR_MAC).replace(":", ""))
    return head + (struct.pack("!HH", 0x8100, tag) if tag is not None else b"") + struct.pack("!H", kind) + packet
