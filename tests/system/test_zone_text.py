"""Zone text round trips: ntspool, Knot, NSD, BIND and ldns read the same records from `record list` and `zone export`, and ntspool reads
their output. The zones are random and cover all types. dnspython parses the texts for the comparison."""

import random
import re
import subprocess

import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from machine import run
from pool import records
from randomzone import RandomZone
from test_cli import NAME_SERVERS, Cli
from validators import unpacked

SEEDS = (1, 2, 3)
NUMBERS = {"EID": 31, "NIMLOC": 32, "ATMA": 34, "RKEY": 57, "TALINK": 58, "RESINFO": 261, "WALLET": 262}  # unknown to dnspython
ORIGIN = dns.name.from_text("pool.test.")


def digest(kind, data):
    """Type and canonical octets of a record; the octets are None if dnspython cannot parse the text."""
    rdtype = NUMBERS.get(kind) or dns.rdatatype.from_text(kind)
    if data.startswith("\\#"):
        octets = bytes.fromhex("".join(data.split()[2:]))
        return rdtype, dns.rdata.from_wire(dns.rdataclass.IN, rdtype, octets, 0, len(octets)).to_digestable()
    if kind in ("HINFO", "URI", "CAA") and re.search(r"\\(12[89]|1[3-9]|2)", data):
        return rdtype, None  # dnspython turns these octets into UTF-8
    if dns.rdata.get_rdata_class(dns.rdataclass.IN, rdtype) is dns.rdata.GenericRdata:
        return rdtype, None
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, data, origin=ORIGIN, relativize=False)
    return rdtype, rdata.to_digestable()


def meaning(text, unknown=()):
    """The records of a text as a set of (name, TTL, type, octets). Each line has one record, with name and TTL first."""
    found = set()
    for line in text.splitlines():
        name, ttl, kind, *data = re.split(r"\s+", line.replace("\tIN\t", "\t").replace(" IN ", " ", 1), maxsplit=3)
        rdtype, octets = digest(kind, *data, *([""] if not data else []))
        owner = dns.name.from_text(name, ORIGIN)
        found.add((owner, int(ttl), rdtype, None if (owner, rdtype) in unknown else octets))
    return found


@pytest.fixture(params=SEEDS)
def seed(request):
    print(f"seed {request.param}")
    return request.param


@pytest.fixture
def pools(tmp_path):
    """Three pools of the same name."""
    made = Cli(tmp_path / "one"), Cli(tmp_path / "two"), Cli(tmp_path / "three")
    for cli in made:
        cli("init", "pool.test", *NAME_SERVERS)
    return made


def loaded(cli, path, text):
    path.write_text(text)
    cli("record", "load", "--skip-own", path)
    return cli("record", "list")


def knot(path):
    return run(*unpacked(["/usr/bin/kzonecheck", "-o", "pool.test", path]))


def nsd(path):
    return run(*unpacked(["/usr/sbin/nsd-checkzone", "-p", "pool.test", path])).stdout


def bind(path):
    out = path.with_suffix(".bind")
    run(*unpacked(["/usr/bin/named-compilezone", "-i", "none", "-k", "ignore", "-s", "full", "-o", out, "pool.test", path]))
    return out.read_text()


def ldns(path):
    done = run("ldns-read-zone", path)
    assert done.stderr == "", done.stderr
    return done.stdout


def test_what_is_written_is_read_by_all(pools, seed, tmp_path):
    one, two, three = pools
    lines = list(RandomZone(random.Random(seed)).lines(60))
    preset = one("record", "list")
    listed = loaded(one, tmp_path / "given.zone", "\n".join(lines) + "\n")
    given = meaning("\n".join(lines))
    unknown = {(name, rdtype) for name, _, rdtype, octets in given if octets is None}
    assert meaning(listed, unknown) == meaning(preset) | meaning("\n".join(lines), unknown)
    assert loaded(two, tmp_path / "listed.zone", listed) == listed
    one("zone", "export", tmp_path / "pool.zone")
    knot(tmp_path / "pool.zone")
    nsd(tmp_path / "pool.zone")
    ldns(tmp_path / "pool.zone")
    assert meaning(loaded(three, tmp_path / "bind.zone", bind(tmp_path / "pool.zone"))) == meaning(listed)


def test_a_signed_zone_is_read_by_all(pools, seed, tmp_path):
    one = pools[0]
    loaded(one, tmp_path / "given.zone", "\n".join(RandomZone(random.Random(seed)).lines(30)) + "\n")
    path = tmp_path / "signed.zone"
    one("zone", "export", "--signed", path)
    for reader in knot, nsd, bind, ldns:
        reader(path)
    found = meaning(path.read_text())
    assert {rdtype for _, _, rdtype, _ in found} > {dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.DNSKEY, dns.rdatatype.CDS}


@pytest.mark.parametrize("writer", (nsd, bind, ldns))
def test_what_others_write_is_read(pools, writer, seed, tmp_path):
    """Only records without escapes: ldns does not escape a leading $ in a name, and NSD prints only the first string of SPF."""
    one, two, _ = pools
    lines = list(RandomZone(random.Random(seed), odd=False).lines(60))
    listed = loaded(one, tmp_path / "given.zone", "\n".join(lines) + "\n")
    one("zone", "export", tmp_path / "pool.zone")
    assert loaded(two, tmp_path / "written.zone", writer(tmp_path / "pool.zone")) == listed


@pytest.mark.parametrize("denial", ("nsec", "compact"))
def test_types_in_as_many_windows_as_a_name_can_have_are_denied(pool, denial):
    """RFC 4034 4.1.2: each window of the type bitmap takes up to 34 octets."""
    kinds = [256 * window + 255 for window in range(10, 34)]
    pool.cli("zone", "set", "denial", denial)
    pool.cli("record", "load", pool.machine.write("wide.zone", "".join(f"wide 60 TYPE{kind} \\# 1 00\n" for kind in kinds)))
    pool.serve()
    for name in "wide", "widf":
        answer = pool.ask(f"{name}.pool.test", "A", tcp=True, dnssec=True)
        assert answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) and records(answer, "SOA", "authority")
    pool.cli("zone", "export", "--signed", "-")
    (nsec,) = (rrset for rrset in pool.ask("wide.pool.test", "A", tcp=True, dnssec=True).authority
               if rrset.rdtype == dns.rdatatype.NSEC and rrset.name == dns.name.from_text("wide.pool.test"))
    assert {f"TYPE{kind}" for kind in kinds} <= set(nsec[0].to_text().split())
