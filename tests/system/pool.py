"""A pool run by the real programs: state directory, command line, server and probe."""

import json
import os
import re
import signal

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rdatatype

from machine import ROOT, run, until

PRESET = os.environ.get("NTSPOOL_PRESET", "dev")
BIN = ROOT / "build" / PRESET / "bin"
APEX = "pool.test"
SRV = f"_ntske._tcp.{APEX}"

_SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:allocator_may_return_null=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "exitcode=99",
}
_REPORT = re.compile(r"(Address|Leak|Thread|Memory)Sanitizer|runtime error:|^BUG|assertion failed", re.IGNORECASE)


def environment():
    return dict(os.environ, **_SANITIZERS)


def no_report(who, text):
    """Fails if the text contains a sanitizer report."""
    assert not _REPORT.search(text), f"{who}:\n{text}"


class Pool:
    """A pool. `ask` and `send` use the server's first address."""

    def __init__(self, machine, name="pool", address="127.0.0.1", port=53):
        self.machine = machine
        self.name = name
        self.state = machine.directory / f"{name}.state"
        self.address = address
        self.port = port
        self.server = None
        self.probed = None

    def init(self, *options, apex=APEX):
        self.apex = apex
        self.state.mkdir(exist_ok=True)
        self.cli("init", apex, "--ns", f"ns1.{apex}={self.address}", *options)
        # Real pools require two hours of history and a score of 10. Here about three good probes suffice.
        # A test sends all queries from one network, as fast as it can, so response rate limiting is off.
        self.cli("zone", "set", "min-history", "0", "exit-score", "1", "entry-score", "2", "reentry-score", "2", "rrl-rate", "0")
        return self

    def command(self, *args):
        return [BIN / "ntspool", "-s", self.state, *args]

    def cli(self, *args, check=True):
        """Runs `ntspool ARGS`; returns the finished process."""
        done = run(*self.command(*args), check=False, env=environment())
        no_report(f"ntspool {args}", done.stderr)
        assert done.returncode in range(5), f"ntspool {args} ended with {done.returncode}\n{done.stderr}"
        if check:
            assert done.returncode == 0, f"ntspool {args}: {done.stderr}{done.stdout}"
        return done

    def refused(self, *args):
        """Runs a command that must be refused; returns the one line it prints."""
        done = self.cli(*args, check=False)
        assert done.returncode == 1, f"ntspool {args} ended with {done.returncode}: {done.stdout}{done.stderr}"
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1, done.stderr
        return lines[0]

    def json(self, *args):
        return json.loads(self.cli(*args, "--json").stdout)

    def warned(self):
        """What `status` warns of: the texts by id."""
        found = {}
        for warning in self.json("status")["warnings"]:
            found.setdefault(warning["id"], []).append(warning["text"])
        return found

    def add(self, name, *addresses, country="NL", operator=None, options=()):
        flags = [word for address in addresses for word in ("--address", address)]
        return self.cli("member", "add", name, *flags, "--country", country, "--operator", operator or name,
                        "--allow-private", *options)

    def member(self, name):
        return self.json("member", "show", name)

    def begin_to_serve(self, *options, listen=None):
        argv = [BIN / "ntspoold", "-s", self.state]
        for address in listen or [f"{self.address}@{self.port}"]:
            argv += ["--listen", address]
        self.server = self.machine.start(f"{self.name}-ntspoold", [*argv, *options], env=environment())

    def serve(self, *options, listen=None):
        self.begin_to_serve(*options, listen=listen)
        until(self.answers, 20, "ntspoold answers")
        return self.server

    def answers(self):
        if not self.server.running:
            raise RuntimeError(f"ntspoold ended with {self.server.child.returncode}\n{self.server.output()}")
        try:
            return self.ask(self.apex, "SOA", timeout=0.5).answer
        except (OSError, dns.exception.Timeout):
            return None

    def probe(self, trust, *options):
        interval = () if "--interval" in options else ("--interval", "1s")
        self.probed = self.machine.start(f"{self.name}-probed", [
            BIN / "ntspool-probed", "-s", self.state, *interval, "--allow-private", "--trust", trust, *options], env=environment())
        return self.probed

    def vantage(self, name, key=None):
        """Adds a vantage point, on this machine unless `key` is given; returns its key."""
        return self.json("vantage", "add", name, *([key] if key else []))["key"]

    def stop(self, *processes):
        """Stops our programs with SIGTERM; checks their exit status and logs."""
        for process in processes or (self.probed, self.server):
            if process:
                status = process.stop()
                no_report(process.name, process.output())
                assert status == 0, f"{process.name} ended with {status}\n{process.output()}"
        if not processes:
            self.probed = self.server = None

    def kill(self):
        for process in (self.server, self.probed):
            if process:
                os.kill(process.pid, signal.SIGKILL)
                process.child.wait()

    def query(self, name, rdtype, *, dnssec=False, payload=1232, ecs=None, edns=True, flags=0):
        query = dns.message.make_query(name, rdtype, flags=flags)
        if edns:
            options = [dns.edns.ECSOption(*ecs)] if ecs else []
            query.use_edns(0, dns.flags.DO if dnssec else 0, payload, options=options)
        return query

    def ask(self, name, rdtype, *, tcp=False, timeout=3, **options):
        """The response to one query. Over UDP it may be truncated."""
        return self.send(self.query(name, rdtype, **options), tcp=tcp, timeout=timeout)

    def send(self, query, tcp=False, timeout=3):
        if tcp:
            return dns.query.tcp(query, self.address, timeout=timeout, port=self.port)
        return dns.query.udp(query, self.address, timeout=timeout, port=self.port, raise_on_truncation=False)

    def targets(self, rounds=20, **options):
        """The members in the SRV answers to `rounds` queries, without the pool's name."""
        found = set()
        for _ in range(rounds):
            for rrset in self.ask(SRV, "SRV", **options).answer:
                if rrset.rdtype == dns.rdatatype.SRV:
                    found |= {record.target.to_text().removesuffix(f".{self.apex}.") for record in rrset}
        return found - {"."}


def records(message, rdtype, section="answer"):
    """The sorted texts of all records of a type in a section."""
    wanted = dns.rdatatype.from_text(rdtype)
    return sorted(record.to_text() for rrset in getattr(message, section) if rrset.rdtype == wanted for record in rrset)
