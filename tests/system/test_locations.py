"""The running server picks up a new location file. It refuses a damaged one and keeps the old one. ECS scopes over the wire."""

import ipaddress
import random
import shutil

import dns.edns
import pytest

from machine import ROOT, until
from pool import SRV, Pool

DATA = ROOT / "tests" / "data"
ANYWHERE = ("10.7.1.0", 24)
PLACES, TOWNS = 14, 16  # the scope of 10.7.1.0 in each file
SEEN_S = 6  # the server checks the files every two seconds

# The prefixes of places.mmdb (tests/data/make-mmdb.pl).
PREFIXES = {ipaddress.ip_network(prefix): country for prefix, country in {
    "10.0.0.0/8": "NL", "10.1.0.0/16": "BE", "10.1.2.0/24": "LU", "192.0.2.0/24": "FR", "198.51.100.0/24": "DE",
    "203.0.113.128/25": "US", "127.0.1.0/24": "NL", "127.0.2.0/24": "DE", "127.0.3.0/24": "US", "127.0.0.77/32": "JP",
    "2001:db8::/32": "US", "2001:db8:1::/48": "NL", "2001:db8:2:3::/64": "DE", "2001:db8::53/128": "JP", "fd00::/8": "BR",
}.items()}


def scope_of(pool, address, length):
    answer = pool.ask(SRV, "SRV", ecs=(str(address), length))
    assert answer.answer
    (option,) = [option for option in answer.options if option.otype == dns.edns.ECS]
    return option.scopelen


def served_by(pool, scope):
    return until(lambda: scope_of(pool, *ANYWHERE) == scope, SEEN_S, f"scope {scope}")


def replace(path, data):
    """Replaces the file by a rename, as a download script should."""
    new = path.with_suffix(".new")
    new.write_bytes(data)
    new.rename(path)


@pytest.fixture
def served(machine):
    """A pool whose server is configured with one location file."""
    pool = Pool(machine).init()
    pool.add("alice", "10.0.0.1")
    pool.cli("member", "override", "alice", "eligible")
    pool.file = machine.directory / "locations.mmdb"
    shutil.copy(DATA / "places.mmdb", pool.file)
    pool.serve("--config", machine.write("pool.yaml", f"locations: {pool.file}\n"))
    assert scope_of(pool, *ANYWHERE) == PLACES
    yield pool
    pool.stop()


@pytest.mark.parametrize("by_rename", [True, False], ids=["renamed", "written over"])
def test_a_new_file_is_picked_up(served, by_rename):
    data = (DATA / "towns.mmdb").read_bytes()
    if by_rename:
        replace(served.file, data)
    else:
        served.file.write_bytes(data)
    served_by(served, TOWNS)
    served.server.said("new location files are in use")


def cut(path):
    with open(path, "r+b") as file:
        file.truncate(400)


def garbage(path):
    replace(path, random.Random(1).randbytes(5000))


def empty(path):
    path.write_bytes(b"")


def without_countries(path):
    """A valid but useless file: it has cities but no countries."""
    replace(path, (DATA / "ipv4.mmdb").read_bytes().replace(b"country_code", b"cxuntry_code"))


@pytest.mark.parametrize("damage, says", [
    (cut, "is no sound location file"), (garbage, "is no sound location file"), (empty, "is no location file"),
    (without_countries, "has no countries"), (lambda path: path.rename(path.with_suffix(".away")), "cannot be opened"),
    (lambda path: (path.unlink(), path.mkdir()), "is no location file"),
], ids=["cut", "garbage", "empty", "no countries", "missing", "directory"])
def test_a_damaged_file_is_refused_and_the_old_one_stays(served, damage, says):
    damage(served.file)
    served.server.said(f"{served.file}: {says}", timeout=SEEN_S)
    served.server.said("the locations read before stay in use")
    assert scope_of(served, *ANYWHERE) == PLACES
    # The server still serves changes, with the old locations.
    served.add("bob", "10.0.0.2")
    served.cli("member", "override", "bob", "eligible")
    until(lambda: served.targets(rounds=2, ecs=ANYWHERE) == {"alice", "bob"}, 20, "the new member is handed out")
    assert scope_of(served, *ANYWHERE) == PLACES
    if served.file.is_dir():
        served.file.rmdir()
    replace(served.file, (DATA / "towns.mmdb").read_bytes())
    served_by(served, TOWNS)
    assert served.server.output().count(says) == 1


def test_a_bad_file_at_the_start_is_an_error(machine):
    pool = Pool(machine).init()
    bad = machine.write("bad.mmdb", "nothing\n")
    for files, says in (([bad], "is no sound location file"), ([DATA / "places.mmdb", machine.directory / "none.mmdb"], "none.mmdb")):
        options = [word for file in files for word in ("--locations", file)]
        with pytest.raises(RuntimeError, match=says):
            pool.serve(*options)
    pool.server = None


def test_several_files_change_together(machine):
    """IPv4 and IPv6 have separate files. If one is bad, the server keeps the old version of both."""
    pool = Pool(machine).init()
    pool.add("alice", "10.0.0.1")
    pool.cli("member", "override", "alice", "eligible")
    v4, v6 = machine.directory / "v4.mmdb", machine.directory / "v6.mmdb"
    shutil.copy(DATA / "towns-ipv4.mmdb", v4)
    shutil.copy(DATA / "towns-ipv6.mmdb", v6)
    pool.serve("--config", machine.write("pool.yaml", f"locations:\n  - {v4}\n  - {v6}\n"))
    japan = ("2001:db8:2::", 48)
    assert (scope_of(pool, *ANYWHERE), scope_of(pool, *japan)) == (TOWNS, 47)
    told = pool.json("--config", machine.directory / "pool.yaml", "explain", "--client", "2001:db8:2::1")
    assert told["cell"]["country"] == "JP"
    cut(v6)
    replace(v4, (DATA / "ipv4.mmdb").read_bytes())
    pool.server.said(f"{v6}: ", timeout=SEEN_S)
    assert (scope_of(pool, *ANYWHERE), scope_of(pool, *japan)) == (TOWNS, 47)
    replace(v6, (DATA / "towns-ipv6.mmdb").read_bytes())
    served_by(pool, PLACES)
    assert scope_of(pool, *japan) == 47
    pool.stop()


def shortest_true_scope(address):
    """The length of the shortest prefix that holds the address and lies in one country, by PREFIXES."""
    def country(network):
        cover = [prefix for prefix in PREFIXES if prefix.version == network.version and network.subnet_of(prefix)]
        return PREFIXES[max(cover, key=lambda prefix: prefix.prefixlen)] if cover else None

    for length in range(address.max_prefixlen + 1):
        block = ipaddress.ip_network((address, length), strict=False)
        inside = [prefix for prefix in PREFIXES if prefix.version == block.version and prefix.subnet_of(block)]
        if all(PREFIXES[prefix] == country(block) for prefix in inside):
            return length
    raise AssertionError


def test_scopes_are_the_shortest_true_ones_over_the_wire(served):
    """For random clients in and near the file's prefixes."""
    rng = random.Random(4)
    for prefix in [prefix for prefix in PREFIXES for _ in range(12)]:
        host = rng.getrandbits(prefix.max_prefixlen - rng.randint(min(8, prefix.prefixlen), prefix.prefixlen))
        address = type(prefix.network_address)(int(prefix.network_address) ^ host)
        assert scope_of(served, address, address.max_prefixlen) == shortest_true_scope(address), address
