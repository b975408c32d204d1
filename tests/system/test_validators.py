"""Resolvers of three more makers validate what the server says: knot-resolver, pdns-recursor and BIND; dnsviz finds no fault.

They keep what they learn, also denials (RFC 8198): names that are missing are asked for first, so that an NSEC that says
too much would hide the names that are there.
"""

import json

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from machine import Machine, PARTS, part, run, until
from pool import APEX, SRV, Pool
from test_dnssec import EXISTING, FORMS, NODATA, NXDOMAIN, STATIC, options_of


def _unpacked(argv):
    """What runs a program of an unpacked package that wants its files under /usr: it sees them there, nobody else does."""
    part(argv[0].lstrip("/"))
    inside = 'mount -t overlay overlay -o "lowerdir=$0/usr:/usr" /usr && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", inside, PARTS, *argv]


def _kresd(machine, address, signed):
    conf = machine.write("kresd.conf", "\n".join([
        f"net.listen('{address}', 53, {{ kind = 'dns' }})",
        f"cache.open(10 * MB, 'lmdb://{machine.directory}/kresd-cache')",
        *(f"modules.unload('{name}')" for name in ("ta_signal_query", "ta_update", "priming", "detect_time_skew")),
        "trust_anchors.remove('.')",
        *(f"trust_anchors.add('{line}')" for line in signed.ds),
        f"policy.add(policy.suffix(policy.FORWARD({{'127.0.0.1'}}), policy.todnames({{'{APEX}.'}})))",
        "log_level('info')",
    ]) + "\n")
    (machine.directory / "kresd-cache").mkdir()
    return ["/usr/sbin/kresd", "-n", "-q", "-c", conf, machine.directory]


def _pdns(machine, address, signed):
    script = machine.write("recursor.lua", "\n".join(
        ["clearTA()", *(f'addTA("{APEX}", "{line.split("DS", 1)[1].strip()}")' for line in signed.ds)]) + "\n")
    machine.write("recursor.conf", "\n".join([
        f"local-address={address}", "local-port=53", "daemon=no", "write-pid=no", f"socket-dir={machine.directory}",
        "dnssec=validate", "dont-query=", f"forward-zones={APEX}=127.0.0.1", f"lua-config-file={script}", "threads=1",
        "disable-syslog=yes", "loglevel=4", "dnssec-log-bogus=yes", "etc-hosts-file=/dev/null", "hint-file=no",
        "max-mthreads=64", "security-poll-suffix="]) + "\n")
    return ["/usr/sbin/pdns_recursor", f"--config-dir={machine.directory}"]


def _named(machine, address, signed):
    machine.add_address(address)  # it listens on addresses of an interface only
    conf = machine.write("resolver.named.conf", f"""
options {{
    directory "{machine.directory}";
    listen-on {{ {address}; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    session-keyfile none;
    empty-zones-enable no;
    dnssec-validation yes;
    recursion yes;
}};
controls {{ }};
{signed.anchors}
zone "{APEX}" {{ type forward; forward only; forwarders {{ 127.0.0.1; }}; }};
""")
    return ["/usr/sbin/named", "-f", "-g", "-n", "1", "-c", conf]


RESOLVERS = {"knot-resolver": (_kresd, "127.0.0.54"), "pdns-recursor": (_pdns, "127.0.0.55"),
             "bind": (_named, "127.0.0.56")}


class Signed:
    def __init__(self, machine, form):
        self.machine = machine
        self.missing = dns.rcode.NXDOMAIN if FORMS[form][1] == "nsec" else dns.rcode.NOERROR  # RFC 9824 6
        self.pool = Pool(machine).init(*options_of(form))
        self.pool.add("alice", "127.0.1.1", "2001:db8::11")
        self.pool.add("bob", "127.0.1.2")
        self.pool.cli("member", "override", "--all", "eligible")
        self.pool.cli("record", "load", machine.write("static.zone", STATIC))
        self.pool.serve()
        self.ds = [" ".join(line.split()) for line in self.pool.cli("key", "ds").stdout.splitlines() if line]
        words = [line.split("DS", 1)[1].split() for line in self.ds]
        self.anchors = "trust-anchors { " + " ".join(
            f'"{APEX}." static-ds {" ".join(each[:3])} "{"".join(each[3:])}";' for each in words) + " };"
        for name, (argv, address) in RESOLVERS.items():
            machine.start(name, _unpacked(argv(machine, address, self)))
        for name in RESOLVERS:
            until(lambda: self.answers(name), 15, f"{name} answers")

    def answers(self, name):
        try:
            return self.ask(name, APEX, "NS", timeout=1).rcode() == dns.rcode.NOERROR
        except (OSError, dns.exception.Timeout):
            return False

    def ask(self, resolver, name, rdtype, timeout=8):
        query = dns.message.make_query(name, rdtype, want_dnssec=True)
        return dns.query.udp_with_fallback(query, RESOLVERS[resolver][1], timeout=timeout)[0]

    def secure(self, resolver, name, rdtype):
        answer = self.ask(resolver, name, rdtype)
        assert answer.flags & dns.flags.AD, f"{resolver} does not validate {name} {rdtype}: {answer}"
        return answer


