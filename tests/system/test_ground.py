"""The ground of a fleet: hosts reach each other, unless a fault is between them, and what is cut off disappears silently."""

import ctypes
import json
import os
import socket
import threading

import pytest

from ground import Ground

_CLONE_NEWNET = 0x40000000


def made_on(host, make):
    """What `make` gives, made by a thread that is on the host. A socket stays there."""
    made = []

    def work():
        place = os.open(f"/proc/{host.holder.pid}/ns/net", os.O_RDONLY)
        assert ctypes.CDLL(None, use_errno=True).setns(place, _CLONE_NEWNET) == 0
        os.close(place)
        made.append(make())
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return made[0]


@pytest.fixture
def hosts(machine):
    ground = Ground(machine)
    yield ground, ground.host("one"), ground.host("other")
    ground.close()


def connected(one, other):
    """A TCP connection between two hosts, as its ends."""
    listener = made_on(other, lambda: socket.create_server((other.address, 4000)))
    near = made_on(one, lambda: socket.create_connection((other.address, 4000), timeout=20))
    far, _ = listener.accept()
    listener.close()
    return near, far


def arrives(near, far, timeout):
    """Whether what one end sends arrives at the other in time. It may arrive later."""
    near.sendall(b"x")
    far.settimeout(timeout)
    try:
        return far.recv(100) != b""
    except TimeoutError:
        return False


def test_a_cut_is_silent_and_heals(hosts):
    ground, one, other = hosts
    near, far = connected(one, other)
    assert arrives(near, far, 20) and arrives(far, near, 20)
    ground.cut([one], [other])
    assert not arrives(near, far, 0.5) and not arrives(far, near, 0.5)
    ground.heal()
    for end in (near, far):
        end.settimeout(20)
        assert end.recv(100) == b"x"
        end.close()


def test_one_direction_can_be_cut_alone(hosts):
    ground, one, other = hosts
    heard = made_on(other, lambda: _datagrams(other))
    sender = made_on(one, lambda: _datagrams(one))
    ground.cut([one], [other], both=False)
    sender.sendto(b"lost", (other.address, 4000))
    heard.sendto(b"there", (one.address, 4000))
    assert sender.recv(100) == b"there"
    ground.heal()
    sender.sendto(b"healed", (other.address, 4000))
    assert heard.recv(100) == b"healed"
    for end in (heard, sender):
        end.close()


def _datagrams(host):
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.bind((host.address, 4000))
    end.settimeout(20)
    return end


def test_a_slow_line_holds_packets_up_and_loses_none_of_a_connection(hosts):
    ground, one, other = hosts
    near, far = connected(one, other)
    one.slow("400kbit")
    sent = os.urandom(50000)
    thread = threading.Thread(target=near.sendall, args=(sent,))
    thread.start()
    far.settimeout(20)
    got = b""
    while len(got) < len(sent):
        got += far.recv(65536)
    thread.join()
    assert got == sent
    (line,) = json.loads(one.run("tc", "-s", "-j", "qdisc", "show", "dev", "uplink").stdout)
    assert line["overlimits"] > 0, "packets waited"
    ground.heal()
    assert "tbf" not in one.run("tc", "qdisc", "show", "dev", "uplink").stdout
    for end in (near, far):
        end.close()
