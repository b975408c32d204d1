"""Each reason why TCP cannot reach a server has a failure class of its own."""

import json
import socket
import time

import pytest

from machine import run
from network import Network
from pool import BIN, environment, no_report


def probe(machine, host):
    began = time.monotonic()
    done = run(BIN / "ntspool", "-s", machine.directory / "no-pool", "--json", "probe", host, "--allow-private", env=environment(), check=False)
    no_report("probe", done.stderr)
    assert done.returncode == 1, done.stderr
    (seen,) = json.loads(done.stdout)["addresses"]
    return seen["failure"], seen["failed_at"], seen["detail"], time.monotonic() - began


@pytest.fixture
def full():
    """A port with a full listen queue: the kernel ignores further connections."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.3.1", 4460))
        listener.listen(0)
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(("127.0.3.1", 4460))
        time.sleep(0.1)
        yield "127.0.3.1"


def test_a_server_that_does_not_answer_is_waited_for(machine, full):
    failure, step, detail, took = probe(machine, full)
    assert (failure, step) == ("connect-timeout", "connect") and detail
    assert 4.9 < took < 9


def test_a_closed_port_is_refused_at_once(machine):
    failure, step, _, took = probe(machine, "127.0.3.2")
    assert (failure, step) == ("connect-refused", "connect") and took < 3


def test_an_address_that_a_router_calls_unreachable_is_an_error_of_the_network(machine):
    network = Network(machine, "router", 11)
    run("ip", "route", "add", "44.2.0.0/24", "via", "10.77.11.2")
    network.run("ip", "route", "add", "unreachable", "44.2.0.0/24")
    network.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    failure, step, detail, _ = probe(machine, "44.2.0.1")
    assert (failure, step) == ("connect-error", "connect") and "unreachable" in detail


def test_no_route_of_our_own_is_no_fault_of_the_server(machine):
    assert probe(machine, "44.3.0.1")[:2] == ("internal", "connect")
