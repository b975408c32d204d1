"""Three more validating resolvers with default settings: knot-resolver, pdns-recursor and BIND."""

import shutil

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode

from machine import PARTS, part, until
from pool import APEX
from signedpool import SignedPool


def unpacked(argv):
    """The command line for a program of an unpacked package that needs its files under /usr. Only this program sees them there."""
    part(argv[0].lstrip("/"))
    inside = 'mount -t overlay overlay -o "lowerdir=$0/usr:/usr" /usr && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", inside, PARTS, *argv]


def _kresd(machine, address, ds):
    cache = machine.directory / "kresd-cache"
    shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir()
    conf = machine.write("kresd.conf", "\n".join([
        f"net.listen('{address}', 53, {{ kind = 'dns' }})",
        f"cache.open(10 * MB, 'lmdb://{cache}')",
        *(f"modules.unload('{name}')" for name in ("ta_signal_query", "ta_update", "priming", "detect_time_skew")),
        "trust_anchors.remove('.')",
        *(f"trust_anchors.add('{line}')" for line in ds),
        f"policy.add(policy.suffix(policy.FORWARD({{'127.0.0.1'}}), policy.todnames({{'{APEX}.'}})))",
        "log_level('info')",
    ]) + "\n")
    return ["/usr/sbin/kresd", "-n", "-q", "-c", conf, machine.directory]


def _pdns(machine, address, ds):
    script = machine.write("recursor.lua", "\n".join(
        ["clearTA()", *(f'addTA("{APEX}", "{line.split("DS", 1)[1].strip()}")' for line in ds)]) + "\n")
    machine.write("recursor.conf", "\n".join([
        f"local-address={address}", "local-port=53", "daemon=no", "write-pid=no", f"socket-dir={machine.directory}",
        "dnssec=validate", "dont-query=", f"forward-zones={APEX}=127.0.0.1", f"lua-config-file={script}", "threads=1",
        "disable-syslog=yes", "loglevel=4", "dnssec-log-bogus=yes", "etc-hosts-file=/dev/null", "hint-file=no",
        "max-mthreads=64", "security-poll-suffix="]) + "\n")
    return ["/usr/sbin/pdns_recursor", f"--config-dir={machine.directory}"]


def anchors_of(ds):
    """DS records as trust anchors in BIND's configuration."""
    words = [line.split("DS", 1)[1].split() for line in ds]
    lines = (f'"{APEX}." static-ds {" ".join(each[:3])} "{"".join(each[3:])}";' for each in words)
    return "trust-anchors { " + " ".join(lines) + " };"


def _named(machine, address, ds):
    machine.add_address(address)  # named listens only on addresses of an interface
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
{anchors_of(ds)}
zone "{APEX}" {{ type forward; forward only; forwarders {{ 127.0.0.1; }}; }};
""")
    return ["/usr/sbin/named", "-f", "-g", "-n", "1", "-c", conf]


RESOLVERS = {"knot-resolver": (_kresd, "127.0.0.54"), "pdns-recursor": (_pdns, "127.0.0.55"),
             "bind": (_named, "127.0.0.56")}


def ask(resolver, name, rdtype, timeout=8):
    query = dns.message.make_query(name, rdtype, want_dnssec=True)
    return dns.query.udp_with_fallback(query, RESOLVERS[resolver][1], timeout=timeout)[0]


def secure(resolver, name, rdtype, asked=ask):
    """The resolver's answer, which must have AD."""
    answer = asked(resolver, name, rdtype)
    assert answer.flags & dns.flags.AD, f"{resolver} does not validate {name} {rdtype}: {answer}"
    return answer


def _answers(resolver):
    try:
        return ask(resolver, APEX, "NS", timeout=1).rcode() == dns.rcode.NOERROR
    except (OSError, dns.exception.Timeout):
        return False


def ds_of(pool):
    """The DS records for the pool's parent, one per line."""
    return [" ".join(line.split()) for line in pool.cli("key", "ds").stdout.splitlines() if line]


def start(machine, ds):
    """Starts all resolvers with empty caches; returns the processes."""
    processes = [machine.start(name, unpacked(argv(machine, address, ds))) for name, (argv, address) in RESOLVERS.items()]
    for name in RESOLVERS:
        until(lambda: _answers(name), 15, f"{name} answers")
    return processes


class Validated:
    """A signed pool and the resolvers that validate it."""

    def __init__(self, machine, form):
        self.machine = machine
        self.pool = SignedPool(machine, form)
        self.missing = dns.rcode.NXDOMAIN if self.pool.denial == "nsec" else dns.rcode.NOERROR  # RFC 9824 6: no NXDOMAIN
        self.ds = ds_of(self.pool)
        start(machine, self.ds)

    def ask(self, resolver, name, rdtype, timeout=8):
        return ask(resolver, name, rdtype, timeout)

    def secure(self, resolver, name, rdtype):
        return secure(resolver, name, rdtype, self.ask)
