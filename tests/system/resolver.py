"""unbound as the validating resolver of the whole machine."""

import dns.flags
import dns.message
import dns.query
import dns.rcode

from machine import RESOLVER, part


class Unbound:
    """Validates `zone` from a trust anchor and asks one server for it. `lines` go into its server clause.

    Nothing is cached: a change is then seen through the resolver as soon as the zone's server answers with it, and
    the tests' limit of a second judges the server, not a TTL.
    """

    def __init__(self, machine, zone, anchor_file, server="127.0.0.1", lines=(), port=53):
        self.port = port
        conf = machine.write(f"unbound-{port}.conf", "\n".join([
            "server:",
            f"interface: {RESOLVER}",
            f"port: {port}",
            "access-control: 0.0.0.0/0 allow",
            "do-not-query-localhost: no",
            "do-daemonize: no",
            'username: ""',
            'chroot: ""',
            f'directory: "{machine.directory}"',
            'pidfile: ""',
            "use-syslog: no",
            "verbosity: 1",
            "num-threads: 1",
            'module-config: "validator iterator"',
            "val-log-level: 2",
            "cache-max-ttl: 0",
            "cache-max-negative-ttl: 0",
            'local-zone: "test." nodefault',
            f'trust-anchor-file: "{anchor_file}"',
            *lines,
            "remote-control:",
            "control-enable: no",
            "stub-zone:",
            f'name: "{zone}"',
            f"stub-addr: {server}",
        ]) + "\n")
        self.process = machine.start(f"unbound-{port}", [part("usr/sbin/unbound"), "-d", "-c", conf])
        self.process.said("start of service")

    def ask(self, name, rdtype):
        """The resolver's answer, whatever it is."""
        query = dns.message.make_query(name, rdtype, want_dnssec=True)
        return dns.query.udp_with_fallback(query, RESOLVER, timeout=5, port=self.port)[0]

    def secure(self, name, rdtype):
        """The sorted texts of an RRset that validates (AD), or of none: validated NODATA or NXDOMAIN."""
        answer = self.ask(name, rdtype)
        assert answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN), f"{name} {rdtype}: {answer}"
        assert answer.flags & dns.flags.AD, f"{name} {rdtype} is not validated: {answer}"
        return sorted(record.to_text() for rrset in answer.answer for record in rrset
                      if dns.rdatatype.to_text(rrset.rdtype) == rdtype)

    def missing(self, name):
        """True if a validated NXDOMAIN says so."""
        answer = self.ask(name, "A")
        return answer.rcode() == dns.rcode.NXDOMAIN and bool(answer.flags & dns.flags.AD)
