"""A pool for `ntspool check`: a signed root and parent zone, two ntspoolds behind proxies, chronyd members, a resolver.

A test breaks it in one way: it changes what a server of the parent has (`Parent`), or what a proxy lets through
(`Front`).
"""

import contextlib
import json
import shutil
import socket
import socketserver
import struct
import threading
import time
from dataclasses import dataclass, field

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec

from authority import Authority
from machine import RESOLVER, run, until
from pool import APEX, Pool, environment, no_report, records
from resolver import Unbound
from timeserver import Chronyd
from validators import ds_of

ROOT_SERVER, PARENT, OTHER_PARENT = "127.0.0.9", "127.0.0.10", "127.0.0.11"
FRONTS = {"ns1": "127.0.0.1", "ns1-v6": "2001:db8:53::1", "ns2": "127.0.0.2"}
BACKENDS = {"ns1": ("127.0.0.1", 5301), "ns1-v6": ("127.0.0.1", 5301), "ns2": ("127.0.0.1", 5302)}
BROKEN_RESOLVER = "127.0.0.54"
DEAD = "127.0.0.99"  # nothing listens there
GOOD = ("alice", "bob", "carol", "dave", "eve")
PARENT_TTL = 3600

_ECDSA = 13


# -- servers of bytes: `answer(octets, tcp)` gives the response, or None --

class _Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        octets, own = self.request
        answer = self.server.answer(octets, False)
        if answer:
            own.sendto(answer, self.client_address)


class _Stream(socketserver.StreamRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError, struct.error):
            while True:
                (length,) = struct.unpack("!H", self.rfile.read(2))
                answer = self.server.answer(self.rfile.read(length), True)
                if answer is None:
                    return
                for octets in [struct.pack("!H", len(answer)) + answer] if isinstance(answer, bytes) else answer:
                    self.wfile.write(octets)


