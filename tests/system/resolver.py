"""unbound as the validating resolver of the whole machine."""

import dns.flags
import dns.message
import dns.query
import dns.rcode

from machine import RESOLVER, part


class Unbound:
    """Asks one server for `zone` and validates it from a trust anchor. `lines` go into the server clause.

    unbound caches nothing here. The resolver then shows a change as soon as the zone's server answers with it, so the
    tests' limit of one second applies to the server, not to a TTL.
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
        """The resolver's answer, unchecked."""
        query = dns.message.make_query(name, rdtype, want_dnssec=True)
        return dns.query.udp_with_fallback(query, RESOLVER, timeout=5, port=self.port)[0]

    def secure(self, name, rdtype):
        """The sorted texts of a validated RRset (AD). The list is empty for a validated NODATA or NXDOMAIN."""
        answer = self.ask(name, rdtype)
        assert answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN), f"{name} {rdtype}: {answer}"
        assert answer.flags & dns.flags.AD, f"{name} {rdtype} is not validated: {answer}"
        return sorted(record.to_text() for rrset in answer.answer for record in rrset
                      if dns.rdatatype.to_text(rrset.rdtype) == rdtype)

    def missing(self, name):
        """True if the answer is a validated NXDOMAIN."""
        answer = self.ask(name, "A")
        return answer.rcode() == dns.rcode.NXDOMAIN and bool(answer.flags & dns.flags.AD)
