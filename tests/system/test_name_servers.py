"""The zone's name servers change while the server runs. It answers with the new ones, and the zone still validates."""

import dns.rdatatype
import pytest

from machine import until
from pool import APEX, Pool, records


@pytest.fixture
def served(machine):
    pool = Pool(machine).init()
    pool.cli("member", "add", "alice", "--address", "127.0.1.1", "--allow-private")
    pool.serve()
    yield pool
    pool.stop()


def names(pool):
    return records(pool.ask(APEX, "NS"), "NS")


def primary(pool):
    [soa] = [rrset[0] for rrset in pool.ask(APEX, "SOA").answer if rrset.rdtype == dns.rdatatype.SOA]
    return soa.mname.to_text()


def addresses(pool, name, rdtype="A"):
    return records(pool.ask(f"{name}.{APEX}", rdtype), rdtype)


def signed_types(message):
    return {rrset.covers for rrset in message.answer if rrset.rdtype == dns.rdatatype.RRSIG}


def test_added_renumbered_and_removed_name_servers_show_at_once(served):
    assert names(served) == [f"ns1.{APEX}."] and primary(served) == f"ns1.{APEX}."
    served.cli("zone", "ns", "add", f"ns2.{APEX}=127.0.0.2,2001:db8::2")
    served.cli("zone", "ns", "add", "ns.example.net")
    until(lambda: names(served) == ["ns.example.net.", f"ns1.{APEX}.", f"ns2.{APEX}."], 20, "both are there")
    assert addresses(served, "ns2") == ["127.0.0.2"] and addresses(served, "ns2", "AAAA") == ["2001:db8::2"]
    served.cli("zone", "ns", "set", f"ns2.{APEX}=127.0.0.22")
    until(lambda: addresses(served, "ns2") == ["127.0.0.22"] and addresses(served, "ns2", "AAAA") == [], 20, "it is renumbered")
    served.cli("zone", "ns", "remove", f"ns1.{APEX}")
    until(lambda: names(served) == ["ns.example.net.", f"ns2.{APEX}."], 20, "one is gone")
    until(lambda: primary(served) == "ns.example.net.", 20, "the SOA names another")
    assert addresses(served, "ns1") == []
    for rdtype in ("NS", "SOA"):
        assert signed_types(served.ask(APEX, rdtype, dnssec=True)) == {dns.rdatatype.from_text(rdtype)}
    assert "is no name server" in served.refused("zone", "ns", "remove", f"ns1.{APEX}")