class Listener:
    """Answers on one address, UDP and TCP."""

    def __init__(self, address, answer):
        self.servers = []
        for kind, handler in ((socketserver.UDPServer, _Datagram), (socketserver.ThreadingTCPServer, _Stream)):
            kind = type(kind.__name__, (kind,), {
                "allow_reuse_address": True, "daemon_threads": True, "request_queue_size": 64,
                "address_family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "handle_error": lambda *_: None})
            server = kind((address, 53), handler)
            server.answer = answer
            self.servers.append(server)
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()


# -- the root and the parent zone --

def _rrset(name, ttl, rdtype, *data):
    return dns.rrset.from_text(name, ttl, "IN", rdtype, *data)


class _Signer:
    """The only key of a zone."""

    def __init__(self, zone):
        self.zone = dns.name.from_text(zone)
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.dnskey = dns.dnssec.make_dnskey(self.private.public_key(), _ECDSA, flags=257)
        self.ds = dns.dnssec.make_ds(self.zone, self.dnskey, "SHA256")
        self.made = {}

    def sign(self, rrset):
        text = rrset.to_text()
        if text not in self.made:
            rrsig = dns.dnssec.sign(rrset, self.private, self.zone, self.dnskey,
                                    inception=time.time() - 3600, expiration=time.time() + 7 * 86400)
            self.made[text] = dns.rrset.from_rdata(rrset.name, rrset.ttl, rrsig)
        return self.made[text]


@dataclass
class Delegation:
    """What a server of the parent says of the pool."""
    ns: list
    glue: dict  # {name: [addresses]}
    ds: list  # texts
    ds_ttl: int = PARENT_TTL


class Parent:
    """The root and the pool's parent zone, on several addresses; the first is the root's. Each address has a Delegation
    of its own, which tests change."""

    def __init__(self, delegation, addresses, apex=APEX):
        self.addresses = addresses
        self.apex = dns.name.from_text(apex)
        self.root, self.zone = _Signer("."), _Signer(self.apex.parent().to_text())
        self.server = f"ns.{self.zone.zone}"
        self.delegations = {address: delegation() for address in addresses}
        self.dsync = []  # texts of the records at `_dsync.<the pool's parent>`
        self.listeners = [Listener(address, lambda octets, tcp, at=address: self.answer(octets, tcp, at))
                          for address in addresses]

    def close(self):
        for listener in self.listeners:
            listener.close()

    def _fixed(self, name, rdtype):
        """The records of the two zones themselves."""
        for signer, server in ((self.root, "a.root."), (self.zone, self.server)):
            rows = {"SOA": [f"{server} hostmaster.{self.zone.zone} 1 3600 600 86400 60"], "NS": [server],
                    "DNSKEY": [signer.dnskey.to_text()]}
            if name == signer.zone and rdtype in rows:
                return signer, rows[rdtype]
        if name == self.zone.zone and rdtype == "DS":
            return self.root, [self.zone.ds.to_text()]
        if name == dns.name.from_text("_dsync", self.zone.zone) and rdtype == "TYPE66":
            return self.zone, self.dsync
        addresses = {"a.root.": (self.root, self.addresses[:1]), self.server: (self.zone, self.addresses[1:])}
        signer, found = addresses.get(name.to_text().lower(), (None, None))
        return (signer, found) if found and rdtype == "A" else (None, None)

    def _add(self, section, signer, rrset):
        section.append(rrset)
        section.append(signer.sign(rrset))

    def _deny(self, response, signer, name, types):
        """NODATA, with an NSEC for the name alone (RFC 4470)."""
        soa = _rrset(signer.zone, 60, "SOA", self._fixed(signer.zone, "SOA")[1][0])
        self._add(response.authority, signer, soa)
        self._add(response.authority, signer, self._nsec(name, types))

    @staticmethod
    def _nsec(name, types):
        return _rrset(name, 60, "NSEC", f"\\000.{name.to_text()} {types}")

    def _refer_to_zone(self, response):
        """A referral of the root to the parent zone."""
        response.authority.append(_rrset(self.zone.zone, PARENT_TTL, "NS", self.server))
        self._add(response.authority, self.root, _rrset(self.zone.zone, PARENT_TTL, "DS", self.zone.ds.to_text()))
        response.additional.append(_rrset(self.server, PARENT_TTL, "A", *self.addresses[1:]))

    def _refer(self, response, delegation):
        """A referral to the pool (RFC 4035 3.1.4)."""
        response.authority.append(_rrset(self.apex, PARENT_TTL, "NS", *delegation.ns))
        if delegation.ds:
            self._add(response.authority, self.zone, _rrset(self.apex, delegation.ds_ttl, "DS", *delegation.ds))
        else:
            self._add(response.authority, self.zone, self._nsec(self.apex, "NS RRSIG NSEC"))
        for name, addresses in delegation.glue.items():
            for rdtype in ("A", "AAAA"):
                found = [address for address in addresses if (":" in address) == (rdtype == "AAAA")]
                if found:
                    response.additional.append(_rrset(name, PARENT_TTL, rdtype, *found))

    def answer(self, octets, _tcp, address):
        query = dns.message.from_wire(octets)
        (question,) = query.question
        name, rdtype = question.name, dns.rdatatype.to_text(question.rdtype)
        delegation = self.delegations[address]
        response = dns.message.make_response(query)
        below = name.is_subdomain(self.zone.zone) and (name, rdtype) != (self.zone.zone, "DS")
        if address == self.addresses[0] and below:
            self._refer_to_zone(response)
        elif name == self.apex and rdtype == "DS" and delegation.ds:
            response.flags |= dns.flags.AA
            self._add(response.answer, self.zone, _rrset(name, delegation.ds_ttl, "DS", *delegation.ds))
        elif name == self.apex and rdtype == "DS":
            response.flags |= dns.flags.AA
            self._deny(response, self.zone, name, "NS RRSIG NSEC")
        elif name.is_subdomain(self.apex):
            self._refer(response, delegation)
        else:
            response.flags |= dns.flags.AA
            signer, found = self._fixed(name, rdtype)
            if found:
                self._add(response.answer, signer, _rrset(name, PARENT_TTL, rdtype, *found))
            else:
                self._deny(response, self.zone if name.is_subdomain(self.zone.zone) else self.root, name, "RRSIG NSEC")
        return response.to_wire(max_size=65535)


# -- proxies --

def edit(change, rdtype=None):
    """A way that changes responses: `change(query, response)` changes the response in place, or returns another one.
    With `rdtype` only the responses to such questions."""
    def way(front, octets, tcp):
        answer = front.ask(octets, tcp)
        query = dns.message.from_wire(octets)
        if answer is None or rdtype and dns.rdatatype.to_text(query.question[0].rdtype) not in rdtype.split():
            return answer
        response = dns.message.from_wire(answer)
        return (change(query, response) or response).to_wire(max_size=65535)
    return way


class Front:
    """A server's address. `way(front, octets, tcp)` gives the response to a query; None: all passes as it is."""

    def __init__(self, address, backend):
        self.backend = backend
        self.way = None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.connect(backend)
        self.listener = Listener(address, self.answer)

    def close(self):
        self.listener.close()
        self.socket.close()

    def ask(self, octets, tcp):
        """The server's own response."""
        if not tcp:
            self.socket.send(octets)
            with contextlib.suppress(OSError):
                while True:
                    answer = self.socket.recv(65535)
                    if answer[:2] == octets[:2]:
                        return answer
            return None
        with socket.create_connection(self.backend, timeout=5) as stream, stream.makefile("rb") as answers:
            stream.sendall(struct.pack("!H", len(octets)) + octets)
            (length,) = struct.unpack("!H", answers.read(2))
            return answers.read(length)

    def answer(self, octets, tcp):
        return self.way(self, octets, tcp) if self.way else self.ask(octets, tcp)


# -- the bed --

@dataclass
class Findings:
    """The result of a check."""
    status: int
    json: dict
    stderr: str
    rows: list = field(init=False)

    def __post_init__(self):
        self.rows = [(row["level"], row["id"], row["subject"] or "", row["text"]) for row in self.json["findings"]]

    def bad(self):
        """The identifiers with a warning or an error."""
        return {identifier for level, identifier, _, _ in self.rows if level in ("warning", "error")}

    def texts(self, identifier):
        return [f"{subject}: {text}" for _, known, subject, text in self.rows if known == identifier]


class Bed:
    """A healthy pool. The members of `GOOD` are handed out; others are added by tests."""

    def __init__(self, machine):
        self.machine = machine
        machine.add_address(*(address for address in FRONTS.values() if ":" in address))
        self.authority = Authority(machine.directory)
        self.trust = self.authority.path
        self.pools = self._pools()
        self.fronts = {name: Front(FRONTS[name], BACKENDS[name]) for name in FRONTS}
        self.ds = [" ".join(line.split("DS", 1)[1].split()) for line in ds_of(self.pools[0])]
        self.parent = Parent(self.delegation, [ROOT_SERVER, PARENT, OTHER_PARENT])
        self.hints = machine.write("root.hints", f". 3600 IN NS a.root.\na.root. 3600 IN A {ROOT_SERVER}\n")
        self.anchor = machine.write("root.anchor", f". IN DS {self.parent.root.ds.to_text()}\n")
        anchor = machine.write("pool.anchor", "".join(line + "\n" for line in ds_of(self.pools[0])))
        self.resolver = Unbound(machine, APEX, anchor)
        self.broken_resolver = Front(BROKEN_RESOLVER, (RESOLVER, 53))
        self.members = {}
        for number, name in enumerate(GOOD):
            self.chronyd(name, self.addresses(number))

    @staticmethod
    def addresses(number):
        """Addresses in networks of their own."""
        return [f"127.1.{number}.1", f"2001:db8:{100 + number}::1"]

    def delegation(self):
        return Delegation(ns=[f"ns1.{APEX}.", f"ns2.{APEX}."],
                          glue={f"ns1.{APEX}.": [FRONTS["ns1"], FRONTS["ns1-v6"]], f"ns2.{APEX}.": [FRONTS["ns2"]]},
                          ds=list(self.ds))

    def _pools(self):
        """Two ntspoolds; the second has a copy of the state of the first."""
        first = Pool(self.machine, name="ns1", port=5301)
        first.state.mkdir()
        first.apex = APEX
        first.cli("init", APEX, "--ns", f"ns1.{APEX}={FRONTS['ns1']},{FRONTS['ns1-v6']}")
        first.cli("zone", "ns", "add", f"ns2.{APEX}={FRONTS['ns2']}")
        first.cli("zone", "set", "rrl-rate", "0")
        for number, name in enumerate(GOOD):
            first.add(name, *self.addresses(number), operator="alice" if name == "eve" else name)
        first.cli("member", "override", "--all", "eligible")
        second = Pool(self.machine, name="ns2", port=5302)
        second.apex = APEX
        shutil.copytree(first.state, second.state)
        first.serve("--nsid", "ns1")
        second.serve("--nsid", "ns2")
        return first, second

    def cli(self, *args):
        """A change of both states."""
        for pool in self.pools:
            pool.cli(*args)

    def chronyd(self, name, addresses, **options):
        days = options.pop("days", (-1, 60))
        certificate = self.authority.issue(name, [options.pop("certified", f"{name}.{APEX}")], *days)
        self.machine.add_address(*(address for address in addresses if ":" in address))
        self.members[name] = Chronyd(self.machine, name, addresses, *certificate, **options)

    def member(self, name, *addresses):
        """Registers a member at both servers and lets it be handed out."""
        for pool in self.pools:
            pool.add(name, *addresses)
        self.cli("member", "override", name, "eligible")

    def gone(self, pool, name):
        """Waits until the server no longer hands the member out."""
        until(lambda: name not in pool.targets(), 20, f"{name} is out at {pool.name}")

    @contextlib.contextmanager
    def settled(self):
        """Waits until both servers answer with what their states have."""
        for pool in self.pools:
            serial = str(pool.json("zone", "show")["serial"])
            until(lambda: records(pool.ask(APEX, "SOA"), "SOA")[0].split()[2] == serial, 20,
                  f"serial {serial} at {pool.name}")
        yield

    def run(self, *options, state=True, env=None, resolver=None):
        """Runs `ntspool check`."""
        pool = self.pools[0]
        nowhere = [pool.command()[0], "-s", self.machine.directory / "none", "check", APEX]
        done = run(*(pool.command("check") if state else nowhere), "--root-hints", self.hints, "--anchor", self.anchor,
                   "--trust", self.trust, "--allow-private", "--resolver", resolver or RESOLVER, *options,
                   check=False, env=dict(environment(), **(env or {})))
        no_report("ntspool check", done.stderr)
        return done

    def check(self, *options, state=True, env=None, resolver=None):
        """Runs `ntspool check --json`."""
        done = self.run(*options, "--json", state=state, env=env, resolver=resolver)
        assert done.returncode in (0, 1), f"{done.returncode}: {done.stderr}"
        return Findings(done.returncode, json.loads(done.stdout), done.stderr)

    @contextlib.contextmanager
    def way(self, way, *fronts):
        """Breaks these servers, else all."""
        broken = [self.fronts[name] for name in fronts or FRONTS]
        for front in broken:
            front.way = way
        try:
            yield
        finally:
            for front in broken:
                front.way = None

    @contextlib.contextmanager
    def delegated(self, change, *addresses):
        """Changes what these servers of the parent have, else all."""
        before = dict(self.parent.delegations)
        for address in addresses or before:
            self.parent.delegations[address] = self.delegation()
            change(self.parent.delegations[address])
        try:
            yield
        finally:
            self.parent.delegations.update(before)

    @contextlib.contextmanager
    def undelegated(self):
        """The parent does not know the pool."""
        apex, self.parent.apex = self.parent.apex, dns.name.from_text("another.test")
        try:
            yield
        finally:
            self.parent.apex = apex

    def close(self):
        for front in [*self.fronts.values(), self.broken_resolver]:
            front.close()
        self.parent.close()
        for pool in self.pools:
            pool.stop()


def ask_once(address, name, rdtype, **options):
    return dns.query.udp(dns.message.make_query(name, rdtype, **options), address, timeout=3, raise_on_truncation=False)


def shows(bed, name):
    """Waits until both servers hand the member out."""
    for pool in bed.pools:
        until(lambda: name in pool.targets(), 20, f"{name} in the answers of {pool.name}")
