"""`_whoami` tells a client how it is mapped: as the location file and `explain` have it, for the client alone, signed, within the budget."""

import socket

import dns.edns
import dns.message
import dns.rcode
import pytest

from judge import APEX_NAME, judge_signatures
from machine import ROOT, until
from pool import APEX, Pool, records
from question import DO, make_query

WHOAMI = f"_whoami.{APEX}"
LOCATIONS = ROOT / "tests" / "data" / "places.mmdb"
CONTINENTS = {"JP": "asia", "LU": "europe"}  # whose countries have few addresses here, so no demand of their own
BUSY = {"details": "none"}


def strings(message):
    """The answer's KEY=VALUE strings."""
    (rrset,) = [rrset for rrset in message.answer if rrset.name.to_text() == f"{WHOAMI}." and rrset.rdtype == 16]
    assert rrset.ttl == 0 and len(rrset) == 1
    return dict(text.decode().split("=", 1) for text in rrset[0].strings)


@pytest.fixture(scope="module", params=["nsec", "compact"])
def served(shared_machine, request):
    pool = Pool(shared_machine, name=request.param).init("--denial", request.param)
    pool.add("alice", "10.0.0.1")
    pool.add("bob", "198.51.100.1", country="DE")
    pool.cli("member", "override", "--all", "eligible")
    pool.cli("zone", "set", "whoami", "on")
    pool.serve("--locations", LOCATIONS, "--nsid", "the first server")
    keys = [rrset for rrset in pool.ask(APEX, "DNSKEY", tcp=True).answer if rrset.rdtype == 48]
    pool.keys = {APEX_NAME: keys[0]}
    yield pool
    pool.stop()


def ask_from(source, ecs=None):
    query = dns.message.make_query(WHOAMI, "TXT")
    query.use_edns(0, 0, 1232, options=[dns.edns.ECSOption(*ecs)] if ecs else [])
    return dns.query.udp(query, "127.0.0.1", source=source, timeout=3)


@pytest.mark.parametrize("source, ecs, told", [
    ("127.0.1.9", None, {"source": "127.0.1.9", "scope": "24", "cell": "NL", "area": "NL"}),
    ("127.0.0.77", None, {"source": "127.0.0.77", "scope": "32", "cell": "JP", "area": "asia"}),
    ("127.9.9.9", None, {"source": "127.9.9.9", "scope": "13", "cell": "world", "area": "world"}),
    ("127.0.1.9", ("10.1.2.0", 24), {"source": "127.0.1.9", "subnet": "10.1.2.0/24", "scope": "24", "cell": "LU", "area": "europe"}),
    ("127.0.1.9", ("10.7.1.0", 20), {"source": "127.0.1.9", "subnet": "10.7.0.0/20", "scope": "14", "cell": "NL", "area": "NL"}),
    ("127.0.1.9", ("2001:db8:1::", 56), {"source": "127.0.1.9", "subnet": "2001:db8:1::/56", "scope": "48", "cell": "NL", "area": "NL"}),
])
def test_a_client_sees_what_explain_says(served, source, ecs, told):
    message = ask_from(source, ecs)
    assert strings(message) == {**told, "server": "the first server"}
    explained = served.json("explain", "--client", told.get("subnet", source).split("/")[0], "--locations", LOCATIONS)
    assert str(explained["cell"]["scope"]) == told["scope"]
    assert (explained["cell"]["country"] or "world") == told["cell"]
    assert told["area"] == {"world": "world", "continent": CONTINENTS.get(told["cell"]), "cell": told["cell"]}[explained["area"]]
    scopes = [option.scopelen for option in message.options if option.otype == dns.edns.ECS]
    assert scopes == ([ecs[1]] if ecs else []), "RFC 7871 7.2.1: an answer that shows the subnet is for no other"


def test_no_client_is_told_the_subnet_of_another(served):
    for i in range(20):
        ask_from("127.0.1.9", (f"10.3.{i}.0", 24))
    for i in range(20):
        assert "subnet" not in strings(ask_from("127.0.1.9"))


def test_every_answer_is_signed_and_no_signature_outlives_the_budget(served):
    """RFC 4035 2.2: signed whether the budget has a signature for this client or not."""
    served.cli("zone", "set", "denial-budget", "10")
    fresh = (f"11.{i // 256}.{i % 256}.0" for i in range(65536))  # nobody asked from there before: no signature is cached
    until(lambda: BUSY in [strings(served.ask(WHOAMI, "TXT", dnssec=True, ecs=(next(fresh), 24))) for _ in range(30)], 20,
          "the budget is used up")
    seen = []
    for i in range(60):
        message = served.ask(WHOAMI, "TXT", dnssec=True, ecs=(f"10.{i}.77.0", 24))
        judge_signatures(served, message.answer)
        told = strings(message)
        assert told == BUSY or told["subnet"] == f"10.{i}.77.0/24"
        seen.append(told)
    assert BUSY in seen
    assert strings(served.ask(WHOAMI, "TXT"))["source"] == "127.0.0.1", "without a signature there is no limit"
    served.cli("zone", "set", "denial-budget", "0")
    until(lambda: BUSY not in [strings(served.ask(WHOAMI, "TXT", dnssec=True, ecs=(next(fresh), 24))) for _ in range(30)], 20,
          "there is no limit")


def test_flood_leaves_the_pool_its_answers(served):
    """Many clients, each with a signature of its own: all are answered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(3)
        sender.connect(("127.0.0.1", 53))
        for i in range(500):
            subnet = b"\0\x08\0\x07\0\1\x18\0\x0a" + bytes([i // 250, i % 250])
            opt = DO[:9] + len(subnet).to_bytes(2, "big") + subnet
            sender.send(make_query(WHOAMI, "TXT", opt=opt))
            assert dns.message.from_wire(sender.recv(4096)).rcode() == dns.rcode.NOERROR
    assert records(served.ask(f"alice.{APEX}", "A"), "A") == ["10.0.0.1"]


def test_export_has_the_name_without_a_client(served):
    lines = served.cli("zone", "export").stdout.splitlines()
    assert [line.split() for line in lines if line.startswith("_whoami")] == [[f"{WHOAMI}.", "0", "IN", "TXT", '"details=none"']]


def test_the_setting_brings_the_name_and_takes_it_away(machine):
    pool = Pool(machine, "switched", address="127.0.0.9").init()
    pool.serve()
    assert pool.ask(WHOAMI, "TXT").rcode() == dns.rcode.NXDOMAIN, "off by default"
    pool.cli("zone", "set", "whoami", "on")
    until(lambda: "source" in strings(pool.ask(WHOAMI, "TXT")), 20, "the name is there")
    assert "server" not in strings(pool.ask(WHOAMI, "TXT"))
    mine = machine.write("mine.zone", f'{WHOAMI}. 60 IN TXT "my own"\n')
    assert "zone set whoami off" in pool.refused("record", "load", mine)
    assert "_whoami" not in pool.cli("record", "list").stdout
    pool.cli("zone", "unset", "whoami")
    assert pool.ask(WHOAMI, "TXT").rcode() == dns.rcode.NXDOMAIN, "with the commit"
    pool.cli("record", "load", mine)
    assert "remove them first" in pool.refused("zone", "set", "whoami", "on")
    assert records(pool.ask(WHOAMI, "TXT"), "TXT") == ['"my own"']
    pool.stop()