@pytest.fixture(scope="module", params=FORMS)
def signed(request, tmp_path_factory):
    machine = Machine(tmp_path_factory.mktemp(request.param))
    try:
        signed = Signed(machine, request.param)
        yield signed
        signed.pool.stop()
    except AssertionError:
        print(*(f"{name}:\n{text}" for name, text in machine.logs()), sep="\n")
        raise
    finally:
        machine.close()


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_nxdomain(signed, resolver):
    for name in NXDOMAIN:
        answer = signed.secure(resolver, name, "A")
        assert answer.rcode() == signed.missing and not answer.answer, name


# Asked for at all: knot-resolver answers no ANY, pdns-recursor no RRSIG, whatever the zone says.
ODD_TYPES = {"knot-resolver": ("NSEC",), "pdns-recursor": ("ANY", "NSEC"), "bind": ("ANY", "NSEC", "RRSIG")}


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_odd_types_of_names_without_records(signed, resolver):
    """With compact denial such a name has an NSEC: what its bitmap says agrees with the answers."""
    for name in (f"nothere.{APEX}", f"nothing.{APEX}"):
        for rdtype in ODD_TYPES[resolver]:
            signed.secure(resolver, name, rdtype)


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_nodata_and_empty_non_terminals(signed, resolver):
    for name, rdtype in NODATA:
        answer = signed.secure(resolver, name, rdtype)
        assert answer.rcode() == dns.rcode.NOERROR and not answer.answer, f"{name} {rdtype}: {answer}"


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_what_is(signed, resolver):
    for name, rdtype in EXISTING:
        answer = signed.secure(resolver, name, rdtype)
        assert [rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.from_text(rdtype)], f"{name}: {answer}"


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_nxdomain_from_memory(signed, resolver):
    """RFC 8198 4: what was denied stays denied, by the same or by other NSEC records."""
    for name in NXDOMAIN:
        assert signed.secure(resolver, name, "TXT").rcode() == signed.missing, name
    assert signed.secure(resolver, SRV, "SRV").answer


def _faults(value, path=""):
    """All errors and warnings in dnsviz's tree, each with where it stands."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key in ("errors", "warnings"):
                yield f"{path} {key}: {json.dumps(below)}"
            yield from _faults(below, f"{path}/{key}")
    elif isinstance(value, list):
        for below in value:
            yield from _faults(below, path)


def _statuses(value):
    if isinstance(value, dict):
        for key, below in value.items():
            if key == "status":
                yield below
            yield from _statuses(below)
    elif isinstance(value, list):
        for below in value:
            yield from _statuses(below)


def test_dnsviz_finds_no_fault(signed):
    """Apex, SRV, member, empty non-terminals, missing names; it asks in many ways: sizes, flags, cookies, TCP."""
    seen = signed.machine.directory / "dnsviz.json"
    names = [APEX, SRV, f"alice.{APEX}", f"www.{APEX}", f"_tcp.{APEX}", f"under.nothing.{APEX}", f"missing.{APEX}",
             f"x.alice.{APEX}", f"a.b.missing.{APEX}"]
    run("dnsviz", "probe", "-4", "-A", "-a", APEX, "-R", "SOA,NS,A,AAAA,SRV,CAA,TXT,DNSKEY,CDS,CDNSKEY", "-x",
        f"{APEX}+:ns1.{APEX}=127.0.0.1:53", "-o", seen, *names)
    tree = json.loads(run("dnsviz", "grok", "-P", "-r", seen).stdout)
    assert set(tree) >= {f"{name}." for name in names}
    assert list(_faults(tree)) == []
    found = list(_statuses(tree))
    assert found.count("VALID") > 100 and set(found) == {
        "VALID", "NOERROR", dns.rcode.to_text(signed.missing)}, set(found)
