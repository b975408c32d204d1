"""A line that loses packets: lossy_line.py HERE THERE PID PERCENT SEED COUNTS

Makes two tunnel devices: HERE in its own network and THERE in the network of the process PID. It carries packets between them
and drops PERCENT of them at random, seeded by SEED. Once a second and at the end it writes the numbers of carried and lost packets to
the file COUNTS."""

import fcntl
import json
import os
import random
import select
import signal
import struct
import subprocess
import sys
import time

_TUNSETIFF = 0x400454CA
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000
_PROTOCOLS = {6: "tcp", 17: "udp"}


def open_tunnel(name):
    tunnel = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tunnel, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return tunnel


def protocol(packet):
    return _PROTOCOLS.get(packet[6 if packet[0] >> 4 == 6 else 9], "other")


def write(path, counts):
    """Replaces the file by a rename, so that readers never see half of it."""
    with open(f"{path}.new", "w") as out:
        json.dump(counts, out)
    os.rename(f"{path}.new", path)


def carry(ends, chance, counts):
    """Carries one packet from each end that has one."""
    for end in select.select(list(ends), [], [], 0.2)[0]:
        packet = os.read(end, 65536)
        lost = chance.random() < counts["percent"] / 100
        counts["lost" if lost else "carried"][protocol(packet)] += 1
        if not lost:
            try:
                os.write(ends[end], packet)
            except OSError:  # the device is down
                pass


def main(here, there, pid, percent, seed, path):
    first, second = open_tunnel(here), open_tunnel(there)
    subprocess.run(["ip", "link", "set", there, "netns", pid], check=True)
    ends = {first: second, second: first}
    counts = {"percent": float(percent), "carried": dict.fromkeys(("tcp", "udp", "other"), 0),
              "lost": dict.fromkeys(("tcp", "udp", "other"), 0)}
    write(path, counts)
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    print("carrying", flush=True)
    chance = random.Random(seed)
    written = time.monotonic()
    while not stopped:
        carry(ends, chance, counts)
        if time.monotonic() - written > 1:
            write(path, counts)
            written = time.monotonic()
    write(path, counts)


main(*sys.argv[1:])
