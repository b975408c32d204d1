"""The tables of test_protocol.py once more, answered by XDP."""

import re

import pytest

import test_protocol
from judge import serve_zone
from pool import Pool
from test_protocol import (test_denials_hold_while_members_come_and_go, test_name, test_names_in_new_types_are_not_compressed,  # noqa: F401
                           test_negative_ttl, test_size, test_ttl)
from veth import FAR, FAR4, FarMachine, exchange


@pytest.fixture(scope="module")
def zone(tmp_path_factory):
    far = FarMachine(tmp_path_factory.mktemp("far"))
    pool = serve_zone(far, pool=Pool(far, address=FAR4), options=("--xdp", FAR))
    theirs, test_protocol.exchange = test_protocol.exchange, exchange
    yield pool
    test_protocol.exchange = theirs
    pool.stop()
    far.close()


def test_all_was_answered_by_xdp(zone):
    assert zone.server.stop() == 0
    received = int(re.search(r"queries udp (\d+) ", zone.server.output())[1])
    assert f"xdp queries {received} faulty 0 dropped 0" in zone.server.output() and received > 200
