"""The machine's resolver (UDP and TCP port 53), with records that a test changes while it runs."""

import socketserver
import struct
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from machine import RESOLVER


class _Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        octets, own = self.request
        answer = self.server.names.answer(octets, 1232)
        if answer:
            own.sendto(answer, self.client_address)


class _Stream(socketserver.StreamRequestHandler):
    def handle(self):
        (length,) = struct.unpack("!H", self.rfile.read(2))
        answer = self.server.names.answer(self.rfile.read(length), 65535)
        if answer:
            self.wfile.write(struct.pack("!H", len(answer)) + answer)


class Names:
    """`records` is {(name, type): [texts]}, with names without the final dot. `failing` (SERVFAIL) and `mute` (no answer) hold names or
    (name, type)."""

    def __init__(self, ttl):
        self.ttl = ttl
        self.records = {}
        self.failing = set()
        self.mute = set()
        self.asked = []  # (name, type) of each query, in order
        self.servers = []
        for kind, handler in ((socketserver.ThreadingUDPServer, _Datagram), (socketserver.ThreadingTCPServer, _Stream)):
            kind.allow_reuse_address = True
            kind.daemon_threads = True
            server = kind((RESOLVER, 53), handler)
            server.names = self
            self.servers.append(server)
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def answer(self, octets, room):
        query = dns.message.from_wire(octets)
        (question,) = query.question
        name, rdtype = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, rdtype))
        if {name, (name, rdtype)} & self.mute:
            return None
        response = dns.message.make_response(query, recursion_available=True)
        if {name, (name, rdtype)} & self.failing:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response.to_wire()
        while (name, "CNAME") in self.records:
            (target,) = self.records[name, "CNAME"]
            response.answer.append(dns.rrset.from_text(f"{name}.", self.ttl, "IN", "CNAME", f"{target}."))
            name = target
        if (name, rdtype) in self.records:
            response.answer.append(dns.rrset.from_text(f"{name}.", self.ttl, "IN", rdtype, *self.records[name, rdtype]))
        elif not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        wire = response.to_wire(max_size=65535)
        if len(wire) > room:
            response.answer = []
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        return wire
