"""The tables of test_protocol.py once more, answered by XDP."""

import re

import pytest

import test_protocol
from judge import serve_zone
from machine import Machine, until
from pool import APEX, SRV, Pool
from question import make_query
from resolver import Unbound
from test_protocol import (test_denials_hold_while_members_come_and_go, test_name, test_names_in_new_types_are_not_compressed,  # noqa: F401
                           test_negative_ttl, test_size, test_ttl)
from veth import FAR, FAR4, FarMachine, exchange


@pytest.fixture(scope="module")
def zone(tmp_path_factory):
    far = FarMachine(tmp_path_factory.mktemp("far"), queues=2)
    pool = Pool(far, address=FAR4)
    pool.socket = far.directory / "metrics.sock"
    serve_zone(far, pool=pool, options=("--xdp", FAR, "--workers", "2", "--metrics", f"unix:{pool.socket}"))
    theirs, test_protocol.exchange = test_protocol.exchange, exchange
    yield pool
    test_protocol.exchange = theirs
    pool.stop()
    far.close()


def test_each_queue_has_its_worker(zone):
    def taken():
        samples = zone.json("stats", "--all", "--socket", zone.socket)["samples"]
        return [each["value"] for each in samples if each["name"] == "ntspool_xdp_queries_total"]
    until(lambda: exchange(make_query(APEX, "SOA")) and len(taken()) == 2 and min(taken()) > 0, 20, "both queues have queries")


def test_a_validating_resolver_trusts_what_xdp_answers(zone, tmp_path):
    machine = Machine(tmp_path)
    keys = [f"{APEX}. 300 IN DNSKEY {key}\n" for (rrset,) in [zone.keys.values()] for key in rrset if key.flags & 1]
    resolver = Unbound(machine, APEX, machine.write("anchor", "".join(keys)), server=FAR4)
    try:
        assert resolver.secure(SRV, "SRV") and resolver.secure(f"bob.{APEX}", "A")
        assert resolver.secure(f"bob.{APEX}", "AAAA") == []
        assert resolver.missing(f"nobody.{APEX}")
    finally:
        machine.close()


def test_all_was_answered_by_xdp(zone):
    assert zone.server.stop() == 0
    received = int(re.search(r"queries udp (\d+) ", zone.server.output())[1])
    assert f"xdp queries {received} faulty 0 dropped 0 shed 0" in zone.server.output() and received > 200
